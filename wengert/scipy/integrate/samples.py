"""Integrals of samples: the trapezoidal rule, Simpson's, Romberg's, their running totals, and Gaussian quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import integrate

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.functions.scipy_rules import as_array

__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "fixed_quad",
    "romb",
    "simpson",
    "trapezoid",
]

from wengert.scipy.answers import SCIPY_VERSION, answers


@answers(integrate.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    return np.trapezoid(y, x, dx, axis)


def floats(y: Any) -> Any:
    y = as_array(y)
    return y if y.dtype.kind in "fc" else y.astype(np.float64)


def steps(x: Any, y: Any, axis: int) -> Any:
    """The differences of the points along the last axis, for samples with their own axis last."""
    x = floats(x)
    if x.ndim != 1:
        if x.ndim != y.ndim:
            raise ValueError("If given, shape of x must be 1-D or the same as y.")
        x = np.moveaxis(x, axis, -1)
    if x.shape[-1] != y.shape[-1]:
        raise ValueError("If given, length of x along axis must be the same as y.")
    return np.diff(x, axis=-1)


def ratio(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0: two points are the same."""
    none = plain(b) == 0
    return np.where(none, 0, a / np.where(none, 1, b))


def pairs_of_steps(y: Any, h: Any) -> Any:
    """Simpson's rule for an even number of steps, which may differ; along the last axis."""
    h0, h1 = h[..., 0::2], h[..., 1::2]
    y0, y1, y2 = y[..., 0:-2:2], y[..., 1:-1:2], y[..., 2::2]
    total = h0 + h1
    terms = y0 * (2 - ratio(h1, h0)) + y1 * (total * ratio(total, h0 * h1)) + y2 * (2 - ratio(h0, h1))
    return np.sum(total / 6 * terms, axis=-1)


@answers(integrate.simpson)
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    y = np.moveaxis(floats(y), axis, -1)
    n = y.shape[-1]
    if n == 0:
        raise ValueError("simpson needs at least one sample along the axis, but got none")
    h = np.full(n - 1, 1.0) * dx if x is None else steps(x, y, axis)
    if n == 2:
        return 0.5 * h[..., -1] * (y[..., -1] + y[..., -2])
    if n % 2:
        return pairs_of_steps(y, h)
    # the last step by the parabola through the last three points (Cartwright, 2017)
    h0, h1 = h[..., -2], h[..., -1]
    alpha = ratio(2 * h1 * h1 + 3 * h0 * h1, 6 * (h1 + h0))
    beta = ratio(h1 * h1 + 3 * h0 * h1, 6 * h0)
    eta = ratio(h1 * h1 * h1, 6 * h0 * (h0 + h1))
    return pairs_of_steps(y[..., :-1], h[..., :-1]) + alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3]


@answers(integrate.romb)
def romb(y: Any, dx: Any = 1.0, axis: int = -1) -> Any:
    y = np.moveaxis(as_array(y), axis, -1)
    steps_ = y.shape[-1] - 1
    if steps_ < 1 or steps_ & (steps_ - 1):
        raise ValueError("Number of samples must be one plus a non-negative power of 2.")
    h = steps_ * dx
    row = [(y[..., 0] + y[..., -1]) / 2.0 * h]
    step = steps_
    while step > 1:
        half = step // 2
        next_row = [0.5 * (row[0] + h * np.sum(y[..., half::step], axis=-1))]
        for j, before in enumerate(row, 1):
            next_row.append(next_row[-1] + (next_row[-1] - before) / (4**j - 1))
        row, step, h = next_row, half, h / 2.0
    return row[-1]


def with_initial(total: Any, initial: Any, axis: int) -> Any:
    """Put what a running total begins with before it; the axis is the last."""
    start = np.broadcast_to(initial, (*total.shape[:-1], 1)).astype(total.dtype)
    return np.moveaxis(np.concatenate((start, total), axis=-1), -1, axis)


@answers(integrate.cumulative_trapezoid)
def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    y = np.moveaxis(as_array(y), axis, -1)
    if y.shape[-1] == 0:
        raise ValueError("At least one point is required along `axis`.")
    if initial is not None and not (np.isscalar(initial) and initial == 0):
        raise ValueError("`initial` must be `None` or `0`.")
    h = dx if x is None else steps(x, y, axis)
    total = np.cumsum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    return np.moveaxis(total, -1, axis) if initial is None else with_initial(total, 0, axis)


def first_steps(y: Any, h: Any) -> Any:
    """The integral over the first of each two steps, of the parabola through their three points."""
    h0, h1 = h[..., :-1], h[..., 1:]
    share = h0 / (h0 + h1)
    bend = share * (h0 / h1)
    return h0 / 6 * ((3 - share) * y[..., :-2] + (3 + bend + share) * y[..., 1:-1] - bend * y[..., 2:])


@answers(integrate.cumulative_simpson)
def cumulative_simpson(y: Any, *, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    y = np.moveaxis(floats(y), axis, -1)
    n = y.shape[-1]
    if x is not None:
        h = np.broadcast_to(steps(x, y, axis), (*y.shape[:-1], n - 1))
    else:
        dx = floats(dx)
        h = np.broadcast_to(dx if dx.ndim == 0 else np.moveaxis(dx, axis, -1), (*y.shape[:-1], max(n - 1, 0)))
    if n < 3:
        total = np.cumsum(h * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    else:
        if x is not None and holds(np.any(plain(h) <= 0)):
            raise ValueError("Input x must be strictly increasing.")
        ahead, back = first_steps(y, h), np.flip(first_steps(np.flip(y, -1), np.flip(h, -1)), -1)
        # each even step by the first formula, each odd one (and the last) by the second
        even = np.arange(n - 2) % 2 == 0
        parts = np.where(even, ahead, np.concatenate((back[..., :1], back[..., :-1]), axis=-1))
        total = np.cumsum(np.concatenate((parts, back[..., -1:]), axis=-1), axis=-1)
    if initial is None:
        return np.moveaxis(total, -1, axis)
    initial = floats(initial)
    initial = initial if initial.ndim == 0 else np.moveaxis(initial, axis, -1)
    return with_initial(total + initial, initial, axis)


@answers(integrate.fixed_quad)
def fixed_quad(func: Any, a: Any, b: Any, args: Any = (), n: int = 5) -> Any:
    points, weights = np.polynomial.legendre.leggauss(n)
    if holds(np.any(np.isinf(plain(a)) | np.isinf(plain(b)))):
        raise ValueError("Gaussian quadrature is only available for finite limits.")
    if SCIPY_VERSION >= (1, 18):  # in the precision of the limits
        kind = np.result_type(plain(a), plain(b))
        kind = kind if kind.kind == "f" else np.dtype(float)
        points, weights = points.astype(kind), weights.astype(kind)
    y = (b - a) * (points + 1) / 2.0 + a
    return (b - a) / 2.0 * np.sum(weights * func(y, *args), axis=-1), None
