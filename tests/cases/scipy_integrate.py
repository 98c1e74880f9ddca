"""Cases for the integrals of samples of `wengert.scipy.integrate`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, normal, positive

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import integrate

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        options = {name: settings.pop(name) for name in list(settings) if name not in Case._fields}
        return Case(function, lambda *xs: function(*xs, **options), args, **{"exact": False, **settings})

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    RULES = (integrate.trapezoid, integrate.simpson, integrate.cumulative_trapezoid, integrate.cumulative_simpson)

    CASES += [
        *(of(f, normal(3, n), dx=0.3, single=f is integrate.trapezoid) for f in RULES for n in (2, 3, 4, 7)),
        *(
            by(f, lambda y, x, f=f: f(y, x=x), normal(2, n), np.cumsum(positive(2, n), 1), single=False)
            for f in RULES
            for n in (2, 4, 5)
        ),
        *(
            by(f, lambda y, x, f=f: f(y, x=x, axis=0), normal(6, 2), np.cumsum(positive(6)), single=False)
            for f in RULES
        ),
        *(
            by(f, lambda y, x, f=f: f(y, x=x, initial=0), normal(2, 5), np.cumsum(positive(5)), single=False)
            for f in RULES[2:]
        ),
        by(
            integrate.cumulative_simpson,
            lambda y, i: integrate.cumulative_simpson(y, initial=i),
            *(normal(5), normal()),
            single=False,
        ),
        by(integrate.simpson, lambda y, h: integrate.simpson(y, dx=h), normal(4), positive(), single=False),
        by(integrate.simpson, lambda y: integrate.simpson(y, x=[0.0, 1.0, 1.0, 2.0]), normal(4), single=False),
        *(of(integrate.romb, normal(n, 2), dx=0.3, axis=0, single=False) for n in (2, 3, 9)),
        by(integrate.fixed_quad, lambda a, b: integrate.fixed_quad(np.sin, a, b, n=4)[0], normal(), positive()),
        by(
            integrate.fixed_quad,
            lambda k: integrate.fixed_quad(lambda x, k: np.exp(-k * x), 0.0, 1.0, (k,))[0],
            positive(),
            single=False,
        ),
    ]
