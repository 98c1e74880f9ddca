"""Rules of fused functions, which are traced as a single call: forward and backward.

Rules are stateless: where backward needs values of forward, its rule emits forward again, and common subexpression
elimination merges the equal nodes.
"""

from __future__ import annotations

from typing import Any

from wengert.compiler.graph.graph import Node, fill
from wengert.compiler.lowering.embedding_rules import lookup, row_sums
from wengert.compiler.lowering.recurrence_rules import RECURRENCES, recurrence, recurrence_gradients, require_lengths
from wengert.compiler.lowering.rules import as_node
from wengert.compiler.lowering.window_rules import is_windowed, window_backward, window_forward
from wengert.functions._embedding import Embedding
from wengert.functions.one_call import Half

__all__ = ["lower_forward", "require_of_fused", "result_of_fused"]


def lower_forward(half: Half, line: str, arguments: tuple[Any, ...]) -> Node | None:
    """Lower the forward call of a fused function with one result; None where it stays a call."""
    _, kind, _ = half.alike
    if kind is Embedding and half.__name__ == kind.__name__:
        return lookup(as_node(arguments[0]), as_node(arguments[1]), line)
    if is_windowed(kind) and half.__name__ == kind.__name__:
        return window_forward(kind, arguments, line)
    return None


def require_of_fused(call: Node) -> None:
    """Add the guards of forward, once for all its results."""
    half = call.settings["function"]
    if isinstance(half, Half) and half.alike[1] in RECURRENCES and half.__name__ == half.alike[1].__name__:
        require_lengths(half.alike[1], fill(call.settings["arguments"], list(call.operands)), call.line)


def result_of_fused(call: Node, index: int) -> Node | None:
    """Lower one of several results of a fused function, forward or backward; None where it stays a call."""
    half = call.settings.get("function")
    if call.op != "call" or not isinstance(half, Half):
        return None
    _, kind, needs = half.alike
    arguments = fill(call.settings["arguments"], list(call.operands))
    found = None
    if half.__name__ == kind.__name__:
        if kind in RECURRENCES:
            found = recurrence(kind, arguments, call.line)
    else:
        values, _, gys = arguments
        if kind in RECURRENCES:
            found = recurrence_gradients(kind, values, gys, needs, call.line)
        elif kind is Embedding:
            indices, weight, padding_index = values
            sums = row_sums(as_node(indices), as_node(weight), as_node(gys[0]), padding_index, call.line)
            found = None if sums is None else [sums]
        elif is_windowed(kind):
            found = window_backward(kind, values, gys, needs, call.line)
    return None if found is None else found[index]
