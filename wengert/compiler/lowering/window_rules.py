"""Convolutions and poolings as nodes: what the calls that slide windows compute, forward and backward, by kernels.

What is done depends on the shapes and dtypes of a call alone, so forward and backward are of one mind.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, elementwise, reduction, reshape, root_of, strided
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.convolution.forward import ByInput, Convolution, Setting
from wengert.compiler.kernels.convolution.weight_gradient import ByWeight
from wengert.compiler.kernels.pooling import MOST_TAPS, MaximumBackward, PoolForward, SumBackward

__all__ = ["slides", "window_backward", "window_forward"]

KINDS = ("conv", "conv_transpose", "max_pool", "average_pool")


def slides(kind: Any) -> bool:
    """Whether a fused function is one of these."""
    return getattr(kind, "called", "")[:-2] in KINDS


def window_forward(kind: Any, values: tuple[Any, ...], line: str) -> Node | None:
    """The result of a call."""
    call = call_of(kind, values, line)
    return None if call is None else call.result()


def window_backward(
    kind: Any, values: tuple[Any, ...], gys: tuple[Any, ...], needs: tuple[bool, ...], line: str
) -> list[Node] | None:
    """The gradients of a call that are needed."""
    call = call_of(kind, values, line)
    return None if call is None else call.gradients(call.like(gys[0]), needs)


def call_of(kind: Any, values: tuple[Any, ...], line: str) -> Any:
    """What computes a call; None where native code does not."""
    count = len(kind.by)
    arrays: list[Any] = [v if v is None or isinstance(v, Node) else constant(v, line) for v in values[:count]]
    given = [a for a in arrays if a is not None]
    if any(a.weak or a.dtype.kind not in "biuf" for a in given):
        return None
    dtype = np.result_type(*(a.dtype for a in given))
    if dtype not in (np.float32, np.float64) or not dtype.isnative or any(a.size == 0 for a in given):
        return None
    arrays = [a if a is None or a.dtype == dtype else convert(a, dtype=dtype, line=line) for a in arrays]
    axes, groups = kind.windows_of(*arrays, *values[count:])
    if count == 1:
        return pooling_of(kind, arrays[0], axes, values, line)
    return (Transposed if "transpose" in kind.called else Straight)(arrays, axes, groups, line)


class Call:
    """A call on nodes."""

    line: str
    dtype: Any

    def like(self, gy: Any) -> Node:
        """A gradient, of the dtype of what it belongs to."""
        gy = gy if isinstance(gy, Node) else constant(gy, self.line)
        return gy if gy.dtype == self.dtype else convert(gy, dtype=self.dtype, line=self.line)

    def node(self, kernel: Any, operands: tuple[Node, ...], shape: tuple[int, ...]) -> Node:
        return kernel_node(kernel, operands, shape, self.dtype, self.line)


class Convolving(Call):
    """A convolution."""

    setting: Setting

    def __init__(self, arrays: list[Any], line: str) -> None:
        self.x, self.weight, self.bias = arrays
        self.line, self.dtype = line, self.x.dtype

    def gradients(self, gy: Node, needs: tuple[bool, ...]) -> list[Node]:
        found = []
        if needs[0]:
            found.append(self.by_input(gy))
        if needs[1]:
            found.append(self.by_weight(gy))
        if needs[2]:
            found.append(self.by_bias(gy, needs[1]))
        return found

    def by_input(self, gy: Node) -> Node:
        raise NotImplementedError

    def by_weight(self, gy: Node) -> Node:
        raise NotImplementedError

    def by_bias(self, gy: Node, along: bool) -> Node:
        """The sum over the places of each channel; `along` says whether the gradient by the weight is computed too."""
        axes = (0, *range(2, gy.ndim))
        return reduction(np.add, gy, axes, False, None, self.line)

    def correlation(self, kernel: Convolution | ByInput, x: Node, bias: Node | None = None) -> Node:
        """The value of a kernel, with the weights as it takes them."""
        weight = self.weight
        if kernel.packed:
            shape, strides = kernel.packing()
            if root_of(weight)[2] != c_strides(weight.shape or ()):
                weight = convert(weight, line=self.line)
            weight = convert(strided(weight, shape, strides, line=self.line), line=self.line)
        operands = (x, weight) if bias is None else (x, weight, bias)
        straight = isinstance(kernel, Convolution)
        shape = self.setting.result_shape if straight else self.setting.input_shape
        return self.node(kernel, operands, shape)

    def shares(self, x: Node, gy: Node) -> Node:
        """The gradient by the weight, and sums of `gy`: of each share of the images."""
        kernel = ByWeight(self.setting)
        return self.node(kernel, (x, gy), (kernel.shares, kernel.length))

    def sum_of(self, shares: Node, first: int, shape: tuple[int, ...]) -> Node:
        count, length = shares.shape or ()
        if count == 1:
            return strided(shares, shape, c_strides(shape), first, self.line)
        part = strided(shares, (count, math.prod(shape)), (length, 1), first, self.line)
        return reshape(reduction(np.add, part, 0, False, None, self.line), shape, self.line)


class Straight(Convolving):
    """conv1d, conv2d, conv3d."""

    def __init__(self, arrays: list[Any], axes: tuple[Any, ...], groups: int, line: str) -> None:
        super().__init__(arrays, line)
        outputs, each = self.weight.shape[:2]
        self.setting = Setting(self.x.shape[0], groups, each, outputs // groups, axes, self.dtype)

    def result(self) -> Node:
        kernel = Convolution(self.setting, self.bias is not None)
        return self.correlation(kernel, self.x, self.bias)

    def by_input(self, gy: Node) -> Node:
        return self.correlation(ByInput(self.setting), gy)

    def by_weight(self, gy: Node) -> Node:
        return self.sum_of(self.shares(self.x, gy), 0, self.setting.weight_shape)

    def by_bias(self, gy: Node, along: bool) -> Node:
        if not along:
            return super().by_bias(gy, along)
        outputs = self.setting.weight_shape[0]
        return self.sum_of(self.shares(self.x, gy), math.prod(self.setting.weight_shape), (outputs,))


class Transposed(Convolving):
    """conv_transpose1d, conv_transpose2d, conv_transpose3d: the gradient of a convolution by its input."""

    def __init__(self, arrays: list[Any], axes: tuple[Any, ...], groups: int, line: str) -> None:
        super().__init__(arrays, line)
        channels, each = self.weight.shape[:2]
        self.setting = Setting(self.x.shape[0], groups, each, channels // groups, axes, self.dtype)

    def result(self) -> Node:
        kernel = ByInput(self.setting, self.bias is not None)
        return self.correlation(kernel, self.x, self.bias)

    def by_input(self, gy: Node) -> Node:
        return self.correlation(Convolution(self.setting, False), gy)

    def by_weight(self, gy: Node) -> Node:
        return self.sum_of(self.shares(gy, self.x), 0, self.setting.weight_shape)


def pooling_of(kind: Any, x: Node, axes: tuple[Any, ...], values: tuple[Any, ...], line: str) -> Any:
    """What computes a pooling."""
    counts = kind.counts_of(axes, x.dtype, *values[1:])
    if counts is None:
        return Pooling(x, axes, None, line) if math.prod(a.taps for a in axes) <= MOST_TAPS else None
    if all(a.windows == 1 and a.taps == a.size and not a.before for a in axes):
        return WholeAverage(x, axes, counts, line)
    return Pooling(x, axes, counts, line) if math.prod(a.taps for a in axes) <= MOST_TAPS else None


class Pooling(Call):
    """A pooling by maximum, or by average where there are `counts` of what windows hold."""

    def __init__(self, x: Node, axes: tuple[Any, ...], counts: Any, line: str) -> None:
        self.x, self.axes, self.counts, self.line, self.dtype = x, axes, counts, line, x.dtype
        shape = x.shape or ()
        self.planes = math.prod(shape[:2])
        self.shape = (*shape[:2], *(a.windows for a in axes))

    def result(self) -> Node:
        kernel = PoolForward(self.counts is None, self.planes, self.axes, self.dtype)
        return self.divided(self.node(kernel, (self.x,), self.shape))

    def divided(self, x: Node) -> Node:
        return x if self.counts is None else elementwise(np.true_divide, x, self.counts, line=self.line)

    def gradients(self, gy: Node, needs: tuple[bool, ...]) -> list[Node]:
        if not needs[0]:
            return []
        if self.counts is None:
            kernel: Any = MaximumBackward(self.planes, self.axes, self.dtype)
            return [self.node(kernel, (self.x, gy), self.x.shape or ())]
        kernel = SumBackward(self.planes, self.axes, self.dtype)
        return [self.node(kernel, (self.divided(gy),), self.x.shape or ())]


class WholeAverage(Pooling):
    """The average of each whole plane."""

    def result(self) -> Node:
        axes = tuple(range(2, self.x.ndim))
        return self.divided(reduction(np.add, self.x, axes, True, None, self.line))

    def gradients(self, gy: Node, needs: tuple[bool, ...]) -> list[Node]:
        return [convert(self.divided(gy), self.x.shape, line=self.line)] if needs[0] else []
