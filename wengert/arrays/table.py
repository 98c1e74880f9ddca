"""The table of what is known: which rule answers which NumPy call of a Variable, by NEP 13 and by NEP 18."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.level import ATOMS, RECORDED, level_of
from wengert.arrays.values import array_of_foreign, is_foreign

__all__ = [
    "CONSTANT_UFUNCS",
    "FUNCTIONS",
    "INTO",
    "LATE_TABLES",
    "METHODS",
    "UFUNCS",
    "add_row",
    "before_a_row",
    "half_read",
    "plain",
    "read_late_tables",
    "row_of",
]

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}  # called as UFUNCS[np.exp](args), or (args, kwargs)
FUNCTIONS: dict[Any, Callable[..., Any]] = {}  # called as FUNCTIONS[np.sum](args, kwargs)
CONSTANT_UFUNCS: set[np.ufunc] = set()
INTO = "out="  # FUNCTIONS[INTO](function, method, args, kwargs, out) answers the calls that write into arrays

# Modules with rows that most programs do not need, and the package that each waits for. They are read when a
# call is not in the table yet and its package is imported. {"module with the rows": "scipy.special"}
LATE_TABLES: dict[str, str] = {}
reading = threading.RLock()
half_read: list[str] = []  # modules that are being read: what follows a row there may still change it

# A reduction or a running total by a ufunc's method is the function that NumPy has for it.
METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}


def add_row(function: Any, call: Callable[..., Any]) -> None:
    """Have `call` answer a NumPy function or ufunc."""
    table: Any = UFUNCS if isinstance(function, np.ufunc) else FUNCTIONS
    table[function] = call


def row_of(function: Any) -> Any:
    """Return what answers a NumPy function or ufunc, or None."""
    table: Any = UFUNCS if isinstance(function, np.ufunc) else FUNCTIONS
    return table.get(function)


def read_late_tables() -> None:
    """Read the rows that wait for packages that are imported by now."""
    with reading:  # whoever comes second waits until all rows are there
        while ready := [m for m, package in LATE_TABLES.items() if package in sys.modules and m not in half_read]:
            half_read.extend(ready)
            try:
                for module in ready:
                    importlib.import_module(module)
                    del LATE_TABLES[module]  # (those that an interrupt has left are read the next time)
            finally:
                del half_read[-len(ready) :]


def before_a_row() -> None:
    """Read our late rows before a program registers its own, which come last and so hold."""
    if not sys._getframe(2).f_globals.get("__name__", "").startswith("wengert."):
        read_late_tables()


def plain(value: Any) -> Any:
    """Replace the Variables in nested lists and tuples by their arrays, and what NumPy converts by what it makes."""
    if type(value) in ATOMS:
        return value
    if isinstance(value, (list, tuple)):
        return value if ATOMS.issuperset(map(type, value)) else type(value)(map(plain, value))
    if level_of(value) != RECORDED:
        return array_of_foreign(value) if is_foreign(value) else value
    return value.data if getattr(value, "is_written", False) else value._data
