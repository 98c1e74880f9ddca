"""Valid calls of wengert.layers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.functions import MASK, TEXTS_OR_SIZES, WINDOWS, array
from tests.misuse_kinds import (
    ANY,
    ARRAY,
    COMPLEX_ARRAY,
    COUNT,
    DTYPE,
    FLAG,
    FUNCTION,
    INTEGER,
    INTEGERS,
    NONNEGATIVE,
    PATH,
    RATE,
    SIZE,
    Call,
    Kind,
    call,
    choice,
    integer,
    is_sizes,
    sizes,
)  # fmt: skip
from wengert import functions as F
from wengert import layers as L
from wengert.layers import initializers as I

__all__ = ["CALLS", "saved"]

INITIALIZER = FUNCTION.optional
SHAPE = Kind("a shape", lambda v: is_sizes(v, 0) or (isinstance(v, tuple | list) and not v))
ITEM = Kind("a place or a slice", lambda v: INTEGER.accepts(v) or isinstance(v, slice))
MAPPING = Kind("a mapping", lambda v: isinstance(v, dict))
STEP = Kind("a layer, a function, or a list of them", lambda v: callable(v) or (isinstance(v, list) and not v))
STATE = Kind("a state", lambda v: v is None or ARRAY.accepts(v))
STRINGS = Kind("a mapping of strings", lambda v: v is None or v == {})
NAMES = Kind("a mapping or a function", lambda v: v is None or isinstance(v, dict) or callable(v))


def image(ndim: int = 2) -> Any:
    return ARRAY(array(2, 2, *(4,) * ndim, variable=False).astype(np.float32))


def sequence() -> Any:
    return ARRAY(array(2, 3, 2, variable=False).astype(np.float32))


def convolution(name: str) -> Call:
    transposed = {"output_padding": sizes(0)(0)} if "Transpose" in name else {}
    return call(
        getattr(L, name), in_channels=SIZE.optional(2), out_channels=SIZE(4), kernel=sizes().optional(2),
        stride=sizes()(1), padding=(sizes(0) if transposed else TEXTS_OR_SIZES)(0), dilation=sizes()(1),
        groups=COUNT(1), bias=FLAG(True), initializer=INITIALIZER(None), dtype=DTYPE(np.float32), **transposed,
    )  # fmt: skip


def pooling(name: str) -> Call:
    if name.startswith("Adaptive"):
        return call(getattr(L, name), size=WINDOWS(2))
    own = {"dilation": sizes()(1)} if name.startswith("Max") else {"count_include_pad": FLAG(True)}
    return call(
        getattr(L, name), kernel=sizes()(2), stride=sizes().optional(None), padding=sizes(0)(0), ceil_mode=FLAG(False),
        **own,
    )  # fmt: skip


def recurrent(name: str) -> Call:
    several = {} if "Cell" in name else {
        "layers": COUNT(1), "bidirectional": FLAG(False), "dropout": RATE(0.0), "batch_first": FLAG(True)
    }  # fmt: skip
    own = {"nonlinearity": choice("tanh", "relu")("tanh")} if "RNN" in name else {}
    made = call(
        getattr(L, name), in_size=SIZE.optional(2), hidden_size=SIZE.optional(3), bias=FLAG(True),
        dtype=DTYPE(np.float32), **several, **own,
    )  # fmt: skip
    return made._replace(names=("Plain", "PlainCell"))


def forward(layer: Any, x: Any) -> Call:
    return call(layer, x)


def saved(model: Any = None) -> str:
    L.save_weights(model or L.Linear(2, 3), "saved.safetensors", {"made": "here"})
    return "saved.safetensors"


CALLS: dict[str, Callable[[], Call]] = {
    "BatchNorm": lambda: call(
        L.BatchNorm, channels=SIZE.optional(3), epsilon=NONNEGATIVE(1e-5), momentum=RATE.optional(0.1),
        affine=FLAG(True), dtype=DTYPE(np.float32),
    ),
    "BatchNorm.forward": lambda: forward(L.BatchNorm(2), image()),
    "Dropout": lambda: call(L.Dropout, rate=RATE(0.5)),
    "Dropout.forward": lambda: forward(L.Dropout(0.5), COMPLEX_ARRAY(image().value)),
    "Embedding": lambda: call(
        L.Embedding, rows=SIZE(4), width=SIZE(2), padding_index=INTEGER.optional(None), initializer=INITIALIZER(None),
        dtype=DTYPE(np.float32),
    ),
    "Embedding.forward": lambda: forward(L.Embedding(4, 2), INTEGERS(np.array([0, 3]))),
    "Flatten": lambda: call(L.Flatten, start=INTEGER(1)),
    "Flatten.forward": lambda: forward(L.Flatten(), Kind("an array", lambda v: True)(np.ones((2, 3, 4)))),
    "GroupNorm": lambda: call(
        L.GroupNorm, groups=COUNT(2), channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5), affine=FLAG(True),
        dtype=DTYPE(np.float32),
    ),
    "GroupNorm.forward": lambda: forward(L.GroupNorm(2, 2), image()),
    "InstanceNorm": lambda: call(
        L.InstanceNorm, channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5), affine=FLAG(False),
        dtype=DTYPE(np.float32),
    ),
    "InstanceNorm.forward": lambda: forward(L.InstanceNorm(2), image()),
    "LayerNorm": lambda: call(
        L.LayerNorm, shape=sizes().optional(3), epsilon=NONNEGATIVE.optional(1e-5), affine=FLAG(True), bias=FLAG(True),
        dtype=DTYPE(np.float32),
    ),
    "LayerNorm.forward": lambda: forward(L.LayerNorm(4), image()),
    "RMSNorm": lambda: call(
        L.RMSNorm, shape=sizes().optional(3), epsilon=NONNEGATIVE.optional(None), affine=FLAG(True),
        dtype=DTYPE(np.float32),
    ),
    "RMSNorm.forward": lambda: forward(L.RMSNorm(4), image()),
    "Linear": lambda: call(
        L.Linear, in_size=integer(0, 2**40).optional(2), out_size=SIZE.optional(3), bias=FLAG(True),
        initializer=INITIALIZER(None), dtype=DTYPE(np.float32),
    ),
    "Linear, sizes of inputs later": lambda: call(L.Linear, in_size=SIZE.optional(3)),
    "Linear.forward": lambda: forward(L.Linear(4, 2), image()),
    "Linear.forward, first": lambda: forward(L.Linear(2), image()),
    "MultiHeadAttention": lambda: call(
        L.MultiHeadAttention, width=SIZE(4), heads=COUNT(2), bias=FLAG(True), dropout=RATE(0.0),
        initializer=INITIALIZER(None), dtype=DTYPE(np.float32),
    ),
    "MultiHeadAttention.forward": lambda: call(
        L.MultiHeadAttention(2, 1), q=sequence(), k=ARRAY.optional(sequence().value),
        v=ARRAY.optional(sequence().value), mask=MASK(None), causal=FLAG(False),
        return_weights=FLAG(False),
    ),
    "TransformerBlock": lambda: call(
        L.TransformerBlock, width=SIZE(4), heads=COUNT(2), hidden=SIZE.optional(8), dropout=RATE(0.0),
        norm_first=FLAG(True), activation=FUNCTION.optional(F.gelu), causal=FLAG(False), bias=FLAG(True),
        epsilon=NONNEGATIVE(1e-5), dtype=DTYPE(np.float32),
    ),
    "TransformerBlock.forward": lambda: call(
        L.TransformerBlock(2, 1), x=sequence(), mask=MASK(None), causal=FLAG.optional(None)
    ),
    "functional_call": lambda: call(
        L.functional_call, STEP(L.Linear(2, 3)), MAPPING({"weight": np.ones((3, 2))}), ARRAY(np.ones((4, 2)))
    ),
    "Sequential": lambda: call(L.Sequential, STEP(L.Linear(2, 3)), STEP(L.Linear(3, 3))),
    "Sequential, a list": lambda: call(L.Sequential, STEP([L.Linear(3, 3)])),
    "Sequential.forward": lambda: forward(L.Sequential(L.Linear(4, 3)), image()),
    "Sequential.append": lambda: call(L.Sequential(L.Linear(2, 3)).append, step=STEP(L.Linear(3, 3))),
    "Sequential.insert": lambda: call(
        L.Sequential(L.Linear(2, 3)).insert, place=INTEGER(0), step=STEP(L.Linear(3, 3))
    ),
    "Sequential.__getitem__": lambda: call(L.Sequential(L.Linear(2, 3)).__getitem__, place=ITEM(0)),
    "Sequential.__setitem__": lambda: call(
        L.Sequential(L.Linear(2, 3)).__setitem__, place=INTEGER(0), step=STEP(L.Linear(3, 3))
    ),
    "RecurrentLayer.forward": lambda: call(
        L.GRU(2, 3), x=sequence(), state=STATE(None), lengths=INTEGERS.optional(np.array([3, 2]))
    ),
    "LSTM.forward": lambda: call(
        L.LSTM(2, 3), x=sequence(), state=Kind("(h, c) or None", lambda v: v is None)(None),
        lengths=INTEGERS.optional(np.array([3, 2])),
    ),
    "Cell.forward": lambda: call(L.GRUCell(2, 3), x=ARRAY(np.ones((2, 2), np.float32)), state=STATE(None)),
    "Pool.forward": lambda: forward(L.MaxPool2d(2), image()),
    "DirectConvolution.forward": lambda: forward(L.Conv2d(2, 3, 2), image()),
    "TransposedConvolution.forward": lambda: forward(L.ConvTranspose2d(2, 3, 2), image()),
    "Layer.load_state_dict": lambda: call(
        L.Linear(2, 3).load_state_dict, arrays=MAPPING(L.Linear(2, 3).state_dict()), names=NAMES(None),
        strict=FLAG(True),
    ),
    "Layer.__call__": lambda: call(L.Linear(4, 2), image()),
    "Layer.train": lambda: call(L.Linear(2, 3).train, mode=FLAG(True)),
    "Layer.astype": lambda: call(L.Linear(2, 3).astype, dtype=DTYPE(np.float64)),
    "save_weights": lambda: call(
        L.save_weights, layer=ANY(L.Linear(2, 3)), path=PATH("a.safetensors"), metadata=STRINGS(None)
    ),
    "load_weights": lambda: call(
        L.load_weights, layer=ANY(L.Linear(2, 3)), path=PATH(saved()), names=NAMES(None), strict=FLAG(True),
        transposed=Kind("names", lambda v: not isinstance(v, str | bytes) and hasattr(v, "__iter__"))(()),
    ),
    "read_weights": lambda: call(L.read_weights, path=PATH(saved())),
    "read_metadata": lambda: call(L.read_metadata, path=PATH(saved())),
    "drawn": lambda: call(
        I.drawn, initializer=FUNCTION(I.zeros), shape=SHAPE((2, 3)), dtype=DTYPE(np.float32), whose=ANY("Linear")
    ),
    "fans": lambda: call(I.fans, shape=SHAPE((2, 3))),
    "constant": lambda: call(I.constant, value=Kind("a finite number", lambda v: NUMBER.accepts(v))(1.0)),
    "normal": lambda: call(I.normal, std=NONNEGATIVE(1.0)),
    "truncated_normal": lambda: call(I.truncated_normal, std=NONNEGATIVE(1.0)),
    "uniform": lambda: call(I.uniform, bound=NONNEGATIVE(1.0)),
}  # fmt: skip
NUMBER = Kind("a finite number", lambda v: NONNEGATIVE.accepts(v) or (INTEGER.accepts(v)))

for one in L.__all__:
    if "Conv" in one:
        CALLS[one] = lambda name=one: convolution(name)  # type: ignore[misc]
    elif "Pool" in one:
        CALLS[one] = lambda name=one: pooling(name)  # type: ignore[misc]
    elif one.startswith(("RNN", "GRU", "LSTM")):
        CALLS[one] = lambda name=one: recurrent(name)  # type: ignore[misc]
for one in I.__all__:
    if one not in CALLS and one != "Initializer":
        CALLS[one] = lambda name=one: call(getattr(I, name), shape=SHAPE((2, 3)), dtype=DTYPE(np.float32))  # type: ignore[misc]
