"""Cases for wengert.functions.initial_values: reductions with respect to their initial value."""

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive
from tests.cases.reduction import MASK, ROW, nan_array, nan_positive

TWO = np.array(2.0)
WAYS = ({}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, 1)}, {"where": MASK}, {"axis": 1, "where": ROW})
SUMS = ((np.sum, normal), (np.nansum, nan_array), (np.prod, positive), (np.nanprod, nan_positive))
EXTREMES = (
    (np.max, away),
    (np.amax, away),
    (np.nanmax, nan_array),
    (np.min, away),
    (np.amin, away),
    (np.nanmin, nan_array),
)

CASES = [
    *(
        Case(f, lambda a, i, f=f, way=way: f(a, initial=i, **way) ** 2, (array(3, 4), initial))
        for functions, initials in ((SUMS, (TWO,)), (EXTREMES, (np.array(9.0), np.array(0.33), np.array(-9.0))))
        for f, array in functions
        for way in WAYS
        for initial in initials
    ),
    *(
        Case(f, lambda a, i, f=f: f(a, axis=0, initial=i) ** 2, (np.full(shape, 0.7), TWO))
        for f, _ in (*SUMS, *EXTREMES)
        for shape in ((1,), (0,), (0, 3), (3, 0))
    ),
    *(Case(f, lambda a, i, f=f: f(a, initial=i) ** 2, (array(), TWO)) for f, array in (*SUMS, *EXTREMES)),
    *(
        Case(f, lambda a, i, f=f: f(a, 0, initial=i), (complex_array(2, 3), complex_array()))
        for f in (np.sum, np.nansum, np.prod, np.nanprod)
    ),
    *(
        Case(np.prod, lambda a, i: np.prod(a, 0, initial=i) ** 2, (a, i))
        for a in (np.zeros((2, 3)), np.eye(3))
        for i in (TWO, 0 * TWO)
    ),
    *(
        Case(
            f,
            lambda a, i, f=f: f(a, 0, np.float32, initial=i),
            (positive(2, 3), TWO),
            rtol=1e-3,
            eps=0.05,
            single=False,
        )
        for f in (np.sum, np.prod)
    ),
]
