"""Rules for recurrent networks: each layer and direction is one operator of ONNX."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.functions.recurrent_gru import gru
from wengert.functions.recurrent_lstm import lstm
from wengert.functions.recurrent_rnn import rnn
from wengert.onnx.symbol import NoRule, Symbol, concrete, operand, rule
from wengert.onnx.trace import Trace

__all__: list[str] = []

AXIS = np.array([0], np.int64)


def recurrence(
    trace: Trace, op: str, order: tuple[int, ...], value: Any, x: Any, states: Any, weights: Any, lengths: Any,
    reverse: bool, **attributes: Any,
) -> Any:  # fmt: skip
    """Add the operator: `order` has the blocks of our weights, in the order of ONNX."""
    if any(isinstance(w, Symbol) for w in weights):
        raise NoRule
    dtype = value[0].dtype
    weight_ih, weight_hh, bias_ih, bias_hh = (None if w is None else np.asarray(concrete(w), dtype) for w in weights)
    assert weight_hh is not None
    hidden = weight_hh.shape[1]
    zeros = np.zeros(len(weight_hh), dtype)
    bias = np.concatenate([blocks(zeros if b is None else b, order) for b in (bias_ih, bias_hh)])
    given = [operand(trace, x, dtype), blocks(weight_ih, order)[None], blocks(weight_hh, order)[None], bias[None]]
    given.append(None if lengths is None else operand(trace, lengths, np.int32))
    given += [None if s is None else trace.emit("Unsqueeze", operand(trace, s, dtype), AXIS) for s in states]
    direction = "reverse" if reverse else "forward"
    ys, *last = trace.emit(op, *given, outputs=1 + len(states), hidden_size=hidden, direction=direction, **attributes)
    return (trace.emit("Squeeze", ys, AXIS + 1), *(trace.emit("Squeeze", y, AXIS) for y in last))


def blocks(rows: Any, order: tuple[int, ...]) -> Any:
    """Put the blocks of the gates in another order."""
    parts = np.split(rows, len(order))
    return np.concatenate([parts[i] for i in order])


@rule(lstm)
def long_short_term_memory(
    trace: Trace, value: Any, x: Any, h: Any, c: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None,
    bias_hh: Any = None, lengths: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    return recurrence(trace, "LSTM", (0, 3, 1, 2), value, x, (h, c), weights, lengths, reverse)


@rule(gru)
def gated_recurrent_unit(
    trace: Trace, value: Any, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    lengths: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    return recurrence(trace, "GRU", (1, 0, 2), value, x, (h,), weights, lengths, reverse, linear_before_reset=1)


@rule(rnn)
def plain_recurrence(
    trace: Trace, value: Any, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any = None, bias_hh: Any = None,
    nonlinearity: str = "tanh", lengths: Any = None, reverse: bool = False,
) -> Any:  # fmt: skip
    weights = weight_ih, weight_hh, bias_ih, bias_hh
    activations = [nonlinearity.capitalize()]
    return recurrence(trace, "RNN", (0,), value, x, (h,), weights, lengths, reverse, activations=activations)
