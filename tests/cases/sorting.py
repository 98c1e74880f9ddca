"""Cases for wengert.functions.sorting."""

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive
from tests.cases.reduction import nan_array, over_axes

METHODS = (
    *("linear", "hazen", "weibull", "median_unbiased", "normal_unbiased", "interpolated_inverted_cdf"),
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest"),
)
QUANTILES = np.array([[0.1, 0.5], [0.77, 1.0]])
UNIQUE = (np.unique_all, np.unique_counts, np.unique_inverse)

CASES = [
    *(Case(np.sort, np.sort, (x,)) for x in (away(5), away(2, 3), complex_array(4), away(0), away(0, 3), away(3, 0))),
    *(Case(np.sort, lambda a, axis=axis: np.sort(a, axis), (away(2, 3, 4),)) for axis in (0, 1, -2, None)),
    Case(np.sort, lambda a: np.sort(a, axis=None), (away(),)),
    Case(np.sort, lambda a: np.sort(a, stable=True), (away(3),)),
    *(
        Case(np.partition, lambda a, kth=kth, axis=axis: np.partition(a, kth, axis), (away(4, 5),))
        for kth, axis in ((2, -1), (1, 0), ((0, 2), 1), (7, None))
    ),
    *(Case(np.sort_complex, np.sort_complex, (x,)) for x in (complex_array(4), away(2, 3))),
    *over_axes(np.median, away),
    *over_axes(np.nanmedian, nan_array),
    Case(np.median, lambda a: np.median(a, 1), (normal(0, 3),)),
    Case(np.median, np.median, (complex_array(5),)),
    *(case for q in (0.3, 0.0, 1) for case in over_axes(np.quantile, away, first=(q,))),
    *over_axes(np.nanquantile, nan_array, first=(QUANTILES[0],)),
    *(
        Case(f, lambda a, f=f, axis=axis: f(a, QUANTILES, axis), (array(3, 4),))
        for f, array in ((np.quantile, away), (np.nanquantile, nan_array))
        for axis in (None, 0, -1)
    ),
    *(
        Case(f, lambda a, f=f, q=q, method=method: f(a, q, axis=0, method=method), (array(7, 2),))
        for f, array in ((np.quantile, away), (np.nanquantile, nan_array))
        for q in (0.31, [0.0, 0.5, 1.0])
        for method in METHODS
    ),
    *(
        Case(f, lambda a, f=f, q=q: f(a, q, axis=(0, -1), keepdims=True), (array(3, 2, 3),))
        for f, array in ((np.percentile, away), (np.nanpercentile, nan_array))
        for q in (25, [10.0, 50, 99], np.float32(33))
    ),
    *(
        Case(f, lambda a, f=f: f(a, [0.2, 0.9], method="inverted_cdf", weights=positive(6)), (away(6),), single=False)
        for f in (np.quantile, np.nanquantile)
    ),
    Case(
        np.quantile,
        lambda a: np.quantile(a, 0.4, 1, method="inverted_cdf", weights=positive(2, 6)),
        (away(2, 6),),
        single=False,
    ),
    Case(
        np.percentile,
        lambda a: np.percentile(a, 40, 1, method="inverted_cdf", weights=positive(6)),
        (away(2, 6),),
        single=False,
    ),
    *(Case(np.unique, lambda ar, axis=axis: np.unique(ar, axis=axis), (away(3, 4),)) for axis in (None, 0, -1)),
    Case(np.unique, lambda ar: np.unique(ar, True, True, True)[0], (away(4),)),
    Case(np.unique, np.unique, (normal(0),)),
    *(Case(f, lambda x, f=f: f(x).values, (away(3, 2),)) for f in UNIQUE),
    Case(np.unique_values, np.unique_values, (away(3, 2),)),
]
