"""Statistics of samples: means, moments, scores, correlation and regression, entropy."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special, stats

from wengert.arrays.decisions import holds
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.table import plain
from wengert.custom.registration import piecewise_constant
from wengert.functions.scipy_rules import as_array
from wengert.scipy.answers import answered, answers

__all__ = [
    "describe",
    "entropy",
    "gmean",
    "gzscore",
    "hmean",
    "kurtosis",
    "linregress",
    "moment",
    "pearsonr",
    "pmean",
    "rankdata",
    "sem",
    "skew",
    "variation",
    "zmap",
    "zscore",
]


def flat(a: Any, axis: Any) -> tuple[Any, Any]:
    """The array and its axis: all elements where there is none. Integers are taken as floats."""
    a = as_array(a)
    if a.dtype.kind in "biu":
        a = a.astype(np.float64)
    return (np.ravel(a), 0) if axis is None else (a, axis)


@answers(stats.gmean)
def gmean(a: Any, axis: Any = 0, dtype: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    return np.exp(weighted_mean(np.log(in_dtype(a, dtype)), axis, weights, keepdims))


@answers(stats.hmean)
def hmean(a: Any, axis: Any = 0, dtype: Any = None, *, weights: Any = None, keepdims: bool = False) -> Any:
    return 1 / weighted_mean(1 / in_dtype(a, dtype), axis, weights, keepdims)


@answers(stats.pmean)
def pmean(a: Any, p: Any, *, axis: Any = 0, dtype: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    if not np.ndim(p) == 0:
        raise ValueError("Power mean only implemented for finite p; pass one number")
    if level_of(p) == RECORDED and holds(plain(p) == 0):
        raise TypeError("stats.pmean has no derivative with respect to p at 0 here; pass the number 0, or another p")
    if plain(p) == 0:
        return np.exp(weighted_mean(np.log(in_dtype(a, dtype)), axis, weights, keepdims))
    return np.power(weighted_mean(np.power(in_dtype(a, dtype), p), axis, weights, keepdims), 1 / p)


def in_dtype(a: Any, dtype: Any) -> Any:
    a = flat(a, 0)[0]
    return a if dtype is None else a.astype(np.dtype(dtype))


def weighted_mean(a: Any, axis: Any, weights: Any, keepdims: bool) -> Any:
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    weights = np.broadcast_to(as_array(weights), a.shape)
    return np.sum(a * weights, axis=axis, keepdims=keepdims) / np.sum(weights, axis=axis, keepdims=keepdims)


@answers(stats.sem)
def sem(a: Any, axis: Any = 0, ddof: int = 1, *, keepdims: bool = False) -> Any:
    a, axis = flat(a, axis)
    return np.std(a, axis=axis, ddof=ddof, keepdims=keepdims) / math.sqrt(count(a, axis))


def count(a: Any, axis: Any) -> int:
    axes = axis if isinstance(axis, tuple) else (axis,)
    return math.prod(a.shape[i] for i in axes)


@answers(stats.zscore)
def zscore(a: Any, axis: Any = 0, ddof: int = 0) -> Any:
    return standardised(a, a, axis, ddof)


@answers(stats.zmap)
def zmap(scores: Any, compare: Any, axis: Any = 0, ddof: int = 0) -> Any:
    return standardised(scores, compare, axis, ddof)


@answers(stats.gzscore)
def gzscore(a: Any, *, axis: Any = 0, ddof: int = 0) -> Any:
    log = np.log(flat(a, 0)[0])
    return standardised(log, log, axis, ddof)


def standardised(values: Any, compare: Any, axis: Any, ddof: int) -> Any:
    values, compare = flat(values, 0)[0], flat(compare, 0)[0]
    mean = np.mean(compare, axis=axis, keepdims=True)
    return (values - mean) / np.std(compare, axis=axis, ddof=ddof, keepdims=True)


def central_moment(a: Any, order: int, axis: Any) -> Any:
    return np.mean(np.power(a - np.mean(a, axis=axis, keepdims=True), order), axis=axis, keepdims=True)


def without_axis(y: Any, axis: Any, keepdims: bool, whole: bool, ndim: int) -> Any:
    if not keepdims:
        return np.squeeze(y, axis)
    return np.reshape(y, (1,) * ndim) if whole else y


@answers(stats.moment)
def moment(a: Any, order: Any = 1, axis: Any = 0, *, center: Any = None, keepdims: bool = False) -> Any:
    if level_of(order) == RECORDED or np.ndim(order) or order != int(order):
        raise TypeError("stats.moment of a Variable takes one integer as its order, which is no Variable")
    ndim = np.ndim(a)
    whole = axis is None
    a, axis = flat(a, axis)
    start = np.mean(a, axis=axis, keepdims=True) if center is None else center
    y = np.mean(np.power(a - start, int(order)), axis=axis, keepdims=True)
    return without_axis(y, axis, keepdims, whole, ndim)


@answers(stats.skew)
def skew(a: Any, axis: Any = 0, bias: bool = True, *, keepdims: bool = False) -> Any:
    ndim, whole = np.ndim(a), axis is None
    a, axis = flat(a, axis)
    n, second = count(a, axis), central_moment(a, 2, axis)
    y = central_moment(a, 3, axis) / np.power(second, 1.5)
    if not bias and n > 2:
        y = y * (math.sqrt((n - 1.0) * n) / (n - 2.0))
    return without_axis(y, axis, keepdims, whole, ndim)


@answers(stats.kurtosis)
def kurtosis(a: Any, axis: Any = 0, fisher: bool = True, bias: bool = True, *, keepdims: bool = False) -> Any:
    ndim, whole = np.ndim(a), axis is None
    a, axis = flat(a, axis)
    n, second = count(a, axis), central_moment(a, 2, axis)
    y = central_moment(a, 4, axis) / np.square(second)
    if not bias and n > 3:
        y = 1.0 / (n - 2) / (n - 3) * ((n**2 - 1.0) * y - 3 * (n - 1) ** 2.0) + 3.0
    return without_axis(y - 3 if fisher else y, axis, keepdims, whole, ndim)


@answers(stats.variation)
def variation(a: Any, axis: Any = 0, ddof: int = 0, *, keepdims: bool = False) -> Any:
    ndim, whole = np.ndim(a), axis is None
    a, axis = flat(a, axis)
    y = np.std(a, axis=axis, ddof=ddof, keepdims=True) / np.mean(a, axis=axis, keepdims=True)
    return without_axis(y, axis, keepdims, whole, ndim)


class DescribeResult(NamedTuple):
    """What `describe` gives."""

    nobs: Any
    minmax: Any
    mean: Any
    variance: Any
    skewness: Any
    kurtosis: Any


@answers(stats.describe)
def describe(a: Any, axis: Any = 0, ddof: int = 1, bias: bool = True) -> Any:
    a, axis = flat(a, axis)
    extremes = np.min(a, axis=axis), np.max(a, axis=axis)
    moments = np.mean(a, axis=axis), np.var(a, axis=axis, ddof=ddof), skew(a, axis, bias), kurtosis(a, axis, True, bias)
    return DescribeResult(a.shape[axis], extremes, *moments)


@answers(stats.entropy)
def entropy(pk: Any, qk: Any = None, base: Any = None, axis: Any = 0, *, keepdims: bool = False) -> Any:
    if base is not None and plain(base) <= 0:
        raise ValueError("`base` must be a positive number or `None`.")
    ndim, whole = np.ndim(pk), axis is None
    pk, over = flat(pk, axis)
    pk = pk / np.sum(pk, axis=over, keepdims=True)
    if qk is None:
        terms = special.entr(pk)
    else:
        qk, _ = flat(qk, axis)
        pk, qk = np.broadcast_arrays(pk, qk)
        terms = special.rel_entr(pk, qk / np.sum(qk, axis=over, keepdims=True))
    y = np.sum(terms, axis=over, keepdims=True)
    return without_axis(y if base is None else y / np.log(base), over, keepdims, whole, ndim)


class PearsonResult(NamedTuple):
    """The correlation, and the probability of one as large by chance."""

    statistic: Any
    pvalue: Any


@answers(stats.pearsonr)
def pearsonr(x: Any, y: Any, *, alternative: str = "two-sided", axis: Any = 0) -> Any:
    (x, axis_), (y, _) = flat(x, axis), flat(y, axis)
    x, y = np.broadcast_arrays(x, y)
    apart = [a - np.mean(a, axis=axis_, keepdims=True) for a in (x, y)]
    norms = [np.sqrt(np.sum(np.square(a), axis=axis_, keepdims=True)) for a in apart]
    r = np.sum(apart[0] / norms[0] * (apart[1] / norms[1]), axis=axis_)
    half = x.shape[axis_] / 2 - 1
    if alternative == "two-sided":
        p = 2 * special.betaincc(half, half, 0.5 * (1 + np.abs(r)))
    elif alternative in ("less", "greater"):
        p = (special.betainc if alternative == "less" else special.betaincc)(half, half, 0.5 * (1 + r))
    else:
        raise ValueError("`alternative` must be 'less', 'greater', or 'two-sided'.")
    return PearsonResult(r, p)


class LinregressResult(NamedTuple):
    """A line through points."""

    slope: Any
    intercept: Any
    rvalue: Any
    pvalue: Any
    stderr: Any
    intercept_stderr: Any


@answers(stats.linregress)
def linregress(x: Any, y: Any, alternative: str = "two-sided") -> Any:
    (x, _), (y, _) = flat(x, 0), flat(y, 0)
    if x.ndim != 1 or x.shape != y.shape or x.size < 3:
        raise ValueError(
            f"linregress of Variables needs two vectors of one length of at least 3, but got the shapes {x.shape} and "
            f"{y.shape}"
        )
    n = x.size
    mean_x, mean_y = np.mean(x), np.mean(y)
    dx, dy = x - mean_x, y - mean_y
    sxx, syy, sxy = np.mean(dx * dx), np.mean(dy * dy), np.mean(dx * dy)
    slope = sxy / sxx
    r = sxy / np.sqrt(sxx * syy)
    freedom = n - 2
    t = r * np.sqrt(freedom / ((1.0 - r + 1e-20) * (1.0 + r + 1e-20)))
    if alternative == "two-sided":
        p = 2 * special.stdtr(freedom, -np.abs(t))
    elif alternative in ("less", "greater"):
        p = special.stdtr(freedom, t if alternative == "less" else -t)
    else:
        raise ValueError("`alternative` must be 'less', 'greater', or 'two-sided'.")
    error = np.sqrt((1 - r * r) * syy / sxx / freedom)
    return LinregressResult(slope, mean_y - slope * mean_x, r, p, error, error * np.sqrt(sxx + mean_x * mean_x))


rankdata = answered(stats.rankdata)
piecewise_constant(rankdata)
