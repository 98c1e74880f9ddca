"""The captured state of a call: its arguments, and all that can be reached from the names in the function's code.

A `Location` holds an array, a number, or any other object: it is an attribute, an item of a list or dict, a variable of
an enclosing function, a global. Locations are found by traversing objects, so that nothing has to be declared.
"""

from __future__ import annotations

import collections
import random
import threading
import types
from collections import deque
from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, TRACED, level_of
from wengert.compiler.capture.object_graph import (
    BUFFERS,
    ObjectCondition,
    conditions,
    context_value,
    is_of_library,
    is_opaque,
    is_rebuilt,
    members,
    raw_item,
)
from wengert.compiler.capture.tape import Untraceable

__all__ = ["Location", "Locations", "find_locations", "is_array", "is_scalar"]

# Immutable values, compared by type and value; other objects are compared by identity.
SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic, range, slice, type(Ellipsis), np.dtype)
LIMIT = 200_000  # of locations: checking more takes longer than the calls that are worth compiling


class Location:
    """A location in the state of the program, and the value that it held when it was found.

    Attributes
    ----------
    kind : str
        "item", "attribute", "cell", "class" or "context": how the holder holds it.
    holder, key
        The object that it is part of, and its name, key or index there.
    path : str
        The expression for it in the program, for messages.
    parent : Location or None
        The location of the holder, where the holder may be another object at each call: among the arguments, or in
        a tuple. None where the holder is always the same object.
    """

    __slots__ = ("argument", "holder", "key", "kind", "parent", "path", "value")

    def __init__(
        self,
        kind: str,
        holder: Any,
        key: Any,
        path: str,
        value: Any,
        parent: Location | None = None,
        argument: bool = False,
    ) -> None:
        self.kind, self.holder, self.key, self.path = kind, holder, key, path
        self.value, self.parent, self.argument = value, parent, argument

    def get(self) -> Any:
        """What the location holds now; None where it is gone."""
        if self.kind == "attribute":
            return getattr(self.holder, self.key, None)
        if self.kind == "class":
            return vars(self.holder).get(self.key)
        if self.kind == "cell":
            return self.holder.cell_contents
        if self.kind == "context":
            return context_value(self.holder)
        try:
            return raw_item(self.holder, self.key)
        except (IndexError, KeyError):
            return None

    def set(self, value: Any) -> None:
        """Store a value there, bypassing methods of the holder such as `__setattr__`."""
        if self.kind == "attribute":
            if isinstance(self.holder, (types.FunctionType, type, threading.local)):
                setattr(self.holder, self.key, value)
            else:
                object.__setattr__(self.holder, self.key, value)
        elif self.kind == "class":
            setattr(self.holder, self.key, value)
        elif self.kind == "cell":
            self.holder.cell_contents = value
        elif self.kind == "context":
            self.holder.set(value)
        elif isinstance(self.holder, dict):
            dict.__setitem__(self.holder, self.key, value)
        elif isinstance(self.holder, list):
            list.__setitem__(self.holder, self.key, value)
        else:
            self.holder[self.key] = value

    def __repr__(self) -> str:
        return f"<{self.path}>"


class Locations:
    """The locations that were found.

    Attributes
    ----------
    scalars, arrays, generators, objects, rebuilt : list of Location
        By what they hold: immutable values; arrays; random generators; other objects; and tuples (and
        `functools.partial`), which have to be rebuilt to substitute what is in them.
    containers : list of (Location, container, content)
        Dicts with their keys, lists with their length, sets with their elements; and their locations.
    conditions : dict
        Conditions under which objects are still found in these locations, of `object_graph.conditions`.
    first : dict
        By id, the first location of each object.
    streams : list of (path, object)
        Sources of random numbers that cannot be traced.
    """

    def __init__(self) -> None:
        self.scalars: list[Location] = []
        self.arrays: list[Location] = []
        self.generators: list[Location] = []
        self.objects: list[Location] = []
        self.rebuilt: list[Location] = []
        self.containers: list[tuple[Location, Any, Any]] = []
        self.conditions: dict[tuple[str, int, Any], ObjectCondition] = {}
        self.unsupported: list[Location] = []  # arrays of dtypes or classes that cannot be traced
        self.traced: list[Location] = []  # traced values that remain after a call
        self.streams: list[tuple[str, Any]] = []
        self.order: list[Location] = []  # all of them, each after the location of its holder
        self.first: dict[int, Location] = {}
        self.keep: list[Any] = []  # objects whose ids are used as keys

    def __iter__(self) -> Any:
        return iter(self.order)


