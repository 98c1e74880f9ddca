"""Constant folding, algebraic simplification, common subexpression elimination, and simplification of writes."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_not, itemgetter
from typing import Any

import numpy as np

from wengert.compiler.graph.build import (
    SMALL,
    constant,
    convert,
    elementwise,
    root_of,
    select,
    uniform_value,
    with_operands,
)
from wengert.compiler.graph.graph import OPERATIONS, Graph, Node, NotLowered, Slot
from wengert.compiler.graph.interpreter import compute, equal, with_numbers
from wengert.compiler.graph.verify import verify
from wengert.compiler.passes.writes import Writes, without_overwritten

__all__ = ["freeze", "merged", "settings_key", "simplify"]

MOST_ROUNDS = 10


def simplify(graph: Graph) -> Graph:
    """Apply all of it until nothing changes; the graph is verified after each round."""
    count = len(graph.nodes) + 1
    known: set[Node] = set()
    keys: dict[Node, Any] = {}
    settled: set[Node] = set()  # nodes that are as simple as `finish` makes them
    rounds, changed = 0, False
    while len(graph.nodes) < count or (changed and rounds < MOST_ROUNDS):
        count = len(graph.nodes)
        rounds += 1
        merge = common_subexpressions(keys)

        def finish(node: Node, merge: Any = merge) -> Node:
            return merge(rewrite(fold(node, node.operands)))  # type: ignore[no-any-return]

        writes = Writes(graph, finish)

        def change(node: Node, operands: tuple[Node, ...], merge: Any = merge, writes: Writes = writes) -> Node:
            if node in settled and operands == node.operands:
                return writes.rewritten(merge(node), node)
            found = rewrite(fold(node, operands))
            if found is node:
                settled.add(node)
            return writes.rewritten(merge(found), node)

        graph = graph.replaced(change)
        changed = writes.changed
        if writes.active:
            graph = without_overwritten(graph)
        verify(graph, known)
    return graph


def merged(graph: Graph) -> Graph:
    """Fold constants, and merge equal values; what is written stays as it is."""
    merge = common_subexpressions({})
    return graph.replaced(lambda node, operands: merge(rewrite(fold(node, operands))))


def fold(node: Node, operands: tuple[Node, ...]) -> Node:
    """Constant folding."""
    if not operands or operands[0].op != "constant":
        return with_operands(node, operands)
    if is_conversion(node) and operands[0].size == 1 and not node.weak:
        return constant(np.asarray(compute(node, [operands[0].settings["array"]]), node.dtype), node.line)
    if node.op in ("elementwise", "select", "reduce", "view", "convert", "matmul") and all(
        x.op == "constant" for x in operands
    ):
        uniform = [uniform_value(x) for x in operands]
        if node.op in ("elementwise", "select", "convert", "view") and all(u is not None for u in uniform):
            # The result is filled with one value, which takes no memory, whatever its size.
            small = [np.asarray(u) for u in uniform]
            if node.op in ("convert", "view"):
                value = np.asarray(small[0]).astype(node.dtype)
            else:
                with np.errstate(all="ignore"):
                    value = np.asarray(compute(node, small)).astype(node.dtype)
            return constant(np.broadcast_to(value, node.shape or ()), node.line)
        if node.size <= SMALL:
            with np.errstate(all="ignore"):
                value = compute(node, [np.ascontiguousarray(x.settings["array"]) for x in operands])
            return constant(np.ascontiguousarray(value).reshape(node.shape), node.line)
    return with_operands(node, operands)


def is_conversion(node: Node) -> bool:
    """Whether a node is a conversion to a Python number."""
    settings = node.settings
    return node.op == "call" and settings["function"] in (bool, int, float) and settings["arguments"] == (Slot(0),)


def rewrite(node: Node) -> Node:
    """Simplify by exact algebra: x * 1, x + (-0), x - 0, x / 1, -(-x), conversions without effect."""
    if node.op == "convert":
        x = node.operands[0]
        if x.op == "constant" and uniform_value(x) is not None and not x.weak:
            value = np.asarray(uniform_value(x)).astype(node.dtype)
            return constant(np.broadcast_to(value, node.shape or ()), node.line)
        if (x.shape, x.dtype) == (node.shape, node.dtype) and not x.weak and root_of(x)[2] == node.strides:
            return x
    if node.op == "guard":
        x = node.operands[0]
        return x if x.op == "constant" and equal(x.settings["array"], node.settings["value"]) else node
    if node.op != "elementwise":
        return node
    if has_halves(node):
        node = with_wider(node)
    ufunc, operands, numbers = node.settings["ufunc"], node.operands, node.settings["numbers"]
    if numbers == (None, None) and operands[0].op != "constant" and operands[1].op != "constant":
        return node  # (all that is simplified of two operands has a number)
    before = with_numbers(list(operands), numbers)
    parts = [as_number(p, node) if isinstance(p, Node) and p.op == "constant" else p for p in before]
    found = algebra(ufunc, parts, node) if ufunc in ALGEBRAIC else None
    if found is not None and (found.shape, found.dtype) == (node.shape, node.dtype):
        return found
    if any(map(is_not, parts, before)):
        try:
            again = elementwise(ufunc, *parts, line=node.line)
        except NotLowered:  # (a number of a wider dtype than that of the other operand)
            return node
        dtypes = node.settings["dtypes"]
        if (again.shape, again.dtype, again.settings["dtypes"]) == (node.shape, node.dtype, dtypes):
            again.weak = node.weak
            return again
    return node


def has_halves(node: Node) -> bool:
    """Whether it computes wider numbers of operands in half precision."""
    for x in node.operands:
        if x.dtype == np.float16:
            return node.dtype in (np.float32, np.float64)
    return False


def with_wider(node: Node) -> Node:
    """A function of wider numbers, in which operands that are chosen in half precision (0, 1/2, 1) are as wide."""
    operands = tuple(x if x.dtype != np.float16 else widened(x, node.dtype) or x for x in node.operands)
    if node.settings["dtypes"] is None or any(d.kind == "f" and d != node.dtype for d in node.settings["dtypes"]):
        return node
    return node.copy(operands)


def widened(x: Node, dtype: Any) -> Node | None:
    """A value of half precision that is a choice of constants, in another dtype; None if it is something else."""
    if x.op == "constant" and not x.weak and (value := uniform_value(x)) is not None:
        return constant(np.broadcast_to(np.asarray(value).astype(dtype), x.shape or ()), x.line)
    if x.op == "convert" and x.operands[0].dtype is not None and x.operands[0].dtype.kind == "b":
        return convert(x.operands[0], x.shape, dtype, x.line)
    if x.op == "select" and len(x.operands) == 3:
        first, second = (widened(y, dtype) for y in x.operands[1:])
        if first is not None and second is not None:
            return select(x.operands[0], first, second, x.line)
    return None


def as_number(part: Node, node: Node) -> Any:
    """Replace a constant filled with one number by the number, where that changes neither shape nor dtype."""
    value = uniform_value(part)
    if value is None or part.dtype.kind not in "fiub":
        return part
    # Only where another operand has the shape of the result.
    others = [x for x in node.operands if x is not part]
    if not any(x.shape == node.shape for x in others):
        return part
    number = value.item()
    return number if type(number) in (float, int) and np.asarray(number, part.dtype) == value else part


# The ufuncs of which `algebra` simplifies calls.
ALGEBRAIC = {np.negative, np.positive, np.conjugate, np.multiply, np.true_divide, np.subtract, np.add}


def algebra(ufunc: np.ufunc, parts: list[Any], node: Node) -> Node | None:
    """A simpler node of equal value, or None."""
    if len(parts) == 1:
        x = parts[0]
        if ufunc is np.negative and x.op == "elementwise" and x.settings["ufunc"] is np.negative:
            return x.operands[0] if x.operands else None
        if ufunc is np.positive or (ufunc is np.conjugate and x.dtype.kind in "biuf"):
            return x if isinstance(x, Node) else None
        return None
    if len(parts) != 2:
        return None
    a, b = parts
    if isinstance(a, Node) == isinstance(b, Node):
        return None
    x, number = (a, b) if isinstance(a, Node) else (b, a)
    right = x is a  # whether the number is the right operand
    if x.weak or node.dtype.kind == "c":  # (complex infinity times 1 has a NaN, and there are the signs of both zeros)
        return None
    if ufunc is np.multiply and number == 1:
        return x
    if ufunc is np.multiply and number == -1 and node.dtype.kind == "f":
        return elementwise(np.negative, x, line=node.line)
    if ufunc is np.true_divide and right and number == 1 and x.dtype.kind == "f":
        return x
    if ufunc is np.true_divide and right and x.dtype in (np.float32, np.float64) and is_power_of_two(number):
        return elementwise(np.multiply, x, 1 / number, line=node.line)
    if ufunc is np.subtract and right and number == 0 and not np.signbit(number):
        return x
    if ufunc is np.add and number == 0 and np.signbit(number):
        return x
    return None


def is_power_of_two(number: Any) -> bool:
    """Whether its reciprocal is exact."""
    return (
        bool(number) and np.isfinite(number) and abs(np.frexp(float(number))[0]) == 0.5 and 1e-30 < abs(number) < 1e30
    )


NOT_COMPUTED = ("constant", "view", "guard")  # equal ones are merged, though they are of different runs


def common_subexpressions(keys: dict[Node, Any]) -> Callable[[Node], Node]:
    """Common subexpression elimination: a function that maps each node to the first equal node.

    `keys` has what nodes are compared by, of those that were compared before.
    """
    known: dict[Any, Node] = {}

    def merge(node: Node) -> Node:
        if node.op == "random" or node.op == "input":
            return node
        key = keys.get(node)
        if key is None:
            again = 0 if node.op in NOT_COMPUTED else node.run.again
            key = node.op, node.operands, settings_key(node), node.shape, node.dtype, node.weak, again
            keys[node] = key
        return known.setdefault(key, node)

    return merge


# Operations whose settings are integers, tuples of them, and ufuncs.
PLAIN: dict[str, Callable[[dict[str, Any]], Any]] = {
    op: itemgetter(*OPERATIONS[op][1]) for op in ("view", "update", "reduce", "tuple_get")
}
PLAIN |= dict.fromkeys(("convert", "matmul"), len)  # (they have none)


def settings_key(node: Node) -> Any:
    """A hashable key of the settings: nodes with equal keys and operands compute equal values."""
    settings = node.settings
    if node.op == "elementwise":
        numbers = settings["numbers"]
        if numbers.count(None) < len(numbers):
            numbers = freeze(numbers)
        return settings["ufunc"], numbers, settings["dtypes"]
    if node.op in PLAIN:
        return PLAIN[node.op](settings)
    if node.op == "constant":
        array = settings["array"]
        uniform = uniform_value(node)
        if uniform is not None:
            return (np.asarray(uniform).tobytes(),)
        return array.tobytes() if array.nbytes <= 8 * SMALL else id(array)
    if node.op == "call":
        return freeze((settings["function"], settings["arguments"], settings["keywords"]))
    return freeze(tuple(settings[k] for k in sorted(settings)))


def freeze(value: Any) -> Any:
    """A hashable value with strict equality: 1, 1.0 and True differ, so do 0.0 and -0.0."""
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(freeze, value))
    if isinstance(value, dict):
        return ("dict", *((k, freeze(v)) for k, v in value.items()))
    if isinstance(value, slice):
        return ("slice", freeze(value.start), freeze(value.stop), freeze(value.step))
    if isinstance(value, float):
        return ("float", value.hex())
    if isinstance(value, np.generic):
        return (type(value).__name__, value.tobytes())
    try:
        hash(value)
    except TypeError:
        return ("object", id(value))
    return (type(value).__name__, value)
