"""Layers: functions with parameters.

>>> import numpy as np
>>> from wengert.functions import relu
>>> from wengert.layers import Linear, Sequential
>>> net = Sequential(Linear(3, 4), relu, Linear(1))  # the second reads its input's size off what comes
>>> net(np.ones((5, 3), np.float32)).shape
(5, 1)
>>> list(net.params())
['0.weight', '0.bias', '2.weight', '2.bias']
"""

import importlib
from typing import TYPE_CHECKING, Any

from wengert.layers import initializers
from wengert.layers.attention import MultiHeadAttention
from wengert.layers.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from wengert.layers.dropout import Dropout
from wengert.layers.embedding import Embedding
from wengert.layers.functional import functional_call
from wengert.layers.layer import Layer
from wengert.layers.linear import Flatten, Linear
from wengert.layers.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from wengert.layers.pooling import (
    AdaptiveAveragePool1d,
    AdaptiveAveragePool2d,
    AdaptiveAveragePool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    AveragePool1d,
    AveragePool2d,
    AveragePool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from wengert.layers.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from wengert.layers.sequential import Sequential
from wengert.layers.transformer import TransformerBlock
from wengert.layers.weights import load_weights, read_metadata, read_weights, save_weights

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAveragePool1d",
    "AdaptiveAveragePool2d",
    "AdaptiveAveragePool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AveragePool1d",
    "AveragePool2d",
    "AveragePool3d",
    "BatchNorm",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GroupNorm",
    "InstanceNorm",
    "LSTMCell",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MultiHeadAttention",
    "RMSNorm",
    "RNNCell",
    "Sequential",
    "TransformerBlock",
    "functional_call",
    "initializers",
    "load_weights",
    "read_metadata",
    "read_weights",
    "save_weights",
]

if not TYPE_CHECKING:  # (which would take it for a module that has any name)

    def __getattr__(name: str) -> Any:
        return importlib.import_module("wengert.checks.peer_modules").looked_up(__name__, name)
