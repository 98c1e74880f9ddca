"""Derivatives far out: wherever one is a normal number it has a small relative error, as mpmath says."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
import wengert.functions as F
from tests.installed import needs_llvm
from wengert import Variable, compile

try:
    import mpmath as mp
except ImportError:
    mp = None
try:
    from scipy import special
except ImportError:
    special = None

SIZES = (1e-30, 1e-5, 0.02, 0.7, 0.99, 1.3, 3.1, 5.0, 9.0, 15.0, 20.0, 30.0, 45.0, 87.0, 350.0, 1e4, 1e17, 1e22, 1e155)
POINTS = np.array([sign * x for x in SIZES for sign in (1, -1)])
DIGITS = 50


def softplus(x: Any) -> Any:
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def logistic(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def normal_cdf(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def pair(x: Any) -> Any:
    """Scores of two classes."""
    return np.stack([x, 0 * x], -1)


def targets(x: Any, label: int) -> Any:
    return np.full(x.shape, label)


# name: (the function, the same by mpmath, the largest order that is checked)
NUMPY: dict[str, tuple[Any, Any, int]] = {
    "square": (np.square, lambda x: x * x, 2),
    "reciprocal": (np.reciprocal, lambda x: 1 / x, 1),
    "sqrt": (np.sqrt, lambda x: mp.sqrt(x), 1),
    "exp": (np.exp, lambda x: mp.exp(x), 2),
    "exp2": (np.exp2, lambda x: mp.mpf(2) ** x, 1),
    "expm1": (np.expm1, lambda x: mp.expm1(x), 2),
    "log": (np.log, lambda x: mp.log(x), 1),
    "log2": (np.log2, lambda x: mp.log(x, 2), 1),
    "log10": (np.log10, lambda x: mp.log10(x), 1),
    "log1p": (np.log1p, lambda x: mp.log1p(x), 1),
    "sin": (np.sin, lambda x: mp.sin(x), 1),
    "cos": (np.cos, lambda x: mp.cos(x), 1),
    "tan": (np.tan, lambda x: mp.tan(x), 1),
    "sinc": (np.sinc, lambda x: mp.sinc(mp.pi * x), 1),
    "arcsin": (np.arcsin, lambda x: mp.asin(x), 1),
    "arccos": (np.arccos, lambda x: mp.acos(x), 1),
    "arctan": (np.arctan, lambda x: mp.atan(x), 1),
    "sinh": (np.sinh, lambda x: mp.sinh(x), 1),
    "cosh": (np.cosh, lambda x: mp.cosh(x), 1),
    "tanh": (np.tanh, lambda x: mp.tanh(x), 3),
    "arcsinh": (np.arcsinh, lambda x: mp.asinh(x), 1),
    "arccosh": (np.arccosh, lambda x: mp.acosh(x), 1),
    "arctanh": (np.arctanh, lambda x: mp.atanh(x), 1),
    "logaddexp(x, 1)": (lambda x: np.logaddexp(x, 1.0), lambda x: 1 + softplus(x - 1), 1),
    "logaddexp(1, x)": (lambda x: np.logaddexp(1.0, x), lambda x: 1 + softplus(x - 1), 1),
    "hypot(x, 2)": (lambda x: np.hypot(x, 2.0), lambda x: mp.sqrt(x * x + 4), 1),
    "arctan2(x, 2)": (lambda x: np.arctan2(x, 2.0), lambda x: mp.atan(x / 2), 1),
    "arctan2(2, x)": (lambda x: np.arctan2(2.0, x), lambda x: mp.atan2(2, x), 1),
    "x ** 3": (lambda x: x**3, lambda x: x**3, 2),
    "x ** -2": (lambda x: x**-2.0, lambda x: x**-2, 1),
    "0.1 ** x": (lambda x: 0.1**x, lambda x: mp.mpf(0.1) ** x, 1),
}
ACTIVATIONS: dict[str, tuple[Any, Any, int]] = {
    "elu": (F.elu, lambda x: x if x > 0 else mp.expm1(x), 1),
    "celu": (lambda x: F.celu(x, 2.0), lambda x: x if x > 0 else 2 * mp.expm1(x / 2), 1),
    "sigmoid": (F.sigmoid, logistic, 2),
    "log_sigmoid": (F.log_sigmoid, lambda x: -softplus(-x), 2),
    "softplus": (F.softplus, softplus, 2),
    "softsign": (F.softsign, lambda x: x / (1 + abs(x)), 1),
    "silu": (F.silu, lambda x: x * logistic(x), 2),
    "mish": (F.mish, lambda x: x * mp.tanh(softplus(x)), 2),
    "gelu": (F.gelu, lambda x: x * normal_cdf(x), 2),
    "gelu, approximate": (
        lambda x: F.gelu(x, approximate=True),
        lambda x: x * logistic(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf(0.044715) * x**3)),
        1,
    ),
    "softmax of the larger": (lambda x: F.softmax(pair(x))[..., 0], logistic, 2),
    "softmax of the other": (lambda x: F.softmax(pair(x))[..., 1], lambda x: logistic(-x), 1),
    "softmax over the first axis": (lambda x: F.softmax(np.stack([x, 0 * x]), 0)[0], logistic, 1),
    "log_softmax": (lambda x: F.log_softmax(pair(x))[..., 0], lambda x: -softplus(-x), 2),
    "logsumexp": (lambda x: F.logsumexp(pair(x), -1), softplus, 2),
    **{
        f"sigmoid_cross_entropy, {t}, {weight}": (
            lambda x, t=t, weight=weight: F.sigmoid_cross_entropy(
                x, targets(x, t), pos_weight=weight, reduction="none"
            ),
            lambda x, t=t, weight=weight: (weight or 1) * softplus(-x) if t else softplus(x),
            2,
        )
        for t in (0, 1)
        for weight in (None, 3.0)
    },
    **{
        f"softmax_cross_entropy, {t}": (
            lambda x, t=t: F.softmax_cross_entropy(pair(x), targets(x, t), reduction="none"),
            lambda x, t=t: softplus(x) if t else softplus(-x),
            2,
        )
        for t in (0, 1)
    },
    "softmax_cross_entropy of probabilities": (
        lambda x: F.softmax_cross_entropy(pair(x), pair(np.ones(x.shape)), reduction="none"),
        lambda x: softplus(-x),
        1,
    ),
}
SCIPY: dict[str, tuple[Any, Any, int]] = (
    {}
    if special is None
    else {
        "expit": (special.expit, logistic, 3),
        "log_expit": (special.log_expit, lambda x: -softplus(-x), 2),
        "logit": (special.logit, lambda x: mp.log(x / (1 - x)), 1),
        "erf": (special.erf, lambda x: mp.erf(x), 1),
        "erfc": (special.erfc, lambda x: mp.erfc(x), 1),
        "erfcx": (special.erfcx, lambda x: mp.exp(x * x) * mp.erfc(x), 1),
        "erfi": (special.erfi, lambda x: mp.erfi(x), 1),
        "dawsn": (special.dawsn, lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), 1),
        "ndtr": (special.ndtr, normal_cdf, 1),
        "log_ndtr": (special.log_ndtr, lambda x: mp.log(normal_cdf(x)), 1),
        "exprel": (special.exprel, lambda x: mp.expm1(x) / x, 1),
        "entr": (special.entr, lambda x: -x * mp.log(x), 1),
        "pseudo_huber(2, x)": (
            lambda x: special.pseudo_huber(2.0, x),
            lambda x: 4 * (mp.sqrt(1 + (x / 2) ** 2) - 1),
            1,
        ),
        "pseudo_huber(x, 2)": (
            lambda x: special.pseudo_huber(x, 2.0),
            lambda x: x * x * (mp.sqrt(1 + (2 / x) ** 2) - 1),
            1,
        ),
        "i0e": (special.i0e, lambda x: mp.exp(-abs(x)) * mp.besseli(0, x), 1),
        "i1e": (special.i1e, lambda x: mp.exp(-abs(x)) * mp.besseli(1, x), 1),
    }
)
BESSEL = ("i0e", "i1e")


def digits_for(name: str, x: float) -> int:
    """How many digits the difference of two values needs: as many as cancel, for what is no subnormal number."""
    if name in BESSEL:
        return 2 * DIGITS
    return DIGITS + (int(min(abs(x) + x * x, 370.0)) if abs(x) > 1e-6 else 100)


def exact(name: str, f: Callable[[Any], Any], x: float, order: int) -> Any:
    """A derivative by differences at a relative step, with many digits; None where there is none."""
    with mp.workdps(digits_for(name, x)):
        point = mp.mpf(x)
        try:
            found = mp.diff(lambda u: f(point * (1 + u)), 0, order) / point**order
        except (ValueError, ZeroDivisionError, OverflowError, TypeError):
            return None  # outside of the domain
        return None if isinstance(found, mp.mpc) or not mp.isfinite(found) else found


def derivative(f: Callable[[Any], Any], x: Any, order: int) -> Any:
    """The derivative of an elementwise function at each element of an array."""
    v = Variable(x)
    with np.errstate(all="ignore"):
        y = f(v)
        for step in range(order):
            v.cleargrad()
            np.sum(y).backward(create_graph=step < order - 1)
            y = v.grad
    return y


@unittest.skipIf(mp is None, "needs mpmath: pip install wengert[test]")
class TailsTest(unittest.TestCase):
    def check(self, table: dict[str, tuple[Any, Any, int]], dtype: Any) -> None:
        limits = np.finfo(dtype)
        with np.errstate(over="ignore"):
            points = POINTS.astype(dtype)
        points = points[np.isfinite(points) & (np.abs(points) >= limits.tiny)]
        for name, (f, by_mpmath, orders) in table.items():
            for order in range(1, 1 + (orders if dtype is np.float64 else 1)):
                size = np.abs(points)
                points_of_this = points[
                    (size > (1e-6 if order > 1 else 0)) & (size < (1e18 if name in BESSEL else np.inf))
                ]
                with self.subTest(name, order=order, dtype=dtype.__name__):
                    self.assertEqual(self.wrong(name, f, by_mpmath, points_of_this, order), [])

    def wrong(self, name: str, f: Any, by_mpmath: Any, points: Any, order: int) -> list[Any]:
        limits = np.finfo(points.dtype)
        values = f(points)
        found = derivative(f, points, order)
        wrong = []
        for x, y, gx in zip(points.tolist(), values.tolist(), found.tolist(), strict=True):
            right = exact(name, by_mpmath, x, order)
            if right is None or not np.isfinite(y) or not 8 * limits.tiny < abs(right) < float(limits.max) / 8:
                continue
            tolerance = 1e-6
            if points.dtype == np.float32:  # and what the rounding of intermediate arguments does
                slope = exact(name, by_mpmath, x, order + 1)
                tolerance = 4 * limits.eps * (16 + float(min(abs(slope * x / right), 1e6)))
            if not abs(gx - right) <= tolerance * abs(right):
                wrong.append((x, gx, float(right)))
        return wrong

    def setUp(self) -> None:
        silent = np.errstate(all="ignore")
        silent.__enter__()
        self.addCleanup(silent.__exit__, None, None, None)

    def test_ufuncs(self) -> None:
        self.check(NUMPY, np.float64)
        self.check(NUMPY, np.float32)

    def test_activations_and_losses(self) -> None:
        self.check(ACTIVATIONS, np.float64)
        self.check(ACTIVATIONS, np.float32)

    @unittest.skipIf(special is None, "needs scipy")
    def test_scipy_special(self) -> None:
        self.check(SCIPY, np.float64)
        self.check(SCIPY, np.float32)


TAILS: dict[str, tuple[Any, Any]] = {
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sigmoid": (F.sigmoid, lambda x: 0.25 / np.cosh(x / 2) ** 2),
    "arcsinh": (np.arcsinh, lambda x: 1 / np.hypot(x, 1)),
    "sigmoid_cross_entropy": (
        lambda x: F.sigmoid_cross_entropy(x, targets(x, 1), reduction="sum"),
        lambda x: -np.exp(-np.logaddexp(x, 0)),
    ),
    "gelu, approximate": (lambda x: F.gelu(x, approximate=True), None),
}


class ArraysTest(unittest.TestCase):
    """Many elements are computed otherwise than few."""

    def test_many_elements(self) -> None:
        for dtype, rtol in ((np.float64, 1e-6), (np.float32, 2e-3)):
            middle = np.random.default_rng(0).normal(size=1000)
            for last in (0.0, 3.0, 6.0, 11.0, 20.0, 60.0, -60.0, 300.0):
                x = np.append(middle, last).astype(dtype)
                for name, (f, slope) in TAILS.items():
                    if slope is not None:
                        with self.subTest(name, dtype=dtype.__name__, last=last):
                            right = slope(x.astype(float))
                            right = np.where(np.abs(right) < np.finfo(dtype).tiny, 0, right)
                            np.testing.assert_allclose(derivative(f, x, 1), right, rtol, atol=np.finfo(dtype).tiny)

    def test_not_a_number_hides_nothing(self) -> None:
        x = np.zeros(1000)
        x[0], x[1] = np.nan, 20.0
        for f in (np.tanh, F.sigmoid):
            found = derivative(f, x, 1)
            self.assertTrue(np.isnan(found[0]))
            np.testing.assert_allclose(found[1:3], derivative(f, x[1:3], 1), rtol=1e-6)

    def test_kinds_of_arrays(self) -> None:
        for f in (np.tanh, F.sigmoid, np.arcsinh):
            for x in (np.zeros((0, 3)), np.zeros(()), np.zeros((2, 3), np.float16), np.zeros((300, 2)).T):
                found = derivative(f, x, 1)
                self.assertEqual((found.shape, found.dtype), (x.shape, x.dtype))
                np.testing.assert_array_equal(found, 0.25 if f is F.sigmoid else 1)

    def test_complex_numbers(self) -> None:
        for size in (3, 500):
            z = np.full(size, 20 + 1j)
            z[0], z[1] = -400 + 1j, 1e200 - 1e200j
            v = Variable(z)
            with np.errstate(all="ignore"):
                np.sum(np.real(np.tanh(v))).backward()
            np.testing.assert_allclose(np.conjugate(v.grad[2]), 4 * np.exp(-2 * z[2]), rtol=1e-12)
            np.testing.assert_array_equal(v.grad[:2], 0)
            v = Variable(z)
            np.sum(np.real(np.arcsinh(v))).backward()
            right = [1 / (1e200 - 1e200j), 1 / (1 + (20 + 1j) ** 2) ** 0.5]
            np.testing.assert_allclose(np.conjugate(v.grad[1:3]), right, rtol=1e-12)

    def test_probabilities(self) -> None:
        p = np.array([1e-300, 1e-30, 0.5, 0.0, 1.0])
        loss = lambda t: lambda p: F.binary_cross_entropy(p, np.full(p.shape, t), reduction="sum")  # noqa: E731
        np.testing.assert_allclose(derivative(loss(1.0), p, 1), [-1e300, -1e30, -2, -1e12, -1])
        np.testing.assert_allclose(derivative(loss(0.0), p, 1), [1, 1, 2, 1, 1e12])
        x = np.array([-80.0, -3.0, 10.0])
        found = derivative(lambda x: loss(1.0)(F.sigmoid(x)), x, 1)
        np.testing.assert_allclose(found, derivative(lambda x: -np.sum(F.log_sigmoid(x)), x, 1), rtol=1e-12)

    @unittest.skipIf(special is None, "needs scipy")
    def test_scaled_bessel_functions(self) -> None:
        for dtype, rtol in ((np.float64, 1e-6), (np.float32, 1e-5)):
            x = np.array([30.0, 1e4, 1e12], dtype)
            for f, sign in ((special.k0e, -1), (special.k1e, 3)):
                slope = -(0.5 + sign / 8 / x.astype(float)) * f(x.astype(float)) / x
                np.testing.assert_allclose(derivative(f, x, 1)[1:], slope[1:], rtol=2 * rtol)
                np.testing.assert_allclose(derivative(f, x, 1)[0], slope[0], rtol=1e-3)

    @needs_llvm
    def test_compiled_as_eager(self) -> None:
        for dtype, rtol in ((np.float64, 1e-9), (np.float32, 1e-5)):
            x = np.array([0.0, 0.3, -2.0, 9.0, -12.0, 20.0, 60.0, -60.0, 300.0, 1e20, -1e25], dtype)
            for name, (f, _) in TAILS.items():
                g = wengert.grad(lambda x: np.sum(f(x)))  # noqa: B023
                compiled = compile(g)
                with self.subTest(name, dtype=dtype.__name__), np.errstate(all="ignore"):
                    for _ in range(3):
                        tiny = np.finfo(dtype).tiny
                        np.testing.assert_allclose(compiled(x), g(x), rtol=rtol, atol=4 * tiny)


if __name__ == "__main__":
    unittest.main()
