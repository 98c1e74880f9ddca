"""Where a function finds arrays, beside its arguments: by the names in its code, and in what these refer to.

A `Place` is a spot that holds an array, a number, or anything else that a call depends on: an attribute, an element of
a list or dict, a variable of an enclosing function, a global. What is found is found by walking objects, so that
nothing has to be declared.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.core.variable import Variable

__all__ = ["Place", "Places", "find"]

SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, type, range, slice, type(Ellipsis))
LEFT_ALONE = (
    types.ModuleType,
    types.FrameType,
    types.CodeType,
    types.GeneratorType,
    types.BuiltinFunctionType,
    np.ufunc,
)


class Place(NamedTuple):
    """A spot that holds a value: by attribute, by index or key, or in a cell."""

    kind: str  # "attribute", "item" or "cell"
    holder: Any
    key: Any
    path: str

    def get(self) -> Any:
        if self.kind == "attribute":
            return getattr(self.holder, self.key, None)
        if self.kind == "item":
            return self.holder[self.key]
        return self.holder.cell_contents

    def set(self, value: Any) -> None:
        if self.kind == "attribute":
            object.__setattr__(self.holder, self.key, value)
        elif self.kind == "item":
            self.holder[self.key] = value
        else:
            self.holder.cell_contents = value


class Places(NamedTuple):
    """What was found."""

    arrays: list[Place]
    generators: list[Place]
    values: list[tuple[Place, Any]]  # numbers and words, with what they are now
    containers: list[tuple[str, Any, Any]]  # path, container, its keys or length now
    tuples: list[Place]  # tuples that have arrays or generators in them, which are to be exchanged whole


def find(function: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Places:
    """Find all arrays, random generators and values that a call of `function` may read."""
    found = Places([], [], [], [], [])
    seen: set[int] = {id(found)}
    keep: list[Any] = []  # so that ids stay those of these objects
    root = [function]
    ahead: deque[tuple[Place, Any]] = deque([(Place("item", root, 0, name_of(function)), function)])
    while ahead:
        place, value = ahead.popleft()
        if isinstance(value, SCALARS):
            found.values.append((place, value))
            continue
        if type(value) is np.ndarray or isinstance(value, np.memmap):
            found.arrays.append(place)
            continue
        if id(value) in seen or isinstance(value, LEFT_ALONE):
            continue
        seen.add(id(value))
        keep.append(value)
        if isinstance(value, np.random.Generator):
            found.generators.append(place)
            continue
        ahead.extend(members(value, place, found))
    return found


def members(value: Any, place: Place, found: Places) -> Iterator[tuple[Place, Any]]:
    """Yield the places in an object."""
    path = place.path
    if isinstance(value, Variable):
        for key in ("_data", "_grad"):
            yield Place("attribute", value, key, f"{value.name or path}.{key[1:]}"), getattr(value, key)
    elif isinstance(value, dict):
        found.containers.append((path, value, tuple(value)))
        for key in value:
            yield Place("item", value, key, f"{path}[{key!r}]"), value[key]
    elif isinstance(value, (list, deque)):
        found.containers.append((path, value, len(value)))
        for i, part in enumerate(value):
            yield Place("item", value, i, f"{path}[{i}]"), part
    elif isinstance(value, tuple):
        for i, part in enumerate(value):
            if type(part) is np.ndarray or isinstance(part, np.random.Generator):
                found.tuples.append(place)
            else:
                yield Place("item", value, i, f"{path}[{i}]"), part
    elif isinstance(value, types.FunctionType):
        yield from of_function(value, path)
    elif isinstance(value, types.MethodType):
        yield Place("attribute", value, "__self__", path.rpartition(".")[0] or path), value.__self__
        yield Place("attribute", value, "__func__", path), value.__func__
    elif isinstance(value, functools.partial):
        for key in ("func", "args", "keywords"):
            yield Place("attribute", value, key, f"{path}.{key}"), getattr(value, key)
    elif isinstance(value, (set, frozenset)):
        return
    else:
        yield from of_object(value, path, found)


def of_function(function: types.FunctionType, path: str) -> Iterator[tuple[Place, Any]]:
    """Yield what a function's code names: variables of enclosing functions, globals, defaults."""
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        yield Place("attribute", function, "__wrapped__", path), wrapped
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        yield Place("cell", cell, name, name), content
    for i, default in enumerate(function.__defaults__ or ()):
        yield Place("item", function.__defaults__, i, f"a default of {path}"), default
    for name, default in (function.__kwdefaults__ or {}).items():
        yield Place("item", function.__kwdefaults__, name, f"the default of {name}"), default
    if is_library(function.__module__):
        return
    names = names_in(function.__code__)
    for name in names:
        if name not in function.__globals__:
            continue
        content = function.__globals__[name]
        if isinstance(content, types.ModuleType):
            if not is_library(content.__name__):
                for attribute in names:
                    if attribute in vars(content):
                        yield Place("item", vars(content), attribute, f"{name}.{attribute}"), vars(content)[attribute]
        else:
            yield Place("item", function.__globals__, name, name), content


def of_object(value: Any, path: str, found: Places) -> Iterator[tuple[Place, Any]]:
    """Yield the attributes of an object, and the arrays of its class."""
    kind = type(value)
    if is_library(kind.__module__) and not kind.__module__.startswith("wengert."):
        return
    if hasattr(value, "__dict__"):
        found.containers.append((path, vars(value), tuple(vars(value))))
        for key, part in list(vars(value).items()):
            yield Place("item", vars(value), key, f"{path}.{key}"), part
    for base in kind.__mro__:
        for key in getattr(base, "__slots__", ()) if isinstance(getattr(base, "__slots__", ()), (tuple, list)) else ():
            if key not in ("__weakref__", "__dict__") and hasattr(value, key):
                yield Place("attribute", value, key, f"{path}.{key}"), getattr(value, key)
        if not is_library(base.__module__):
            for key, part in list(vars(base).items()):
                arrays = isinstance(part, (np.ndarray, Variable, list, dict)) and not key.startswith("__")
                if arrays or isinstance(part, types.FunctionType):
                    yield Place("attribute", base, key, f"{base.__name__}.{key}"), part


@functools.cache
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """The names that code refers to, functions inside it included."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(dict.fromkeys(names_in(constant)))
    return tuple(names)


@functools.cache
def is_library(module: str | None) -> bool:
    """Whether a module is none of the program's: the standard library, NumPy, ours, what is installed."""
    if not module:
        return True
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return True
    if top in ("numpy", "scipy", "wengert"):
        return True
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def name_of(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__name__).replace("<locals>.", "")
