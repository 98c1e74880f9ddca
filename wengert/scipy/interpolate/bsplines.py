"""B-splines, by coefficients, knots and points, and those through given points."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import interpolate

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.scipy.answers import answers
from wengert.scipy.interpolate.opened import Interpolator, doubles, elements, placed

__all__ = ["BSpline", "make_interp_spline"]


def quotient(a: Any, b: Any) -> Any:
    """a / b, and 0 where knots are equal."""
    none = plain(b) == 0
    return np.where(none, 0.0, a / np.where(none, 1.0, b))


def derivative_of(t: Any, c: Any, k: int) -> tuple[Any, Any, int]:
    """The knots, coefficients and degree of the derivative."""
    n = t.shape[0] - k - 1
    steps = t[k + 1 : k + n] - t[1:n]
    steps = np.reshape(steps, (-1, *(1,) * (c.ndim - 1)))
    return t[1:-1], quotient(k * (c[1:n] - c[: n - 1]), steps), k - 1


def piece_of(t: Any, points: Any, k: int) -> Any:
    """The interval of knots in which each point is; beyond the ends, the first and the last."""
    return np.clip(np.searchsorted(t, points, "right") - 1, k, t.shape[0] - k - 2)


def de_boor(t: Any, c: Any, k: int, points: Any) -> Any:
    """Evaluate by de Boor's recursion; the knots are in the first axis of the coefficients."""
    piece = piece_of(plain(t), plain(points), k)
    extra = (1,) * (c.ndim - 1)
    knots = [
        np.reshape(elements(t, piece + j), (*points.shape, *extra)) for j in range(1 - k, k + 1)
    ]  # t[l - k + 1] ... t[l + k]
    x = np.reshape(points, (*points.shape, *extra))
    d = [elements(c, piece - k + j) for j in range(k + 1)]
    for r in range(1, k + 1):
        for j in range(k, r - 1, -1):
            low, high = knots[j - 1], knots[j + k - r]
            share = quotient(x - low, high - low)
            d[j] = (1.0 - share) * d[j - 1] + share * d[j]
    return d[k]


