"""What a Function keeps on itself: attributes, copied for each call, compared, and merged.

A user's `forward` may keep arrays in attributes, in nested lists and dicts, on objects of its own, or
in a closure. A call must find its own again, and not those of another call of the same instance.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterator
from types import CellType, FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np

from wengert.checks.errors import GraphError
from wengert.core.function import Function
from wengert.core.variable import Variable

__all__ = ["attributes", "copy_attributes", "fresh_copy", "holds_arrays", "merged", "names_kept", "set_attributes"]

HEAP_TYPE = 1 << 9  # a class that Python code made (Py_TPFLAGS_HEAPTYPE)
MISSING = object()


@functools.lru_cache(256)
def slots_of(kind: type) -> list[str]:
    """Name the slots of a class that are its user's: those of the engine's own classes are not."""
    names: list[str] = []
    for base in kind.__mro__:
        if not base.__module__.startswith("wengert."):
            slots = base.__dict__.get("__slots__", ())
            for name in [slots] if isinstance(slots, str) else slots:
                private = name.startswith("__") and not name.endswith("__")
                names.append(f"_{base.__name__.lstrip('_')}{name}" if private else name)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def attributes(holder: Any) -> dict[str, Any]:
    """Return what is kept on an object, in its ``__dict__`` and its slots."""
    found = dict(getattr(holder, "__dict__", ()))
    kind: Any = type(holder)
    for name in slots_of(kind):
        value = getattr(holder, name, MISSING)
        if value is not MISSING:
            found[name] = value
    return found


def set_attributes(holder: Any, values: dict[str, Any]) -> None:
    """Keep `values` on an object, in place of what it keeps."""
    for name in attributes(holder).keys() - values.keys():
        object.__delattr__(holder, name)
    for name, value in values.items():
        object.__setattr__(holder, name, value)


def is_plain_object(value: Any) -> bool:
    """Whether `value` is an object of a class in plain Python, which is no more than its attributes."""
    kind = type(value)
    if kind is SimpleNamespace:
        return True
    if isinstance(value, Function):
        return value._edges is None  # a call that is recorded keeps its own
    if isinstance(value, (Variable, type)):
        return False
    return all(base is object or base.__flags__ & HEAP_TYPE for base in kind.__mro__) and all(
        getattr(kind, name) is getattr(object, name) for name in ("__new__", "__reduce__", "__reduce_ex__")
    )


def parts(value: Any) -> dict[Any, Any] | None:
    """Return what a container or a plain object holds, or None for anything else."""
    if isinstance(value, (list, tuple, deque)):
        return dict(enumerate(value))
    if isinstance(value, dict):
        return dict(value)
    return attributes(value) if is_plain_object(value) else None


def fill(value: Any, held: dict[Any, Any]) -> Any:
    """Put `held` in place of what a fresh container or plain object holds; return it."""
    if isinstance(value, tuple):
        kind: Any = type(value)
        return kind._make(held.values()) if hasattr(kind, "_make") else kind(held.values())
    if isinstance(value, (list, deque)):
        value.clear()
        value.extend(held.values())
    elif isinstance(value, dict):
        value.clear()
        value.update(held)
    else:
        set_attributes(value, held)
    return value


def copied(value: Any, of_array: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    """Copy nested containers and plain objects; of each array take `of_array`, and share all else.

    `memo` maps the ids of objects to what stands for them in the copy.
    """
    if id(value) in memo:
        return memo[id(value)]
    if type(value) is np.ndarray:
        made = of_array(value)
    elif isinstance(value, set):
        made = value.copy()
    elif isinstance(value, MethodType) and id(value.__self__) in memo:
        made = MethodType(value.__func__, memo[id(value.__self__)])
    else:
        held = parts(value)
        if held is None:
            return value
        if isinstance(value, tuple):
            made = fill(value, {k: copied(v, of_array, memo) for k, v in held.items()})
        else:
            made = value.copy() if isinstance(value, (list, dict, deque)) else _blank(value)
            memo[id(value)] = made
            fill(made, {k: copied(v, of_array, memo) for k, v in held.items()})
    memo[id(value)] = made
    return made


def _blank(value: Any) -> Any:
    kind: Any = type(value)
    return kind.__new__(kind)


def same(old: Any, new: Any, seen: set[int]) -> bool:
    """Whether nothing was set or filled in `new` since `old` was copied of it."""
    if id(new) in seen:
        return True
    if isinstance(new, set):
        return type(old) is type(new) and old == new
    held = parts(new)
    if held is None:
        return old is new or (isinstance(new, MethodType) and isinstance(old, MethodType) and old == new)
    seen.add(id(new))
    before = parts(old) if type(old) is type(new) else None
    return before is not None and list(before) == list(held) and all(same(before[k], v, seen) for k, v in held.items())


def copy_attributes(f: Function, to: Function, of_array: Callable[[Any], Any], values: Any = None) -> dict[str, Any]:
    """Copy what is kept on `f` (or `values`) to be kept on `to`, deep enough to see what a call changes."""
    values = attributes(f) if values is None else values
    memo = {id(f): to}
    return {k: copied(v, of_array, memo) for k, v in values.items()} if values else {}


def fresh_copy(f: Function) -> Function:
    """Copy a Function to be called for itself: neither call finds what the other keeps."""
    made = type(f).__new__(type(f))
    values = attributes(f)
    if not values:
        return made
    _, names = (f._notes or {}).get("kept") or (None, ())
    # An array that forward has made is its own; one that it was given may be a buffer to write into.
    made_by_call = {id(values[name]) for name in names if name in values}

    def own(array: Any) -> Any:
        return array if id(array) in made_by_call or not array.flags.writeable else array.copy()

    set_attributes(made, copy_attributes(f, made, own))
    return made


def names_kept(f: Function, before: dict[str, Any]) -> set[str]:
    """Name the attributes that `forward` has set, or filled, since `before`."""
    return {k for k, v in attributes(f).items() if k not in before or not same(before[k], v, {id(f)})}


def everything(value: Any, seen: set[int]) -> Iterator[Any]:
    """Walk `value` and all that it holds, in containers, plain objects and closures."""
    if id(value) in seen:
        return
    seen.add(id(value))
    yield value
    for held in (parts(value) or _parts_of_function(value) or {}).values():
        yield from everything(held, seen)


def holds_arrays(values: Any) -> bool:
    """Whether writeable arrays are somewhere in `values`."""
    return any(type(v) is np.ndarray and v.flags.writeable for v in everything(values, set()))


def _parts_of_function(value: Any) -> dict[Any, Any]:
    """Return what a function carries with it: its closure and defaults, or a method's object."""
    if isinstance(value, functools.partial):
        return {"func": value.func, "args": value.args, "keywords": value.keywords}
    if isinstance(value, MethodType):
        return {"self": value.__self__}
    if not isinstance(value, FunctionType):
        return {}
    cells = dict(zip(value.__code__.co_freevars, map(_content, value.__closure__ or ()), strict=True))
    return {**cells, "defaults": value.__defaults__, "keyword defaults": value.__kwdefaults__}


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return MISSING


