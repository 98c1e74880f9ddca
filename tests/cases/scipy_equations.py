"""Cases for solutions of differential equations, shifted polynomials and Wright functions; none without SciPy."""

import importlib.util
from typing import Any

import numpy as np

from tests.cases import Case, normal, positive
from tests.scipy_cases import UNIT, B, by

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from scipy import special

    X, DEGREES = positive(2, 3), np.array([0, 1, 4])
    SOME: dict[str, Any] = {"single": False, "rtol": 1e-5}  # SciPy's values have fewer digits
    VALUES = {"pro": special.pro_cv(1, 2, 1.5), "obl": special.obl_cv(1, 2, 1.5)}
    SPHEROIDAL = {
        "ang1": (UNIT, UNIT),
        "rad1": (1 + X, X),
        "rad2": (2 + X, 2 + X),
    }

    def spheroidal() -> list[Case]:
        """Of the first and the second kind, with their characteristic value and without."""
        found = []
        for kind, points in SPHEROIDAL.items():
            for family, x in zip(VALUES, points, strict=True):
                ufunc, with_value = (getattr(special, f"{family}_{kind}{end}") for end in ("", "_cv"))
                order = 2 if kind != "rad2" else 1
                found.append(by(ufunc, (3,), 1, 2, 1.5, x, order=order, **SOME))
                found.append(by(with_value, (4,), 1, 2, 1.5, VALUES[family], x, order=order, **SOME))
        return found

    CASES = [
        *spheroidal(),
        *(by(u, (1,), B, normal(2, 3), **SOME) for u in (special.pbdv, special.pbvv, special.pbwa)),
        by(special.mathieu_cem, (2,), 3, 2.0, 60 * X, eps=1e-2, **SOME),
        by(special.mathieu_sem, (2,), 3, 2.0, 60 * X, eps=1e-2, **SOME),
        *(
            by(getattr(special, f"mathieu_mod{kind}"), (2,), 2, 1.5, 0.5 * X, single=False, rtol=1e-4)
            for kind in ("cem1", "cem2", "sem1", "sem2")
        ),
        *(
            by(getattr(special, f"eval_{name}"), (1,), degrees, UNIT)
            for name in ("chebyc", "chebys", "sh_chebyt", "sh_chebyu", "sh_legendre")
            for degrees in (DEGREES, np.array([0.0, 1.0, 2.5]))
        ),
        by(special.eval_sh_jacobi, (3,), DEGREES, 2.5, 1.2, UNIT),
        by(special.eval_sh_legendre, (1,), DEGREES, np.asarray(UNIT + 0.1j)),
        by(special.lpmv, (2,), np.array([0, 1, 2]), np.array([1.0, 3.0, 4.5]), 2 * UNIT - 1, single=False),
        by(special.lpmv, (2,), np.array([-1, -2, 2]), np.array([1.0, 3.0, 2.0]), 2 * UNIT - 1, single=False),
        by(special.lpmv, (2,), 0, np.array([0.0, 1.0, 3.0]), np.array([0.2, 0.99, -0.9]), single=False),
        by(special.wright_bessel, (2,), 0.5, B, X, single=False),
        by(special.log_wright_bessel, (2,), 0.5, B, UNIT, single=False),
    ]
