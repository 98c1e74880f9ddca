"""What the tests of recurrent functions and layers share."""

from typing import Any

import numpy as np

from wengert.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell

LAYERS = (RNN, LSTM, GRU)


CELLS = (RNNCell, LSTMCell, GRUCell)


TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


def flat(results: Any) -> list[Any]:
    """The results of a layer, in one list."""
    return [y for each in results for y in flat(each)] if isinstance(results, tuple) else [results]


def weighted_sum(results: list[Any]) -> Any:
    """A loss to which every number contributes with a factor of its own."""
    return sum((y * np.cos(np.arange(y.size).reshape(y.shape)).astype(y.dtype)).sum() for y in results)
