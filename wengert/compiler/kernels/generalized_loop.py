"""Generalized ufuncs by their own inner loops: linear algebra, Fourier transforms, products of any dtype."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert, reshape, strided
from wengert.compiler.graph.graph import Node, NotLowered, c_strides
from wengert.compiler.graph.kernel import in_c_order, kernel_node
from wengert.compiler.kernels.copies import as_complex
from wengert.compiler.kernels.inner_loop import (
    Axes,
    LoopCall,
    collapsed,
    loop_constant,
    steps_in,
    strides_of,
    with_shape,
)
from wengert.compiler.kernels.ir import Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder

__all__ = ["Names", "factored", "generalized", "has_status_flags", "product_by_loop"]

Names = tuple[list[list[str]], list[list[str]]]  # of the core dimensions of the inputs, and of the outputs
PRODUCT: Names = ([["m", "k"], ["k", "n"]], [["m", "n"]])


class InPlaceLoopCall(LoopCall):
    """A loop that writes into its first operand: that is copied into the result, as its first output."""

    def place_of(self, b: Builder, argument: int, indices: list[tuple[Index, int]]) -> Pointer:
        if argument:
            return super().place_of(b, argument, indices)
        source, into = super().place_of(b, 0, indices), self.bases[-1]
        for index, axis in indices:
            into = into.at(index * self.axes.steps[0][axis])
        b.copy(into, source, math.prod(self.core[0][:2]) * self.dtypes[0].itemsize)
        return into


def factored(x: Node, line: str) -> tuple[Node, Node]:
    """A matrix of float64 or complex128 as LAPACK's geqrf leaves it, and the factors that go with it."""
    shape, dtype = x.shape or (), x.dtype
    *batch, m, n = shape
    ufunc = getattr(np.linalg._umath_linalg, "qr_r_raw", None)
    if ufunc is None or not x.size:
        raise NotLowered("this NumPy has no such loop, or there are no elements")
    dtypes, k = (dtype, dtype), min(m, n)
    operands = in_c_order(Node("kernel", (loop_constant(ufunc, dtypes, line), x), line=line)).operands
    size = dtype.itemsize
    steps = [tuple(s * size for s in c_strides(s_)[: len(batch)]) for s_ in (shape, (*batch, k))]
    axes = Axes((*batch, 1), tuple((*s, 0) for s in steps))
    core = ((m, n, k), (n * size, size, size))
    kernel = InPlaceLoopCall(ufunc, dtypes, axes, core, (x.size * size,))
    words = (x.size + math.prod(batch) * k) * size // 8
    node = kernel_node(kernel, operands, (words,), np.float64, line)
    return unpacked(node, 0, shape, dtype, line), unpacked(node, x.size * size // 8, (*batch, k), dtype, line)


def product_by_loop(node: Node, operands: tuple[Node, ...]) -> Node:
    """A matrix product by the loop of np.matmul; raise NotLowered where that is not possible."""
    parts = [x if x.dtype == node.dtype else convert(x, dtype=node.dtype, line=node.line) for x in operands]
    shapes = [x.shape or () for x in parts]
    if len(shapes[0]) == 1:
        parts[0] = reshape(parts[0], (1, *shapes[0]), node.line)
    if len(shapes[1]) == 1:
        parts[1] = reshape(parts[1], (*shapes[1], 1), node.line)
    found, _ = generalized(np.matmul, tuple(parts), (node.dtype,) * 3, node.line, names=PRODUCT)
    return with_shape(found[0], node.shape or ())


def generalized(
    ufunc: np.ufunc,
    parts: tuple[Node, ...],
    dtypes: tuple[Any, ...],
    line: str,
    checked: bool = False,
    names: Names | None = None,
    sizes: dict[str, int] | None = None,
) -> tuple[list[Node], Node | None]:
    """The results of a generalized ufunc of nodes in its dtypes; with `checked` also the status of each call.

    `names` and `sizes` are those of core dimensions that the signature does not say. Where there are several results,
    or a status, all dtypes must be float64 or complex128.
    """
    names = core_names(ufunc) if names is None else names
    inputs, outputs = names
    sizes = {} if sizes is None else dict(sizes)
    batches = []
    for x, own in zip(parts, inputs, strict=True):
        shape = x.shape or ()
        if len(shape) < len(own):
            raise NotLowered("an operand has too few axes")
        for name, n in zip(own, shape[len(shape) - len(own) :], strict=True):
            if sizes.setdefault(name, n) != n:
                raise NotLowered("core dimensions differ")
        batches.append(shape[: len(shape) - len(own)])
    try:
        batch = np.broadcast_shapes(*batches)
    except ValueError:
        raise NotLowered("the batches do not broadcast") from None
    for name in (name for own in outputs for name in own if name not in sizes):
        sizes[name] = output_size(ufunc, sizes)
    if 0 in (*batch, *sizes.values()):
        raise NotLowered("there are no elements")
    address = loop_constant(ufunc, dtypes, line)
    parts = in_c_order(Node("kernel", parts, line=line)).operands
    shapes = [(*batch, *(sizes[name] for name in own)) for own in outputs]
    form = (batch, tuple(sizes.values()), [len(own) for own in inputs], shapes)
    return call_generalized(ufunc, (address, *parts), dtypes, form, line, checked)


def call_generalized(
    ufunc: np.ufunc, operands: tuple[Node, ...], dtypes: tuple[Any, ...], form: Any, line: str, checked: bool
) -> tuple[list[Node], Node | None]:
    """`generalized`, given the operands in C order, and the lengths and axes that belong to a call."""
    batch, lengths, counts, shapes = form
    inputs, kinds = operands[1:], dtypes[ufunc.nin :]
    core_steps: list[int] = []
    steps = []
    for x, count in zip(inputs, counts, strict=True):
        steps.append(steps_in(x, batch, count))
        core_steps += strides_of(x)[x.ndim - count :]
    for shape, dtype in zip(shapes, kinds, strict=True):
        strides = tuple(s * dtype.itemsize for s in c_strides(shape))
        steps.append(strides[: len(batch)])
        core_steps += strides[len(batch) :]
    core = (lengths, tuple(core_steps))
    if len(shapes) == 1 and not checked:
        kernel = LoopCall(ufunc, dtypes, collapsed(batch, steps), core)
        return [kernel_node(kernel, operands, shapes[0], kinds[0], line)], None
    if any(d not in (np.float64, np.complex128) for d in kinds):
        raise NotLowered("the outputs are no words of 64 bits")
    layout, words = [], 0
    for shape, dtype in zip(shapes, kinds, strict=True):
        layout.append((words, shape, dtype))
        words += math.prod(shape) * dtype.itemsize // 8
    status = words * 8 if checked else None
    # One matrix in each call, so that each has a status of its own.
    axes = Axes((*batch, 1), tuple((*s, 0) for s in steps))
    packed = LoopCall(ufunc, dtypes, axes, core, tuple(8 * start for start, _, _ in layout), status)
    calls = math.prod(batch)
    node = kernel_node(packed, operands, (words + (calls if checked else 0),), np.float64, line)
    results = [unpacked(node, start, shape, dtype, line) for start, shape, dtype in layout]
    return results, strided(node, (calls,), (1,), words, line) if checked else None


def unpacked(packed: Node, start: int, shape: tuple[int, ...], dtype: Any, line: str) -> Node:
    """An output from a flat array of float64."""
    if dtype == np.float64:
        return strided(packed, shape, c_strides(shape), start, line)
    pairs = (*shape, 2)
    return as_complex(strided(packed, pairs, c_strides(pairs), start, line), line)


def core_names(ufunc: np.ufunc) -> Names:
    """The names of the core dimensions of the inputs and of the outputs."""
    assert ufunc.signature is not None
    if "?" in ufunc.signature or any(c.isdigit() for c in ufunc.signature):
        raise NotLowered("core dimensions are optional or fixed")
    left, right = (
        [[name for name in part.strip("()").split(",") if name] for part in side.split("),(")]
        for side in ufunc.signature.replace(" ", "").split("->")
    )
    return left, right


def output_size(ufunc: np.ufunc, sizes: dict[str, int]) -> int:
    """The length of a core dimension that no input has: in the decompositions of a matrix, the shorter one."""
    if not ufunc.__name__.startswith(("svd", "qr")):
        raise NotLowered(f"{ufunc.__name__} decides the shape of its result")
    return min(sizes.values())


def has_status_flags() -> bool:
    """Whether native code can test the floating-point flags here."""
    return sys.platform != "win32"
