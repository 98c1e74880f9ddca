"""MLP: linear layers with an activation between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.functions._dropout import dropout
from wengert.functions.activation import relu
from wengert.layers.linear import Linear
from wengert.models.model import Model

__all__ = ["MLP"]


class MLP(Model):
    """A multilayer perceptron: ``MLP(256, 10)`` has one hidden layer of 256 units and ten outputs.

    Parameters
    ----------
    *sizes : int
        The output sizes of the linear layers, in order. The input size is inferred from the first input.
    activation : function, optional
        Applied between the layers; by default `wengert.functions.relu`.
    dropout : float
        The rate of dropout after each activation, in training.

    References
    ----------
    Rumelhart, Hinton and Williams, Learning Representations by Back-propagating Errors, 1986

    Examples
    --------
    >>> import numpy as np
    >>> MLP(256, 10)(np.zeros((32, 784), np.float32)).shape
    (32, 10)
    """

    activation: Callable[[Any], Any] = options.option(options.function)
    dropout: float = options.option(options.real, 0, 1)

    def __init__(
        self, *sizes: int, activation: Callable[[Any], Any] | None = None, dropout: float = 0.0, dtype: Any = np.float32
    ) -> None:
        if not sizes:
            raise ValueError("MLP takes the size of each of its layers, but got none; write MLP(256, 10)")
        sizes = tuple(options.size(size, "each size", "MLP") for size in sizes)
        self.activation, self.dropout = relu if activation is None else activation, dropout
        self.linears = [Linear(i, o, dtype=dtype) for i, o in zip((None, *sizes), sizes, strict=False)]

    def forward(self, x: Any) -> Any:
        """Apply the layers to the last axis of `x`."""
        for layer in self.linears[:-1]:
            x = self.activation(layer(x))
            if self.training:
                x = dropout(x, self.dropout)
        return self.linears[-1](x)
