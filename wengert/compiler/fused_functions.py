"""Fused functions that stay one call when they are traced, as nodes: forward, and what is backward of it.

A rule is stateless: that of backward puts forward down again, where it needs what forward has computed, and equal nodes
become one later.
"""

from __future__ import annotations

from wengert.compiler.graph import Node, fill
from wengert.compiler.recurrence_lowering import RECURRENCES, recurrence, recurrence_gradients
from wengert.functions.one_call import Half

__all__ = ["part_of_fused"]


def part_of_fused(call: Node, index: int) -> Node | None:
    """One of the results of a fused function, forward or backward; None where it stays a call."""
    found = results_of(call)
    return None if found is None else found[index]


def results_of(call: Node) -> list[Node] | None:
    half = call.settings.get("function")
    if call.op != "call" or not isinstance(half, Half):
        return None
    _, kind, needs = half.alike
    arguments = fill(call.settings["arguments"], list(call.operands))
    if kind not in RECURRENCES:
        return None
    if half.__name__ == kind.__name__:
        return recurrence(kind, arguments, call.line)
    values, _, gys = arguments
    return recurrence_gradients(kind, values, gys, needs, call.line)
