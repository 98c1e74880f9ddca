"""Cases for the ufuncs of scipy.special that most programs use; none where SciPy is not installed."""

import importlib.util
from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive
from tests.scipy_cases import SMALL, UNIT, A, B, of

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from scipy import special
    from scipy.special import _ufuncs

    Z = np.asarray(0.3 * complex_array(2, 3) + (1.2 + 0.7j))

    EVERYWHERE = (
        "erf",
        "erfc",
        "erfcx",
        "erfi",
        "dawsn",
        "ndtr",
        "log_ndtr",
        "expit",
        "log_expit",
        "exprel",
        "exp2",
        "exp10",
        "expm1",
        "cosm1",
        "sindg",
        "cosdg",
        "tandg",
        "j0",
        "j1",
        "i0",
        "i1",
        "wrightomega",
    )
    COMPLEX = (
        "erf",
        "erfc",
        "erfcx",
        "erfi",
        "dawsn",
        "wofz",
        "ndtr",
        "log_ndtr",
        "expm1",
        "log1p",
        "exp1",
        "expi",
        "wrightomega",
    )
    POSITIVE = (
        "cbrt",
        "log1p",
        "entr",
        "cotdg",
        "gammaln",
        "loggamma",
        "gamma",
        "rgamma",
        "psi",
        "exp1",
        "expi",
        "spence",
        "y0",
        "y1",
        "k0",
        "k1",
        "k0e",
        "k1e",
        "i0e",
        "i1e",
    )
    UNITS = ("erfinv", "erfcinv", "ndtri", "logit", "ellipk", "ellipe", "ellipkm1")
    PAIRS = (
        "xlogy",
        "xlog1py",
        "rel_entr",
        "kl_div",
        "owens_t",
        "beta",
        "betaln",
        "poch",
        "binom",
        "pseudo_huber",
        "powm1",
        "boxcox",
        "boxcox1p",
        "inv_boxcox",
        "inv_boxcox1p",
    )

    CASES = [
        *(case for name in EVERYWHERE for case in of(getattr(special, name), normal(2, 3), normal(), normal(0))),
        *(case for name in COMPLEX for case in of(getattr(special, name), Z, single=False)),
        *(case for name in POSITIVE for case in of(getattr(special, name), positive(2, 3), positive())),
        *(case for name in UNITS for case in of(getattr(special, name), UNIT)),
        *(case for name in PAIRS for case in of(getattr(special, name), (A, B), (A[:, :1], B), (A[0, 0], A))),
        *(case for name in ("loggamma", "gamma", "rgamma") for case in of(getattr(special, name), Z, order=1)),
        *of(special.psi, away(2, 3) - 3.0, order=3),
        *of(special.gamma, away(2, 3)),
        *of(special.ndtri_exp, -positive(2, 3)),
        *of(special.log_ndtr, np.array([-30.0, -3.0, 0.0, 3.0, 30.0])),
        *of(special.exprel, SMALL, np.array([1.5, -3.0, 5.0]), order=3, single=False),
        *of(special.spence, 1 + SMALL, order=3, single=False),
        *of(special.spence, Z, 1 + 0.005 * Z, np.array([1 + 0j]), single=False),
        *of(special.boxcox, (positive(5), SMALL), single=False),
        *of(special.inv_boxcox, (positive(5), SMALL), single=False),
        *of(special.huber, (A, 3 * away(2, 3)), (A[:, :1], away(3))),
        *of(special.radian, (normal(2, 3), normal(3), normal())),
        *of(special.round, 3 * away(2, 3)),
        *of(special.sici, positive(2, 3), Z, single=False),
        *of(special.shichi, positive(2, 3), Z, single=False),
        *of(special.fresnel, normal(2, 3), Z, single=False),
        *of(special.airy, normal(2, 3), Z, single=False),
        Case(special.airy, lambda x: special.airy(x)[0] * special.airy(x)[3], (normal(3),), single=False),
    ]

    def last(ufunc: Any, *args: Any, order: int = 2, **kwargs: Any) -> Case:
        """By the last argument."""
        return Case(ufunc, lambda x: ufunc(*args[:-1], x), (args[-1],), order=order, single=False, **kwargs)

    ORDERS = np.array([0.0, 1.0, 2.5])
    BESSEL = ("jv", "yv", "iv", "kv", "jve", "yve", "ive", "kve")
    DEGREES = np.array([0, 1, 4])

    CASES += [
        *(last(getattr(special, name), v, positive(2, 3)) for name in BESSEL for v in (ORDERS, 2, [1, 2, 3])),
        *(last(getattr(special, name), ORDERS, Z) for name in ("jv", "yv", "iv", "kv", "kve")),
        *(last(getattr(special, name), ORDERS, Z) for name in ("hankel1", "hankel2", "hankel1e", "hankel2e")),
        *(last(getattr(special, name), np.array([1, 2, 4]), positive(2, 3)) for name in ("yn", "kn", "expn")),
        last(special.expn, DEGREES, positive(2, 3)),
        *(last(getattr(special, name), ORDERS, positive(2, 3)) for name in ("struve", "modstruve")),
        last(_ufuncs._zeta, np.array([2.0, 3.5, 4.0]), positive(2, 3)),
        Case(_ufuncs._zeta, lambda x: special.zeta(3.0, x), (positive(2, 3),), single=False),
        Case(_ufuncs._lambertw, lambda z: special.lambertw(z, 1), (Z,), single=False),
        Case(_ufuncs._lambertw, special.lambertw, (positive(3),), single=False),
        *(
            last(getattr(special, name), B, positive(2, 3))
            for name in ("gammainc", "gammaincc", "chdtr", "chdtrc", "stdtr")
        ),
        *(last(getattr(special, name), B, UNIT) for name in ("gammaincinv", "gammainccinv")),
        *(last(getattr(special, name), np.array([0, 1.0, 4.0]), positive(2, 3)) for name in ("pdtr", "pdtrc")),
        *(last(getattr(special, name), A, B, positive(2, 3)) for name in ("gdtr", "gdtrc")),
        *(last(getattr(special, name), A, B, UNIT) for name in ("betainc", "betaincc", "betaincinv", "betainccinv")),
        last(special.hyp0f1, B, normal(2, 3)),
        last(special.hyp1f1, A, B, normal(2, 3)),
        last(special.hyperu, A, B, positive(2, 3)),
        last(special.hyp2f1, A, B, 2.5, UNIT - 0.5),
        *(
            last(getattr(special, "eval_" + name), DEGREES, UNIT)
            for name in ("chebyt", "chebyu", "hermite", "hermitenorm", "laguerre", "legendre")
        ),
        *(last(getattr(special, "eval_" + name), DEGREES, 1.5, UNIT) for name in ("genlaguerre", "gegenbauer")),
        *(
            last(getattr(special, "eval_" + name), np.array([0.0, 1.0, 2.5]), UNIT)
            for name in ("chebyt", "chebyu", "laguerre", "legendre")
        ),
        *(last(special.eval_jacobi, degrees, 0.5, 1.5, UNIT) for degrees in (DEGREES, np.array([0.0, 1.0, 2.5]))),
        last(special.eval_gegenbauer, np.array([0.0, 1.0, 2.5]), 0.5, UNIT),
    ]
