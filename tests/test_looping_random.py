"""Random programs with loops: rolled plans compute what unrolled ones and eager calls do."""

import collections
import unittest
from unittest import mock

import numpy as np

from tests.looping.check import HAS_COMPILER, MODES, attempt, failure
from tests.looping.kinds import KINDS
from tests.looping.programs import Program, copies, generate, runs
from tests.looping.rolling import Comparison
from tests.looping.shrink import shrink
from wengert.compiler.graph.loop import Loop

ONE_OF_EACH = range(0, 2 * len(KINDS), 2)


class GeneratorTest(unittest.TestCase):
    def test_programs_vary(self) -> None:
        text = "".join(generate(seed).text() for seed in range(300))
        wanted = ["[n - 1 - i]", "[i, :]", "[:, j]", "[2 * i + 1]", "0.9 ** i", "1 / (i + 1)", "(-1) ** i", "[i - 1]"]
        wanted += ["np.stack(", "np.array(", "np.concatenate(", "[1:-1]", "+= ", "*= ", "break", "while ", "continue"]
        wanted += ["for j in range(i)", "reversed(", "zip(", "enumerate(", "checkpoint(", "@", "np.where(", "np.sqrt("]
        wanted += ["sum(", "else:", "bool", "int", "float32", "np.eye(", "(0,)", "np.log1p("]
        self.assertEqual([part for part in wanted if part not in text], [])

    def test_programs_are_of_all_kinds(self) -> None:
        single = {kind for seed in ONE_OF_EACH for kind in generate(seed).kinds}
        self.assertGreaterEqual(len(single), len(KINDS) - 2)  # (few fail for all of their random details)

    def test_a_program_can_be_run_from_its_text(self) -> None:
        program = generate(5)
        namespace: dict[str, object] = {"print": lambda *args: None}
        exec(program.described, namespace)
        value, _ = program.function()(*copies(program))
        self.assertEqual(namespace["f"](*copies(program))[0], value)  # type: ignore[operator]

    def test_shrinking_keeps_what_fails(self) -> None:
        program = generate(8)._replace(
            blocks=["r0 = s * 1.0\nr1 = x[0]\nfor i in range(n):\n    r0 = np.sin(r0)\n    r1 = r0"]
        )
        short = shrink(program, lambda trial: "np.sin(r0)" in trial.text())
        self.assertEqual(short.blocks, ["r0 = s * 1.0\nfor i in range(n):\n    r0 = np.sin(r0)"])
        self.assertTrue(runs(short))
        self.assertEqual(len(short.inputs[0]), 1)


class ComparisonTest(unittest.TestCase):
    """The comparison finds what is wrong."""

    program = Program(generate(8).inputs, ["r0 = s * 1.0\nfor i in range(6):\n    r0 = np.sin(r0 + 0.1 * i)"], ["scan"])

    def test_a_loop_of_a_step_less_is_found(self) -> None:
        def short(loop: Loop, starts: tuple[int, ...], operands: list[object]) -> object:
            with mock.patch.object(loop, "count", loop.count - 1):
                return repeat(loop, starts, operands)

        from wengert.compiler.graph import interpreter

        repeat = interpreter.repeat
        with mock.patch.object(interpreter, "repeat", short):
            told = attempt(self.program, "gradient", with_native=False).told
        self.assertRegex(told, "^rolled: ")

    def test_loops_are_counted(self) -> None:
        found = attempt(self.program, "value", with_native=False)
        self.assertEqual(found.told, "")
        self.assertEqual(found.counts["with loops"], found.counts["graphs"])
        self.assertGreater(found.counts["graphs"], 0)

    def test_a_result_that_differs_is_told(self) -> None:
        comparison = Comparison(1e-9, with_native=False)
        comparison.compare("rolled", [np.array([1.0, np.nan])], [np.array([1.0, np.nan])])
        self.assertEqual(comparison.failures, [])
        comparison.compare("rolled", [np.array(1.0)], [np.array(1.1)])
        comparison.compare("rolled", [np.array(1.0)], [np.array([1.0])])
        self.assertEqual(len(comparison.failures), 2)


class LoopingTest(unittest.TestCase):
    """The programs of each mode; each failure is reported by a program as short as it can be made."""

    def check(self, mode: str, seeds: range, with_native: bool = False) -> collections.Counter[str]:
        """Compare; return how many graphs have loops, by the kind of loop."""
        rolled: collections.Counter[str] = collections.Counter()
        for seed in seeds:
            with self.subTest(seed=seed):
                found = failure(seed, mode, with_native)
                for kind in generate(seed).kinds:
                    rolled[kind] += found.counts["with loops"]
                rolled["native"] += found.counts["with native loops"]
                if found.told:
                    self.fail(found.told)
        return rolled

    def test_value(self) -> None:
        rolled = self.check("value", ONE_OF_EACH)
        self.assertGreaterEqual(sum(count > 0 for count in rolled.values()), len(KINDS) // 2, rolled)

    def test_gradient(self) -> None:
        rolled = self.check("gradient", range(60, 60 + len(KINDS)))
        self.assertGreaterEqual(sum(count > 0 for count in rolled.values()), len(KINDS) // 2, rolled)

    def test_second(self) -> None:
        rolled = self.check("second", range(200, 205))
        self.assertGreaterEqual(sum(rolled.values()), 3)

    @unittest.skipUnless(HAS_COMPILER, "llvmlite and SciPy are not installed")
    def test_native(self) -> None:
        rolled = self.check("gradient", range(300, 303), with_native=True)
        self.assertGreaterEqual(rolled["native"], 2)

    def test_every_mode_is_tried(self) -> None:
        self.assertEqual({f"test_{mode}" for mode in MODES} - set(dir(LoopingTest)), set())


if __name__ == "__main__":
    unittest.main()
