"""Cases for `wengert.scipy.spatial.distance`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, away, normal, positive

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy.spatial import distance

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        options = {name: settings.pop(name) for name in list(settings) if name not in Case._fields}
        # (a Python number of SciPy's is a NumPy one in compiled code)
        return Case(
            function, lambda *xs: np.multiply(1.0, function(*xs, **options)), args, **{"exact": False, **settings}
        )

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    U, V, W = away(5), away(5, seed=3) + 0.013, positive(5)
    X, Y, WEIGHTS = positive(4, 3), positive(3, 3, seed=1), positive(3)
    INVERSE = normal(5, 5) @ normal(5, 5).T
    OF_TWO = (
        *(distance.euclidean, distance.sqeuclidean, distance.cityblock, distance.chebyshev),
        *(distance.cosine, distance.correlation, distance.canberra, distance.braycurtis),
    )
    METRICS = (
        *("euclidean", "sqeuclidean", "seuclidean", "cityblock", "chebyshev", "minkowski", "cosine", "correlation"),
        *("canberra", "braycurtis", "jensenshannon"),
    )

    CASES += [
        *(of(f, U, V, single=f is not distance.euclidean) for f in OF_TWO),
        *(of(f, U, V, W, single=False) for f in OF_TWO),
        of(distance.correlation, U, V, centered=False),
        *(
            by(
                distance.minkowski,
                lambda u, v, w, p=p: np.multiply(1.0, distance.minkowski(u, v, p, w)),
                U,
                V,
                W,
                eps=1e-4,
                rtol=1e-5,
            )
            for p in (1, 1.5, 2, 3)
        ),
        by(distance.minkowski, lambda u, v: np.multiply(1.0, distance.minkowski(u, v, np.inf)), U, V),
        of(distance.seuclidean, U, V, W),
        of(distance.mahalanobis, U, V, INVERSE),
        of(distance.jensenshannon, positive(4), positive(4, seed=1)),
        of(distance.jensenshannon, positive(2, 3), positive(2, 3, seed=1), base=2, axis=1, keepdims=True, single=False),
        *(of(distance.cdist, X, Y, metric=m) for m in METRICS),
        *(of(distance.pdist, X, metric=m) for m in METRICS),
        of(distance.cdist, X, Y, metric="mahalanobis", single=False),
        of(distance.pdist, normal(5, 2), metric="mahalanobis", single=False),
        *(
            by(distance.cdist, lambda x, y, w, m=m: distance.cdist(x, y, m, w=w), X, Y, WEIGHTS)
            for m in ("euclidean", "cityblock", "minkowski", "cosine", "canberra", "braycurtis")
        ),
        by(distance.cdist, lambda x, y: distance.cdist(x, y, "minkowski", p=3), X, Y),
        of(distance.cdist, np.zeros((0, 3)), Y),
        of(distance.pdist, positive(1, 3)),
        of(distance.squareform, normal(6)),
        of(distance.squareform, np.abs(normal(4)[:, None] - normal(4)), checks=False),
    ]
