"""A short plan as a builtin function of Python: native code that checks guards on the state, then runs the plan.

Calling native code by ctypes, and evaluating each guard by bytecode, takes longer than the step of a small network.
`enter(*compared, *arguments, *results)` is a builtin implemented by native code: it walks the dicts and lists that hold
the state, by CPython's own functions, and compares their contents with what they held when the guards last held. It
checks the form of each array, puts the addresses into the plan's table, and runs the plan. It holds the GIL all the
time. Where anything differs, it has changed nothing, and returns DIFFERENT: then the guards are evaluated in Python.

Where Python or NumPy lay out their objects differently, there is no such function, and calls take a little longer.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

import numpy as np

from wengert.compiler.machine import llvm
from wengert.compiler.once import once
from wengert.compiler.targets.cpu.native_guard_text import (
    CELL,
    CONDITIONS,
    DICT,
    END,
    LIST,
    NAMES,
    PYTHON_FUNCTIONS,
    RUNS,
    WORDS,
    module_text,
)
from wengert.compiler.targets.cpu.object_layout import WRITEABLE, layout_is_known
from wengert.compiler.targets.llvm.jit import Module

__all__ = [
    "CELL",
    "CONDITIONS",
    "DICT",
    "END",
    "LIST",
    "NAMES",
    "RUNS",
    "WORDS",
    "WRITEABLE",
    "direct",
    "entrance",
    "form",
    "is_possible",
    "row",
    "table",
    "words",
]

FASTCALL = 0x80  # of a PyMethodDef: arguments come as an array of pointers


class MethodDef(ctypes.Structure):
    """A PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def words(values: Any) -> Any:
    """An array of machine words."""
    return np.array(values, np.int64)


def row(kind: int, container: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The words for a container, or for conditions of one kind; addresses, each 0 where nothing is compared.

    The pairs are a key and a value of a dict; 0 and an item of a list or the content of a cell; an object and what a
    condition expects.
    """
    return [kind, container, len(pairs), *(word for pair in pairs for word in pair)]


def form(slot: int, array: Any, flags: int, address: int = 0, index: int = -1) -> list[int]:
    """The words for an array whose data go into a slot of the plan's table.

    It is the object at `address`, or the argument `index` of the call. Where `array` is given, its type, dtype, shape
    and strides are compared, and `flags` must be set.
    """
    if array is None:
        return [address, index, 0, 0, 0, 0, slot]
    compared = [id(type(array)), array.ndim, id(array.dtype), flags]
    return [address, index, *compared, slot, *array.shape, *array.strides]


def table(piece: int, plan_table: Any, parts: list[Any], compared: int, forms: int) -> Any:
    """The words of the function's `self`: of rows, compared objects and forms, and how many there are of the latter."""
    rows, objects, arrays = (part.ctypes.data for part in parts)
    return words([piece, plan_table.ctypes.data, rows, objects, compared, arrays, forms, 0])


@functools.cache
def is_possible() -> bool:
    """Whether there can be such functions here: in CPython with the GIL."""
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    return sys.implementation.name == "cpython" and locked and layout_is_known()


@once
def compiled() -> Module:
    """The module of the functions below: one for all plans."""
    for name in PYTHON_FUNCTIONS:
        llvm().add_symbol(name, ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value)
    return Module(module_text())


@once
def method() -> MethodDef:
    """The PyMethodDef of the function; plans differ in `self`."""
    found = MethodDef(b"enter", compiled().address("enter"), FASTCALL, None)
    found.module = compiled()
    return found


@once
def direct() -> Any:
    """The function `(bind, piece, arrays, results, table)` that runs a short plan; it returns the guard that failed.

    It holds the module that its code is in.
    """
    form = ctypes.PYFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 5)  # (the GIL stays held)
    found: Any = form(compiled().address("direct"))
    found.module = compiled()
    return found


def entrance(table: Any, *held: Any) -> Any:
    """The builtin function for a table of words. It holds the table, its own code, and what else it is given to hold.

    Python keeps no reference to a PyMethodDef. What a builtin has as its module may be any object: it is freed with it.
    """
    form = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    make = form(("PyCFunction_NewEx", ctypes.pythonapi))  # (a prototype of our own: `pythonapi`'s is the process's)
    described = method()
    return make(ctypes.addressof(described), table, (described, *held))
