"""Derivatives of SciPy's special functions at singular points, far out, and against mpmath at 40 digits."""

import importlib.util
import math
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import Variable

WITH_SCIPY = importlib.util.find_spec("scipy") is not None
WITH_MPMATH = importlib.util.find_spec("mpmath") is not None
if WITH_SCIPY:
    from scipy import special
if WITH_MPMATH:
    import mpmath as mp
E_GAMMA = 0.5772156649015329


def derivatives(f: Callable[..., Any], x: float, order: int = 2) -> list[float]:
    """The derivatives of a function of one number, up to an order."""
    variable = Variable(np.array(x))
    y, found = f(variable), []
    for _ in range(order):
        variable.cleargrad()
        y.backward(create_graph=True)
        y = variable.grad
        if y is None:  # it does not depend on x
            return found + [0.0] * (order - len(found))
        found.append(float(y.data))
    return found


@unittest.skipUnless(WITH_SCIPY, "needs SciPy")
class SingularPointsTest(unittest.TestCase):
    def check(self, f: Callable[..., Any], x: float, *expected: float) -> None:
        with np.errstate(all="ignore"):
            found = derivatives(f, x, len(expected))
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)

    def test_zeros_of_the_reciprocal_gamma_function(self) -> None:
        self.check(special.rgamma, 0.0, 1.0, 2 * E_GAMMA)
        self.check(special.rgamma, -3.0, -6.0)
        # polynomials in their first argument: n (n - 1) (n - 2) / 6, and (a) (a + 1) ... (a + 4)
        self.check(lambda n: special.binom(n, 3), 1.0, -1 / 6, 0.0)
        self.check(lambda n: special.binom(n, 3), 2.0, 1 / 3, 1.0)
        self.check(lambda a: special.poch(a, 5), -2.0, 4.0, 0.0)
        self.check(lambda a: special.poch(a, 2), -5.0, -9.0, 2.0)
        self.check(lambda k: special.binom(2.0, k), 3.0, -1 / 3)
        self.check(lambda a: special.beta(a, -0.5), 0.5, -2 * math.pi)

    def test_ends_of_a_domain(self) -> None:
        self.check(lambda b: special.boxcox(0.0, b), 2.0, 0.25, -0.25)
        self.check(lambda a: special.pseudo_huber(a, -2.0), 0.0, 2.0)
        self.check(lambda p: special.bdtr(np.array([8]), np.array([8]), p)[0], 0.3, 0.0, 0.0)
        self.check(lambda p: special.bdtr(np.array([0]), np.array([3]), p)[0], 0.0, -3.0, 6.0)
        self.check(special.kolmogorov, 0.0, 0.0, 0.0)
        self.check(lambda x: special.smirnov(np.array([5]), x)[0], 0.0, -1.0, -8.0)
        self.check(lambda x: special.tklmbda(x, 0.5), 2.0, 0.0)
        self.check(lambda x: special.stdtr(np.inf, x), 0.0, 1 / math.sqrt(2 * math.pi), 0.0)
        self.check(lambda nc: special.chndtr(2.0, 2.0, nc), 0.0, -0.5 * math.exp(-1), math.exp(-1) / 8)
        self.check(lambda b: special.agm(1.0, b), 0.0, np.inf)
        self.check(lambda b: special.agm(b, 0.0), 1.0, 0.0)
        self.check(lambda a: special.agm(a, 0.0), 0.0, np.nan)

    def test_removable_singularities(self) -> None:
        self.check(special.bei, 0.0, 0.0, 0.5, 0.0)
        self.check(special.ber, 0.0, 0.0, 0.0, 0.0, -3 / 8)
        self.check(special.it2struve0, 0.0, -2 / math.pi, 0.0, 4 / (9 * math.pi))
        self.check(lambda x: special.it2j0y0(x)[0], 0.0, 0.0, 0.25, 0.0)
        self.check(lambda x: special.it2i0k0(x)[0], 0.0, 0.0, 0.25, 0.0)
        self.check(lambda x: special.struve(0, x), 0.0, 2 / math.pi, 0.0, -4 / (3 * math.pi))
        self.check(lambda a: special.besselpoly(a, 1.0, 1.0), 0.0, 1 / 3, 0.0)
        self.check(lambda x: special.lpmv(0, 3.0, x), 1.0, 6.0, 15.0)
        self.check(lambda m: special.ellipkinc(1.2, m), 0.0, (1.2 - math.sin(2.4) / 2) / 4)
        self.check(lambda phi: special.ellipeinc(phi, 0.5), math.pi / 2, math.sqrt(0.5), 0.0)
        self.check(lambda x: special.elliprf(x, 1.0, 1.0), 1.0, -1 / 6, 3 / 20, -15 / 56)
        self.check(lambda s: special.voigt_profile(0.3, s, 0.7), 0.0, 0.0)
        x, gamma = 0.3, 0.7
        self.check(
            lambda t: special.voigt_profile(t, 0.0, gamma), x, -2 * x * gamma / math.pi / (x * x + gamma**2) ** 2
        )

    def test_far_out(self) -> None:
        """Where a formula that is right nearby has lost all its digits."""
        x = 1e9
        self.check(lambda t: x * x * special.dawsn(t), x, -0.5)
        self.check(lambda t: x * x * special.erfcx(t), x, -1 / math.sqrt(math.pi))
        self.check(lambda t: x**1.5 * special.i0e(t), x, -0.5 / math.sqrt(2 * math.pi) * (1 + 3 / (8 * x)))
        self.check(lambda t: x**1.5 * special.kve(2.5, t), x, -0.5 * math.sqrt(math.pi / 2) * (1 + 9 / x))
        self.check(lambda t: special.airye(t)[0], 1e6, -0.25 / (2 * math.sqrt(math.pi)) * 1e6**-1.25)
        self.check(lambda a: x * special.betaln(a, 1.0), x, -1.0)
        self.check(special.expit, 40.0, math.exp(-40), -math.exp(-40))
        self.check(lambda a: 1e18 * special.pseudo_huber(a, 1e-3), 1e3, 1e18 * 1e-12 / 4e9)
        self.check(lambda a: special.kl_div(a, 1.0), 1 + 2.0**-40, math.log1p(2.0**-40))
        self.check(special.ellipkm1, 1e-30, -0.5e30)
        self.check(lambda t: 1e5 * special.ndtri_exp(t), -5e11 - math.log(1e6 * math.sqrt(2 * math.pi)), 0.1)
        self.check(lambda t: special.stdtr(0.1, t), 1e200, 4.173803137173207e-222)
        a = 1e8
        self.check(lambda t: special.gammainc(a, t), a, 1 / math.sqrt(2 * math.pi * a) * (1 - 1 / (12 * a)))


