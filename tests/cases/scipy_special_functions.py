"""Cases for the functions of scipy.special that are no ufuncs, by `wengert.scipy.special`; none without SciPy."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, positive

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import special

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        options = {name: settings.pop(name) for name in list(settings) if name not in Case._fields}
        return Case(function, lambda *xs: function(*xs, **options), args, **{"exact": False, **settings})

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    X, P, ANGLES = away(2, 3), positive(2, 3), np.array([0.4, 1.0, 2.2])
    B = np.array([[1.0, 0.0, 2.0], [0.5, 3.0, 1.0]])

    CASES += [
        *(of(f, x, axis=axis) for f in (special.softmax, special.log_softmax) for x, axis in ((X, None), (X, 0))),
        *(of(special.logsumexp, X, axis=axis) for axis in (None, 1, (0, 1))),
        of(special.logsumexp, X, axis=0, b=B),
        by(special.logsumexp, lambda x, b: special.logsumexp(x, b=b, axis=1, keepdims=True), X, B + 0.1),
        by(special.logsumexp, lambda x, b: special.logsumexp(x, b=b, axis=1, return_sign=True), X, -B - 0.1),
        by(special.logsumexp, lambda x: special.logsumexp(np.stack([x, x * 0 + np.inf]), b=[[[1]], [[0]]], axis=0), X),
        of(special.multigammaln, P + 2, d=3),
        of(special.multigammaln, np.asarray(2.5), d=2),
        *(by(special.polygamma, lambda x, n=n: special.polygamma(n, x), P) for n in (0, 1, 3)),
        by(special.polygamma, lambda x: special.polygamma(np.array([0, 1, 2]), x), P),
        of(special.factorial, P),
        of(special.factorial, X, extend="complex", eps=1e-4),
        by(special.comb, lambda n: special.comb(n, 2), P + 2),
        by(special.comb, lambda n, k: special.comb(n, k), P + 2, P, rtol=1e-5),
        by(special.comb, lambda n: special.comb(n, 2, repetition=True), P + 2),
        by(special.perm, lambda n: special.perm(n, 2), P + 2),
        by(special.zeta, lambda q: special.zeta(3.0, q), P),
        by(special.lambertw, lambda z: special.lambertw(z), P),
        *(by(special.diric, lambda x, n=n: special.diric(x, n), ANGLES) for n in (1, 4, 5)),
        by(special.diric, lambda x: special.diric(x, 4), np.array([0.0, 2 * np.pi]), single=False),
        *(
            by(special.sph_harm_y, lambda t, p, m=m: special.sph_harm_y(3, m, t, p), ANGLES, ANGLES + 1, single=False)
            for m in (-3, -2, 0, 1, 2)
        ),
        *(
            by(f, lambda z, f=f, n=n: f(n, z), x)
            for f in (special.spherical_jn, special.spherical_in)
            for n in (0, 2)
            for x in (P, -P)
        ),
        *(
            by(f, lambda z, f=f: f(np.array([0, 1, 4]), z), P, rtol=1e-5)
            for f in (special.spherical_yn, special.spherical_kn)
        ),
        *(
            by(f, lambda z, f=f: f(2, z, derivative=True), P, rtol=1e-5)
            for f in (special.spherical_jn, special.spherical_yn, special.spherical_in, special.spherical_kn)
        ),
        by(special.spherical_jn, lambda z: special.spherical_jn(1, z), np.zeros(2)),
        by(special.spherical_jn, lambda z: special.spherical_jn(1, z), complex_array(3), single=False),
        *(
            by(f, lambda z, f=f, n=n: f(1.5, z, n), P)
            for n in (1, 2)
            for f in (special.jvp, special.yvp, special.ivp, special.kvp, special.h1vp, special.h2vp)
        ),
        of(special.softplus, X),
    ]
