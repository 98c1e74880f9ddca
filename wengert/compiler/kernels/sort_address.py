"""The functions that sort, of each dtype: NumPy's ``PyArray_ArrFuncs`` has their addresses, which native code calls.

They are C functions of elements of one row, ``int sort(void *, npy_intp, void *)`` and
``int argsort(void *, npy_intp *, npy_intp, void *)``. The struct is part of NumPy's binary interface of version 2.
Each function is tried before it is used, so that where NumPy sorts in another way there is no address.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

from wengert.compiler.graph.ufuncs import is_movable

__all__ = ["address_of_sort"]

VERSION = 0x02000000  # of the binary interface
ABI_VERSION, GET_FUNCTIONS = 0, 365  # PyArray_GetNDArrayCVersion and _PyDataType_GetArrFuncs, in the table of functions
SORTS, ARGSORTS = 33, 36  # positions in the struct, in pointers
KINDS: dict[str | None, int] = {None: 0, "quicksort": 0, "heapsort": 1, "stable": 2, "mergesort": 2}


@functools.lru_cache(256)
def address_of_sort(dtype: Any, kind: Any, order: bool) -> int | None:
    """The address of the sort of a kind; with `order` of the argsort. None where it is not known."""
    if kind not in KINDS or not is_movable(dtype):
        return None
    functions = functions_of(dtype)
    if functions is None:
        return None
    found = functions[(ARGSORTS if order else SORTS) + KINDS[kind]]
    return found if found and sorts_as_numpy(found, dtype, kind, order) else None


def functions_of(dtype: Any) -> Any:
    """The struct as an array of pointers; None where there is none of this form."""
    capsule = getattr(np._core._multiarray_umath, "_ARRAY_API", None)  # type: ignore[attr-defined]
    if capsule is None or ctypes.sizeof(ctypes.c_void_p) != 8:
        return None
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    table = ctypes.cast(get(capsule, None), ctypes.POINTER(ctypes.c_void_p))
    if ctypes.PYFUNCTYPE(ctypes.c_uint)(table[ABI_VERSION])() != VERSION:
        return None
    found = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(table[GET_FUNCTIONS])(dtype)
    return ctypes.cast(found, ctypes.POINTER(ctypes.c_void_p)) if found else None


def sorts_as_numpy(address: int, dtype: Any, kind: Any, order: bool) -> bool:
    """Whether a function sorts an array as NumPy does, with many equal elements among them."""
    x = (np.arange(150) * 37 % 31 % 7).astype(dtype)
    length = ctypes.c_ssize_t(x.size)
    if order:
        found = np.arange(x.size)
        sort: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)
        failed = sort(address)(x.ctypes.data, found.ctypes.data, length, None)
        return not failed and np.array_equal(found, np.argsort(x, kind=kind))
    found = x.copy()
    sort = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)
    failed = sort(address)(found.ctypes.data, length, None)
    return not failed and np.array_equal(found, np.sort(x, kind=kind))
