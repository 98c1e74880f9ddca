"""Rules of convolution and pooling, forward and backward, which become kernels.

The choice depends only on shapes and dtypes, so forward and backward agree on it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, elementwise, reduction, reshape, root_of, strided
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.convolution.forward import Convolution, ConvolutionShape, InputGradient
from wengert.compiler.kernels.convolution.weight_gradient import WeightGradient
from wengert.compiler.kernels.pooling import MOST_TAPS, MaximumBackward, PoolForward, SumBackward

__all__ = ["is_windowed", "window_backward", "window_forward"]

KINDS = ("conv", "conv_transpose", "max_pool", "average_pool")


def is_windowed(kind: Any) -> bool:
    """Whether a fused function is a convolution or a pooling."""
    return getattr(kind, "called", "")[:-2] in KINDS


def window_forward(kind: Any, values: tuple[Any, ...], line: str) -> Node | None:
    """Lower a forward call."""
    call = call_of(kind, values, line)
    return None if call is None else call.result()


def window_backward(
    kind: Any, values: tuple[Any, ...], gys: tuple[Any, ...], needs: tuple[bool, ...], line: str
) -> list[Node] | None:
    """Lower a backward call to the gradients that are needed."""
    call = call_of(kind, values, line)
    return None if call is None else call.gradients(call.like(gys[0]), needs)


def call_of(kind: Any, values: tuple[Any, ...], line: str) -> Any:
    """The lowering of a call; None where no kernel computes it."""
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
    return (ConvTranspose if "transpose" in kind.called else Conv)(arrays, axes, groups, line)


class Call:
    """A call of a convolution or a pooling, with nodes as arguments."""

    line: str
    dtype: Any

    def like(self, gy: Any) -> Node:
        """A gradient, converted to the dtype of the input."""
        gy = gy if isinstance(gy, Node) else constant(gy, self.line)
        return gy if gy.dtype == self.dtype else convert(gy, dtype=self.dtype, line=self.line)

    def node(self, kernel: Any, operands: tuple[Node, ...], shape: tuple[int, ...]) -> Node:
        return kernel_node(kernel, operands, shape, self.dtype, self.line)


class ConvolutionCall(Call):
    """A convolution."""

    setting: ConvolutionShape

    def __init__(self, arrays: list[Any], line: str) -> None:
        self.x, self.weight, self.bias = arrays
        self.line, self.dtype = line, self.x.dtype

    def gradients(self, gy: Node, needs: tuple[bool, ...]) -> list[Node]:
        found = []
        if needs[0]:
            found.append(self.input_gradient(gy))
        if needs[1]:
            found.append(self.weight_gradient(gy))
        if needs[2]:
            found.append(self.bias_gradient(gy, needs[1]))
        return found

    def input_gradient(self, gy: Node) -> Node:
        raise NotImplementedError

    def weight_gradient(self, gy: Node) -> Node:
        raise NotImplementedError

    def bias_gradient(self, gy: Node, with_weight: bool) -> Node:
        """The sum over images and positions; `with_weight` says that the weight gradient is computed, too."""
        axes = (0, *range(2, gy.ndim))
        return reduction(np.add, gy, axes, False, None, self.line)

    def correlation(self, kernel: Convolution | InputGradient, x: Node, bias: Node | None = None) -> Node:
        """Call a kernel, with packed weights if it takes these."""
        weight = self.weight
        if kernel.packed:
            shape, strides = kernel.packing()
            if root_of(weight)[2] != c_strides(weight.shape or ()):
                weight = convert(weight, line=self.line)
            weight = convert(strided(weight, shape, strides, line=self.line), line=self.line)
        operands = (x, weight) if bias is None else (x, weight, bias)
        is_forward = isinstance(kernel, Convolution)
        shape = self.setting.result_shape if is_forward else self.setting.input_shape
        return self.node(kernel, operands, shape)

    def partial_sums(self, x: Node, gy: Node) -> Node:
        """The gradients with respect to weight and bias, as partial sums over chunks of the images."""
        kernel = WeightGradient(self.setting)
        return self.node(kernel, (x, gy), (kernel.chunks, kernel.length))

    def sum_of(self, partial_sums: Node, first: int, shape: tuple[int, ...]) -> Node:
        """Add the partial sums of the gradient of this shape that begins at `first`."""
        count, length = partial_sums.shape or ()
        if count == 1:
            return strided(partial_sums, shape, c_strides(shape), first, self.line)
        part = strided(partial_sums, (count, math.prod(shape)), (length, 1), first, self.line)
        return reshape(reduction(np.add, part, 0, False, None, self.line), shape, self.line)


class Conv(ConvolutionCall):
    """conv1d, conv2d, conv3d."""

    def __init__(self, arrays: list[Any], axes: tuple[Any, ...], groups: int, line: str) -> None:
        super().__init__(arrays, line)
        outputs, each = self.weight.shape[:2]
        self.setting = ConvolutionShape(self.x.shape[0], groups, each, outputs // groups, axes, self.dtype)

    def result(self) -> Node:
        kernel = Convolution(self.setting, self.bias is not None)
        return self.correlation(kernel, self.x, self.bias)

    def input_gradient(self, gy: Node) -> Node:
        return self.correlation(InputGradient(self.setting), gy)

    def weight_gradient(self, gy: Node) -> Node:
        return self.sum_of(self.partial_sums(self.x, gy), 0, self.setting.weight_shape)

    def bias_gradient(self, gy: Node, with_weight: bool) -> Node:
        if not with_weight:
            return super().bias_gradient(gy, with_weight)
        outputs = self.setting.weight_shape[0]
        return self.sum_of(self.partial_sums(self.x, gy), math.prod(self.setting.weight_shape), (outputs,))


class ConvTranspose(ConvolutionCall):
    """conv_transpose1d, conv_transpose2d, conv_transpose3d: the gradient of a convolution with respect to its input."""

    def __init__(self, arrays: list[Any], axes: tuple[Any, ...], groups: int, line: str) -> None:
        super().__init__(arrays, line)
        channels, each = self.weight.shape[:2]
        self.setting = ConvolutionShape(self.x.shape[0], groups, each, channels // groups, axes, self.dtype)

    def result(self) -> Node:
        kernel = InputGradient(self.setting, self.bias is not None)
        return self.correlation(kernel, self.x, self.bias)

    def input_gradient(self, gy: Node) -> Node:
        return self.correlation(Convolution(self.setting, False), gy)

    def weight_gradient(self, gy: Node) -> Node:
        return self.sum_of(self.partial_sums(gy, self.x), 0, self.setting.weight_shape)


def pooling_of(kind: Any, x: Node, axes: tuple[Any, ...], values: tuple[Any, ...], line: str) -> Any:
    """The lowering of a pooling; None where windows are too large."""
    counts = kind.counts_of(axes, x.dtype, *values[1:])
    if counts is None:
        return Pooling(x, axes, None, line) if math.prod(a.taps for a in axes) <= MOST_TAPS else None
    if all(a.windows == 1 and a.taps == a.size and not a.before for a in axes):
        return GlobalAverage(x, axes, counts, line)
    return Pooling(x, axes, counts, line) if math.prod(a.taps for a in axes) <= MOST_TAPS else None


class Pooling(Call):
    """Max pooling; or average pooling, if there are `counts` of the elements of windows."""

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


class GlobalAverage(Pooling):
    """Global average pooling."""

    def result(self) -> Node:
        axes = tuple(range(2, self.x.ndim))
        return self.divided(reduction(np.add, self.x, axes, True, None, self.line))

    def gradients(self, gy: Node, needs: tuple[bool, ...]) -> list[Node]:
        return [convert(self.divided(gy), self.x.shape, line=self.line)] if needs[0] else []
