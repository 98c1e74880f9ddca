"""Derivatives of variances, averages and correlations.

A standard deviation of 0 has the gradient 0, and so has a variance of too few elements (which is
NaN or infinite).
"""

import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.checks.errors import describe
from wengert.custom.registration import composition, pullback
from wengert.functions.reduction import NONE, converted, is_given, masked, no_gradient, not_nan, rounds, spread
from wengert.singular.products import at_kink

# Variances and standard deviations


def variance_gradient(gy: Any, a: Any, axis: Any, ddof: Any, keepdims: Any, where: Any, center: Any) -> Any:
    """Return ``2 gy (a - mean) / (n - ddof)``, the gradient of the variance with respect to `a`."""
    gy = spread(gy, a, axis, keepdims)
    if not is_given(where):
        count = a.size // max(gy.size, 1)
        center = np.mean(a, axis=axis, keepdims=True) if center is NONE else center
        return (a - center) * (gy * (2 / (count - ddof) if count > ddof else 0.0))
    a = np.where(where, a, 0)
    counts = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=True)
    if center is NONE:
        center = np.sum(a, axis=axis, keepdims=True) / np.maximum(counts, 1).astype(gy.dtype)
    enough = counts > ddof
    share = np.where(enough, 2 / np.where(enough, counts - ddof, 1), 0).astype(gy.dtype)
    return masked((a - center) * (gy * share), where)


def half_reciprocal(y: Any) -> Any:
    """1 / (2 y), and 0 where y is not positive."""
    flat = np.logical_not(y > 0)
    return np.where(flat, 0, 0.5 / np.where(flat, 1, y))


def deviation(function: Any, is_root: bool, skips_nan: bool, sign: int = 1) -> Any:
    """Make a pullback of a variance or a standard deviation with respect to `a`, or with the sign -1 to its mean."""

    def pull(
        gy: Any,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = NONE,
        *,
        where: Any = NONE,
        mean: Any = NONE,
        correction: Any = NONE,
        y: Any,
    ) -> Any:
        if rounds(a, dtype) or not a.size:
            return no_gradient(gy, a)
        if mean is not NONE and np.iscomplexobj(mean) and a.dtype.kind != "c":
            raise TypeError(f"the mean of real elements must be real, but got {describe(mean)}; take np.real of it")
        if a.dtype == np.float16:  # in which the sum of squares may have overflowed
            gy, a = widened(gy), widened(a)
            options = {"axis": axis, "ddof": ddof, "keepdims": keepdims}
            options |= {"where": where, "mean": mean, "correction": correction}
            y = function(a, **{k: v for k, v in options.items() if v is not NONE})
        if is_root:  # with respect to the variance: gy / (2 y)
            gy, y, keepdims = spread(gy, a, axis, keepdims), spread(y, a, axis, keepdims), True
            gy = gy * at_kink(lambda a, y: half_reciprocal(y), lambda a, y: y == 0, [a], y)
        where = not_nan(a, where) if skips_nan else where
        ddof = ddof if correction is NONE else correction
        gx = variance_gradient(gy, converted(a, dtype), axis, ddof, keepdims, where, mean)
        return gx if sign == 1 else -gx  # unbroadcast sums the gradient of the mean

    return pull


DEVIATIONS = ((np.var, False, False), (np.std, True, False), (np.nanvar, False, True), (np.nanstd, True, True))
for function, is_root, skips_nan in DEVIATIONS:
    pullback(function, "a")(deviation(function, is_root, skips_nan))
    pullback(function, "mean")(deviation(function, is_root, skips_nan, sign=-1))

# Averages and correlations


def as_array(value: Any) -> Any:
    """Convert a list to an array; return arrays and Variables unchanged."""
    return value if hasattr(value, "ndim") else np.asarray(value)


@composition(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = NONE) -> Any:
    a = as_array(a)
    if axis is not None:
        axis = normalize_axis_tuple(axis, a.ndim, argname="axis")
    if weights is None:
        mean = np.mean(a, axis, keepdims=keepdims)
        return (mean, np.full(mean.shape, a.size / mean.size, mean.dtype)) if returned else mean
    weights = fitted_weights(as_array(weights), a, axis)
    dtype = np.result_type(a.dtype, weights.dtype, *(["f8"] if a.dtype.kind in "biu" else []))
    total = np.sum(weights, axis=axis, dtype=dtype, keepdims=keepdims)
    if np.any(total == 0):
        raise ZeroDivisionError("the weights of np.average must not sum to zero, but do; see their signs and axis")
    mean = np.sum(converted(a, dtype) * converted(weights, dtype), axis, keepdims=keepdims) / total
    return (mean, np.copy(np.broadcast_to(total, mean.shape))) if returned else mean


