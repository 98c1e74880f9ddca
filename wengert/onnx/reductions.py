"""Rules for reductions, running totals, and softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.functions.exponential_sums import log_softmax, logsumexp, softmax
from wengert.onnx.symbol import NoRule, operand, rule
from wengert.onnx.trace import Trace

__all__ = ["axes_of"]


def axes_of(axis: Any, ndim: int) -> Any:
    """The axes of a reduction as an array, None for all of them."""
    if axis is None:
        return None
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return np.array([i % ndim for i in axes], np.int64)


def reduce(trace: Trace, op: str, x: str, axes: Any, keepdims: bool) -> Any:
    if axes is not None and not axes.size:  # (ONNX would take all)
        raise NoRule
    return trace.emit(op, x, axes, keepdims=int(keepdims))


def reduction(op: str, *functions: Any) -> None:
    @rule(*functions)
    def reduced(
        trace: Trace, value: Any, a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, **others: Any
    ) -> Any:
        if {name for name, given in others.items() if given is not np._NoValue}:
            raise NoRule
        return reduce(trace, op, operand(trace, a, value.dtype), axes_of(axis, a.ndim), keepdims is True)


def extremum(op: str, beside: str, *functions: Any) -> None:
    @rule(*functions)
    def reduced(
        trace: Trace, value: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False,
        initial: Any = np._NoValue,
    ) -> Any:  # fmt: skip
        found = reduce(trace, op, operand(trace, a), axes_of(axis, a.ndim), keepdims is True)
        return found if initial is np._NoValue else trace.emit(beside, found, np.asarray(initial, value.dtype))


reduction("ReduceSum", np.sum)
reduction("ReduceProd", np.prod)
reduction("ReduceMean", np.mean)
extremum("ReduceMax", "Max", np.max, np.amax)
extremum("ReduceMin", "Min", np.min, np.amin)


@rule(np.linalg.vector_norm)
def vector_norm(trace: Trace, value: Any, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    if ord not in (1, 2):
        raise NoRule
    return reduce(trace, f"ReduceL{ord}", operand(trace, x, value.dtype), axes_of(axis, x.ndim), keepdims)


def of_booleans(op: str, function: Any) -> None:
    """Whether all, or any, are true: the least or greatest of 0 and 1."""

    @rule(function)
    def reduced(trace: Trace, value: Any, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
        ones = operand(trace, a, np.bool_)
        ones = trace.emit("Cast", ones, to=np.dtype(np.int32))
        return trace.emit("Cast", reduce(trace, op, ones, axes_of(axis, a.ndim), keepdims is True), to=np.dtype(bool))


of_booleans("ReduceMin", np.all)
of_booleans("ReduceMax", np.any)


def spread(function: Any, root: bool) -> None:
    """The variance, or its root."""

    @rule(function)
    def found(
        trace: Trace, value: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
        keepdims: Any = False, **others: Any,
    ) -> Any:  # fmt: skip
        if ddof or {name for name, given in others.items() if given is not np._NoValue}:
            raise NoRule
        x, axes = operand(trace, a, value.dtype), axes_of(axis, a.ndim)
        away = trace.emit("Sub", x, reduce(trace, "ReduceMean", x, axes, True))
        variance = reduce(trace, "ReduceMean", trace.emit("Mul", away, away), axes, keepdims is True)
        return trace.emit("Sqrt", variance) if root else variance


spread(np.var, False)
spread(np.std, True)


def position(op: str, function: Any) -> None:
    @rule(function)
    def found(trace: Trace, value: Any, a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        x = operand(trace, a)
        if axis is None:
            x, axis = trace.emit("Reshape", x, np.array([-1])), 0
        return trace.emit(op, x, axis=int(axis), keepdims=int(keepdims is True))


position("ArgMax", np.argmax)
position("ArgMin", np.argmin)


@rule(np.cumsum)
def cumsum(trace: Trace, value: Any, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    x = operand(trace, a, value.dtype)
    if axis is None:
        x, axis = trace.emit("Reshape", x, np.array([-1])), 0
    return trace.emit("CumSum", x, np.asarray(int(axis)))


def over_axis(function: Any, op: str) -> None:
    @rule(function)
    def called(trace: Trace, value: Any, x: Any, axis: Any = -1) -> Any:
        if not isinstance(axis, int):
            raise NoRule
        return trace.emit(op, operand(trace, x, value.dtype), axis=axis)


over_axis(softmax, "Softmax")
over_axis(log_softmax, "LogSoftmax")


@rule(logsumexp)
def log_of_sum(trace: Trace, value: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    name, axes = operand(trace, x, value.dtype), axes_of(axis, x.ndim)
    top = reduce(trace, "ReduceMax", name, axes, True)
    total = reduce(trace, "ReduceSum", trace.emit("Exp", trace.emit("Sub", name, top)), axes, keepdims)
    top = top if keepdims else reduce(trace, "ReduceMax", name, axes, False)
    return trace.emit("Add", trace.emit("Log", total), top)


def ordering(function: Any, place: int) -> None:
    """Sorting: the lowest of all, in order, or their places."""

    @rule(function)
    def called(trace: Trace, value: Any, a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
        x = operand(trace, a)
        if axis is None:
            x, axis = trace.emit("Reshape", x, np.array([-1])), 0
        count = np.array([value.shape[axis]], np.int64)
        return trace.emit("TopK", x, count, outputs=2, axis=int(axis), largest=0, sorted=1)[place]


ordering(np.sort, 0)
ordering(np.argsort, 1)
