"""Ties, zeros, constant rows and coincident points, in functions of arrays."""

from typing import Any

import numpy as np

from tests.singular_cases import NOT_FINITE, RAISES, whole

WEIGHTS = np.array([1.0, 2.0, 3.0])
SWAP = np.array([[0.0, 1.0], [1.0, 0.0]])
ONES = [1.0, 1.0, 1.0]
CENTERED = np.eye(3) - 1 / 3
EXTREMES, EQUAL = "equal extremes", "equal elements"


def product_but(x: list[float]) -> Any:
    """The Hessian of a product."""
    n = len(x)
    return [[np.prod([x[k] for k in range(n) if k not in (i, j)]) * (i != j) for j in range(n)] for i in range(n)]


def matern(x: Any) -> Any:
    d = np.linalg.norm(x.reshape(2, 1)[:, None] - x.reshape(2, 1)[None], axis=-1)
    return (1 + d) * np.exp(-d)


def f(name: str) -> Any:
    return getattr(np, name)


def opposite(name: str) -> str:
    return name.replace("max", "min") if "max" in name else name.replace("min", "max")


def nanq(name: str) -> Any:
    return lambda x: f(name)(x, 30 if "percent" in name else 0.3)


def in_place(x: Any, method: str, *args: Any) -> Any:
    """Call a method that writes into a copy of `x`, and return that."""
    y = np.copy(x)
    getattr(y, method)(*args)
    return y


