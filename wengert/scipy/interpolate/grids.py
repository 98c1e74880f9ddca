"""Interpolation along one axis, and on rectangular grids.

Linear interpolation has kinks at the given points, where the derivative is that to the right (at the last one, to the
left); nearest, previous and next ones are steps in the points, with the derivative 0.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np
from scipy import interpolate

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.scipy.answers import answers
from wengert.scipy.interpolate.bsplines import make_interp_spline
from wengert.scipy.interpolate.opened import Interpolator, doubles, elements, placed
from wengert.scipy.interpolate.piecewise import PchipInterpolator

__all__ = ["RegularGridInterpolator", "interp1d", "interpn"]


class interp1d(Interpolator):
    """Interpolation along one axis, of a `kind`; SciPy's arguments."""

    theirs: ClassVar[Any] = interpolate.interp1d

    def build(
        self,
        x: Any,
        y: Any,
        kind: Any = "linear",
        axis: int = -1,
        copy: bool = True,
        bounds_error: Any = None,
        fill_value: Any = np.nan,
        assume_sorted: bool = False,
    ) -> None:
        x, y = doubles(x), doubles(y)
        if x.ndim != 1 or y.ndim == 0:
            raise ValueError(f"interp1d needs a vector x and an array y, but got the shapes {x.shape} and {y.shape}")
        self.axis = axis % y.ndim
        y = np.moveaxis(y, self.axis, 0)
        if x.shape[0] != y.shape[0]:
            raise ValueError("x and y arrays must be equal in length along interpolation axis.")
        if not assume_sorted:
            order = np.argsort(plain(x), kind="stable")
            x, y = elements(x, order), elements(y, order)
        self.kind, self.x, self.y = kind, x, y
        orders = {"zero": 0, "slinear": 1, "quadratic": 2, "cubic": 3}
        if isinstance(kind, int) or kind in orders:
            degree = kind if isinstance(kind, int) else orders[kind]
            self.spline = make_interp_spline(x, y, k=degree)
        elif kind not in ("linear", "nearest", "nearest-up", "previous", "next"):
            raise NotImplementedError(f"{kind} is unsupported: Use fitpack routines for other types.")
        self.extrapolates = isinstance(fill_value, str) and fill_value == "extrapolate"
        if isinstance(fill_value, str) and not self.extrapolates:
            raise ValueError(f"fill_value is a number, a pair of them or 'extrapolate', but got {fill_value!r}")
        self.fill = fill_value if isinstance(fill_value, tuple) else (fill_value, fill_value)
        never = not isinstance(fill_value, tuple) and isinstance(fill_value, float) and np.isnan(fill_value)
        self.raises = not self.extrapolates and (never if bounds_error is None else bounds_error)

    def evaluate(self, x: Any) -> Any:
        points = doubles(x)
        at, knots = plain(points), plain(self.x)
        if hasattr(self, "spline"):
            y = self.spline.evaluate(points) if hasattr(self.spline, "evaluate") else self.spline(points)
        elif self.kind == "linear":
            y = self.linear(points, at, knots)
        else:
            y = elements(self.y, self.index(at, knots)) + 0 * np.reshape(
                points, (*points.shape, *(1,) * (self.y.ndim - 1))
            )
        if not self.extrapolates:
            y = self.filled(y, at < knots[0], at > knots[-1])
        return placed(y, points.ndim, self.axis)

    def linear(self, points: Any, at: Any, knots: Any) -> Any:
        high = np.clip(np.searchsorted(knots, at, "right"), 1, knots.shape[0] - 1)
        low = high - 1
        extra = (*points.shape, *(1,) * (self.y.ndim - 1))
        start, left = elements(self.x, low), elements(self.y, low)
        apart, step = points - start, elements(self.x, high) - start
        slope = (elements(self.y, high) - left) / np.reshape(step, extra)
        return left + slope * np.reshape(apart, extra)

    def index(self, at: Any, knots: Any) -> Any:
        last = knots.shape[0] - 1
        if self.kind in ("nearest", "nearest-up"):
            halves = knots / 2.0
            middles = halves[1:] + halves[:-1]
            found = np.searchsorted(middles, at, "left" if self.kind == "nearest" else "right")
            return np.clip(found, 0, last)
        if self.kind == "previous":
            return np.clip(np.searchsorted(knots, at, "right") - 1, 0, last)
        return np.clip(np.searchsorted(knots, at, "left"), 0, last)

    def filled(self, y: Any, below: Any, above: Any) -> Any:
        if self.raises and holds(np.any(below | above)):
            raise ValueError(
                "A value in x_new is outside the interpolation range; pass fill_value= or bounds_error=False"
            )
        for outside, value in zip((below, above), self.fill, strict=True):
            mask = np.reshape(outside, (*outside.shape, *(1,) * (self.y.ndim - 1)))
            y = np.where(mask, value, y)
        return y


