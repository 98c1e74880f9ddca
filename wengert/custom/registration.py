"""What a program registers: pullbacks, definitions, constants, refusals, functions of its own."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.lists import answering, kept_lists
from wengert.arrays.protocol import through_protocol
from wengert.arrays.table import CONSTANT_UFUNCS, FUNCTIONS, add_row, before_a_row, plain, row_of
from wengert.checks import options, refusals
from wengert.checks.advice import ARRAYS, array_function
from wengert.checks.refusals import name_of, plain_array
from wengert.checks.signature import parameter_names
from wengert.core.numpy_call import NumPyCall, Pullback
from wengert.custom.modes import on_arrays

__all__ = [
    "DEFINITIONS",
    "LINEAR",
    "REFUSED",
    "calls_plain",
    "composition",
    "dispatched",
    "piecewise_constant",
    "pullback",
    "refused",
]

F = TypeVar("F", bound=Callable[..., Any])
DEFINITIONS: dict[Any, Callable[..., Any]] = {}  # of functions that are answered by a composition of others
REFUSED: dict[Any, str] = {}  # function: what to write instead
LINEAR: dict[Any, dict[str, Any]] = {}  # function: the pullbacks of the arguments that it is linear in, by these


def pullback(function: Any, argument: str, reads: str | None = None, linear: bool = False) -> Callable[[F], F]:
    """Register how the gradient with respect to one argument of a function is computed, as a decorator.

    Parameters
    ----------
    function : callable
        One that NumPy dispatches (any in its namespace, ufuncs with a signature like np.matmul), or
        one of your own under `dispatched`.
    argument : str
        The parameter that the gradient is by.
    reads : str, optional
        The parameters whose values the pullback reads, separated by spaces; of the others it gets
        ``shape``, ``dtype``, ``ndim`` and ``size`` alone, and their memory is not held. By default
        it reads all.
    linear : bool
        Whether the function is linear in the argument. Forward mode then calls it with a tangent in the place of the
        argument (and with 0 for the others that it is linear in, unless a pullback reads these), in place of the
        pullback of the pullback.

    Returns
    -------
    callable
        A decorator for the pullback: ``pullback(gy, *args, **kwargs)`` is called with the gradient
        with respect to the result (a tuple for several results) and the arguments of the call, and returns the
        gradient with respect to `argument` (a list for a sequence of arrays). A keyword-only parameter ``y``
        gets the result. It must be written in differentiable NumPy, to hold to any order.

    Raises
    ------
    TypeError
        If `function` is not callable.
    ValueError
        If the pullback has no parameter called `argument`, or other parameters than those that the
        other pullbacks of `function` have.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.pullback(np.flip, "m", reads="", linear=True)
    ... def flip(gy, m, axis=None):
    ...     return np.flip(gy, axis)
    """
    refusals.check_function(function, argument, reads)
    options.flag(linear, "linear", "pullback")
    before_a_row()

    def register(rule: F) -> F:
        names = parameter_names(rule)
        by_place = names.by_place[1:]
        by_name = tuple(name for name in names.by_name if name != "y")
        wants_result = "y" in names.by_name
        made = _class_of(function)
        if made is None:
            made = _make(function, parameters=by_place, keywords=by_name, has_rest=names.has_rest)
        refusals.check_pullback(function, argument, reads, (by_place, by_name), (made.parameters, made.keywords))
        values = None if reads is None else frozenset(reads.split())
        made.pullbacks[argument] = Pullback(rule, values, wants_result)
        declared = LINEAR.setdefault(function, {})
        declared.pop(argument, None)  # (a pullback in the place of ours may be of another derivative)
        if linear:
            declared[argument] = made.pullbacks[argument]
        made.plans.clear()
        add_row(function, made.record)
        return rule

    return register


def _class_of(function: Any) -> Any:
    owner = getattr(row_of(function), "__self__", None)
    return owner if isinstance(owner, type) and issubclass(owner, NumPyCall) else None


def _make(function: Any, **settings: Any) -> type[NumPyCall]:
    title = "".join(word[:1].upper() + word[1:] for word in function.__name__.split("_"))
    texts = {"__slots__": (), "__doc__": f"A call of {name_of(function)}."}
    lists = kept_lists(function, settings["parameters"] + settings["keywords"])
    members = {
        "function": staticmethod(function),
        "pullbacks": {},
        "named": {},
        "plans": {},
        "lists": lists,
        **settings,
    }
    return type(title, (NumPyCall,), {**texts, **members})


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


def calls_plain(row: Any) -> bool:
    """Whether a row of the table is that of a piecewise constant function: it calls the function on plain arrays."""
    return getattr(row, "func", None) is _call_plain


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
