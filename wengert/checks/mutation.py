"""Data that changed after a call had recorded it: assigned, or written to by ``x.data -= g``.

An assignment is stamped on the Variable, with the number of the moment. A write is stamped on the memory as well,
because several arrays share it: a leaf and its transpose, a Variable and what `detach` gave, an array and the
constant that it is elsewhere. A call that has recorded any of them, and has a lower number, raises in backward.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.array_utils import byte_bounds

from wengert.checks.errors import GraphError, describe

__all__ = ["WRITTEN", "check_edges", "check_form", "check_unchanged", "check_unwritten", "note_write", "written_since"]

# By the id of the array that owns the memory: a weak reference to it, which takes the entry away
# again, and the number of the last write to each range of its bytes.
WRITTEN: dict[int, tuple[Any, dict[tuple[int, int], int]]] = {}
EVERYTHING = (0, sys.maxsize)


def owner(array: Any) -> Any:
    """Return the ndarray that owns the memory of `array`."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def note_write(array: Any, number: int) -> None:
    """Note that all of `array` is written to at the moment `number`."""
    if not isinstance(array, np.ndarray):
        return
    memory = owner(array)
    key = id(memory)
    if key not in WRITTEN:
        WRITTEN[key] = (ref(memory, lambda _: WRITTEN.pop(key, None)), {})
    # (An array that owns its memory is all of it; the bounds of a view take a microsecond or two.)
    WRITTEN[key][1][EVERYTHING if memory is array else byte_bounds(array)] = number


def written_since(array: Any, number: int) -> bool:
    """Whether memory of `array` was written to after the moment `number`."""
    if not WRITTEN or not isinstance(array, np.ndarray):
        return False
    found = WRITTEN.get(id(owner(array)))
    if found is None or all(when <= number for when in found[1].values()):
        return False
    start, stop = byte_bounds(array)
    return any(when > number and low < stop and start < high for (low, high), when in found[1].items())


def check_unchanged(f: Any, x: Any) -> Any:
    """Return `x` as it was when the call `f` recorded it.

    Raises GraphError if its data was assigned, or written to outside the graph, after that. To be asked of every
    Variable with notes: one whose memory others may write to has some.
    """
    if x._notes is not None and x._notes.get("changed", 0) > f._number:
        raise GraphError(
            f"backward of {f.name} needs the value that {describe(x)} had when it was called, but "
            "its data was assigned since; call backward first, or give the new value to a new Variable"
        )
    check_unwritten(f, x._data, x)
    return x.initial() if getattr(x, "is_written", False) else x


def check_edges(f: Any) -> None:
    """The same for all Variables that `f` took; one whose memory others may write to has notes."""
    for x in f._edges:
        if x._notes is not None:
            check_unchanged(f, x)


def check_unwritten(f: Any, array: Any, whose: Any) -> None:
    """Raise GraphError if the memory of `array` was written to after the call `f` had recorded it."""
    if written_since(array, f._number):
        raise GraphError(
            f"backward of {f.name} needs the value that {describe(whose)} had when it was called, but the "
            "data of a Variable that shares its memory was assigned since; call backward first, or give it a copy"
        )


def check_form(f: Any, x: Any) -> None:
    """Raise GraphError if `x` got data of another shape or dtype after the call `f` had recorded it."""
    if x._notes.get("form", 0) > f._number:
        check_unchanged(f, x)