class RegularGridInterpolator(Interpolator):
    """Interpolation on a rectangular grid, of a `method`; SciPy's arguments."""

    theirs: ClassVar[Any] = interpolate.RegularGridInterpolator
    METHODS: ClassVar[dict[str, int]] = {"slinear": 1, "cubic": 3, "quintic": 5}

    def build(
        self,
        points: Any,
        values: Any,
        method: str = "linear",
        bounds_error: bool = True,
        fill_value: Any = np.nan,
        *,
        solver: Any = None,
        solver_args: Any = None,
    ) -> None:
        if method not in ("linear", "nearest", "pchip", *self.METHODS):
            raise ValueError(f"Method '{method}' is not defined")
        if solver is not None or solver_args is not None:
            raise TypeError("RegularGridInterpolator of a Variable does not take solver=; leave it out")
        self.grid, values = [doubles(p) for p in points], doubles(values)
        if len(self.grid) > values.ndim:
            raise ValueError(f"There are {len(self.grid)} point arrays, but values has {values.ndim} dimensions")
        for axis, p in enumerate(self.grid):
            steps = np.diff(plain(p))
            if p.ndim != 1 or p.shape[0] != values.shape[axis]:
                raise ValueError(
                    f"There are {p.shape} points and {values.shape[axis]} values on dimension {axis}; "
                    "they must be as many"
                )
            if holds(np.all(steps < 0)) and steps.size:
                self.grid[axis], values = p[::-1], np.flip(values, axis)
            elif holds(~np.all(steps > 0)):
                raise ValueError(f"The points in dimension {axis} must be strictly ascending or descending")
        self.values, self.method, self.bounds_error, self.fill_value = values, method, bounds_error, fill_value

    def evaluate(self, xi: Any, method: Any = None, *, nu: Any = None) -> Any:
        if nu is not None:
            raise TypeError("RegularGridInterpolator of a Variable does not take nu=; differentiate its value")
        method = self.method if method is None else method
        d = len(self.grid)
        if isinstance(xi, tuple):
            xi = np.stack(np.broadcast_arrays(*map(doubles, xi)), axis=-1)
        xi = doubles(xi)
        if xi.ndim == 1 and d == 1 and xi.shape[-1] != 1:
            xi = xi[..., None]
        if xi.shape[-1] != d:
            raise ValueError(f"The requested sample points xi have dimension {xi.shape[-1]} but this has dimension {d}")
        flat = np.reshape(xi, (-1, d))
        at = plain(flat)
        outside = [(at[:, i] < plain(g)[0]) | (at[:, i] > plain(g)[-1]) for i, g in enumerate(self.grid)]
        beyond = np.any(np.stack(outside), axis=0)
        if self.bounds_error and holds(np.any(beyond)):
            raise ValueError("One of the requested xi is out of bounds; pass bounds_error=False")
        y = self.by_splines(flat, method) if method in ("pchip", *self.METHODS) else self.by_corners(flat, at, method)
        extra = (1,) * (y.ndim - 1)
        if self.fill_value is not None:
            y = np.where(np.reshape(beyond, (-1, *extra)), self.fill_value, y)
        undefined = np.any(np.isnan(at), axis=-1)
        if holds(np.any(undefined)):
            y = np.where(np.reshape(undefined, (-1, *extra)), np.nan, y)
        return np.reshape(y, (*xi.shape[:-1], *self.values.shape[d:]))

    def by_corners(self, flat: Any, at: Any, method: str) -> Any:
        lows, shares = [], []
        for i, g in enumerate(self.grid):
            low = np.clip(np.searchsorted(plain(g), at[:, i], "right") - 1, 0, max(g.shape[0] - 2, 0))
            high = np.minimum(low + 1, g.shape[0] - 1)
            start = elements(g, low)
            step = elements(g, high) - start
            share = (flat[:, i] - start) / np.where(plain(step) == 0, 1.0, step)
            lows.append(low)
            shares.append(share)
        if method == "nearest":
            places = [np.where(plain(s) <= 0.5, low, np.minimum(low + 1, g.shape[0] - 1))
                      for low, s, g in zip(lows, shares, self.grid, strict=True)]  # fmt: skip
            return elements(self.values, tuple(places))
        total: Any = 0.0
        for corner in itertools.product((0, 1), repeat=len(lows)):
            weight: Any = 1.0
            for side, share in zip(corner, shares, strict=True):
                weight = weight * (share if side else 1 - share)
            places = [
                np.minimum(low + side, g.shape[0] - 1) for low, side, g in zip(lows, corner, self.grid, strict=True)
            ]
            part = elements(self.values, tuple(places))
            total = total + part * np.reshape(weight, (-1, *(1,) * (part.ndim - 1)))
        return total

    def by_splines(self, flat: Any, method: str) -> Any:
        """One axis after the other, from the last; each point has its own splines from the second on."""
        found = []
        for k in range(flat.shape[0]):
            values = self.values
            for i in reversed(range(len(self.grid))):
                if method == "pchip":
                    values = PchipInterpolator(self.grid[i], values, axis=i)(flat[k, i])
                else:
                    values = make_interp_spline(self.grid[i], values, k=self.METHODS[method], axis=i)(flat[k, i])
            found.append(values)
        return np.stack(found) if found else np.zeros((0, *self.values.shape[len(self.grid) :]))


@answers(interpolate.interpn, lists=True)
def interpn(
    points: Any,
    values: Any,
    xi: Any,
    method: str = "linear",
    bounds_error: bool = True,
    fill_value: Any = np.nan,
) -> Any:
    if method == "splinef2d":
        raise TypeError("interpn of a Variable does not take method='splinef2d'; use 'cubic'")
    made = RegularGridInterpolator(points, values, method, bounds_error, fill_value)
    return made(xi)
