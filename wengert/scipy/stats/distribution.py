"""Univariate distributions: SciPy's for arrays, and formulas of the standardised variable for Variables.

Support, location and scale are handled here once. Outside of the support the density is 0 and has the gradient 0. At an
end of it the density has the derivative from inside, the distribution function that from outside. Where a shape or the
scale is not valid the results are NaN, as SciPy's, and so are the gradients.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from wengert.arrays.decisions import holds
from wengert.arrays.level import BATCHED, level_of
from wengert.arrays.lists import stacked
from wengert.arrays.table import plain
from wengert.functions.scipy_rules import as_array
from wengert.functions.strong_zero import strong_zero_multiply
from wengert.scipy.answers import speakers

__all__ = [
    "LINE",
    "METHODS",
    "RIGHT",
    "UNIT",
    "Distribution",
    "Frozen",
    "bind",
    "continuous",
    "distributions",
    "doubles",
]

Formula = Callable[..., Any]
INF = math.inf
LINE, RIGHT, UNIT = (-INF, INF), (0.0, INF), (0.0, 1.0)
DENSITIES, TAILS, QUANTILES = ("pdf", "logpdf"), ("cdf", "logcdf", "sf", "logsf"), ("ppf", "isf")
MOMENTS = ("mean", "var", "std", "median", "entropy", "interval", "cov")
METHODS = (*DENSITIES, "pmf", "logpmf", *TAILS, *QUANTILES, *MOMENTS)
distributions: dict[str, Any] = {}


def doubles(value: Any) -> Any:
    """An argument in double precision, in which SciPy computes."""
    value = as_array(stacked(value))
    if value.dtype.kind == "c":
        raise TypeError(f"distributions take real numbers, but got an array of dtype {value.dtype}; use np.real(x)")
    return value if value.dtype == np.float64 else value.astype(np.float64)


class Distribution:
    """One of SciPy's distributions. What this class does not have is SciPy's own, for arrays."""

    moments: tuple[str, ...] = MOMENTS

    def __init__(self, name: str) -> None:
        self.name = name
        self.scipy = getattr(stats, name)
        self.__doc__ = self.scipy.__doc__
        shapes = getattr(self.scipy, "shapes", None) or ""
        self.shapes: tuple[str, ...] = tuple(shapes.replace(" ", "").split(",")) if shapes else ()

    def __call__(self, *args: Any, **kwargs: Any) -> Frozen:
        return Frozen(self, args, kwargs)

    freeze = __call__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "scipy":
            raise AttributeError(name)
        found = getattr(self.scipy, name)
        return self.answered(name) if callable(found) else found

    def answered(self, name: str) -> Any:
        """SciPy's method for arrays, and that of this class for Variables, if there is one."""
        given, ours = getattr(self.scipy, name), getattr(self, f"of_{name}", None)

        @functools.wraps(given)
        def public(*args: Any, **kwargs: Any) -> Any:
            if not any(True for _ in speakers((*args, *kwargs.values()))):
                return given(*args, **kwargs)
            if ours is None:
                raise self.lacks(name)
            return ours(*map(stacked, args), **{key: stacked(value) for key, value in kwargs.items()})

        public.__qualname__, public.__module__ = f"{self.name}.{name}", "wengert.scipy.stats"
        setattr(self, name, public)
        return public

    def __repr__(self) -> str:
        return f"<wengert.scipy.stats.{self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return named, (self.name,)

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
        """The arguments in the order of `names`; what follows the shapes has SciPy's defaults."""
        return bind(f"stats.{self.name}", names, {"loc": 0, "scale": 1}, args, kwargs)

    def has_in_words(self) -> str:
        """The methods that take Variables."""
        return ", ".join(m for m in METHODS if self.has(m)) or "none"

    def differentiable(self) -> tuple[str, ...]:
        """The arguments that there are derivatives with respect to."""
        return ("x", *self.shapes, "loc", "scale")

    def lacks(self, method: str) -> TypeError:
        return TypeError(
            f"wengert.scipy.stats.{self.name}.{method} has no derivative here, so that its result would silently leave "
            f"the graph; methods that have one: {self.has_in_words()}; or leave the graph: x.data, x.detach()"
        )

    def has(self, method: str) -> bool:
        return False


