"""NumPy's protocols: which Function answers which NumPy call.

Two tables hold all that is known: `UFUNCS` for NEP 13 and `FUNCTIONS` for NEP 18. What is in
neither is refused by name, so that nothing leaves the graph silently.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.protocol import dispatched
from wengert.checks import refusals
from wengert.checks.refusals import name_of, refuse_out

__all__ = ["composition", "dispatched", "name_of", "piecewise_constant", "refuse_out", "refused"]

F = TypeVar("F", bound=Callable[..., Any])

UFUNCS: dict[np.ufunc, Callable[..., Any]] = {}  # called as UFUNCS[np.exp](args), or (args, kwargs)
FUNCTIONS: dict[Any, Callable[[tuple[Any, ...], dict[str, Any]], Any]] = {}

# A reduction or a running total by a ufunc's method is the function that NumPy has for it.
METHODS: dict[tuple[np.ufunc, str], Callable[..., Any]] = {
    (np.add, "reduce"): np.sum,
    (np.multiply, "reduce"): np.prod,
    (np.maximum, "reduce"): np.max,
    (np.minimum, "reduce"): np.min,
    (np.add, "accumulate"): np.cumsum,
    (np.multiply, "accumulate"): np.cumprod,
}

# Modules with rows that most programs do not need, and the package that each waits for. They are read when a
# call is not in the table yet and its package is imported. {"module with the rows": "scipy.special"}
LATE_TABLES: dict[str, str] = {}
reading = threading.RLock()


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


def answer_ufunc(ufunc: np.ufunc, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of `ufunc` that has a Variable among its arguments."""
    name = name_of(ufunc) if method == "__call__" else f"{name_of(ufunc)}.{method}"
    refuse_out(name, kwargs.pop("out", None))
    if ufunc not in UFUNCS and ufunc not in CONSTANT_UFUNCS:
        read_late_tables()
    if ufunc in CONSTANT_UFUNCS:
        return getattr(ufunc, method)(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
    if method == "__call__":
        refusals.check_where(name, kwargs.pop("where", True))
        call = UFUNCS.get(ufunc)
        if call is None:
            raise refusals.unknown(name, f"wengert.derivative({name}, lambda x: ...)")
        return call(args, kwargs)
    if any(level_of(x) > RECORDED for x in args):
        return NotImplemented
    if method == "outer" and len(args) == 2:
        a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in args)
        return ufunc(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)
    if (ufunc, method) in METHODS:
        kwargs.setdefault("axis", 0)
        return METHODS[ufunc, method](*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
    raise refusals.unknown_method(name)


def answer_function(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of `func` that has a Variable among its arguments."""
    if func not in FUNCTIONS:
        read_late_tables()
    call = FUNCTIONS.get(func)
    if call is None:
        name = name_of(func)
        raise refusals.unknown(name, f'@wengert.pullback({name}, "a")')
    if "out" in kwargs:
        kwargs = dict(kwargs)
        refuse_out(name_of(func), kwargs.pop("out"))
    return call(args, kwargs)


def plain(value: Any) -> Any:
    """Replace the Variables in nested lists and tuples by their arrays."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value._data if level_of(value) == RECORDED else value


CONSTANT_UFUNCS: set[np.ufunc] = set()


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


def refused(*functions: Any, instead: str) -> None:
    """Declare functions that take no Variables, and what to write in their place.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.refused(np.copyto, instead="np.where(mask, v, x)")
    >>> np.copyto(np.zeros(1), wengert.Variable(np.ones(1)))
    Traceback (most recent call last):
    TypeError: np.copyto takes no Variables; write np.where(mask, v, x), or leave the graph: x.data, x.detach()
    """
    before_a_row()
    for function in functions:
        REFUSED[function] = instead
        if isinstance(function, np.ufunc):
            UFUNCS[function] = functools.partial(_refuse, function)
        else:
            FUNCTIONS[function] = functools.partial(_refuse, function)


def _refuse(function: Any, args: Any, kwargs: Any = None) -> Any:
    raise TypeError(
        f"{name_of(function)} takes no Variables; write {REFUSED[function]}, or leave the graph: x.data, x.detach()"
    )


REFUSED: dict[Any, str] = {}  # function: what to write instead


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
