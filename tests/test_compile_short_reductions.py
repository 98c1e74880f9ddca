"""Reductions of short rows: taken apart where that computes nothing twice, and equal to eager in all forms."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.compile_case import CompileCase
from wengert.compiler.graph.build import elementwise, reduction
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.passes.short_reductions import LONGEST, short_reductions

FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "squared distances": lambda x, y: np.sum((x[:, None] - y) ** 2, axis=-1),
    "norms": lambda x, y: np.sqrt(np.sum(x * x + 1, axis=1)),
    "kept axis": lambda x, y: x / np.sum(np.abs(x) + 0.1, axis=1, keepdims=True),
    "largest": lambda x, y: np.max(np.abs(x - y), axis=1),
    "least": lambda x, y: np.min(x * y, axis=-1),
    "product": lambda x, y: np.prod(x + 2, axis=1),
    "a number for each row": lambda x, y: np.sum(x * y[:, :1], axis=1),
    "a row for all": lambda x, y: np.sum(x * y[0], axis=1),
    "constants": lambda x, y: np.sum(x * np.arange(1.0, x.shape[1] + 1), axis=1),
    "selected": lambda x, y: np.sum(np.where(x > 0, x * y, 0.5), axis=1),
    "transposed": lambda x, y: np.sum((x.T[None] * 2.0).T[:, :, 0] + y, axis=1),
    "read again": lambda x, y: np.sum(np.exp(x), axis=1)[:, None] * np.exp(x),
    "mean": lambda x, y: np.mean((x - y) ** 2, axis=1),
    "reversed": lambda x, y: np.sum(x[:, ::-1] * y, axis=1),
}


class ShortReductions(CompileCase):
    def test_all_forms_are_as_eager(self) -> None:
        rng = np.random.default_rng(0)
        for n, dtype, tolerance in ((3, np.float64, 1e-12), (LONGEST, np.float32, 2e-5)):
            x, y = (rng.standard_normal((20, n)).astype(dtype) for _ in range(2))
            for name, form in FORMS.items():
                with self.subTest(name, n=n):
                    self.check(form, (x, y), tolerance)
                    self.check(wengert.grad(lambda x, y, form=form: np.sum(form(x, y) ** 2), (0, 1)), (x, y), tolerance)

    def check(self, f: Callable[..., Any], arguments: tuple[Any, ...], tolerance: float) -> None:
        compiled = wengert.compile(f)
        for _ in range(3):
            found, known = compiled(*arguments), f(*arguments)
            for a, b in zip(*(z if type(z) is tuple else (z,) for z in (found, known)), strict=True):
                np.testing.assert_allclose(a, b, tolerance, tolerance)
                self.assertEqual(a.dtype, b.dtype)

    def test_special_values(self) -> None:
        x = np.zeros((24, 3))
        x[0, 1], x[1, 2], x[2] = np.nan, np.inf, [np.inf, -np.inf, 1.0]
        for f in (lambda x: np.sum(x * 2, axis=1), lambda x: np.max(x * 2, axis=1), lambda x: np.min(-x, axis=1)):
            compiled = wengert.compile(f)
            with np.errstate(invalid="ignore"):
                for _ in range(3):
                    np.testing.assert_array_equal(compiled(x), f(x))


class Pass(unittest.TestCase):
    def operations(self, shape: tuple[int, ...], others: int = 0, ufunc: np.ufunc = np.exp) -> list[str]:
        """The operations of a sum of rows, after the pass; `others` read what is summed too."""
        x = Node("input", (), {"index": 0}, shape, np.float64)
        values = elementwise(ufunc, x)
        results = [reduction(np.add, values, (-1,))] + [elementwise(np.negative, values) for _ in range(others)]
        return [node.op for node in short_reductions(Graph([x], results, [], []))]

    def test_short_rows_are_taken_apart(self) -> None:
        self.assertNotIn("reduce", self.operations((20, 3)))

    def test_long_rows_few_rows_and_values_that_others_read_are_not(self) -> None:
        self.assertIn("reduce", self.operations((20, LONGEST + 1)))
        self.assertIn("reduce", self.operations((2, 3)))
        self.assertIn("reduce", self.operations((20, 1)))
        self.assertIn("reduce", self.operations((20, 3), others=1))


if __name__ == "__main__":
    unittest.main()
