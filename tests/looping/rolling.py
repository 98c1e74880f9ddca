"""A runner that runs each graph in several ways, with loops and without, and compares the results."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.graph.loop import Loop
from wengert.compiler.passes import periods, steps
from wengert.compiler.passes.optimize import optimize
from wengert.compiler.passes.simplify import merged, simplify
from wengert.compiler.passes.unroll import unrolled
from wengert.compiler.targets.cpu.program import Plan
from wengert.compiler.targets.cpu.runner import Runner, interpreted, native

__all__ = ["Comparison", "loops_of", "short_loops"]


@contextlib.contextmanager
def short_loops(least: int = 3, saved: int = 2, longest: int = 1) -> Iterator[None]:
    """Let loops of few steps be rolled."""
    with (
        mock.patch.object(periods, "LEAST_STEPS", least),
        mock.patch.object(steps, "LEAST_STEPS", least),
        mock.patch.object(periods, "LEAST_SAVED", saved),
        mock.patch.object(steps, "LONGEST", longest),
    ):
        yield


def loops_of(graph: Graph) -> list[Loop]:
    """The loops of a graph, and those within them."""
    found = [node.settings["loop"] for node in graph.nodes if node.op == "loop"]
    return found + [inside for loop in found for inside in loops_of(loop.body)]


def depth(graph: Graph) -> int:
    return max((1 + depth(node.settings["loop"].body) for node in graph.nodes if node.op == "loop"), default=0)


def without_loops(graph: Graph) -> Graph:
    return simplify(merged(graph))


class Comparison:
    """Makes runners: `run(graph)` gives one that runs a graph, which has been lowered only, in all ways.

    Attributes
    ----------
    failures : list of str
        How the ways differ.
    counts : Counter
        Of graphs: how many, how many with loops, with loops in loops, with loops that have guards.
    """

    def __init__(self, close: float, with_native: bool) -> None:
        self.close, self.with_native = close, with_native
        self.failures: list[str] = []
        self.counts: collections.Counter[str] = collections.Counter()
        self.last: tuple[Graph | None, Graph | None] = None, None

    def rolled(self, graph: Graph) -> Graph:
        if graph is self.last[0] and self.last[1] is not None:
            return self.last[1]
        with short_loops():
            found = optimize(graph)
        self.last = graph, found
        self.counts["graphs"] += 1
        loops = loops_of(found)
        self.counts["with loops"] += bool(loops)
        self.counts["with loops in loops"] += depth(found) > 1
        self.counts["with guards in loops"] += any(node.op == "guard" for loop in loops for node in loop.body.nodes)
        return found

    def in_longer_steps(self, graph: Graph) -> Graph:
        with short_loops(longest=24):
            return optimize(graph)

    def native(self, graph: Graph) -> Runner:
        found = Plan(graph)
        self.counts["native graphs"] += 1
        self.counts["with native loops"] += bool(loops_of(found.graph))
        return found.run

    def ways(self) -> dict[str, Callable[[Graph], Runner]]:
        """The first is the reference."""
        found: dict[str, Callable[[Graph], Runner]] = {
            "lowered": interpreted,
            "simplified": lambda graph: interpreted(without_loops(graph)),
            "rolled": lambda graph: interpreted(self.rolled(graph)),
            "rolled and unrolled": lambda graph: interpreted(unrolled(self.rolled(graph), lambda loop: True)),
        }
        if self.with_native:
            found["native"] = lambda graph: self.native(self.rolled(graph))
            found["native, steps of several"] = lambda graph: native(self.in_longer_steps(graph))
            found["native, long loops"] = lambda graph: native(optimize(graph))
            found["native, without loops"] = lambda graph: native(without_loops(graph))
        return found

    def run(self, graph: Graph) -> Runner:
        runners = {}
        for name, make in self.ways().items():
            try:
                runners[name] = make(graph)
            except Exception as error:  # noqa: BLE001  (each is told)
                self.failures.append(f"{name}: cannot be made: {type(error).__name__}: {error}")

        def run(arrays: list[Any]) -> list[Any]:
            known: Any = None
            for name, runner in runners.items():
                mine = [np.array(x, order="K") for x in arrays]
                try:
                    found: Any = (*runner(mine), *mine)
                except GuardFailed as failed:
                    found = failed
                except Exception as error:  # noqa: BLE001  (each is told)
                    self.failures.append(f"{name}: {type(error).__name__}: {error}")
                    continue
                if known is None:
                    known = found
                else:
                    self.compare(name, known, found)
            if isinstance(known, GuardFailed):
                raise known
            results, new = known[: len(graph.results)], known[len(graph.results) :]
            for x, y in zip(arrays, new, strict=True):
                if x.tobytes() != y.tobytes():
                    x[...] = y
            return list(results)

        return run

    def compare(self, name: str, known: Any, found: Any) -> None:
        failed = [isinstance(x, GuardFailed) for x in (known, found)]
        if all(failed):
            return
        if any(failed):
            self.failures.append(f"{name}: a guard fails {'here alone' if failed[1] else 'elsewhere, but not here'}")
            return
        for i, (a, b) in enumerate(zip(known, found, strict=True)):
            if a.shape != b.shape or a.dtype != b.dtype:
                self.failures.append(f"{name}: result {i}: {b.shape} {b.dtype}, not {a.shape} {a.dtype}")
            elif not np.allclose(a, b, self.close, self.close, equal_nan=True):
                self.failures.append(f"{name}: result {i} is {b.tolist()}, not {a.tolist()}")
