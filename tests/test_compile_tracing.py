"""What makes a traced call cheap changes nothing of what it records."""

import gc
import unittest
from pathlib import Path
from typing import Any

import numpy as np

from wengert import Function, Variable, grad
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted


def traced(function: Any, *args: Any) -> Any:
    c = compile(function, runner=interpreted)
    c(*args)
    return c


def graph_of(c: Any) -> Any:
    return c.plans[0].trace.graph


def values_of_guards(function: Any, *args: Any) -> list[Any]:
    return [node.settings["value"] for node in graph_of(traced(function, *args)).effects]


class Cubed(Function):
    def forward(self, x: Any) -> Any:
        self.x = x
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * gy * self.x**2  # the line of this derivative


class GuardsTest(unittest.TestCase):
    def test_a_guard_is_made_once(self) -> None:
        def function(x: Any, a: float) -> Any:
            for _ in range(5):
                if np.all(x > 0) and a > 0.5 and bool(x[0] < 2):
                    x = x + a
            return x

        # (x is another value in each step, a is not)
        self.assertEqual(len(values_of_guards(function, np.array([0.5, 0.6]), 1.0)), 5 + 1 + 5)

        def repeated(x: Any, a: float) -> Any:
            smallest = np.min(x)
            return sum(1 for _ in range(4) if smallest > 0 and a > 0.5 and bool(smallest)) * x

        self.assertEqual(values_of_guards(repeated, np.array([0.5]), 1.0).count(True), 4 + 1 + 1)

    def test_guards_of_other_numbers_are_others(self) -> None:
        def function(x: Any, a: float) -> Any:
            return x * sum([a > 0, a > 0.0, a > -0.0, a > True, a > 1, a > 1.0, a > 1, a > 0])

        self.assertEqual(values_of_guards(function, np.ones(2), 2.0), [True] * 6)

    def test_a_number_and_its_array(self) -> None:
        def function(x: Any) -> Any:
            count = int(x[0])
            return [count + int(x[0]), float(x[0]) * 2]

        c = compile(function, runner=interpreted)
        for value in (3.7, 3.7, 3.7, 3.2, 2.9):
            x = np.array([value])
            self.assertEqual(c(x), function(x))


class LinesTest(unittest.TestCase):
    def test_each_value_has_the_line_that_computes_it(self) -> None:
        def loss(x: Any) -> Any:
            y = np.sin(x) * x  # the line of the loss
            return np.sum(Cubed()(y))

        def gradients(x: Any) -> Any:
            first = grad(loss)(x)  # the line of the first gradient
            return first + grad(loss)(2 * x)  # the line of the second gradient

        lines: dict[str, int] = {}
        for node in graph_of(traced(gradients, np.array([0.5, 1.0]))):
            if node.line:
                lines[node.line] = lines.get(node.line, 0) + 1
        texts = Path(__file__).read_text("utf-8").splitlines()
        numbers = {int(line.split("line ")[1].split(",")[0]): count for line, count in lines.items()}
        found = {texts[number - 1].partition("# ")[2]: count for number, count in numbers.items()}
        for what in ("this derivative", "the loss", "the first gradient", "the second gradient"):
            self.assertGreater(found.get(f"the line of {what}", 0), 1, found)


class CollectionsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.addCleanup(gc.set_threshold, *gc.get_threshold())

    def test_the_threshold_is_restored(self) -> None:
        gc.set_threshold(500, 9, 8)
        during = []

        def function(x: Any, fails: bool = False) -> Any:
            during.append(gc.get_threshold())
            if fails:
                raise ValueError("no")
            return x * x

        c = traced(function, np.ones(2))
        self.assertGreater(during[0][0], 10_000)
        self.assertEqual(gc.get_threshold(), (500, 9, 8))
        with self.assertRaisesRegex(ValueError, "no"):
            c(np.ones(2), fails=True)
        self.assertEqual(gc.get_threshold(), (500, 9, 8))

    def test_what_the_program_sets_stays(self) -> None:
        def function(x: Any) -> Any:
            gc.set_threshold(600, 7, 7)
            return x * x

        traced(function, np.ones(2))
        self.assertEqual(gc.get_threshold(), (600, 7, 7))

    def test_no_collections_are_begun_where_there_are_none(self) -> None:
        gc.set_threshold(0)
        during = []

        def function(x: Any) -> Any:
            during.append(gc.get_threshold()[0])
            return x * x

        traced(function, np.ones(2))
        self.assertEqual(during, [0])


