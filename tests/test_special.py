"""Special functions: accuracy, bad arguments, and SciPy's, which are read when they are met."""

import importlib.util
import subprocess
import sys
import unittest
import warnings

import numpy as np

from wengert import Variable, compile, grad
from wengert.functions.normal_distribution import normal_cdf
from wengert.functions.special import modified_bessel

WITH_SCIPY = importlib.util.find_spec("scipy") is not None


class NumPyTest(unittest.TestCase):
    def test_sinc_at_zero_to_high_order(self) -> None:
        x = Variable(np.zeros(()))
        y = np.sinc(x)
        found = []
        for _ in range(6):
            x.cleargrad()
            y.backward(create_graph=True)
            y = x.grad
            found.append(float(y.data))
        pi = np.pi
        np.testing.assert_allclose(found, [0, -(pi**2) / 3, 0, pi**4 / 5, 0, -(pi**6) / 7], atol=1e-12)

    def test_i0(self) -> None:
        x = Variable(np.array([0.0, 1.0]))
        np.i0(x).backward()
        np.testing.assert_allclose(x.grad, [0, 0.5651591039924850272], rtol=1e-15)

    def test_i0_far_out(self) -> None:
        """The number of steps grows with the root of the argument only as far as the result is finite."""
        x = Variable(np.array([-np.inf, -1e300, -700.0, 700.0, 1e300, np.inf, np.nan]))
        with np.errstate(over="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # (np.i0 itself warns of infinity)
            np.i0(x).backward()
        gx = x.grad
        np.testing.assert_array_equal(gx[[0, 1, 4, 5, 6]], [-np.inf, -np.inf, np.inf, np.inf, np.nan])
        np.testing.assert_allclose(gx[3] / np.i0(700.0), 1 - 1 / 1400, rtol=1e-6)  # (the asymptotic series)
        np.testing.assert_allclose(gx[2], -gx[3], rtol=1e-13)

    def test_i0_compiled(self) -> None:
        """The number of steps depends on the values; the plan does not."""
        slope = grad(lambda x: np.sum(np.i0(x)))
        for dtype in (np.float64, np.float32):
            for f in (np.i0, slope, grad(lambda x: np.sum(slope(x) * x))):
                compiled = compile(f)
                for x in ([0.0, 1.0], [0.5, 3.0], [30.0, -2.0], [0.0, 70.0], [1e-9, 4.0], [-70.0, 5.0]):
                    np.testing.assert_allclose(compiled(np.array(x, dtype)), f(np.array(x, dtype)), rtol=1e-6)
                str(compiled.plan)  # (raises where there is none)

    @unittest.skipUnless(WITH_SCIPY, "needs SciPy to compare with")
    def test_values_are_those_of_scipy(self) -> None:
        from scipy import special

        x = np.linspace(-37.0, 37.0, 4001)
        np.testing.assert_allclose(normal_cdf(x), special.ndtr(x), rtol=3e-13)
        near = np.linspace(-5.0, 5.0, 4001)
        np.testing.assert_allclose(normal_cdf(near), special.ndtr(near), rtol=3e-15)
        single = near.astype(np.float32)
        self.assertEqual(normal_cdf(single).dtype, np.float32)
        np.testing.assert_allclose(normal_cdf(single), special.ndtr(near), rtol=5e-6)
        for order in range(4):
            x = np.array([0.0, 1e-9, 0.1, -3.0, 30.0, 700.0])
            np.testing.assert_allclose(modified_bessel(x, order), special.iv(order, x), rtol=1e-13)

    def test_normal_cdf_of_edges(self) -> None:
        y = normal_cdf(np.array([-np.inf, -50.0, 0.0, 50.0, np.inf, np.nan]))
        np.testing.assert_allclose(y, [0, 0, 0.5, 1, 1, np.nan], rtol=1e-15)

    def test_nan_to_num(self) -> None:
        x = Variable(np.array([np.nan, np.inf, -np.inf, 2.0]))
        y = np.nan_to_num(x, nan=7.0, posinf=8.0)
        np.testing.assert_array_equal(y.data, np.nan_to_num(x.data, nan=7.0, posinf=8.0))
        y.backward()
        np.testing.assert_array_equal(x.grad, [0, 0, 0, 1])
        self.assertTrue(np.isnan(x.data[0]))

    def test_nan_to_num_of_parts(self) -> None:
        z = Variable(np.array([complex(np.nan, 1.0), complex(1.0, np.inf)]))
        y = np.nan_to_num(z)
        np.testing.assert_array_equal(y.data, np.nan_to_num(z.data))
        (np.real(y) + np.imag(y)).backward()
        np.testing.assert_array_equal(z.grad, [1j, 1])

    def test_nan_to_num_in_place(self) -> None:
        x = Variable(np.array([1.0, np.nan, np.inf]))
        with self.assertRaisesRegex(TypeError, "is a leaf"):
            np.nan_to_num(x, copy=False)
        y = x * 2.0
        z = np.nan_to_num(y, copy=False, posinf=7.0)
        self.assertIs(z, y)
        np.testing.assert_array_equal(y.data, [2.0, 0.0, 7.0])
        y.backward()
        np.testing.assert_array_equal(x.grad, [2.0, 0.0, 0.0])


@unittest.skipUnless(WITH_SCIPY, "needs SciPy")
class SciPyTest(unittest.TestCase):
    def test_is_read_when_it_is_met(self) -> None:
        program = """
import sys
import numpy as np, wengert
assert "scipy" not in sys.modules
assert not any(name.startswith("wengert.functions.scipy_") for name in sys.modules)
from scipy import special
x = wengert.Variable(np.array([0.0, 1.0]))
assert isinstance(special.gammasgn(x), np.ndarray)  # a constant is met first
special.erf(x).backward()
print(x.grad)
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.stdout.strip(), done.stderr), ("[1.12837917 0.4151075 ]", ""))

    def test_unknown_ufunc(self) -> None:
        from scipy.special import _ufuncs

        with self.assertRaisesRegex(TypeError, "_cosine_cdf has no derivative here.*wengert.derivative"):
            _ufuncs._cosine_cdf(Variable(np.ones(2)))

    def test_a_parameter_without_a_derivative_in_closed_form(self) -> None:
        from scipy import special

        message = "mathieu_a takes no Variables; write a function .* wengert.pullback.* to q there is no"
        with self.assertRaisesRegex(TypeError, message):
            special.mathieu_a(1, Variable(np.ones(2)))

    def test_order_of_a_bessel_function_is_a_constant(self) -> None:
        from scipy import special

        z = Variable(np.array([1.0, 2.0]))
        with self.assertRaisesRegex(TypeError, "jv is differentiable with respect to x2, but its x1 is a Variable"):
            special.jv(z, z)
        special.jv(Variable(np.array([1, 2])), z).backward()  # integers are allowed
        np.testing.assert_allclose(z.grad, special.jvp([1, 2], [1.0, 2.0]))

    def test_functions_in_python_say_what_to_write(self) -> None:
        from scipy import special

        x = Variable(np.ones(3))
        for f, message in (
            (special.logsumexp, "write wengert.scipy.special.logsumexp,"),
            (special.softmax, "write wengert.scipy.special.softmax,"),
            (special.log_softmax, "write wengert.scipy.special.log_softmax,"),
            (lambda x: special.polygamma(1, x), "special.polygamma, or"),
            (lambda x: special.comb(x, 2), "special.comb, or"),
            (special.factorial, "special.factorial, or"),
            (lambda x: special.multigammaln(x + 2, 2), "special.multigammaln, or"),
            (lambda x: special.diric(x, 3), "special.diric, or"),
        ):
            with self.subTest(message), self.assertRaisesRegex(TypeError, message):
                f(x)

    def test_what_to_write_has_the_same_values(self) -> None:
        from scipy import special

        a, d, n = np.array([2.5, 4.0]), 3, 3
        written = d * (d - 1) / 4 * np.log(np.pi) + sum(special.gammaln(a - j / 2) for j in range(d))
        np.testing.assert_allclose(written, special.multigammaln(a, d), rtol=1e-14)
        np.testing.assert_allclose(special.gamma(a + 1), special.factorial(a), rtol=1e-14)
        np.testing.assert_allclose(np.sin(n * a / 2) / (n * np.sin(a / 2)), special.diric(a, n), rtol=1e-14)

    def test_complex_numbers_where_the_function_is_not_holomorphic(self) -> None:
        from scipy import special

        z = Variable(np.array([1 + 1j]))
        with self.assertRaisesRegex(TypeError, "jve is differentiated at real numbers only.*scipy.special.jv"):
            np.abs(special.jve(1, z)).backward()
        with self.assertRaisesRegex(TypeError, "airye is differentiated at real numbers only.*scipy.special.airy$"):
            np.abs(special.airye(z)[0]).backward()
        with self.assertRaisesRegex(TypeError, "psi is differentiated at real numbers only"):
            np.abs(special.psi(z)).backward()

    def test_masked_poles(self) -> None:
        from scipy import special

        cases = (
            (lambda x: special.xlogy(x, x), 0.0),
            (special.entr, 0.0),
            (special.entr, -1.0),
            (lambda x: special.rel_entr(x, x), 0.0),
            (lambda x: special.kl_div(x, 2 * x), 0.0),
            (special.gammaln, 0.0),
            (special.logit, 1.0),
            (special.erfinv, 1.0),
            (special.ndtri, 0.0),
            (special.exp1, 0.0),
            (special.gamma, 0.0),
            (special.erfcx, -30.0),
            (special.tandg, 90.0),
            (lambda x: special.boxcox(x, 0.0), 0.0),
            (lambda x: special.expn(0, x), 0.0),
            (lambda x: special.expn(1, x), 0.0),
            (lambda x: special.beta(x, x), 0.0),
            (special.spence, 0.0),
            (special.ellipk, 1.0),
            (special.ellipe, 1.0),
            (special.k0, 0.0),
            (special.y1, 0.0),
            (special.log_ndtr, -np.inf),
            (lambda x: special.gammainc(0.5, x), 0.0),
            (lambda x: special.kv(1.5, x), 0.0),
            (lambda x: special.sici(x)[1], 0.0),
            (special.ker, 0.0),
            (special.kerp, 0.0),
            (lambda x: special.it2i0k0(x)[1], 0.0),
            (lambda x: special.elliprf(x, 2.0, 1.0), 0.0),
            (lambda x: special.elliprd(x, 2.0, 1.0), 0.0),
            (lambda x: special.elliprj(x, 1.0, 2.0, 3.0), 0.0),
            (lambda x: special.ellipkinc(np.pi / 2, x), 1.0),
            (lambda x: special.agm(x, 1.0), 0.0),
            (lambda x: special.chdtri(3.0, x), 0.0),
            (lambda x: special.chdtri(3.0, x), 1.0),
            (special.kolmogi, 0.0),
            (lambda x: special.nrdtrimn(x, 1.0, 2.0), 0.0),
            (lambda x: special.nrdtrisd(0.0, x, 2.0), 0.5),
            (lambda x: special.voigt_profile(0.0, x, 0.0), 0.0),
            (lambda x: special.voigt_profile(0.0, 0.0, x), 0.0),
            (lambda x: special.pro_ang1(1, 2, 1.5, x)[0], 1.0),
            (lambda x: special.lpmv(1, 2.0, x), 1.0),
            (lambda x: special.chndtr(x, 1.0, 2.0), 0.0),
            (lambda x: special.ncfdtr(1.0, 3.0, 2.0, x), 0.0),
            (lambda x: special.besselpoly(x, 0.5, 0.4), 0.0),
            (lambda x: special.struve(-0.5, x), 0.0),
            (lambda x: special.airye(x)[0], -1.0),
            (lambda x: special.poch(x, 0.5), -0.5),
            (lambda x: special.boxcox(0.0, x), 0.0),
        )
        for f, pole in cases:
            with self.subTest(f, pole=pole):
                x = Variable(np.array([pole, 0.3]))
                y = np.where(x.data != pole, f(x), 0)
                y.backward(create_graph=True)
                gx = x.grad
                self.assertEqual(gx.data[0], 0)
                x.cleargrad()
                gx.backward()
                self.assertEqual(x.grad[0], 0)
                self.assertTrue(np.isfinite(x.grad[1]))

    def test_relative_entropies_of_nothing(self) -> None:
        from scipy import special

        for f, by_first, by_second in ((special.rel_entr, 1, 0), (special.kl_div, 0, 1)):
            with self.subTest(f):
                x, y = Variable(np.zeros(2)), Variable(np.array([0.0, 1.0]))
                f(x, y).backward()
                self.assertEqual(x.grad[0], by_first)
                self.assertEqual(x.grad[1], -np.inf)
                np.testing.assert_array_equal(y.grad, by_second)

    def test_xlogy_at_zero(self) -> None:
        from scipy import special

        x, y = Variable(np.array([0.0, 2.0])), Variable(np.array([0.0, 1.0]))
        special.xlogy(x, y).backward()
        np.testing.assert_array_equal(y.grad, [0, 2])
        np.testing.assert_array_equal(x.grad, [-np.inf, 0])


if __name__ == "__main__":
    unittest.main()
