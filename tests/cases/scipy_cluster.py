"""Cases for `wengert.scipy.cluster.vq`; none where SciPy is not installed."""

import importlib.util

from tests.cases import Case, normal

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy.cluster import vq

    CASES += [
        Case(vq.vq, lambda x, c: vq.vq(x, c)[1], args, exact=False)
        for args in ((normal(5, 3), normal(3, 3, seed=1)), (normal(5), normal(3, seed=1)), (normal(0, 3), normal(2, 3)))
    ]
