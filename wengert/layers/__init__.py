"""Layers: functions that hold what they have learnt."""

from wengert.layers import initializers
from wengert.layers.attention import MultiHeadAttention
from wengert.layers.dropout import Dropout
from wengert.layers.embedding import Embedding
from wengert.layers.layer import Layer
from wengert.layers.linear import Flatten, Linear
from wengert.layers.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from wengert.layers.sequential import Sequential
from wengert.layers.transformer import TransformerBlock

__all__ = [
    "BatchNorm",
    "Dropout",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "InstanceNorm",
    "Layer",
    "LayerNorm",
    "Linear",
    "MultiHeadAttention",
    "RMSNorm",
    "Sequential",
    "TransformerBlock",
    "initializers",
]
