"""Piecewise polynomials and cubic splines, by values, by knots and by the points at which they are evaluated.

At a knot the derivative is that of the polynomial to its right. Choices by signs and sizes of slopes (of PCHIP and
Akima) are steps and kinks, at which the derivative is that of the branch that was taken.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import interpolate

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.scipy.interpolate.opened import Interpolator, doubles, elements, placed
from wengert.scipy.linalg import solve_banded

__all__ = ["Akima1DInterpolator", "CubicHermiteSpline", "CubicSpline", "PPoly", "PchipInterpolator"]


def evaluated(c: Any, x: Any, points: Any, nu: int, extrapolate: Any) -> Any:
    """Evaluate polynomials: their coefficients (the highest first) are in the first axis, the pieces in the second."""
    points = doubles(points)
    n = x.shape[0]
    if extrapolate == "periodic":
        points = x[0] + np.remainder(points - x[0], x[-1] - x[0])
    at = plain(points)
    piece = np.clip(np.searchsorted(plain(x), at, "right") - 1, 0, n - 2)
    t = points - elements(x, piece)
    t = np.reshape(t, (*t.shape, *(1,) * (c.ndim - 2)))
    degree = c.shape[0] - 1
    y: Any = 0.0
    for k in range(degree + 1 - nu):
        power = degree - k
        factor = float(np.prod(np.arange(power - nu + 1, power + 1))) if nu else 1.0
        y = y * t + factor * elements(c[k], piece)
    if degree < nu:
        y = 0 * t + 0 * elements(c[0], piece)
    if extrapolate is False:
        outside = ~((at >= plain(x)[0]) & (at <= plain(x)[-1]))
        y = np.where(np.reshape(outside, t.shape), np.nan, y)
    return y


class PPoly(Interpolator):
    """A piecewise polynomial with given coefficients and breakpoints; SciPy's arguments."""

    theirs: ClassVar[Any] = interpolate.PPoly
    c: Any
    x: Any
    axis: int
    extrapolate: Any

    def build(self, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
        c, self.x = doubles(c), doubles(x)
        if c.ndim < 2 or self.x.ndim != 1 or self.x.shape[0] != c.shape[axis % (c.ndim - 1) + 1] + 1:
            raise ValueError(
                f"PPoly needs coefficients c of one more axis than values, and a vector x of one more element than "
                f"pieces, but got the shapes {c.shape} and {self.x.shape}"
            )
        self.axis = axis % (c.ndim - 1)
        self.c = np.moveaxis(c, self.axis + 1, 1)
        self.extrapolate = True if extrapolate is None else extrapolate

    def made(self, c: Any, x: Any, extrapolate: Any, axis: int) -> None:
        """Set the coefficients, whose second axis has the pieces."""
        self.c, self.x, self.extrapolate, self.axis = c, x, extrapolate, axis

    def evaluate(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        points = doubles(x)
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        return placed(evaluated(self.c, self.x, points, nu, extrapolate), points.ndim, self.axis)

    def _of(self, c: Any, extrapolate: Any) -> PPoly:
        made = PPoly.__new__(PPoly)
        made._scipy, made._built = None, True
        made.made(c, self.x, extrapolate, self.axis)
        return made

    def derivative(self, nu: int = 1) -> Any:
        """The derivative, a piecewise polynomial."""
        if self._scipy is not None:
            return self._scipy.derivative(nu)
        if nu < 0:
            return self.antiderivative(-nu)
        c = self.c
        for _ in range(nu):
            powers = np.reshape(np.arange(c.shape[0] - 1, 0, -1.0), (-1, *(1,) * (c.ndim - 1)))
            c = c[:-1] * powers if c.shape[0] > 1 else 0 * c
        return self._of(c, self.extrapolate)

    def antiderivative(self, nu: int = 1) -> Any:
        """The antiderivative that is 0 at the first knot, a piecewise polynomial."""
        if self._scipy is not None:
            return self._scipy.antiderivative(nu)
        if nu < 0:
            return self.derivative(-nu)
        c = self.c
        for _ in range(nu):
            powers = np.reshape(np.arange(c.shape[0], 0, -1.0), (-1, *(1,) * (c.ndim - 1)))
            c = np.concatenate((c / powers, 0 * c[:1]))
            steps = np.reshape(np.diff(self.x), (-1, *(1,) * (c.ndim - 2)))
            ends: Any = 0.0
            for k in range(c.shape[0]):
                ends = ends * steps + c[k]
            starts = np.concatenate((0 * ends[:1], np.cumsum(ends, axis=0)[:-1]))
            c = np.concatenate((c[:-1], starts[None]))
        return self._of(c, False if self.extrapolate == "periodic" else self.extrapolate)

    def integrate(self, a: Any, b: Any, extrapolate: Any = None) -> Any:
        """The integral from a to b."""
        if self._scipy is not None and not hasattr(a, "creator") and not hasattr(b, "creator"):
            return self._scipy.integrate(a, b, extrapolate)
        self._ready()
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if extrapolate == "periodic":
            raise TypeError(
                "integrate of a periodic spline has no derivative here with Variables; pass extrapolate=True and "
                "limits in one period"
            )
        theirs, self._scipy = self._scipy, None
        total = self.antiderivative()
        self._scipy = theirs
        return total.evaluate(b, 0, extrapolate) - total.evaluate(a, 0, extrapolate)


def knots_and_values(x: Any, y: Any, axis: int, name: str, least: int = 2) -> tuple[Any, Any, int]:
    """The knots, which must increase, and the values with their axis first."""
    x, y = doubles(x), doubles(y)
    if x.ndim != 1 or y.ndim == 0 or not -y.ndim <= axis < y.ndim:
        raise ValueError(f"{name} needs a vector x and an array y, but got the shapes {x.shape} and {y.shape}")
    axis = axis % y.ndim
    if x.shape[0] != y.shape[axis] or x.shape[0] < least:
        raise ValueError(
            f"{name} needs at least {least} points, and one of x for each of y along axis {axis}, but got the shapes "
            f"{x.shape} and {y.shape}"
        )
    if holds(np.any(np.diff(plain(x)) <= 0)):
        raise ValueError("`x` must be strictly increasing sequence.")
    return x, np.moveaxis(y, axis, 0), axis


def column(h: Any, y: Any) -> Any:
    """Steps in the first axis, to be multiplied with values."""
    return np.reshape(h, (-1, *(1,) * (y.ndim - 1)))


def hermite(x: Any, y: Any, slopes: Any) -> Any:
    """The coefficients of cubic polynomials by values and slopes at the knots."""
    h = column(np.diff(x), y)
    slope = np.diff(y, axis=0) / h
    t = (slopes[:-1] + slopes[1:] - 2 * slope) / h
    return np.stack((t / h, (slope - slopes[:-1]) / h - t, slopes[:-1], y[:-1]))


class CubicHermiteSpline(PPoly):
    """The cubic spline with given values and slopes; SciPy's arguments."""

    theirs = interpolate.CubicHermiteSpline

    def build(self, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None) -> None:  # type: ignore[override]
        x, values, axis = knots_and_values(x, y, axis, "CubicHermiteSpline")
        slopes = np.moveaxis(doubles(dydx), axis, 0)
        self.made(hermite(x, values, slopes), x, True if extrapolate is None else extrapolate, axis)


def edge_slope(h0: Any, h1: Any, m0: Any, m1: Any) -> Any:
    d = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    at, first, second = plain(d), plain(m0), plain(m1)
    flat = np.sign(at) != np.sign(first)
    steep = (np.sign(first) != np.sign(second)) & (np.abs(at) > 3.0 * np.abs(first))
    return np.where(flat, 0.0, np.where(steep, 3.0 * m0, d))


class PchipInterpolator(PPoly):
    """The monotone cubic spline of Fritsch and Butland; SciPy's arguments."""

    theirs = interpolate.PchipInterpolator

    def build(self, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:  # type: ignore[override]
        x, y, axis = knots_and_values(x, y, axis, "PchipInterpolator")
        h = column(np.diff(x), y)
        m = np.diff(y, axis=0) / h
        if x.shape[0] == 2:
            slopes = np.concatenate((m, m))
        else:
            at = plain(m)
            flat = (np.sign(at[1:]) != np.sign(at[:-1])) | (at[1:] == 0) | (at[:-1] == 0)
            w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
            below, above = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
            inner = np.where(flat, 0.0, (w1 + w2) / (w1 / below + w2 / above))
            ends = edge_slope(h[:1], h[1:2], m[:1], m[1:2]), edge_slope(h[-1:], h[-2:-1], m[-1:], m[-2:-1])
            slopes = np.concatenate((ends[0], inner, ends[1]))
        self.made(hermite(x, y, slopes), x, True if extrapolate is None else extrapolate, axis)


class Akima1DInterpolator(PPoly):
    """Akima's cubic spline, and its modification; SciPy's arguments."""

    theirs = interpolate.Akima1DInterpolator

    def build(  # type: ignore[override]
        self, x: Any, y: Any, axis: int = 0, *, method: str = "akima", extrapolate: Any = None
    ) -> None:
        if method not in ("akima", "makima"):
            raise NotImplementedError(f"`method`={method} is unsupported; it is 'akima' or 'makima'")
        x, y, axis = knots_and_values(x, y, axis, "Akima1DInterpolator")
        m = np.diff(y, axis=0) / column(np.diff(x), y)
        if x.shape[0] == 2:
            slopes = np.concatenate((m, m))
        else:
            low = 2 * m[0] - m[1]
            high = 2 * m[-1] - m[-2]
            m = np.concatenate((np.stack((2 * low - m[0], low)), m, np.stack((high, 2 * high - m[-1]))))
            changes = np.abs(np.diff(m, axis=0))
            if method == "makima":
                changes = changes + 0.5 * np.abs(m[1:] + m[:-1])
            f1, f2 = changes[2:], changes[:-2]
            total = f1 + f2
            at = plain(total)
            uneven = at > 1e-9 * np.max(at, initial=-np.inf)
            share = np.where(uneven, f2, 0.5) / np.where(uneven, total, 1.0)
            middle = 0.0 if method == "makima" else 0.5 * (m[3:] + m[:-3])
            slopes = np.where(uneven, m[1:-2] + share * (m[2:-1] - m[1:-2]), middle)
        self.made(hermite(x, y, slopes), x, False if extrapolate is None else extrapolate, axis)


class CubicSpline(PPoly):
    """The twice differentiable cubic spline through points; SciPy's arguments.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> y = wengert.Variable(np.array([0.0, 1.0, 4.0, 9.0]))
    >>> spline = CubicSpline(np.arange(4.0), y)
    >>> spline(1.5)
    Variable(2.25)
    >>> spline(1.5).backward()
    >>> y.grad
    array([-0.0625,  0.5625,  0.5625, -0.0625])
    """

    theirs = interpolate.CubicSpline

    def build(  # type: ignore[override]
        self, x: Any, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
    ) -> None:
        x, y, axis = knots_and_values(x, y, axis, "CubicSpline")
        conditions = boundary_conditions(bc_type, y)
        periodic = conditions[0] == "periodic"
        if extrapolate is None:
            extrapolate = "periodic" if periodic else True
        self.made(hermite(x, y, cubic_slopes(x, y, conditions)), x, extrapolate, axis)


def boundary_conditions(bc_type: Any, y: Any) -> list[Any]:
    """The two conditions, each "not-a-knot", "periodic", or an order of derivative and its value."""
    given = [bc_type, bc_type] if isinstance(bc_type, str) else list(bc_type)
    if len(given) != 2:
        raise ValueError("`bc_type` must contain 2 elements to specify start and end conditions.")
    if "periodic" in [g for g in given if isinstance(g, str)]:
        if given != ["periodic", "periodic"]:
            raise ValueError("'periodic' `bc_type` is defined for both curve ends and cannot be used with others.")
        if holds(~np.all(np.isclose(plain(y)[0], plain(y)[-1], rtol=1e-15, atol=1e-15))):
            raise ValueError("The first and last `y` point must be identical when `bc_type='periodic'`.")
    names = {"clamped": (1, 0.0), "natural": (2, 0.0)}
    found: list[Any] = []
    for condition in given:
        if isinstance(condition, str):
            if condition not in (*names, "not-a-knot", "periodic"):
                raise ValueError(f"bc_type={condition} is not allowed.")
            found.append(names.get(condition, condition))
        else:
            order, value = condition
            if order not in (1, 2):
                raise ValueError("The specified derivative order must be 1 or 2.")
            found.append((order, np.broadcast_to(doubles(value), y.shape[1:])))
    return found


def cubic_slopes(x: Any, y: Any, conditions: list[Any]) -> Any:
    """The slopes at the knots for which the second derivatives agree there."""
    n = x.shape[0]
    dx = np.diff(x)
    h = column(dx, y)
    slope = np.diff(y, axis=0) / h
    if conditions[0] == "periodic":
        return periodic_slopes(n, dx, h, slope)
    if n == 2:
        conditions = [(1, slope[0]) if c == "not-a-knot" else c for c in conditions]
    if n == 3 and conditions == ["not-a-knot", "not-a-knot"]:
        middle = (h[1:] * slope[:1] + h[:1] * slope[1:]) / (h[:1] + h[1:])  # a parabola
        return np.concatenate((2 * slope[:1] - middle, middle, 2 * slope[1:] - middle))
    inner = 3 * (h[1:] * slope[:-1] + h[:-1] * slope[1:])
    first = end_condition(conditions[0], dx, h, slope)
    last = end_condition(conditions[1], dx[::-1], h[::-1], slope[::-1], -1)
    zero = np.zeros(1)
    bands = np.stack(
        (
            np.concatenate((zero, first[1], dx[:-1])),
            np.concatenate((first[0], 2 * (dx[:-1] + dx[1:]), last[0])),
            np.concatenate((dx[1:], last[1], zero)),
        )
    )
    right = np.concatenate((first[2], inner, last[2]))
    if not right.size:
        return right
    return np.reshape(solve_banded((1, 1), bands, np.reshape(right, (n, -1))), right.shape)


def end_condition(condition: Any, dx: Any, h: Any, slope: Any, sign: int = 1) -> tuple[Any, Any, Any]:
    """The row of the matrix at an end (the diagonal, what is beside it), and the right side; from the end inwards."""
    if condition == "not-a-knot":
        d, dd = dx[:1] + dx[1:2], h[:1] + h[1:2]
        return dx[1:2], d, ((h[:1] + 2 * dd) * h[1:2] * slope[:1] + h[:1] ** 2 * slope[1:2]) / dd
    order, value = condition
    value = np.broadcast_to(value, (1, *slope.shape[1:]))
    if order == 1:
        return np.ones(1), np.zeros(1), value
    return 2 * dx[:1], dx[:1], -0.5 * sign * value * h[:1] ** 2 + 3 * slope[:1] * h[:1]


def periodic_slopes(n: int, dx: Any, h: Any, slope: Any) -> Any:
    if n == 2:
        return np.concatenate((0 * slope, 0 * slope))
    if n == 3:
        t = np.sum(slope / h, axis=0, keepdims=True) / np.sum(1.0 / h, axis=0, keepdims=True)
        return np.concatenate((t, t, t))
    before, h_before = np.roll(dx, 1), np.roll(h, 1, axis=0)
    right = 3 * (h * np.roll(slope, 1, axis=0) + h_before * slope)
    eye = np.eye(n - 1)
    matrix = (2 * (before + dx))[:, None] * eye
    matrix = matrix + dx[:, None] * np.roll(eye, -1, axis=1) + before[:, None] * np.roll(eye, 1, axis=1)
    flat = np.reshape(right, (n - 1, -1))
    slopes = np.reshape(np.linalg.solve(matrix, flat), right.shape) if flat.size else right
    return np.concatenate((slopes, slopes[:1]))
