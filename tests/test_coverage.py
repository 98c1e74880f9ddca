"""The calls that the benchmark counts: all of them are differentiated, and rightly."""

import unittest
import warnings

import numpy as np

from benchmarks.problems.coverage import OURS, Call
from benchmarks.problems.numpy_calls import CALLS


class CoverageTest(unittest.TestCase):
    def test_every_call_is_differentiated_rightly(self) -> None:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NumPy's own, of NaN on purpose
            for text in CALLS:
                with self.subTest(text):
                    call = Call(text)
                    self.assertTrue(call.is_right(OURS, call.differences()))

    def test_a_wrong_gradient_and_a_failure_are_reported(self) -> None:
        call = Call("np.sin(x)")
        expected = call.differences()
        self.assertFalse(call.is_right(OURS, [1.001 * expected[0]]))
        self.assertFalse(call.is_right(OURS._replace(namespace="math"), expected))


if __name__ == "__main__":
    unittest.main()
