"""What a program registers beside derivatives: definitions, constants, refusals, functions of its own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.lists import answering
from wengert.arrays.protocol import through_protocol
from wengert.arrays.table import CONSTANT_UFUNCS, FUNCTIONS, add_row, before_a_row, plain
from wengert.checks import options
from wengert.checks.advice import ARRAYS, array_function
from wengert.checks.refusals import name_of, plain_array
from wengert.custom.modes import on_arrays

__all__ = ["DEFINITIONS", "REFUSED", "composition", "dispatched", "piecewise_constant", "refused"]

F = TypeVar("F", bound=Callable[..., Any])
DEFINITIONS: dict[Any, Callable[..., Any]] = {}  # of functions that are answered by a composition of others
REFUSED: dict[Any, str] = {}  # function: what to write instead


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
        options.function(function, "a function", "piecewise_constant")
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
    options.function(function, "function", "composition")

    def register(definition: F) -> F:
        options.function(definition, "definition", "composition")
        FUNCTIONS[function] = answering(function, definition)
        DEFINITIONS[function] = definition
        return definition

    return register


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
        add_row(function, functools.partial(_refuse, function))


def _refuse(function: Any, args: Any, kwargs: Any = None) -> Any:
    # What the program called is another function of NumPy, where that has called this one.
    called, name = array_function(sys._getframe(1)), name_of(function)
    name, instead = (called, ARRAYS[called]) if called in ARRAYS else (name, REFUSED[function])
    raise TypeError(f"{name} takes no Variables; write {instead}, or leave the graph: x.data, x.detach()")


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
    if not str(getattr(function, "__module__", "")).startswith("wengert."):
        answered: Any = through_protocol(functools.wraps(function)(functools.partial(on_arrays, function)))
        answered.__wrapped__ = function  # (which gets what it is given)
        return answered  # type: ignore[no-any-return]

    def prepare(args: Any, kwargs: Any) -> Any:
        given = plain_array(name_of(function), [args, *kwargs.values()])
        return given[0], dict(zip(kwargs, given[1:], strict=True))

    return through_protocol(function, prepare)
