"""Factors that are 0 at a point only: their derivatives are not lost beside infinite ones, masks and indices."""

import itertools
import unittest
from collections.abc import Iterator
from typing import Any

import numpy as np

import wengert
from tests.installed import needs_llvm
from wengert import compile, grad, hessian, jacobian
from wengert.functions.quantiles import with_slope

POINT = np.array([0.7, 1.3, 0.4, 2.1, 1.6])
MASK = np.array([True, False, True, True, False])


def values_of(x: Any) -> Any:
    return values_of(x.data) if isinstance(x, wengert.Variable) else x


# Each is 0 at POINT, and its first derivative or its second is not.
ZEROS: dict[str, Any] = {
    "difference": lambda v: v[1] - POINT[1],
    "differences": lambda v: v - POINT,
    "sines": lambda v: np.sin(np.pi * v / POINT),
    "logarithm": lambda v: np.log(v[3] / POINT[3]),
    "product": lambda v: (v[1] - POINT[1]) * np.sin(np.pi * v[2] / POINT[2]),
}
FACTORS: dict[str, Any] = {
    "quotient": lambda v: v / np.roll(v, 1),
    "root": np.sqrt,
    "power": lambda v: v ** np.roll(v, 2),
    "angle": lambda v: np.arctan2(v, np.roll(v, 1)),
    "norms": lambda v: np.linalg.norm(np.stack([v, np.roll(v, 1)]), axis=0),
    "largest": lambda v: np.linalg.norm(np.stack([v, 1.1 * v[::-1] + 0.01]), np.inf, axis=0),
    "interpolated": lambda v: np.interp(v / 10, [0, 0.1, 0.3], [0.0, 2.0, 1.5]),
    "quantiles": lambda v: np.quantile(v, np.stack([v[1] / 3, v[2] / 3, v[0] / 4, v[0] / 3, v[4] / 2])),
    "solved": lambda v: np.linalg.solve(np.diag(v) + 0.1 * np.ones((5, 5)) * v[1], v),
    "extremes": lambda v: np.maximum(np.sqrt(v), 1.1 * v / (v + 1)),
}
SELECTIONS: dict[str, Any] = {
    "all": lambda a, v: a,
    "index": lambda a, v: a[2],
    "indices": lambda a, v: a[[1, 3]],
    "mask": lambda a, v: np.where(MASK, a, 0),
    "mask by values": lambda a, v: np.where(values_of(v) > 1, a, 0),
    "constant condition": lambda a, v: np.where(False, a[0], a),
    "clip": lambda a, v: np.clip(a, 0.83, 10),
    "constant zeros": lambda a, v: a * MASK,
}
FORMS: dict[str, Any] = {
    "product": lambda z, b, s, v: np.sum(z) * np.sum(s(b, v)),
    "inside": lambda z, b, s, v: np.sum(s(z * b, v)),
    "square": lambda z, b, s, v: np.sum(s(b / (1 + z), v) / v[0]) ** 2,
    "exponent": lambda z, b, s, v: np.sum(s(b ** (1 + z), v) * v[1] / v[4]),
}


def programs(every: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    """List each so many of the programs."""
    tables = [ZEROS, FACTORS, SELECTIONS, FORMS]
    for names in itertools.islice(itertools.product(*tables), 0, None, every):
        z, b, s, form = [table[name] for table, name in zip(tables, names, strict=True)]
        yield names, lambda v, z=z, b=b, s=s, form=form: form(z(v), b(v), s, v)


def differences(f: Any, v: Any, step: float = 1e-6) -> Any:
    """Return the derivatives of `f` along each element, in the last axis."""
    return np.stack([(f(v + step * e) - f(v - step * e)) / (2 * step) for e in np.eye(v.size)], axis=-1)


class Quiet(unittest.TestCase):
    def setUp(self) -> None:
        self.enterContext(np.errstate(all="ignore"))

    def assertNear(self, found: Any, wanted: Any, tolerance: float = 1e-5) -> None:
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance * (1 + np.abs(wanted).max()))


class FactorTest(Quiet):
    def test_hessians(self) -> None:
        for names, f in programs(7):
            with self.subTest(names):
                found = hessian(f)(POINT)
                self.assertNear(found, differences(grad(f), POINT))
                self.assertNear(found, found.T, 1e-9)

    def test_third_derivatives(self) -> None:
        for names, f in programs(97):
            with self.subTest(names):
                found = jacobian(hessian(f))(POINT)
                self.assertNear(found, differences(hessian(f), POINT))

    def test_float32(self) -> None:
        for names, f in programs(97):
            with self.subTest(names):
                found = hessian(lambda v, f=f: f(v.astype(np.float32)).astype(float))(POINT)
                self.assertNear(found, differences(grad(f), POINT), 1e-2)

    @needs_llvm
    def test_compiled(self) -> None:
        for names, f in programs(53):
            with self.subTest(names):
                second = compile(hessian(f))
                self.assertNear(second(POINT), hessian(f)(POINT), 1e-9)
                self.assertNear(second(POINT + 0.01), hessian(f)(POINT + 0.01), 1e-9)


