"""Rows of a plan that Python computes: where their operands are is found when the plan is made, not at each call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node, Slot
from wengert.compiler.graph.interpreter import GuardFailed, compute, in_c_order

__all__ = ["PythonRow"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.dtype, type)


class PythonRow:
    """The computation of a node by Python.

    Parameters
    ----------
    node : Node
    fixed : callable
        ``fixed(node)``: the array that a value of the plan has at each call; None where each call has another.
    fetch : callable
        ``fetch(node, values, arrays, results)``: the array of a value in a call.
    """

    def __init__(self, node: Node, fixed: Callable[[Node], Any], fetch: Callable[..., Any]) -> None:
        self.node, self.fetch = node, fetch
        self.operands = [(fixed(x), x, x.weak) for x in node.operands]
        self.call = caller(node)

    def compute(self, values: Any, arrays: list[Any], results: list[Any]) -> Any:
        """The value: an array in C order that is of no other memory, or what the node is without a shape.

        Raises
        ------
        GuardFailed
            If a guard does not hold, or the value has not the form that it had when it was traced.
        """
        node, call = self.node, self.call
        operands = [self.fetch(x, values, arrays, results) if array is None else array for array, x, _ in self.operands]
        if call is None:
            value = compute(node, operands)
        else:
            value = call([x.item() if weak else x for x, (_, _, weak) in zip(operands, self.operands, strict=True)])
        if node.shape is None or node.op == "guard":
            return value
        if type(value) is not np.ndarray:
            value = np.asarray(value, node.dtype if type(value) in (float, int) else None)
        if value.shape != node.shape or value.dtype != node.dtype:
            raise GuardFailed(node, value)
        if node.op == "update":
            return value
        if not value.flags.c_contiguous:
            value = in_c_order(value)
        return value.copy() if value.base is not None or any(value is x for x in operands) else value


def caller(node: Node) -> Callable[[list[Any]], Any] | None:
    """Call the function of a node whose arguments are operands and constants; None where others have to be filled."""
    if node.op not in ("call", "random"):
        return None
    function, arguments, keywords = (node.settings[name] for name in ("function", "arguments", "keywords"))
    if not all(type(x) is Slot or isinstance(x, PLAIN) for x in arguments):
        return None
    if not all(isinstance(x, PLAIN) for x in keywords.values()):
        return None
    if arguments == tuple(map(Slot, range(len(node.operands)))):
        if not keywords:
            return lambda operands: function(*operands)
        return lambda operands: function(*operands, **keywords)
    parts = [(x.index, None) if type(x) is Slot else (None, x) for x in arguments]
    return lambda operands: function(*[x if i is None else operands[i] for i, x in parts], **keywords)
