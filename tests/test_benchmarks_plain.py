"""The plain NumPy programs of the benchmarks: compiled as eager, and in JAX and PyTorch the same numbers."""

import importlib.util
import unittest

import numpy as np

from benchmarks.numbers import digest
from benchmarks.peers import COMPILED, OURS, by_name, missing
from benchmarks.problems.plain import IN_TORCH, PROGRAMS, make

LONG = ("large-mlp", "kalman", "hidden-markov", "ring-10000", "mlp")  # for the tests; measured only


class PlainTest(unittest.TestCase):
    def assert_same(self, peer: str, names: object) -> None:
        for name in names:  # type: ignore[attr-defined]
            with self.subTest(name):
                mine, theirs = make(OURS, name), make(peer, name)
                for _ in range(4):
                    np.testing.assert_allclose(digest(theirs()), digest(mine()), rtol=2e-4, atol=1e-5)

    @unittest.skipIf(missing(by_name(COMPILED)), "needs llvmlite and scipy: pip install wengert[compile]")
    def test_compiled_is_as_eager(self) -> None:
        self.assert_same(COMPILED, [name for name in PROGRAMS if name not in LONG])

    @unittest.skipIf(importlib.util.find_spec("jax") is None, "needs jax: pip install jax")
    def test_the_same_code_runs_in_jax(self) -> None:
        self.assert_same("jax", ("small-mlp", "rnn", "mixture", "autoencoder", "variational", "gaussian-process"))

    @unittest.skipIf(importlib.util.find_spec("torch") is None, "needs torch: pip install torch")
    def test_torch_computes_the_same(self) -> None:
        self.assert_same("torch", [name for name in IN_TORCH if name not in LONG])


if __name__ == "__main__":
    unittest.main()
