"""The members of objects: the edges of the graph that `wengert.compiler.capture.locations` traverses."""

from __future__ import annotations

import array
import contextvars
import functools
import gc
import sys
import threading
import types
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.checks.errors import describe
from wengert.compiler.capture.code_names import globals_in, imported_in, names_in
from wengert.core.function import Function
from wengert.core.variable import Variable, note_of
from wengert.custom.fields import FIELDS
from wengert.custom.state import attributes

__all__ = [
    "BUFFERS",
    "CACHED",
    "ObjectCondition",
    "conditions",
    "context_value",
    "is_draw",
    "is_library",
    "is_of_library",
    "is_opaque",
    "is_rebuilt",
    "members",
    "name_of",
    "raw_item",
]

OPAQUE = (
    types.ModuleType,
    types.FrameType,
    types.CodeType,
    types.GeneratorType,
    types.BuiltinFunctionType,
    types.GetSetDescriptorType,
    np.ufunc,
)
# Classes of the standard library whose objects consist of their attributes.
PLAIN = {
    ("types", "SimpleNamespace"), ("argparse", "Namespace"), ("collections", "UserDict"), ("collections", "UserList"),
    ("collections", "ChainMap"),
}  # fmt: skip
CACHED = type(functools.lru_cache(len))
PROXIES = (weakref.ProxyType, weakref.CallableProxyType)
METHODS = (types.MethodType, types.BuiltinMethodType)
BUFFERS = (bytearray, array.array)
UNSET: Any = type("Unset", (), {"__slots__": ()})()


class ObjectCondition(NamedTuple):
    """A condition under which the members of an object are found where they were: see `conditions`."""

    kind: str
    value: Any
    expected: Any

    def __str__(self) -> str:
        what = f" ({self.expected})" if isinstance(self.expected, (str, int)) else ""
        return f"the {self.kind}{what} of a {type(self.value).__name__}"


Member = tuple[str, Any, Any, str, Any]  # kind, holder, key, path (from the holder's if it begins with . or [), value


def is_rebuilt(value: Any) -> bool:
    """Whether it is immutable, and has to be rebuilt to substitute what is in it."""
    return isinstance(value, (tuple, functools.partial))


def is_draw(value: Any) -> bool:
    """Whether it is a method of a random generator."""
    return type(value) in METHODS and isinstance(value.__self__, (np.random.Generator, np.random.RandomState))


def is_opaque(value: Any) -> bool:
    """Whether the members of an object are not searched."""
    if isinstance(value, OPAQUE) or is_draw(value):
        return True
    if isinstance(value, (dict, list, deque, tuple, set, frozenset, Variable, types.FunctionType, types.MethodType)):
        return False
    if isinstance(
        value, (functools.partial, np.vectorize, type, property, staticmethod, classmethod, contextvars.ContextVar)
    ):
        return False
    kind = type(value)
    if kind in PROXIES or kind is CACHED or kind is types.MappingProxyType:
        return False
    if isinstance(value, (weakref.ref, threading.local, *BUFFERS)):
        return False
    if (kind.__module__, kind.__qualname__) in PLAIN:
        return False
    top = kind.__module__.partition(".")[0]
    return top in ("numpy", "builtins") or (top in sys.stdlib_module_names and top != "__main__")


