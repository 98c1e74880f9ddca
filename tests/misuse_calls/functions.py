"""Valid calls of wengert.functions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_kinds import (
    ARRAY,
    AXES,
    AXIS,
    COMPLEX_ARRAY,
    COUNT,
    FLAG,
    FUNCTION,
    INTEGER,
    INTEGERS,
    NONNEGATIVE,
    POSITIVE,
    RATE,
    REAL,
    Argument,
    Call,
    Kind,
    call,
    choice,
    is_array,
    is_int,
    is_sizes,
    sizes,
)  # fmt: skip
from wengert import Variable
from wengert import functions as F

__all__ = ["CALLS"]

REDUCTION = choice("mean", "sum", "none")
TEXTS_OR_SIZES = Kind("paddings", lambda v: v in ("valid", "same") if isinstance(v, str) else is_sizes(v, 0))
WINDOWS = Kind("numbers of windows", lambda v: v is None or is_sizes(v, 1))
NDIM = Kind("a number of axes", lambda v: v is None or (is_int(v) and v >= 1))
BOUND = Kind("a real number, or infinite", lambda v: REAL.accepts(v) or (isinstance(v, float) and abs(v) == np.inf))
MASK = Kind("a mask", lambda v: v is None or is_array(v))
KL_REDUCTION = choice("mean", "sum", "none", "batchmean")


def array(*shape: int, variable: bool = True) -> Any:
    values = np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)
    return Variable(values) if variable else values


def reduced(function: Any, *args: Argument, **kwargs: Argument) -> Call:
    return call(function, *args, **kwargs, reduction=REDUCTION("sum"))


def labels() -> Any:
    return np.array([0, 2])


def convolution(ndim: int, transposed: bool = False) -> Call:
    f = getattr(F, f"conv{'_transpose' if transposed else ''}{ndim}d")
    own = {"output_padding": sizes(0)(0)} if transposed else {}
    return call(
        f, x=ARRAY(array(1, 2, *(4,) * ndim)), weight=ARRAY(array(2, 2, *(2,) * ndim)), bias=ARRAY.optional(array(2)),
        stride=sizes()(1), padding=(sizes(0) if transposed else TEXTS_OR_SIZES)(0), dilation=sizes()(1),
        groups=COUNT(1), **own,
    )  # fmt: skip


def pooling(name: str) -> Call:
    ndim = int(name[-2])
    x = ARRAY(array(1, 2, *(4,) * ndim))
    if name.startswith("adaptive"):
        return call(getattr(F, name), x=x, size=WINDOWS(2))
    own = {"dilation": sizes()(1)} if name.startswith("max") else {"count_include_pad": FLAG(True)}
    return call(
        getattr(F, name), x=x, kernel=sizes()(2), stride=sizes().optional(None), padding=sizes(0)(0),
        ceil_mode=FLAG(False), **own,
    )  # fmt: skip


def recurrence(name: str, gates: int) -> Call:
    states = {"h": ARRAY.optional(array(2, 3)), **({"c": ARRAY.optional(array(2, 3))} if name == "lstm" else {})}
    own = {"nonlinearity": choice("tanh", "relu")("tanh")} if name == "rnn" else {}
    return call(
        getattr(F, name), x=ARRAY(array(4, 2, 2)), **states, weight_ih=ARRAY(array(gates * 3, 2)),
        weight_hh=ARRAY(array(gates * 3, 3)), bias_ih=ARRAY.optional(array(gates * 3)),
        bias_hh=ARRAY.optional(array(gates * 3)), lengths=INTEGERS.optional(np.array([4, 2])), reverse=FLAG(False),
        **own,
    )  # fmt: skip


CALLS: dict[str, Callable[[], Call]] = {
    "accuracy": lambda: call(
        F.accuracy, y=ARRAY(array(2, 3)), t=INTEGERS(labels()), ignore_index=INTEGER.optional(None), axis=AXIS(-1)
    ),
    "attention": lambda: call(
        F.attention, q=ARRAY(array(2, 3)), k=ARRAY(array(4, 3)), v=ARRAY(array(4, 5)), mask=MASK(None),
        causal=FLAG(False), scale=REAL.optional(None),
    ),
    "batch_norm": lambda: call(
        F.batch_norm, x=ARRAY(array(4, 3)), weight=ARRAY.optional(array(3)), bias=ARRAY.optional(array(3)),
        mean=ARRAY.optional(array(3)), variance=ARRAY.optional(array(3)), epsilon=NONNEGATIVE(1e-5),
        statistics=FLAG(False),
    ),
    "binary_cross_entropy": lambda: reduced(
        F.binary_cross_entropy, p=ARRAY(array(2, 3)), t=ARRAY(array(2, 3)), weight=ARRAY.optional(None)
    ),
    "sigmoid_cross_entropy": lambda: reduced(
        F.sigmoid_cross_entropy, y=ARRAY(array(2, 3)), t=ARRAY(array(2, 3)), weight=ARRAY.optional(None),
        pos_weight=ARRAY.optional(None),
    ),
    "celu": lambda: call(F.celu, x=ARRAY(array(3)), alpha=POSITIVE(1.0)),
    "clip_by_norm": lambda: call(F.clip_by_norm, x=ARRAY(array(3)), limit=POSITIVE(1.0), axis=AXES(None)),
    "cosine_embedding_loss": lambda: reduced(
        F.cosine_embedding_loss, a=ARRAY(array(2, 3)), b=ARRAY(array(2, 3)), t=ARRAY(np.array([1, -1])),
        margin=REAL(0.0), axis=AXIS(-1),
    ),
    "cosine_similarity": lambda: call(
        F.cosine_similarity, a=ARRAY(array(2, 3)), b=ARRAY(array(2, 3)), axis=AXIS(-1), epsilon=NONNEGATIVE(1e-8)
    ),
    "dropout": lambda: call(F.dropout, x=COMPLEX_ARRAY(array(3)), rate=RATE(0.5)),
    "elu": lambda: call(F.elu, x=ARRAY(array(3)), alpha=REAL(1.0)),
    "embedding": lambda: call(
        F.embedding, indices=INTEGERS(labels()), weight=COMPLEX_ARRAY(array(3, 2)), padding_index=INTEGER.optional(None)
    ),
    "gaussian_nll": lambda: reduced(
        F.gaussian_nll, y=ARRAY(array(2)), t=ARRAY(array(2)), variance=ARRAY(array(2)), full=FLAG(False),
        epsilon=NONNEGATIVE(1e-6),
    ),
    "gelu": lambda: call(F.gelu, x=ARRAY(array(3)), approximate=FLAG(False)),
    "group_norm": lambda: call(
        F.group_norm, x=ARRAY(array(2, 4)), groups=COUNT(2), weight=ARRAY.optional(array(4)),
        bias=ARRAY.optional(array(4)), epsilon=NONNEGATIVE(1e-5),
    ),
    "hardtanh": lambda: call(F.hardtanh, x=ARRAY(array(3)), low=BOUND(-1.0), high=BOUND(1.0)),
    "hinge": lambda: reduced(F.hinge, y=ARRAY(array(2)), t=ARRAY(np.array([1, -1])), margin=REAL(1.0)),
    "huber": lambda: reduced(F.huber, y=ARRAY(array(2)), t=ARRAY(array(2)), delta=POSITIVE(1.0)),
    "kl_div": lambda: call(
        F.kl_div, log_p=ARRAY(array(2, 3)), q=ARRAY(array(2, 3)), log_target=FLAG(False), reduction=KL_REDUCTION("sum")
    ),
    "layer_norm": lambda: call(
        F.layer_norm, x=ARRAY(array(2, 3)), weight=ARRAY.optional(array(3)), bias=ARRAY.optional(array(3)),
        epsilon=NONNEGATIVE(1e-5), ndim=NDIM(None),
    ),
    "leaky_relu": lambda: call(F.leaky_relu, x=ARRAY(array(3)), slope=ARRAY(0.1)),
    "linear": lambda: call(
        F.linear, x=COMPLEX_ARRAY(array(2, 3)), weight=COMPLEX_ARRAY(array(4, 3)),
        bias=COMPLEX_ARRAY.optional(array(4)),
    ),
    "log_softmax": lambda: call(F.log_softmax, x=ARRAY(array(2, 3)), axis=AXES(-1)),
    "logsumexp": lambda: call(F.logsumexp, x=ARRAY(array(2, 3)), axis=AXES(-1), keepdims=FLAG(False)),
    "matrix_function": lambda: call(F.matrix_function, FUNCTION(np.exp), ARRAY(array(2, 2))),
    "mae": lambda: reduced(F.mae, y=ARRAY(array(2)), t=ARRAY(array(2))),
    "mse": lambda: reduced(F.mse, y=ARRAY(array(2)), t=ARRAY(array(2))),
    "nll_loss": lambda: reduced(
        F.nll_loss, log_p=ARRAY(array(2, 3)), t=INTEGERS(labels()), weight=ARRAY.optional(None),
        ignore_index=INTEGER.optional(None), axis=AXIS(-1),
    ),
    "rms_norm": lambda: call(
        F.rms_norm, x=ARRAY(array(2, 3)), weight=ARRAY.optional(array(3)), epsilon=NONNEGATIVE.optional(1e-5),
        ndim=NDIM(None),
    ),
    "softmax": lambda: call(F.softmax, x=ARRAY(array(2, 3)), axis=AXES(-1)),
    "softmax_cross_entropy": lambda: reduced(
        F.softmax_cross_entropy, y=ARRAY(array(2, 3)), t=INTEGERS(labels()), weight=ARRAY.optional(None),
        label_smoothing=RATE(0.0), ignore_index=INTEGER.optional(None), axis=AXIS(-1),
    ),
    "softmax_cross_entropy, probabilities": lambda: reduced(
        F.softmax_cross_entropy, y=ARRAY(array(2, 3)), t=ARRAY(array(2, 3)),
        weight=ARRAY.optional(array(3, variable=False)),
        label_smoothing=RATE(0.1), axis=AXIS(-1),
    ),
}  # fmt: skip
for one in ("hard_sigmoid", "hard_swish", "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus",
            "softsign"):  # fmt: skip
    CALLS[one] = lambda name=one: call(getattr(F, name), x=ARRAY(array(3)))  # type: ignore[misc]
CALLS["binary_cross_entropy_with_logits"] = CALLS["sigmoid_cross_entropy"]  # (another name of it)
for n in (1, 2, 3):
    CALLS[f"conv{n}d"] = lambda ndim=n: convolution(ndim)  # type: ignore[misc]
    CALLS[f"conv_transpose{n}d"] = lambda ndim=n: convolution(ndim, transposed=True)  # type: ignore[misc]
    for pool in ("average_pool", "max_pool", "adaptive_average_pool", "adaptive_max_pool"):
        CALLS[f"{pool}{n}d"] = lambda name=f"{pool}{n}d": pooling(name)  # type: ignore[misc]
for cell, number_of_gates in (("rnn", 1), ("gru", 3), ("lstm", 4)):
    CALLS[cell] = lambda name=cell, gates=number_of_gates: recurrence(name, gates)  # type: ignore[misc]
