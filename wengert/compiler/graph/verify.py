"""What a well-formed graph is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wengert.compiler.graph.build import broadcast_shape
from wengert.compiler.graph.graph import OPERATIONS, Graph, Node, VerificationError, product_shape, reach_of, reduced

__all__ = ["errors_of", "verify"]


def verify(graph: Graph, known: set[Node] | None = None) -> None:
    """Raise VerificationError if a graph is not well formed.

    Nodes of `known` were checked before and are skipped; the others are added to it.
    """
    seen: set[Node] = set()
    for node in graph.nodes:
        errors = [] if known is not None and node in known else list(errors_of(node))
        if not seen.issuperset(node.operands):
            errors += [f"its operand {x!r} comes later or is missing" for x in node.operands if x not in seen]
        if errors:
            raise VerificationError(f"{node.text()}: {'; '.join(errors)}")
        seen.add(node)
    if known is not None:
        known |= seen
    draws = [x.number for x in graph.effects if x.op == "random"]
    if draws != sorted(draws):
        raise VerificationError(f"random numbers are drawn in another order: {draws}")
    for role, node in (
        *(("a result", x) for x in graph.results),
        *(("an assignment", n) for _, n in graph.assignments),
    ):
        if node not in seen:
            raise VerificationError(f"{role} {node.text()} is not computed")
    for into, new in graph.assignments:
        if into not in graph.inputs:
            raise VerificationError(f"{into.text()} is assigned, but is no input")
        if (into.shape, into.dtype) != (new.shape, new.dtype):
            raise VerificationError(f"{new.text()} is assigned to {into.text()}, of another shape or dtype")


def errors_of(node: Node) -> Iterator[str]:
    """Yield a message for each invariant that a node violates."""
    if node.op not in OPERATIONS:
        yield "there is no such operation"
        return
    count, settings = OPERATIONS[node.op]
    if count is not None and len(node.operands) != count:
        yield f"it takes {count} operands"
    if len(node.settings) != len(settings) or not all(map(node.settings.__contains__, settings)):
        yield f"its settings must be {settings}"
        return
    if node.op == "call":  # (of which there are many in a trace, and nothing else to check)
        return
    arrays = [x for x in node.operands if x.shape is not None]
    wanted: Any
    if node.op in ("view", "update") and arrays:
        shape: Any = node.shape if node.op == "view" else node.settings["shape"]
        root, offset = arrays[0], node.settings["offset"]
        if 0 not in shape:
            low, high = (offset + r for r in reach_of(shape, node.settings["strides"]))
            bottom, top = reach_of(root.shape or (), root.strides or ())
            if low < bottom or high > top:
                yield f"it reads the elements {low} to {high} of memory that reaches from {bottom} to {top}"
        if node.dtype != root.dtype:
            yield f"its dtype must be that of its root, {root.dtype}"
        if node.op == "update" and arrays[1:] and (arrays[1].shape, arrays[1].dtype) != (shape, node.dtype):
            yield f"the new elements must have the shape {shape} and the dtype {node.dtype}"
        if node.op == "update" and node.shape != root.shape:
            yield f"its shape must be that of its root, {root.shape}"
    if node.op in ("elementwise", "select"):
        shapes = tuple([x.shape or () for x in node.operands])
        try:
            wanted = broadcast_shape(shapes)
        except ValueError:
            yield f"the shapes {list(shapes)} do not broadcast"
        else:
            if node.shape != wanted:
                yield f"its shape must be {wanted}"
    if node.op == "convert" and arrays:
        old, new = arrays[0].shape or (), node.shape or ()
        more = len(old) - len(new)  # (an assignment accepts additional leading axes of length 1)
        if any(n not in (1, m) for n, m in zip(old[::-1], [*new[::-1], *(1,) * more], strict=False)):
            yield f"an array of the shape {old} does not broadcast to {new}"
    if node.op == "reduce" and arrays:
        wanted = reduced(arrays[0].shape or (), node.settings["axes"], node.settings["keepdims"])
        if node.shape != wanted:
            yield f"its shape must be {wanted}"
    if node.op == "matmul" and len(arrays) == 2:
        wanted = product_shape(*(x.shape or () for x in arrays))
        if wanted is None or node.shape != wanted:
            yield f"it cannot multiply {arrays[0].shape} and {arrays[1].shape} to {node.shape}"
