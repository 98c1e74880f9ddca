"""How loops compute a value: what it reads and writes, in which pattern, and whether it is a reduction."""

from __future__ import annotations

import math
from typing import NamedTuple

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.ufuncs import converts, identity_of, is_movable, is_native
from wengert.compiler.schedule.access_pattern import AccessPattern, broadcast_pattern, contiguous, pattern_of
from wengert.compiler.targets.llvm.llvm_ufuncs import native_ufunc

__all__ = ["SMALL", "LoopAccess", "Read", "loop_access"]

SMALL = 8192  # elements: a full reduction of at most so many is a single row


class Read(NamedTuple):
    """An operand: the root whose memory it is a view of, and its access pattern in the loops."""

    root: Node
    offset: int
    pattern: AccessPattern


class LoopAccess(NamedTuple):
    """How loops compute a node.

    kind: `elementwise` has a value per element; `row_reduction` one per row, in the same loops; `outer_reduction`
    reduces over outer loops, so that its value is complete only after the step; `write` stores into another array.
    """

    kind: str
    size: int
    row: int | None
    reads: tuple[Read, ...]
    target: AccessPattern  # of the elements that it writes, in its own array or that of the root


def iteration_shape(node: Node) -> tuple[int, ...]:
    if node.op == "reduce":
        return node.operands[0].shape or ()
    return (node.settings["shape"] if node.op == "update" else node.shape) or ()


def loop_access(node: Node) -> LoopAccess | None:
    """How loops compute a node; None if they cannot."""
    if node.op not in ("elementwise", "select", "convert", "reduce", "update", "assign"):
        return None
    computes = node.op in ("elementwise", "reduce")
    if any(x.dtype is None or not (is_native if computes else is_movable)(x.dtype) for x in (node, *node.operands)):
        return None
    shape = iteration_shape(node)
    size = math.prod(shape)
    if size == 0:
        return None
    operands = node.operands[1:] if node.op == "update" else node.operands
    reads = []
    for x in operands:
        root, offset, strides = root_of(x)
        reads.append(Read(root, offset, broadcast_pattern(x.shape or (), strides, shape)))
    kind, row, target = "elementwise", None, contiguous(size)
    if node.op == "elementwise":
        dtypes = node.settings["dtypes"]
        if dtypes is None or native_ufunc(node.settings["ufunc"], dtypes) is None:
            return None
    elif node.op in ("convert", "select"):
        values = operands[1:] if node.op == "select" and node.settings["numbers"][0] is None else operands
        if not all(converts(x.dtype, node.dtype) for x in values):
            return None
    elif node.op == "reduce":
        if identity_of(node.settings["ufunc"], node.dtype) is None:
            return None
        old = node.operands[0].dtype
        if old.kind == "f" and node.dtype.kind in "iu":
            return None
        kind, row, target = reduction_kind(shape, node.settings["axes"])
    elif node.op == "update":
        kind = "write"
        target = pattern_of(shape, node.settings["strides"])
    elif node.op == "assign":
        kind, into = "write", node.settings["into"]
        target = pattern_of(shape, into.strides)
    return LoopAccess(kind, size, row, tuple(reads), target)


def reduction_kind(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[str, int | None, AccessPattern]:
    """Whether a reduction is over rows or over outer axes, its row, and the pattern of its result."""
    taken = [i in axes for i, n in enumerate(shape) if n > 1]
    lengths = [n for n in shape if n > 1]
    size = math.prod(lengths)
    kept = math.prod(n for n, t in zip(lengths, taken, strict=True) if not t)
    strides, step = [], 1
    for n, t in zip(reversed(lengths), reversed(taken), strict=True):
        strides.append(0 if t else step)
        step *= 1 if t else n
    target = pattern_of(lengths, strides[::-1])
    if not any(taken):
        return "elementwise", None, target
    trailing = taken == sorted(taken)
    if trailing and (kept > 1 or size <= SMALL):
        return "row_reduction", size // kept, target
    return "outer_reduction", None, target
