"""Lower calls of NumPy to structured operations: elementwise, select, reduce, matmul, view.

The rules are in modules by topic; each registers its own in `wengert.compiler.lowering.rules`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from wengert.compiler.graph import build
from wengert.compiler.graph.build import convert, elementwise, strided, with_layout_of, with_operands
from wengert.compiler.graph.calls import Method
from wengert.compiler.graph.graph import EFFECTS, Graph, Node, NotLowered, Slot, fill
from wengert.compiler.graph.verify import verify
from wengert.compiler.lowering import (
    accumulation_rules,
    complex_rules,
    convolution_rules,
    creation_rules,
    einsum_rules,
    elementwise_rules,
    fft_rules,
    indexing_rules,
    linalg_rules,
    nan_rules,
    norm_rules,
    product_rules,
    reduction_rules,
    repeat_rules,
    selection_rules,
    shape_rules,
    sorting_rules,
)
from wengert.compiler.lowering.definitions import by_definition
from wengert.compiler.lowering.fused_functions import lower_forward, require_of_fused, result_of_fused
from wengert.compiler.lowering.loop_rules import generalized_call, several_outputs
from wengert.compiler.lowering.no_elements import without_elements
from wengert.compiler.lowering.rules import METHODS, REQUIRED, RULES, TUPLE_RULES, as_node, takes
from wengert.compiler.lowering.selection_rules import SIZED, SIZED_TUPLES
from wengert.compiler.lowering.shape_rules import array_of
from wengert.functions.one_call import Half

__all__ = ["lower"]

RULE_MODULES = (
    accumulation_rules,
    complex_rules,
    convolution_rules,
    fft_rules,
    nan_rules,
    norm_rules,
    einsum_rules,
    elementwise_rules,
    indexing_rules,
    creation_rules,
    linalg_rules,
    product_rules,
    reduction_rules,
    repeat_rules,
    selection_rules,
    shape_rules,
    sorting_rules,
)


DECIDING = (np.allclose, np.array_equal)
ELEMENTWISE = (*build.NUMBER, np.ndarray, np.generic)  # what a ufunc takes beside nodes


def lower(graph: Graph) -> Graph:
    """Replace the calls that have a rule, in the graph of a trace, which is verified."""
    verify(graph)
    effects: list[Node] = []

    def lower_and_collect(node: Node, operands: tuple[Node, ...]) -> Node:
        new = lower_node(node, operands)
        if new.op in EFFECTS:
            effects.append(new)  # (in topological order: guards that an effect depends on are listed before it)
        return new

    token = REQUIRED.set(effects)
    try:
        found = graph.replaced(lower_and_collect)
    finally:
        REQUIRED.reset(token)
    return Graph(found.inputs, found.results, found.assignments, effects, found.as_written)


def lower_node(node: Node, operands: tuple[Node, ...]) -> Node:
    """Lower a node, given its new operands."""
    if node.op == "call" and node.shape is not None:
        return lower_call_node(node, operands)
    unchanged = node.copy(operands)
    if node.op == "view":
        root = with_layout_of(operands[0], node.operands[0], node.line)
        return strided(root, node.shape or (), node.settings["strides"], node.settings["offset"], node.line)
    if node.op == "update":
        return with_operands(node, operands)
    if (
        node.op == "convert"
        and (operands[0].shape, operands[0].dtype) == (node.shape, node.dtype)
        and not operands[0].weak
    ):
        # (views of it depend on its strides)
        return operands[0] if build.root_of(operands[0])[2] == node.strides else unchanged
    if node.op == "tuple_get":
        found = result_of_call(operands[0], node)
        if found is None or found.shape != node.shape:
            return unchanged
        return found if found.dtype == node.dtype else convert(found, dtype=node.dtype, line=node.line)
    if node.op == "call" and node.shape is None:
        if node.settings["function"] in DECIDING:
            return decision(unchanged)
        require_of_fused(unchanged)
    return unchanged


def decision(call: Node) -> Node:
    """Lower a call whose result is a boolean of Python, which guards compare."""
    found = lowered(call.settings["function"], call.line, *arguments_of(call))
    return found if isinstance(found, Node) and (found.shape, found.dtype) == ((), np.bool_) else call


def lower_call_node(node: Node, operands: tuple[Node, ...]) -> Node:
    """Lower a call with one result."""
    settings = node.settings
    args = tuple([operands[x.index] if type(x) is Slot else fill(x, operands) for x in settings["arguments"]])
    kwargs = fill(settings["keywords"], operands) if settings["keywords"] else {}
    found = without_elements(node, node.settings["function"], operands)
    if found is None:
        found = sized(SIZED, node, settings["function"], (), args, kwargs)
    if found is None:
        found = lowered(settings["function"], node.line, args, kwargs)
    if not isinstance(found, Node) or found.shape != node.shape:
        return node.copy(operands)
    if found.dtype != node.dtype:
        found = convert(found, dtype=node.dtype, line=node.line)
    if node.weak and not found.weak:
        if found in operands:
            return node.copy(operands)
        found.weak = True  # results of arithmetic on Python numbers are weakly typed, too
    return found


def arguments_of(call: Node) -> tuple[Any, Any]:
    """The arguments of a call, with nodes in place of arrays."""
    operands = list(call.operands)
    return fill(call.settings["arguments"], operands), fill(call.settings["keywords"], operands)


def lowered(function: Any, line: str, args: Any, kwargs: Any) -> Any:
    """Lower a call by its rule, or else by a definition in terms of other functions; None where it stays a call."""
    if type(kwargs.get("keepdims")) in (int, np.bool_):
        kwargs = kwargs | {"keepdims": bool(kwargs["keepdims"])}
    try:
        found = lower_call(function, line, args, dict(kwargs))
    except NotLowered:
        found = None
    return by_definition(function, line, args, kwargs, lowered, several) if found is None else found


def sized(
    table: dict[Any, Any], node: Node, function: Any, which: tuple[int, ...], args: Any, kwargs: Any
) -> Node | None:
    """Lower a call whose result has a size that depends on values; None where it has no such rule."""
    try:
        rule = table.get(function)
    except TypeError:  # (it is not hashable)
        return None
    if rule is None or not takes(rule, 2 + len(which) + len(args), tuple(kwargs)):
        return None
    guards = REQUIRED.get()
    count = len(guards)
    try:
        found = rule(node.line, node.shape, *which, *args, **kwargs)
    except NotLowered:
        found = None
    if found is None:
        del guards[count:]
    return found  # type: ignore[no-any-return]


def result_of_call(call: Node, result: Node) -> Node | None:
    """Lower one of several results of a call; None where it stays a call."""
    if call.op != "call":
        return None
    function, index = call.settings["function"], result.settings["index"]
    found_empty = without_elements(result, function, call.operands, call.settings)
    if found_empty is not None:
        return found_empty
    found_sized = sized(SIZED_TUPLES, result, function, (index,), *arguments_of(call))
    if found_sized is not None:
        return found_sized
    if isinstance(function, Half):
        return result_of_fused(call, index)
    found = several(function, call.line, *arguments_of(call))
    return None if found is None or index >= len(found) else found[index]


def several(function: Any, line: str, args: Any, kwargs: Any) -> list[Node] | None:
    """Lower a call with several results; None where it stays a call."""
    rule: Any = functools.partial(several_outputs, function) if isinstance(function, np.ufunc) else None
    if rule is None:
        rule = TUPLE_RULES.get(function)
    found = None
    if rule is not None and (isinstance(function, np.ufunc) or takes(rule, len(args) + 1, tuple(kwargs))):
        try:
            found = rule(line, *args, **kwargs)
        except NotLowered:
            found = None
    if found is not None:
        return found  # type: ignore[no-any-return]
    defined = by_definition(function, line, args, kwargs, lowered, several)
    return [as_node(x) for x in defined] if isinstance(defined, (tuple, list)) else None


def lower_call(function: Any, line: str, args: Any, kwargs: Any) -> Node | None:
    """Apply the rule of a function."""
    if isinstance(function, Half):
        return lower_forward(function, line, args)
    if isinstance(function, Method):
        function = METHODS.get(function.name, function)
    if isinstance(function, np.ufunc) and function.signature is not None:
        rule = RULES.get(function)
        found = rule(line, *args, **kwargs) if rule is not None and takes(rule, len(args) + 1, tuple(kwargs)) else None
        return generalized_call(line, function, *args, **kwargs) if found is None else found
    if isinstance(function, np.ufunc) and function.signature is None:
        if function.nout != 1:
            return None
        dtype = kwargs.pop("dtype", None)
        if "casting" in kwargs and all(isinstance(a, Node) and a.dtype == args[0].dtype for a in args):
            del kwargs["casting"]  # (nothing is cast)
        if kwargs:
            return None
        if any(isinstance(a, (list, tuple)) for a in args):
            args = [array_of(a, line) if isinstance(a, (list, tuple)) else a for a in args]
        for a in args:
            if type(a) is not Node and not isinstance(a, ELEMENTWISE):
                return None
        return elementwise(function, *args, dtype=dtype, line=line)
    rule = RULES.get(function)
    if rule is None or not takes(rule, len(args) + 1, tuple(kwargs)):
        return None
    return rule(line, *args, **kwargs)
