"""docs/engine.md: the engine in a hundred lines gives the gradients of the real one."""

import importlib
import io
import re
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.cases import Case, away, normal, positive

PAGE = Path(wengert.__file__).resolve().parent.parent / "docs" / "engine.md"
MODULES = ("elementwise", "reduction", "shape", "rearrangement", "contraction", "indexing")

# What people write every day; the engine of the page has all that is called here.
PROGRAMS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "a polynomial": (lambda x: 3 * x**3 - 2 * x**2 + x - 1, (away(4),)),
    "log of a sum of exponentials": (lambda x: np.log(np.sum(np.exp(x), axis=-1)), (normal(3, 4),)),
    "softmax": (lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True), (normal(3, 4),)),
    "two layers": (lambda x, w, v: np.tanh(x @ w) @ v, (normal(5, 3), normal(3, 4), normal(4, 2))),
    "mean squared error": (lambda y, t: np.mean((y - t) ** 2), (normal(4, 2), normal(4, 2, seed=1))),
    "the same value twice": (lambda x: x * x + np.sin(x) * x, (normal(3),)),
    "elements twice": (lambda x: np.sum(x[[0, 0, 2]] * x[1:]), (normal(4),)),
    "broadcasting both ways": (lambda a, b: a[:, None] * b + b / (a[:, None] ** 2 + 1), (normal(3), normal(1, 4))),
    "a standard score": (lambda x: (x - np.mean(x)) / np.sqrt(np.mean((x - np.mean(x)) ** 2)), (normal(6),)),
    "a batch of products": (lambda a, b: np.matmul(a, np.swapaxes(b, -1, -2)), (normal(2, 3, 4), normal(2, 5, 4))),
    "Rosenbrock": (lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2), (normal(5),)),
    "reshaped and transposed": (lambda x: np.reshape(np.transpose(x), (-1,)) * np.cos(x[0, 0]), (normal(2, 3),)),
    "a power of arrays": (lambda a, b: a**b, (positive(3), normal(3))),
}


def engine() -> dict[str, Any]:
    """The names that the programs of the page define."""
    names: dict[str, Any] = {}
    with redirect_stdout(io.StringIO()):
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
            exec(compile(block, "<docs/engine.md>", "exec"), names)
    return names


ENGINE = engine()


def derivatives(kind: Any, call: Any, args: tuple[Any, ...]) -> list[Any]:
    """First derivatives of a sum of squares of the result, and those of a sum of squares of these."""
    xs = [kind(np.array(a)) for a in args]
    loss = np.sum(call(*xs) ** 2)
    loss.backward(create_graph=True)
    firsts = [x.grad for x in xs]
    found = [g.data for g in firsts]
    for x in xs:
        x.cleargrad()
    total = None
    for g in firsts:
        total = np.sum(g**2) if total is None else total + np.sum(g**2)
    if total.creator is not None:
        total.backward()
    return found + [np.zeros(x.shape) if x.grad is None else x.grad for x in xs]


def is_everyday(case: Case) -> bool:
    """Whether a case of the table is within what the page says that it does: real arrays, no empty ones."""
    return case.function in ENGINE["TABLE"] and all(
        isinstance(a, np.ndarray) and a.dtype == np.float64 and a.size for a in case.args
    )


class OutsideOfThePage(Exception):
    """The hundred lines do not claim to be right here."""


class EnginePageTest(unittest.TestCase):
    def compare(self, call: Any, args: tuple[Any, ...]) -> None:
        found = derivatives(ENGINE["Variable"], call, args)
        if not all(np.isfinite(part).all() for part in found):
            raise OutsideOfThePage("a point without a derivative, or a masked one")
        wanted = derivatives(wengert.Variable, call, args)
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)

    def test_programs(self) -> None:
        for name, (call, args) in PROGRAMS.items():
            with self.subTest(name):
                self.compare(call, args)

    def test_cases_of_the_table(self) -> None:
        compared, functions = 0, set()
        for module in MODULES:
            for case in importlib.import_module(f"tests.cases.{module}").CASES:
                if not is_everyday(case):
                    continue
                try:
                    with np.errstate(all="ignore"):
                        self.compare(case.call, case.args)
                except (TypeError, OutsideOfThePage):
                    continue  # an option that the page leaves out, or a point that needs more care
                compared += 1
                functions.add(case.function)

        self.assertGreater(compared, 90)
        self.assertGreater(len(functions), 18)

    def test_it_is_about_a_hundred_lines(self) -> None:
        blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[:4]
        lines = [line for block in blocks for line in block.splitlines() if line.strip()]
        self.assertLess(len(lines), 115)

    def test_a_chain_of_many_calls(self) -> None:
        x = ENGINE["Variable"](np.array(1.0))
        y = x
        for _ in range(20_000):
            y = y + 0.0
        y.backward()
        self.assertEqual(x.grad, 1.0)
        while y.creator is not None:  # so that it is freed piece by piece
            y = y.creator.inputs[0]

    def test_what_is_in_no_table_is_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "no implementation found for 'numpy.linalg.det'"):
            np.linalg.det(ENGINE["Variable"](np.eye(2)))


if __name__ == "__main__":
    unittest.main()
