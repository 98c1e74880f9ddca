"""From a traced graph to the one that is planned: lowered, with its loops, and simplified."""

from __future__ import annotations

from wengert.compiler.graph.graph import Graph
from wengert.compiler.passes.roll import roll
from wengert.compiler.passes.simplify import merged, simplify

__all__ = ["optimize"]


def optimize(graph: Graph) -> Graph:
    """Find the loops of a lowered graph, and simplify it and their bodies.

    Loops are looked for before and after. Before, each step still reads arrays where it has written to them, so that
    loops within loops are alike; and what is repeated is simplified once. Afterwards, what was different may be alike.
    """
    return roll(simplify(roll(merged(graph))))
