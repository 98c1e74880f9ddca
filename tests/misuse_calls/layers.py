"""Valid calls of wengert.layers: each layer made and called once, and its methods."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_kinds import (
    ANY, ARRAY, COMPLEX_ARRAY, DTYPE, FLAG, FUNCTION, INTEGER, INTEGERS, NONNEGATIVE, PATH, RATE, REAL, SIZE, Argument,
    Call, Kind, choice, instance, integer, is_array, is_int, is_sizes, sizes,
)  # fmt: skip
from wengert import layers as L
from wengert.functions import relu
from wengert.layers import initializers

__all__ = ["CALLS", "made", "ones", "used"]

TEXTS_OR_SIZES = Kind("paddings", lambda v: v in ("valid", "same") if isinstance(v, str) else is_sizes(v, 0))
WINDOWS = Kind("numbers of windows", lambda v: is_sizes(v, 1) or (isinstance(v, tuple) and None in v))
SHAPE = Kind("a shape", lambda v: (isinstance(v, tuple | list) and len(v) == 0) or is_sizes(v, 0))
MASK = Kind("a mask", lambda v: v is None or is_array(v))
STATE = Kind("states", lambda v: v is None or is_array(v) or isinstance(v, tuple | list))
NAMES = Kind("names", lambda v: v is None or isinstance(v, dict) or callable(v))
TEXTS = Kind("texts", lambda v: isinstance(v, str) or (isinstance(v, tuple | list) and all(isinstance(t, str) for t in v)))
METADATA = Kind("a dict of texts", lambda v: v is None or v == {})
LAYERS = integer(1, 10_000)


def ones(*shape: int) -> Any:
    return np.full(shape, 0.5, np.float32)


def made(cls: Callable[..., Any], use: Callable[[Any], Any] | None = None, **arguments: Argument) -> Call:
    """Make an object, and use it: what it holds is seen then."""

    def run(*args: Any, **kwargs: Any) -> Any:
        thing = cls(*args, **kwargs)
        return thing if use is None else use(thing)

    return Call(run, arguments, (getattr(cls, "__name__", ""),))


def used(make: Callable[[], Any], name: str = "", **arguments: Argument) -> Call:
    """Call a method of a fresh object, or the object itself."""

    def run(*args: Any, **kwargs: Any) -> Any:
        thing = make()
        return (getattr(thing, name) if name else thing)(*args, **kwargs)

    return Call(run, arguments, (name or "__call__", "forward"))


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
        out_channels=SIZE(4), kernel=sizes()(3), stride=sizes()(1), padding=(sizes(0) if transposed else TEXTS_OR_SIZES)(1),
        dilation=sizes()(1), groups=SIZE(1), bias=FLAG(True), initializer=FUNCTION.optional(None), dtype=DTYPE(np.float32),
        **own,
    )  # fmt: skip


def pooling(name: str) -> Call:
    x = ones(2, 2, *(6,) * int(name[-2]))
    if name.startswith("Adaptive"):
        return made(getattr(L, name), lambda layer: layer(x), size=WINDOWS(2))
    own = {"dilation": sizes()(1)} if name.startswith("Max") else {"count_include_pad": FLAG(True)}
    return made(
        getattr(L, name), lambda layer: layer(x), kernel=sizes()(2), stride=sizes().optional(None), padding=sizes(0)(0),
        ceil_mode=FLAG(False), **own,
    )  # fmt: skip


def recurrent(name: str) -> Call:
    own = {"nonlinearity": choice("tanh", "relu")("tanh")} if name.startswith("RNN") else {}
    arguments = {"in_size": SIZE.optional(3), "hidden_size": SIZE.optional(2), "bias": FLAG(True), "dtype": DTYPE(np.float32)}
    if name.endswith("Cell"):
        return made(getattr(L, name), lambda layer: layer(ones(4, 3)), **arguments, **own)
    return made(
        getattr(L, name), lambda layer: layer(ones(2, 4, 3)), **arguments, layers=LAYERS(2), bidirectional=FLAG(False),
        dropout=RATE(0.1), batch_first=FLAG(True), **own,
    )  # fmt: skip


def norm(name: str, **arguments: Argument) -> Call:
    x = ones(2, 4, 3)
    return made(getattr(L, name), lambda layer: layer(x), **arguments, affine=FLAG(True), dtype=DTYPE(np.float32))


def state() -> Any:
    return {"weight": np.ones((2, 3)), "bias": np.ones(2)}


def saved() -> str:
    L.save_weights(L.Linear(3, 2), "weights.safetensors")
    return "weights.safetensors"


def pair() -> Any:
    return L.Sequential(L.Linear(3), relu)


STATE_DICT = Kind("a dict of arrays", lambda v: isinstance(v, dict) and not v)

CALLS: dict[str, Callable[[], Call]] = {
    "Linear": lambda: made(
        L.Linear, lambda layer: layer(ones(4, 3)), in_size=integer(0, 2**40).optional(3), out_size=SIZE.optional(2),
        bias=FLAG(True), initializer=FUNCTION.optional(None), dtype=DTYPE(np.float32),
    ),
    "Flatten": lambda: made(L.Flatten, lambda layer: layer(ones(4, 3)), start=integer(0)(1)),
    "Dropout": lambda: made(L.Dropout, lambda layer: layer(ones(4, 3)), rate=RATE(0.5)),
    "Embedding": lambda: made(
        L.Embedding, lambda layer: layer(np.array([0, 1])), rows=SIZE(4), width=SIZE(2),
        padding_index=INTEGER.optional(None), initializer=FUNCTION.optional(None), dtype=DTYPE(np.float32),
    ),
    "BatchNorm": lambda: norm(
        "BatchNorm", channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5), momentum=RATE.optional(0.1)
    ),
    "GroupNorm": lambda: norm("GroupNorm", groups=SIZE(2), channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5)),
    "InstanceNorm": lambda: norm("InstanceNorm", channels=SIZE.optional(4), epsilon=NONNEGATIVE(1e-5)),
    "LayerNorm": lambda: norm("LayerNorm", shape=sizes().optional(3), epsilon=NONNEGATIVE(1e-5), bias=FLAG(True)),
    "RMSNorm": lambda: norm("RMSNorm", shape=sizes().optional(3), epsilon=NONNEGATIVE.optional(1e-5)),
    "MultiHeadAttention": lambda: made(
        L.MultiHeadAttention, lambda layer: layer(ones(1, 3, 4)), width=SIZE(4), heads=SIZE(2), bias=FLAG(True),
        dropout=RATE(0.1), initializer=FUNCTION.optional(None), dtype=DTYPE(np.float32),
    ),
    "MultiHeadAttention.forward": lambda: used(
        lambda: L.MultiHeadAttention(4, 2), q=ARRAY(ones(1, 3, 4)), k=ARRAY.optional(ones(1, 3, 4)),
        v=ARRAY.optional(ones(1, 3, 4)), mask=MASK(None), causal=FLAG(False), return_weights=FLAG(False),
    ),
    "TransformerBlock": lambda: made(
        L.TransformerBlock, lambda layer: layer(ones(1, 3, 4)), width=SIZE(4), heads=SIZE(2), hidden=SIZE.optional(8),
        dropout=RATE(0.1), norm_first=FLAG(True), activation=FUNCTION(relu), causal=FLAG(False), bias=FLAG(True),
        epsilon=NONNEGATIVE(1e-5), dtype=DTYPE(np.float32),
    ),
    "TransformerBlock.forward": lambda: used(
        lambda: L.TransformerBlock(4, 2), x=ARRAY(ones(1, 3, 4)), mask=MASK(None), causal=FLAG.optional(None)
    ),
    "Sequential": lambda: made(L.Sequential, **{"*step": Kind("steps", lambda v: callable(v) or v == [])(relu)}),
    "Sequential.insert": lambda: used(pair, "insert", place=INTEGER(0), step=FUNCTION(relu)),
    "Sequential.append": lambda: used(pair, "append", step=FUNCTION(relu)),
    "Sequential[]": lambda: used(pair, "__getitem__", **{"*place": INTEGER(0)}),
    "del Sequential[]": lambda: used(pair, "__delitem__", **{"*place": INTEGER(0)}),
    "Layer.astype": lambda: used(lambda: L.Linear(3, 2), "astype", dtype=DTYPE(np.float64)),
    "Layer.load_state_dict": lambda: used(
        lambda: L.Linear(3, 2), "load_state_dict", arrays=STATE_DICT(state()), names=NAMES(None), strict=FLAG(True)
    ),
    "Layer.load_state_dict, an array": lambda: Call(
        lambda value: L.Linear(3, 2).load_state_dict({**state(), "bias": value}), {"value": ARRAY(np.ones(2))}
    ),
    "save_weights": lambda: Call(
        L.save_weights, {
            "layer": instance(L.Layer)(L.Linear(3, 2)), "path": PATH("saved.safetensors"), "metadata": METADATA({"a": "b"}),
        }
    ),
    "load_weights": lambda: Call(
        L.load_weights, {
            "layer": instance(L.Layer)(L.Linear(3, 2)), "path": PATH(saved()), "names": NAMES(None), "strict": FLAG(True),
            "transposed": TEXTS(()),
        }
    ),
    "read_weights": lambda: Call(L.read_weights, {"path": PATH(saved())}),
    "read_metadata": lambda: Call(L.read_metadata, {"path": PATH(saved())}),
    "initializers.fans": lambda: Call(initializers.fans, {"shape": SHAPE((3, 2))}),
    "BatchNorm.momentum": lambda: assigned(
        lambda: L.BatchNorm(3), "momentum", RATE.optional(0.1), lambda layer: layer(ones(4, 3))
    ),
    "Flatten.start": lambda: assigned(L.Flatten, "start", integer(0)(1), lambda layer: layer(ones(4, 3))),
    "Dropout.rate": lambda: assigned(L.Dropout, "rate", RATE(0.5), lambda layer: layer(ones(4, 3))),
    "GroupNorm.groups": lambda: assigned(
        lambda: L.GroupNorm(1, 4), "groups", SIZE(2), lambda layer: layer(ones(2, 4))
    ),
    "LSTM.dropout": lambda: assigned(lambda: L.LSTM(3, 2, 2), "dropout", RATE(0.5), lambda layer: layer(ones(2, 4, 3))),
    "RNN.nonlinearity": lambda: assigned(
        lambda: L.RNN(3, 2), "nonlinearity", choice("tanh", "relu")("relu"), lambda layer: layer(ones(2, 4, 3))
    ),
    "Conv2d.stride": lambda: assigned(
        lambda: L.Conv2d(2, 3, 3), "stride", sizes()((1, 1)), lambda layer: layer(ones(1, 2, 5, 5))
    ),
    "Conv2d.dilation": lambda: assigned(
        lambda: L.Conv2d(2, 3, 3), "dilation", sizes()((1, 1)), lambda layer: layer(ones(1, 2, 5, 5))
    ),
}  # fmt: skip
for n in (1, 2, 3):
    for one in (f"Conv{n}d", f"ConvTranspose{n}d"):
        CALLS[one] = lambda name=one: convolving(name)  # type: ignore[misc]
    for one in ("AveragePool", "MaxPool", "AdaptiveAveragePool", "AdaptiveMaxPool"):
        CALLS[f"{one}{n}d"] = lambda name=f"{one}{n}d": pooling(name)  # type: ignore[misc]
for one in ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"):
    CALLS[one] = lambda name=one: recurrent(name)  # type: ignore[misc]
for one in ("RNN", "LSTM", "GRU"):
    CALLS[f"{one}.forward"] = lambda name=one: used(  # type: ignore[misc]
        lambda: getattr(L, name)(3, 2), x=ARRAY(ones(2, 4, 3)), state=STATE(None), lengths=INTEGERS.optional(np.array([4, 2]))
    )
    CALLS[f"{one}Cell.forward"] = lambda name=one: used(  # type: ignore[misc]
        lambda: getattr(L, f"{name}Cell")(3, 2), x=ARRAY(ones(2, 3)), state=STATE(None)
    )
LAYER_INPUTS: dict[str, tuple[Callable[[], Any], Any]] = {
    "Linear": (lambda: L.Linear(3, 2), ones(4, 3)),
    "Conv2d": (lambda: L.Conv2d(2, 3, 3), ones(1, 2, 5, 5)),
    "ConvTranspose1d": (lambda: L.ConvTranspose1d(2, 3, 3), ones(1, 2, 5)),
    "BatchNorm": (lambda: L.BatchNorm(3), ones(4, 3)),
    "LayerNorm": (lambda: L.LayerNorm(3), ones(4, 3)),
    "RMSNorm": (lambda: L.RMSNorm(3), ones(4, 3)),
    "GroupNorm": (lambda: L.GroupNorm(1, 3), ones(4, 3)),
    "InstanceNorm": (lambda: L.InstanceNorm(3), ones(2, 3, 4)),
    "Dropout": (L.Dropout, ones(4, 3)),
    "Flatten": (L.Flatten, ones(4, 3)),
    "MaxPool2d": (lambda: L.MaxPool2d(2), ones(1, 2, 4, 4)),
    "AveragePool1d": (lambda: L.AveragePool1d(2), ones(1, 2, 4)),
    "AdaptiveMaxPool1d": (lambda: L.AdaptiveMaxPool1d(2), ones(1, 2, 4)),
    "Sequential": (lambda: L.Sequential(L.Linear(2)), ones(4, 3)),
}
for one, (make, x) in LAYER_INPUTS.items():
    kind = ARRAY if one not in ("Linear", "Flatten", "Sequential", "Conv2d", "ConvTranspose1d") else COMPLEX_ARRAY
    CALLS[f"{one}.forward"] = lambda make=make, kind=kind, x=x: used(make, x=kind(x))  # type: ignore[misc]
CALLS["Embedding.forward"] = lambda: used(lambda: L.Embedding(4, 2), indices=INTEGERS(np.array([0, 1])))
for one in ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal",
            "uniform_fan_in", "zeros", "ones"):  # fmt: skip
    CALLS[f"initializers.{one}"] = lambda name=one: Call(  # type: ignore[misc]
        getattr(initializers, name), {"shape": SHAPE((3, 2)), "dtype": ANY(np.float32) if name in ("zeros", "ones") else DTYPE(np.float32)}
    )
for one, argument in (("constant", "value"), ("uniform", "bound"), ("normal", "std"), ("truncated_normal", "std")):
    CALLS[f"initializers.{one}"] = lambda name=one, argument=argument: made(  # type: ignore[misc]
        getattr(initializers, name), lambda f: f((3, 2), np.float32), **{argument: (REAL if name == "constant" else NONNEGATIVE)(0.5)}
    )
    CALLS[f"initializers.{one}()"] = lambda name=one: Call(  # type: ignore[misc]
        getattr(initializers, name)(0.5), {"shape": SHAPE((3, 2)), "dtype": ANY(np.float32)}
    )
