"""Cases for wengert.functions.quantiles: with respect to the probabilities."""

import numpy as np

from tests.cases import Case, away, positive
from tests.cases.reduction import nan_array
from tests.cases.sorting import METHODS
from wengert.arrays.table import plain
from wengert.functions.quantiles import beside, with_slope

Q, Q1, Q2 = np.array(0.317), np.array([0.113, 0.523, 0.934]), np.array([[0.13, 0.447], [0.663, 0.913]])
FUNCTIONS = ((np.quantile, away), (np.nanquantile, nan_array))
PERCENTILES = ((np.percentile, away), (np.nanpercentile, nan_array))

CASES = [
    *(
        Case(f, lambda a, q, f=f, method=method: f(a, q, 0, method=method) ** 2, (array(7, 2), q), eps=1e-4)
        for f, array in FUNCTIONS
        for method in METHODS
        for q in (Q1,)
    ),
    *(
        Case(f, lambda a, q, f=f, axis=axis: f(a, q, axis, keepdims=True) ** 2, (array(3, 4), q), eps=1e-4)
        for f, array in FUNCTIONS
        for axis, q in ((None, Q1), (0, Q), (-1, Q2))
    ),
    *(
        Case(f, lambda a, q, f=f: f(a, q, axis=(0, -1)) ** 2, (array(3, 2, 3), q), eps=1e-4)
        for f, array in FUNCTIONS
        for q in (Q, Q1)
    ),
    *(
        Case(f, lambda a, q, f=f: f(a, q, -1) ** 2, (array(2, 5), 100 * q), eps=1e-2)
        for f, array in PERCENTILES
        for q in (Q, Q2)
    ),
    *(Case(f, lambda q, f=f: f(away(3, 4), q, 1) ** 2, (Q1,), eps=1e-4) for f, _ in FUNCTIONS),
    *(Case(f, lambda q, f=f: f([3, 1, 2, 7], q) ** 2, (Q,), eps=1e-4) for f, _ in FUNCTIONS),
    *(Case(f, f, (a, Q)) for f, _ in FUNCTIONS for a in (away(), away(1))),
    *(Case(f, lambda a, q, f=f: f(a, q, axis=1), (away(0, 3), q)) for f, _ in FUNCTIONS for q in (Q, Q1)),
    *(Case(f, lambda a, q, f=f: f(a, q), (away(3), np.zeros(0))) for f, _ in FUNCTIONS),
    *(
        Case(
            f, lambda a, q, w, f=f: f(a, q, method="inverted_cdf", weights=w), (away(6), Q1, positive(6)), single=False
        )
        for f, _ in FUNCTIONS
    ),
    *(
        Case(
            np.quantile, lambda w, q=q: np.quantile(away(2, 6), q, 1, method="inverted_cdf", weights=w), (positive(6),)
        )
        for q in (0.4, Q2)
    ),
    Case(with_slope, lambda a, x: with_slope(a * plain(x), x, a), (away(2, 3), away(3))),
    Case(beside, beside, (away(2, 3), away(3))),
]
