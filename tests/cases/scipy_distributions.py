"""Cases for wengert.functions.scipy_distributions and wengert.functions.scipy_noncentral; none without SciPy."""

import importlib.util

import numpy as np

from tests.cases import Case, away, normal, positive
from tests.scipy_cases import UNIT, A, B, by, of

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from scipy import special
    from scipy.special import _ufuncs

    from wengert.functions.scipy_noncentral import log_moment

    K, N = np.array([0, 3, 7]), np.array([5, 9, 7])
    C = 0.5 + A
    LARGE = np.array([25.0, 300.0, 1e5]), np.array([30.0, 200.0, 3e5])
    MIDDLE = LARGE[0] * np.array([0.9, 1.01, 1.001]), LARGE[0] / sum(LARGE) * np.array([0.9, 1.02, 1.001])

    CASES = [
        *(by(u, (2,), K[:2], N[:2], UNIT[:, :2]) for u in (special.bdtr, special.bdtrc)),
        by(special.bdtr, (2,), np.array(7), np.array([7]), UNIT),
        by(special.bdtr, (2,), K, N, normal(0, 3)),
        by(special.bdtri, (2,), K[:2], N[:2], UNIT[:, :2]),
        *(by(u, (2,), K, N, UNIT) for u in (special.nbdtr, special.nbdtrc, special.nbdtri)),
        *(by(u, (0, 2), A, B, C) for u in (special.gdtr, special.gdtrc)),
        by(special.gdtria, (0, 2), UNIT, B, C, single=False),
        by(special.gdtrix, (0, 2), C, B, UNIT),
        by(special.chdtri, (1,), B, UNIT),
        by(special.pdtri, (1,), K, UNIT),
        by(special.fdtr, (2,), A, B, C),
        by(special.fdtrc, (2,), A, B, C),
        by(special.fdtri, (2,), 1 + A, B, UNIT, single=False),
        by(special.stdtrit, (1,), 1 + B, UNIT, single=False),
        by(special.stdtr, (1,), np.array([np.inf, 0.5, 1e9]), normal(2, 3), single=False),
        by(special.gammainc, (1,), LARGE[0], MIDDLE[0], single=False, eps=1e-2, rtol=1e-5),
        by(special.betainc, (2,), *LARGE, MIDDLE[1], single=False, eps=1e-5, order=1, rtol=1e-5),
        by(special.fdtr, (2,), *LARGE, np.array([0.9, 1.02, 1.001]), single=False, eps=1e-4, rtol=1e-4),
        *of(special.nrdtrimn, (UNIT, A, normal(3)), (UNIT[0, 0], A, normal(2, 3))),
        *of(special.nrdtrisd, (normal(3), UNIT[:, :1] / 3, A), single=False),
        *of(special.tklmbda, (away(2, 3), np.array([0.5, -0.7, 0.1])), (away(3), np.asarray(0.3)), single=False),
        *of(special.tklmbda, (np.array([-3.0, 3.0, 0.2]), np.array([0.5, 0.5, 2.0])), single=False),
        *of(special.kolmogorov, A, 0.2 * positive(5), np.array([-1.0, 0.0, 0.01, 4.0]), normal(0)),
        *of(special.kolmogi, UNIT, single=False),
        *(by(u, (1,), np.array([2, 5, 40]), UNIT, single=False) for u in (special.smirnov, special.smirnovi)),
        by(_ufuncs._smirnovp, (1,), np.array([2, 5, 40]), UNIT, single=False, eps=1e-4),
        by(special.chndtr, (0, 2), 3 * A, 1 + B, C, single=False),
        by(special.chndtr, (0, 2), A / 3, 1 + B, C / 3, single=False),
        by(special.chndtrix, (0, 2), UNIT, 1 + B, C, single=False, rtol=1e-5),
        by(special.chndtrinc, (0, 2), 3 + A, 1 + B, UNIT / 3, single=False, rtol=1e-4),
        by(special.ncfdtr, (2, 3), 1 + A, 2 + B, C, A, single=False, rtol=1e-4),
        by(special.ncfdtri, (2, 3), 1 + A, 2 + B, C, UNIT, single=False, rtol=1e-3),
        by(special.ncfdtrinc, (2, 3), 1 + A, 2 + B, UNIT / 3, 1 + A, single=False, eps=1e-2, rtol=1e-2),
        by(special.nctdtr, (1, 2), 1 + A, normal(3), normal(2, 3), single=False),
        by(special.nctdtrit, (1, 2), 1 + A, normal(3), UNIT, single=False, rtol=1e-5),
        by(special.nctdtrinc, (1, 2), 1 + A, UNIT, normal(2, 3), single=False, eps=1e-2, rtol=1e-2),
        # with respect to the parameters (wengert.functions.scipy_parameters)
        *(by(u, (0, 1), 3 * A, 2 * B) for u in (special.gammainc, special.gammaincc)),
        *(by(u, (0, 1), 3 * A, UNIT) for u in (special.gammaincinv, special.gammainccinv)),
        *(by(u, (0, 1, 2), 3 * A, B, UNIT) for u in (special.betainc, special.betaincc)),
        *(by(u, (0, 1, 2), 1 + A, B, UNIT) for u in (special.betaincinv, special.betainccinv)),
        by(special.stdtr, (0, 1), 2 * A, away(2, 3)),
        by(special.stdtr, (0,), np.array([np.inf, 3.0, 2.0]), np.array([1.0, 0.0, np.inf])),
        by(special.stdtrit, (0, 1), 1 + 2 * A, UNIT, single=False),
        *(by(u, (0, 1), 3 * A, 2 * B) for u in (special.chdtr, special.chdtrc)),
        *(by(u, (0, 1, 2), A, 2 * B, 2 * C) for u in (special.gdtr, special.gdtrc)),
        by(special.gammainc, (0,), np.array([0.01, 40.0, 300.0]), np.array([1e-4, 70.0, 290.0]), single=False),
        by(special.gammainc, (0,), np.array([1.0, 2.0]), np.array([0.0, np.inf])),
        by(log_moment, (1,), B, 3 * normal(2, 3), single=False),
        by(log_moment, (1,), np.array([1e3, 0.5]), np.array([-40.0, 50.0]), single=False),
    ]
