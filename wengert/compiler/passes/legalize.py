"""Legalization, before scheduling: operations that fused loops and kernels do not support are rewritten."""

from __future__ import annotations

import math

import numpy as np

from wengert.compiler.graph.build import constant, convert, reduction, reshape, root_of, transpose, with_operands
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.kernel import in_c_order
from wengert.compiler.graph.regions import is_injective, meet, region
from wengert.compiler.passes.double_buffering import double_buffered
from wengert.compiler.passes.fuse_relu import fuse_relu
from wengert.compiler.passes.initialization import partly_filled
from wengert.compiler.passes.inner_loops import by_inner_loops
from wengert.compiler.passes.late_reads import read_late
from wengert.compiler.passes.overlapping_sums import sums_in_one_write
from wengert.compiler.passes.short_reductions import short_reductions
from wengert.compiler.targets.llvm.blas_call import with_layout

__all__ = ["legalize"]


def legalize(graph: Graph) -> Graph:
    """Rewrite a graph for scheduling. No result is an input, a constant or a view, and no assigned value an input."""
    graph = short_reductions(sums_in_one_write(read_late(graph)))
    graph = transposed_products(fuse_relu(graph)).replaced(legalize_node)
    graph = partly_filled(double_buffered(graph))
    returned: set[Node] = set()
    results = []
    for x in graph.results:
        if x.op in ("input", "constant", "view") or x in returned or x.strides != c_strides(x.shape or ()):
            x = convert(x, line=x.line)
        returned.add(x)
        results.append(x)
    assignments = []
    for into, new in graph.assignments:
        if root_of(new)[0].op == "input":
            if new is into:
                continue
            new = convert(new, line=new.line)
        assignments.append((into, new))
    return by_inner_loops(Graph(graph.inputs, results, assignments, graph.effects))


def transposed_products(graph: Graph) -> Graph:
    """Replace matrix products of which only the transpose is used by products that yield the transpose.

    (Reading a transpose goes through memory by columns, which takes several times as long.)
    """
    if all(node.op != "matmul" for node in graph):
        return graph
    kept = {root_of(x)[0] for x in (*graph.results, *(new for _, new in graph.assignments)) if x.op != "view"}
    users = graph.users()
    found = {
        node
        for node in graph
        if node.op == "matmul"
        and node.size
        and node not in kept
        and all(x.ndim > 1 for x in node.operands)
        and users[node]
        and all(is_transpose(user) for user in users[node])
    }
    if not found:
        return graph

    def swap(node: Node, operands: tuple[Node, ...]) -> Node:
        if node in found:
            a, b = operands
            shape = (*(node.shape or ())[:-2], (node.shape or ())[-1], (node.shape or ())[-2])
            return Node("matmul", (swapped(b), swapped(a)), {}, shape, node.dtype, line=node.line)
        if node.op == "view" and node.operands[0] in found:
            return operands[0]
        return with_operands(node, operands)

    return graph.replaced(swap)


def is_transpose(node: Node) -> bool:
    """Whether a node is a view of its root with the last two axes swapped."""
    if node.op != "view" or node.settings["offset"]:
        return False
    root = node.operands[0]
    strides, shape = root.strides or (), root.shape or ()
    return (node.shape, node.settings["strides"]) == (
        (*shape[:-2], shape[-1], shape[-2]),
        (*strides[:-2], strides[-1], strides[-2]),
    )


def swapped(x: Node) -> Node:
    """Transpose the last two axes."""
    axes = range(x.ndim)
    return transpose(x, (*axes[:-2], axes[-1], axes[-2]), x.line)


def legalize_node(node: Node, operands: tuple[Node, ...]) -> Node:
    """Legalize a node, given its new operands."""
    again = node if operands == node.operands else node.copy(operands)
    if node.op in ("elementwise", "select", "convert", "view", "matmul", "reduce") and node.size == 0:
        return constant(np.empty(node.shape or (), node.dtype), node.line)
    if node.op == "call" and (number := as_conversion(node, operands)) is not None:
        return number
    if node.op == "update" and node.operands[1].size == 0:
        return operands[0]
    if node.op == "matmul" and 0 in (operands[0].shape or ()):
        return constant(np.zeros(node.shape or (), node.dtype), node.line)
    if node.op == "matmul":
        return with_layout(again)
    if node.op == "kernel":
        return in_c_order(again)
    if node.op == "reduce":
        return split_reduction(node, operands[0], again)
    if node.op in ("view", "update") and operands[0] is not node.operands[0]:
        again = rebase(node, operands, again)
    return buffered(again) if again.op == "update" else again


