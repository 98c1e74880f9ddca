"""Cases for wengert.functions.padding."""

import numpy as np

from tests.cases import Case, available, complex_array, normal

WIDTHS = (2, (1, 3), ((0, 2), (4, 1)), [[1], [2]], {1: (1, 0)}, {0: 2, -1: (0, 5)}, np.array([[1, 2], [0, 0]]), 0)
COPYING = ("edge", "wrap", "symmetric", "reflect")

CASES = [
    *(Case(np.pad, lambda x, w=w: np.pad(x, w), (normal(2, 3),)) for w in WIDTHS),
    *(Case(np.pad, lambda x, w=w, m=m: np.pad(x, w, m), (normal(2, 3),)) for w in WIDTHS for m in COPYING),
    *(
        Case(np.pad, lambda x, w=w, m=m: np.pad(x, w, mode=m, reflect_type="odd"), (normal(2, 3),))
        for w in WIDTHS
        for m in ("symmetric", "reflect")
    ),
    *(Case(np.pad, lambda x, m=m: np.pad(x, 3, m), (complex_array(1),)) for m in COPYING),
    Case(np.pad, lambda x: np.pad(x, 2, "reflect", reflect_type="odd"), (complex_array(1, 2),)),
    Case(np.pad, lambda x: np.pad(x, 2, "reflect", reflect_type="even"), (normal(3, 2),)),
    *(Case(np.pad, lambda x, m=m: np.pad(x, ((0, 0), (1, 1)), m), (normal(0, 2),)) for m in COPYING),
    Case(np.pad, lambda x: np.pad(x, 1), (normal(0, 2),)),
    Case(np.pad, lambda x: np.pad(x, 1), (normal(1),)),
    Case(np.pad, lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))), (normal(2, 3),)),
    Case(np.pad, lambda x: np.pad(x, (1, 2), "constant", constant_values=7), (complex_array(3),)),
    *(
        Case(np.pad, lambda x, w=w, m=m: np.pad(x, w, m), (normal(2, 3),), exact=False)
        for w in WIDTHS
        for m in ("maximum", "minimum", "mean", "median", "linear_ramp")
    ),
    *(
        Case(np.pad, lambda x, n=n, m=m: np.pad(x, 2, m, stat_length=n), (normal(3, 4),), exact=False)
        for n in (2, (1, 2), ((3, 2), (1, 9)))
        for m in ("maximum", "minimum", "mean", "median")
    ),
    *(
        Case(
            np.pad,
            lambda x, e=e: np.pad(x, ((2, 1), (0, 3)), "linear_ramp", end_values=e),
            (normal(2, 3),),
            exact=False,
        )
        for e in (2.0, (1, 2), ((1, -2), (3, 4)))
    ),
    Case(np.pad, lambda x: np.pad(x, 2, "linear_ramp"), (complex_array(3),), exact=False),
    Case(np.pad, lambda x: np.pad(x, 2, "mean"), (complex_array(2, 3),), exact=False),
]

CASES = available(CASES)
