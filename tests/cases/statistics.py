"""Cases for wengert.functions.statistics."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal, positive
from tests.cases.reduction import MASK, ROW, nan_array, over_axes

WHERE: tuple[dict[str, Any], ...] = (
    {"where": MASK, "axis": 1},
    {"where": MASK, "ddof": 1},
    {"where": ROW, "axis": -1, "keepdims": True},
    {"ddof": 1, "axis": 0},
    {"correction": 1, "axis": 1},
)


def spread_out(function: Any, array: Any) -> list[Case]:
    """Cases of a standard deviation, which has no derivative where it is 0: none of single elements."""
    return [case for case in over_axes(function, array, *WHERE) if is_spread(case)]


def is_spread(case: Case) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.all(case.call(*case.args) > 0))


def about_mean(function: Any, **options: Any) -> Any:
    """Give the mean, which then has a gradient of its own."""
    return lambda a, m: function(a, mean=m, **options)


CASES = [
    *over_axes(np.var, normal, *WHERE),
    *over_axes(np.nanvar, nan_array, *WHERE),
    *spread_out(np.std, normal),
    *spread_out(np.nanstd, nan_array),
    *(
        Case(f, lambda a, f=f: f(a, axis=-1, ddof=1), (complex_array(2, 3),))
        for f in (np.var, np.std, np.nanvar, np.nanstd)
    ),
    *(
        Case(f, about_mean(f, axis=-1, keepdims=True), (normal(2, 3), normal(2, 1)))
        for f in (np.var, np.std, np.nanvar, np.nanstd)
    ),
    *(
        Case(f, about_mean(f, axis=1, where=MASK), (normal(3, 4), normal(3, 1)))
        for f in (np.var, np.std, np.nanvar, np.nanstd)
    ),
    *(
        Case(f, lambda a, f=f: f(a, axis=0, mean=np.mean(a, axis=0, keepdims=True)), (normal(3, 2),))
        for f in (np.var, np.std)
    ),
    *(Case(f, lambda a, f=f: f(a, 1), (normal(0, 3),)) for f in (np.var, np.std)),
    Case(np.std, lambda a: np.std(a, dtype=np.complex128), (normal(4),)),
    # averages
    *over_axes(np.average, normal),
    Case(np.average, lambda a, w: np.average(a, weights=w), (normal(2, 3), positive(2, 3))),
    Case(np.average, lambda a, w: np.average(a, 1, w, keepdims=True), (normal(2, 3), positive(3))),
    Case(np.average, lambda a, w: np.average(a, 0, w, True), (normal(2, 3), positive(2))),
    Case(np.average, lambda a, w: np.average(a, (2, 0), w), (normal(2, 3, 4), positive(4, 2))),
    Case(np.average, lambda a: np.average(a, 0, returned=True), (normal(2, 3),)),
    Case(np.average, lambda a: np.average(a, 0, [1, 2], returned=True), (normal(2, 3),)),
    Case(np.average, lambda a, w: np.average(a, weights=w), (complex_array(4), positive(4))),
    # correlations
    *(
        Case(np.cov, lambda m, k=k: np.cov(m, **k), (normal(3, 4),), exact=False, single=False)
        for k in ({}, {"rowvar": False}, {"bias": True}, {"ddof": 0}, {"ddof": 2}, {"fweights": [1, 2, 0, 3]})
    ),
    Case(np.cov, np.cov, (normal(5),), exact=False, single=False),
    Case(np.cov, np.cov, (normal(2, 4), normal(4)), exact=False, single=False),
    Case(np.cov, lambda m, y: np.cov(m, y, rowvar=False), (normal(4, 2), normal(4, 3)), exact=False, single=False),
    Case(np.cov, np.cov, (complex_array(2, 4),), exact=False, single=False),
    *(
        Case(
            np.cov, lambda m, w, k=k: np.cov(m, aweights=w, **k), (normal(2, 4), positive(4)), exact=False, single=False
        )
        for k in ({}, {"ddof": 0}, {"fweights": [1, 2, 2, 3]})
    ),
    Case(np.corrcoef, np.corrcoef, (normal(3, 5),), exact=False, single=False),
    Case(np.corrcoef, lambda x, y: np.corrcoef(x, y, False), (normal(5), normal(5, 2)), exact=False, single=False),
    Case(np.corrcoef, np.corrcoef, (complex_array(2, 4),), exact=False, single=False),
    # degrees of freedom
    *(
        Case(f, lambda a, d, f=f, name=name, way=way: f(a, **way, **{name: d}) ** 2, (array(3, 4), np.array(0.7)))
        for f, array in ((np.var, normal), (np.std, normal), (np.nanvar, nan_array), (np.nanstd, nan_array))
        for name in ("ddof", "correction")
        for way in ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": 1, "where": MASK})
    ),
    *(Case(f, lambda a, d, f=f: f(a, ddof=d), (complex_array(4), np.array(0.3))) for f in (np.var, np.std)),
    *(Case(f, lambda a, d, f=f: f(a, 0, ddof=d), (normal(3, 0), np.array(0.3))) for f in (np.var, np.std)),
]
