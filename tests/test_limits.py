"""Gradients of 0 times infinity: 0 behind a selection, a limit of a smooth composition, else NaN."""

import unittest
import unittest.mock
import warnings
from typing import Any, ClassVar

import numpy as np

import wengert
from tests.installed import needs_llvm
from wengert import Variable, checkpoint, grad, hessian, hvp, jacobian, jvp
from wengert.singular.limit import agreed
from wengert.singular.squares import is_root_of_squares


def matern(r: Any) -> Any:
    return (1 + np.sqrt(3) * r) * np.exp(-np.sqrt(3) * r)


def distances(x: Any) -> Any:
    return np.sqrt(np.sum((x[:, None] - x[None, :]) ** 2, axis=-1))


# name: function, point, gradient, hessian (None where it may be NaN)
SMOOTH: dict[str, tuple[Any, Any, Any, Any]] = {
    "cube of a cube root": (lambda x: np.sum(np.cbrt(x) ** 3), [0.0, 1.0], [1, 1], None),
    "fourth power of a root": (lambda x: np.sum(np.sqrt(x) ** 4), [0.0, 1.0], [0, 2], np.diag([2, 2])),
    "square of a root": (lambda x: np.sum(np.sqrt(x) ** 2), [0.0, 2.0], [1, 1], np.zeros((2, 2))),
    "powers": (lambda x: np.sum((x**0.25) ** 4), [0.0, 1.0], [1, 1], None),
    "array of powers": (
        lambda x: np.sum((x ** np.array([0.5, 0.25])) ** np.array([2.0, 4.0])),
        [0.0, 0.0],
        [1, 1],
        None,
    ),
    "cube root of a product": (lambda x: np.sum(np.cbrt(x * x * x)), [0.0, -1.0], [1, 1], None),
    "cube root of a cube": (lambda x: np.sum(np.cbrt(x**3)), [0.0, -1.0], [1, 1], None),
    "parallel resistors": (lambda x: 1 / np.sum(1 / x), [0.0, 2.0, 5.0], [1, 0, 0], None),
    "reciprocals": (lambda x: np.sum(1 / (1 / x)), [0.0, 2.0], [1, 1], None),
    "reciprocal ufunc": (lambda x: np.sum(np.reciprocal(np.reciprocal(x))), [0.0, -2.0], [1, 1], None),
    "product by logarithms": (lambda x: np.exp(np.sum(np.log(x))), [0.0, 2.0, 3.0], [6, 0, 0], None),
    "cosine of an arccosine": (lambda x: np.sum(np.cos(np.arccos(x))), [1.0, -1.0, 0.5], [1, 1, 1], None),
    "sine of an arcsine": (lambda x: np.sum(np.sin(np.arcsin(x))), [1.0, -1.0], [1, 1], None),
    "cosh of an arccosh": (lambda x: np.sum(np.cosh(np.arccosh(x))), [1.0, 2.0], [1, 1], None),
    "logarithm of an exponential": (lambda x: np.sum(np.log(np.exp(x))), [800.0, 1.0], [1, 1], None),
    "softmax by hand": (lambda x: np.log(np.sum(np.exp(x))), [800.0, 800.0], [0.5, 0.5], None),
    "logistic by hand": (lambda x: np.sum(1 / (1 + np.exp(-x))), [-800.0, 0.0], [0, 0.25], None),
    "arctangent of a reciprocal": (lambda x: np.sum(np.arctan(1 / x)), [0.0, 1.0], [-1, -0.5], None),
    "loss against targets": (lambda x: np.sum((np.cbrt(x) ** 3 - np.arange(2.0)) ** 2), [0.0, 0.0], [0, -2], None),
    "inner product of roots": (lambda x: np.sqrt(x) @ np.sqrt(x), [0.0, 2.0], [1, 1], None),
    "squared norm": (lambda x: np.linalg.norm(x) ** 2, [0.0, 0.0], [0, 0], 2 * np.eye(2)),
    "cosine of a norm": (lambda x: np.cos(np.linalg.norm(x)), [0.0, 0.0], [0, 0], -np.eye(2)),
    "power of a 4-norm": (lambda x: np.linalg.norm(x, 4) ** 4, [0.0, 0.0], [0, 0], np.zeros((2, 2))),
    "squared norms of rows": (
        lambda x: np.sum(np.linalg.norm(np.reshape(x, (2, 2)), axis=1) ** 2),
        [0.0, 0.0, 1.0, 2.0],
        [0, 0, 2, 4],
        2 * np.eye(4),
    ),
    "root of a sum of squares": (lambda x: np.cos(np.sqrt(np.sum(x * x))), [0.0, 0.0], [0, 0], -np.eye(2)),
    "root of a sum of powers": (lambda x: np.cosh(np.sqrt(np.sum(x**2))), [0.0, 0.0], [0, 0], np.eye(2)),
    "hypot": (lambda x: np.hypot(x[0], x[1]) ** 2, [0.0, 0.0], [0, 0], 2 * np.eye(2)),
    "hypot with a constant": (lambda x: np.sum(np.hypot(x, 0.0) ** 2), [0.0, 1.0], [0, 2], 2 * np.eye(2)),
    "squared absolute value": (lambda x: np.sum(np.abs(x) ** 2), [0.0, -1.0], [0, -2], 2 * np.eye(2)),
    "squared largest element": (lambda x: np.linalg.norm(x, np.inf) ** 2, [0.0], [0], [[2]]),
    "squared fabs": (lambda x: np.sum(np.fabs(x) ** 2), [0.0, -1.0], [0, -2], 2 * np.eye(2)),
    "cosine of an absolute value": (lambda x: np.sum(np.cos(np.abs(x))), [0.0, 0.0], [0, 0], -np.eye(2)),
    "absolute value of a complex number": (lambda x: np.abs(x[0] + 1j * x[1]) ** 2, [0.0, 0.0], [0, 0], 2 * np.eye(2)),
    "hypot of dependent values": (lambda x: np.sum(np.hypot(x, np.sin(x)) ** 2), [0.0, 0.0], [0, 0], 4 * np.eye(2)),
    "maximum": (lambda x: np.sum(np.maximum(x, -x) ** 2), [0.0, -1.0], [0, -2], 2 * np.eye(2)),
    "range of two": (
        lambda x: (np.maximum(x[0], x[1]) - np.minimum(x[0], x[1])) ** 2,
        [1.0, 1.0],
        [0, 0],
        [[2, -2], [-2, 2]],
    ),
    "functions without extended precision": (
        lambda x: np.linalg.det(np.cbrt(x) ** 3 * np.eye(2) + np.eye(2)),
        [0.0],
        [2],
        None,
    ),
    "polar coordinates": (
        lambda x: np.hypot(x[0], x[1]) ** 2 * np.sin(2 * np.arctan2(x[1], x[0])) / 2,
        [0.0, 0.0],
        [0, 0],
        [[0, 1], [1, 0]],
    ),
    "factors of one value taken twice": (lambda x: np.cbrt(x[0]) ** 2 * np.cbrt(x[0]), [0.0], [1], None),
    "squared deviation": (lambda x: np.std(x) ** 2, [1.0, 1.0], [0, 0], [[0.5, -0.5], [-0.5, 0.5]]),
    "Matern kernel of a norm": (lambda x: matern(np.linalg.norm(x)), [0.0, 0.0], [0, 0], -3 * np.eye(2)),
    "Matern kernel of coincident points": (
        lambda x: np.sum(matern(distances(np.reshape(x, (2, 1))))),
        [0.3, 0.3],
        [0, 0],
        [[-6, 6], [6, -6]],
    ),
}

