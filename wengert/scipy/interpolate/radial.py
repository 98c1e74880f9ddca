"""Radial basis functions."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np
from scipy import interpolate, special

from wengert.arrays.table import plain
from wengert.scipy.interpolate.opened import Interpolator, doubles

__all__ = ["RBFInterpolator"]

# The kernels as functions of the squared distance.
KERNELS: dict[str, Any] = {
    "linear": None,  # a norm
    "thin_plate_spline": lambda s: 0.5 * special.xlogy(s, s),
    "cubic": lambda s: s * distance(s),
    "quintic": lambda s: -s * s * distance(s),
    "multiquadric": lambda s: -np.sqrt(s + 1),
    "inverse_multiquadric": lambda s: 1 / np.sqrt(s + 1),
    "inverse_quadratic": lambda s: 1 / (s + 1),
    "gaussian": lambda s: np.exp(-s),
}
LEAST_DEGREE = {"multiquadric": 0, "linear": 0, "thin_plate_spline": 1, "cubic": 1, "quintic": 2}
POSITIVE = ("inverse_multiquadric", "inverse_quadratic", "gaussian")  # 1 at 0
SCALE_INVARIANT = ("linear", "thin_plate_spline", "cubic", "quintic")


def distance(squared: Any) -> Any:
    """The root, for multiples of it that are twice differentiable at 0."""
    none = plain(squared) == 0
    return np.where(none, 0.0, np.sqrt(np.where(none, 1.0, squared)))


class RBFInterpolator(Interpolator):
    """Interpolation of scattered points by radial basis functions and a polynomial; SciPy's arguments.

    The kernel "linear" has a kink at the given points, with the derivative 0; that of "thin_plate_spline" has an
    infinite second derivative there, and that of "cubic" a third one that jumps.
    """

    theirs: ClassVar[Any] = interpolate.RBFInterpolator

    def build(
        self,
        y: Any,
        d: Any,
        neighbors: Any = None,
        smoothing: Any = 0.0,
        kernel: str = "thin_plate_spline",
        epsilon: Any = None,
        degree: Any = None,
    ) -> None:
        if neighbors is not None:
            raise TypeError("RBFInterpolator of a Variable does not take neighbors=; leave it out to use all points")
        y, d = doubles(y), doubles(d)
        if y.ndim != 2 or d.ndim == 0 or d.shape[0] != y.shape[0]:
            raise ValueError(
                f"RBFInterpolator needs a matrix y and as many d, but got the shapes {y.shape} and {d.shape}"
            )
        self.kernel = kernel.lower()
        if self.kernel not in KERNELS:
            raise ValueError(f"`kernel` must be one of {sorted(KERNELS)}.")
        if epsilon is None and self.kernel not in SCALE_INVARIANT:
            raise ValueError(f"`epsilon` must be specified if `kernel` is not one of {sorted(SCALE_INVARIANT)}.")
        self.epsilon = 1.0 if epsilon is None else epsilon
        degree = max(LEAST_DEGREE.get(self.kernel, -1), 0) if degree is None else int(degree)
        n, dims = y.shape
        self.powers = [
            p
            for total in range(degree + 1)
            for p in itertools.product(range(total + 1), repeat=dims)
            if sum(p) == total
        ]
        # SciPy's shift and scale; the interpolant does not depend on them
        self.shift = (np.max(plain(y), axis=0) + np.min(plain(y), axis=0)) / 2
        width = (np.max(plain(y), axis=0) - np.min(plain(y), axis=0)) / 2
        self.scale = np.where(width == 0, 1.0, width)
        self.y, self.d_shape = y, d.shape[1:]
        polynomials = self.monomials(y)
        size = len(self.powers)
        smooth = np.broadcast_to(doubles(smoothing), (n,))
        kernels = self.kernels(y, np.eye(n, dtype=bool)) + np.diag(smooth)
        rows = [np.concatenate((kernels, polynomials), axis=1)]
        rows.append(np.concatenate((polynomials.T, np.zeros((size, size))), axis=1))
        right = np.concatenate((np.reshape(d, (n, -1)), np.zeros((size, int(np.prod(self.d_shape))))))
        self.coefficients = np.linalg.solve(np.concatenate(rows), right)

    def kernels(self, x: Any, same: Any = False) -> Any:
        """The kernels of all pairs; of a point with itself, which is `same`, it is that of 0 whatever moves."""
        apart = np.where(np.asarray(same)[..., None], 0.0, (x[:, None, :] - self.y) * self.epsilon)
        if self.kernel == "linear":
            return -np.linalg.norm(apart, axis=-1)
        squares = np.where(same, 1.0, np.sum(apart * apart, axis=-1))
        at_zero = -1.0 if self.kernel == "multiquadric" else 1.0 if self.kernel in POSITIVE else 0.0
        return np.where(same, at_zero, KERNELS[self.kernel](squares))

    def monomials(self, x: Any) -> Any:
        scaled = (x - self.shift) / self.scale
        columns = [np.prod(np.stack([scaled[:, i] ** e for i, e in enumerate(p)]), axis=0) for p in self.powers]
        return np.stack(columns, axis=1) if columns else np.zeros((x.shape[0], 0))

    def evaluate(self, x: Any) -> Any:
        x = doubles(x)
        if x.ndim != 2 or x.shape[1] != self.y.shape[1]:
            raise ValueError(f"Expected the second axis of `x` to have length {self.y.shape[1]}, but it is {x.shape}")
        values = np.concatenate((self.kernels(x), self.monomials(x)), axis=1) @ self.coefficients
        return np.reshape(values, (x.shape[0], *self.d_shape))