def fitted_weights(weights: Any, a: Any, axis: Any) -> Any:
    """Reshape weights that are given for some axes so that they broadcast."""
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError(
            f"the axis of np.average must be given where the weights have another shape than the array, {a.shape}, "
            f"but got {describe(weights)}"
        )
    if weights.shape != tuple(a.shape[i] for i in axis):
        raise ValueError(
            f"the weights of np.average must have the shape of the array along the axes {axis}, "
            f"{tuple(a.shape[i] for i in axis)}, but got {describe(weights)}"
        )
    lengths = tuple(n if i in axis else 1 for i, n in enumerate(a.shape))
    return np.reshape(np.transpose(weights, np.argsort(axis)), lengths)


@composition(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: Any = True,
    bias: Any = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"ddof of np.cov must be an integer, but got {ddof!r}")
    given = [as_array(v) for v in (m, y) if v is not None]
    dtype = np.dtype(dtype) if dtype is not None else np.result_type(*(v.dtype for v in given), np.float64)
    samples = np.concatenate([samples_of(v, rowvar, i == 0) for i, v in enumerate(given)], axis=0)
    samples = converted(samples, dtype)
    if samples.shape[0] == 0:
        return np.reshape(samples, (-1,))[:0].reshape((0, 0))
    ddof = (1 if not bias else 0) if ddof is None else ddof
    fweights = None if fweights is None else sample_weights("fweights", fweights, samples.shape[1])
    aweights = None if aweights is None else sample_weights("aweights", aweights, samples.shape[1])
    if fweights is not None and not np.all(fweights == np.round(plain(fweights))):
        raise TypeError("fweights of np.cov must be integers; give others as aweights")
    weights = aweights if fweights is None else fweights if aweights is None else fweights * aweights
    mean, total = np.average(samples, axis=1, weights=weights, returned=True)
    total = total[0]
    if weights is None:
        freedom: Any = samples.shape[1] - ddof
    elif ddof == 0:
        freedom = total
    elif aweights is None:
        freedom = total - ddof
    else:
        freedom = total - ddof * np.sum(weights * aweights) / total
    if freedom <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=4)
        freedom = 0.0
    deviations = samples - mean[:, None]
    weighted = deviations if weights is None else deviations * weights
    products = np.matmul(deviations, np.conjugate(np.transpose(weighted)))
    return np.squeeze(products * np.true_divide(1, freedom))


def samples_of(v: Any, rowvar: Any, is_first: bool) -> Any:
    """Arrange the data of np.cov: a row for each variable."""
    if v.ndim > 2:
        raise ValueError(f"np.cov takes arrays of up to two dimensions, but got {describe(v)}")
    rows = np.reshape(v, (1, -1)) if v.ndim < 2 else v
    is_row = v.ndim == 1 if is_first else rows.shape[0] == 1
    return rows if rowvar or is_row else np.transpose(rows)


def sample_weights(name: str, weights: Any, length: int) -> Any:
    """Check the weights of np.cov; NumPy raises RuntimeError for their shape."""
    weights = converted(as_array(weights), np.float64)
    if weights.ndim != 1 or weights.shape[0] != length:
        raise RuntimeError(
            f"{name} of np.cov must be 1-d, one for each of the {length} observations, but got {describe(weights)}"
        )
    if np.any(weights < 0):
        raise ValueError(f"{name} of np.cov must not be negative, but some are; the least is {np.min(plain(weights))}")
    return weights


@composition(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: Any = True, *, dtype: Any = None) -> Any:
    c = np.cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    if not c.size:
        return c
    diagonal = np.arange(c.shape[0])
    deviations = np.sqrt(np.real(c[diagonal, diagonal]))
    c = c / deviations[:, None] / deviations[None, :]
    if c.dtype.kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)


# With respect to the degrees of freedom that are taken away, as far as they are real numbers


def freedom(is_root: bool, skips_nan: bool, name: str) -> Any:
    """Make a pullback of a variance or a standard deviation with respect to `ddof`, or to its other name `correction`.

    The variance divides by ``n - ddof``, so its derivative is itself, divided by that once more.
    """

    def pull(
        gy: Any,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: Any = 0,
        keepdims: Any = NONE,
        *,
        where: Any = NONE,
        mean: Any = NONE,
        correction: Any = NONE,
        y: Any,
    ) -> Any:
        given = ddof if name == "ddof" else correction
        if rounds(a, dtype) or not a.size:
            return no_gradient(gy, given)
        taken = np.broadcast_to(not_nan(a, where) if skips_nan else where if is_given(where) else True, a.shape)
        left = np.sum(taken, axis=axis, keepdims=keepdims) - given
        enough = left > 0
        share = (0.5 if is_root else 1.0) / np.where(enough, left, 1)
        return np.where(enough, gy * np.where(enough, y, 0) * share, 0)

    return pull


for function, is_root, skips_nan in DEVIATIONS:
    pullback(function, "ddof")(freedom(is_root, skips_nan, "ddof"))
    pullback(function, "correction")(freedom(is_root, skips_nan, "correction"))
