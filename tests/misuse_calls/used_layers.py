"""Layers and models that are made and then used, and whose options are assigned: what they hold is seen then."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.functions import TEXTS_OR_SIZES
from tests.misuse_kinds import (
    ARRAY,
    DTYPE,
    FLAG,
    FUNCTION,
    INTEGER,
    INTEGERS,
    NONNEGATIVE,
    RATE,
    SIZE,
    Argument,
    Call,
    Kind,
    choice,
    integer,
    is_int,
    sizes,
)  # fmt: skip
from wengert import layers as L
from wengert import models as M
from wengert.functions import relu

__all__ = ["CALLS", "assigned", "made", "ones"]

LAYERS = integer(1, 10_000)
FLOATING = DTYPE(np.float32)
INITIALIZER = FUNCTION.optional(None)
MULTIPLE = Kind("a multiple of 4", lambda v: is_int(v) and 0 < v <= 2**40 and v % 4 == 0)
HIDDEN = Kind("sizes", lambda v: isinstance(v, tuple | list) and len(v) > 0 and all(is_int(n) and n > 0 for n in v))


def ones(*shape: int) -> Any:
    return np.full(shape, 0.5, np.float32)


def made(cls: Callable[..., Any], use: Callable[[Any], Any], **arguments: Argument) -> Call:
    """Make an object, and use it."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return use(cls(*args, **kwargs))

    return Call(run, arguments, (getattr(cls, "__name__", ""), "Plain", "PlainCell"))


def assigned(make: Callable[[], Any], name: str, argument: Argument, use: Callable[[Any], Any]) -> Call:
    """Assign an attribute of a fresh object, and use that."""

    def run(value: Any) -> Any:
        thing = make()
        setattr(thing, name, value)
        return use(thing)

    return Call(run, {"value": argument}, ("run",))


def convolving(name: str) -> Call:
    ndim, transposed = int(name[-2]), "Transpose" in name
    own = {"output_padding": sizes(0)(0)} if transposed else {}
    return made(
        getattr(L, name), lambda layer: layer(ones(2, 2, *(6,) * ndim)), in_channels=SIZE.optional(2),
        out_channels=SIZE(4), kernel=sizes().optional(3), stride=sizes()(1),
        padding=(sizes(0) if transposed else TEXTS_OR_SIZES)(1), dilation=sizes()(1), groups=SIZE(1), bias=FLAG(True),
        initializer=INITIALIZER, dtype=FLOATING, **own,
    )  # fmt: skip


def recurrent(name: str) -> Call:
    own = {"nonlinearity": choice("tanh", "relu")("tanh")} if name.startswith("RNN") else {}
    own |= {"in_size": SIZE.optional(3), "hidden_size": SIZE.optional(2), "bias": FLAG(True), "dtype": FLOATING}
    if name.endswith("Cell"):
        return made(getattr(L, name), lambda layer: layer(ones(4, 3)), **own)
    return made(
        getattr(L, name), lambda layer: layer(ones(2, 4, 3)), layers=LAYERS(2), bidirectional=FLAG(False),
        dropout=RATE(0.1), batch_first=FLAG(True), **own,
    )  # fmt: skip


def norm(name: str, **arguments: Argument) -> Call:
    return made(getattr(L, name), lambda layer: layer(ones(2, 4, 3)), **arguments, affine=FLAG(True), dtype=FLOATING)


def state() -> Any:
    return {"weight": np.ones((2, 3)), "bias": np.ones(2)}


