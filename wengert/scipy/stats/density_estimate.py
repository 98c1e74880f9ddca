"""Kernel density estimates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special, stats

from wengert.arrays.level import level_of
from wengert.functions.exponential_sums import logsumexp
from wengert.scipy.answers import speakers
from wengert.scipy.stats.distribution import doubles

__all__ = ["gaussian_kde"]


class gaussian_kde:
    """A sum of normal densities at points: SciPy's class, whose dataset, weights and bandwidth may be Variables.

    Parameters
    ----------
    dataset : array
        Of shape (n,) or (dimensions, n).
    bw_method : {"scott", "silverman"}, number or callable, optional
    weights : array, optional

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array([0.0, 1.0, 3.0]))
    >>> y = gaussian_kde(x).logpdf(np.array([0.5]))
    >>> y.shape
    (1,)
    """

    def __init__(self, dataset: Any, bw_method: Any = None, weights: Any = None) -> None:
        self.given = (dataset, bw_method, weights)
        self.is_plain = not list(speakers(self.given))
        if self.is_plain:
            self.scipy = stats.gaussian_kde(dataset, bw_method, weights)
        self.dataset = np.atleast_2d(doubles(dataset))
        self.d, self.n = self.dataset.shape
        if self.dataset.size <= 1 or self.d > self.n:
            raise ValueError(
                "gaussian_kde needs a dataset with more columns than rows, each a point, but got the shape "
                f"{self.dataset.shape}; transpose it"
            )
        if weights is None:
            self.weights: Any = np.full(self.n, 1 / self.n)
        else:
            weights = np.atleast_1d(doubles(weights))
            if weights.shape != (self.n,):
                raise ValueError(f"`weights` input should be of length n, {self.n}, but its shape is {weights.shape}")
            self.weights = weights / np.sum(weights)
        self.neff = 1 / np.vecdot(self.weights, self.weights)
        self.set_bandwidth(bw_method)

    def set_bandwidth(self, bw_method: Any = None) -> None:
        """Compute the covariance of the kernels, by a rule or a factor."""
        if self.is_plain:
            self.scipy.set_bandwidth(bw_method)
        if bw_method is None or (isinstance(bw_method, str) and bw_method == "scott"):
            self.factor = self.scotts_factor()
        elif isinstance(bw_method, str) and bw_method == "silverman":
            self.factor = self.silverman_factor()
        elif level_of(bw_method) or (np.isscalar(bw_method) and not isinstance(bw_method, str)):
            self.factor = bw_method
        elif callable(bw_method):
            self.factor = bw_method(self)
        else:
            raise ValueError("`bw_method` should be 'scott', 'silverman', a scalar or a callable.")
        mean = np.sum(self.dataset * self.weights, axis=1, keepdims=True)
        apart = self.dataset - mean
        self.covariance = (apart * self.weights) @ apart.T / (1 - 1 / self.neff) * np.square(self.factor)

    def scotts_factor(self) -> Any:
        """The factor of Scott's rule."""
        return np.power(self.neff, -1 / (self.d + 4))

    covariance_factor = scotts_factor

    def silverman_factor(self) -> Any:
        """The factor of Silverman's rule."""
        return np.power(self.neff * (self.d + 2) / 4, -1 / (self.d + 4))

    def logpdf(self, x: Any) -> Any:
        """The logarithm of the density at points."""
        if self.is_plain and not list(speakers((x,))):
            return self.scipy.logpdf(x)
        x = np.atleast_2d(doubles(x))
        if x.shape[0] != self.d:
            if x.shape != (1, self.d):
                raise ValueError(f"points have dimension {x.shape[0]}, dataset has dimension {self.d}")
            x = np.reshape(x, (self.d, 1))
        factor = np.linalg.cholesky(self.covariance)
        points, centres = np.linalg.solve(factor, x), np.linalg.solve(factor, self.dataset)
        apart = points[:, :, None] - centres[:, None, :]
        constant = np.sum(np.log(np.diagonal(factor))) + 0.5 * self.d * math.log(2 * math.pi)
        exponents = -0.5 * np.sum(apart * apart, axis=0) + np.log(self.weights)
        return logsumexp(exponents, 1) - constant

    def pdf(self, x: Any) -> Any:
        """The density at points."""
        if self.is_plain and not list(speakers((x,))):
            return self.scipy.pdf(x)
        return np.exp(self.logpdf(x))

    evaluate = __call__ = pdf

    def integrate_box_1d(self, low: Any, high: Any) -> Any:
        """The mass between two points, in one dimension."""
        if self.is_plain and not list(speakers((low, high))):
            return self.scipy.integrate_box_1d(low, high)
        if self.d != 1:
            raise ValueError("integrate_box_1d() only handles 1D pdfs")
        deviation = np.sqrt(np.ravel(self.covariance)[0])
        ends = [special.ndtr((doubles(end) - self.dataset[0]) / deviation) for end in (low, high)]
        return np.sum(self.weights * (ends[1] - ends[0]))

    def overlap(self, apart: Any, covariance: Any, weights: Any) -> Any:
        """The sum of weights times normal densities of some covariance, at differences in the columns of a matrix."""
        factor = np.linalg.cholesky(covariance)
        scaled = np.linalg.solve(factor, apart)
        constant = np.sum(np.log(np.diagonal(factor))) + 0.5 * self.d * math.log(2 * math.pi)
        return np.sum(weights * np.exp(-0.5 * np.sum(scaled * scaled, axis=0) - constant))

    def integrate_gaussian(self, mean: Any, cov: Any) -> Any:
        """The integral of the density times a normal one."""
        if self.is_plain and not list(speakers((mean, cov))):
            return self.scipy.integrate_gaussian(mean, cov)
        mean, cov = np.ravel(doubles(mean)), np.atleast_2d(doubles(cov))
        if mean.shape != (self.d,) or cov.shape != (self.d, self.d):
            raise ValueError(f"mean does not have dimension {self.d}, or the covariance not {self.d} of them")
        return self.overlap(self.dataset - mean[:, None], self.covariance + cov, self.weights)

    def integrate_kde(self, other: Any) -> Any:
        """The integral of the product of two estimates."""
        if self.is_plain and other.is_plain:
            return self.scipy.integrate_kde(other.scipy)
        if other.d != self.d:
            raise ValueError("KDEs are not the same dimensionality")
        apart = np.reshape(self.dataset[:, :, None] - other.dataset[:, None, :], (self.d, -1))
        weights = np.ravel(self.weights[:, None] * other.weights)
        return self.overlap(apart, self.covariance + other.covariance, weights)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in ("scipy", "is_plain"):
            raise AttributeError(name)
        if not hasattr(stats.gaussian_kde, name):
            raise AttributeError(f"gaussian_kde has no attribute {name!r}")
        if self.is_plain:
            return getattr(self.scipy, name)
        raise TypeError(
            f"gaussian_kde.{name} has no derivative here, and takes no Variables; make the estimate of the arrays: "
            "gaussian_kde(dataset.data)"
        )
