"""Checkpoint in compiled functions: what is computed again is not kept, and its loops are rolled."""

import re
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.looping.check import HAS_COMPILER
from tests.looping.rolling import loops_of
from tests.test_compile_rolled import RolledTest
from wengert import checkpoint, grad, hvp
from wengert.compiler.graph.graph import Graph
from wengert.compiler.passes.optimize import optimize
from wengert.functions import dropout

X = np.linspace(-1, 1, 4096)
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def step(h: Any) -> Any:
    for _ in range(3):
        h = np.sin(np.exp(-h * h) + 0.1)
    return h


def steps(h: Any, count: int, one: Callable[..., Any] = step) -> Any:
    for _ in range(count):
        h = one(h)
    return h


def arrays_of(f: Callable[..., Any], x: Any = X) -> float:
    """The memory of the plan of a gradient, in arrays like `x`; the gradient is compared with the eager one."""
    g = grad(lambda h: np.sum(f(h)))
    made = wengert.compile(g)
    for _ in range(4):
        np.testing.assert_allclose(made(x), g(x), 1e-9, 1e-12)
    found = re.search(r"([\d.]+) ([kMG]?B) of memory", str(made.plan))
    assert found is not None
    return float(found[1]) * UNITS[found[2]] / x.nbytes


def names_of(graph: Graph) -> list[str]:
    """The effects of a graph, by the names of their functions."""
    return [x.settings["function"].__name__ for x in graph.effects if x.op == "random"]


class EffectsTest(RolledTest):
    def test_no_state_is_read_where_nothing_is_drawn(self) -> None:
        part = checkpoint(step)
        graphs = self.graphs_of(lambda x: [grad(lambda h: np.sum(steps(h, 4, part)))(x)], X[:5])
        self.assertEqual(names_of(graphs[-1]), [])

    def test_a_state_is_restored_where_there_are_draws(self) -> None:
        part = checkpoint(lambda h: dropout(np.sin(h), 0.5))

        def f(x: Any) -> Any:
            return grad(lambda h: np.sum(part(part(h)) + wengert.generator().normal(size=5)))(x)

        for function in (f, lambda x: hvp(lambda h: np.sum(part(h) ** 2), (x,), (x,))[0]):
            made = wengert.compile(function)
            results: list[Any] = [[], []]
            for g, found in zip((made, function), results, strict=True):
                wengert.seed(3)
                found += [np.asarray(g(X[:5])) for _ in range(6)] + [wengert.generator().random()]
            for a, b in zip(*results, strict=True):
                np.testing.assert_allclose(a, b, 1e-12)
            self.assertEqual(len(made.plans), 1)

    def test_a_state_that_the_program_restores(self) -> None:
        generator = np.random.default_rng(0)

        def f(x: Any) -> Any:
            stream = generator.bit_generator
            before = stream.state
            a = x * generator.normal()
            after = stream.state
            stream.state = before
            b = a - generator.normal(size=2)[0]
            stream.state = after
            stream.state = after
            return a * b + generator.normal()

        made = wengert.compile(f)
        results: list[Any] = [[], []]
        for g, found in zip((made, f), results, strict=True):
            generator.bit_generator.state = np.random.default_rng(7).bit_generator.state
            found += [g(X[:3]) for _ in range(5)] + [generator.random()]
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, 1e-12)
        self.assertEqual(len(made.plans), 1)

    def test_steps_are_rolled(self) -> None:
        part = checkpoint(step)
        graphs = self.graphs_of(lambda x: [grad(lambda h: np.sum(steps(h, 24, part)))(x)], X[:5], with_native=False)
        loops = loops_of(optimize(graphs[-1]))
        self.assertGreaterEqual(len(loops), 2)
        for loop in loops:
            self.assertLessEqual(sum(loop.stacked), 1, "one value of each step is kept: its argument")

    def test_blocks_of_steps_are_loops_in_loops(self) -> None:
        part = checkpoint(step)
        block = checkpoint(lambda h: steps(h, 12, part))
        graphs = self.graphs_of(lambda x: [grad(lambda h: np.sum(steps(h, 12, block)))(x)], X[:3], with_native=False)
        outer = [loop for loop in loops_of(optimize(graphs[-1])) if loops_of(loop.body)]
        self.assertEqual(len(outer), 2)


@unittest.skipUnless(HAS_COMPILER, "no native code")
class MemoryTest(unittest.TestCase):
    def test_each_step_keeps_its_argument(self) -> None:
        part = checkpoint(step)
        for count in (3, 12, 48):
            with self.subTest(count):
                self.assertLess(arrays_of(lambda h, n=count: steps(h, n, part)), count + 20)
        self.assertGreater(arrays_of(lambda h: steps(h, 48)), 5 * 48)

    def test_square_root(self) -> None:
        part = checkpoint(step)
        for one, most in ((part, 3), (step, 26)):
            for count in (16, 24):
                with self.subTest(one=one.__name__, count=count):
                    block = checkpoint(lambda h, n=count, one=one: steps(h, n, one))
                    self.assertLess(arrays_of(lambda h, n=count, block=block: steps(h, n, block)), most * count)

    def test_compiled_function_that_is_differentiated(self) -> None:
        part = checkpoint(step)
        inside = wengert.compile(lambda h: steps(h, 4, part))
        for _ in range(4):
            found = grad(lambda h: np.sum(inside(h)))(X)
        np.testing.assert_allclose(found, grad(lambda h: np.sum(steps(h, 4)))(X), 1e-9, 1e-12)


if __name__ == "__main__":
    unittest.main()