def members(value: Any) -> Iterator[Member]:
    """Yield the members of an object."""
    if isinstance(value, Variable):
        name = f"{value.name}." if value.name else "."
        for key in (FIELDS["array"], FIELDS["grad"]):
            yield "attribute", value, key, name + key[1:], getattr(value, key)
        for i, entry in enumerate(note_of(value, "hooks", ())):
            yield "item", entry, 0, f".hooks[{i}]", entry[0]
    elif type(value) in PROXIES:
        target = value.__repr__.__self__
        yield "item", [target], 0, "", target
    elif isinstance(value, weakref.ref):
        target = value()
        yield "item", [target], 0, "()", target
    elif type(value) is types.MappingProxyType:
        for target in gc.get_referents(value):
            yield "item", [target], 0, "", target
    elif type(value) is CACHED:
        yield "attribute", value, "__wrapped__", ".__wrapped__", value.__wrapped__
    elif isinstance(value, contextvars.ContextVar):
        yield "context", value, None, ".get()", context_value(value)
    elif isinstance(value, threading.local):  # (with another dict in each thread)
        for key in vars(value):
            yield "attribute", value, key, f".{key}", getattr(value, key)
    elif isinstance(value, dict):
        for key in value:
            name = repr(key) if isinstance(key, (str, int, float, tuple)) else describe(key)
            yield "item", value, key, f"[{name}]", raw_item(value, key)
        yield from object_members(value)
    elif isinstance(value, (list, deque, tuple)):
        for i, part in enumerate(list.__iter__(value) if isinstance(value, list) else value):
            yield "item", value, i, f"[{i}]", part
        yield from object_members(value)
    elif isinstance(value, (set, frozenset)):
        for i, part in enumerate(value):
            yield "item", [part], 0, f".element{i}", part
    elif isinstance(value, types.FunctionType):
        yield from function_members(value)
    elif isinstance(value, types.MethodType):
        for key in ("__self__", "__func__"):
            yield "attribute", value, key, f".{key}", getattr(value, key)
    elif isinstance(value, functools.partial):
        for key in ("func", "args", "keywords"):
            yield "attribute", value, key, f".{key}", getattr(value, key)
    elif isinstance(value, property):
        for key in ("fget", "fset"):
            yield "attribute", value, key, f".{key}", getattr(value, key)
    elif isinstance(value, (staticmethod, classmethod)):
        yield "attribute", value, "__func__", ".__func__", value.__func__
    elif isinstance(value, type):
        yield from class_members(value)
    else:
        yield from object_members(value)


def function_members(function: types.FunctionType) -> Iterator[Member]:
    """Yield what a function refers to: variables of enclosing functions, globals, defaults."""
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        yield "attribute", function, "__wrapped__", ".__wrapped__", wrapped
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        yield "cell", cell, "cell_contents", name, content
    for key in ("__defaults__", "__kwdefaults__"):
        if getattr(function, key):
            yield "attribute", function, key, f".{key}", getattr(function, key)
    if is_of_library(function):
        return
    for key, part in list(vars(function).items()):
        if key != "__wrapped__":
            yield "item", vars(function), key, f"{function.__name__}.{key}", part
    names = names_in(function.__code__)
    yield from global_members(names, function.__globals__, "", set())
    for name in imported_in(function.__code__):
        module = sys.modules.get(name)
        if module is not None and not is_library(name):
            yield from global_members(names, vars(module), f"{name}.", {id(module)})


def is_of_library(function: types.FunctionType) -> bool:
    return "__name__" in function.__globals__ and is_library(function.__module__)


def global_members(names: tuple[str, ...], scope: dict[str, Any], path: str, seen: set[int]) -> Iterator[Member]:
    """Yield the values of names in a module, and, where these are modules of the program, in these."""
    for name in names:
        if name not in scope:
            continue
        content = scope[name]
        yield "item", scope, name, f"{path}{name}", content
        if isinstance(content, types.ModuleType) and not is_library(content.__name__) and id(content) not in seen:
            seen.add(id(content))
            yield from global_members(names, vars(content), f"{path}{name}.", seen)


def object_members(value: Any) -> Iterator[Member]:
    """Yield the attributes of an object, and its class if that is of the program.

    What a class declares to be ``transient`` is left out: attributes that are no state of their own.
    """
    kind = type(value)
    transient = getattr(kind, "transient", ())
    if isinstance(value, Function):
        for key, part in attributes(value).items():
            yield "attribute", value, key, f".{key}", part
    elif hasattr(value, "__dict__"):
        for key, part in list(vars(value).items()):
            if key not in transient:
                yield "item", vars(value), key, f".{key}", part
    for key in slots_of(kind):
        if not isinstance(value, Function) and key not in transient and hasattr(value, key):
            yield "attribute", value, key, f".{key}", getattr(value, key)
    if not is_library(kind.__module__):
        yield "attribute", value, "__class__", f".{kind.__name__}", kind