CALLS: dict[str, Callable[[], Call]] = {
    "Linear": lambda: made(
        L.Linear, lambda layer: layer(ones(4, 3)), in_size=integer(0, 2**40).optional(3), out_size=SIZE.optional(2),
        bias=FLAG(True), initializer=INITIALIZER, dtype=FLOATING,
    ),
    "Embedding": lambda: made(
        L.Embedding, lambda layer: layer(np.array([0, 1])), rows=SIZE(4), width=SIZE(2),
        padding_index=INTEGER.optional(None), initializer=INITIALIZER, dtype=FLOATING,
    ),
    "BatchNorm": lambda: norm(
        "BatchNorm", channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5), momentum=RATE.optional(0.1)
    ),
    "GroupNorm": lambda: norm("GroupNorm", groups=SIZE(2), channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5)),
    "LayerNorm": lambda: norm("LayerNorm", shape=sizes().optional(3), epsilon=NONNEGATIVE(1e-5), bias=FLAG(True)),
    "RMSNorm": lambda: norm("RMSNorm", shape=sizes().optional(3), epsilon=NONNEGATIVE.optional(1e-5)),
    "MultiHeadAttention": lambda: made(
        L.MultiHeadAttention, lambda layer: layer(ones(1, 3, 4)), width=SIZE(4), heads=SIZE(2), bias=FLAG(True),
        dropout=RATE(0.1), initializer=INITIALIZER, dtype=FLOATING,
    ),
    "TransformerBlock": lambda: made(
        L.TransformerBlock, lambda layer: layer(ones(1, 3, 4)), width=SIZE(4), heads=SIZE(2), hidden=SIZE.optional(8),
        dropout=RATE(0.1), norm_first=FLAG(True), activation=FUNCTION(relu), causal=FLAG(False), bias=FLAG(True),
        epsilon=NONNEGATIVE(1e-5), dtype=FLOATING,
    ),
    "Layer.load_state_dict, an array": lambda: Call(
        lambda value: L.Linear(3, 2).load_state_dict({**state(), "bias": value}), {"value": ARRAY(np.ones(2))}
    ),
    "GAN": lambda: made(
        M.GAN, lambda m: m.sample(1), size=MULTIPLE(8), channels=SIZE(1), latent=SIZE(3), width=SIZE(2), dtype=FLOATING
    ),
    "GPT": lambda: made(
        M.GPT, lambda m: m(np.array([[1, 2]])), vocabulary=SIZE(5), length=SIZE(8), width=SIZE(4), layers=LAYERS(1),
        heads=SIZE(2), dropout=RATE(0.1), dtype=FLOATING,
    ),
    "LeNet": lambda: made(
        M.LeNet, lambda m: m(ones(2, 1, 8, 8)), classes=SIZE(3), width=SIZE(2), hidden=SIZE(4), dropout=RATE(0.1),
        padding=sizes(0)(1), dtype=FLOATING,
    ),
    "LSTMClassifier": lambda: made(
        M.LSTMClassifier, lambda m: m(np.array([[1, 2]])), classes=SIZE(2), hidden=SIZE(3), layers=LAYERS(1),
        bidirectional=FLAG(False), vocabulary=SIZE.optional(5), width=SIZE(2), dropout=RATE(0.1), dtype=FLOATING,
    ),
    "MLP": lambda: made(
        M.MLP, lambda m: m(ones(4, 3)), **{"*first": SIZE(4), "*last": SIZE(2)}, activation=FUNCTION(relu),
        dropout=RATE(0.1), dtype=FLOATING,
    ),
    "ResNet18": lambda: made(
        M.ResNet18, lambda m: m.eval()(ones(1, 3, 8, 8)), classes=SIZE(2), width=SIZE(2), channels=SIZE(3),
        small_images=FLAG(True), dtype=FLOATING,
    ),
    "VAE": lambda: made(
        M.VAE, lambda m: m(ones(4, 3)), size=SIZE(3), latent=SIZE(2), hidden=HIDDEN((4,)), dtype=FLOATING
    ),
    "GPT.names": lambda: Call(M.GPT.names, {"theirs": Kind("text", lambda v: isinstance(v, str))("wte.weight")}),
    "LSTMClassifier.forward, of features": lambda: Call(
        M.LSTMClassifier(2, 3), {"x": ARRAY(ones(2, 4, 3)), "lengths": INTEGERS.optional(np.array([3, 2]))},
        ("forward",),
    ),
}  # fmt: skip
for one in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"):
    CALLS[one] = lambda name=one: convolving(name)  # type: ignore[misc]
for one in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"):
    CALLS[one] = lambda name=one: recurrent(name)  # type: ignore[misc]
CALLS = {f"{name}, used": make for name, make in CALLS.items()}

ASSIGNED: dict[str, tuple[Callable[[], Any], Argument, tuple[int, ...]]] = {
    "BatchNorm.momentum": (lambda: L.BatchNorm(3), RATE.optional(0.1), (4, 3)),
    "BatchNorm.epsilon": (lambda: L.BatchNorm(3), NONNEGATIVE(0.1), (4, 3)),
    "LayerNorm.epsilon": (lambda: L.LayerNorm(3), NONNEGATIVE(0.1), (4, 3)),
    "RMSNorm.epsilon": (lambda: L.RMSNorm(3), NONNEGATIVE.optional(0.1), (4, 3)),
    "Flatten.start": (L.Flatten, integer(0)(1), (4, 3)),
    "Dropout.rate": (L.Dropout, RATE(0.5), (4, 3)),
    "GroupNorm.groups": (lambda: L.GroupNorm(1, 4), SIZE(2), (2, 4)),
    "LSTM.dropout": (lambda: L.LSTM(3, 2, 2), RATE(0.5), (2, 4, 3)),
    "RNN.nonlinearity": (lambda: L.RNN(3, 2), choice("tanh", "relu")("relu"), (2, 4, 3)),
    "Conv2d.stride": (lambda: L.Conv2d(2, 3, 3), sizes()((1, 1)), (1, 2, 5, 5)),
    "Conv2d.dilation": (lambda: L.Conv2d(2, 3, 3), sizes()((1, 1)), (1, 2, 5, 5)),
    "Conv2d.groups": (lambda: L.Conv2d(2, 3, 3), SIZE(1), (1, 2, 5, 5)),
    "MultiHeadAttention.dropout": (lambda: L.MultiHeadAttention(4, 2), RATE(0.5), (1, 3, 4)),
    "TransformerBlock.causal": (lambda: L.TransformerBlock(4, 2), FLAG(True), (1, 3, 4)),
    "TransformerBlock.dropout": (lambda: L.TransformerBlock(4, 2), RATE(0.5), (1, 3, 4)),
    "MLP.dropout": (lambda: M.MLP(4, 2), RATE(0.5), (1, 3)),
}
for one, (make, argument, shape) in ASSIGNED.items():
    CALLS[f"{one}, assigned"] = lambda name=one, make=make, argument=argument, shape=shape: assigned(  # type: ignore[misc]
        make, name.partition(".")[2], argument, lambda layer: layer(ones(*shape))
    )
