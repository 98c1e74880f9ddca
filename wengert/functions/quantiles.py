"""Derivatives of quantiles with respect to their probabilities `q` and their `weights`.

A quantile is the linear interpolation between the elements in order, at a position that grows with `q`. So its
derivative is the difference of the two elements around it, times the rate of the position. On an element, where the
slope jumps, it is the mean of the slopes on both sides (at the ends of [0, 1] the one inside), so that what is smooth
by symmetry is right: quantile(a, 0.5 + t) - quantile(a, 0.5 - t).

It is 0 with respect to `q` for the methods that step from element to element, and with respect to the weights, which
choose an element: as for `np.floor`, also at a step.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import as_array
from wengert.core.variable import Variable
from wengert.custom.registration import dispatched, pullback
from wengert.functions.contraction import array
from wengert.functions.prepared import prepared
from wengert.functions.reduction import NONE, converted, no_gradient
from wengert.functions.sorting import as_rows, in_rows
from wengert.functions.strong_zero import strong_zero_multiply

# The parameters of the methods that interpolate (Hyndman and Fan, 1996): the position of q among n elements is
# n q + alpha + q (1 - alpha - beta) - 1, within 0 and n - 1. {method: (alpha, beta)}
INTERPOLATING = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3.0, 1 / 3.0),
    "normal_unbiased": (3 / 8.0, 3 / 8.0),
}


@dispatched
def beside(y: Any, x: Any) -> Any:
    """Return `y`, of which the derivative with respect to `x` is 0."""
    return np.copy(y) if np.ndim(y) else y[()]  # a number


@pullback(beside, "y", reads="")
def beside_wrt_value(gy: Any, y: Any, x: Any) -> Any:
    return gy


@pullback(beside, "x", reads="")
def beside_wrt_other(gy: Any, y: Any, x: Any) -> Any:
    return no_gradient(gy, x)


def with_slope(y: Any, x: Any, slope: Any) -> Any:
    """Return `y`, with the derivative `slope` with respect to `x`, which broadcasts against `y`.

    `slope` may depend on what `y` depends on, but not on `x`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array(2.0))
    >>> with_slope(np.array([5.0, 6.0]), x, np.array([1.0, 10.0])).backward()
    >>> x.grad
    array(11.)
    """
    # The step is 0, but not its derivatives with respect to x, and x and the slope. (A slope may be infinite.)
    return y + strong_zero_multiply(slope, x - plain(x)).astype(y.dtype)


def slopes(rows: Any, counts: Any, q: Any, method: str) -> Any:
    """For each row and each of the probabilities `q`, the derivative of the quantile of its first `counts` elements."""
    last = np.maximum(counts[:, None] - 1, 0)
    alpha, beta = INTERPOLATING[method]
    # To find the same elements, NumPy's formulas, in the precision of q.
    precision = q.dtype if q.dtype.kind == "f" else float
    if method == "linear":
        at = last.astype(precision) * q
    else:
        at = counts[:, None].astype(precision) * q + (alpha + q * (1 - alpha - beta)) - 1
    before = np.clip(np.ceil(at).astype(int) - 1, 0, last)
    after = np.clip(np.floor(at).astype(int) + 1, 0, last)
    share = np.where((at == np.floor(at)) & (q > 0) & (q < 1), 0.5, 1.0)
    ordered = np.sort(rows, axis=-1)
    return (in_rows(ordered, after) - in_rows(ordered, before)) * (share * (counts[:, None] + (1 - alpha - beta)))


def differentiable_quantile(function: Any, skips_nan: bool, scale: int) -> Callable[..., Any]:
    """Make the definition that answers a quantile where its `q`, in units of 1 / `scale`, may be a Variable."""

    def quantile(
        row: Any,
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: Any = False,
        method: str = "linear",
        keepdims: Any = NONE if skips_nan else False,
        *,
        weights: Any = None,
    ) -> Any:
        settings = (axis, out, overwrite_input, method, keepdims)
        if not isinstance(q, Variable) and not isinstance(weights, Variable):
            return row(a, q, *settings, weights=weights)
        a, at = array(a), array(plain(q))
        if isinstance(a, Variable):
            y = row(a, at, *settings, weights=plain(weights))
        else:
            y = as_array(function(a, at, *settings, weights=plain(weights)))
        if isinstance(weights, Variable):
            y = beside(y, weights)
        if not isinstance(q, Variable):
            return y
        if not y.size:
            return beside(y, q)
        slope: Any = np.zeros(y.shape, y.dtype)
        if method in INTERPOLATING and weights is None:
            rows = converted(as_rows(a, axis), np.result_type(y.dtype, np.float32))  # (halves would overflow)
            counts = np.sum(np.logical_not(np.isnan(rows)), axis=-1) if skips_nan else np.full(len(rows), rows.shape[1])
            at = at if scale == 1 else at / scale
            found = np.reshape(np.transpose(slopes(rows, counts, np.reshape(at, -1), method)), y.shape)
            slope = np.where(np.isnan(plain(y)), 0, found / scale)
        y = with_slope(y, np.reshape(q, q.shape + (1,) * (y.ndim - q.ndim)), slope)
        return y if y.ndim or weights is None else np.reshape(y, ())  # (with weights NumPy gives an array)

    return quantile


for function, skips_nan, scale in (
    (np.quantile, False, 1),
    (np.percentile, False, 100),
    (np.nanquantile, True, 1),
    (np.nanpercentile, True, 100),
):
    prepared(function)(differentiable_quantile(function, skips_nan, scale))