def class_members(kind: type) -> Iterator[Member]:
    """Yield the attributes of a class and of its bases, as far as these are of the program."""
    for base in kind.__mro__:
        if is_library(base.__module__):
            continue
        for key, part in list(vars(base).items()):
            if key.startswith("__") and not callable(part):
                continue
            if isinstance(part, (types.MemberDescriptorType, types.GetSetDescriptorType)):
                continue
            yield "class", base, key, f"{base.__name__}.{key}", part
    if not is_library(type(kind).__module__):
        yield "attribute", kind, "__class__", f".{type(kind).__name__}", type(kind)


def conditions(value: Any) -> Iterator[ObjectCondition]:
    """Yield the conditions under which the members of an object are still found where they were.

    "dict", object, dict: its attributes are in this dict. "code", function, code: it has this code. "size", dict,
    length: no item was added or removed. "bases", class, classes: it has these base classes. "absent", dict, name: the
    dict has no such item. "unset", object, slot: the slot is empty.
    """
    if isinstance(value, (Variable, Function, threading.local)):
        return
    kind = type(value)
    if isinstance(value, types.FunctionType):
        if not is_of_library(value):
            yield ObjectCondition("code", value, value.__code__)
            yield ObjectCondition("dict", value, vars(value))
            for name in globals_in(value.__code__):
                if name not in value.__globals__:
                    yield ObjectCondition("absent", value.__globals__, name)
    elif isinstance(value, type):
        if not is_library(kind.__module__) or not is_library(value.__module__):
            yield ObjectCondition("bases", value, value.__mro__)
        for base in value.__mro__:
            if not is_library(base.__module__):
                found = gc.get_referents(vars(base))
                if len(found) == 1 and type(found[0]) is dict:
                    yield ObjectCondition("size", found[0], len(found[0]))
    elif kind.__dictoffset__ and type(getattr(value, "__dict__", None)) is dict and not is_opaque(value):
        yield ObjectCondition("dict", value, vars(value))
    if not is_opaque(value) and not isinstance(value, type):
        for key in slots_of(kind):
            if key not in getattr(kind, "transient", ()) and not hasattr(value, key):
                yield ObjectCondition("unset", value, key)


def slots_of(kind: type) -> Iterator[str]:
    """Yield the names of the slots of a class, mangled as attributes are."""
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        for key in (slots,) if isinstance(slots, str) else tuple(slots):
            if key.startswith("__") and not key.endswith("__"):
                key = f"_{base.__name__.lstrip('_')}{key}"
            if key not in ("__weakref__", "__dict__"):
                yield key


def raw_item(container: Any, key: Any) -> Any:
    """An item of a container, bypassing `__getitem__` of subclasses."""
    if isinstance(container, dict):
        return dict.__getitem__(container, key)
    return list.__getitem__(container, key) if isinstance(container, list) else container[key]


def context_value(variable: Any) -> Any:
    """The value of a context variable in this context, or UNSET."""
    try:
        return variable.get()
    except LookupError:
        return UNSET


@functools.cache
def is_library(module: Any) -> bool:
    """Whether a module is not of the program: the standard library, NumPy, Wengert, installed packages."""
    if not module or not isinstance(module, str):  # (some types of compiled code have no name there)
        return True
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names or top in ("numpy", "scipy", "wengert"):
        return True
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def name_of(function: Any) -> str:
    """The qualified name of a function, for messages."""
    return str(getattr(function, "__qualname__", type(function).__name__)).replace("<locals>.", "")
