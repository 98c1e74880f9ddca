"""Random programs, compiled and eager: values, two derivatives, state that is written in place, branches."""

import unittest
import warnings
from contextlib import suppress
from typing import Any

import numpy as np

import wengert
from tests.compiled_programs import (
    Skipped,
    check_arrays,
    check_compiled,
    check_function,
    check_state,
    same,
    stateful,
)
from tests.installed import needs_llvm
from tests.random_arrays import array_program
from tests.random_programs import generate, random_pick
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted, native


class ProgramsTest(unittest.TestCase):
    def test_values_and_derivatives(self) -> None:
        compared = 0
        for seed in range(2_000_000, 2_000_060):
            with self.subTest(seed=seed):
                compared += check_compiled(generate(random_pick(seed)), np.float32 if seed % 3 == 0 else np.float64)
        self.assertGreater(compared, 150)

    def test_state_in_place(self) -> None:
        used = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in range(1000):
                with self.subTest(seed=seed):
                    used += check_state(stateful(seed))
        self.assertGreater(used, 800)

    def test_arrays_of_all_kinds(self) -> None:
        """Views, writes, indices, branches, empty arrays and numbers of all dtypes."""
        compared = 0
        for seed in range(3_000_000, 3_000_300):
            with self.subTest(seed=seed), suppress(Skipped):
                compared += check_arrays([array_program(seed)])
        self.assertGreater(compared, 280)

    @needs_llvm
    def test_arrays_in_native_code(self) -> None:
        """Several programs per plan, because compiling takes the time."""
        compared = 0
        for seed in range(4_000_000, 4_000_096, 12):
            with self.subTest(seed=seed), suppress(Skipped):
                compared += check_arrays([array_program(i) for i in range(seed, seed + 12)], native)
        self.assertGreater(compared, 60)
        for seed in range(5_000_000, 5_000_006):
            with self.subTest(seed=seed):
                self.assertGreater(check_compiled(generate(random_pick(seed)), np.float64, native), 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in range(2000, 2015):
                with self.subTest(state=seed):
                    check_state(stateful(seed), native)

    def test_empty_and_0_d(self) -> None:
        def f(x: Any) -> Any:
            y = np.exp(x) * 2 + 1
            return y, y.sum(), y.reshape(-1)[:1], np.concatenate([y.ravel(), y.ravel()]), y.T, np.where(y > 2, y, 0)

        for shape in ((), (0,), (0, 3), (3, 0), (1,), (2, 0, 4)):
            for dtype in (np.float64, np.float32, np.int64, np.complex128, np.bool_):
                with self.subTest(shape=shape, dtype=dtype):
                    x = np.ones(shape, dtype)
                    self.assertEqual(check_function(f, [x], [np.zeros_like(x)], "", interpreted), 1)

    def test_differences_are_detected(self) -> None:
        with self.assertRaisesRegex(AssertionError, "compiled gave"):
            same([np.ones(2)], [np.array([1.0, 1.1])], "")
        with self.assertRaisesRegex(AssertionError, "compiled gave"):
            same(np.ones(2), np.ones(2, np.float32), "")


class OptimizersTest(unittest.TestCase):
    def test_each_optimizer_has_one_plan(self) -> None:
        found = [kind for kind in vars(wengert.optimizers).values() if isinstance(kind, type)]
        found = [kind for kind in found if issubclass(kind, wengert.optimizers.Optimizer)]
        left = (wengert.optimizers.Optimizer, wengert.optimizers.LBFGS)  # (LBFGS takes the function itself)
        kinds = [kind for kind in found if kind not in left]
        self.assertIn(wengert.optimizers.Adafactor, kinds)
        self.assertGreater(len(kinds), 9)
        rng = np.random.default_rng(0)
        batches = [(rng.normal(size=(7, 4)), rng.integers(0, 5, 7)) for _ in range(6)]
        for kind in kinds:
            for decay in (0.0, 0.1):
                with self.subTest(kind=kind.__name__, decay=decay):
                    eager, _ = self.trained(kind, decay, batches, lambda f: f)
                    other, step = self.trained(kind, decay, batches, lambda f: compile(f, runner=interpreted))
                    self.assertIsNone(step.given_up)
                    self.assertEqual([plan.run is not None for plan in step.plans], [True])
                    for a, b in zip(eager, other, strict=True):
                        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)

    def trained(self, kind: Any, decay: float, batches: Any, compiled: Any) -> tuple[list[Any], Any]:
        """The state of a model and its optimizer after some steps, and the step."""
        wengert.seed(0)
        model = wengert.layers.Sequential(wengert.layers.Linear(4, 6), np.tanh, wengert.layers.Linear(6, 5))
        model.astype(np.float64)
        optimizer = kind(model, weight_decay=decay)

        @compiled
        def step(x: Any, t: Any) -> Any:
            loss = wengert.functions.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            return loss

        losses = [step(x, t).data for x, t in batches]
        return [*losses, *model.state_dict().values(), *optimizer.state_dict().values()], step


if __name__ == "__main__":
    unittest.main()
