"""Cases for wengert.functions.scipy_elliptic and wengert.functions.scipy_carlson; none without SciPy."""

import importlib.util

import numpy as np

from tests.cases import Case, normal, positive
from tests.scipy_cases import SMALL, A, B, by, of

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from scipy import special

    from wengert.functions.scipy_elliptic import legendre_integral

    CLOSE = np.array([1.0, 1.0, 1.2, 0.7]), np.array([1.0, 1.01, 1.3, 0.7]), np.array([1.0, 0.99, 1.31, 1.7])
    COMPLEX = 1.2 + 0.3j * normal(3), 0.7 - 0.2j * normal(3), 1.9 + 0.1j * normal(3)
    ANGLES, PARAMETERS = np.array([-4.0, 0.0, 1e-3, 1.2, np.pi / 2, 9.0]), np.array([0.3, -2.0, 0.0, 0.9])[:, None]

    CASES = [
        *of(special.elliprc, (A, B), (A[0, 0], A), CLOSE[:2], (A[:, :1], B), (normal(0), normal(0))),
        by(special.elliprc, (0, 1), A, -B, single=False),
        *(
            case
            for ufunc in (special.elliprf, special.elliprd, special.elliprg)
            for case in of(ufunc, (A, B, A + 0.5), CLOSE, COMPLEX, (A[0, 0], A[:, :1], B), single=False)
        ),
        *of(special.elliprf, (A, B, A + 0.5), (normal(0), normal(0), normal(0))),
        *of(special.elliprj, (A, B, A + 0.5, B + 1), (*CLOSE, CLOSE[0]), (A[0, 0], A, B, A[1, 1]), single=False),
        by(special.elliprj, (0, 1, 2, 3), A, B, A + 0.5, -B, single=False),
        *of(special.elliprj, (*COMPLEX, 2.5 + 0.1j * normal(3)), single=False),
        *(by(ufunc, (1, 2), 0.0, A, B, single=False) for ufunc in (special.elliprf, special.elliprd, special.elliprg)),
        by(special.elliprj, (1, 2, 3), 0.0, A, B, A + 1, single=False),
        *of(special.agm, (A, B), (-A, -B), (A[:, :1], B), (A[0, 0], A), (normal(0), normal(0))),
        *of(special.ellipk, SMALL, -5 * positive(3), order=3, single=False),
        *of(special.ellipe, SMALL, -5 * positive(3), order=3, single=False),
        *of(special.ellipkm1, 1 - SMALL, positive(3), order=3, single=False),
        *of(special.ellipkinc, (ANGLES, PARAMETERS), (normal(), np.asarray(0.3)), (normal(0), normal(0)), single=False),
        *of(special.ellipeinc, (ANGLES, PARAMETERS), (normal(), np.asarray(0.3)), (normal(0), normal(0)), single=False),
        *of(special.ellipkinc, (normal(2, 3), np.array([0.2, 0.5, 0.9]))),
        *of(special.ellipeinc, (normal(2, 3), np.array([0.2, 0.5, 0.9]))),
        *of(special.ellipj, (3 * normal(2, 3), np.array([0.2, 0.5, 0.9])), (normal(), np.asarray(0.3))),
        by(special.ellipj, (0,), 3 * normal(2, 3), np.array([0.0, 1.0, 0.5]), single=False),
        Case(legendre_integral, lambda x, m: legendre_integral(x, m, 1, 3), (ANGLES, PARAMETERS), single=False),
        Case(legendre_integral, lambda x, m: legendre_integral(x, m, 2, 3), (ANGLES, PARAMETERS), single=False),
    ]
