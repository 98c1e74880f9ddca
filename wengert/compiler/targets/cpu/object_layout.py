"""Where CPython and NumPy keep the fields of their objects that native code reads, in bytes."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

__all__ = [
    "ARRAY_DATA",
    "ARRAY_DTYPE",
    "ARRAY_FLAGS",
    "ARRAY_NDIM",
    "ARRAY_SHAPE",
    "ARRAY_STRIDES",
    "LIST_ITEMS",
    "OBJECT_TYPE",
    "WRITEABLE",
    "layout_is_known",
]

OBJECT_TYPE = 8  # a PyObject: the pointer to its type
LIST_ITEMS = 24  # a PyListObject: the pointer to its items
# A PyArrayObject_fields.
ARRAY_DATA, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = 16, 24, 32, 40, 56, 64
WRITEABLE = 0x0400  # NPY_ARRAY_WRITEABLE, of the flags


@functools.cache
def layout_is_known() -> bool:
    """Whether lists and arrays have these fields here."""
    arrays = [np.arange(6.0).reshape(2, 3)[:, 1:], np.array(1)[()] * np.ones(2), np.ones((), np.int8)]
    arrays[1].setflags(write=False)

    def read(address: int, type: Any = ctypes.c_void_p) -> Any:
        return type.from_address(address).value

    try:
        items = read(id(arrays) + LIST_ITEMS)
        if ctypes.sizeof(ctypes.c_void_p) != 8 or [read(items + 8 * i) for i in range(3)] != [id(a) for a in arrays]:
            return False
        for a in arrays:
            found = [read(id(a) + offset) for offset in (OBJECT_TYPE, ARRAY_DATA, ARRAY_DTYPE)]
            if found != [id(np.ndarray), a.__array_interface__["data"][0], id(a.dtype)]:
                return False
            ndim, flags = (read(id(a) + offset, ctypes.c_int) for offset in (ARRAY_NDIM, ARRAY_FLAGS))
            if (ndim, flags) != (a.ndim, a.flags.num):
                return False
            for offset, expected in ((ARRAY_SHAPE, a.shape), (ARRAY_STRIDES, a.strides)):
                if tuple(read(read(id(a) + offset) + 8 * i, ctypes.c_int64) for i in range(a.ndim)) != expected:
                    return False
    except (ValueError, TypeError):
        return False
    return True
