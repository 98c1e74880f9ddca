"""Distributions and statistics of `wengert.scipy.stats`, beside SciPy's, at the ends of supports, in tails, refused."""

import copy
import importlib.util
import pickle
import unittest
import warnings
from typing import Any

import numpy as np

from wengert import Variable, grad, hessian

if importlib.util.find_spec("scipy") is None:
    raise unittest.SkipTest("needs SciPy")

import scipy.interpolate
import scipy.stats

from tests.cases.scipy_stats import SHAPES
from wengert.scipy import stats
from wengert.scipy.stats.discrete import Discrete
from wengert.scipy.stats.distribution import Continuous, Distribution, distributions

LOC, SCALE = 0.3, 1.4
PROBABILITIES = np.array([1e-10, 1e-4, 0.03, 0.2, 0.5, 0.6, 0.9, 0.99, 1 - 1e-6])
KINDS = {name: d for name, d in distributions.items() if isinstance(d, Continuous)}
COUNTING = {name: d for name, d in distributions.items() if isinstance(d, Discrete)}


def variables(*values: float) -> list[Variable]:
    return [Variable(np.asarray(v, float)) for v in values]


class ValuesTest(unittest.TestCase):
    """What Variables give is what SciPy gives of arrays."""

    def equal(self, found: Any, expected: Any, rtol: float = 1e-9) -> None:
        self.assertIsInstance(found, Variable)
        self.assertEqual((found.shape, found.dtype), (np.shape(expected), np.asarray(expected).dtype))
        # (where SciPy has the logarithm of what has underflowed, there is a finite one here)
        underflow = (expected == -np.inf) & np.isfinite(found.data)
        np.testing.assert_allclose(np.where(underflow, 0, found.data), np.where(underflow, 0, expected), rtol, 1e-14)

    def test_continuous(self) -> None:
        self.assertGreaterEqual(len(KINDS), 45)
        for name, d in KINDS.items():
            theirs, shapes = getattr(scipy.stats, name), SHAPES.get(name, ())
            x = theirs.ppf(PROBABILITIES, *shapes, LOC, SCALE)
            x = np.concatenate(
                (x, [-60.0, 60.0, np.nan, *(b for b in theirs.support(*shapes, LOC, SCALE) if abs(b) < 9)])
            )
            given = variables(*shapes, LOC, SCALE)
            for method in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"):
                if d.has(method):
                    at = np.append(PROBABILITIES, [0, 1, 1.1, np.nan]) if method in ("ppf", "isf") else x
                    if method == "logsf" and name in ("loguniform", "reciprocal"):
                        at = x[:-1]  # (the last point is at the end but for rounding)
                    with self.subTest(f"{name}.{method}"), warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        expected = getattr(theirs, method)(at, *shapes, LOC, SCALE)
                        self.equal(getattr(d, method)(at, *given), expected, 1e-6 if method in ("ppf", "isf") else 3e-8)

    def test_discrete(self) -> None:
        self.assertGreaterEqual(len(COUNTING), 10)
        k = np.array([-1, 0, 0.5, 1, 2, 3, 5, 6, 7, 20, np.nan])
        for name, d in COUNTING.items():
            theirs, shapes = getattr(scipy.stats, name), SHAPES[name]
            given = [s if n in d.counts else v for s, v, n in zip(shapes, variables(*shapes), d.shapes, strict=True)]
            for method in ("pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
                if d.has(method):
                    with self.subTest(f"{name}.{method}"), warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        self.equal(getattr(d, method)(k, *given), getattr(theirs, method)(k, *shapes))
                        self.equal(getattr(d, method)(k, *given, loc=2), getattr(theirs, method)(k, *shapes, loc=2))
            np.testing.assert_array_equal(d.ppf(0.4, *given), theirs.ppf(0.4, *shapes))  # a constant

    def test_moments(self) -> None:
        for name, d in distributions.items():
            theirs, shapes = getattr(scipy.stats, name), SHAPES.get(name, ())
            if not isinstance(d, (Continuous, Discrete)):
                continue
            scaled = (LOC, SCALE) if isinstance(d, Continuous) else (2.0,)
            counts = getattr(d, "counts", ())
            given = [
                s if n in counts else Variable(np.asarray(float(s))) for s, n in zip(shapes, d.shapes, strict=True)
            ]
            for method in ("mean", "var", "std", "entropy", "median"):
                if d.has(method) and (given or (method == "mean" and isinstance(d, Continuous))):
                    with self.subTest(f"{name}.{method}"):
                        last = [Variable(np.asarray(v)) for v in scaled] if isinstance(d, Continuous) else scaled
                        self.equal(getattr(d, method)(*given, *last), getattr(theirs, method)(*shapes, *scaled), 1e-6)

    def test_single_precision_is_computed_in_double(self) -> None:
        x, a = np.float32([0.5, 2.0]), np.array(1.7, np.float32)
        for method in ("logpdf", "cdf", "sf"):
            expected = getattr(scipy.stats.gamma, method)(x.astype(float), float(a))
            self.equal(getattr(stats.gamma, method)(Variable(x), Variable(a)), expected)
        v = Variable(x)
        np.sum(stats.gamma.logpdf(v, a)).backward()
        self.assertEqual(v.grad.dtype, np.float32)
        self.assertEqual(stats.norm.logpdf(Variable(x.astype(np.float16))).dtype, np.float64)

    def test_arrays_are_scipys(self) -> None:
        x = np.linspace(0.1, 3, 5)
        self.assertTrue(np.array_equal(stats.gamma.logcdf(x, 2.0), scipy.stats.gamma.logcdf(x, 2.0)))
        self.assertTrue(np.array_equal(stats.gamma(2.0, scale=3).pdf(x), scipy.stats.gamma(2.0, scale=3).pdf(x)))
        self.assertTrue(np.array_equal(stats.burr.pdf(x, 2.0, 3.0), scipy.stats.burr.pdf(x, 2.0, 3.0)))
        self.assertEqual(
            stats.norm.rvs(size=3, random_state=0).tolist(), scipy.stats.norm.rvs(size=3, random_state=0).tolist()
        )
        self.assertEqual(
            stats.norm(1, 2).rvs(3, random_state=0).tolist(), scipy.stats.norm(1, 2).rvs(3, random_state=0).tolist()
        )
        self.assertEqual(stats.norm.fit(x), scipy.stats.norm.fit(x))
        self.assertEqual(stats.ttest_1samp(x, 1.0), scipy.stats.ttest_1samp(x, 1.0))
        self.assertEqual(stats.norm(0, 1).mean(), 0.0)
        self.assertEqual(stats.norm.numargs, 0)

    def test_they_are_pickled_and_copied(self) -> None:
        self.assertIs(pickle.loads(pickle.dumps(stats.gamma)), stats.gamma)
        self.assertEqual(pickle.loads(pickle.dumps(stats.gamma(2.0))).pdf(1.0), stats.gamma.pdf(1.0, 2.0))
        self.assertEqual(copy.deepcopy(stats.norm(0.0, 2.0)).cdf(0.0), 0.5)

    def test_lists_with_variables(self) -> None:
        x = Variable(np.asarray(0.5))
        self.equal(stats.norm.logpdf([x, 1.0], [0.0, x]), scipy.stats.norm.logpdf([0.5, 1.0], [0.0, 0.5]))


class SupportTest(unittest.TestCase):
    """The ends of the support, what is beyond them, and shapes that are not valid."""

    def test_beyond_the_support_there_are_no_gradients(self) -> None:
        for name, d in KINDS.items():
            low, high = getattr(scipy.stats, name).support(*SHAPES.get(name, ()))
            shapes = [np.asarray(s) for s in SHAPES.get(name, ())]
            beyond = np.array([b + s for b, s in ((low, -0.5), (high, 0.5)) if np.isfinite(b)])
            for method in ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf"):
                if beyond.size and d.has(method):
                    with self.subTest(f"{name}.{method}"):

                        def total(x: Any, *given: Any, d: Any = d, m: str = method) -> Any:
                            y = getattr(d, m)(x, *given)
                            return np.sum(np.where(np.isfinite(y), y, 0 * y if m == "pdf" else y))

                        places = tuple(range(3 + len(shapes)))
                        with warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            found = grad(total, places)(beyond, *shapes, np.asarray(0.0), np.asarray(1.0))
                        for g in found[:-1]:  # (that of the scale may be of its logarithm)
                            np.testing.assert_array_equal(g, 0 * g)

    def test_ends(self) -> None:
        # the density from inside, the distribution function from outside
        self.assertEqual(grad(stats.expon.pdf)(0.0), -1.0)
        self.assertEqual(grad(stats.expon.cdf)(0.0), 0.0)
        self.assertEqual(grad(stats.expon.ppf)(0.0), 1.0)
        self.assertEqual(grad(stats.uniform.ppf)(1.0), 1.0)
        self.assertEqual(grad(lambda x: stats.gamma.pdf(x, 1.0))(0.0), -1.0)
        self.assertEqual(grad(lambda x: stats.gamma.cdf(x, 3.0))(0.0), 0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assertEqual(grad(lambda x: stats.gamma.pdf(x, 1.5))(0.0), np.inf)
            self.assertEqual(grad(lambda x: stats.beta.pdf(x, 2.0, 1.5))(1.0), -np.inf)
            self.assertAlmostEqual(float(hessian(lambda x: stats.gamma.pdf(x, 3.0))(np.asarray(0.0))), 1.0)

    def test_densities_that_are_powers_at_the_end(self) -> None:
        for name, shapes, end in (
            *((name, (2.0,), 0.0) for name in ("gamma", "weibull_min", "powerlaw", "chi", "lomax")),
            *(("chi2", (4.0,), 0.0), ("chi2", (2.0,), 0.0), ("chi2", (7.0,), 0.0), ("nakagami", (1.0,), 0.0)),
            *(("rayleigh", (), 0.0), ("maxwell", (), 0.0), ("weibull_max", (2.0,), -0.0), ("triang", (0.5,), 1.0)),
            *(
                ("beta", (2.0, 2.0), 0.0),
                ("beta", (2.0, 2.0), 1.0),
                ("beta", (1.0, 3.0), 0.0),
                ("beta", (900.0, 2.0), 0.0),
            ),
            *(("f", (4.0, 3.0), 0.0), ("betaprime", (2.0, 3.0), 0.0)),
        ):
            with self.subTest(name, shapes=shapes, end=end):
                f = lambda x, n=name, s=shapes: getattr(stats, n).pdf(x, *s)  # noqa: E731
                h = -1e-6 if end == 1.0 or name == "weibull_max" else 1e-6
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    slope = grad(f)(end)
                np.testing.assert_allclose(slope, (f(end + h) - f(end)) / h, rtol=1e-4, atol=1e-4)

    def test_invalid_shapes_give_nan(self) -> None:
        a = np.array([-1.0, 2.0])
        y = stats.gamma.logpdf(1.0, Variable(a))
        np.testing.assert_array_equal(np.isnan(y.data), [True, False])
        g = grad(lambda a: np.sum(stats.gamma.logpdf(1.0, a)))(a)
        np.testing.assert_array_equal(np.isnan(g), [True, False])
        self.assertTrue(np.isnan(grad(lambda s: stats.norm.cdf(1.0, 0.0, s))(-1.0)))
        self.assertTrue(np.isnan(grad(lambda p: stats.bernoulli.logpmf(1, p))(1.5)))
        self.assertTrue(np.isnan(grad(stats.norm.ppf)(1.5)))
        # where the undefined ones are left out, the others are right
        np.testing.assert_array_equal(
            grad(lambda a: stats.gamma.logpdf(1.0, a)[1])(a), [0.0, grad(lambda b: stats.gamma.logpdf(1.0, b))(2.0)]
        )

    def test_kinks_and_smooth_points_in_the_middle(self) -> None:
        self.assertEqual(grad(stats.laplace.logpdf)(0.0), 0.0)
        self.assertAlmostEqual(float(hessian(stats.logistic.logpdf)(np.asarray(0.0))), -0.5)
        self.assertEqual(grad(lambda x: stats.gennorm.logpdf(x, 2.0))(0.0), 0.0)
        self.assertNotEqual(float(hessian(lambda x: stats.gennorm.logpdf(x, 2.0))(np.asarray(0.0))), 0.0)
        self.assertEqual(grad(lambda x: stats.triang.pdf(x, 0.5))(0.5), -4.0)  # to the right of the mode
        self.assertAlmostEqual(grad(lambda k: stats.vonmises.logpdf(0.7, k))(0.0), np.cos(0.7))

    def test_masses_have_no_derivative_by_the_number(self) -> None:
        k = Variable(np.array([1.0, 2.0]))
        p = Variable(np.asarray(0.3))
        np.sum(stats.geom.logpmf(k, p)).backward()
        self.assertIsNone(k.grad)
        self.assertIsNotNone(p.grad)


class TailsTest(unittest.TestCase):
    """Where logarithms of distribution functions would be those of 0, and parameters are extreme."""

    def check(self, f: Any, x: float, slope: float, rtol: float = 1e-9) -> None:
        np.testing.assert_allclose(grad(f)(x), slope, rtol=rtol)

    def test_logarithms(self) -> None:
        self.check(stats.norm.logcdf, -40.0, 40.02496884720727)
        self.check(stats.norm.logsf, 40.0, -40.02496884720727)
        self.check(stats.logistic.logcdf, -800.0, 1.0)
        self.check(stats.gumbel_l.logcdf, -800.0, 1.0)
        self.check(lambda x: stats.weibull_min.logsf(x, 2.0), 60.0, -120.0)
        self.check(lambda x: stats.truncnorm.logpdf(x, 30.0, np.inf), 30.5, -30.5)
        self.check(lambda a: stats.truncnorm.logpdf(30.5, a, np.inf), 30.0, 30.033259667433672, 1e-9)
        self.check(lambda x: stats.lognorm.logsf(x, 1.0), 1e12, -2.766711813096561e-11)

    def test_a_truncated_normal_with_infinite_ends(self) -> None:
        """The ends follow from the location and the scale, as they do in programs."""
        p, x = np.array([0.3, 1.1]), np.array([0.5, 1.2])
        for low, high in ((0.0, np.inf), (-np.inf, 2.0), (-np.inf, np.inf), (60.0, np.inf)):
            for method in ("logpdf", "logcdf", "logsf", "ppf"):

                def f(p: Any, a: float = low, b: float = high, m: str = method) -> Any:
                    at = np.array([0.2, 0.9]) if m == "ppf" else x + max(a, 0.0)
                    ends = ((b - p[0]) / p[1] for b in (a, b))
                    return np.sum(getattr(stats.truncnorm, m)(at, *ends, p[0], p[1]))

                with self.subTest(method, low=low, high=high), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    steps = 1e-5 * np.eye(2)
                    expected = [(f(p + h) - f(p - h)) / 2e-5 for h in steps]
                    np.testing.assert_allclose(grad(f)(p), expected, rtol=1e-5, atol=1e-7)
                    second = [(grad(f)(p + h) - grad(f)(p - h)) / 2e-5 for h in steps]
                    np.testing.assert_allclose(hessian(f)(p), second, rtol=1e-4, atol=1e-5)

    def test_parameters(self) -> None:
        """Against mpmath with 30 digits."""
        self.check(lambda a: stats.gamma.cdf(0.05, a), 0.1, -2.02642266210, 1e-9)
        self.check(lambda a: stats.gamma.cdf(290.0, a), 300.0, -0.01975962427698402, 1e-9)
        self.check(lambda df: stats.t.cdf(0.1, df), 0.1, 0.06599234021383588)
        self.assertLess(abs(grad(lambda df: stats.t.cdf(20.0, df))(1e9)), 1e-90)
        self.assertEqual(grad(lambda df: stats.t.cdf(0.0, df))(3.0), 0.0)

    def test_a_shape_of_zero(self) -> None:
        for f in (stats.genpareto.logpdf, stats.genextreme.logpdf):
            near = [grad(lambda c, f=f: f(0.7, c))(c) for c in (-1e-4, 0.0, 1e-4)]
            np.testing.assert_allclose(near[1], 0.5 * (near[0] + near[2]), rtol=1e-6)


class RefusalsTest(unittest.TestCase):
    def test_messages(self) -> None:
        x = Variable(np.array([0.5, 1.0]))
        for call, message in (
            (
                lambda: stats.vonmises.cdf(x, 2.0),
                "vonmises.cdf has no derivative here.*methods that have one: pdf, logpdf",
            ),
            (lambda: stats.burr.logpdf(x, 2.0, 3.0), "burr.logpdf has no derivative here.*have one: none"),
            (lambda: stats.norm.rvs(x), "norm.rvs has no derivative here"),
            (lambda: stats.norm(x, 1.0).rvs(), "norm.rvs has no derivative here"),
            (lambda: stats.norm.fit(x), "norm.fit has no derivative here"),
            (lambda: stats.norm.logpdf(x, scal=2), "norm got the argument 'scal' but takes loc, scale"),
            (lambda: stats.norm.logpdf(x, 1.0, loc=2), "norm got the argument 'loc' twice"),
            (lambda: stats.norm.logpdf(x, 1.0, 2.0, 3.0), "norm takes the arguments loc, scale, but got 3"),
            (lambda: stats.gamma.logpdf(x), "gamma needs the arguments a, loc, scale, but a was not given"),
            (lambda: stats.binom.pmf(1, x, 0.3), "binom has no derivative with respect to n.*pass n.data"),
            (lambda: stats.hypergeom.pmf(3, x, 4, 5), "hypergeom.pmf has no derivative here"),
            (lambda: stats.zscore(x, nan_policy="omit"), "zscore of a Variable does not take nan_policy="),
            (lambda: stats.multivariate_normal.logpdf(x, allow_singular=True), "does not take allow_singular=True"),
            (lambda: stats.multivariate_normal.cdf(x), "multivariate_normal.cdf has no derivative here"),
            (lambda: stats.gaussian_kde(x).resample(), "gaussian_kde.resample has no derivative here"),
            (
                lambda: stats.norm.logpdf(x + 1j),
                "distributions take real numbers, but got an array of dtype complex128",
            ),
            (lambda: stats.moment(x, x[1]), "one integer as its order"),
            (lambda: stats.pmean(x, 0.0 * x[0]), "no derivative with respect to p at 0"),
            (lambda: stats.ttest_1samp(x, 1.0), "ttest_1samp has no derivative here"),
        ):
            with self.subTest(message):
                self.assertRaisesRegex(TypeError, message, call)
        for call, message in (
            (lambda: stats.dirichlet.logpdf(x, [1.0, -1.0]), "must be greater than 0"),
            (lambda: stats.dirichlet.logpdf(x, [1.0, 1.0]), "add up to 1"),
            (lambda: stats.dirichlet.logpdf(x - 0.7, [1.0, 1.0, 1.0]), "from zero to one"),
            (lambda: stats.multinomial.logpmf([1, 2], 3, x), "rows of p that add up to 1"),
            (lambda: stats.multivariate_normal.logpdf(x, x, np.eye(3)), "a square matrix of its length"),
            (lambda: stats.norm.interval(x + 1), "confidence must be between 0 and 1"),
            (lambda: stats.gaussian_kde(x, "scot"), "`bw_method` should be"),
            (lambda: stats.gaussian_kde(x, weights=[1.0]), "`weights` input should be of length n"),
        ):
            with self.subTest(message):
                self.assertRaisesRegex(ValueError, message, call)

    def test_scipys_own_objects_name_those_here(self) -> None:
        x = Variable(np.array([0.5, 1.0, 2.0]))
        for name, call in (
            ("stats.norm.logpdf", lambda: scipy.stats.norm.logpdf(x)),
            ("stats.gamma.cdf", lambda: scipy.stats.gamma(x).cdf(1.0)),
            ("stats.poisson.pmf", lambda: scipy.stats.poisson.pmf(1, x)),
            ("stats.multivariate_normal.logpdf", lambda: scipy.stats.multivariate_normal.logpdf(x)),
            ("stats.gaussian_kde", lambda: scipy.stats.gaussian_kde(x)),
            ("stats.gmean", lambda: scipy.stats.gmean(x)),
            ("interpolate.CubicSpline", lambda: scipy.interpolate.CubicSpline(np.arange(3.0), x)),
            ("interpolate.CubicSpline", lambda: scipy.interpolate.CubicSpline(np.arange(3.0), np.ones(3))(x)),
        ):
            with self.subTest(name):
                message = f"scipy.{name} takes no Variables; write wengert.scipy.{name}, or leave the graph"
                self.assertRaisesRegex(TypeError, message, call)

    def test_every_univariate_distribution_of_scipy_is_there(self) -> None:
        for name in dir(scipy.stats):
            if isinstance(getattr(scipy.stats, name), (scipy.stats.rv_continuous, scipy.stats.rv_discrete)):
                self.assertIsInstance(getattr(stats, name), Distribution, name)

    def test_ranks_are_plain(self) -> None:
        self.assertEqual(stats.rankdata(Variable(np.array([3.0, 1.0]))).tolist(), [2.0, 1.0])


if __name__ == "__main__":
    unittest.main()
