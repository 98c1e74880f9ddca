"""VAE: a variational autoencoder."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.custom.modes import no_grad
from wengert.functions.activation import real_array, relu, sigmoid
from wengert.functions.binary_loss import binary_cross_entropy_with_logits
from wengert.functions.randomness import generator
from wengert.functions.training_mode import test_mode
from wengert.layers.linear import Linear
from wengert.models.mlp import MLP
from wengert.models.model import Model

__all__ = ["VAE"]


class VAE(Model):
    """A variational autoencoder of numbers between 0 and 1, such as the pixels of small images.

    The encoder maps each example to a normal distribution of latent vectors, the decoder a latent vector to the
    probability of each number. Both are trained by the evidence lower bound (ELBO).

    Parameters
    ----------
    size : int
        The number of elements of an example.
    latent : int
        The size of the latent vectors.
    hidden : tuple of int
        The sizes of the hidden layers of the encoder; the decoder has them in reverse order.

    References
    ----------
    Kingma and Welling, Auto-Encoding Variational Bayes, 2013, https://arxiv.org/abs/1312.6114

    Examples
    --------
    >>> import numpy as np
    >>> model = VAE(64, latent=2, hidden=(32,))
    >>> x = np.full((5, 64), 0.5, np.float32)
    >>> loss = model.loss(model(x), x)  # as the loss of a Trainer, with x as its label
    >>> loss.backward()
    >>> model.sample(3).shape
    (3, 64)
    """

    def __init__(self, size: int, latent: int = 2, hidden: tuple[int, ...] = (256,), dtype: Any = np.float32) -> None:
        if not isinstance(hidden, (tuple, list)):
            raise TypeError(f"the hidden sizes of a VAE are a tuple, but got {describe(hidden)}; write hidden=(256,)")
        if not hidden:
            raise ValueError("a VAE takes at least one hidden size, but got none; write hidden=(256,)")
        hidden = tuple(options.size(each, "each hidden size", "VAE") for each in hidden)
        size, self.latent = options.size(size, "size", "VAE"), options.size(latent, "latent", "VAE")
        self.encoder = MLP(*hidden, dtype=dtype)
        self.mean, self.log_variance = (Linear(hidden[-1], latent, dtype=dtype) for _ in range(2))
        self.decoder = MLP(*hidden[::-1], size, dtype=dtype)

    def encode(self, x: Any) -> tuple[Any, Any]:
        """Return the mean and the logarithm of the variance of the latent vectors of `x`, each (batch, latent)."""
        h = relu(self.encoder(x))
        return self.mean(h), self.log_variance(h)

    def reparameterize(self, mean: Any, log_variance: Any) -> Any:
        """Draw latent vectors by the reparameterization trick; in test mode, return the mean."""
        mean, log_variance = real_array(mean, "reparameterize"), real_array(log_variance, "reparameterize")
        if mean.shape != log_variance.shape:
            raise ValueError(
                f"mean and log_variance must have one shape, but got {describe(mean)} and {describe(log_variance)}"
            )
        if not self.training:
            return mean
        noise = generator().standard_normal(mean.shape).astype(mean.dtype, copy=False)
        return mean + np.exp(log_variance / 2) * noise

    def decode(self, z: Any) -> Any:
        """Return the logits (batch, size) for latent vectors (batch, latent)."""
        return self.decoder(z)

    def forward(self, x: Any) -> tuple[Any, Any, Any]:
        """Return the logits of a reconstruction of `x`, and the mean and log variance of its latent vectors."""
        mean, log_variance = self.encode(x)
        return self.decode(self.reparameterize(mean, log_variance)), mean, log_variance

    def loss(self, output: tuple[Any, Any, Any], x: Any) -> Any:
        """The negative ELBO in nats, averaged over the batch, from the result of `forward` and its input."""
        if not isinstance(output, (tuple, list)) or len(output) != 3:
            raise TypeError(
                f"VAE.loss takes the result of forward, (logits, mean, log_variance), not {describe(output)}"
            )
        if not np.ndim(x):
            raise ValueError(f"VAE.loss takes the batch that the model was given, but got {describe(x)}")
        logits, mean, log_variance = output
        missed = binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = (
            np.sum(np.exp(log_variance) + mean**2 - 1 - log_variance) / 2
        )  # divergence from the standard normal
        return (missed + divergence) / len(x)

    def elbo(self, x: Any) -> Any:
        """The evidence lower bound of the log-likelihood of `x`, in nats, averaged over the batch."""
        return -self.loss(self(x), x)

    def sample(self, n: int) -> Any:
        """Return `n` examples (n, size), as probabilities, of latent vectors drawn from the standard normal."""
        n = options.size(n, "n", "sample", 0)
        with no_grad(), test_mode():
            dtype = self.mean.weight.dtype
            z = generator().standard_normal((n, self.latent)).astype(dtype, copy=False)
            return sigmoid(self.decode(z)).data
