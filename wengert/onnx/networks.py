"""Rules for the functions of neural networks that are operators of ONNX."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.functions import activation as act
from wengert.functions._convolution import conv1d, conv2d, conv3d
from wengert.functions._embedding import embedding
from wengert.functions._linear import linear
from wengert.functions.average_pooling import average_pool1d, average_pool2d, average_pool3d
from wengert.functions.max_pooling import max_pool1d, max_pool2d, max_pool3d
from wengert.functions.normal_distribution import normal_cdf
from wengert.functions.normalization import batch_norm, layer_norm
from wengert.functions.pooling_windows import pool_axes
from wengert.functions.transposed_convolution import conv_transpose1d, conv_transpose2d, conv_transpose3d
from wengert.functions.windows import padding_of
from wengert.onnx.symbol import NoRule, concrete, operand, rule
from wengert.onnx.trace import Trace

__all__: list[str] = []


def activation(function: Any, op: str, *settings: str) -> None:
    """An activation that is an operator; `settings` are the attributes for the arguments after the first."""

    @rule(function)
    def called(trace: Trace, value: Any, x: Any, *given: Any, **named: Any) -> Any:
        if value.dtype != np.float32 and op not in ("Relu", "Sigmoid"):
            raise NoRule  # (there may be no implementation; the definition is as good)
        if any(not isinstance(each, (int, float)) for each in (*given, *named.values())):
            raise NoRule
        defaults = function.__wrapped__.__defaults__ or ()
        values = [*given, *defaults[len(given) :]]
        for name, each in named.items():
            values[function.__wrapped__.__code__.co_varnames.index(name) - 1] = each
        attributes: dict[str, Any] = {name: float(each) for name, each in zip(settings, values, strict=True)}
        return trace.emit(op, operand(trace, x, value.dtype), **attributes)


activation(act.relu, "Relu")
activation(act.sigmoid, "Sigmoid")
activation(act.leaky_relu, "LeakyRelu", "alpha")
activation(act.elu, "Elu", "alpha")
activation(act.celu, "Celu", "alpha")
activation(act.softplus, "Softplus")
activation(act.softsign, "Softsign")


@rule(act.selu)
def selu(trace: Trace, value: Any, x: Any) -> Any:
    if value.dtype != np.float32:
        raise NoRule
    return trace.emit("Selu", operand(trace, x, value.dtype), alpha=act.SELU_ALPHA, gamma=act.SELU_SCALE)


@rule(act.silu)
def silu(trace: Trace, value: Any, x: Any) -> Any:
    x = operand(trace, x, value.dtype)
    return trace.emit("Mul", x, trace.emit("Sigmoid", x))


def softplus_of(trace: Trace, value: Any, x: str) -> Any:
    """max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""
    small = trace.emit("Exp", trace.emit("Neg", trace.emit("Abs", x)))
    return trace.emit(
        "Add", trace.emit("Relu", x), trace.emit("Log", trace.emit("Add", small, np.asarray(1, value.dtype)))
    )


@rule(act.softplus)
def softplus(trace: Trace, value: Any, x: Any) -> Any:
    return softplus_of(trace, value, operand(trace, x, value.dtype))


@rule(act.log_sigmoid)
def log_sigmoid(trace: Trace, value: Any, x: Any) -> Any:
    return trace.emit("Neg", softplus_of(trace, value, trace.emit("Neg", operand(trace, x, value.dtype))))


@rule(act.mish)
def mish(trace: Trace, value: Any, x: Any) -> Any:
    x = operand(trace, x, value.dtype)
    return trace.emit("Mul", x, trace.emit("Tanh", softplus_of(trace, value, x)))


@rule(normal_cdf)
def normal(trace: Trace, value: Any, x: Any) -> Any:
    scaled = trace.emit("Mul", operand(trace, x, value.dtype), np.asarray(1 / math.sqrt(2), value.dtype))
    above = trace.emit("Add", trace.emit("Erf", scaled), np.asarray(1, value.dtype))
    return trace.emit("Mul", above, np.asarray(0.5, value.dtype))


@rule(act.gelu)
def gelu(trace: Trace, value: Any, x: Any, approximate: bool = False) -> Any:
    name = operand(trace, x, value.dtype)
    if not approximate:
        return trace.emit("Mul", name, normal(trace, value, name))
    half, one, scale, cube = (np.asarray(c, value.dtype) for c in (0.5, 1, math.sqrt(2 / math.pi), 0.044715))
    square = trace.emit("Mul", name, name)
    inner = trace.emit("Mul", name, trace.emit("Add", trace.emit("Mul", square, cube), one))
    above = trace.emit("Add", trace.emit("Tanh", trace.emit("Mul", inner, scale)), one)
    return trace.emit("Mul", trace.emit("Mul", name, half), above)


