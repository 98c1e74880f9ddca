"""`unmodified`: NumPy programs that make arrays and write into them, as they are."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from wengert.arrays.lists import holds_variables
from wengert.checks.conversions import differentiating
from wengert.core.node import maker_of
from wengert.core.variable import Variable, array_of
from wengert.custom.modes import making
from wengert.writes.creation import CREATING, created
from wengert.writes.memory import Memory
from wengert.writes.stand_ins import arrays_made_by, called, is_library
from wengert.writes.written import new_array, on_memory

__all__ = ["call_where_differentiated", "make_where_differentiated", "unmodified", "unmodified_call"]


@contextmanager
def unmodified() -> Iterator[None]:
    """Let the arrays of floating numbers that NumPy makes in this block take Variables.

    In the block, and in what is called from it in the same thread and context, NumPy's functions that make arrays
    (``np.zeros``, ``np.empty``, ``np.ones``, ``np.full``, ``np.eye``, ``np.arange``, ``np.linspace``, ``np.array``,
    ``np.copy``, ``np.concatenate``, ``np.where`` and their kin) return arrays into which Variables can be written:
    constants at first, which NumPy's functions take as any array. So a program that fills arrays is differentiated as
    it is.

    What it does: as long as any such block is active, the names of NumPy and of these functions in the modules of the
    program (those that are not installed, and the one that opens the block) stand for a module and for functions that
    ask whether they were called inside of one, and do what they always do if not. NumPy itself, installed packages and
    compiled code are left alone. Arrays of integers and booleans stay ndarrays. Arrays from elsewhere (arguments that
    are not differentiated, random numbers, files) are ndarrays, and take no Variables;
    ``wengert.grad(f, unmodified=True)`` makes those among the arguments of `f` ones that do, and counts the module of
    `f` to the program.

    Works as a ``with`` block and as a decorator.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> def running_sum(x):
    ...     y = np.zeros(len(x))
    ...     y[0] = x[0]
    ...     for i in range(1, len(x)):
    ...         y[i] = y[i - 1] + x[i]
    ...     return y
    >>> x = wengert.Variable(np.array([1.0, 2.0, 3.0]))
    >>> with wengert.unmodified():
    ...     y = running_sum(x)
    >>> y.backward()
    >>> y, x.grad
    (Variable([1., 3., 6.]), array([3., 2., 1.]))
    """
    frame: Any = sys._getframe(1)
    while frame is not None and is_library(frame.f_code.co_filename):
        frame = frame.f_back
    outer = (making.get() or (None, None))[1]
    with arrays_made_by(functools.partial(make_written, outer), outer, *([] if frame is None else [frame.f_globals])):
        yield


def make_written(outer: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """Make an array that takes Variables by one of NumPy's functions, or by what stands around the block."""
    if function in CREATING and holds_variables((*args, *kwargs.values())):
        return new_array(created(function)(args, kwargs))
    return new_array(function(*args, **kwargs) if outer is None else outer(function, args, kwargs))


def make_where_differentiated(outer: Any, function: Any, args: Any, kwargs: Any) -> Any:
    """Make an array that takes Variables in a function that is differentiated, and one by `outer` elsewhere."""
    if differentiating.get():
        return make_written(outer, function, args, kwargs)
    return function(*args, **kwargs) if outer is None else outer(function, args, kwargs)


def call_where_differentiated(f: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function so that arrays which it makes take Variables where it is differentiated."""
    with (
        nullcontext()
        if making.get() is not None
        else arrays_made_by(functools.partial(make_where_differentiated, None), None)
    ):
        return called(f, args, kwargs)


def unmodified_call(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make the function that calls `f` in such a block, with arrays that take Variables for the arrays it is given."""

    @functools.wraps(f, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        with unmodified():
            known: dict[int, Any] = {}
            return called(f, as_written_to(list(args), known), as_written_to(kwargs, known))

    return call


def as_written_to(value: Any, known: dict[int, Any]) -> Any:
    """Replace arrays of floating numbers, also in lists, tuples and dicts, by handles on them that take Variables.

    An array that is given twice is one (`known`). Variables come as handles too: calls that take their value before a
    write then refer to that value, and not to what refers to all that follows.
    """
    if type(value) in (list, tuple):
        return type(value)([as_written_to(v, known) for v in value])
    if type(value) is dict:
        return {name: as_written_to(v, known) for name, v in value.items()}
    is_result = type(value) is Variable and maker_of(value) is not None and value.ndim
    array = array_of(value) if is_result else value
    if type(array) is not np.ndarray or array.dtype.kind not in "fc" or not array.flags.c_contiguous:
        return value
    if id(value) not in known:
        known[id(value)] = on_memory(Memory(value), None)
    return known[id(value)]