# name: function, point; there is no derivative
UNDEFINED: dict[str, tuple[Any, Any]] = {
    "quotient": (lambda x: x[0] / x[1] * x[1] / x[0], [0.0, 0.0]),
    "absolute value by a cube root": (lambda x: np.sum(np.abs(np.cbrt(x) ** 3)), [0.0]),
    "two sides": (lambda x: np.sum(np.exp(-(1 / x))), [0.0]),
}

MASKED: dict[str, Any] = {
    "where": lambda x: np.where(x > 0, np.sqrt(x), 0),
    "logarithm": lambda x: np.where(x > 0, np.log(x), 0),
    "power": lambda x: np.where(x > 0, x**-1.5, 0),
    "functions after it": lambda x: np.tanh(np.where(x > 0, np.log(x), 0)) ** 2,
    "functions before it": lambda x: np.where(x > 0, np.exp(np.sqrt(x)), 0),
    "index": lambda x: np.sqrt(x)[1:],
    "take": lambda x: np.take(np.sqrt(x), [2, 1]),
    "boolean index": lambda x: np.sqrt(x)[x > 0],
    "clip": lambda x: np.clip(1 / x, 0, 5),
    "boolean factor": lambda x: (x > 0) * np.sqrt(x),
    "maximum": lambda x: np.maximum(np.sqrt(x), 0.5),
    "max": lambda x: np.max(np.sqrt(x)),
    "product before it": lambda x: np.where((x > 0)[:, None], np.sqrt(x)[:, None] @ np.ones((1, 3)), 0),
    "differences": lambda x: np.diff(np.where(x > 0, np.sqrt(x), 0)),
    "where= of a sum": lambda x: np.sum(np.sqrt(x), where=x > 0),
    "choose": lambda x: np.choose((x > 0).astype(int), [np.zeros(3), np.log(x)]),
    "select": lambda x: np.select([x > 0], [np.sqrt(x)], 0),
    "product with a pole": lambda x: np.where(x > 0, x * np.log(x), 0),
    "beside others": lambda x: np.where(x > 0, x**2 * np.log(x), 0) + np.where(x > 0, np.sin(x) / x, 1),
    "relu": lambda x: wengert.functions.relu(np.sqrt(x) - 0.5),
    "padding": lambda x: np.pad(np.sqrt(x)[1:], 1),
}


