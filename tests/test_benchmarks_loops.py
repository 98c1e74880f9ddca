"""The loops of the benchmarks: all ways to run one compute the same."""

import importlib.util
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

import wengert
from benchmarks.numbers import digest
from benchmarks.peers import COMPILED, OURS, by_name, missing
from benchmarks.problems.loops import LOOPS, first_calls, gradient

FEW = 7


@unittest.skipIf(missing(by_name(COMPILED)), "needs llvmlite and scipy: pip install wengert[compile]")
class LoopsTest(unittest.TestCase):
    def eager(self, name: str) -> object:
        """The value and the gradients of a loop without compiled code."""
        loop = LOOPS[name]
        given = loop.arguments(np.random.default_rng(0), FEW)
        return wengert.value_and_grad(lambda *xs: loop.loss(loop.step, FEW, *xs), loop.argnums)(*given)

    def assert_near(self, mine: object, other: object) -> None:
        np.testing.assert_allclose(digest(mine), digest(other), rtol=1e-9)

    def test_compiled_loops_and_compiled_steps_are_as_eager(self) -> None:
        for name in LOOPS:
            for peer in (COMPILED, OURS):
                with self.subTest(name, peer=peer):
                    step = gradient(peer, name, FEW)
                    for _ in range(4):
                        self.assert_near(step(), self.eager(name))

    @unittest.skipIf(importlib.util.find_spec("jax") is None, "needs jax: pip install jax")
    def test_scans_are_as_loops(self) -> None:
        for name in LOOPS:
            with self.subTest(name):
                self.assert_near(gradient("jax", name, FEW)(), self.eager(name))

    def test_first_calls_find_no_compiled_code(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict("os.environ", WENGERT_CACHE=folder):
            self.assertGreater(first_calls(COMPILED, "leapfrog", FEW), 0)
            self.assertEqual(list(Path(folder).iterdir()), [])


if __name__ == "__main__":
    unittest.main()
