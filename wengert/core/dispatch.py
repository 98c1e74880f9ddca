"""NumPy's protocols: which Function answers which NumPy call.

Two tables hold all that is known: `UFUNCS` for NEP 13 and `FUNCTIONS` for NEP 18. What is in
neither is refused by name, so that nothing leaves the graph silently.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from wengert.core import options
from wengert.core.errors import describe

__all__ = ["composition", "dispatched", "piecewise_constant", "refuse_out", "refused"]

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

# Functions that convert what they are given, by module and name, and what to write in their place.
CONVERTING: dict[str, str] = {}

# The module that finds out which function converted a Variable; read when one did.
FINDER: list[str] = []


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
        if kwargs.pop("where", True) is not True:
            raise TypeError(
                f"{name} of a Variable does not take where=, which leaves the rest of the result undefined; "
                f"write np.where(mask, {name}(x), other)"
            )
        call = UFUNCS.get(ufunc)
        if call is None:
            raise unknown(name, f"wengert.derivative({name}, lambda x: ...)")
        return call(args, kwargs)
    if method == "outer" and len(args) == 2:
        a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in args)
        return ufunc(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)
    if (ufunc, method) in METHODS:
        kwargs.setdefault("axis", 0)
        return METHODS[ufunc, method](*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
    raise TypeError(
        f"{name} is not differentiated; write it with functions that are (np.sum, np.cumsum, np.max, indexing), "
        "or leave the graph: x.data, x.detach()"
    )


def answer_function(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of `func` that has a Variable among its arguments."""
    if func not in FUNCTIONS:
        read_late_tables()
    call = FUNCTIONS.get(func)
    if call is None:
        name = name_of(func)
        raise unknown(name, f'@wengert.pullback({name}, "a")')
    if "out" in kwargs:
        kwargs = dict(kwargs)
        refuse_out(name_of(func), kwargs.pop("out"))
    try:
        return call(args, kwargs)
    except (AttributeError, TypeError):
        refuse_valueless(func, (*args, *kwargs.values()))
        raise


def refuse_valueless(func: Any, args: Iterable[Any]) -> None:
    """Raise if an argument is a Variable that holds nothing, which is why a call has failed."""
    for value in args:
        if isinstance(value, (list, tuple)):
            refuse_valueless(func, value)
        elif hasattr(value, "_creator") and value._data is None:
            operand(name_of(func), value)


def refuse_out(name: str, out: Any) -> None:
    """Raise if a result is to be written into an array, where the graph would lose it."""
    if any(o is not None for o in (out if isinstance(out, tuple) else (out,))):
        raise TypeError(
            f"{name} of a Variable does not write into out=, because the graph would lose the result; "
            f"use what it returns, y = {name}(...) (and y = y + x in place of y += x on an ndarray y)"
        )


def unknown(name: str, how: str) -> TypeError:
    """Make the error for a call that no derivative is known for."""
    return TypeError(
        f"{name} has no derivative here, so that its result would silently leave the graph; "
        f"register one ({how}), or leave the graph: x.data, x.detach()"
    )


def left_the_graph() -> TypeError:
    """Make the error for np.asarray(variable): what to write instead, or how to register the function."""
    read_late_tables()
    where, name, parameters, argument, instead = importlib.import_module(FINDER[0]).converting(sys._getframe(2))
    if instead:
        return TypeError(f"{name} takes no Variables; write {instead}, or leave the graph: x.data")
    short = name.rpartition(".")[2]
    return TypeError(
        f"np.asarray of a Variable{where} would silently leave the graph; leave it by x.data, x.detach(), join a "
        "list of Variables by np.stack, or give the function that converts its arguments a derivative, in three "
        "lines, and call it by its new name:\n"
        f'    {short} = wengert.dispatched({name})\n    @wengert.pullback({short}, "{argument}")\n'
        f"    def {short}_pullback(gy, {', '.join(parameters)}): return ...  # the gradient by {argument}"
    )


def name_of(func: Any) -> str:
    """Name a function as one would write it: ``np.linalg.solve``."""
    name = getattr(func, "__name__", str(func))
    if isinstance(func, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is func else name
    module = (getattr(func, "__module__", None) or "").replace("_operator", "operator")
    return f"{module}.{name}".replace("numpy", "np", 1) if module else name


def plain(value: Any) -> Any:
    """Replace the Variables in nested lists and tuples by their arrays."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value._data if hasattr(value, "_creator") else value


CONSTANT_UFUNCS: set[np.ufunc] = set()


def piecewise_constant(*functions: Any) -> None:
    """Declare functions of whole numbers, truths or positions: they give plain arrays.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.piecewise_constant(np.signbit)
    >>> np.signbit(wengert.Variable(np.array([-1.0, 2.0])))
    array([ True, False])
    """
    before_a_row()
    for function in functions:
        options.function(function, "a function", "piecewise_constant")
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
    options.text(instead, "instead", "refused")
    for function in functions:
        options.function(function, "a function", "refused")
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
    options.function(function, "function", "composition")

    def register(definition: F) -> F:
        options.function(definition, "definition", "composition")

        def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return definition(*args, **kwargs)

        FUNCTIONS[function] = call
        return definition

    return register


def dispatched(function: F) -> F:
    """Let a function of our own be answered as NumPy's are: Variables find it in the table.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.dispatched
    ... def double(a):
    ...     return 2 * a
    >>> @wengert.pullback(double, "a")
    ... def double_pullback(gy, a):
    ...     return 2 * gy
    >>> double(wengert.Variable(np.array(3.0))).creator.name
    'Double'
    """

    options.function(function, "function", "dispatched")

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        for arg in (*args, *kwargs.values()):
            for value in arg if isinstance(arg, (list, tuple)) else (arg,):
                if type(value) is not np.ndarray and hasattr(value, "__array_function__"):
                    if isinstance(value, np.ndarray) or getattr(value, "_data", value) is None:
                        if type(value) is not np.memmap:
                            operand(name_of(public), value)
                        continue
                    answer = value.__array_function__(public, (type(value),), args, kwargs)
                    if answer is not NotImplemented:
                        return answer
        return function(*args, **kwargs)

    public.__wrapped__ = function
    return public  # type: ignore[return-value]


def operand(name: str, value: Any) -> bool:
    """Whether a constant may stand beside a Variable; raise TypeError if it holds no numbers."""
    if getattr(value, "_data", value) is None and value is not None:
        raise TypeError(f"{name} takes Variables that hold an array, but got {describe(value)}, whose data is None")
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        if dtype.kind not in "biufc":
            raise TypeError(
                f"{name} of a Variable takes numbers, but got {describe(value)}; convert it: a.astype(float)"
            )
        if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
            raise TypeError(
                f"{name} of a Variable takes plain ndarrays, but got {describe(value)}, which calculates by rules of "
                "its own; convert it: np.asarray(a), or for a masked array a.filled(0)"
            )
        return isinstance(value, np.generic) or hasattr(value, "__array_function__")
    if isinstance(value, (list, tuple)):
        return operand(name, np.asarray(value))
    return isinstance(value, (bool, int, float, complex))
