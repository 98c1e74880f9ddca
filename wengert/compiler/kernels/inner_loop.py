"""Kernels that call the inner loops of ufuncs: of those that have no rule in LLVM, and of all generalized ones.

A loop may move the pointers that it is given (SciPy's do), so these are written anew before each call. The address of
the loop is an operand: a constant array, which each process makes for itself. So the code can be cached on disk.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import constant, convert, root_of, strided
from wengert.compiler.graph.graph import Node, NotLowered, c_strides
from wengert.compiler.graph.kernel import in_c_order, kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import INDEX, Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.loop_address import address_of_loop

__all__ = [
    "ELEMENT",
    "Axes",
    "LoopCall",
    "collapsed",
    "elementwise_by_loop",
    "loop_constant",
    "outputs_of_ufunc",
    "steps_in",
    "strides_of",
    "with_shape",
]

ELEMENT = 20.0  # nanoseconds that a loop takes for an element, about


class Axes(NamedTuple):
    """Loop axes, from outer to inner: their lengths, and of each argument the steps in bytes."""

    lengths: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]


class LoopCall(FormKernel):
    """Calls an inner loop along the last of some axes, for each element of the others.

    Parameters
    ----------
    ufunc, dtypes
        The loop.
    axes : Axes
    core : tuple of int, tuple of int
        What a generalized ufunc takes beyond: the lengths of its core dimensions, and their steps in bytes.
    outputs : tuple of int
        The offset of each output in the result, in bytes.
    status : int or None
        An offset in the result: there is a float64 for each call, 1 where the loop has reported a failure, else 0.
        A loop of linear algebra reports by the flag of invalid operations, as for NumPy, which raises then.
    """

    def __init__(
        self,
        ufunc: np.ufunc,
        dtypes: tuple[Any, ...],
        axes: Axes,
        core: tuple[tuple[int, ...], tuple[int, ...]] = ((), ()),
        outputs: tuple[int, ...] = (0,),
        status: int | None = None,
    ) -> None:
        self.ufunc, self.dtypes, self.axes, self.core = ufunc, dtypes, axes, core
        self.outputs, self.status = outputs, status
        self.name = f"loop of {ufunc.__name__}"
        self.key = (ufunc, tuple(d.str for d in dtypes), axes, core, outputs, status)
        self.outer = axes.lengths[:-1]
        self.iterations = math.prod(self.outer) if self.outer else axes.lengths[-1]
        largest = max(core[0], default=1)
        self.nanoseconds = math.prod(axes.lengths) * (largest**3 / 4 + 500 if core[0] else ELEMENT)

    def build(self, b: Builder) -> None:
        loop, (lengths, core_steps) = b.operand(0, INDEX), self.core
        inputs = len(self.dtypes) - len(self.outputs)
        # (steps are in bytes)
        self.bases = [b.operand(min(i, inputs) + 1, np.uint8) for i in range(len(self.dtypes))]
        steps = [*(steps[-1] for steps in self.axes.steps), *core_steps]
        if not self.outer:
            first, last = b.parameter("first"), b.parameter("last")
            self.call(b, loop, [(first, -1)], [last - first, *lengths], steps, 0)
            return
        with b.iterations() as i:
            self.call(b, loop, self.indices(i), [self.axes.lengths[-1], *lengths], steps, i)

    def call(
        self, b: Builder, loop: Pointer, indices: list[tuple[Index, int]], lengths: list[Index], steps: list[int],
        number: Index,
    ) -> None:  # fmt: skip
        """Call the loop at indices of the outer axes; `number` is that of the call."""
        status = None if self.status is None else self.bases[-1].at(self.status).cast(np.float64).at(number)
        places = [self.place_of(b, i, indices) for i in range(len(self.dtypes))]
        b.inner_loop(loop, places, lengths, steps, status)

    def indices(self, index: Index) -> list[tuple[Index, int]]:
        """The indices of the outer axes, each with the number of the axis, from a linear index."""
        found = []
        for axis in reversed(range(1, len(self.outer))):
            found.append((index % self.outer[axis], axis))
            index = index // self.outer[axis]
        return [*found, (index, 0)]

    def place_of(self, b: Builder, argument: int, indices: list[tuple[Index, int]]) -> Pointer:
        """The address of an argument at indices of the outer axes."""
        inputs = len(self.dtypes) - len(self.outputs)
        place = self.bases[argument]
        if argument >= inputs:
            place = place.at(self.outputs[argument - inputs])
        for index, axis in indices:
            place = place.at(index * self.axes.steps[argument][axis])
        return place


def loop_constant(ufunc: np.ufunc, dtypes: tuple[Any, ...], line: str = "") -> Node:
    """The operand that has the address of a loop; raise NotLowered where that is not known."""
    found = address_of_loop(ufunc, dtypes)
    if found is None:
        raise NotLowered(f"{ufunc.__name__} has no known loop of these dtypes")
    return constant(np.array(found, np.uint64).view(np.int64), line)


def strides_of(x: Node) -> tuple[int, ...]:
    """The strides of a node in a plan, in bytes."""
    root, _, strides = root_of(x)
    if root.op == "constant" and x is root:
        strides = c_strides(x.shape or ())
    return tuple(s * x.dtype.itemsize for s in strides)


def steps_in(x: Node, shape: tuple[int, ...], core: int = 0) -> tuple[int, ...]:
    """The steps of an operand along the axes of a shape that it is broadcast to, without its last `core` axes."""
    own = (x.shape or ())[: x.ndim - core]
    strides = strides_of(x)[: x.ndim - core]
    return (0,) * (len(shape) - len(own)) + tuple(0 if n == 1 else s for n, s in zip(own, strides, strict=True))


def collapsed(shape: tuple[int, ...], steps: list[tuple[int, ...]]) -> Axes:
    """As few axes as possible: those of length 1 are dropped, adjacent ones are merged; the longest one is the last."""
    lengths: list[int] = []
    found: list[list[int]] = [[] for _ in steps]
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        each = [s[axis] for s in steps]
        if lengths and all(f[-1] == s * n for f, s in zip(found, each, strict=True)):
            lengths[-1] *= n
            for f, s in zip(found, each, strict=True):
                f[-1] = s
        else:
            lengths.append(n)
            for f, s in zip(found, each, strict=True):
                f.append(s)
    if not lengths:
        return Axes((1,), ((0,),) * len(steps))
    last = max(range(len(lengths)), key=lambda i: (lengths[i], i))
    order = [*(i for i in range(len(lengths)) if i != last), last]
    return Axes(tuple(lengths[i] for i in order), tuple(tuple(f[i] for i in order) for f in found))


def operands_of(node: Node, operands: tuple[Node, ...]) -> list[Node]:
    """The operands of an elementwise node in the dtypes of its loop, Python numbers included."""
    remaining, found = iter(operands), []
    for number, dtype in zip(node.settings["numbers"], node.settings["dtypes"], strict=False):
        x = next(remaining) if number is None else constant(np.asarray(number, dtype))
        found.append(x if x.dtype == dtype else convert(x, dtype=dtype, line=node.line))
    return found


def elementwise_by_loop(node: Node, operands: tuple[Node, ...]) -> Node:
    """An elementwise node by the loop of its ufunc; raise NotLowered where that is not possible.

    The steps are those of the operands as they are, so no later pass may change the layout of an operand.
    """
    ufunc, dtypes = node.settings["ufunc"], node.settings["dtypes"]
    if node.dtype != dtypes[-1] or ufunc.nout != 1:
        raise NotLowered("the loop has another result")
    address = loop_constant(ufunc, dtypes, node.line)
    parts = operands_of(node, operands)
    shape = node.shape or ()
    out = tuple(s * node.dtype.itemsize for s in c_strides(shape))
    kernel = LoopCall(ufunc, dtypes, collapsed(shape, [*(steps_in(x, shape) for x in parts), out]))
    kernel.keeps_layout = True
    return kernel_node(kernel, (address, *parts), shape, node.dtype, node.line)


def outputs_of_ufunc(ufunc: np.ufunc, parts: list[Node], dtypes: tuple[Any, ...], line: str) -> list[Node]:
    """The results of a ufunc with several outputs, of nodes in its dtypes."""
    shape = np.broadcast_shapes(*(x.shape or () for x in parts))
    kinds = dtypes[ufunc.nin :]
    if any(d != kinds[0] for d in kinds) or 0 in shape:
        raise NotLowered("the outputs have several dtypes, or no elements")
    address = loop_constant(ufunc, dtypes, line)
    parts = list(in_c_order(Node("kernel", tuple(parts), line=line)).operands)
    step = kinds[0].itemsize
    out = tuple(s * step for s in c_strides(shape))
    axes = collapsed(shape, [*(steps_in(x, shape) for x in parts), *(out,) * len(kinds)])
    count = math.prod(shape)
    kernel = LoopCall(ufunc, dtypes, axes, outputs=tuple(i * count * step for i in range(len(kinds))))
    node = kernel_node(kernel, (address, *parts), (len(kinds), *shape), kinds[0], line)
    return [strided(node, shape, c_strides(shape), i * count, line) for i in range(len(kinds))]


def with_shape(node: Node, shape: tuple[int, ...]) -> Node:
    """A kernel's result in another shape: of its own, and no view, so that it may be a result of the graph."""
    return kernel_node(node.settings["kernel"], node.operands, shape, node.dtype, node.line)
