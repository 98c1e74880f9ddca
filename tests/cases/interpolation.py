"""Cases for wengert.functions.interpolation."""

import numpy as np

from tests.cases import Case, complex_array, normal, positive

XP = np.array([-1.5, -0.4, 0.3, 1.1, 2.0])
X = np.array([[-2.0, -1.0, 0.0], [0.31, 1.9, 2.5]])
FP = normal(5)

CASES = [
    Case(np.interp, np.interp, (X, XP, FP)),
    Case(np.interp, lambda x: np.interp(x, XP.tolist(), FP.tolist()), (X,)),
    Case(np.interp, lambda fp: np.interp(X, XP, fp), (complex_array(5),)),
    Case(np.interp, np.interp, (X, XP, complex_array(5))),
    Case(np.interp, lambda x, xp, fp: np.interp(x, xp, fp, left=3.0, right=-1.0), (X, XP, FP)),
    Case(np.interp, lambda x, xp, fp: np.interp(x, xp, fp, right=-1.0), (X[1], XP, FP)),
    Case(np.interp, lambda x, xp, fp: np.interp(x, xp, fp, period=2.3), (X, 0.5 * XP, FP), exact=False),
    Case(np.interp, lambda x, fp: np.interp(x, XP, fp, period=-7.0), (X, FP), exact=False),
    Case(np.interp, np.interp, (np.array(0.5), XP, FP)),
    Case(np.interp, np.interp, (normal(0), XP, FP)),
    Case(np.interp, lambda fp: np.interp(X, [0.1], fp), (normal(1),)),
    Case(np.interp, lambda fp: np.interp([-1.5, -0.4, 2.0], XP, fp), (FP,)),
    Case(np.linspace, lambda a, b: np.linspace(a, b, 5), (normal(), normal(seed=1))),
    Case(np.linspace, lambda a, b: np.linspace(a, b, 4, endpoint=False, axis=-1), (normal(2, 3), normal(3))),
    Case(np.linspace, lambda a, b: np.linspace(a, b, 4, axis=1), (complex_array(2, 3), normal(1, 3))),
    Case(np.linspace, lambda a, b: np.linspace(a, b, 4, retstep=True), (normal(2), normal(2, seed=1))),
    Case(np.linspace, lambda a, b: np.linspace(a, b, 4, False, True)[1], (normal(2), normal(2, seed=1))),
    Case(np.linspace, lambda a: np.linspace(a, [1.0, 2.0], 3, dtype=np.complex128), (normal(2),)),
    Case(np.linspace, lambda b: np.linspace(0, b, 1), (normal(2),)),
    Case(np.linspace, lambda a, b: np.linspace(a, b, 0), (normal(2), normal(2, seed=1))),
    Case(np.linspace, lambda a, b: np.linspace(a, b), (normal(0), normal())),
    Case(np.logspace, lambda a, b: np.logspace(a, b, 4), (normal(), normal(seed=1)), rtol=1e-5),
    Case(np.logspace, lambda a, b: np.logspace(a, b, 4, False, base=2.0, axis=-1), (normal(2), normal(2, seed=1))),
    Case(np.logspace, lambda a, b, c: np.logspace(a, b, 3, base=c, axis=-1), (normal(), normal(2), positive(2))),
    Case(np.logspace, lambda a, b, c: np.logspace(a, b, 3, base=c), (normal(), normal(2), positive())),
    Case(np.logspace, lambda c: np.logspace(0.5, 2.0, 3, base=c, dtype=complex), (positive(2),)),
    Case(np.geomspace, lambda a, b: np.geomspace(a, b, 4), (positive(), positive(seed=1)), exact=False),
    Case(np.geomspace, lambda a, b: np.geomspace(a, b, 4, axis=-1), (-positive(2), -positive(2, seed=1)), exact=False),
    Case(np.geomspace, lambda a, b: np.geomspace(a, b, 4, endpoint=False), (positive(2), positive(3, 2)), exact=False),
    Case(np.geomspace, lambda a, b: np.geomspace(a, b, 5), (complex_array(2), complex_array(2, seed=2)), exact=False),
    Case(np.geomspace, lambda a: np.geomspace(a, 9.0, 1, dtype=np.float64), (positive(),), exact=False),
]