class QuantileTest(Quiet):
    def test_mixed_derivatives_of_probabilities_and_elements(self) -> None:
        point = np.array([0.1, 0.5, 0.9, 1.4, 2.0, 0.37])
        for name, f in {
            "square": lambda v: np.sum(np.quantile(v[:5], v[5])) ** 2,
            "one of several": lambda v: np.quantile(v[:5], np.stack([v[5], v[5] / 2]))[0] ** 2 / v[0],
            "masked": lambda v: np.sum(np.where([True, False], np.percentile(v[:5], 90 * v[4:]), 0) / v[1]) ** 2,
            "rows": lambda v: np.quantile(np.stack([v[:5], v[:5] / v[0]]), v[5], axis=1)[1] ** 3,
        }.items():
            with self.subTest(name):
                at = point if name != "masked" else np.concatenate([point[:4], [0.55, 0.37]])
                found = hessian(f)(at)
                self.assertNear(found, differences(grad(f), at))
                self.assertNear(found, found.T, 1e-9)

    def test_behind_a_condition_that_is_constant(self) -> None:
        def f(v: Any) -> Any:
            return np.sum(with_slope(v[0], np.reshape(v[1], ()), np.where(False, 0, v[0] / 1))) ** 2

        np.testing.assert_allclose(hessian(f)(np.array([0.1, 0.37])), [[2, 0.4], [0.4, 0.02]])

    def test_an_infinite_slope(self) -> None:
        a = np.array([0.0, 1.0, np.inf])
        self.assertEqual(np.quantile(a, 0.25), 0.5)
        self.assertEqual(grad(lambda q: np.quantile(a, q))(0.25), 2.0)

    def test_float32_stays(self) -> None:
        q = wengert.Variable(np.array([0.25, 0.5]))
        for kind in (np.float16, np.float32, np.float64):
            a = np.array([0, 1, 3], kind)
            self.assertEqual(np.quantile(a, q).dtype, np.quantile(a, q.data).dtype)


# What passes on its argument, of six elements, where its other values choose what it does.
PASSING: dict[str, Any] = {
    "interp": lambda a: np.interp(a, [-3.0, -0.5, 3.0], [-3.0, -0.5, 3.0]),
    "interp over a short interval": lambda a: np.interp(a / 8, [-0.375, -0.0625, 0.5], [-3.0, -0.5, 4.0]),
    "norm": lambda a: np.linalg.norm(np.stack([a + 5, 0 * a + 1]), np.inf, axis=0) - 5,
    "vector_norm": lambda a: np.linalg.vector_norm(np.stack([a + 5, 0 * a + 1]), ord=np.inf, axis=0) - 5,
    "prod": lambda a: np.prod(np.stack([a, 0 * a + 1.0]), axis=0),
    "matmul": lambda a: a @ np.eye(6),
    "solve": lambda a: np.linalg.solve(np.eye(6) * 2, 2 * a),
}


class BranchTest(Quiet):
    """Elements that a function passes on are not taken for masked ones because random values would not pass."""

    point = np.array([0.0, 1.3, 0.4, 0.0, 1.6, 0.7])

    def programs(self) -> Iterator[tuple[str, Any]]:
        for name, passing in PASSING.items():
            yield name, lambda v, f=passing: np.sum(f(np.cbrt(v))[np.array([0, 1, 3])] ** 3) * v[1]

    def test_a_limit_stays(self) -> None:
        x = self.point
        wanted = np.array([x[1], 2 * x[1], 0, x[1], 0, 0])  # of (v0 + v1 + v3) v1
        for name, f in self.programs():
            with self.subTest(name):
                found = grad(f)(x)
                if "norm" in name:  # (that of equal numbers elsewhere is not moved, and NaN)
                    found = np.where(np.isnan(found), wanted, found)
                self.assertNear(found, wanted)

    def test_its_derivative_is_right_or_not_finite(self) -> None:
        wanted = np.zeros((6, 6))
        wanted[1, [0, 3]] = wanted[[0, 3], 1] = 1
        wanted[1, 1] = 2
        for name, f in self.programs():
            with self.subTest(name):
                found = hessian(f)(self.point)
                self.assertNear(np.where(np.isfinite(found), found, wanted), wanted)

    @needs_llvm
    def test_compiled(self) -> None:
        for name, f in self.programs():
            with self.subTest(name):
                compiled = compile(grad(f))
                for point in (self.point, self.point + 0.01, self.point):
                    self.assertNear(compiled(point), grad(f)(point), 1e-9)

    def test_masked_elements_stay_zero(self) -> None:
        x = np.array([0.0, 1.0, 2.0])
        for name, passing in {
            "interp": lambda a: np.interp(a, [-1.0, 0.5, 3.0], [0.0, 1.0, 3.0]),
            "norm": lambda a: np.linalg.norm(np.stack([a, 0 * a + 0.5]), np.inf, axis=0),
        }.items():
            with self.subTest(name):

                def f(v: Any, passing: Any = passing) -> Any:
                    return np.sum(np.where(v > 0, passing(np.sqrt(v)), 0) * (v[1] - 1.0))

                self.assertEqual(grad(f)(x)[0], 0)
                self.assertTrue(np.all(hessian(f)(x)[0] == 0))


if __name__ == "__main__":
    unittest.main()
