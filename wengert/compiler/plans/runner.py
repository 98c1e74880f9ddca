"""What runs a graph: the one seam between the tracer and the code generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graphs.graph import Graph
from wengert.compiler.graphs.interpreter import interpret

__all__ = ["Runner", "interpreted", "native"]

Runner = Callable[[list[Any]], list[Any]]


def interpreted(graph: Graph) -> Runner:
    """Run a graph node by node by NumPy: the reference, and what tests use where nothing is compiled."""

    def run(arrays: list[Any]) -> list[Any]:
        with np.errstate(all="ignore"):
            results, new = interpret(graph, arrays)
        fresh = [np.array(r, order="C") for r in results]
        for (node, _), value in zip(graph.assignments, new, strict=True):
            arrays[graph.inputs.index(node)][...] = value
        return fresh

    return run


def native(graph: Graph) -> Runner:
    """Compile a graph."""
    from wengert.compiler.plans.plan import Plan

    return Plan(graph).run
