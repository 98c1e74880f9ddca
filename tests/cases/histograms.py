"""Cases for wengert.functions.histograms."""

import numpy as np

from tests.cases import Case, away, normal, positive

EDGES = np.array([-2.0, -0.5, 0.1, 0.4, 3.0])
POINTS = (away(9), away(9, seed=1))
WAYS = ({"bins": [EDGES, EDGES[1:]]}, {"bins": EDGES}, {"bins": 3}, {"bins": [2, EDGES], "density": True})

CASES = [
    *(
        Case(
            np.histogram,
            lambda weights, k=k: np.histogram(away(9), weights=weights, **k)[0],
            (positive(9),),
            exact=False,
            single=False,
        )
        for k in ({"bins": EDGES}, {"bins": 4}, {"bins": EDGES, "density": True}, {"bins": 3, "range": (-0.5, 0.5)})
    ),
    Case(np.histogram, lambda b: np.histogram(away(9), b, density=True)[0], (EDGES,), exact=False),
    Case(
        np.histogram,
        lambda b, w: np.histogram(away(9), b, weights=w, density=True),
        (EDGES, positive(9)),
        exact=False,
        single=False,
    ),
    Case(
        np.histogram,
        lambda w, b: np.histogram(away(9), [b, 2.0, 3 - b], None, True, w)[0],
        (positive(9), np.array(-1.5)),
        exact=False,
        single=False,
    ),
    *(
        Case(
            np.histogram2d, lambda w, way=way: np.histogram2d(*POINTS, weights=w, **way)[0], (positive(9),), exact=False
        )
        for way in WAYS
    ),
    Case(
        np.histogram2d,
        lambda b, w: np.histogram2d(*POINTS, [b, 2], None, True, w)[0],
        (EDGES, positive(9)),
        exact=False,
    ),
    Case(np.histogram2d, lambda b: np.histogram2d(*POINTS, b, density=True)[0], (EDGES,), exact=False),
    Case(np.histogram2d, lambda w: np.histogram2d(normal(0), normal(0), weights=w)[0], (normal(0),)),
    Case(np.histogramdd, lambda w: np.histogramdd(normal(9, 3), 2, weights=w)[0], (normal(9),), exact=False),
    Case(np.histogramdd, lambda w: np.histogramdd(normal(9), [EDGES], weights=w)[0], (normal(9),), exact=False),
    Case(
        np.histogramdd,
        lambda w: np.histogramdd([*normal(3, 9)], [EDGES, 2, 1], weights=w)[0],
        (normal(9),),
        exact=False,
    ),
    Case(np.histogramdd, lambda w: np.histogramdd(normal(9, 1), 2, [(-1, 1)], True, w)[0], (positive(9),), exact=False),
]