CASES = [
    *(
        whole(f"np.{n}", EXTREMES, f(n), [1.0, 1.0, 0.0] if "max" in n else [1.0, 1.0, 3.0], [0.5, 0.5, 0], 0)
        for n in ("max", "amax", "nanmax", "min", "amin", "nanmin")
    ),
    *(
        whole(f"np.{n}", EXTREMES, lambda x, n=n: f(n)(x) * f(opposite(n))(x), [2.0, 2.0], 2, None)
        for n in ("max", "amax", "nanmax", "min", "amin", "nanmin")
    ),
    whole("np.ptp", EXTREMES, np.ptp, [2.0, 2.0], 0, 0),
    whole("np.ptp", EXTREMES, lambda x: np.ptp(x) ** 2, [2.0, 2.0], 0, None),
    # sorting: the permutation of the stable argsort
    whole("np.sort", EQUAL, lambda x: np.sort(x) * WEIGHTS.astype(x.dtype), ONES, WEIGHTS, 0),
    whole("np.sort", EQUAL, lambda x: np.sort(x) ** 2, ONES, 2, 2),
    whole("np.sort", EQUAL, lambda x: np.sort(x)[0] * np.sort(x)[1], [2.0, 2.0], 2, SWAP),
    whole("np.sort", EQUAL, lambda x: np.sort(x) * WEIGHTS.astype(x.dtype), [0.0, -0.0, 0.0], WEIGHTS, 0),
    whole("np.sort_complex", EQUAL, lambda x: np.sort_complex(x) ** 2, ONES, 2, 2, half=False),
    whole("np.sort_complex", EQUAL, lambda x: np.sort_complex(x) * WEIGHTS, ONES, WEIGHTS, 0, half=False),
    whole("np.partition", EQUAL, lambda x: np.partition(x, 1) ** 2, ONES, 2, 2),
    whole("np.ndarray.sort", EQUAL, lambda x: in_place(x, "sort") * WEIGHTS.astype(x.dtype), ONES, WEIGHTS, 0),
    whole("np.ndarray.sort", EQUAL, lambda x: in_place(x, "sort") ** 2, ONES, 2, 2),
    whole("np.ndarray.partition", EQUAL, lambda x: in_place(x, "partition", 1) ** 2, ONES, 2, 2),
    *(whole(f"np.{n}", EQUAL, f(n), ONES, [0, 1, 0], 0) for n in ("median", "nanmedian")),
    *(
        whole(f"np.{n}", EQUAL, lambda x, n=n: f(n)(x) ** 2, [1.0, 1.0], 1, 0.5 + 0 * SWAP)
        for n in ("median", "nanmedian")
    ),
    *(
        whole(f"np.{n}", EQUAL, nanq(n), ONES, [0.4, 0.6, 0], 0)
        for n in ("quantile", "percentile", "nanquantile", "nanpercentile")
    ),
    whole("np.unique", EQUAL, lambda x: np.unique(x) * np.array([1, 2], x.dtype), [1.0, 1.0, 2.0], [1, 0, 2], 0),
    *(
        whole(
            f"np.{n}", EQUAL, lambda x, n=n: f(n)(x).values * np.array([1, 2], x.dtype), [1.0, 1.0, 2.0], [1, 0, 2], 0
        )
        for n in ("unique_all", "unique_counts", "unique_inverse")
    ),
    whole("np.unique_values", EQUAL, lambda x: np.unique_values(x), [1.0, 1.0, 2.0], [1, 0, 1], 0),
    whole(
        "np.sort", EQUAL, lambda x: np.sum(np.sin(np.sort(x))) + np.std(x) ** 2, [0.0, 0.0, 0.0], 1, 2 / 3 * CENTERED
    ),
    whole("np.linalg.norm", "0", lambda x: np.linalg.norm(x, np.inf) ** 2, [0.0], 0, 2),
    # products with zeros
    *(
        whole(f"np.{n}", "zeros", f(n), x, [np.prod(x[:i] + x[i + 1 :]) for i in range(len(x))], product_but(x))
        for n in ("prod", "nanprod")
        for x in ([2.0, 0.0, 3.0], [0.0, 0.0, 2.0], [0.0, -0.0, 0.0])
    ),
    *(
        whole(f"np.{n}", "zeros", lambda x, n=n: f(n)(x)[-1], [2.0, 0.0, 3.0], [0, 6, 0], product_but([2.0, 0.0, 3.0]))
        for n in ("cumprod", "nancumprod", *(["cumulative_prod"] if hasattr(np, "cumulative_prod") else []))
    ),
    *(
        whole("np.linalg.det", "zeros", lambda x: np.linalg.det(x.reshape(2, 2)), x, first, second, half=False)
        for second in [[[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]]
        for x, first in (([0.0] * 4, 0), ([1.0, 2, 2, 4], [4, -2, -2, 1]))
    ),
    # statistics
    *(whole(f"np.{n}", "all elements equal", f(n), ONES, 0, NOT_FINITE) for n in ("std", "nanstd")),
    *(whole(f"np.{n}", "all elements equal", f(n), [2.0], 0, None) for n in ("std", "nanstd")),
    *(
        whole(f"np.{n}", "all elements equal", lambda x, n=n: f(n)(x) ** 2, ONES, 0, 2 / 3 * CENTERED)
        for n in ("std", "nanstd")
    ),
    whole("np.std", "all elements equal", lambda x: np.cos(np.std(x)), [2.0, 2.0, 2.0], 0, -CENTERED / 3),
    whole(
        "np.corrcoef",
        "a constant row",
        lambda x: np.corrcoef(x, [1.0, 2, 4])[0, 1],
        ONES,
        0,
        0,
        half=False,
    ),
    whole("np.interp", "a given point", lambda x: np.interp(x, [0, 1, 2.0], [0, 1, 4.0]), [1.0], 3, 0, half=False),
    whole(
        "np.interp",
        "x outside the points",
        lambda x: np.interp(x, [0, 1, 2.0], [0, 1, 4.0]),
        [-1.0, 2.5],
        0,
        0,
        half=False,
    ),
    whole(
        "np.gradient", "coincident coordinates", lambda x: np.gradient(x, np.array([0.0, 0, 1])), ONES, NOT_FINITE, None
    ),
    *(
        whole(name, "the edges of the bins", lambda x, call=call: call(x)[0], ONES, None, None, half=False)
        for name, call in (
            ("np.histogram2d", lambda x: np.histogram2d([0, 1, 2.0], [0, 1, 2.0], 2, weights=x)),
            ("np.histogramdd", lambda x: np.histogramdd([[0], [1], [2.0]], 2, weights=x)),
        )
    ),
    whole(
        "np.histogram",
        "the edges of the bins",
        lambda x: np.histogram([0, 1, 2.0], 2, weights=x)[0],
        ONES,
        1,
        0,
        half=False,
    ),
    whole(
        "np.trim_zeros",
        "zeros that are cut off",
        lambda x: np.trim_zeros(x) ** 2,
        [0.0, 2.0, 0.0],
        [0, 4, 0],
        np.diag([0.0, 2, 0]),
    ),
    whole(
        "np.polymul", "zeros that are cut off", lambda x: np.polymul(x, [2.0, 1.0]), [0.0, 2.0], [0, 3], 0, half=False
    ),
    whole(
        "np.polydiv",
        "zeros that are cut off",
        lambda x: np.polydiv(x, [2.0, 1.0])[0],
        [0.0, 2.0],
        None,
        None,
        half=False,
    ),
    whole("np.geomspace", "a start or stop of 0", lambda x: np.geomspace(x, 1, 3), [0.0], RAISES, RAISES),
    # norms
    *(
        whole(
            name,
            "0",
            lambda x, g=g, outer=outer: outer(g(x)),
            [0.0, 0.0],
            0,
            second,
            half=name != "np.linalg.matrix_norm",
        )
        for name, g in (
            ("np.linalg.norm", np.linalg.norm),
            ("np.linalg.vector_norm", np.linalg.vector_norm),
            ("np.linalg.matrix_norm", lambda x: np.linalg.matrix_norm(x[None])),
        )
        for outer, second in ((lambda y: y, NOT_FINITE), (np.square, 2), (np.cos, -1), (lambda y: y**3, 0))
    ),
    whole("np.linalg.norm", "0", lambda x: np.linalg.norm(x, 4) ** 4, [0.0, 0.0], 0, 0),
    whole("np.linalg.norm", "0", lambda x: np.linalg.norm(x, 1) ** 2, [0.0], 0, 2),
    whole("np.linalg.norm", "0", lambda x: np.sqrt(np.sum(x * x)) ** 2, [0.0, -0.0], 0, 2),
    whole("np.linalg.norm", "0", matern, [1.0, 1.0], 0, [[-2, 2], [2, -2]]),
    whole("np.linalg.norm", "0", lambda x: np.linalg.norm(x), [3.0, 0.0], [1, 0], [[0, 0], [0, 1 / 3]]),
    whole("np.linalg.vector_norm", "equal extremes", lambda x: np.linalg.vector_norm(x, ord=np.inf), ONES, 1 / 3, 0),
    whole("np.linalg.vector_norm", "equal extremes", lambda x: np.linalg.vector_norm(x, ord=np.inf), [0.0, 0.0], 0, 0),
    *(
        whole(
            name,
            "equal singular values",
            lambda x, g=g: g(x.reshape(2, 2), ord=2),
            [1.0, 0, 0, 1],
            [0.5, 0, 0, 0.5],
            None,
            half=False,
        )
        for name, g in (("np.linalg.norm", np.linalg.norm), ("np.linalg.matrix_norm", np.linalg.matrix_norm))
    ),
    *(
        whole(
            name,
            "equal extremes",
            lambda x, g=g: g(x.reshape(2, 2), ord=1),
            [*ONES, 1.0],
            0.5,
            0,
            half=False,
        )
        for name, g in (("np.linalg.norm", np.linalg.norm), ("np.linalg.matrix_norm", np.linalg.matrix_norm))
    ),
]
