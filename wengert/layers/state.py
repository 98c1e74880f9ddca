"""The parameters and buffers of a layer: found by walking its attributes, replaced by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.refusals import plain_array
from wengert.core.variable import Parameter
from wengert.custom.fields import restore

__all__ = ["State", "fitting", "members", "renamed", "under_first_names"]


class State(NamedTuple):
    """A parameter or buffer, and where it is held."""

    layer: Any
    holder: Any  # the attributes of the layer, or a list or dict in them, and the key in it
    value: Any

    @property
    def is_unmade(self) -> bool:
        """Whether it is lazy: a parameter whose data is None, an empty buffer."""
        return is_unmade(self.value)

    def unmake(self) -> None:
        """Undo `assign` for a lazy parameter or buffer."""
        if isinstance(self.value, Parameter):
            restore(self.value, array=None)
        else:
            self.replace(self.value)

    def assign(self, array: Any) -> None:
        """Write new values: in place where possible, since other arrays may alias the memory."""
        old = self.value.data if isinstance(self.value, Parameter) else self.value
        if old is None:
            array = array.astype(vars(self.layer).get("dtype", array.dtype), copy=False)
        if old is not None and old.flags.writeable and (old.shape, old.dtype) == (array.shape, array.dtype):
            np.copyto(old, array)
            if isinstance(self.value, Parameter):
                self.value.data = old  # so that backward of graphs recorded before raises
        else:
            self.replace(np.array(array))

    def replace(self, array: Any) -> None:
        """Replace the array."""
        if isinstance(self.value, Parameter):
            self.value.data = array
            self.value.cleargrad()
            return
        container, key = self.holder
        if isinstance(container, tuple):
            raise TypeError(
                f"a buffer in a tuple of {type(self.layer).__name__} cannot be replaced; hold it in a list, or by name"
            )
        container[key] = array


def is_unmade(value: Any) -> bool:
    """Whether a parameter or buffer is lazy: it waits for the size of an input."""
    return value.data is None if isinstance(value, Parameter) else value.ndim > 0 and value.size == 0


def members(attributes: dict[str, Any], kind: type) -> list[tuple[str, tuple[Any, Any], Any]]:
    """Return the parameters, buffers and layers among `attributes`: (dotted name, (container, key), value)."""
    found: list[tuple[str, tuple[Any, Any], Any]] = []
    for name, value in attributes.items():
        # (called in every optimizer step: the most frequent types are tested first)
        if type(value) in PLAIN:
            continue
        if isinstance(value, (Parameter, kind)):
            found.append((name, (attributes, name), value))
        elif isinstance(value, np.ndarray):
            if name[0] != "_":
                found.append((name, (attributes, name), value))
        elif isinstance(value, (list, tuple, dict)):
            found += nested_members(name, value, kind)
    return found


PLAIN = frozenset({bool, int, float, str, type(None), np.dtype, FunctionType})


def nested_members(name: str, container: Any, kind: type) -> Iterator[tuple[str, tuple[Any, Any], Any]]:
    """Yield the parameters, buffers and layers in a list, tuple or dict, to any depth."""
    ahead: list[tuple[str, Any, Any, Any]] = [(name, None, None, container)]
    around: set[int] = set()  # guards against containers that contain themselves
    while ahead:
        name, holder, key, value = ahead.pop()
        if isinstance(value, (Parameter, kind)):
            yield name, (holder, key), value
        elif isinstance(value, np.ndarray):
            if not name.startswith("_"):
                yield name, (holder, key), value
        elif isinstance(value, (list, tuple)) and id(value) not in around:
            around.add(id(value))
            ahead += [(f"{name}.{i}", value, i, v) for i, v in reversed(list(enumerate(value)))]
        elif isinstance(value, dict) and id(value) not in around:
            around.add(id(value))
            ahead += [(f"{name}.{k}", value, k, v) for k, v in reversed(list(value.items()))]


def renamed(
    arrays: Mapping[str, Any], names: Mapping[str, str | None] | Callable[[str], str | None] | None
) -> dict[str, Any]:
    """Rename `arrays` to our names."""
    if not (names is None or callable(names) or isinstance(names, Mapping)):
        raise TypeError(f"names must be a mapping or a function of names, but got {describe(names)}")
    if not all(isinstance(name, str) for name in (*arrays, *(names if isinstance(names, Mapping) else ()))):
        raise TypeError(f"the names of a state must be of type str, but got {describe(arrays)} and {describe(names)}")
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for theirs in arrays:
        ours = name_for(theirs, names)
        if ours is None:
            continue
        if not isinstance(ours, str):
            raise TypeError(f"the names of a state must be of type str, or None, but that of {theirs!r} is {ours!r}")
        if ours in found:
            raise ValueError(
                f"two arrays are both mapped to {ours!r}: {origin[ours]!r} and {theirs!r}; map one to None"
            )
        found[ours], origin[ours] = arrays[theirs], theirs
    if names is not None and not callable(names):
        unused = [k for k in names if not k.endswith(".") and k not in arrays]
        if unused:
            raise ValueError(
                f"names has {', '.join(map(repr, unused))}, but the arrays are {', '.join(map(repr, arrays))}"
            )
    return found


def name_for(theirs: str, names: Any) -> str | None:
    """Map one of their names to ours."""
    if names is None:
        return theirs
    if callable(names):
        return names(theirs)  # type: ignore[no-any-return]
    if theirs in names:
        return names[theirs]  # type: ignore[no-any-return]
    prefixes = [k for k in names if k.endswith(".") and theirs.startswith(k)]
    if not prefixes:
        return theirs
    longest = max(prefixes, key=len)
    ours = names[longest]
    return None if ours is None else ours + theirs[len(longest) :]


def under_first_names(given: dict[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    """Move arrays of shared parameters to the first of their names; raise ValueError if two of them differ."""
    found = {name: array for name, array in given.items() if name not in others}
    for name, array in given.items():
        if name in others:
            first = others[name]
            if not np.array_equal(found.setdefault(first, array), array, equal_nan=True):
                raise ValueError(
                    f"{first!r} and {name!r} are one shared array here, but the arrays given for them differ; "
                    f"map one of them to None by names={{...}}"
                )
    return found


def fitting(whose: str, ours: dict[str, Any], given: dict[str, Any], strict: bool) -> dict[str, Any]:
    """Return those of `given` that are in `ours`, with our dtype; raise ValueError for those that do not match."""
    missing = [name for name in ours if name not in given]
    unexpected = [name for name in given if name not in ours]
    misshapen = []
    fitted = {}
    for name, array in given.items():
        if name not in ours:
            continue
        if not hasattr(array, "dtype") or not hasattr(array, "shape") or isinstance(array, (type, np.ma.MaskedArray)):
            raise TypeError(f"the state {name!r} must be an ndarray, but got {describe(array)}")
        if isinstance(array, np.ndarray) and type(array) is not np.ndarray:
            array = plain_array(f"the state {name!r}", array)
        array = np.asarray(array)
        like = ours[name].data if isinstance(ours[name], Parameter) else ours[name]
        if array.dtype.kind not in "biufc" or (like is not None and not np.can_cast(array, like.dtype, "same_kind")):
            wanted = "numbers" if like is None else f"numbers that convert to {like.dtype}"
            raise TypeError(f"the state {name!r} must be {wanted}, but got {describe(array)}; convert it first")
        waits = is_unmade(ours[name]) and (like is None or like.ndim == array.ndim)
        if not waits and array.shape != like.shape:
            misshapen.append(f"{name} has the shape {like.shape}, but got {array.shape}")
        else:
            fitted[name] = array if like is None else array.astype(like.dtype, copy=False)
    faults = [f"{name} is missing" for name in missing] if strict else []
    faults += [f"{name} is unexpected" for name in unexpected] if strict else []
    faults += misshapen
    if faults:
        raise ValueError(
            f"the state does not fit {whose}:\n  "
            + "\n  ".join(faults)
            + "\nMake a model of these sizes, map names with names={...}, or load a part with strict=False"
        )
    return fitted
