"""VGG: a chain of 3 x 3 convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.functions.activation import relu
from wengert.functions.adaptive_pooling import adaptive_average_pool2d
from wengert.layers.convolution import Conv2d
from wengert.layers.dropout import Dropout
from wengert.layers.initializers import normal
from wengert.layers.linear import Linear
from wengert.layers.pooling import MaxPool2d
from wengert.layers.sequential import Sequential
from wengert.models.model import Model

__all__ = ["VGG16"]

# The channels of the convolutions, in multiples of the width; a stage ends with pooling.
STAGES = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))


class VGG16(Model):
    """VGG-16: thirteen convolutions and three linear layers; 138,357,544 parameters for 1000 classes.

    Layout and names are torchvision's, so that its weights can be loaded.

    Parameters
    ----------
    classes : int
    width : int
        The channels of the first stage.
    hidden : int
        The size of the two hidden linear layers.
    channels : int
        Of the images.
    dropout : float
        After each hidden linear layer, in training.

    References
    ----------
    Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, 2014,
    https://arxiv.org/abs/1409.1556

    Examples
    --------
    >>> import numpy as np
    >>> model = VGG16(classes=10, width=2, hidden=16)
    >>> model(np.zeros((1, 3, 32, 32), np.float32)).shape
    (1, 10)
    """

    def __init__(
        self,
        classes: int = 1000,
        width: int = 64,
        hidden: int = 4096,
        channels: int = 3,
        dropout: float = 0.5,
        dtype: Any = np.float32,
    ) -> None:
        width, hidden = options.size(width, "width", "VGG16"), options.size(hidden, "hidden", "VGG16")
        classes, channels = options.size(classes, "classes", "VGG16"), options.size(channels, "channels", "VGG16")
        features: list[Any] = []
        for stage in STAGES:
            for multiple in stage:
                outputs = multiple * width
                std = (2 / (9 * outputs)) ** 0.5
                features += [Conv2d(channels, outputs, 3, padding=1, initializer=normal(std), dtype=dtype), relu]
                channels = outputs
            features.append(MaxPool2d(2))
        self.features = Sequential(*features)
        first = Linear(49 * channels, hidden, initializer=normal(0.01), dtype=dtype)
        second = Linear(hidden, hidden, initializer=normal(0.01), dtype=dtype)
        last = Linear(hidden, classes, initializer=normal(0.01), dtype=dtype)
        self.classifier = Sequential(first, relu, Dropout(dropout), second, relu, Dropout(dropout), last)

    def forward(self, x: Any) -> Any:
        """Return logits (batch, classes) of images (batch, channels, height, width), of at least 32 by 32."""
        x = adaptive_average_pool2d(self.features(x), 7)
        return self.classifier(x.reshape(len(x), -1))
