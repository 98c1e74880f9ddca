"""Which arrays of Variables share memory: the views of a result are noted, so that a write to one changes all.

NumPy knows the owner of a view's memory, and not the views of an owner. They are noted by the identity of the owner,
as weak references, a few hundred at a time; an entry whose owner is gone is recognized by that, and taken away when
there are many.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Any
from weakref import ref

import numpy as np

from wengert.arrays.level import TRACED, level_of

__all__ = ["current", "initial", "note_view", "noted_aliases", "owner_of"]

# By the id of what owns the memory: a weak reference to it, and to the Variables on it, by their ids.
ALIASES: dict[int, tuple[Any, dict[int, Any]]] = {}
RECENT: deque[Any] = deque()  # references to Variables that share memory, and are not entered yet
CHANGING = threading.Lock()
LEAST = 256
counts = {"noted": 0, "most": LEAST}


def renew_lock() -> None:
    """Replace the lock, which a thread may have held that a forked child does not have."""
    global CHANGING
    CHANGING = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=renew_lock)


def owner_of(array: Any) -> Any:
    """Return the ndarray that owns the memory of an array, also of a traced one; else the array itself."""
    if type(array) is np.ndarray:  # (the usual cases first)
        base = array.base
        if base is None or (type(base) is np.ndarray and base.base is None):
            return array if base is None else base
    if level_of(array) == TRACED:
        array = array.memory.array
    while isinstance(array, np.ndarray):
        base = array.base
        if not isinstance(base, np.ndarray):
            base = getattr(base, "base", None)  # of NumPy's as_strided, which keeps the array in another object
        if not isinstance(base, np.ndarray):
            break
        array = base
    return array


def note_alias(base: Any, view: Any) -> None:
    """Note that the Variable `view` is a view of the Variable `base`."""
    RECENT.extend((ref(base), ref(view)))
    if len(RECENT) > LEAST:
        with CHANGING:
            enter_recent()


def enter_recent() -> None:
    """Enter in ALIASES what was noted and is still there: most is gone by then."""
    while RECENT:
        reference = RECENT.popleft()
        x = reference()
        if x is None or x._data is None:
            continue
        owner = owner_of(x._data)
        found = ALIASES.get(id(owner))
        if found is None or found[0]() is not owner:
            ALIASES[id(owner)] = found = ref(owner), {}
        if found[1].get(id(x)) is not reference:  # (an object has one such reference)
            found[1][id(x)] = reference
            counts["noted"] += 1
    if counts["noted"] > counts["most"]:
        remove_dead()


def note_view(result: Any, given: Any, values: Any, spots: Any) -> Any:
    """Note which of the Variables `given` to a call its result is a view of; return the index of the edge, or None.

    `values` are their arrays, and `spots` which of them have an edge, and which.
    """
    owner = owner_of(result._data)
    for i, place, _ in spots:
        if type(place) is int and (values[i] is owner or owner_of(values[i]) is owner):
            if given[i]._creator is not None:  # (a leaf is not written to)
                note_alias(given[i], result)
            return place
    return None


def remove_dead() -> None:
    """Take away the entries of what is gone. The next time is when there are twice as many."""
    left = 0
    for key, (owner, variables) in list(ALIASES.items()):
        alive = {place: x for place, x in variables.items() if x() is not None}
        if owner() is None or not alive:
            del ALIASES[key]
        else:
            ALIASES[key] = owner, alive
            left += len(alive)
    counts["noted"], counts["most"] = left, max(LEAST, 2 * left)


def noted_aliases(owner: Any) -> list[Any]:
    """Return the Variables on the memory of `owner` that are still referenced."""
    with CHANGING:
        enter_recent()
        found = ALIASES.get(id(owner))
        if found is None or found[0]() is not owner:
            return []
        return [x for x in (reference() for reference in found[1].values()) if x is not None]


# A Variable that is written to has `is_written`, and is more than one value: see `wengert.writes`.


def current(x: Any) -> Any:
    """Return the value of a Variable that is written to at this moment; else `x` itself."""
    return x.current() if getattr(x, "is_written", False) else x


def initial(x: Any) -> Any:
    """Return the value that such a Variable had before it was first written to; else `x` itself."""
    return x.initial() if getattr(x, "is_written", False) else x
