"""Distributions of vectors and matrices: multivariate normal and t, Dirichlet, multinomial, Wishart.

As SciPy does, those of a covariance read its lower triangle alone, and drop axes of length 1 from their results.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.scipy.stats.distribution import Distribution, bind, distributions, doubles
from wengert.scipy.stats.formulas import LOG_2PI

__all__ = ["log_multigamma"]


class Multivariate(Distribution):
    """A distribution whose methods are functions in this module."""

    def __init__(self, name: str, names: tuple[str, ...], defaults: dict[str, Any], methods: dict[str, Any]) -> None:
        super().__init__(name)
        self.names, self.defaults, self.methods = names, defaults, methods
        for method, function in methods.items():
            setattr(self, f"of_{method}", self.binding(method, function))

    def differentiable(self) -> tuple[str, ...]:
        first = ("x",) if "logpdf" in self.methods else ()
        return first + tuple(name for name in self.names if name not in ("n", "allow_singular"))

    def has(self, method: str) -> bool:
        return method in self.methods

    def binding(self, method: str, function: Callable[..., Any]) -> Callable[..., Any]:
        of_values = method in ("pdf", "logpdf", "pmf", "logpmf")
        names = (("x",) if of_values else ()) + self.names

        def call(*args: Any, **kwargs: Any) -> Any:
            return function(*bind(f"stats.{self.name}.{method}", names, self.defaults, args, kwargs))

        return call


def multivariate(name: str, names: str, defaults: dict[str, Any], **methods: Callable[..., Any]) -> None:
    """Register a distribution: its parameters, their defaults, and its methods."""
    for log, density in (("logpdf", "pdf"), ("logpmf", "pmf")):
        if log in methods:
            methods[density] = _exponential(methods[log])
    distributions[name] = Multivariate(name, tuple(names.split()), defaults, methods)


def _exponential(log: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: np.exp(log(*args))


def squeezed(y: Any) -> Any:
    """Without axes of length 1; a scalar where that is all, as SciPy returns."""
    return np.squeeze(y)[()]


def refuse_singular(name: str, allow_singular: Any) -> None:
    if allow_singular:
        raise TypeError(
            f"stats.{name} of a Variable does not take allow_singular=True, as a pseudoinverse has no derivative where "
            "the rank changes; pass a positive definite matrix"
        )


def location_and_matrix(name: str, loc: Any, matrix: Any) -> tuple[Any, Any]:
    """The location as a vector, and the scale as a matrix: a number or a vector stands for a diagonal one."""
    matrix = doubles(1.0 if matrix is None else matrix)
    loc = None if loc is None else doubles(loc)
    size = (loc.size if loc is not None else 1) if matrix.ndim == 0 else matrix.shape[0]
    loc = np.zeros(size) if loc is None else np.reshape(loc, (-1,))
    if matrix.ndim < 2:
        matrix = np.eye(size) * matrix
    if matrix.shape != (size, size) or loc.shape != (size,):
        raise ValueError(
            f"stats.{name} needs a vector and a square matrix of its length, but got the shapes {loc.shape} and "
            f"{matrix.shape}"
        )
    return loc, matrix


def points(x: Any, size: int) -> Any:
    """An array whose last axis has the coordinates."""
    x = doubles(x)
    if x.ndim == 0:
        return x[None]
    if x.ndim == 1:
        return x[:, None] if size == 1 else x[None, :]
    return x


def distance_and_determinant(x: Any, loc: Any, matrix: Any) -> tuple[Any, Any]:
    """The squared Mahalanobis distances and the logarithm of the determinant, by a Cholesky decomposition."""
    factor = np.linalg.cholesky(matrix)
    apart = x - loc
    flat = np.reshape(apart, (-1, apart.shape[-1]))
    scaled = np.linalg.solve(factor, flat.T)
    squares = np.reshape(np.sum(scaled * scaled, axis=0), apart.shape[:-1])
    return squares, 2 * np.sum(np.log(np.diagonal(factor)))


def normal_logpdf(x: Any, mean: Any, cov: Any, allow_singular: Any) -> Any:
    refuse_singular("multivariate_normal", allow_singular)
    mean, cov = location_and_matrix("multivariate_normal", mean, cov)
    squares, log_determinant = distance_and_determinant(points(x, mean.size), mean, cov)
    return squeezed(-0.5 * (mean.size * LOG_2PI + log_determinant + squares))


def normal_entropy(mean: Any, cov: Any, allow_singular: Any = False) -> Any:
    mean, cov = location_and_matrix("multivariate_normal", mean, cov)
    factor = np.linalg.cholesky(cov)
    return 0.5 * mean.size * (LOG_2PI + 1) + np.sum(np.log(np.diagonal(factor)))


multivariate(
    "multivariate_normal",
    "mean cov allow_singular",
    {"mean": None, "cov": 1, "allow_singular": False},
    logpdf=normal_logpdf,
    entropy=normal_entropy,
)


def t_logpdf(x: Any, loc: Any, shape: Any, df: Any, allow_singular: Any) -> Any:
    refuse_singular("multivariate_t", allow_singular)
    loc, shape = location_and_matrix("multivariate_t", loc, shape)
    df, size = doubles(df), loc.size
    if holds(np.any(plain(df) == np.inf)):
        return normal_logpdf(x, loc, shape, False)
    squares, log_determinant = distance_and_determinant(points(x, size), loc, shape)
    more = 0.5 * (df + size)
    constant = special.gammaln(more) - special.gammaln(0.5 * df) - 0.5 * size * np.log(math.pi * df)
    return squeezed(constant - 0.5 * log_determinant - more * np.log1p(squares / df))


multivariate(
    "multivariate_t",
    "loc shape df allow_singular",
    {"loc": None, "shape": 1, "df": 1, "allow_singular": False},
    logpdf=t_logpdf,
)


def dirichlet_alpha(alpha: Any) -> Any:
    alpha = doubles(alpha)
    if alpha.ndim != 1:
        raise ValueError(f"stats.dirichlet needs a vector alpha, but got an array of the shape {alpha.shape}")
    if holds(np.any(plain(alpha) <= 0)):
        raise ValueError("All parameters must be greater than 0; pass such an alpha")
    return alpha


def log_beta(alpha: Any) -> Any:
    return np.sum(special.gammaln(alpha)) - special.gammaln(np.sum(alpha))


def dirichlet_logpdf(x: Any, alpha: Any) -> Any:
    alpha, x = dirichlet_alpha(alpha), doubles(x)
    if x.ndim not in (1, 2) or x.shape[0] not in (alpha.size, alpha.size - 1):
        raise ValueError(
            "Vector 'x' must have either the same number of entries as, or one entry fewer than, parameter vector 'a', "
            f"but alpha.shape = {alpha.shape} and x.shape = {x.shape}."
        )
    if x.shape[0] != alpha.size:
        x = np.concatenate((x, 1 - np.sum(x, axis=0, keepdims=True)))
    at, shapes = plain(x), np.reshape(plain(alpha), (-1,) + (1,) * (x.ndim - 1))
    if holds(np.any(at < 0)) or holds(np.any(at > 1)):
        raise ValueError("Each entry in 'x' must be from zero to one; pass a point of the simplex")
    if holds(np.any((at == 0) & (shapes < 1))):
        raise ValueError("Each entry in 'x' must be greater than zero if its alpha is less than one.")
    if holds(np.any(np.abs(np.sum(at, axis=0) - 1.0) > 10e-10)):
        raise ValueError("The input vector 'x' must lie within the normal simplex: its entries must add up to 1")
    powers = special.xlogy(np.reshape(alpha, shapes.shape) - 1, x)
    return squeezed(np.sum(powers, axis=0) - log_beta(alpha))


def dirichlet_var(alpha: Any) -> Any:
    alpha = dirichlet_alpha(alpha)
    total = np.sum(alpha)
    return squeezed(alpha * (total - alpha) / (total * total * (total + 1)))


def dirichlet_cov(alpha: Any) -> Any:
    alpha = dirichlet_alpha(alpha)
    total = np.sum(alpha)
    mean = alpha / total
    return (np.diag(mean) - np.outer(mean, mean)) / (total + 1)


def dirichlet_entropy(alpha: Any) -> Any:
    alpha = dirichlet_alpha(alpha)
    total = np.sum(alpha)
    score = (total - alpha.size) * special.psi(total) - np.sum((alpha - 1) * special.psi(alpha))
    return log_beta(alpha) + score


multivariate(
    "dirichlet",
    "alpha",
    {},
    logpdf=dirichlet_logpdf,
    mean=lambda alpha: squeezed(dirichlet_alpha(alpha) / np.sum(dirichlet_alpha(alpha))),
    var=dirichlet_var,
    cov=dirichlet_cov,
    entropy=dirichlet_entropy,
)


def probabilities(n: Any, p: Any) -> tuple[Any, Any]:
    n, p = np.asarray(plain(n)), doubles(p)
    at = plain(p)
    if holds(np.any(np.abs(1 - np.sum(at, axis=-1)) > 1e-6)):
        raise ValueError("stats.multinomial needs rows of p that add up to 1; divide p by its sum")
    if holds(np.any((at < 0) | (at > 1))) or np.any(n < 0):
        raise ValueError("stats.multinomial needs p between 0 and 1 and n of at least 0")
    return n, p


def multinomial_logpmf(x: Any, n: Any, p: Any) -> Any:
    n, p = probabilities(n, p)
    x = np.asarray(plain(x))
    if x.ndim == 0 or x.shape[-1] != p.shape[-1]:
        raise ValueError(f"stats.multinomial needs x of the length of p, {p.shape[-1]}, but its shape is {x.shape}")
    possible = np.all((x == np.floor(x)) & (x >= 0), axis=-1) & (np.sum(x, axis=-1) == n)
    counts = np.where(possible[..., None], x, 0).astype(float)
    log = special.gammaln(n + 1.0) + np.sum(special.xlogy(counts, p) - special.gammaln(counts + 1), axis=-1)
    return np.where(possible, log, -np.inf)


def multinomial_cov(n: Any, p: Any) -> Any:
    n, p = probabilities(n, p)
    size = np.reshape(n, (*np.shape(n), 1, 1))
    return size * (p[..., None] * np.eye(p.shape[-1]) - p[..., :, None] * p[..., None, :])


multivariate(
    "multinomial",
    "n p",
    {},
    logpmf=multinomial_logpmf,
    mean=lambda n, p: probabilities(n, p)[0][..., None] * probabilities(n, p)[1],
    cov=multinomial_cov,
)


def log_multigamma(a: Any, d: int) -> Any:
    """The logarithm of the multivariate gamma function of matrices d by d."""
    steps = 0.5 * np.arange(d)
    return d * (d - 1) / 4 * math.log(math.pi) + np.sum(special.gammaln(a[..., None] - steps), axis=-1)


def matrices(name: str, x: Any, df: Any, scale: Any) -> tuple[Any, Any, Any, Any]:
    """The matrices with their number as the first axis, the parameters, and the logarithms of the determinants of x."""
    x, df, scale = doubles(x), doubles(df), doubles(scale)
    scale = np.eye(1) * scale if scale.ndim == 0 else np.diag(scale) if scale.ndim == 1 else scale
    d = scale.shape[0]
    if x.ndim == 0:
        x = np.eye(d) * x
    x = x[..., None] if x.ndim == 2 else x
    if x.ndim != 3 or x.shape[:2] != (d, d) or scale.shape != (d, d) or df.ndim:
        raise ValueError(
            f"stats.{name} needs one df, a square matrix scale, and matrices x of its shape {scale.shape}, but x has "
            f"the shape {x.shape[:2]} and df {df.shape}"
        )
    x = np.moveaxis(x, -1, 0)
    return x, df, scale, log_determinant(x)


def log_determinant(matrix: Any) -> Any:
    factor = np.linalg.cholesky(matrix)
    return 2 * np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def wishart_logpdf(x: Any, df: Any, scale: Any) -> Any:
    x, df, scale, log_x = matrices("wishart", x, df, scale)
    d = scale.shape[0]
    trace = np.trace(np.linalg.solve(scale, x), axis1=-2, axis2=-1)
    constant = 0.5 * df * d * math.log(2) + 0.5 * df * log_determinant(scale) + log_multigamma(0.5 * df, d)
    return squeezed(0.5 * (df - d - 1) * log_x - 0.5 * trace - constant)


def inverse_wishart_logpdf(x: Any, df: Any, scale: Any) -> Any:
    x, df, scale, log_x = matrices("invwishart", x, df, scale)
    d = scale.shape[0]
    trace = np.trace(np.linalg.solve(x, np.broadcast_to(scale, x.shape)), axis1=-2, axis2=-1)
    constant = 0.5 * df * d * math.log(2) + log_multigamma(0.5 * df, d) - 0.5 * df * log_determinant(scale)
    return squeezed(-constant - 0.5 * trace - 0.5 * (df + d + 1) * log_x)


multivariate("wishart", "df scale", {"df": None, "scale": None}, logpdf=wishart_logpdf)
multivariate("invwishart", "df scale", {"df": None, "scale": 1}, logpdf=inverse_wishart_logpdf)