def total(f: Any) -> Any:
    return lambda x: np.sum(f(x))


class Quiet(unittest.TestCase):
    def setUp(self) -> None:
        state = np.errstate(all="ignore")
        state.__enter__()
        self.addCleanup(state.__exit__, None, None, None)


class SmoothTest(Quiet):
    def test_first_derivatives(self) -> None:
        for name, (f, point, first, _) in SMOOTH.items():
            with self.subTest(name):
                np.testing.assert_allclose(grad(f)(np.array(point)), first, rtol=1e-7, atol=1e-15)
                x = Variable(np.array(point))
                f(x).backward()
                np.testing.assert_allclose(x.grad, first, rtol=1e-7, atol=1e-15)

    def test_second_derivatives(self) -> None:
        for name, (f, point, _, second) in SMOOTH.items():
            with self.subTest(name):
                found = hessian(f)(np.array(point))
                if second is None:  # the terms of the second derivative cancel, and rounding may hide its limit
                    near = hessian(f)(np.array(point) * (1 - 1e-3) + 1e-3 * (np.array(point) == 0))
                    known = np.isfinite(found) & np.isfinite(near)
                    np.testing.assert_allclose(found[known], near[known], rtol=1e-2, atol=1e-2)
                else:
                    np.testing.assert_allclose(found, second, rtol=1e-6, atol=1e-12)

    def test_float32(self) -> None:
        for name, (f, point, first, _) in SMOOTH.items():
            if name not in ("logarithm of an exponential", "softmax by hand", "logistic by hand"):
                with self.subTest(name):
                    found = grad(f)(np.array(point, np.float32))
                    self.assertEqual(found.dtype, np.float32)
                    np.testing.assert_allclose(found, first, rtol=1e-5, atol=1e-6)

    def test_zero_dimensional_and_exact(self) -> None:
        self.assertEqual(float(grad(lambda x: np.cbrt(x) ** 3)(np.array(0.0))), 1.0)
        self.assertEqual(float(grad(lambda x: 1 / (1 / x))(np.array(0.0))), 1.0)

    def test_products_with_vectors(self) -> None:
        value, slope = jvp(lambda x: np.sqrt(x) ** 2, [np.zeros(2)], [np.array([1.0, 2.0])])
        np.testing.assert_array_equal(value, [0, 0])
        np.testing.assert_allclose(slope, [1, 2])
        (found,) = hvp(lambda x: np.linalg.norm(x) ** 2, [np.zeros(3)], [np.ones(3)])
        np.testing.assert_allclose(found, [2, 2, 2])
        np.testing.assert_allclose(jacobian(lambda x: np.cbrt(x) ** 3)(np.zeros(2)), np.eye(2))

    def test_mixed_derivatives(self) -> None:
        def slope(scale: Any) -> Any:  # -3 scale^2 x, at x = 0
            return hessian(lambda x: np.cos(scale * np.linalg.norm(x)))(np.zeros(2))

        np.testing.assert_allclose(slope(2.0), -4 * np.eye(2), rtol=1e-6)

    def test_complex_numbers(self) -> None:
        z = np.array([0j, 1 + 2j])
        np.testing.assert_allclose(grad(lambda z: np.sum(np.abs(z) ** 2))(z), 2 * z)
        np.testing.assert_allclose(grad(lambda z: np.real(np.sum(np.sqrt(z) ** 2)))(z), [1, 1], rtol=1e-6)


