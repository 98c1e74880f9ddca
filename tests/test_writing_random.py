"""Random programs that write into arrays: by NumPy, by a reference for their derivatives, and in each way there is."""

import unittest
import warnings
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.writing import reference
from tests.writing.check import MODES, attempt, failure, failure_of_refused
from tests.writing.expected import check_reference, copies, expected
from tests.writing.programs import Program, generate, refused
from tests.writing.shrink import shrink

# How many programs are run in each mode; the others are of more.
FEW = {"compiled": 40, "compiled, second order": 20, "compiled, unmodified": 30, "native": 8}


class GeneratorTest(unittest.TestCase):
    def test_programs_vary(self) -> None:
        text = "".join(generate(seed).text() for seed in range(400))
        wanted = ["np.zeros(", "np.empty(", "np.zeros_like(", "np.array([", ".copy()", "np.copy(", ".fill(", ".sort("]
        wanted += ["np.copyto(", "np.put(", "np.place(", "np.putmask(", "np.put_along_axis(", "np.fill_diagonal("]
        wanted += ["np.add.at(", "np.subtract.at(", "np.multiply.at(", "out=", "where=", ".T", ".reshape(", "ravel("]
        wanted += ["[::-1]", "None", "...", " += ", " -= ", " *= ", " /= ", "for i in", "for row in", "update(", "0.2j"]
        wanted += ["np.broadcast_to(", "float32", "complex128", "np.ix_", "[True", "[False", "np.int64"]
        for part in wanted:
            self.assertIn(part, text)

    def test_a_program_can_be_run_from_its_text(self) -> None:
        program = generate(5)
        namespace: dict[str, Any] = {"print": lambda *args: None}
        exec(program.described, namespace)
        value, _ = program.function()(*copies(program))
        arguments = [np.array(x) for x in program.inputs]
        self.assertEqual(namespace["f"](*arguments)[0], value)

    def test_refused_statements_are_of_all_kinds(self) -> None:
        kinds = {refused(seed)[1] for seed in range(60)}
        self.assertEqual(kinds, {IndexError, TypeError, ValueError})

    def test_shrinking_keeps_what_fails(self) -> None:
        statements = ["v1 = np.sin(v0)", "v1[0] = 2.0", "v2 = v1[1:]", "v2 += 1.0"]
        program = Program([np.array([0.1, 0.2])], statements)
        short = shrink(program, lambda trial: "v1[0] = 2.0" if "v1[0] = 2.0" in trial.text() else "")
        self.assertEqual(short.statements, ["v1[0] = 2.0"])


class ReferenceTest(unittest.TestCase):
    def test_values_are_those_of_numpy(self) -> None:
        for seed in range(150):
            with self.subTest(seed=seed):
                expected(generate(seed))

    def test_derivatives_by_differences(self) -> None:
        for seed in range(150):
            program = generate(seed)
            if not program.single:
                with self.subTest(seed=seed):
                    check_reference(program)

    def test_a_wrong_rule_is_found(self) -> None:
        program = Program([np.array([0.3, -0.4])], ["v1 = v0[::-1]", "v1[0] *= v1[1]"])
        check_reference(program)
        wrong = reference.Jet(0.0)
        with mock.patch.object(reference, "product", lambda a, b: a + wrong), self.assertRaises(AssertionError):
            check_reference(program)

    def test_a_write_through_a_view_by_hand(self) -> None:
        program = Program([np.array([0.3, -0.4])], ["v1 = v0[::-1]", "v2 = v0 * 1.0", "v1[0] *= v1[1]"])
        x, y = program.inputs[0]
        known = expected(program)
        np.testing.assert_allclose(known.arrays[0], [x, x * y])
        np.testing.assert_allclose(known.arrays[1], [x * y, x])
        # 0.5 total([x, x y]) + 0.6 total([x y, x]) + 0.7 total([x, y]), where total shifts by 0.3 and 0.6
        by_product = 0.5 * np.cos(x * y + 0.6) + 0.6 * np.cos(x * y + 0.3)
        np.testing.assert_allclose(known.gradients[0][1], x * by_product + 0.7 * np.cos(y + 0.6))


class WritingTest(unittest.TestCase):
    """The programs of each mode; each failure is reported by a program as short as it can be made."""

    def check(self, mode: str) -> None:
        for seed in range(FEW.get(mode, 80)):
            with self.subTest(seed=seed):
                found = failure(seed, mode)
                if found:
                    self.fail(found)

    def test_eager(self) -> None:
        self.check("eager")

    def test_parts_of_complex_arrays(self) -> None:
        for mode, count in (("eager", 60), ("compiled", 20)):
            for seed in range(count):
                with self.subTest(mode, seed=seed):
                    found = failure(seed, mode, parts=True)
                    if found:
                        self.fail(found)

    def test_unmodified(self) -> None:
        self.check("unmodified")

    def test_second_order(self) -> None:
        self.check("second order")

    def test_grad_of_grad(self) -> None:
        self.check("grad of grad")

    def test_create_graph(self) -> None:
        self.check("create_graph")

    def test_checkpoint(self) -> None:
        self.check("checkpoint")

    def test_compiled(self) -> None:
        self.check("compiled")

    def test_compiled_unmodified(self) -> None:
        self.check("compiled, unmodified")

    def test_compiled_second_order(self) -> None:
        self.check("compiled, second order")

    def test_compiled_native(self) -> None:
        self.check("native")

    def test_refused(self) -> None:
        for seed in range(100):
            with self.subTest(seed=seed):
                found = failure_of_refused(seed)
                if found:
                    self.fail(found)


class CompiledForwardTest(unittest.TestCase):
    def test_programs_on_plain_arrays(self) -> None:
        for seed in range(100):
            with self.subTest(seed=seed):
                found = failure(seed, "compiled, forward")
                if found:
                    self.fail(found)

    def test_a_copy_by_np_array_is_not_the_array_of_the_caller(self) -> None:
        def f(x: Any) -> Any:
            y = np.array(x)
            y[...] = 2.0
            return np.sum(x), y

        made = wengert.compile(f)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wengert.CompileWarning)
            for _ in range(3):
                x = np.array([0.5, 1.0])
                total, y = made(x)
                self.assertEqual((float(total), y.tolist(), x.tolist()), (1.5, [2.0, 2.0], [0.5, 1.0]))

    def test_every_mode_is_tried(self) -> None:
        tried = {name for name in dir(WritingTest) if name.startswith("test_")}
        self.assertGreaterEqual(len(tried), len(MODES))

    def test_programs_without_writes(self) -> None:
        """The modes work on what the library has had before."""
        for mode in ("eager", "second order", "compiled"):
            with self.subTest(mode):
                program = Program([np.array([[0.3, -0.4], [0.1, 0.7]])], ["v1 = v0[::-1]", "v2 = np.sin(v1.T) * v0"])
                self.assertEqual(attempt(program, mode), "")


if __name__ == "__main__":
    unittest.main()
