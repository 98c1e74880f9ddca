"""Arrays that a program makes to write into: ``np.zeros_like(x)``, ``np.zeros(n, like=x)``, `wengert.zeros`, copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.level import BATCHED, RECORDED, level_of
from wengert.arrays.lists import NOT_ARRAYS, holds_variables, stacked
from wengert.arrays.table import FUNCTIONS, plain
from wengert.checks.refusals import plain_array
from wengert.core.variable import Variable, array_of
from wengert.functions.prepared import has_derivative, prepared
from wengert.writes.memory import Memory
from wengert.writes.written import AS_GIVEN, Written, is_scalar, new_array, on_memory

__all__ = ["CONSTANTS_LIKE", "CREATING", "OF_VARIABLES", "array", "empty", "eye", "full", "ones", "zeros"]

# Functions with like=, which make arrays of what is no array.
CREATING: tuple[Any, ...] = (
    *(np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.arange, np.tri),
    *(np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.require),
    *(np.fromfunction, np.fromiter, np.frombuffer, np.fromstring, np.fromfile, np.loadtxt, np.genfromtxt),
)


# (Names of NumPy stand for other functions in a block of `unmodified`: see there.)
ARRAY, CONTIGUOUS = np.array, (np.ascontiguousarray, np.asfortranarray)


@prepared(np.copy)
def copy(row: Any, a: Any, order: Any = "K", subok: bool = False) -> Any:
    return written_result(row(a, order, subok))


def written_result(result: Any) -> Any:
    """Make of a new result one that can be written to without a copy."""
    is_new = type(result) is Variable and result.dtype.kind in "fc" and level_of(array_of(result)) < BATCHED
    memory = Memory.of_result(result) if is_new else None
    return result if memory is None else on_memory(memory, None)


@prepared(np.full_like)
def full_like(row: Any, *args: Any, **kwargs: Any) -> Any:
    return new_array(row(*args, **kwargs))


def constants_like(function: Any) -> Callable[[Any, Any], Any]:
    """Make the row of a function that makes an array of constants with the shape and dtype of another."""

    def call(args: Any, kwargs: Any) -> Any:
        found = function(*map(plain, args), **{name: plain(v) for name, v in kwargs.items()})
        return new_array(np.array(found) if isinstance(found, np.memmap) else found)

    return call


CONSTANTS_LIKE = (np.zeros_like, np.ones_like, np.empty_like)
for _function in CONSTANTS_LIKE:
    FUNCTIONS[_function] = constants_like(_function)


def created(function: Any) -> Callable[[Any, Any], Any]:
    """Make the row of a function that makes an array, called with ``like=`` a Variable."""

    def call(args: Any, kwargs: Any) -> Any:
        given = (*args, *kwargs.values())
        if not holds_variables(given):
            return new_array(function(*args, **kwargs))
        definition = OF_VARIABLES.get(function)
        if definition is None:
            return new_array(function(*map(plain, args), **{name: plain(v) for name, v in kwargs.items()}))
        return definition(function, *args, **kwargs)

    return call


def array_of_variables(
    function: Any,
    object: Any,
    dtype: Any = None,
    *,
    copy: Any = None,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    device: Any = None,
) -> Any:
    """Make an array of a Variable, or of nested lists that hold some."""
    is_new = type(object) in (list, tuple)
    found = stacked(object) if is_new else object
    if dtype is not None and found.dtype != np.dtype(dtype):
        found, is_new = found.astype(np.dtype(dtype)), True
    wants_copy = copy if copy is not None else function is ARRAY
    if is_new:
        found = written_result(found)
    elif wants_copy or (isinstance(found, Variable) and is_scalar(found)):
        found = np.copy(found, order)
    if function in CONTIGUOUS and found.ndim == 0:
        found = np.reshape(found, (1,))
    return np.reshape(found, (1,) * (ndmin - found.ndim) + found.shape) if found.ndim < ndmin else found


def required(function: Any, a: Any, dtype: Any = None, requirements: Any = None) -> Any:
    """Make an array of a Variable that has a layout; all are written to."""
    found = array_of_variables(np.asanyarray, a, dtype)
    wanted: Any = [requirements] if isinstance(requirements, str) else requirements or []
    wanted = [each for each in wanted if each.upper() not in ("W", "WRITEABLE")]
    laid_out = np.require(plain(found), None, wanted)
    return found if np.may_share_memory(laid_out, plain(found)) else np.copy(found, "F" if laid_out.flags.fnc else "C")


def full_of(
    function: Any, shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", *, device: Any = None
) -> Any:
    """Fill an array with the values of a Variable."""
    if not has_derivative(dtype):
        return np.full(shape, plain(fill_value), dtype, order)
    value = stacked(fill_value) if dtype is None else stacked(fill_value).astype(dtype)
    return np.copy(np.broadcast_to(value, plain(shape)), order)


def range_of(function: Any, *args: Any, dtype: Any = None, device: Any = None) -> Any:
    """Count from a start by a step, which may be Variables."""
    start, step = (0, 1) if len(args) == 1 else (args[0], args[2] if len(args) == 3 else 1)
    count = len(np.arange(*map(plain, args)))
    found = start + step * np.arange(count)
    return found if dtype is None else found.astype(np.dtype(dtype))


OF_VARIABLES: dict[Any, Any] = {
    **dict.fromkeys((np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray), array_of_variables),
    np.require: required,
    np.full: full_of,
    np.arange: range_of,
}
for _function in CREATING:
    FUNCTIONS[_function] = created(_function)
AS_GIVEN.update(CREATING)  # (NumPy leaves out like=, so that no argument may be left to say whose call it is)
NOT_ARRAYS.update(CREATING)


# The same by functions of our own, for programs without an array that the new one is to be like.


def made(function: Any, args: Any, kwargs: Any) -> Any:
    if holds_variables((*args, *kwargs.values())):
        return created(function)(args, kwargs)
    found = function(*plain_array(f"wengert.{function.__name__}", args), **kwargs)
    return new_array(found) if level_of(found) < RECORDED else found


def zeros(shape: Any, dtype: Any = float, order: Any = "C") -> Any:
    """Make an array of zeros into which Variables can be written.

    Parameters
    ----------
    shape, dtype, order
        As of ``np.zeros``.

    Returns
    -------
    Variable
        A constant at first. Of an integer or boolean dtype, which has no derivative, an ndarray.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array([1.0, 2.0]))
    >>> y = wengert.zeros(3)
    >>> y[1:] = x ** 2
    >>> np.sum(y).backward()
    >>> y, x.grad
    (Variable([0., 1., 4.]), array([2., 4.]))
    """
    return made(np.zeros, (shape, dtype, order), {})


def empty(shape: Any, dtype: Any = float, order: Any = "C") -> Any:
    """Make an array of any numbers, all of which are to be written over: see `zeros` and ``np.empty``.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> y = wengert.empty((2, 2))
    >>> y[...] = np.eye(2)
    >>> y
    Variable([[1., 0.],
              [0., 1.]])
    """
    return made(np.empty, (shape, dtype, order), {})


def ones(shape: Any, dtype: Any = float, order: Any = "C") -> Any:
    """Make an array of ones into which Variables can be written: see `zeros` and ``np.ones``.

    Examples
    --------
    >>> import wengert
    >>> wengert.ones(2)
    Variable([1., 1.])
    """
    return made(np.ones, (shape, dtype, order), {})


def full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C") -> Any:
    """Make an array of one value, also a Variable, into which Variables can be written: see `zeros` and ``np.full``.

    Examples
    --------
    >>> import wengert
    >>> wengert.full(2, 0.5)
    Variable([0.5, 0.5])
    """
    return made(np.full, (shape, fill_value, dtype, order), {})


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: Any = "C") -> Any:
    """Make ones on a diagonal, and zeros elsewhere, into which Variables can be written: see `zeros` and ``np.eye``.

    Examples
    --------
    >>> import wengert
    >>> wengert.eye(2)
    Variable([[1., 0.],
              [0., 1.]])
    """
    return made(np.eye, (N, M, k, dtype, order), {})


def array(object: Any, dtype: Any = None, *, copy: bool = True, ndmin: int = 0) -> Any:
    """Make an array of nested lists of numbers, Variables and arrays, into which Variables can be written.

    Parameters
    ----------
    object, dtype, copy, ndmin
        As of ``np.array``.

    Returns
    -------
    Variable
        Of an integer or boolean dtype, which has no derivative, an ndarray.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array(2.0))
    >>> y = wengert.array([1.0, x, x ** 2])
    >>> y[0] = x ** 3
    >>> np.sum(y).backward()
    >>> y, x.grad
    (Variable([8., 2., 4.]), array(17.))
    """
    object = plain_array("wengert.array", object)
    if isinstance(object, Written) or level_of(object) >= RECORDED or holds_variables([object]):
        return array_of_variables(ARRAY, object, dtype, copy=copy, ndmin=ndmin)
    return made(np.array, (object, dtype), {"copy": copy, "ndmin": ndmin})
