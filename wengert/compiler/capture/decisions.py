"""Decisions that are checked together at the end of a plan: see `wengert.arrays.decisions`."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.capture.frequent_calls import BOTH
from wengert.compiler.capture.tape import Tape
from wengert.compiler.graph.calls import calling
from wengert.compiler.graph.graph import Node

__all__ = ["add_guards"]

ZERO = np.zeros(())


def add_guards(tape: Tape) -> None:
    """Record the guards of all decisions: of those that were true, of those that were false, and of finite sums."""
    sums = [(node, value) for node, value in tape.sums.items() if np.isfinite(value)]
    conditions = list(tape.conditions.items())
    conditions += [(is_finite(node), False) for node, value in tape.sums.items() if not np.isfinite(value)]
    total = sum((np.asarray(value) for _, value in sums), ZERO)  # (in double precision, or wider)
    if sums and np.isfinite(total):
        guard(tape, is_finite(summed([node for node, _ in sums])), True)
    else:  # the sum of all overflows
        conditions += [(is_finite(node), True) for node, _ in sums]
    for outcome, ufunc in ((True, np.logical_and), (False, np.logical_or)):
        nodes = [node for node, found in conditions if found is outcome]
        if nodes:
            guard(tape, joined(ufunc, nodes), outcome)


def guard(tape: Tape, node: Node, outcome: bool) -> None:
    tape.guard(Node("call", (node,), calling(bool), (), np.bool_), outcome, node.line)


def is_finite(node: Node) -> Node:
    return Node("call", (node,), calling(np.isfinite), (), np.bool_, line=node.line)


def summed(nodes: list[Node]) -> Node:
    """The sum of all, which is finite only where each of them is."""
    total = Node("constant", (), {"array": ZERO}, (), ZERO.dtype, line=nodes[0].line)
    for node in nodes:
        dtype = np.result_type(total.dtype, node.dtype)
        total = Node("call", (total, node), BOTH[np.add], (), dtype, line=nodes[0].line)
    return total


def joined(ufunc: Any, nodes: list[Node]) -> Node:
    found, *others = nodes
    for node in others:
        found = Node("call", (found, node), BOTH[ufunc], (), np.bool_, line=nodes[0].line)
    return found
