"""GAN: a generator of images and a discriminator, trained against each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.custom.modes import no_grad
from wengert.functions.activation import leaky_relu, relu, sigmoid
from wengert.functions.binary_loss import binary_cross_entropy_with_logits
from wengert.functions.randomness import generator
from wengert.functions.training_mode import test_mode
from wengert.layers.convolution import Conv2d, ConvTranspose2d
from wengert.layers.initializers import normal
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.normalization import BatchNorm
from wengert.models.model import Model

__all__ = ["GAN", "Discriminator", "Generator"]

INITIALIZER = normal(0.02)  # as in DCGAN


def checked(whose: str, **sizes: Any) -> list[int]:
    """Return sizes as ints; raise unless they are positive, and that of the images is a multiple of 4."""
    found = {name: options.size(value, name, whose) for name, value in sizes.items()}
    if found["size"] % 4:
        raise ValueError(f"size of {whose} must be a multiple of 4, but got {found['size']}; pad the images")
    return list(found.values())


class Generator(Layer):
    """The generator: a linear layer, and two transposed convolutions that double the size."""

    def __init__(self, latent: int, size: int, channels: int, width: int, dtype: Any) -> None:
        latent, size, channels, width = checked("Generator", latent=latent, size=size, channels=channels, width=width)
        self.start = size // 4
        first = 2 * width * self.start**2
        self.fc = Linear(latent, first, bias=False, initializer=INITIALIZER, dtype=dtype)
        self.bn1 = BatchNorm(first, dtype=dtype)
        self.conv1 = ConvTranspose2d(
            2 * width, width, 4, stride=2, padding=1, bias=False, initializer=INITIALIZER, dtype=dtype
        )
        self.bn2 = BatchNorm(width, dtype=dtype)
        self.conv2 = ConvTranspose2d(width, channels, 4, stride=2, padding=1, initializer=INITIALIZER, dtype=dtype)

    def forward(self, z: Any) -> Any:
        x = relu(self.bn1(self.fc(z))).reshape(len(z), self.conv1.in_channels, self.start, self.start)
        return sigmoid(self.conv2(relu(self.bn2(self.conv1(x)))))


class Discriminator(Layer):
    """The discriminator: two convolutions that halve the size, and a linear layer to a logit."""

    def __init__(self, size: int, channels: int, width: int, dtype: Any) -> None:
        size, channels, width = checked("Discriminator", size=size, channels=channels, width=width)
        self.conv1 = Conv2d(channels, width, 4, stride=2, padding=1, initializer=INITIALIZER, dtype=dtype)
        self.conv2 = Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False, initializer=INITIALIZER, dtype=dtype)
        self.bn = BatchNorm(2 * width, dtype=dtype)
        self.fc = Linear(2 * width * (size // 4) ** 2, 1, initializer=INITIALIZER, dtype=dtype)

    def forward(self, x: Any) -> Any:
        x = leaky_relu(self.conv1(x), 0.2)
        x = leaky_relu(self.bn(self.conv2(x)), 0.2)
        return self.fc(x.reshape(len(x), -1))[:, 0]


class GAN(Model):
    """A small convolutional generative adversarial network, after DCGAN, of images with values from 0 to 1.

    Parameters
    ----------
    size : int
        The height and width of images, a multiple of 4.
    channels : int
    latent : int
        The size of the latent vectors.
    width : int
        The channels of the larger hidden images.

    Attributes
    ----------
    generator, discriminator : Layer
        Each needs an optimizer of its own.

    References
    ----------
    Goodfellow et al., Generative Adversarial Nets, 2014, https://arxiv.org/abs/1406.2661;
    Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks, 2015, https://arxiv.org/abs/1511.06434

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.optimizers import Adam
    >>> model = GAN(size=8, latent=4, width=4)
    >>> optimizers = Adam(model.generator, 2e-4, beta1=0.5), Adam(model.discriminator, 2e-4, beta1=0.5)
    >>> losses = model.step(np.zeros((16, 1, 8, 8), np.float32), *optimizers)
    >>> model.sample(3).shape
    (3, 1, 8, 8)
    """

    def __init__(
        self, size: int, channels: int = 1, latent: int = 32, width: int = 32, dtype: Any = np.float32
    ) -> None:
        size, channels, self.latent, width = checked("GAN", size=size, channels=channels, latent=latent, width=width)
        self.generator = Generator(self.latent, size, channels, width, dtype)
        self.discriminator = Discriminator(size, channels, width, dtype)

    def forward(self, z: Any) -> Any:
        """Generate images (batch, channels, size, size) from latent vectors (batch, latent)."""
        return self.generator(z)

    def codes(self, n: int) -> Any:
        """Draw `n` latent vectors from the standard normal: (n, latent)."""
        n = options.size(n, "n", "codes", 0)
        dtype = self.generator.fc.weight.dtype
        return generator().standard_normal((n, self.latent)).astype(dtype, copy=False)

    def discriminator_loss(self, real: Any, made: Any, smoothing: float = 0.0) -> Any:
        """The discriminator's mean cross-entropy: the target is 1 - smoothing for `real` images, 0 for `made`."""
        smoothing = options.real(smoothing, "smoothing", "GAN", 0, 1)
        scores = self.discriminator(real)
        taken_for_made = binary_cross_entropy_with_logits(scores, np.full(scores.shape, 1 - smoothing, scores.dtype))
        scores = self.discriminator(made)
        return taken_for_made + binary_cross_entropy_with_logits(scores, np.zeros(scores.shape, scores.dtype))

    def generator_loss(self, made: Any) -> Any:
        """The generator's loss: the cross-entropy of generated images with the target 1."""
        scores = self.discriminator(made)
        return binary_cross_entropy_with_logits(scores, np.ones(scores.shape, scores.dtype))

    def step(
        self, real: Any, generator_optimizer: Any, discriminator_optimizer: Any, smoothing: float = 0.0
    ) -> tuple[float, float]:
        """Train the discriminator on real images and as many generated ones, then the generator on the latter.

        Parameters
        ----------
        real : array (batch, channels, size, size)
        generator_optimizer, discriminator_optimizer : Optimizer
            Of ``model.generator`` and of ``model.discriminator``.
        smoothing : float
            One-sided label smoothing: the target of real images is 1 - smoothing.

        Returns
        -------
        (float, float)
            The loss of the generator, and that of the discriminator.
        """
        if getattr(real, "ndim", None) != 4:
            raise ValueError(f"GAN takes images (batch, channels, size, size), but got {describe(real)}")
        for optimizer in (generator_optimizer, discriminator_optimizer):
            if isinstance(optimizer, (type, dict)) or not callable(getattr(optimizer, "update", None)):
                raise TypeError(
                    f"GAN.step takes an optimizer for generator and discriminator each, but got {describe(optimizer)}"
                )
        made = self.generator(self.codes(len(real)))
        self.cleargrads()
        second = self.discriminator_loss(real, made.data, smoothing)
        second.backward()
        discriminator_optimizer.update()
        self.cleargrads()
        first = self.generator_loss(made)
        first.backward()
        generator_optimizer.update()
        self.cleargrads()
        return float(first), float(second)

    def sample(self, n: int) -> Any:
        """Return `n` images (n, channels, size, size) of random latent vectors."""
        with no_grad(), test_mode():
            return self.generator(self.codes(n)).data
