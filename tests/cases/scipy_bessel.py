"""Cases for Bessel, Struve, Airy and Kelvin functions, their integrals, and the Voigt profile; none without SciPy."""

import importlib.util

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive
from tests.scipy_cases import A, B, by, of

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from scipy import special

    X = positive(2, 3)
    ANY = (normal(2, 3), normal(), normal(0), np.array([0.0, 1e-5, 0.9, -1.1, 6.0]))
    LARGE = np.array([2e4, 3e5])

    CASES = [
        *(case for u in (special.ber, special.bei, special.berp, special.beip) for case in of(u, *ANY)),
        *(case for u in (special.ber, special.beip) for case in of(u, ANY[3], order=4, single=False)),
        *(case for u in (special.ker, special.kei, special.kerp, special.keip) for case in of(u, X, 4 * X)),
        *of(special.kelvin, X, positive(), normal(0)),
        *(by(special.besselpoly, (0,), a, b, v) for a in (A, B) for b in (0.5, 2.0) for v in (0.0, 0.4, 1.0, 2.5)),
        *(by(special.struve, (1,), v, np.array([0.0, 1e-4, 0.9, 1.1])) for v in (0, 1, 2)),
        *(by(special.modstruve, (1,), v, np.array([0.0, 1e-4, 0.9, 1.1])) for v in (0, 1, 2)),
        *of(special.airye, X, np.asarray(0.7)),
        Case(special.airye, lambda x: special.airye(x)[2] * special.airye(x)[3], (away(2, 3),)),
        *of(special.itairy, *ANY[:3]),
        *(case for u in (special.itj0y0, special.iti0k0, special.it2j0y0, special.it2i0k0) for case in of(u, X)),
        *(by(special.kve, (1,), v, LARGE, eps=1.0, rtol=1e-4, single=False) for v in (0, 2.5)),
        *(by(special.ive, (1,), v, LARGE, eps=1.0, rtol=1e-4, single=False) for v in (0, 2.5)),
        Case(special.it2j0y0, lambda x: special.it2j0y0(x)[0], (0.5 + np.array([0.0, 0.3, 0.8]),), order=3),
        *of(special.itstruve0, *ANY),
        *of(special.itmodstruve0, *ANY),
        *of(special.it2struve0, X, positive(), np.array([1e-3, 0.9, 1.1])),
        *(case for u in (special.modfresnelp, special.modfresnelm) for case in of(u, X, positive(), normal(0))),
        *of(special.modfresnelp, 4 * X, single=False),
        Case(special.modfresnelp, lambda x: special.modfresnelp(x)[1], (normal(2, 3),)),
        Case(special.modfresnelm, lambda x: special.modfresnelm(x)[1], (12 * away(3),), single=False),
        *of(special.dawsn, np.array([-12.0, -9.0, 9.9, 10.2]), single=False),
        *of(special.erfcx, np.array([-2.0, 9.0, 9.9, 10.2]), single=False),
        *of(special.wofz, 12 * complex_array(4) / 2, np.array([20 + 0j, 8 - 8j, 11j]), single=False),
        *of(special.voigt_profile, (normal(2, 3), A, B), (normal(), A, B), (normal(0), A[0, 0], A[0, 1])),
        by(special.voigt_profile, (0, 2), away(2, 3), 0.0, A),
        by(special.voigt_profile, (0, 1, 2), np.array([20.0, -5.0]), np.array([1.1, 0.1]), np.array([0.5, 2.0])),
        by(special.voigt_profile, (0, 1), normal(3), A, 0.0),
    ]