def merged(old: Any, new: Any, name: str, memo: dict[int, Any]) -> Any:
    """Take from `new`, kept on a run on Variables, what carries a graph, and from `old` all else.

    (All else are masks and random numbers: those of the first run hold.)
    """
    if old is new:
        return new
    if id(new) in memo:
        return memo[id(new)]
    if isinstance(new, Variable):
        if np.shape(old) != new.shape or not np.allclose(old, new._data, rtol=1e-4, atol=0, equal_nan=True):
            raise _differs(name)
        return new
    held, before = (parts(new), parts(old)) if type(new) is type(old) else (None, None)
    if held is not None and before is not None and held.keys() == before.keys():
        if isinstance(new, tuple):
            return fill(new, {k: merged(before[k], v, f"{name}[{k!r}]", memo) for k, v in held.items()})
        memo[id(new)] = new
        return fill(new, {k: merged(before[k], v, f"{name}[{k!r}]", memo) for k, v in held.items()})
    inside, inside_before = _parts_of_function(new), _parts_of_function(old)
    if not any(isinstance(v, Variable) for v in everything(new, set())):
        return new if callable(new) and not inside else old
    if not inside or inside.keys() != inside_before.keys():
        raise _differs(name)
    return _function(new, {k: merged(inside_before[k], v, f"{name}: {k}", memo) for k, v in inside.items()})


def _function(like: Any, inside: dict[str, Any]) -> Any:
    """Make the function that is `like`, with other values in its closure."""
    if isinstance(like, functools.partial):
        return functools.partial(inside["func"], *inside["args"], **inside["keywords"])
    if isinstance(like, MethodType):
        return MethodType(like.__func__, inside["self"])
    *cells, defaults, keywords = inside.values()
    closure = tuple(CellType() if v is MISSING else CellType(v) for v in cells)
    made = FunctionType(like.__code__, like.__globals__, like.__name__, defaults, closure)
    made.__kwdefaults__ = keywords
    return made


def _differs(name: str) -> GraphError:
    return GraphError(
        f"forward must keep the same values when it runs again for create_graph, but {name} differs; "
        "draw random numbers in __init__, or keep them on self apart from what is computed with them"
    )
