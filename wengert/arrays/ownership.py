"""Whether an array is anybody else's: what may be given away without a copy."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from wengert.arrays.values import as_array

__all__ = ["as_read_only", "may_share", "take_exclusive"]


def _references(found: dict[Any, Any], key: Any) -> int:
    gx = found[key]
    return sys.getrefcount(gx)


def _references_to_base(view: Any) -> int:
    return sys.getrefcount(view.base)


# The reference counts of an array that `found` alone holds, and of one that only a view of it holds, as these two
# functions see them: the interpreter's own references for a call are among them, and differ between its versions.
EXCLUSIVE = _references({0: np.zeros(1)}, 0)
EXCLUSIVE_BASE = _references_to_base(np.zeros(1).reshape(1, 1))


def is_reshaped(gx: Any) -> bool:
    """Whether `gx` is another shape of a whole array without other references."""
    whole = type(gx.base) is np.ndarray and gx.base.base is None and gx.base.nbytes == gx.nbytes
    return whole and gx.flags.c_contiguous and _references_to_base(gx) == EXCLUSIVE_BASE


def take_exclusive(found: dict[Any, Any], key: Any) -> Any:
    """Take a gradient as an array that nothing else holds or aliases.

    A gradient may be the very array of another variable (`add` hands its own on to both sides), or
    a view; whoever scales ``x.grad`` in place must not scale those too. (A whole array in another shape is
    as good as itself, where nothing but this view holds it.)
    """
    exclusive = _references(found, key) == EXCLUSIVE
    gx = found.pop(key)
    if type(gx) is not np.ndarray:
        return as_array(gx)
    exclusive = exclusive and gx.flags.writeable and (gx.base is None or is_reshaped(gx))
    return gx if exclusive else gx.copy()


def as_read_only(y: Any) -> Any:
    """Make an array that cannot be written to of a number, a view of a memmap, or what stands for an ndarray."""
    if type(y) is not np.ndarray and (read_only := getattr(y, "read_only", None)) is not None:
        return read_only()  # it stands for an ndarray, and knows how
    if isinstance(y, (np.generic, np.ndarray)):
        y = np.asarray(y)
    else:
        given, y = y, as_array(y)
        if y is given and hasattr(y, "setflags"):  # it stands for an ndarray
            y = y.view()
    if hasattr(y, "setflags"):
        y.setflags(write=False)
    return y


def may_share(y: Any, values: list[Any]) -> bool:
    """Whether a result may be one of the arguments, or alias one."""
    if isinstance(y, np.ndarray):
        if y.base is not None:
            return True
        for value in values:  # noqa: SIM110 (a generator takes longer)
            if value is y:
                return True
        return False
    memory = getattr(y, "memory", None)  # what an array of another kind has for it
    return memory is not None and any(getattr(value, "memory", None) is memory for value in values)
