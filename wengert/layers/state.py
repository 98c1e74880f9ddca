"""What a layer holds: found by walking its attributes, exchanged by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from wengert.core.errors import describe
from wengert.core.variable import Parameter, restore

__all__ = ["State", "fitting", "members", "renamed", "under_first_names"]


class State(NamedTuple):
    """A parameter or buffer, and where it is held."""

    layer: Any
    holder: Any  # the attributes of the layer, or a list or dict in them, and the key there
    value: Any

    @property
    def is_unmade(self) -> bool:
        """Whether it waits for the size of an input: a parameter of None, a buffer of no numbers."""
        return is_unmade(self.value)

    def unmake(self) -> None:
        """Take back what `assign` gave to one that was not made."""
        if isinstance(self.value, Parameter):
            restore(self.value, array=None)
        else:
            self.replace(self.value)

    def assign(self, array: Any) -> None:
        """Give it new numbers: in place where it can be, since others may look into the same memory."""
        old = self.value.data if isinstance(self.value, Parameter) else self.value
        if old is None:
            array = array.astype(vars(self.layer).get("dtype", array.dtype), copy=False)
        if old is not None and old.flags.writeable and (old.shape, old.dtype) == (array.shape, array.dtype):
            np.copyto(old, array)
            if isinstance(self.value, Parameter):
                self.value.data = old  # so that graphs recorded before are told
        else:
            self.replace(np.array(array))

    def replace(self, array: Any) -> None:
        """Put another array in its place."""
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
    """Whether a parameter or buffer waits for the size of an input."""
    return value.data is None if isinstance(value, Parameter) else value.ndim > 0 and value.size == 0


def members(attributes: dict[str, Any], kind: type) -> list[tuple[str, tuple[Any, Any], Any]]:
    """Return the parameters, buffers and layers among `attributes`: (dotted name, (container, key), value)."""
    found: list[tuple[str, tuple[Any, Any], Any]] = []
    for name, value in attributes.items():
        # (every optimizer's step comes through here: what most attributes are is told apart first)
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
    around: set[int] = set()  # containers that hold themselves
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
    """Give `arrays` our names."""
    found: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for theirs in arrays:
        ours = name_for(theirs, names)
        if ours is None:
            continue
        if ours in found:
            raise ValueError(f"two arrays are both to be {ours!r}: {origin[ours]!r} and {theirs!r}; map one to None")
        found[ours], origin[ours] = arrays[theirs], theirs
    if names is not None and not callable(names):
        unused = [k for k in names if not k.endswith(".") and k not in arrays]
        if unused:
            raise ValueError(
                f"names has {', '.join(map(repr, unused))}, but the arrays are {', '.join(map(repr, arrays))}"
            )
    return found


def name_for(theirs: str, names: Any) -> str | None:
    """Our name for an array of theirs."""
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
    """Give arrays of what is shared the first of its names; raise ValueError if two for one differ."""
    found = {name: array for name, array in given.items() if name not in others}
    for name, array in given.items():
        if name in others:
            first = others[name]
            if not np.array_equal(found.setdefault(first, array), array, equal_nan=True):
                raise ValueError(
                    f"{first!r} and {name!r} are one array here, which is shared, but their arrays differ; "
                    f"map one of them to None by names={{...}}"
                )
    return found


def fitting(whose: str, ours: dict[str, Any], given: dict[str, Any], strict: bool) -> dict[str, Any]:
    """Return those of `given` that are of `ours`, with their dtype; raise ValueError for those that do not fit."""
    missing = [name for name in ours if name not in given]
    unexpected = [name for name in given if name not in ours]
    misshapen = []
    fitted = {}
    for name, array in given.items():
        if name not in ours:
            continue
        if not hasattr(array, "dtype") or not hasattr(array, "shape"):
            raise TypeError(f"the state {name!r} must be an ndarray, but got {describe(array)}")
        array = np.asarray(array)
        like = ours[name].data if isinstance(ours[name], Parameter) else ours[name]
        if array.dtype.kind not in "biufc" or (like is not None and not np.can_cast(array, like.dtype, "same_kind")):
            wanted = "numbers" if like is None else f"numbers that {like.dtype} can hold"
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
            + "\nMake the model with the sizes of the state, map names by names={...}, or load a part by strict=False"
        )
    return fitted
