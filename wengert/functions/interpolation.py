"""Derivatives of linear interpolation (`numpy.interp`) and of sequences between two points (`numpy.linspace`)."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.custom.registration import composition, pullback
from wengert.functions.indexing import scatter
from wengert.functions.prepared import has_derivative, prepared

# At a given point, where the slope jumps, the slope is that of the line to its right (at the last
# point, of the one to its left). Beyond the ends it is 0.


@pullback(np.interp, "x")
def interp_x(gy: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    return gy * np.conjugate(_slope(x, xp, fp))


@pullback(np.interp, "xp")
def interp_xp(gy: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    i, j, t, _ = _segment(x, xp)
    g = -np.real(gy * np.conjugate(_slope(x, xp, fp)))
    return _add_up(g * (1 - t), i, xp) + _add_up(g * t, j, xp)


@pullback(np.interp, "fp", reads="x xp")
def interp_fp(gy: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    i, j, t, _ = _segment(x, xp)
    below, above = x < xp[0], x > xp[-1]
    t = np.where(below, 0, np.where(above, 1, t))
    given = (below if left is not None else False) | (above if right is not None else False)
    g = np.where(given, 0, gy)
    return _add_up(g * (1 - t), i, fp) + _add_up(g * t, j, fp)


@pullback(np.interp, "left", reads="x xp")
def interp_left(gy: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    return np.where(x < xp[0], gy, 0)


@pullback(np.interp, "right", reads="x xp")
def interp_right(gy: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    return np.where(x > xp[-1], gy, 0)


def _segment(x: Any, xp: Any) -> tuple[Any, Any, Any, Any]:
    """Return, for each `x`, the indices of the points on both sides, its relative position, and their distance."""
    i = np.clip(np.searchsorted(xp, x, "right") - 1, 0, max(len(xp) - 2, 0))
    j = np.minimum(i + 1, len(xp) - 1)
    distance = np.take(xp, j) - np.take(xp, i)
    no_line = distance == 0  # a single point, or the last one twice
    distance = np.where(no_line, 1, distance)
    return i, j, np.where(no_line, 1, (x - np.take(xp, i)) / distance), distance


def _slope(x: Any, xp: Any, fp: Any) -> Any:
    i, j, _, distance = _segment(x, xp)
    return np.where((x >= xp[0]) & (x <= xp[-1]), (np.take(fp, j) - np.take(fp, i)) / distance, 0)


def _add_up(values: Any, places: Any, like: Any) -> Any:
    return scatter(np.ravel(values), np.ravel(places), like.shape)


@prepared(np.interp)
def interp(row: Any, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp = _doubles(x), _doubles(xp)
    fp = fp if hasattr(fp, "ndim") else np.asarray(fp)
    if period is None:
        return row(x, xp, fp, left, right)
    if np.any(plain(period) == 0):
        raise ValueError("period must not be zero")
    if xp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError(f"xp and fp must be vectors of the same length, but got shapes {xp.shape} and {fp.shape}")
    period = np.abs(period)
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = np.argsort(xp)
    xp, fp = xp[order], fp[order]
    around = np.concatenate((xp[-1:] - period, xp, xp[:1] + period))
    return np.interp(x, around, np.concatenate((fp[-1:], fp, fp[:1])))


def _doubles(a: Any) -> Any:
    """The array in the precision that NumPy interpolates in."""
    a = a if hasattr(a, "ndim") else np.asarray(a)
    return a if a.dtype == np.float64 else a.astype(np.dtype(np.float64))


def _linspace(of_stop: bool) -> Any:
    """Make the pullback of np.linspace with respect to `start`, or to `stop`."""

    def linspace(
        gy: Any,
        start: Any,
        stop: Any,
        num: int = 50,
        endpoint: bool = True,
        retstep: bool = False,
        dtype: Any = None,
        axis: int = 0,
        *,
        device: Any = None,
    ) -> Any:
        fractions = _fractions(num, endpoint)
        if of_stop:
            return _by_end(gy, 1, fractions, num - bool(endpoint), retstep, axis)
        return _by_end(gy, -1, 1 - fractions, num - bool(endpoint), retstep, axis)

    return linspace


pullback(np.linspace, "start", reads="")(_linspace(of_stop=False))
pullback(np.linspace, "stop", reads="")(_linspace(of_stop=True))


def _fractions(num: int, endpoint: bool) -> Any:
    """The position of each sample from `start` (0) to `stop` (1)."""
    return np.arange(num) / max(num - bool(endpoint), 1)


def _by_end(gy: Any, sign: int, shares: Any, steps: int, retstep: bool, axis: int) -> Any:
    gy, gstep = gy if retstep else (gy, None)
    gx = np.moveaxis(gy, axis, -1) @ shares.astype(gy.dtype)
    return gx if gstep is None else gx + sign * gstep / steps


@prepared(np.linspace)
def linspace(
    row: Any,
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **kwargs: Any,
) -> Any:
    if not has_derivative(dtype):
        return np.linspace(plain(start), plain(stop), num, endpoint, retstep, dtype, axis, **kwargs)  # type: ignore[call-overload]
    if retstep and num - bool(endpoint) <= 0:  # a single sample has no step
        return row(start, stop, num, endpoint, False, dtype, axis, **kwargs), np.nan
    return row(start, stop, num, endpoint, retstep, dtype, axis, **kwargs)


@composition(np.logspace)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    if np.ndim(base):
        ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
        start, stop, base = (np.reshape(a, (1,) * (ndim - np.ndim(a)) + np.shape(a)) for a in (start, stop, base))
        base = np.expand_dims(base, axis)
    powers = np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))
    return powers if dtype is None else powers.astype(np.dtype(dtype))


@composition(np.geomspace)
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    if np.any(plain(start) == 0) or np.any(plain(stop) == 0):
        raise ValueError("a geometric sequence cannot include zero, but start or stop is zero")
    wide = np.result_type(start, stop, float(num), np.zeros((), dtype))
    start, stop = ((a if hasattr(a, "ndim") else np.asarray(a)).astype(wide) for a in (start, stop))
    ratio = stop / start
    fractions = np.reshape(_fractions(num, endpoint), (-1, *(1,) * ratio.ndim))
    samples = np.moveaxis(start * np.power(ratio, fractions), 0, axis)
    return samples if dtype is None else samples.astype(np.dtype(dtype))
