"""Levels: which kind of array answers a NumPy call first.

Kinds of arrays are nested: a Variable may hold a traced array, which holds an ndarray. A call that meets several
kinds belongs to the innermost transformation of the program, which is the outermost wrapper: the kind of the
highest level. It runs its rule on what it holds, and so the call comes to the next level below. (JAX orders its
interpreters in the same way.)

Arrays of other libraries (Dask, CuPy) are values like ndarrays: their level is 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["ATOMS", "BATCHED", "RECORDED", "TRACED", "is_outranked", "level_of"]

TRACED = 1  # an array or number that writes down what is done with it, for the compiler
BATCHED = 2  # arrays under a vmap, and those after it: each vmap that runs has a level of its own, above the older ones
RECORDED = 1 << 60  # a Variable
# Types of values that are no arrays and have none in them: most arguments beside arrays are of these. What asks for
# arrays in nested arguments passes over them, and over lists and tuples of nothing else.
ATOMS = frozenset((bool, int, float, complex, str, slice, type, type(None), type(Ellipsis), type(np._NoValue)))


def level_of(value: Any) -> int:
    """Return the level of a value: its ``__array_level__``, else 0.

    A class attribute, or a property where arrays of a kind have levels of their own (a transformation inside
    another of the same kind).
    """
    level = getattr(value, "__array_level__", 0)
    if level == 0:
        return 0
    # (An object may have any attribute. `isinstance` would ask a traced array for its class, which takes longer.)
    return level if type(level) is int and not issubclass(type(value), type) else 0


def is_outranked(level: int, values: Iterable[Any]) -> bool:
    """Whether a value, or one in a list or tuple, is of a higher level, and so must answer in this one's place."""
    for value in values:
        if isinstance(value, (list, tuple)):
            if is_outranked(level, value):
                return True
        elif level_of(value) > level:
            return True
    return False