class RootOfSquaresTest(Quiet):
    forms: ClassVar[dict[str, Any]] = {
        "power": lambda d: np.sqrt(np.sum(d**2, axis=-1)),
        "square": lambda d: np.sqrt(np.sum(np.square(d), axis=-1)) / 3,
        "product": lambda d: np.sqrt(np.sum(d * d, -1, keepdims=True)),
        "mean": lambda d: np.sqrt(np.mean(d * d, axis=-1)),
        "einsum": lambda d: np.sqrt(np.einsum("ij,ij->i", d, d)),
        "components": lambda d: (np.square(d[:, 0]) + d[:, 1] ** 2) ** 0.5,
        "scaled": lambda d: np.sqrt(np.sum(2 * d**2 / 3.0, axis=1)),
        "variance": lambda d: np.sqrt(np.var(d, axis=1)),
    }

    def test_no_limit_is_looked_for(self) -> None:
        x = np.array([[0.0, 0.0], [1.0, 2.0]])
        with unittest.mock.patch("wengert.singular.products.limits", side_effect=AssertionError):
            for name, form in self.forms.items():
                with self.subTest(name):
                    found = grad(lambda x, form=form: np.sum(matern(form(x))))(x)
                    np.testing.assert_array_equal(found[0], 0)
                    away = grad(lambda x, form=form: np.sum(matern(form(x))))(x[1:])
                    np.testing.assert_allclose(found[1:], away)

    def test_others_are_told_apart(self) -> None:
        for f in (
            lambda x: np.sqrt(np.sum(x)),
            lambda x: np.sqrt(np.sum(x * np.abs(x))),
            lambda x: np.sqrt(np.sum(x**2 - x**2 + x)),
            lambda x: np.sqrt(np.einsum("i,j->", x, x)),
            lambda x: np.cbrt(np.sum(x * x)),
        ):
            y = f(Variable(np.array([0.0, 1.0])))
            self.assertFalse(is_root_of_squares(y.creator))
        self.assertEqual(grad(lambda x: np.sqrt(x) ** 2)(0.0), 1)