@rule(linear)
def affine(trace: Trace, value: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    x_name, w = operand(trace, x, value.dtype), operand(trace, weight, value.dtype)
    b = None if bias is None else operand(trace, bias, value.dtype)
    if np.ndim(concrete(x)) == 2:
        return trace.emit("Gemm", x_name, w, b, transB=1)
    y = trace.emit("MatMul", x_name, trace.emit("Transpose", w, perm=(1, 0)))
    return y if b is None else trace.emit("Add", y, b)


@rule(embedding)
def rows(trace: Trace, value: Any, indices: Any, weight: Any, padding_index: Any = None) -> Any:
    return trace.emit("Gather", operand(trace, weight), operand(trace, indices, np.int64), axis=0)


# Convolution


def pair(numbers: Any, ndim: int) -> tuple[int, ...]:
    return (int(numbers),) * ndim if np.ndim(numbers) == 0 else tuple(int(n) for n in numbers)


@rule(conv1d, conv2d, conv3d)
def convolution(
    trace: Trace, value: Any, x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    ndim, taps = value.ndim - 2, np.shape(concrete(weight))[2:]
    strides, dilations = pair(stride, ndim), pair(dilation, ndim)
    pads = padding_of("conv", padding, taps, strides, dilations)
    return trace.emit(
        "Conv", *(None if a is None else operand(trace, a, value.dtype) for a in (x, weight, bias)),
        kernel_shape=taps, strides=strides, dilations=dilations, group=int(groups), pads=in_order(pads),
    )  # fmt: skip


@rule(conv_transpose1d, conv_transpose2d, conv_transpose3d)
def transposed_convolution(
    trace: Trace, value: Any, x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    ndim = value.ndim - 2
    return trace.emit(
        "ConvTranspose", *(None if a is None else operand(trace, a, value.dtype) for a in (x, weight, bias)),
        kernel_shape=np.shape(concrete(weight))[2:], strides=pair(stride, ndim), dilations=pair(dilation, ndim),
        group=int(groups), pads=in_order([(p, p) for p in pair(padding, ndim)]),
        output_padding=pair(output_padding, ndim),
    )  # fmt: skip


def in_order(pads: Any) -> tuple[int, ...]:
    """Padding as ONNX has it: before each axis, then after each."""
    return tuple(int(before) for before, _ in pads) + tuple(int(after) for _, after in pads)


# Pooling


def settings(axes: Any) -> dict[str, Any]:
    return {"kernel_shape": tuple(a.taps for a in axes), "strides": tuple(a.stride for a in axes)}


def max_pooling(function: Any) -> None:
    @rule(function)
    def called(
        trace: Trace, value: Any, x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Any:  # fmt: skip
        axes = pool_axes(function.__name__, concrete(x), kernel, stride, padding, dilation, ceil_mode)
        pads = in_order([(a.before, a.after + a.beyond()) for a in axes])
        dilations = tuple(a.dilation for a in axes)
        return trace.emit("MaxPool", operand(trace, x), pads=pads, dilations=dilations, **settings(axes))


def average_pooling(function: Any) -> None:
    @rule(function)
    def called(
        trace: Trace, value: Any, x: Any, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> Any:  # fmt: skip
        axes = pool_axes(function.__name__, concrete(x), kernel, stride, padding, 1, ceil_mode)
        name, pads = operand(trace, x, value.dtype), [(a.before, a.after + a.beyond()) for a in axes]
        if count_include_pad and any(a.before or a.after for a in axes):  # (what is beyond that is never counted)
            widths = in_order([(0, 0), (0, 0), *((a.before, a.after) for a in axes)])
            name = trace.emit("Pad", name, np.array(widths, np.int64), np.zeros((), value.dtype))
            pads = [(0, a.beyond()) for a in axes]
        return trace.emit("AveragePool", name, pads=in_order(pads), count_include_pad=0, **settings(axes))


max_pooling(max_pool1d)
max_pooling(max_pool2d)
max_pooling(max_pool3d)
average_pooling(average_pool1d)
average_pooling(average_pool2d)
average_pooling(average_pool3d)


# Normalization


@rule(batch_norm)
def batch_normalization(
    trace: Trace, value: Any, x: Any, weight: Any = None, bias: Any = None, mean: Any = None, variance: Any = None,
    epsilon: float = 1e-5, statistics: bool = False,
) -> Any:  # fmt: skip
    if mean is None or statistics:
        raise NoRule
    channels = value.shape[1]
    weight = np.ones(channels) if weight is None else weight
    bias = np.zeros(channels) if bias is None else bias
    given = [operand(trace, a, value.dtype) for a in (x, weight, bias, mean, variance)]
    return trace.emit("BatchNormalization", *given, epsilon=float(epsilon))


@rule(layer_norm)
def layer_normalization(
    trace: Trace, value: Any, x: Any, weight: Any = None, bias: Any = None, epsilon: float = 1e-5, ndim: Any = None
) -> Any:
    ndim = ndim if ndim is not None else 1 if weight is None else np.ndim(concrete(weight))
    weight = np.ones(value.shape[value.ndim - ndim :]) if weight is None else weight
    given = [None if a is None else operand(trace, a, value.dtype) for a in (x, weight, bias)]
    return trace.emit("LayerNormalization", *given, axis=-ndim, epsilon=float(epsilon))
