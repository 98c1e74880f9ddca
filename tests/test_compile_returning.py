"""Numbers that a compiled function returns are results, however often it has run before."""

import importlib.util
import unittest
import warnings

import numpy as np

import wengert

NEEDED = [name for name in ("llvmlite", "scipy") if importlib.util.find_spec(name) is None]


@unittest.skipIf(NEEDED, f"needs {', '.join(NEEDED)}: pip install wengert[compile]")
class TestReturnedNumbers(unittest.TestCase):
    def test_of_a_function_that_has_run_often_before(self) -> None:
        def step(x: np.ndarray) -> float:
            y = np.sum(x**2)
            return float(y)

        for i in range(100):  # Python makes its code quicker meanwhile
            step(np.full(3, float(i)))
        compiled = wengert.compile(step)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for i in range(20):
                self.assertEqual(compiled(np.full(3, float(i))), 3.0 * i * i)
        self.assertIsNone(compiled.given_up)


if __name__ == "__main__":
    unittest.main()