class BSpline(Interpolator):
    """A spline by its knots, coefficients and degree; SciPy's arguments."""

    theirs: ClassVar[Any] = interpolate.BSpline
    t: Any
    c: Any
    k: int
    axis: int
    extrapolate: Any

    def build(self, t: Any, c: Any, k: int, extrapolate: Any = True, axis: int = 0) -> None:
        self.t, c = doubles(t), doubles(c)
        self.k, self.extrapolate = int(k), extrapolate
        self.axis = axis % c.ndim
        self.c = np.moveaxis(c, self.axis, 0)
        n = self.t.shape[0] - self.k - 1
        if self.t.ndim != 1 or self.k < 0 or n < self.k + 1 or self.c.shape[0] < n:
            raise ValueError(
                f"BSpline of degree {k} needs at least {2 * k + 2} knots, and a coefficient for each but {k + 1}; got "
                f"the shapes {self.t.shape} and {c.shape}"
            )
        if holds(np.any(np.diff(plain(self.t)) < 0)):
            raise ValueError("Knots must be in a non-decreasing order.")

    def evaluate(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        points = doubles(x)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        t, c, k = self.t, self.c, self.k
        low, high = t[k], t[t.shape[0] - k - 1]
        if extrapolate == "periodic":
            points = low + np.remainder(points - low, high - low)
        for _ in range(min(nu, k)):
            t, c, k = derivative_of(t, c, k)
        y = de_boor(t, c, k, points)
        if nu > self.k:
            y = 0 * y
        if extrapolate is False:
            at = plain(points)
            outside = ~((at >= plain(low)) & (at <= plain(high)))
            y = np.where(np.reshape(outside, (*outside.shape, *(1,) * (c.ndim - 1))), np.nan, y)
        return placed(y, points.ndim, self.axis)

    def derivative(self, nu: int = 1) -> Any:
        """The derivative, a B-spline."""
        if self._scipy is not None:
            return self._scipy.derivative(nu)
        t, c, k = self.t, self.c, self.k
        for _ in range(nu):
            t, c, k = derivative_of(t, c, k)
        return BSpline(t, np.moveaxis(c, 0, self.axis), k, self.extrapolate, self.axis)


def basis(t: Any, k: int, x: Any, size: int, nu: int = 0) -> Any:
    """The values of all basis splines, or their derivatives, at points: a matrix with a row for each point."""
    spline = BSpline.__new__(BSpline)
    spline._scipy, spline._built = None, True
    spline.t, spline.c, spline.k, spline.extrapolate, spline.axis = t, np.eye(size), k, True, 0
    return spline.evaluate(x, nu)


def interpolating_knots(x: Any, k: int, with_conditions: bool) -> Any:
    """SciPy's knots: all points but some near the ends, or all of them; the ends k + 1 times."""
    if with_conditions:
        return np.concatenate([x[:1]] * k + [x] + [x[-1:]] * k)
    inner = x if k % 2 else 0.5 * (x[1:] + x[:-1])
    cut = (k + 1) // 2 if k % 2 else k // 2
    return np.concatenate([x[:1]] * (k + 1) + [inner[cut : inner.shape[0] - cut]] + [x[-1:]] * (k + 1))


def conditions_of(given: Any, shape: Any) -> list[tuple[int, Any]]:
    """The derivatives at an end, as pairs of order and value."""
    if given is None or (isinstance(given, str) and given == "not-a-knot"):
        return []
    if isinstance(given, str):
        if given not in ("clamped", "natural"):
            raise ValueError(f"Unknown boundary condition: {given}")
        return [(1 if given == "clamped" else 2, np.zeros(shape))]
    return [(int(order), np.broadcast_to(doubles(value), shape)) for order, value in given]


@answers(interpolate.make_interp_spline)
def make_interp_spline(x: Any, y: Any, k: int = 3, t: Any = None, bc_type: Any = None, axis: int = 0) -> Any:
    x, y = doubles(x), doubles(y)
    axis = axis % y.ndim
    y = np.moveaxis(y, axis, 0)
    if x.ndim != 1 or x.shape[0] != y.shape[0]:
        raise ValueError(f"Shapes of x {x.shape} and y {y.shape} are incompatible")
    if holds(np.any(np.diff(plain(x)) <= 0)):
        raise ValueError("Expect x to be a 1D strictly increasing sequence.")
    if isinstance(bc_type, str) and bc_type == "periodic":
        raise TypeError(
            "make_interp_spline of a Variable does not take bc_type='periodic'; use CubicSpline, which does"
        )
    both = bc_type is None or isinstance(bc_type, str)
    left, right = (conditions_of(b, y.shape[1:]) for b in ((bc_type, bc_type) if both else bc_type))
    if k < 2:
        if t is not None or left or right:
            raise ValueError(f"Too much info for k={k}: t and bc_type can only be None.")
        t = np.concatenate((x[:1], x, x[-1:])) if k == 1 else np.concatenate((x, x[-1:]))
        return BSpline(t, np.moveaxis(y, 0, axis), k, True, axis)
    t = interpolating_knots(x, k, bool(left or right)) if t is None else doubles(t)
    size = t.shape[0] - k - 1
    if size - x.shape[0] != len(left) + len(right):
        raise ValueError(
            f"The number of derivatives at boundaries does not match: expected {size - x.shape[0]}, got "
            f"{len(left)}+{len(right)}"
        )
    rows = [basis(t, k, x[:1], size, order) for order, _ in left]
    rows += [basis(t, k, x, size)] + [basis(t, k, x[-1:], size, order) for order, _ in right]
    values = [value[None] for _, value in left] + [y] + [value[None] for _, value in right]
    flat = np.reshape(np.concatenate(values), (size, -1))
    c = np.linalg.solve(np.concatenate(rows), flat) if flat.size else flat
    return BSpline(t, np.moveaxis(np.reshape(c, (size, *y.shape[1:])), 0, axis), k, True, axis)