def bind(
    name: str, names: tuple[str, ...], defaults: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[Any]:
    """The values of parameters, as Python binds them."""
    given = dict(zip(names, args, strict=False))
    if len(args) > len(names):
        raise TypeError(f"{name} takes the arguments {', '.join(names)}, but got {len(args)}")
    for key, value in kwargs.items():
        if key not in names or key in given:
            known = "twice" if key in given else f"but takes {', '.join(names)}"
            raise TypeError(f"{name} got the argument {key!r} {known}")
        given[key] = value
    missing = [n for n in names if n not in given and n not in defaults]
    if missing:
        raise TypeError(f"{name} needs the arguments {', '.join(names)}, but {', '.join(missing)} was not given")
    return [given.get(n, defaults.get(n)) for n in names]


def named(name: str) -> Any:
    """The distribution of a name, to be unpickled."""
    return getattr(importlib.import_module("wengert.scipy.stats"), name)


class Frozen:
    """A distribution with its shapes, location and scale."""

    def __init__(self, dist: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.dist, self.args, self.kwds = dist, args, kwargs
        if not any(level_of(v) >= BATCHED for v in (*args, *kwargs.values())):
            dist.scipy(*args, **kwargs)  # (raises what SciPy raises)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("dist", "args", "kwds"):
            raise AttributeError(name)
        if not self.dist.has(name):
            if any(True for _ in speakers((*self.args, *self.kwds.values()))):
                raise self.dist.lacks(name)
            return getattr(self.dist.scipy(*self.args, **self.kwds), name)
        found = getattr(self.dist, name)
        if name in ("mean", "var", "std", "median", "entropy", "cov"):
            return lambda: found(*self.args, **self.kwds)
        return lambda x: found(x, *self.args, **self.kwds)

    def __repr__(self) -> str:
        return f"{self.dist!r} with {self.args} {self.kwds}"


def undefined(*values: Any) -> Any:
    """NaN, with NaN as the gradient wherever one arrives."""
    total: Any = 0.0
    for value in values:
        total = total + value
    return strong_zero_multiply(np.asarray(math.nan), as_array(total))


class Continuous(Distribution):
    """A continuous distribution."""

    def __init__(self, name: str, support: Any, formulas: dict[str, Any], options: dict[str, Any]) -> None:
        super().__init__(name)
        self.formulas = formulas
        self.support_of = support if callable(support) else lambda *shapes: support
        self.fixed = None if callable(support) else support
        self.example = options.get("example", (1.0,) * len(self.shapes) if name != "triang" else (0.5,))
        self.valid = options.get("valid", lambda *shapes: [shape > 0 for shape in shapes])
        low, high = self.fixed or LINE
        inside = 0.5 if low in (-INF, 0.0) and high > 0.5 else low + 0.5 if low > -INF else high - 0.5
        self.middle = options.get("middle", lambda *shapes: inside)
        self.open_ends = options.get("open_ends", False)
        self.names = (*self.shapes, "loc", "scale")

    def has(self, method: str) -> bool:
        return {"std": "var", "median": "ppf", "interval": "ppf"}.get(method, method) in self.formulas

    def parameters(self, args: Any, kwargs: Any) -> tuple[list[Any], Any, Any, Any]:
        """The shapes, location and scale, all of them valid, and where they were; None for everywhere."""
        *shapes, loc, scale = map(doubles, self.bound(args, kwargs, self.names))
        checks = self.valid(*map(plain, shapes)) if shapes else []
        valid = plain(scale) > 0
        for check in checks if isinstance(checks, list) else [checks]:
            valid = valid & check
        if holds(np.all(valid)):
            return shapes, loc, scale, None
        shapes = [np.where(valid, s, e) for s, e in zip(shapes, self.example, strict=True)]
        return shapes, loc, np.where(valid, scale, 1.0), valid

    def of_values(self, method: str, x: Any, args: Any, kwargs: Any) -> Any:
        """Evaluate one of the functions of x."""
        if method not in self.formulas:
            raise self.lacks(method)
        shapes, loc, scale, valid = self.parameters(args, kwargs)
        x, f = doubles(x), self.formulas[method]
        if method in QUANTILES:
            y = self.quantile(f, x, shapes) * scale + loc
        else:
            z = (x - loc) / scale
            low, high = self.support_of(*map(plain, shapes))
            value = (self.density if method in DENSITIES else self.tail)(f, method, plain(z), z, low, high, shapes)
            y = value / scale if method == "pdf" else value - np.log(scale) if method == "logpdf" else value
        return y if valid is None else np.where(valid, y, undefined(x, *self.bound(args, kwargs, self.names)))

    def density(self, f: Formula, method: str, at: Any, z: Any, low: Any, high: Any, shapes: Any) -> Any:
        if self.fixed == LINE and holds(np.all(np.isfinite(at))):
            return f(z, *shapes)
        outside = (at <= low) | (at >= high) if self.open_ends else (at < low) | (at > high) | np.isinf(at)
        inside = f(np.where(outside, self.middle(*map(plain, shapes)), z), *shapes)
        return np.where(outside, 0.0 if method == "pdf" else -INF, inside)

    def tail(self, f: Formula, method: str, at: Any, z: Any, low: Any, high: Any, shapes: Any) -> Any:
        if self.fixed == LINE and holds(np.all(np.isfinite(at))):
            return f(z, *shapes)
        below, above = at <= low, at >= high
        inside = f(np.where(below | above, self.middle(*map(plain, shapes)), z), *shapes)
        none, whole = (-INF, 0.0) if method.startswith("log") else (0.0, 1.0)
        if method.endswith("sf"):
            none, whole = whole, none
        return np.where(below, none, np.where(above, whole, inside))

    def quantile(self, f: Formula, q: Any, shapes: Any) -> Any:
        """Formulas hold for q = 0 and 1 too; beyond these it is NaN."""
        at = plain(q)
        outside = ~((at >= 0) & (at <= 1))
        if holds(np.any(outside)):
            return np.where(outside, undefined(q), f(np.where(outside, 0.5, q), *shapes))
        return f(q, *shapes)

    def of_moment(self, method: str, args: Any, kwargs: Any) -> Any:
        if method not in self.formulas:
            raise self.lacks(method)
        shapes, loc, scale, valid = self.parameters(args, kwargs)
        value = self.formulas[method](*shapes)
        if method == "mean":
            y = value * scale + loc
        else:
            y = value * np.square(scale) if method == "var" else value + np.log(scale) + 0 * loc
        return y if valid is None else np.where(valid, y, undefined(*self.bound(args, kwargs, self.names)))

    def of_std(self, *args: Any, **kwargs: Any) -> Any:
        return np.sqrt(self.of_moment("var", args, kwargs))

    def of_median(self, *args: Any, **kwargs: Any) -> Any:
        return self.of_values("ppf", 0.5, args, kwargs)

    def of_interval(self, confidence: Any, *args: Any, **kwargs: Any) -> Any:
        confidence = doubles(confidence)
        if holds(np.any((plain(confidence) > 1) | (plain(confidence) < 0))):
            raise ValueError("confidence must be between 0 and 1 inclusive; pass one that is")
        return tuple(self.of_values("ppf", q, args, kwargs) for q in (0.5 - confidence / 2, 0.5 + confidence / 2))


def _make(method: str) -> Callable[..., Any]:
    if method in ("mean", "var", "entropy"):
        return lambda self, *args, **kwargs: self.of_moment(method, args, kwargs)
    return lambda self, x, *args, **kwargs: self.of_values(method, x, args, kwargs)


for _method in (*DENSITIES, *TAILS, *QUANTILES, "mean", "var", "entropy"):
    setattr(Continuous, f"of_{_method}", _make(_method))


def continuous(names: str, support: Any, **given: Any) -> None:
    """Register a distribution of SciPy's, under one or more names.

    Parameters
    ----------
    names : str
    support : pair of float, or callable
        The ends of the support, or a function of the shapes that gives them.
    **given
        Formulas by the name of the method, of the standardised variable and the shapes. ``symmetric=True``:
        the survival function is that of the mirrored variable. ``logcdf=None``: there is none that is exact.
        Options: `valid` (a function of the shapes), `example` (shapes that are valid), `middle` (a point in the
        support), `open_ends` (the density at the ends is 0).
    """
    names_of_options: tuple[str, ...] = ("valid", "example", "middle", "open_ends")
    options = {k: given.pop(k) for k in names_of_options if k in given}
    if given.pop("symmetric", False):
        for of, tail in (("sf", "cdf"), ("logsf", "logcdf")):
            if tail in given:
                given[of] = mirrored(given[tail])
        if "ppf" in given:
            given["isf"] = negated(given["ppf"])
    if "pdf" not in given:
        given["pdf"] = exponential(given["logpdf"])
    if "cdf" in given and "sf" in given:
        given.setdefault("logcdf", logarithm(given["cdf"], given["sf"]))
        given.setdefault("logsf", logarithm(given["sf"], given["cdf"]))
    formulas = {k: f for k, f in given.items() if f is not None}
    for name in names.split():
        distributions[name] = Continuous(name, support, formulas, options)


def mirrored(f: Formula) -> Formula:
    return lambda x, *shapes: f(-x, *shapes)


def negated(f: Formula) -> Formula:
    return lambda q, *shapes: -f(q, *shapes)


def exponential(f: Formula) -> Formula:
    return lambda x, *shapes: np.exp(f(x, *shapes))


def logarithm(f: Formula, rest: Formula) -> Formula:
    """log(f), where it is nearly 0 by what is missing to 1."""

    def log(x: Any, *shapes: Any) -> Any:
        value = f(x, *shapes)
        large = plain(value) > 0.5
        return np.where(large, np.log1p(-np.where(large, rest(x, *shapes), 0.5)), np.log(np.where(large, 0.5, value)))

    return log