def find_locations(roots: list[Location]) -> Locations:
    """Find all arrays, random generators and values that can be reached from some locations.

    Raises
    ------
    Untraceable
        If there are too many of them.
    """
    found = Locations()
    queue: deque[Location] = deque(roots)
    count = 0
    while queue:
        location = queue.popleft()
        count += 1
        if count > LIMIT:
            raise Untraceable(
                f"more than {LIMIT} values can be reached from {roots[0].path}; keep data sets out of its names and "
                "attributes, and pass what it needs as arguments"
            )
        value = location.value
        found.order.append(location)
        if level_of(value) == TRACED:
            found.traced.append(location)
        elif getattr(type(value), "is_written", False):
            found.unsupported.append(location)
        elif is_scalar(value):
            found.scalars.append(location)
        elif is_array(value):
            found.arrays.append(location)
        elif isinstance(value, np.ndarray):
            found.unsupported.append(location)
            found.objects.append(location)
        elif isinstance(value, (np.random.BitGenerator, random.Random)):
            found.streams.append((location.path, value))
            found.objects.append(location)
        elif isinstance(value, (np.random.Generator, np.random.RandomState)):
            found.generators.append(location)
        elif is_rebuilt(value):
            found.rebuilt.append(location)
            queue.extend(member_location(location, each) for each in members(value))
        else:
            found.objects.append(location)
            if id(value) in found.first or is_opaque(value):
                continue
            found.first[id(value)] = location
            found.keep.append(value)
            content = content_of(value)
            if content is not None:
                found.containers.append((location, value, content))
            if isinstance(value, threading.local):
                found.conditions["local", id(value), None] = ObjectCondition("local", value, tuple(vars(value)))
            elif has_attributes(value):
                found.containers.append((location, vars(value), tuple(vars(value))))
            for each in conditions(value):
                found.conditions[each[0], id(each[1]), each[2] if type(each[2]) is str else None] = each
            queue.extend(member_location(location, each) for each in members(value))
    return found


def member_location(parent: Location, member: Any) -> Location:
    """The location of a member of the object in another location."""
    kind, holder, key, name, value = member
    path = name if name and not name.startswith(("[", ".")) else parent.path + name
    # (the hooks of a Variable have a guard of their own)
    by_structure = is_by_structure(parent) and not (is_variable(parent.value) and holder is not parent.value)
    return Location(kind, holder, key, path, value, parent if by_structure else None, parent.argument and by_structure)


def is_by_structure(location: Location) -> bool:
    """Whether the object in a location is compared by its contents: another one of the same structure will do.

    Other objects are compared by identity.
    """
    value = location.value
    return is_rebuilt(value) or is_variable(value) or (location.argument and type(value) in (list, dict))


def is_variable(value: Any) -> bool:
    return level_of(value) == RECORDED


def has_attributes(value: Any) -> bool:
    """Whether an object has a `__dict__` that a function may depend on."""
    if isinstance(value, types.FunctionType):
        return not is_of_library(value)
    return hasattr(value, "__dict__") and not isinstance(value, (type, types.MappingProxyType))


def content_of(container: Any) -> Any:
    """The keys of a dict, the length of a list, the elements of a set, the bytes of a buffer; else None."""
    if isinstance(container, dict):
        return tuple(container)
    if isinstance(container, (list, deque)):
        return len(container)
    if isinstance(container, (set, frozenset)):
        return frozenset(container)
    return bytes(container) if isinstance(container, BUFFERS) else None


def is_scalar(value: Any) -> bool:
    """Whether a value is immutable, and is compared by its value."""
    return isinstance(value, SCALARS) and not isinstance(value, collections.abc.MutableSet)


def is_array(value: Any) -> bool:
    """Whether it is an array that can be traced."""
    return (type(value) is np.ndarray or type(value) is np.memmap) and value.dtype.kind in "biufc"
