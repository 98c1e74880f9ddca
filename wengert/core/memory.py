"""Which memory was written to by ``x.data -= g``, and when.

Several arrays look into one memory: a leaf and its transpose, a variable and what `detach` gave, an
array and the constant that it is elsewhere. A call that has recorded any of them must see the write.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.array_utils import byte_bounds

__all__ = ["WRITTEN", "note_write", "written_since"]

# By the id of the array that owns the memory: a weak reference to it, which takes the entry away
# again, and the number of the last write to each range of its bytes.
WRITTEN: dict[int, tuple[Any, dict[tuple[int, int], int]]] = {}
EVERYTHING = (0, sys.maxsize)


def owner(array: Any) -> Any:
    """Return the ndarray whose memory `array` looks into."""
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
    """Whether memory that `array` looks into was written to after the moment `number`."""
    if not WRITTEN or not isinstance(array, np.ndarray):
        return False
    found = WRITTEN.get(id(owner(array)))
    if found is None or all(when <= number for when in found[1].values()):
        return False
    start, stop = byte_bounds(array)
    return any(when > number and low < stop and start < high for (low, high), when in found[1].items())