class UndefinedTest(Quiet):
    def test_is_nan(self) -> None:
        for name, (f, point) in UNDEFINED.items():
            with self.subTest(name):
                self.assertTrue(np.isnan(grad(f)(np.array(point))).all())

    def test_second_derivative_of_a_norm(self) -> None:
        self.assertFalse(np.isfinite(hessian(np.linalg.norm)(np.zeros(2))).any())

    def test_ties(self) -> None:
        self.assertEqual(hessian(lambda x: np.maximum(x, 0.0) ** 2)(0.0), 0.5)  # with a constant, by the shares
        self.assertTrue(np.isnan(np.diag(hessian(lambda x: np.maximum(x[0], x[1]) ** 2)(np.zeros(2)))).all())

    def test_a_distance_of_0_is_differentiated_as_a_norm(self) -> None:
        for f in (
            lambda x: np.sqrt(np.sum(x * x)),
            lambda x: ((x[0] - 1) ** 2 + (x[1] - 2) ** 2) ** 0.5,
            lambda x: (
                np.sum(np.sqrt(np.sum((x[None] - x[:, None]) ** 2, axis=-1))) if x.ndim > 1 else np.linalg.norm(x)
            ),
        ):
            x = np.array([1.0, 2.0]) if f(np.array([1.0, 2.0])) == 0 else np.zeros(2)
            np.testing.assert_array_equal(grad(f)(x), 0)
            self.assertFalse(np.isfinite(np.diag(hessian(f)(x))).any())

    def test_products_of_signs(self) -> None:
        self.assertTrue(np.isnan(hessian(lambda x: np.abs(x[0] * x[1]))(np.zeros(2))[0, 1]))

    def test_infinite_derivatives_stay_infinite(self) -> None:
        np.testing.assert_array_equal(grad(total(np.sqrt))(np.array([0.0, 4.0])), [np.inf, 0.25])
        np.testing.assert_array_equal(grad(lambda x: np.sum(1 / x))(np.array([2.0, 0.0])), [-0.25, -np.inf])
        np.testing.assert_array_equal(grad(total(checkpoint(np.sqrt)))(np.array([0.0, 4.0])), [np.inf, 0.25])

    def test_gradients_that_go_by_an_order_are_not_moved(self) -> None:
        x = np.array([2.0, 2.0])
        alone = hessian(lambda x: np.sum(np.sin(np.sort(x) ** 2)))(x)
        np.testing.assert_allclose(alone, np.diag(np.diag(alone)))
        found = hessian(lambda x: np.sum(np.sin(np.sort(x) ** 2)) + np.std(x) ** 2)(x)
        true = alone + np.array([[0.5, -0.5], [-0.5, 0.5]])
        np.testing.assert_allclose(found[np.isfinite(found)], true[np.isfinite(found)])

    def test_ties_of_extremes_beside_a_limit_are_not_moved(self) -> None:
        def kernel(x: Any) -> Any:
            return np.exp(-(np.linalg.norm(x[:, None] - x[None], axis=-1) ** 2))

        for f in (
            lambda x: np.sum(np.sin(np.linalg.norm(kernel(x), np.inf, axis=0))),
            lambda x: np.sum(np.sin(np.max(kernel(x), axis=0))),
            lambda x: np.sum(np.sin(np.partition(x, 0, axis=0))) + np.sum(kernel(x)),
        ):
            found = hessian(f)(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]))
            self.assertFalse(np.isfinite(found[0, 0, 0, 0]))

    def test_hooks_are_not_passed_over(self) -> None:
        x = Variable(np.array(0.0))
        y = np.cbrt(x)
        y.register_hook(lambda gy: 2 * gy)
        (y**3).backward()
        self.assertTrue(np.isnan(x.grad))  # the record cannot be made again with what the hook does

    def test_inside_a_checkpoint(self) -> None:
        self.assertTrue(np.isnan(grad(checkpoint(lambda x: np.cbrt(x) ** 3))(0.0)))


class MaskedTest(Quiet):
    x = np.array([0.0, 1.0, 4.0])

    def test_masks_stay_zero_to_any_order(self) -> None:
        for name, f in MASKED.items():
            with self.subTest(name):
                apart = self.x + np.array([1e-3, 0, 0])
                first = grad(total(f))
                self.assertEqual(first(self.x)[0], 0)
                np.testing.assert_allclose(first(self.x)[1:], first(apart)[1:])
                second = grad(total(lambda x, first=first: first(x) ** 2))
                self.assertEqual(second(self.x)[0], 0)
                np.testing.assert_allclose(second(self.x)[1:], second(apart)[1:])
                third = grad(total(lambda x, second=second: second(x) ** 2))
                self.assertEqual(third(self.x)[0], 0)
                rows = hessian(total(f))(self.x)
                np.testing.assert_array_equal(rows[0], 0)
                np.testing.assert_array_equal(rows[:, 0], 0)

    def test_masks_inside_a_checkpoint(self) -> None:
        f = checkpoint(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0)))
        np.testing.assert_array_equal(grad(f)(self.x), [0, 0.5, 0.25])
        g = checkpoint(np.sqrt)
        np.testing.assert_array_equal(grad(lambda x: np.sum(np.where(x > 0, g(x), 0)))(self.x), [0, 0.5, 0.25])

    def test_a_mask_and_a_limit(self) -> None:
        def f(x: Any) -> Any:
            return np.sum(np.where(np.arange(3) < 2, np.cbrt(x) ** 3, 0))

        np.testing.assert_array_equal(grad(f)(np.zeros(3)), [1, 1, 0])

    def test_a_mask_beside_a_sum(self) -> None:
        found = grad(lambda x: np.sum(np.where(x > 0, x * np.log(x), 0) + x**2))(self.x)
        np.testing.assert_allclose(found, [0, 3, 9 + np.log(4.0)])

    def test_rows_of_a_jacobian(self) -> None:
        found = jacobian(np.sqrt)(np.array([0.0, 1.0]))
        np.testing.assert_array_equal(found, [[np.inf, 0], [0, 0.5]])


