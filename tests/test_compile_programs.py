"""Random programs compiled, against eager ones: values and two derivatives, state in place, branches."""

import unittest
import warnings
from typing import Any

import numpy as np

from tests.compiled_programs import check_compiled, check_function, check_state, same, stateful
from tests.random_programs import generate, random_pick
from wengert.compiler.runner import interpreted


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

    def test_empty_and_0_d(self) -> None:
        def f(x: Any) -> Any:
            y = np.exp(x) * 2 + 1
            return y, y.sum(), y.reshape(-1)[:1], np.concatenate([y.ravel(), y.ravel()]), y.T, np.where(y > 2, y, 0)

        for shape in ((), (0,), (0, 3), (3, 0), (1,), (2, 0, 4)):
            for dtype in (np.float64, np.float32, np.int64, np.complex128, np.bool_):
                with self.subTest(shape=shape, dtype=dtype):
                    x = np.ones(shape, dtype)
                    self.assertEqual(check_function(f, [x], [np.zeros_like(x)], "", interpreted), 1)

    def test_what_is_compared_is_seen(self) -> None:
        with self.assertRaisesRegex(AssertionError, "compiled gave"):
            same([np.ones(2)], [np.array([1.0, 1.1])], "")
        with self.assertRaisesRegex(AssertionError, "compiled gave"):
            same(np.ones(2), np.ones(2, np.float32), "")


if __name__ == "__main__":
    unittest.main()
