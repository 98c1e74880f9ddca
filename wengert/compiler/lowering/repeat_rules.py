"""Repetition, padding and rotation, as views, joins and gathers."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import broadcast, constant, convert, reshape, root_of, strided, zeros
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.kernels.gather_scatter import gathered
from wengert.compiler.lowering.rules import as_node, axis_of, rule, static_value
from wengert.compiler.lowering.shape_rules import concatenate

GATHER_MODES = ("edge", "reflect", "symmetric", "wrap")


@rule(np.repeat)
def repeat(line: str, a: Any, repeats: Any, axis: Any = None) -> Any:
    a, counts = as_node(a), static_value(repeats)
    if counts is None or a.size == 0:
        return None
    if axis is None:
        a, axis = reshape(a, (a.size,), line), 0
    axis = axis_of(axis, a)
    shape = a.shape or ()
    if np.size(counts) == 1:
        count = int(np.reshape(counts, ()))
        if count < 1:
            return None
        a = reshape(a, (*shape[: axis + 1], 1, *shape[axis + 1 :]), line)
        a = convert(broadcast(a, (*shape[: axis + 1], count, *shape[axis + 1 :]), line), line=line)
        return reshape(a, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :]), line)
    positions = np.repeat(np.arange(shape[axis], dtype=np.int64), counts)
    return gathered(a, constant(positions), axis, line) if positions.size else None


@rule(np.tile)
def tile(line: str, A: Any, reps: Any) -> Any:
    a, counts = as_node(A), static_value(reps)
    if counts is None or a.size == 0:
        return None
    counts = tuple(int(n) for n in np.atleast_1d(counts))
    ndim = max(len(counts), a.ndim)
    counts = (*(1,) * (ndim - len(counts)), *counts)
    shape = (*(1,) * (ndim - a.ndim), *(a.shape or ()))
    if min(counts, default=1) < 1:
        return None
    a = reshape(a, tuple(m for n in shape for m in (1, n)), line)
    a = convert(broadcast(a, tuple(m for c, n in zip(counts, shape, strict=True) for m in (c, n)), line), line=line)
    return reshape(a, tuple(c * n for c, n in zip(counts, shape, strict=True)), line)


@rule(np.roll)
def roll(line: str, a: Any, shift: Any, axis: Any = None) -> Any:
    a, steps = as_node(a), static_value(shift)
    if steps is None or a.size == 0:
        return None
    shape = a.shape or ()
    if axis is None:
        return reshape(rolled(reshape(a, (a.size,), line), int(np.sum(steps)), 0, line), shape, line)
    axes = axis if isinstance(axis, tuple) else (axis,)
    for by, along in zip(*np.broadcast_arrays(np.atleast_1d(steps), np.asarray(axes)), strict=True):
        a = rolled(a, int(by), axis_of(along, a), line)
    return a


def rolled(a: Node, by: int, axis: int, line: str) -> Node:
    n = (a.shape or ())[axis]
    by %= n
    if not by:
        return convert(a, line=line)
    found = concatenate(line, [slice_axis(a, axis, n - by, n, line), slice_axis(a, axis, 0, n - by, line)], axis)
    assert found is not None
    return found


def slice_axis(a: Node, axis: int, start: int, stop: int, line: str) -> Node:
    """A slice of an axis, as a view."""
    _, _, strides = root_of(a)
    shape = a.shape or ()
    return strided(a, (*shape[:axis], stop - start, *shape[axis + 1 :]), strides, start * strides[axis], line)


@rule(np.pad)
def pad(line: str, array: Any, pad_width: Any, mode: Any = "constant", **settings: Any) -> Any:
    a, widths = as_node(array), static_value(pad_width)
    if widths is None or isinstance(widths, dict):
        return None
    pairs = np.broadcast_to(widths, (a.ndim, 2)).tolist()
    if mode in GATHER_MODES and settings.get("reflect_type", "even") == "even" and a.size:
        for axis, (pair, n) in enumerate(zip(pairs, a.shape or (), strict=True)):
            if any(pair):
                a = gathered(a, constant(np.pad(np.arange(n, dtype=np.int64), pair, mode)), axis, line)
        return a
    if mode != "constant":
        return None
    value = settings.get("constant_values", 0)
    if not isinstance(value, (int, float)):
        return None
    shape = tuple(n + sum(pair) for n, pair in zip(a.shape or (), pairs, strict=True))
    padded = zeros(shape, a.dtype, np.asarray(value).astype(a.dtype))
    strides = c_strides(shape)
    offset = sum(pair[0] * s for pair, s in zip(pairs, strides, strict=True))
    if not a.size:
        return padded
    settings = {"offset": offset, "shape": a.shape, "strides": strides}
    return Node("update", (padded, a), settings, shape, a.dtype, line=line)


@rule(np.append)
def append(line: str, arr: Any, values: Any, axis: Any = None) -> Any:
    return concatenate(line, [arr, values], axis)
