"""The inner loops of ufuncs: NumPy's ``PyUFuncObject`` has their addresses, which native code calls.

A loop is a C function ``(char **args, npy_intp *dimensions, npy_intp *steps, void *data)``. The fields of the struct
are compared with what the object itself says, so that where NumPy keeps them in another way there is no address.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

import numpy as np

__all__ = ["address_of_loop"]

HEAD = object.__basicsize__  # bytes of the PyObject at the beginning
LONGEST_NAME = 64


class Fields(ctypes.Structure):
    """The fields of a ``PyUFuncObject`` after its head, up to the last one that is read."""

    _fields_ = (
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_void_p),
        ("types", ctypes.POINTER(ctypes.c_ubyte)),
    )


def address_of_loop(ufunc: np.ufunc, dtypes: tuple[Any, ...]) -> tuple[int, int] | None:
    """The addresses of the loop of a ufunc for dtypes, and of its data; None where they are not known."""
    if raises_errors(ufunc) or not all(d.kind in "biufc" and d.isnative for d in dtypes):
        return None
    return find_loop(ufunc, tuple(d.char for d in dtypes))


@functools.lru_cache(4096)
def find_loop(ufunc: np.ufunc, characters: tuple[str, ...]) -> tuple[int, int] | None:
    """The loop whose dtypes are those of the characters."""
    fields = fields_of(ufunc)
    if fields is None:
        return None
    wanted = [np.dtype(c) for c in characters]
    for i, text in enumerate(ufunc.types):
        listed = text.replace("->", "")
        if len(listed) != len(wanted) or any(np.dtype(c) != d for c, d in zip(listed, wanted, strict=True)):
            continue
        numbers = fields.types[i * fields.nargs : (i + 1) * fields.nargs]
        if [np.dtype(c).num for c in listed] == list(numbers) and (address := fields.functions[i]):
            return address, (fields.data[i] or 0) if fields.data else 0
    return None


def fields_of(ufunc: np.ufunc) -> Fields | None:
    """The fields of a ufunc; None where they are not at their places."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or np.ufunc.__basicsize__ < HEAD + ctypes.sizeof(Fields):
        return None
    fields = Fields.from_address(id(ufunc) + HEAD)
    if (fields.nin, fields.nout, fields.nargs, fields.ntypes) != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes):
        return None
    if not (fields.functions and fields.types and fields.name):
        return None
    name = ufunc.__name__.encode()
    return fields if ctypes.string_at(fields.name, min(len(name), LONGEST_NAME)) == name[:LONGEST_NAME] else None


def raises_errors(ufunc: np.ufunc) -> bool:
    """Whether a function of scipy.special is to warn or raise: native code can do neither."""
    special = sys.modules.get("scipy.special")
    if special is None or getattr(special, ufunc.__name__, None) is not ufunc:
        return False
    return any(how != "ignore" for kind, how in special.geterr().items() if kind != "memory")
