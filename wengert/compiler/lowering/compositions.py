"""Functions of NumPy written in other ones, as NumPy itself computes them: run on nodes, they are its lowering.

They serve what has no rule, and options that a rule does not take. Where they do not apply they raise `NotLowered`, and
the function stays one call. (Those that the table of derivatives defines by others are in `definitions`.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.compiler.graph.calls import Mutation, bound
from wengert.compiler.graph.graph import NotLowered
from wengert.compiler.lowering.rules import require

__all__ = ["COMPOSITIONS"]

F = TypeVar("F", bound=Callable[..., Any])
COMPOSITIONS: dict[Any, Callable[..., Any]] = {}
NO: Any = np._NoValue
LARGEST_TABLE = 1 << 16  # comparisons
ADD_AT = Mutation(bound(np.add, "at"))


def composition(*functions: Any) -> Callable[[F], F]:
    """Register the composition of functions."""

    def register(definition: F) -> F:
        COMPOSITIONS.update(dict.fromkeys(functions, definition))
        return definition

    return register


def must(condition: Any) -> None:
    """Raise unless a condition on arguments that are no arrays holds."""
    if not condition:
        raise NotLowered("the composition does not take these arguments")


def must_hold(condition: Any) -> None:
    """Add a guard of a condition that the run computes."""
    require(condition.node, condition.line)


# Reductions with a mask


def count(a: Any, axis: Any, keepdims: bool, where: Any) -> Any:
    """The number of elements that are averaged."""
    here = np.broadcast_to(True if where is NO else where, a.shape)
    return np.sum(here, axis=axis, keepdims=keepdims, dtype=np.int64)


def masked(where: Any) -> dict[str, Any]:
    return {} if where is NO or where is True else {"where": where}


@composition(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO, *, where: Any = NO) -> Any:
    must(out is None and dtype is None and a.dtype.kind in "fc" and a.dtype != np.float16 and where is not NO)
    total = np.sum(a, axis=axis, keepdims=keepdims is True, **masked(where))
    return np.true_divide(total, count(a, axis, keepdims is True, where)).astype(a.dtype)


@composition(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO, **options: Any
) -> Any:
    where, ddof = options.pop("where", NO), options.pop("correction", ddof)
    centre = options.pop("mean", NO)
    must(out is None and dtype is None and a.dtype.kind in "fc" and a.dtype != np.float16 and not options)
    number = count(a, axis, True, where)
    if centre is NO:
        centre = np.true_divide(np.sum(a, axis=axis, keepdims=True, **masked(where)), number)
    apart = a - centre.astype(a.dtype)
    squares = np.square(apart) if a.dtype.kind == "f" else np.square(np.real(apart)) + np.square(np.imag(apart))
    total = np.sum(squares, axis=axis, keepdims=keepdims is True, **masked(where))
    number = number if keepdims is True else count(a, axis, False, where)
    return np.true_divide(total, np.maximum(number - ddof, 0)).astype(total.dtype)


@composition(np.std)
def std(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO, **options: Any
) -> Any:
    return np.sqrt(var(a, axis, dtype, out, ddof, keepdims, **options))


def skipping(function: Any, value: float) -> Any:
    """np.nansum, np.nanprod."""

    def each(
        a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO, initial: Any = NO, **mask: Any
    ) -> Any:
        must(out is None and a.dtype.kind in "fc")
        filled = np.where(np.isnan(a), np.zeros((), a.dtype) + value, a)
        start = {} if initial is NO else {"initial": initial}
        return function(filled, axis=axis, dtype=dtype, keepdims=keepdims is True, **start, **mask)

    return each


def extremum(ufunc: np.ufunc) -> Any:
    """np.nanmax, np.nanmin."""

    def each(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO, initial: Any = NO, where: Any = NO) -> Any:
        must(out is None and a.dtype.kind == "f" and initial is not NO)
        a = (
            a
            if where is NO
            else np.where(where, a, (np.asarray(initial) if np.isscalar(initial) else initial).astype(a.dtype))
        )
        found = bound(ufunc, "reduce")(a, axis=axis, keepdims=keepdims is True)
        return ufunc(found, initial)

    return each


COMPOSITIONS |= {
    np.nansum: skipping(np.sum, 0.0),
    np.nanprod: skipping(np.prod, 1.0),
    np.nanmax: extremum(np.fmax),
    np.nanmin: extremum(np.fmin),
}


@composition(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO, *, where: Any = NO
) -> Any:
    must(out is None and dtype is None and a.dtype.kind == "f" and a.dtype != np.float16 and where is not NO)
    there = np.isnan(a)
    number = np.sum(np.logical_not(there), axis=axis, keepdims=keepdims is True, dtype=np.int64, where=where)
    total = np.sum(np.where(there, np.zeros((), a.dtype), a), axis=axis, keepdims=keepdims is True, where=where)
    return np.true_divide(total, number).astype(a.dtype)


# Kinds of numbers


@composition(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    must(out is None and x.dtype.kind == "f")
    return np.trunc(x)


# Comparisons


@composition(np.isclose)
def isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    b = b * np.ones((), np.result_type(b, 1.0))
    near = np.less_equal(np.absolute(np.subtract(a, b)), np.add(atol, np.multiply(rtol, np.absolute(b))))
    found = np.logical_or(np.logical_and(near, np.isfinite(b)), np.equal(a, b))
    return np.logical_or(found, np.logical_and(np.isnan(a), np.isnan(b))) if equal_nan else found


@composition(np.allclose)
def allclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    return np.all(isclose(a, b, rtol, atol, equal_nan))


@composition(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    must(np.shape(a1) == np.shape(a2) and not equal_nan)  # (else no elements are compared)
    return np.all(np.equal(a1, a2))


@composition(np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Any:
    must(kind is None and np.size(element) * np.size(test_elements) <= LARGEST_TABLE and np.size(test_elements) > 0)
    one = element if hasattr(element, "shape") else np.asarray(element)
    each = np.equal(one[..., None], np.ravel(test_elements))
    found = np.any(each, axis=-1)
    return np.logical_not(found) if invert else found


@composition(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO) -> Any:
    return extreme_place(np.argmax, -np.inf, a, axis, out, keepdims)


@composition(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO) -> Any:
    return extreme_place(np.argmin, np.inf, a, axis, out, keepdims)


def extreme_place(function: Any, value: float, a: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    must(out is None and a.dtype.kind == "f")
    missing = np.isnan(a)
    must_hold(np.logical_not(np.any(np.all(missing, axis=axis))))  # (else NumPy raises)
    return function(np.where(missing, np.zeros((), a.dtype) + value, a), axis=axis, keepdims=keepdims is True)


@composition(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    edges = np.asarray(bins, float)  # (raises for arrays that the run computes)
    must(edges.ndim == 1 and edges.size > 0 and bool(np.all(edges[:-1] <= edges[1:])))
    return x._call(np.searchsorted, (edges, x), {"side": "left" if right else "right"})


# Shapes


@composition(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    n = x.shape[0] if N is None else N
    must(type(n) is int and n > 0 and len(x.shape) == 1 and x.dtype.kind in "fc")
    x = x.astype(np.promote_types(x.dtype, int))
    found = np.ones_like(x)[:, None]
    if n > 1:
        columns = np.broadcast_to(x[:, None], (x.shape[0], n - 1)) + np.zeros((), x.dtype) if n > 2 else x[:, None]
        found = np.concatenate([found, bound(np.multiply, "accumulate")(columns, axis=1)], axis=1)
    return found if increasing else found[:, ::-1]


@composition(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = NO, append: Any = NO) -> Any:
    must(prepend is not NO or append is not NO)
    axis %= len(a.shape)

    def part(value: Any) -> list[Any]:
        if value is NO:
            return []
        if not np.ndim(value):
            return [np.broadcast_to(value, (*a.shape[:axis], 1, *a.shape[axis + 1 :]))]
        return [value if hasattr(value, "shape") else np.asarray(value)]

    return np.diff(np.concatenate([*part(prepend), a, *part(append)], axis), n, axis)


@composition(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    must(type(obj) is int and len(arr.shape) > 0)
    axis %= len(arr.shape)
    n = arr.shape[axis]
    must(-n <= obj <= n)
    at = obj + n if obj < 0 else obj
    values = (values if hasattr(values, "dtype") else np.asarray(values)).astype(arr.dtype)
    if len(values.shape) < len(arr.shape):  # (as NumPy does, where it inserts at one place)
        values = np.reshape(values, (*(1,) * (len(arr.shape) - len(values.shape)), *values.shape))
    values = np.moveaxis(values, 0, axis)
    values = np.broadcast_to(values, (*arr.shape[:axis], values.shape[axis], *arr.shape[axis + 1 :]))
    before, after = (slice(None),) * axis, (Ellipsis,)
    return np.concatenate([arr[(*before, slice(0, at), *after)], values, arr[(*before, slice(at, n), *after)]], axis)


@composition(np.vecdot, np.linalg.vecdot)
def vecdot(a: Any, b: Any, *, axis: int = -1) -> Any:
    must(axis != -1)
    return np.vecdot(np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1))


@composition(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    must(out is None and not overwrite_input and isinstance(axis, tuple) and len(axis) > 0)
    found = np.median(flattened(a, axis), axis=-1)
    return with_axes(found, a, axis) if keepdims else found


def flattened(a: Any, axes: tuple[int, ...]) -> Any:
    """An array with some of its axes as one, the last."""
    taken = [axis % len(a.shape) for axis in axes]
    kept = [i for i in range(len(a.shape)) if i not in taken]
    return np.reshape(np.transpose(a, (*kept, *sorted(taken))), (*(a.shape[i] for i in kept), -1))


def with_axes(found: Any, a: Any, axes: tuple[int, ...]) -> Any:
    """A result with the axes that were reduced."""
    taken = {axis % len(a.shape) for axis in axes}
    return np.reshape(found, tuple(1 if i in taken else n for i, n in enumerate(a.shape)))


@composition(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    must(p.dtype.kind == "f" and isinstance(period, (int, float)))
    axis %= len(p.shape)
    steps = np.diff(p, axis=axis)
    high = period / 2
    must(p.dtype == np.float64 and (discont is None or isinstance(discont, (int, float))))
    wrapped = np.mod(steps + high, period) - high
    wrapped = np.where(np.logical_and(np.equal(wrapped, -high), np.greater(steps, 0)), high, wrapped)
    correction = np.where(np.less(np.absolute(steps), high if discont is None else discont), 0.0, wrapped - steps)
    first = p[(*(slice(None),) * axis, slice(0, 1))]
    rest = p[(*(slice(None),) * axis, slice(1, None))]
    return np.concatenate([first, rest + np.cumsum(correction, axis=axis)], axis)


# Counts


@composition(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    must(not density and weights is None and a.dtype == np.float64 and len(a.shape) > 0)
    a = np.ravel(a)
    if type(bins) is not int:
        edges = np.asarray(bins, float)  # (raises for arrays that the run computes)
        must(edges.ndim == 1 and edges.size > 1 and bool(np.all(edges[:-1] <= edges[1:])))
        ordered = np.sort(a)
        counts = np.concatenate(
            [np.searchsorted(ordered, edges[:-1], "left"), np.searchsorted(ordered, edges[-1:], "right")]
        )
        return np.diff(counts), edges
    must(isinstance(range, tuple) and all(isinstance(x, (int, float)) for x in range) and range[0] < range[1])
    first, last = range
    edges = np.linspace(first, last, bins + 1)
    inside = np.logical_and(np.greater_equal(a, first), np.less_equal(a, last))
    # (elements beside the range are counted as nothing)
    place: Any = np.where(inside, (a - first) / (last - first) * bins, 0.0).astype(np.int64)
    place = np.where(np.equal(place, bins), place - 1, place)
    place = np.where(np.less(a, table(edges, place)), place - 1, place)
    up = np.logical_and(np.greater_equal(a, table(edges, place + 1)), np.not_equal(place, bins - 1))
    place = np.where(inside, np.where(up, place + 1, place), 0)
    return place._call(ADD_AT, (np.zeros(bins, np.int64), place, inside.astype(np.int64)), {}), edges


def table(values: Any, index: Any) -> Any:
    """Elements of a constant array, at an index that may be out of bounds where nothing is counted."""
    return index._call(np.take, (values, index), {"mode": "clip"})
