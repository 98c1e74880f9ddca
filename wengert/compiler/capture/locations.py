"""Where a call of a function finds what it depends on: its arguments, and what the names in its code refer to.

A `Location` is a spot that holds an array, a number, or anything else: an attribute, an element of a list or dict, a
variable of an enclosing function, a global. All are found by walking objects, so that nothing has to be declared.
"""

from __future__ import annotations

import collections
import random
import threading
import types
from collections import deque
from typing import Any

import numpy as np

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

# Values that never change, compared by type and value; the others are compared by identity.
SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic, range, slice, type(Ellipsis), np.dtype)
LIMIT = 200_000  # of places: beyond it, looking costs more than running


class Location:
    """A spot that holds a value, and the value that it held when it was found.

    Attributes
    ----------
    kind : str
        "item", "attribute", "cell", "class" or "context": how the holder holds it.
    holder, key
        What holds it, and under which name or index.
    path : str
        As one would write it in the program: for messages.
    parent : Location or None
        The place of the holder, where the holder is another object at each call: among the arguments, in a tuple.
        None where it is always this very holder.
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
        """What the place holds now; None where it is gone."""
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
        """Put a value there, past what the holder does with assignments."""
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
    """What was found.

    Attributes
    ----------
    scalars, arrays, generators, objects, rebuilt : list of Location
        By what they hold: values that never change; arrays; random generators; other objects; and tuples (and
        `functools.partial`) with any of these in them, which are to be made anew to exchange it.
    containers : list of (Location, container, content)
        Dicts with their keys, lists with their length, sets with their elements; and where they are.
    conditions : dict
        What must be as it was, so that all is where it was looked for; of `members.conditions`.
    first : dict
        By id, the first place of each object.
    streams : list of (path, object)
        Sources of random numbers that a tape cannot follow.
    """

    def __init__(self) -> None:
        self.scalars: list[Location] = []
        self.arrays: list[Location] = []
        self.generators: list[Location] = []
        self.objects: list[Location] = []
        self.rebuilt: list[Location] = []
        self.containers: list[tuple[Location, Any, Any]] = []
        self.conditions: dict[tuple[str, int, Any], ObjectCondition] = {}
        self.unsupported: list[Location] = []  # arrays of other kinds
        self.traced: list[Location] = []  # what a call has left behind
        self.streams: list[tuple[str, Any]] = []
        self.order: list[Location] = []  # all of them, each after that of its holder
        self.first: dict[int, Location] = {}
        self.keep: list[Any] = []  # so that ids stay those of these objects

    def __iter__(self) -> Any:
        return iter(self.order)


def find_locations(roots: list[Location]) -> Locations:
    """Find all arrays, random generators and values that can be reached from some places.

    Raises
    ------
    Untraceable
        If there are too many of them.
    """
    found = Locations()
    ahead: deque[Location] = deque(roots)
    count = 0
    while ahead:
        location = ahead.popleft()
        count += 1
        if count > LIMIT:
            raise Untraceable(
                f"more than {LIMIT} values can be reached from it, by {roots[0].path}; keep data sets out of its "
                "names and attributes, and give it what it needs as arguments"
            )
        value = location.value
        found.order.append(location)
        if hasattr(type(value), "_seen_by_tape"):
            found.traced.append(location)
        elif is_scalar(value):
            found.scalars.append(location)
        elif is_array(value):
            found.arrays.append(location)
        elif isinstance(value, np.ndarray):
            found.unsupported.append(location)
            found.objects.append(location)
        elif isinstance(value, (np.random.RandomState, np.random.BitGenerator, random.Random)):
            found.streams.append((location.path, value))
            found.objects.append(location)
        elif isinstance(value, np.random.Generator):
            found.generators.append(location)
        elif is_rebuilt(value):
            found.rebuilt.append(location)
            ahead.extend(member_location(location, each) for each in members(value))
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
            ahead.extend(member_location(location, each) for each in members(value))
    return found


def member_location(parent: Location, member: Any) -> Location:
    """The place of a member of what another place holds."""
    kind, holder, key, name, value = member
    path = name if name and not name.startswith(("[", ".")) else parent.path + name
    # (hooks are known by what holds them, which is compared)
    by_structure = is_by_structure(parent) and not (is_variable(parent.value) and holder is not parent.value)
    return Location(kind, holder, key, path, value, parent if by_structure else None, parent.argument and by_structure)


def is_by_structure(location: Location) -> bool:
    """Whether what a place holds is known by what is in it, so that another of the same form will do.

    Others are known by identity.
    """
    value = location.value
    return is_rebuilt(value) or is_variable(value) or (location.argument and type(value) in (list, dict))


def is_variable(value: Any) -> bool:
    return hasattr(type(value), "_creator")


def has_attributes(value: Any) -> bool:
    """Whether it has a dict of its own that a function may see."""
    if isinstance(value, types.FunctionType):
        return not is_of_library(value)
    return hasattr(value, "__dict__") and not isinstance(value, (type, types.MappingProxyType))


def content_of(container: Any) -> Any:
    """What makes the form of a container: its keys, its length or its elements. None of anything else."""
    if isinstance(container, dict):
        return tuple(container)
    if isinstance(container, (list, deque)):
        return len(container)
    if isinstance(container, (set, frozenset)):
        return frozenset(container)
    return bytes(container) if isinstance(container, BUFFERS) else None


def is_scalar(value: Any) -> bool:
    """Whether a value never changes, and is compared by its value."""
    return isinstance(value, SCALARS) and not isinstance(value, collections.abc.MutableSet)


def is_array(value: Any) -> bool:
    """Whether it is an array of numbers that a tape follows."""
    return (type(value) is np.ndarray or type(value) is np.memmap) and value.dtype.kind in "biufc"
