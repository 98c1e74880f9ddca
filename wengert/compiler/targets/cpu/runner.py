"""Runners of graphs: the interface between the tracer and the code generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.interpreter import interpret

__all__ = ["Runner", "interpreted", "native"]

Runner = Callable[[list[Any]], list[Any]]


def interpreted(graph: Graph) -> Runner:
    """Run a graph by NumPy, node by node: the reference."""

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
    from wengert.compiler.targets.cpu.program import Plan

    return Plan(graph).run
