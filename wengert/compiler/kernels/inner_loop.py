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
from wengert.compiler.graph.kernel import Kernel, in_c_order, kernel_node
from wengert.compiler.kernels.loop_address import address_of_loop
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = [
    "ELEMENT",
    "LOOP",
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
INVALID = 1  # FE_INVALID of <fenv.h>, on x86 and arm
LOOP = "void (ptr, ptr, ptr, ptr)"


class Axes(NamedTuple):
    """Loop axes, from outer to inner: their lengths, and of each argument the steps in bytes."""

    lengths: tuple[int, ...]
    steps: tuple[tuple[int, ...], ...]


class LoopCall(Kernel):
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

    shape: tuple[int, ...] | None = None  # of the result of a generalized ufunc, which may depend on it

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

    def compute(self, *operands: Any) -> Any:
        out = {} if self.shape is None else {"out": np.empty(self.shape, self.dtypes[-1])}
        return self.ufunc(*operands[1:], signature=self.dtypes, **out)

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        count, (lengths, core_steps) = len(self.dtypes), self.core
        code.allocas += [
            f"  %args = alloca [{count} x ptr]",
            f"  %lengths = alloca [{1 + len(lengths)} x i64]",
            f"  %steps = alloca [{count + len(core_steps)} x i64]",
        ]
        for i, length in enumerate((self.axes.lengths[-1], *lengths)):
            self.write(code, "i64", str(length), "%lengths", i)
        for i, step in enumerate((*(steps[-1] for steps in self.axes.steps), *core_steps)):
            self.write(code, "i64", str(step), "%steps", i)
        loop = code.emit_value("load ptr, ptr %p0")
        data = code.emit_value(f"load ptr, ptr {code.emit_value('getelementptr ptr, ptr %p0, i64 1')}")
        call = f"call {LOOP} {loop}(ptr %args, ptr %lengths, ptr %steps, ptr {data})"
        if not self.outer:
            self.write(code, "i64", code.emit_value("sub nsw i64 %last, %first"), "%lengths", 0)
            self.one_call(code, [("%first", -1)], call, "0")
        else:
            code.loop("%first", "%last", lambda i: self.one_call(code, self.indices(code, i), call, i))
        code.emit("ret void")
        pointers = "".join(f"ptr %p{i}, " for i in range(count + 2 - len(self.outputs)))
        return code.function(f"({pointers}i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def indices(self, code: IRBuilder, index: str) -> list[tuple[str, int]]:
        """The indices of the outer axes, each with the number of the axis, from a linear index."""
        found = []
        for axis in reversed(range(len(self.outer))):
            if axis == 0:
                found.append((index, 0))
                break
            found.append((code.emit_value(f"urem i64 {index}, {self.outer[axis]}"), axis))
            index = code.emit_value(f"udiv i64 {index}, {self.outer[axis]}")
        return found

    def one_call(self, code: IRBuilder, indices: list[tuple[str, int]], call: str, number: str) -> None:
        """Emit a call of the loop at indices of the outer axes."""
        for i in range(len(self.dtypes)):
            self.write(code, "ptr", self.place_of(code, i, indices), "%args", i)
        if self.status is None:
            code.emit(call)
            return
        code.declare("feclearexcept", "i32", "i32")
        code.declare("fetestexcept", "i32", "i32")
        code.emit_value(f"call i32 @feclearexcept(i32 {INVALID})")
        code.emit(call)
        flag = code.emit_value(f"call i32 @fetestexcept(i32 {INVALID})")
        code.emit_value(f"call i32 @feclearexcept(i32 {INVALID})")
        failed = code.emit_value(f"uitofp i1 {code.emit_value(f'icmp ne i32 {flag}, 0')} to double")
        code.emit(f"store double {failed}, ptr {code.address(self.status_of(code), number, 8)}, align 8")

    def place_of(self, code: IRBuilder, argument: int, indices: list[tuple[str, int]]) -> str:
        """Emit the address of an argument at indices of the outer axes."""
        inputs = len(self.dtypes) - len(self.outputs)
        place = f"%p{min(argument, inputs) + 1}"
        if argument >= inputs:
            place = code.address(place, str(self.outputs[argument - inputs]), 1)
        for index, axis in indices:
            place = code.address(place, code.times(index, self.axes.steps[argument][axis]), 1)
        return place

    def status_of(self, code: IRBuilder) -> str:
        return code.address(f"%p{len(self.dtypes) - len(self.outputs) + 1}", str(self.status), 1)

    def write(self, code: IRBuilder, type: str, value: str, array: str, index: int) -> None:
        code.emit(f"store {type} {value}, ptr {code.address(array, str(index), 8)}, align 8")


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
    axes = collapsed(shape, [*(steps_in(x, shape) for x in parts), out])
    return kernel_node(LoopCall(ufunc, dtypes, axes), (address, *parts), shape, node.dtype, node.line)


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
    kernel = SeveralOutputs(ufunc, dtypes, axes, outputs=tuple(i * count * step for i in range(len(kinds))))
    node = kernel_node(kernel, (address, *parts), (len(kinds), *shape), kinds[0], line)
    return [strided(node, shape, c_strides(shape), i * count, line) for i in range(len(kinds))]


class SeveralOutputs(LoopCall):
    """A loop with several outputs of one dtype: they are stacked."""

    def compute(self, *operands: Any) -> Any:
        return np.stack(super().compute(*operands))


def with_shape(node: Node, shape: tuple[int, ...]) -> Node:
    """A kernel's result in another shape: of its own, and no view, so that it may be a result of the graph."""
    return kernel_node(node.settings["kernel"], node.operands, shape, node.dtype, node.line)