@unittest.skipUnless(WITH_SCIPY and WITH_MPMATH, "needs SciPy and mpmath")
class OracleTest(unittest.TestCase):
    """First and second derivatives of each argument, to a relative error of 1e-8."""

    def setUp(self) -> None:
        saved = mp.mp.dps
        mp.mp.dps = 40
        self.addCleanup(setattr, mp.mp, "dps", saved)

    def check(self, name: str, f: Callable[..., Any], oracle: Callable[..., Any], *points: tuple[float, ...]) -> None:
        for point in points:
            for i, x in enumerate(point):
                with self.subTest(name, point=point, argument=i), warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    before, after = point[:i], point[i + 1 :]
                    exact = [*map(mp.mpf, before)], [*map(mp.mpf, after)]
                    found = derivatives(lambda t, before=before, after=after: f(*before, t, *after), x)
                    for order, value in enumerate(found, 1):
                        g = mp.diff(lambda t, exact=exact: oracle(*exact[0], t, *exact[1]), mp.mpf(x), order)
                        np.testing.assert_allclose(value, float(mp.re(g)), rtol=1e-8, atol=1e-30)

    def test_elliptic(self) -> None:
        self.check("elliprf", special.elliprf, mp.elliprf, (1.0, 2.0, 3.0), (1.0, 1.0, 1.0), (1e-8, 1.0, 1.05))
        self.check("elliprd", special.elliprd, mp.elliprd, (1.0, 2.0, 3.0), (1.0, 1.0, 1.0), (0.5, 0.51, 30.0))
        self.check("elliprg", special.elliprg, mp.elliprg, (1.0, 2.0, 3.0), (1.0, 1.0, 1.0), (0.5, 0.51, 30.0))
        self.check("elliprj", special.elliprj, mp.elliprj, (1.0, 2.0, 3.0, 4.0), (1.0, 1.0, 1.0, 1.0))
        self.check("elliprc", special.elliprc, mp.elliprc, (1.0, 2.0), (1.0, 1.0), (1.0, 1.049), (3.0, -0.7))
        self.check("agm", special.agm, mp.agm, (1.0, 2.0), (3.0, 3.0), (1e-5, 1.0))
        self.check("ellipkinc", special.ellipkinc, mp.ellipf, (0.5, 0.3), (1.2, 0.0), (1e-3, 0.9), (5.0, -3.0))
        self.check("ellipeinc", special.ellipeinc, mp.ellipe, (0.5, 0.3), (1.2, 1e-9), (1.5, 0.999), (-7.0, 0.2))
        for i, name in enumerate(("sn", "cn", "dn")):
            f = lambda u, m, i=i: special.ellipj(u, m)[i]  # noqa: E731
            self.check(name, f, lambda u, m, name=name: mp.ellipfun(name, u, m=m), (0.5, 0.3), (3.0, 0.5), (7.0, 0.9))

    def test_bessel(self) -> None:
        points = [(0.01,), (0.5,), (3.0,), (9.0,)]
        for name, bound in (("ber", mp.ber), ("bei", mp.bei), ("ker", mp.ker), ("kei", mp.kei)):
            self.check(name, getattr(special, name), lambda x, bound=bound: bound(0, x), *points)
        for v in (0, 2.5):
            self.check("struve", lambda x, v=v: special.struve(v, x), lambda x, v=v: mp.struveh(v, x), *points)
            self.check("modstruve", lambda x, v=v: special.modstruve(v, x), lambda x, v=v: mp.struvel(v, x), *points)
            far = [(0.5,), (3e3,), (1e5,), (1e9,)]
            k = lambda x, v=v: mp.besselk(v, x) * mp.exp(x)  # noqa: E731
            self.check("kve", lambda x, v=v: special.kve(v, x), k, *far)
            i = lambda x, v=v: mp.besseli(v, x) * mp.exp(-x)  # noqa: E731
            self.check("ive", lambda x, v=v: special.ive(v, x), i, *far)
            h = lambda x, v=v: mp.re(mp.hankel1(v, x) * mp.exp(-1j * x))  # noqa: E731
            self.check("hankel1e", lambda x, v=v: np.real(special.hankel1e(v, x)), h, (0.5,), (100.0,), (1e6,))
        airye = lambda x: mp.airyai(x) * mp.exp(mp.mpf(2) / 3 * x**1.5)  # noqa: E731
        self.check("airye", lambda x: special.airye(x)[0], airye, (0.3,), (30.0,), (249.0,), (251.0,), (1e6,))

    def test_error_functions(self) -> None:
        def w(z: Any) -> Any:
            return mp.exp(-z * z) * mp.erfc(-1j * z)

        def voigt(x: Any, sigma: Any, gamma: Any) -> Any:
            root = mp.sqrt(2) * sigma
            return mp.re(w((x + 1j * gamma) / root)) / (root * mp.sqrt(mp.pi))

        self.check("voigt", special.voigt_profile, voigt, (0.3, 1.1, 0.7), (5.0, 0.3, 0.01), (40.0, 1.0, 0.5))
        self.check("voigt", special.voigt_profile, voigt, (3.0, 1.0, 1e-9), (0.1, 0.001, 0.2))
        for c in (0.3 + 0.2j, 3 - 1j, 20 + 0.5j, -8 - 9j, 11j, 30 - 0.3j):
            f = lambda t, c=c: np.imag(special.wofz(t * (1 + 0j) + c))  # noqa: E731
            self.check("wofz", f, lambda t, c=c: mp.im(w(t + c)), (0.01,))
        for sign, ufunc in ((1, special.modfresnelp), (-1, special.modfresnelm)):
            g = lambda x, s=sign: mp.re(w(mp.expjpi(mp.mpf(1) / 4) * x)) / 2  # noqa: E731
            self.check("modfresnel", lambda x, u=ufunc: np.real(u(x)[1]), g, (0.3,), (12.0,), (100.0,))

    def test_gamma(self) -> None:
        self.check("rgamma", special.rgamma, mp.rgamma, (0.0,), (-3.0,), (-2.5,), (1e-9,), (0.5,), (170.0,))
        self.check("binom", special.binom, mp.binomial, (2.0, 3.0), (5.5, 2.0), (1e8, 1.5), (60.0, 31.0))
        self.check("poch", special.poch, mp.rf, (2.0, 3.0), (1e9, 0.5), (30.0, -5.0))
        self.check("beta", special.beta, mp.beta, (2.0, 3.0), (0.5, -0.5), (1e7, 1.0), (25.0, 0.1))

    def test_distributions(self) -> None:
        def gamma(a: Any, x: Any) -> Any:
            return mp.gammainc(a, 0, x, regularized=True)

        def chi(x: Any, nc: Any) -> Any:
            terms = (mp.exp(-nc / 2) * (nc / 2) ** j / mp.factorial(j) * gamma(j + 1.25, x / 2) for j in range(60))
            return mp.fsum(terms)

        self.check("gdtr", lambda a, x: special.gdtr(a, 2.5, x), lambda a, x: gamma(2.5, a * x), (1.3, 0.7))
        self.check("chndtr", lambda x, nc: special.chndtr(x, 2.5, nc), chi, (3.0, 1.2), (0.5, 0.2), (1.0, 1e-7))
        for a, x in ((3.0, 5.0), (1e3, 1010.0), (20.5, 3.0)):
            self.check("gammainc", lambda t, a=a: special.gammainc(a, t), lambda t, a=a: gamma(a, t), (x,))


if __name__ == "__main__":
    unittest.main()
