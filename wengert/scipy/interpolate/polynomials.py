"""Polynomials through points."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy import interpolate

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.scipy.answers import answers
from wengert.scipy.interpolate.opened import Interpolator, doubles, placed

__all__ = ["BarycentricInterpolator", "barycentric_interpolate", "lagrange"]


class BarycentricInterpolator(Interpolator):
    """The polynomial through points, by the barycentric formula; SciPy's arguments."""

    theirs: ClassVar[Any] = interpolate.BarycentricInterpolator
    xi: Any
    yi: Any
    wi: Any
    axis: int

    def build(self, xi: Any, yi: Any = None, axis: int = 0) -> None:
        if yi is None:
            raise TypeError("BarycentricInterpolator of Variables needs the values yi; pass them")
        self.xi, yi = doubles(xi), doubles(yi)
        self.axis = axis % yi.ndim
        self.yi = np.moveaxis(yi, self.axis, 0)
        if self.xi.ndim != 1 or self.yi.shape[0] != self.xi.shape[0]:
            raise ValueError(f"x and y arrays must be equal in length along axis {self.axis}")
        apart = self.xi[:, None] - self.xi
        n = self.xi.shape[0]
        same = np.eye(n, dtype=bool)
        if n > 1 and holds(np.any((plain(apart) == 0) & ~same)):
            raise ValueError("Interpolation points xi must be distinct.")
        # scaled by the length of the interval, so that products neither overflow nor underflow soon
        scale = 4.0 / (np.max(plain(self.xi)) - np.min(plain(self.xi))) if n > 1 else 1.0
        self.wi = 1.0 / np.prod(np.where(same, 1.0, apart * scale), axis=1)

    def evaluate(self, x: Any, der: Any = None) -> Any:
        if der is not None and der != 0:
            raise TypeError("BarycentricInterpolator of Variables does not take der=; differentiate its value")
        points = doubles(x)
        flat = np.reshape(points, (-1,))
        apart = flat[:, None] - self.xi
        # y is the sum of l_j(x) y_j; the products of differences, not their quotients, are smooth at the points
        size = self.xi.shape[0]
        others = np.stack(
            [np.prod(np.concatenate((apart[:, :j], apart[:, j + 1 :]), axis=1), axis=1) for j in range(size)], axis=1
        )
        scale = np.max(plain(self.xi)) - np.min(plain(self.xi)) if size > 1 else 1.0
        shares = others * (4.0 / scale) ** (size - 1) * self.wi
        y = shares @ np.reshape(self.yi, (size, -1))
        return placed(np.reshape(y, (*points.shape, *self.yi.shape[1:])), points.ndim, self.axis)


@answers(interpolate.barycentric_interpolate)
def barycentric_interpolate(xi: Any, yi: Any, x: Any, axis: int = 0, *, der: Any = 0) -> Any:
    return BarycentricInterpolator(xi, yi, axis=axis).evaluate(x, der)


@answers(interpolate.lagrange)
def lagrange(x: Any, w: Any) -> Any:
    """The coefficients of the polynomial, the highest first: np.poly1d holds no Variables; see np.polyval."""
    x, w = doubles(x), doubles(w)
    total: Any = 0.0
    for j in range(x.shape[0]):
        factor: Any = np.ones(1)
        for k in range(x.shape[0]):
            if k != j:
                factor = (np.append(factor, 0.0) - x[k] * np.insert(factor, 0, 0.0)) / (x[j] - x[k])
        total = total + w[j] * factor
    return total
