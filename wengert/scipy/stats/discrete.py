"""The discrete distributions: formulas of the number k, which is a constant, and the parameters.

The mass is not 0 at integers only, and the distribution function is a step, so that neither has a derivative with
respect to k but 0. Quantiles are constants.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.decisions import holds
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.table import plain
from wengert.scipy.stats.distribution import (
    Distribution,
    distributions,
    doubles,
    exponential,
    logarithm,
    undefined,
)
from wengert.scipy.stats.formulas import log1mexp

__all__: list[str] = []

INF = math.inf


class Discrete(Distribution):
    """A distribution of integers."""

    def __init__(self, name: str, support: Any, formulas: dict[str, Any], options: dict[str, Any]) -> None:
        super().__init__(name)
        self.formulas, self.support_of = formulas, support
        self.counts = options.get("counts", ())
        self.valid, self.example = options["valid"], options["example"]
        self.names = (*self.shapes, "loc")

    def differentiable(self) -> tuple[str, ...]:
        return tuple(shape for shape in self.shapes if shape not in self.counts)

    def has(self, method: str) -> bool:
        return {"std": "var"}.get(method, method) in self.formulas

    def parameters(self, args: Any, kwargs: Any) -> tuple[list[Any], Any, Any]:
        *shapes, loc = self.bound(args, kwargs, self.names)
        for shape, name in zip(shapes, self.shapes, strict=True):
            if name in self.counts and level_of(shape) == RECORDED and shape.dtype.kind == "f":
                raise TypeError(
                    f"stats.{self.name} has no derivative with respect to {name}, which is an integer; pass {name}.data"
                )
        shapes = [doubles(plain(s) if n in self.counts else s) for s, n in zip(shapes, self.shapes, strict=True)]
        valid = self.valid(*map(plain, shapes))
        loc = doubles(plain(loc))
        if holds(np.all(valid)):
            return shapes, loc, None
        return [np.where(valid, s, e) for s, e in zip(shapes, self.example, strict=True)], loc, valid

    def of_values(self, method: str, k: Any, args: Any, kwargs: Any) -> Any:
        """Evaluate one of the functions of k."""
        if method in ("ppf", "isf"):
            return getattr(self.scipy, method)(plain(k), *map(plain, args), **{n: plain(v) for n, v in kwargs.items()})
        if method not in self.formulas:
            raise self.lacks(method)
        shapes, loc, valid = self.parameters(args, kwargs)
        k = doubles(plain(k)) - loc
        low, high = self.support_of(*map(plain, shapes))
        log = method.startswith("log")
        if method in ("pmf", "logpmf"):
            outside = (k < low) | (k > high) | (k != np.floor(k))
            inside = self.formulas[method](np.where(outside, np.maximum(low, 0), k), *shapes)
            y = np.where(outside, -INF if log else 0.0, inside)
        else:
            k = np.floor(k)
            below, above = k < low, k >= high
            none, whole = (-INF, 0.0) if log else (0.0, 1.0)
            if method.endswith("sf"):
                none, whole = whole, none
            inside = self.formulas[method](np.where(below | above, np.maximum(low, 0), k), *shapes)
            y = np.where(below, none, np.where(above, whole, inside))
        if holds(np.any(k != k)):
            y = np.where(k != k, undefined(*shapes), y)
        return y if valid is None else np.where(valid, y, undefined(*self.bound(args, kwargs, self.names)[:-1]))

    def of_moment(self, method: str, args: Any, kwargs: Any) -> Any:
        if method not in self.formulas:
            raise self.lacks(method)
        shapes, loc, valid = self.parameters(args, kwargs)
        y = self.formulas[method](*shapes) + (loc if method == "mean" else 0 * loc)
        return y if valid is None else np.where(valid, y, undefined(*self.bound(args, kwargs, self.names)[:-1]))

    def of_std(self, *args: Any, **kwargs: Any) -> Any:
        return np.sqrt(self.of_moment("var", args, kwargs))


def _make(method: str) -> Any:
    if method in ("mean", "var", "entropy"):
        return lambda self, *args, **kwargs: self.of_moment(method, args, kwargs)
    return lambda self, k, *args, **kwargs: self.of_values(method, k, args, kwargs)


for _method in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "mean", "var", "entropy"):
    setattr(Discrete, f"of_{_method}", _make(_method))


def discrete(name: str, support: Any, **given: Any) -> None:
    """Register a distribution: its support, formulas of k and the parameters, and which of these are `counts`."""
    names_of_options: tuple[str, ...] = ("valid", "example", "counts")
    options = {k: given.pop(k) for k in names_of_options if k in given}
    given["pmf"] = exponential(given["logpmf"])
    if "cdf" in given:
        given.setdefault("logcdf", logarithm(given["cdf"], given["sf"]))
        given.setdefault("logsf", logarithm(given["sf"], given["cdf"]))
    distributions[name] = Discrete(name, support, given, options)


def whole(n: Any) -> Any:
    return (n >= 0) & (n == np.floor(n))


def log_choices(n: Any, k: Any) -> Any:
    return -np.log1p(n) - special.betaln(n - k + 1, k + 1)


discrete(
    "bernoulli",
    lambda p: (0.0, 1.0),
    valid=lambda p: (p >= 0) & (p <= 1),
    example=(0.5,),
    logpmf=lambda k, p: special.xlogy(k, p) + special.xlog1py(1 - k, -p),
    cdf=lambda k, p: 1 - p + 0 * k,
    sf=lambda k, p: 1 * p + 0 * k,
    mean=lambda p: 1 * p,
    var=lambda p: p * (1 - p),
    entropy=lambda p: special.entr(p) + special.entr(1 - p),
)
discrete(
    "binom",
    lambda n, p: (0.0, n),
    counts=("n",),
    valid=lambda n, p: whole(n) & (p >= 0) & (p <= 1),
    example=(1.0, 0.5),
    logpmf=lambda k, n, p: log_choices(n, k) + special.xlogy(k, p) + special.xlog1py(n - k, -p),
    cdf=lambda k, n, p: special.betaincc(k + 1, np.maximum(n - k, 1), p),
    sf=lambda k, n, p: special.betainc(k + 1, np.maximum(n - k, 1), p),
    mean=lambda n, p: n * p,
    var=lambda n, p: n * p * (1 - p),
)
discrete(
    "betabinom",
    lambda n, a, b: (0.0, n),
    counts=("n",),
    valid=lambda n, a, b: whole(n) & (a > 0) & (b > 0),
    example=(1.0, 1.0, 1.0),
    logpmf=lambda k, n, a, b: log_choices(n, k) + special.betaln(k + a, n - k + b) - special.betaln(a, b),
    mean=lambda n, a, b: n * a / (a + b),
    var=lambda n, a, b: n * (a + b + n) * (a / (a + b)) * (b / (a + b)) / (a + b + 1),
)
discrete(
    "betanbinom",
    lambda n, a, b: (0.0, INF),
    counts=("n",),
    valid=lambda n, a, b: whole(n) & (a > 0) & (b > 0),
    example=(1.0, 1.0, 1.0),
    logpmf=lambda k, n, a, b: (
        -np.log(n + k) - special.betaln(n, k + 1) + special.betaln(a + n, b + k) - special.betaln(a, b)
    ),
)
discrete(
    "poisson",
    lambda mu: (0.0, INF),
    valid=lambda mu: mu >= 0,
    example=(1.0,),
    logpmf=lambda k, mu: special.xlogy(k, mu) - special.gammaln(k + 1) - mu,
    cdf=lambda k, mu: special.gammaincc(k + 1, mu),
    sf=lambda k, mu: special.gammainc(k + 1, mu),
    mean=lambda mu: 1 * mu,
    var=lambda mu: 1 * mu,
)
discrete(
    "geom",
    lambda p: (1.0, INF),
    valid=lambda p: (p > 0) & (p <= 1),
    example=(0.5,),
    logpmf=lambda k, p: special.xlog1py(k - 1, -p) + np.log(p),
    cdf=lambda k, p: -np.expm1(special.xlog1py(k, -p)),
    sf=lambda k, p: np.exp(special.xlog1py(k, -p)),
    logcdf=lambda k, p: log1mexp(-special.xlog1py(k, -p)),
    logsf=lambda k, p: special.xlog1py(k, -p),
    mean=lambda p: 1 / p,
    var=lambda p: (1 - p) / p / p,
    entropy=lambda p: -np.log(p) - special.xlog1py(1 - p, -p) / p,
)
discrete(
    "nbinom",
    lambda n, p: (0.0, INF),
    valid=lambda n, p: (n > 0) & (p > 0) & (p <= 1),
    example=(1.0, 0.5),
    logpmf=lambda k, n, p: (
        special.gammaln(n + k) - special.gammaln(k + 1) - special.gammaln(n) + n * np.log(p) + special.xlog1py(k, -p)
    ),
    cdf=lambda k, n, p: special.betainc(n, k + 1, p),
    sf=lambda k, n, p: special.betaincc(n, k + 1, p),
    mean=lambda n, p: n * (1 - p) / p,
    var=lambda n, p: n * (1 - p) / (p * p),
)
discrete(
    "logser",
    lambda p: (1.0, INF),
    valid=lambda p: (p > 0) & (p < 1),
    example=(0.5,),
    logpmf=lambda k, p: special.xlogy(k, p) - np.log(k) - np.log(-np.log1p(-p)),
    mean=lambda p: p / (p - 1) / np.log1p(-p),
    var=lambda p: -p * (p / np.log1p(-p) + 1) / np.square(p - 1) / np.log1p(-p),
)
discrete(
    "planck",
    lambda a: (0.0, INF),
    valid=lambda a: a > 0,
    example=(1.0,),
    logpmf=lambda k, a: log1mexp(a) - a * k,
    cdf=lambda k, a: -np.expm1(-a * (k + 1)),
    sf=lambda k, a: np.exp(-a * (k + 1)),
    logcdf=lambda k, a: log1mexp(a * (k + 1)),
    logsf=lambda k, a: -a * (k + 1),
    mean=lambda a: 1 / np.expm1(a),
    var=lambda a: np.exp(-a) / np.square(np.expm1(-a)),
    entropy=lambda a: a / np.expm1(a) - log1mexp(a),
)
discrete(
    "dlaplace",
    lambda a: (-INF, INF),
    valid=lambda a: a > 0,
    example=(1.0,),
    logpmf=lambda k, a: np.log(np.tanh(a / 2)) - a * np.abs(k),
    mean=lambda a: 0 * a,
    var=lambda a: 2 * np.exp(a) / np.square(np.expm1(a)),
    entropy=lambda a: a / np.sinh(a) - np.log(np.tanh(a / 2)),
)
