"""Padding with values that have gradients themselves, and what padding refuses."""

import unittest
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wengert import Variable, check_grad


class PadTest(unittest.TestCase):
    def test_values_to_pad_with_may_be_variables(self) -> None:
        a, v = np.arange(1.0, 7.0).reshape(2, 3), np.array([[0.5, -1.0], [2.0, 3.0]])
        forms: list[tuple[Any, Any]] = [
            (lambda v: v, v),
            (lambda v: v[0], (0.5, -1.0)),
            (lambda v: v[0, 0], 0.5),
            (lambda v: ((v[0, 0], 7.0), [1.0, v[1, 1]]), ((0.5, 7.0), (1.0, 3.0))),
        ]
        widths = ((1, 2), (0, 3))
        for mode, name in (("constant", "constant_values"), ("linear_ramp", "end_values")):
            for form, values in forms:
                y = np.pad(Variable(a), widths, mode, **{name: form(Variable(v))})
                np.testing.assert_allclose(y.data, np.pad(a, widths, mode, **{name: values}), rtol=1e-12)
                check_grad(lambda a, v, m=mode, n=name, f=form: np.pad(a, widths, m, **{n: f(v)}), a, v)

    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(1, 4),
        st.tuples(st.integers(0, 9), st.integers(0, 9)),
        st.sampled_from(["edge", "wrap", "reflect", "symmetric"]),
        st.booleans(),
    )
    def test_copies_further_than_the_array_is_long(self, n: int, width: tuple[int, int], mode: str, odd: bool) -> None:
        kwargs: Any = {"reflect_type": "odd"} if odd and mode in ("reflect", "symmetric") else {}
        x = np.random.default_rng(n).standard_normal((n, 2))
        matrix = np.pad(np.eye(n), (width, (0, 0)), mode, **kwargs)
        variable = Variable(x)
        y = np.pad(variable, (width, (0, 0)), mode, **kwargs)
        np.testing.assert_allclose(y.data, matrix @ x, atol=1e-12)
        weights = np.random.default_rng(0).standard_normal(y.shape)
        np.sum(y * weights).backward()
        np.testing.assert_allclose(variable.grad, matrix.T @ weights, atol=1e-12)

    def test_equal_extremes_share(self) -> None:
        x = Variable(np.array([2.0, 1.0, 2.0]))
        np.sum(np.pad(x, (1, 0), "maximum")).backward()
        np.testing.assert_array_equal(x.grad, [1.5, 1.0, 1.5])

    def test_modes_without_a_derivative_are_refused(self) -> None:
        x = Variable(np.ones(3))
        with self.assertRaisesRegex(TypeError, "'empty'.*use mode='constant'"):
            np.pad(x, 1, "empty")
        with self.assertRaisesRegex(TypeError, "a function as its mode"):
            np.pad(x, 1, lambda vector, widths, axis, kwargs: None)
        for mode in ("mean", "median", "linear_ramp", "maximum", "minimum"):
            with self.assertRaisesRegex(TypeError, "rounds to int64"):
                np.pad(Variable(np.arange(3)), 1, mode)

    def test_wrong_arguments(self) -> None:
        x = Variable(np.ones((2, 3)))
        for call in (
            lambda: np.pad(x, -1),
            lambda: np.pad(x, -1, "mean"),
            lambda: np.pad(x, ((1, 2), (3, 4), (5, 6)), "mean"),
            lambda: np.pad(x, 1, "other"),
            lambda: np.pad(x, 1, "mean", constant_values=1),
            lambda: np.pad(x, 1, "maximum", stat_length=0),
            lambda: np.pad(x[:0], 1, "mean"),
            lambda: np.pad(x[:0], 1, "edge"),
        ):
            with self.subTest(call), self.assertRaises(ValueError):
                call()
        with self.assertRaises((TypeError, ValueError)):
            np.pad(x, 1.5, "mean")


if __name__ == "__main__":
    unittest.main()
