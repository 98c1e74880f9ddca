"""Tangents where there is no derivative: NaN where the gradient is NaN, and nowhere else."""

import unittest
from typing import Any

import numpy as np

import wengert
from wengert import grad, jacobian, jvp, linearize
from wengert.transforms import products

# name: (function of an array, its derivative at zeros by the direction, or None where there is none)
AT_ZEROS: dict[str, tuple[Any, Any]] = {
    "sqrt(abs)": (lambda x: np.sqrt(np.abs(x)), None),
    "abs ** 0.5": (lambda x: np.abs(x) ** 0.5, None),
    "sqrt(abs) + x": (lambda x: np.sqrt(np.abs(x)) + x, None),
    "cbrt ** 3": (lambda x: np.cbrt(x) ** 3, 1.0),
    "sqrt * 0": (lambda x: np.sqrt(x) * 0.0, 0.0),
    "masked sqrt": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), 0.0),
}


class UndefinedTest(unittest.TestCase):
    def test_tangents_are_nan_where_gradients_are(self) -> None:
        directions = np.array([1.0, 1.0]), np.array([0.0, 2.0])
        for name, (f, slope) in AT_ZEROS.items():
            for dtype in (np.float64, np.float32):
                for v in directions:
                    with self.subTest(name, dtype=dtype, v=v):
                        x, t = np.zeros(2, dtype), v.astype(dtype)
                        expected = np.where(t == 0, 0, np.nan) if slope is None else slope * t
                        found = jvp(f, (x,), (t,))[1]
                        self.assertEqual(found.dtype, dtype)
                        np.testing.assert_array_equal(found, expected)
                        np.testing.assert_array_equal(linearize(f, x)[1](t), expected)
                        if slope is None:
                            rows = np.diag(jacobian(f, mode="reverse")(x))
                            np.testing.assert_array_equal(rows, np.full(2, np.nan))

    def test_only_the_results_that_have_none_are_nan(self) -> None:
        def f(x: Any) -> Any:
            return {"root": np.sqrt(np.abs(x[:2])), "cube": np.cbrt(x) ** 3, "sum": np.sum(x)}

        found = jvp(f, (np.array([0.0, 4.0, 0.0]),), (np.ones(3),))[1]
        np.testing.assert_allclose(found["root"], [np.nan, 0.25])
        np.testing.assert_allclose(found["cube"], np.ones(3))
        self.assertEqual(found["sum"], 3.0)

    def test_a_derivative_of_a_tangent_is_nan_too(self) -> None:
        with np.errstate(all="ignore"):
            found = grad(lambda x: np.sum(jvp(lambda x: np.sqrt(np.abs(x)) + x, (x,), (np.ones(2),))[1]))(
                np.array([0.0, 1.0])
            )
        self.assertTrue(np.isnan(found[0]))
        np.testing.assert_allclose(found[1], -0.25)

    def test_many_undefined_elements_end_the_search(self) -> None:
        x = np.zeros(2 * products.MOST_PASSES)
        found = jvp(lambda x: np.sqrt(np.abs(x)), (x,), (np.ones_like(x),))[1]
        self.assertTrue(np.isnan(found).all())

    def test_a_scalar_and_an_empty_array(self) -> None:
        self.assertTrue(np.isnan(jvp(lambda x: np.sqrt(abs(x)), (0.0,), (1.0,))[1]))
        empty = np.zeros((0, 3))
        self.assertEqual(wengert.jvp(lambda x: np.sqrt(np.abs(x)), (empty,), (empty,))[1].shape, (0, 3))


if __name__ == "__main__":
    unittest.main()