def buffered(write: Node) -> Node:
    """A write with its values in memory of their own where they are other elements of the array, which may overlap."""
    base, value = write.operands
    root, offset, strides = root_of(value)
    if root is not base:
        return write
    shape, into = write.settings["shape"], write.settings
    read, written = region(offset, shape, strides), region(into["offset"], shape, into["strides"])
    if (read == written and is_injective(written[1])) or not meet(read, written):
        return write
    return write.copy((base, convert(value, line=write.line)))


def as_conversion(node: Node, operands: tuple[Node, ...]) -> Node | None:
    """Replace `item()`, and views of integers as another integer dtype, by a conversion."""
    function, arguments = node.settings["function"], node.settings["arguments"]
    if not operands or node.dtype is None or operands[0].dtype is None or node.settings["keywords"]:
        return None
    x = operands[0]
    if getattr(function, "name", None) == "view" and len(arguments) == 2 and x.shape == node.shape:
        if x.dtype.kind in "iu" and node.dtype.kind in "iu" and x.dtype.itemsize == node.dtype.itemsize:
            return convert(x, dtype=node.dtype, line=node.line)
        return None
    by_name = getattr(function, "name", None) == "item"
    if not (by_name or function in (bool, float, int)) or len(arguments) != 1 or x.size != 1 or node.shape != ():
        return None
    if x.dtype.kind == node.dtype.kind or node.dtype.kind == "b":
        return convert(reshape(x, ()), (), node.dtype, node.line)
    return None


def rebase(node: Node, operands: tuple[Node, ...], again: Node) -> Node:
    """Rebase a view of, or a write into, an array that was replaced by one with another layout."""
    root, offset, strides = root_of(operands[0])
    if strides != node.operands[0].strides:
        root, offset = convert(operands[0], dtype=node.dtype, line=node.line), 0
    if node.op == "update":
        if root is operands[0] or operands[0].op != "view":
            return node.copy((root, operands[1]))
        return again
    settings = {"offset": offset + node.settings["offset"], "strides": node.settings["strides"]}
    return Node("view", (root,), settings, node.shape, node.dtype, line=node.line)


def split_reduction(node: Node, x: Node, again: Node) -> Node:
    """A reduction over adjacent axes; else a sequence of such reductions."""
    ufunc, axes = node.settings["ufunc"], node.settings["axes"]
    shape = x.shape or ()
    if x.size == 0:
        if ufunc.identity is None or ufunc in (np.maximum, np.minimum):
            return again  # NumPy raises
        return constant(
            ufunc.reduce(np.empty(shape, x.dtype), axis=axes, keepdims=node.settings["keepdims"], dtype=node.dtype)
        )
    if math.prod(shape[a] for a in axes) == 1:
        if ufunc not in (np.add, np.multiply, np.maximum, np.minimum):
            return again if x.dtype != node.dtype else reshape(x, node.shape or (), node.line)
        return reshape(x if x.dtype == node.dtype else convert(x, dtype=node.dtype), node.shape or (), node.line)
    long = [i for i, n in enumerate(shape) if n > 1]
    taken = [i in axes for i in long]
    blocks = [i for i, t in enumerate(taken) if t and (i == 0 or not taken[i - 1])]
    if len(blocks) < 2:
        return again
    last = tuple(a for i, a in enumerate(long) if taken[i] and i >= blocks[-1])
    remaining = tuple(a for i, a in enumerate(long) if taken[i] and i < blocks[-1])
    inner = reduction(ufunc, x, last, True, node.dtype, node.line)
    outer = reduction(ufunc, inner, remaining, True, node.dtype, node.line)
    return reshape(split_reduction(outer, inner, outer), node.shape or (), node.line)
