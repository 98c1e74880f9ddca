"""scipy.spatial.distance for Variables: distances between vectors, of two sets, and of all pairs in one.

A norm has the derivative 0 where it is 0: a point has no force on itself. Where coordinates are equal, their absolute
difference has the derivative 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.spatial.distance
from scipy import special

from wengert.arrays.decisions import holds
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.table import plain
from wengert.functions.scipy_rules import as_array
from wengert.scipy.answers import answers, open_names

__all__ = [
    "braycurtis",
    "canberra",
    "cdist",
    "chebyshev",
    "cityblock",
    "correlation",
    "cosine",
    "euclidean",
    "jensenshannon",
    "mahalanobis",
    "minkowski",
    "pdist",
    "seuclidean",
    "sqeuclidean",
    "squareform",
]

theirs = scipy.spatial.distance

# The distances along the last axis. Weights are arrays, or None.


def of_minkowski(u: Any, v: Any, w: Any, p: Any) -> Any:
    if level_of(p) == RECORDED:
        raise TypeError("minkowski has no derivative with respect to p here; pass a number: p.item()")
    p = 2.0 if p is None else float(p)
    if p <= 0:
        raise ValueError("p must be greater than 0")
    apart = u - v
    if w is not None:
        root = w if p == 1 else np.sqrt(w) if p == 2 else w != 0 if p == math.inf else np.power(w, 1 / p)
        apart = root * apart
    return np.linalg.norm(apart, ord=p, axis=-1)


def weighted(terms: Any, w: Any) -> Any:
    return np.sum(terms if w is None else w * terms, axis=-1)


def of_chebyshev(u: Any, v: Any, w: Any) -> Any:
    apart = np.abs(u - v)
    return np.max(apart if w is None else (w > 0) * apart, axis=-1)


def of_cosine(u: Any, v: Any, w: Any) -> Any:
    return 1 - weighted(u * v, w) / np.sqrt(weighted(u * u, w) * weighted(v * v, w))


def of_correlation(u: Any, v: Any, w: Any) -> Any:
    if w is None:
        u, v = (x - np.mean(x, axis=-1, keepdims=True) for x in (u, v))
    else:
        w = w / np.sum(w)
        u, v = (x - np.sum(w * x, axis=-1, keepdims=True) for x in (u, v))
    return of_cosine(u, v, w)


def of_canberra(u: Any, v: Any, w: Any) -> Any:
    size = np.abs(u) + np.abs(v)
    none = plain(size) == 0
    return weighted(np.where(none, 0, np.abs(u - v) / np.where(none, 1, size)), w)


def of_mahalanobis(u: Any, v: Any, inverse: Any) -> Any:
    """By a Cholesky factor of the matrix, so that it is the norm of a vector, whose square is smooth at 0."""
    factor = np.linalg.cholesky(0.5 * (inverse + inverse.T))
    return np.linalg.norm((u - v) @ factor, axis=-1)


def of_jensenshannon(p: Any, q: Any) -> Any:
    p, q = p / np.sum(p, axis=-1, keepdims=True), q / np.sum(q, axis=-1, keepdims=True)
    middle = (p + q) / 2.0
    return np.sqrt(np.sum(special.rel_entr(p, middle) + special.rel_entr(q, middle), axis=-1) / 2.0)


METRICS: dict[str, Callable[..., Any]] = {
    "euclidean": lambda u, v, w: of_minkowski(u, v, w, 2.0),
    "sqeuclidean": lambda u, v, w: weighted(np.square(u - v), w),
    "cityblock": lambda u, v, w: weighted(np.abs(u - v), w),
    "chebyshev": of_chebyshev,
    "cosine": of_cosine,
    "correlation": of_correlation,
    "canberra": of_canberra,
    "braycurtis": lambda u, v, w: weighted(np.abs(u - v), w) / weighted(np.abs(u + v), w),
}
NAMES = {
    name: metric
    for metric, names in {
        "euclidean": "euclidean euclid eu e",
        "sqeuclidean": "sqeuclidean sqe sqeuclid",
        "seuclidean": "seuclidean se s",
        "cityblock": "cityblock cblock cb c",
        "chebyshev": "chebyshev chebychev cheby cheb ch",
        "minkowski": "minkowski mi m pnorm",
        "cosine": "cosine cos",
        "correlation": "correlation co",
        "canberra": "canberra",
        "braycurtis": "braycurtis",
        "mahalanobis": "mahalanobis mahal mah",
        "jensenshannon": "jensenshannon js",
    }.items()
    for name in names.split()
}


def vector(x: Any, name: str) -> Any:
    x = as_array(x)
    if x.ndim != 1:
        raise ValueError(f"Input vector should be 1-D, but {name} has the shape {x.shape}")
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def weights(w: Any) -> Any:
    if w is None:
        return None
    w = vector(w, "w")
    w = w if w.dtype == np.float64 else w.astype(np.float64)
    if holds(np.any(plain(w) < 0)):
        raise ValueError("Input weights should be all non-negative")
    return w


def of_two(name: str) -> Callable[..., Any]:
    def distance(u: Any, v: Any, w: Any = None) -> Any:
        u, v = vector(u, "u"), vector(v, "v")
        if name in ("canberra", "braycurtis"):
            v = v.astype(np.float64)  # (as SciPy does)
        return METRICS[name](u, v, weights(w))

    return distance


euclidean = answers(theirs.euclidean)(of_two("euclidean"))
sqeuclidean = answers(theirs.sqeuclidean)(of_two("sqeuclidean"))
cityblock = answers(theirs.cityblock)(of_two("cityblock"))
chebyshev = answers(theirs.chebyshev)(of_two("chebyshev"))
cosine = answers(theirs.cosine)(of_two("cosine"))
canberra = answers(theirs.canberra)(of_two("canberra"))
braycurtis = answers(theirs.braycurtis)(of_two("braycurtis"))


@answers(theirs.correlation)
def correlation(u: Any, v: Any, w: Any = None, centered: bool = True) -> Any:
    return (of_correlation if centered else of_cosine)(vector(u, "u"), vector(v, "v"), weights(w))


@answers(theirs.minkowski)
def minkowski(u: Any, v: Any, p: Any = 2, w: Any = None) -> Any:
    return of_minkowski(vector(u, "u"), vector(v, "v"), weights(w), p)


@answers(theirs.mahalanobis)
def mahalanobis(u: Any, v: Any, VI: Any) -> Any:
    return of_mahalanobis(vector(u, "u"), vector(v, "v"), np.atleast_2d(VI))


@answers(theirs.seuclidean)
def seuclidean(u: Any, v: Any, V: Any) -> Any:
    u, v, variances = vector(u, "u"), vector(v, "v"), vector(V, "V").astype(np.float64)
    if not u.shape == v.shape == variances.shape:
        raise TypeError("V must be a 1-D array of the same dimension as u and v.")
    return of_minkowski(u, v, 1 / variances, 2.0)


@answers(theirs.jensenshannon)
def jensenshannon(p: Any, q: Any, base: Any = None, *, axis: int = 0, keepdims: bool = False) -> Any:
    p, q = (np.moveaxis(as_array(x), axis, -1) for x in (p, q))
    y = of_jensenshannon(p, q)
    y = y if base is None else y / np.sqrt(np.log(base))
    return np.expand_dims(y, axis) if keepdims else y


# Sets of vectors


def matrix(x: Any, name: str) -> Any:
    x = as_array(x)
    if x.ndim != 2:
        raise ValueError(f"{name} must be a 2-dimensional array, but its shape is {x.shape}")
    if x.dtype.kind == "c":
        raise TypeError(f"{name} must be real, but its dtype is {x.dtype}; use np.real(x)")
    return x if x.dtype == np.float64 else x.astype(np.float64)


def between(metric: Any, u: Any, v: Any, every: Any, options: dict[str, Any]) -> Any:
    """The distances along the last axis; `every` gives all vectors, from which variances are taken."""
    name = NAMES.get(str(metric).lower())
    if name is None:
        raise ValueError(
            f"the metric {metric!r} has no derivative here; those that have one: "
            f"{', '.join(sorted(set(NAMES.values())))}"
        )
    takes = {"minkowski": ("p", "w"), "seuclidean": ("V",), "mahalanobis": ("VI",), "jensenshannon": ()}.get(
        name, ("w",)
    )
    options = {k: option for k, option in options.items() if option is not None}
    if unknown := set(options) - set(takes):
        raise TypeError(f"the metric {name} does not take {', '.join(sorted(unknown))}; leave it out")
    w = weights(options.get("w"))
    if name == "minkowski":
        return of_minkowski(u, v, w, options.get("p"))
    if name == "seuclidean":
        variances = options.get("V")
        return of_minkowski(u, v, 1 / (np.var(every(), axis=0, ddof=1) if variances is None else variances), 2.0)
    if name == "mahalanobis":
        inverse = options.get("VI")
        return of_mahalanobis(u, v, np.linalg.inv(np.atleast_2d(np.cov(every().T))).T if inverse is None else inverse)
    return of_jensenshannon(u, v) if name == "jensenshannon" else METRICS[name](u, v, w)


@answers(theirs.cdist)
def cdist(
    XA: Any,
    XB: Any,
    metric: Any = "euclidean",
    *,
    p: Any = None,
    w: Any = None,
    V: Any = None,
    VI: Any = None,
) -> Any:
    a, b = matrix(XA, "XA"), matrix(XB, "XB")
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            "XA and XB must have the same number of columns (i.e. feature dimension), but their shapes are "
            f"{a.shape} and {b.shape}"
        )
    options = {"p": p, "w": w, "V": V, "VI": VI}
    return between(metric, a[:, None, :], b[None, :, :], lambda: np.concatenate((a, b)), options)


@answers(theirs.pdist)
def pdist(
    X: Any,
    metric: Any = "euclidean",
    *,
    p: Any = None,
    w: Any = None,
    V: Any = None,
    VI: Any = None,
) -> Any:
    x = matrix(X, "X")
    rows, columns = np.triu_indices(x.shape[0], 1)
    return between(metric, x[rows], x[columns], lambda: x, {"p": p, "w": w, "V": V, "VI": VI})


@answers(theirs.squareform)
def squareform(X: Any, force: str = "no", checks: bool = True) -> Any:
    x = as_array(X)
    kind = {"tovector": 2, "tomatrix": 1}.get(force.lower(), x.ndim)
    if x.ndim not in (1, 2) or kind != x.ndim:
        raise ValueError(f"squareform takes a vector of distances, or a square matrix, but got the shape {x.shape}")
    if x.ndim == 1:
        n = round((1 + math.sqrt(1 + 8 * x.size)) / 2)
        if n * (n - 1) // 2 != x.size:
            raise ValueError("Incompatible vector size. It must be a binomial coefficient n choose 2 for some n >= 2.")
        upper = np.zeros((n, n), int)
        rows, columns = np.triu_indices(n, 1)
        upper[rows, columns] = upper[columns, rows] = np.arange(x.size)
        spread = x[upper] if x.size else np.zeros((n, n), x.dtype)
        return np.where(np.eye(n, dtype=bool), np.zeros((), x.dtype), spread)
    if x.shape[0] != x.shape[1]:
        raise ValueError("The matrix argument must be square.")
    at = plain(x)
    if checks and (holds(np.any(np.abs(at - at.T) > 1e-8)) or holds(np.any(np.abs(np.diagonal(at)) > 1e-8))):
        raise ValueError("Distance matrix 'X' must be symmetric, with a diagonal of zeros; or pass checks=False")
    return x[np.triu_indices(x.shape[0], 1)]


__getattr__, __dir__ = open_names(__name__, theirs, globals())
