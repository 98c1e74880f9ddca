"""The table of what is known: which rule answers which NumPy call of a Variable, by NEP 13 and by NEP 18."""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.level import RECORDED, level_of

__all__ = [
    "CONSTANT_UFUNCS",
    "FUNCTIONS",
    "LATE_TABLES",
    "METHODS",
    "UFUNCS",
    "add_row",
    "before_a_row",
    "composition",
    "piecewise_constant",
    "plain",
    "read_late_tables",
    "row_of",
]

F = TypeVar("F", bound=Callable[..., Any])

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}  # called as UFUNCS[np.exp](args), or (args, kwargs)
FUNCTIONS: dict[Any, Callable[[tuple[Any, ...], dict[str, Any]], Any]] = {}
CONSTANT_UFUNCS: set[np.ufunc] = set()

# Modules with rows that most programs do not need, and the package that each waits for. They are read when a
# call is not in the table yet and its package is imported. {"module with the rows": "scipy.special"}
LATE_TABLES: dict[str, str] = {}
reading = threading.RLock()

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
        while ready := [module for module, package in LATE_TABLES.items() if package in sys.modules]:
            modules = {module: LATE_TABLES.pop(module) for module in ready}
            for module in modules:
                importlib.import_module(module)


def before_a_row() -> None:
    """Read our late rows before a program registers its own, which come last and so hold."""
    if not sys._getframe(2).f_globals.get("__name__", "").startswith("wengert."):
        read_late_tables()


def plain(value: Any) -> Any:
    """Replace the Variables in nested lists and tuples by their arrays."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value._data if level_of(value) == RECORDED else value


def piecewise_constant(*functions: Any) -> None:
    """Declare functions that give integers, booleans or positions: their results are plain arrays.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.piecewise_constant(np.signbit)
    >>> np.signbit(wengert.Variable(np.array([-1.0, 2.0])))
    array([ True, False])
    """
    before_a_row()
    for function in functions:
        if isinstance(function, np.ufunc):
            CONSTANT_UFUNCS.add(function)
        else:
            FUNCTIONS[function] = functools.partial(_call_plain, function)


def _call_plain(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})


def composition(function: Any) -> Callable[[F], F]:
    """Answer `function` by a definition in terms of others, from which its derivative follows.

    The definition takes the arguments of `function`, as far as it supports them.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.composition(np.ptp)
    ... def ptp(a, axis=None):
    ...     return np.max(a, axis) - np.min(a, axis)
    >>> np.ptp(wengert.Variable(np.array([1.0, 4.0])))
    Variable(3.)
    """

    before_a_row()

    def register(definition: F) -> F:
        def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return definition(*args, **kwargs)

        FUNCTIONS[function] = call
        return definition

    return register
