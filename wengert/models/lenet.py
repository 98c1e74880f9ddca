"""LeNet: a small convolutional network for images of digits."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.functions._dropout import dropout
from wengert.functions.activation import relu
from wengert.functions.max_pooling import max_pool2d
from wengert.layers.convolution import Conv2d
from wengert.layers.linear import Linear
from wengert.models.model import Model

__all__ = ["CNN", "LeNet"]


class LeNet(Model):
    """Two 3 x 3 convolutions with pooling, and two linear layers, similar to LeNet-5.

    The sizes of images and their channels are inferred from the first batch: (batch, 1, 8, 8) digits, (batch, 1, 28,
    28) of MNIST, or others of at least 4 by 4.

    Parameters
    ----------
    classes : int
    width : int
        The channels of the first convolution; the second has twice as many.
    hidden : int
        The size of the hidden linear layer.
    dropout : float
        The rate of dropout on the hidden units, in training.
    padding : int
        The padding of the convolutions: 1 keeps the size.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, 1998

    Examples
    --------
    >>> import numpy as np
    >>> LeNet(10)(np.zeros((2, 1, 8, 8), np.float32)).shape
    (2, 10)
    """

    dropout: float = options.option(options.real, 0, 1)

    def __init__(
        self,
        classes: int = 10,
        width: int = 16,
        hidden: int = 128,
        dropout: float = 0.0,
        padding: int = 1,
        dtype: Any = np.float32,
    ) -> None:
        width, hidden = options.size(width, "width", "LeNet"), options.size(hidden, "hidden", "LeNet")
        classes = options.size(classes, "classes", "LeNet")
        self.dropout = dropout
        self.conv1 = Conv2d(width, 3, padding=padding, dtype=dtype)
        self.conv2 = Conv2d(width, 2 * width, 3, padding=padding, dtype=dtype)
        self.fc1 = Linear(hidden, dtype=dtype)
        self.fc2 = Linear(hidden, classes, dtype=dtype)

    def forward(self, x: Any) -> Any:
        """Return logits (batch, classes) of images (batch, channels, height, width)."""
        x = max_pool2d(relu(self.conv1(x)), 2)
        x = max_pool2d(relu(self.conv2(x)), 2)
        x = relu(self.fc1(x.reshape(len(x), -1)))
        if self.training:
            x = dropout(x, self.dropout)
        return self.fc2(x)


CNN = LeNet