class AgreementTest(unittest.TestCase):
    def test_of_directions_and_distances(self) -> None:
        ones = np.ones((4, 1), np.longdouble)
        signs = np.array([[1], [2], [-1], [1]])
        self.assertEqual(agreed(9 * ones, 3 * ones, 3 * ones), 3)
        self.assertTrue(np.isnan(agreed(ones, 3 * ones, 4 * ones)))
        self.assertTrue(np.isnan(agreed(ones, ones, ones * signs)))
        self.assertEqual(agreed(1e-3 * ones, 1e-6 * ones, 1e-10 * ones * signs), 0)
        self.assertTrue(np.isnan(agreed(ones, ones, 1e-10 * ones)))
        self.assertTrue(np.isnan(agreed(1e-3 * ones, 1e-6 * ones, 0 * ones)))  # rounded to 0
        self.assertEqual(agreed(ones, 1e3 * ones, 1e9 * ones), np.inf)
        self.assertTrue(np.isnan(agreed(ones, 1e3 * ones, 1e9 * ones * signs)))
        half = ones * np.array([[2], [2], [np.nan], [np.nan]])
        self.assertEqual(agreed(half, half, half), 2)  # the edge of a domain
        self.assertTrue(np.isnan(agreed(half, half, half * np.array([[1], [np.nan], [1], [1]]))))


@needs_llvm
class CompiledTest(Quiet):
    def same(self, f: Any, x: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = wengert.compile(f)
            for _ in range(4):
                np.testing.assert_allclose(compiled(x), f(x), rtol=1e-9, atol=1e-15)

    def test_limits(self) -> None:
        for name in (
            "cube of a cube root",
            "reciprocals",
            "product by logarithms",
            "squared norm",
            "squared deviation",
        ):
            f, point, _, _ = SMOOTH[name]
            with self.subTest(name):
                self.same(grad(f), np.array(point))
                self.same(hessian(f), np.array(point))

    def test_masks(self) -> None:
        for name in ("where", "logarithm", "index", "clip", "maximum", "product before it", "product with a pole"):
            with self.subTest(name):
                self.same(grad(total(MASKED[name])), MaskedTest.x)
                self.same(hessian(total(MASKED[name])), MaskedTest.x)

    def test_a_plan_serves_ordinary_values_and_leaves_singular_ones(self) -> None:
        f = grad(lambda x: np.sum(np.tanh(np.cbrt(x) ** 3)))
        compiled = wengert.compile(f)
        ordinary, singular = np.array([1.0, 2.0]), np.array([0.0, 2.0])
        for _ in range(3):
            for x in (ordinary, singular, ordinary):
                np.testing.assert_allclose(compiled(x), f(x), rtol=1e-12)
        self.assertIn("kernel", str(compiled.plan))

    def test_a_plan_has_one_guard_for_all_poles(self) -> None:
        f = wengert.compile(grad(lambda x: np.sum(np.log(np.exp(x) + 1) / (1 + np.sqrt(x)))))
        for _ in range(3):
            f(np.array([1.0, 2.0]))
        self.assertEqual(str(f.plan).count("guard "), 1, str(f.plan))


if __name__ == "__main__":
    unittest.main()