class ArraysTest(unittest.TestCase):
    def check(self, function: Any, *args: Any) -> None:
        c = compile(function, runner=interpreted)
        for scale in (1, 1, 1, 2, 3):
            given, others = ([scale * x for x in args] for _ in range(2))
            for found, wanted in zip(c(*given), function(*others), strict=True):
                np.testing.assert_array_equal(found, wanted)
            for found, wanted in zip(given, others, strict=True):
                np.testing.assert_array_equal(found, wanted)
        self.assertIsNone(c.given_up)

    def test_views_of_views_share_memory(self) -> None:
        def function(x: Any) -> Any:
            y = x * 1
            rows, whole, turned = y[1], y.view(), y.T
            part = rows[-2:]
            bases = [v.base is y for v in (rows, whole, turned, part)]
            part += 10.0
            whole[0] = x[1]
            turned[2, 2] = 7.0
            y[-1][::-1][1:] *= 3
            return [y + 0, rows + 0, part * 2, turned + 0, whole - 1, y[1:][0] + 0, np.array(float(all(bases)))]

        self.check(function, np.arange(12.0).reshape(3, 4))

    def test_arrays_in_other_orders(self) -> None:
        def function(x: Any) -> Any:
            y = x.T * 2  # whose elements are in the order of those of x.T
            z = y[1] + y.T[0, 1]
            y[0] = 5.0
            return [y + 0, z, np.swapaxes(y, 0, 1)[1] + 0, np.squeeze(y[:1]) * 2, x.conjugate() + 0]

        self.check(function, np.arange(6.0).reshape(2, 3))

    def test_kinds_of_numbers(self) -> None:
        def function(x: Any, n: Any, c: Any, b: Any) -> Any:
            total = x[0] + n[1]
            products = [x * n, n + 1, n * 1.5, c.conjugate() * x, c.real + 1, total * c[0], x @ x, x * x, total + total]
            return [*products, b & (n > 1), b ^ b, x**2, 2**n, n // 2, n / 2, np.divmod(n, 2)[1]]

        self.check(function, np.arange(3.0), np.arange(1, 4), np.arange(3) * (1 + 2j), np.array([True, False, True]))

    def test_empty_arrays(self) -> None:
        def function(x: Any, i: Any) -> Any:
            return [x[:0] + x[:0], x[2:2] * 2, np.sum(x[:0] * 3), x[int(i) :][:0] + 1]

        self.check(function, np.arange(3.0), np.array(1))

    def test_an_array_that_a_variable_holds_is_read_only(self) -> None:
        def function(x: Any) -> Any:
            y = Variable(x) * 2
            with self.assertRaisesRegex(ValueError, "read-only"):
                y.data[0] = 1.0
            return [y.data, (y * y).data]

        self.check(function, np.arange(3.0))

    def test_settings_that_raise_are_found_after_others(self) -> None:
        def function(x: Any, how: Any) -> Any:
            for _ in range(3):
                with np.errstate(all="ignore"):
                    x = x + 1
                x = x * 2
                with np.errstate(divide=how):
                    x = 1 / x
                x = x - 1
            return x

        self.assertIsNone(traced(function, np.ones(2), "ignore").last_failure)
        self.assertRegex(traced(function, np.ones(2), "raise").last_failure, "np.errstate")

    def test_exceptions_are_those_of_numpy(self) -> None:
        def function(x: Any) -> Any:
            for wrong, message in ((lambda: x + x[:2], "broadcast"), (lambda: x[7], "out of bounds")):
                with self.assertRaisesRegex((ValueError, IndexError), message):
                    wrong()
            return [x + 1]

        self.check(function, np.arange(3.0))


if __name__ == "__main__":
    unittest.main()
