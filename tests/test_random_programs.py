"""Random programs against differences, and against JAX where it is installed."""

import importlib.util
import unittest
from typing import Any
from unittest import mock

import numpy as np

from tests.random_programs import Program, check, check_against_jax, generate, random_pick
from wengert.arrays.table import FUNCTIONS, read_late_tables

HAS_HYPOTHESIS = importlib.util.find_spec("hypothesis") is not None
HAS_JAX = importlib.util.find_spec("jax") is not None


class RandomProgramsTest(unittest.TestCase):
    @unittest.skipUnless(HAS_HYPOTHESIS, "hypothesis is not installed")
    def test_derivatives(self) -> None:
        from hypothesis import HealthCheck, given, settings, strategies

        @settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(strategies.data())
        def every(data: Any) -> None:
            check(generate(lambda options: data.draw(strategies.sampled_from(options))))

        every()

    def test_derivatives_of_programs_by_number(self) -> None:
        for seed in range(1_000_000, 1_002_000):
            with self.subTest(seed=seed):
                check(generate(random_pick(seed)), second_order=seed % 2 == 0)

    @unittest.skipUnless(HAS_JAX, "jax is not installed")
    def test_gradients_against_jax(self) -> None:
        for seed in range(15):
            with self.subTest(seed=seed):
                check_against_jax(generate(random_pick(seed)))


class GeneratorTest(unittest.TestCase):
    def test_a_wrong_rule_is_found(self) -> None:
        read_late_tables()
        rules: Any = FUNCTIONS[np.cumsum].__self__.pullbacks  # type: ignore[attr-defined]
        wrong = rules["a"]._replace(function=lambda gy, *args, **kwargs: gy)
        program = Program([np.ones(3)], ["y = np.sum(np.cumsum(v0, axis=0) ** 2)"])
        check(program)
        match = r"(?s)by jvp.*def f\(v0\)"
        with mock.patch.dict(rules, a=wrong), self.assertRaisesRegex(AssertionError, match):
            check(program)

    def test_programs_vary(self) -> None:
        text = "".join("".join(generate(random_pick(seed)).lines) for seed in range(200))
        for name in ("cumsum", "einsum", "tensordot", "np.max", "np.array([", "[::-1]", "np.where", "concatenate"):
            self.assertIn(name, text)

    def test_a_program_can_be_run_from_its_text(self) -> None:
        program = generate(random_pick(3))
        namespace: dict[str, Any] = {"np": np}
        exec(program.text, namespace)
        arguments = [namespace[f"v{i}"] for i in range(len(program.inputs))]
        self.assertEqual(namespace["f"](*arguments), program.function()(*program.inputs))


if __name__ == "__main__":
    unittest.main()
