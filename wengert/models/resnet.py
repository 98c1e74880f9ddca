"""ResNet: convolutional networks with residual connections."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.functions.activation import relu
from wengert.functions.max_pooling import max_pool2d
from wengert.layers.convolution import Conv2d
from wengert.layers.initializers import normal
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.normalization import BatchNorm
from wengert.layers.sequential import Sequential
from wengert.models.model import Model

__all__ = ["BasicBlock", "Bottleneck", "ResNet", "ResNet18", "ResNet50"]


def convolution(inputs: int, outputs: int, size: int, stride: int = 1, dtype: Any = np.float32) -> Conv2d:
    """Make a convolution without bias, with "same" padding up to its stride."""
    inputs = options.size(inputs, "inputs", "a block")
    outputs, stride = options.size(outputs, "width", "a block"), options.size(stride, "stride", "a block")
    std = math.sqrt(
        2 / (outputs * size * size)
    )  # He initialization with the fan-out, which preserves the variance of gradients
    return Conv2d(
        inputs, outputs, size, stride=stride, padding=size // 2, bias=False, initializer=normal(std), dtype=dtype
    )


class BasicBlock(Layer):
    """Two 3 x 3 convolutions, with a residual connection."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dtype: Any = np.float32) -> None:
        self.conv1, self.bn1 = convolution(inputs, width, 3, stride, dtype), BatchNorm(width, dtype=dtype)
        self.conv2, self.bn2 = convolution(width, width, 3, 1, dtype), BatchNorm(width, dtype=dtype)
        self.downsample = shortcut(inputs, width, stride, dtype)

    def forward(self, x: Any) -> Any:
        y = relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(Layer):
    """A 3 x 3 convolution between 1 x 1 convolutions that reduce the channels to a quarter, and expand them."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1, dtype: Any = np.float32) -> None:
        outputs = options.size(width, "width", "Bottleneck") * self.expansion
        self.conv1, self.bn1 = convolution(inputs, width, 1, 1, dtype), BatchNorm(width, dtype=dtype)
        self.conv2, self.bn2 = convolution(width, width, 3, stride, dtype), BatchNorm(width, dtype=dtype)
        self.conv3, self.bn3 = convolution(width, outputs, 1, 1, dtype), BatchNorm(outputs, dtype=dtype)
        self.downsample = shortcut(inputs, outputs, stride, dtype)

    def forward(self, x: Any) -> Any:
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


def shortcut(inputs: int, outputs: int, stride: int, dtype: Any) -> Sequential | None:
    """The projection shortcut of a block whose output has another shape than its input, else None."""
    if stride == 1 and inputs == outputs:
        return None
    return Sequential(convolution(inputs, outputs, 1, stride, dtype), BatchNorm(outputs, dtype=dtype))


class ResNet(Model):
    """A residual network of four stages of blocks: see `ResNet18`, `ResNet50`.

    Layout and names are torchvision's, so that its weights can be loaded.

    Parameters
    ----------
    block : class
        `BasicBlock` or `Bottleneck`.
    counts : four ints
        The number of blocks of each stage. From the second on, each stage halves the image and doubles the channels.
    classes : int
    width : int
        The channels of the first stage.
    channels : int
        Of the images.
    small_images : bool
        Begin with a 3 x 3 convolution, for images of about 32 x 32, in place of a 7 x 7 convolution and pooling, which
        reduce height and width to a quarter.

    References
    ----------
    He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2015, https://arxiv.org/abs/1512.03385

    Examples
    --------
    >>> import numpy as np
    >>> model = ResNet(BasicBlock, (1, 1, 1, 1), classes=10, width=4, small_images=True)
    >>> model(np.zeros((2, 3, 16, 16), np.float32)).shape
    (2, 10)
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        counts: tuple[int, ...],
        classes: int = 1000,
        width: int = 64,
        channels: int = 3,
        small_images: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        if not (isinstance(block, type) and issubclass(block, (BasicBlock, Bottleneck))):
            raise TypeError(f"the block of a ResNet must be BasicBlock or Bottleneck, but got {describe(block)}")
        kind = type(self).__name__
        if not isinstance(counts, (tuple, list)) or len(counts) != 4:
            raise ValueError(f"a ResNet has four stages of at least one block, but got counts={counts!r}")
        counts = tuple(options.integer(count, "each of the counts", kind, 1, options.MOST_LAYERS) for count in counts)
        classes, width = options.size(classes, "classes", kind), options.size(width, "width", kind)
        self.small_images = options.flag(small_images, "small_images", kind)
        if small_images:
            self.conv1 = convolution(channels, width, 3, 1, dtype)
        else:
            self.conv1 = convolution(channels, width, 7, 2, dtype)
        self.bn1 = BatchNorm(width, dtype=dtype)
        inputs = width
        for stage, count in enumerate(counts):
            blocks = []
            for i in range(count):
                blocks.append(block(inputs, width << stage, 2 if stage and not i else 1, dtype))
                inputs = (width << stage) * block.expansion
            setattr(self, f"layer{stage + 1}", Sequential(*blocks))
        self.fc = Linear(inputs, classes, dtype=dtype)

    def forward(self, x: Any) -> Any:
        """Return logits (batch, classes) of images (batch, channels, height, width)."""
        return self.fc(np.mean(self.features(x), axis=(2, 3)))

    def features(self, x: Any) -> Any:
        """Return the output of the last stage: (batch, channels, height / 32, width / 32)."""
        x = relu(self.bn1(self.conv1(x)))
        if not self.small_images:
            x = max_pool2d(x, 3, stride=2, padding=1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x


class ResNet18(ResNet):
    """ResNet-18, of two basic blocks in each stage: 11,689,512 parameters for 1000 classes. See `ResNet`.

    Examples
    --------
    >>> import numpy as np
    >>> model = ResNet18(classes=10, width=4, small_images=True)
    >>> model.summary(np.zeros((1, 3, 32, 32), np.float32)).parameters
    44622
    """

    def __init__(
        self,
        classes: int = 1000,
        width: int = 64,
        channels: int = 3,
        small_images: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(BasicBlock, (2, 2, 2, 2), classes, width, channels, small_images, dtype)


class ResNet50(ResNet):
    """ResNet-50, of 3, 4, 6 and 3 bottlenecks: 25,557,032 parameters for 1000 classes. See `ResNet`."""

    def __init__(
        self,
        classes: int = 1000,
        width: int = 64,
        channels: int = 3,
        small_images: bool = False,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(Bottleneck, (3, 4, 6, 3), classes, width, channels, small_images, dtype)
