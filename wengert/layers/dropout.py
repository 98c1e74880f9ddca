"""Dropout as a layer."""

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.refusals import plain_array
from wengert.functions._dropout import dropout
from wengert.layers.layer import Layer

__all__ = ["Dropout"]


class Dropout(Layer):
    """In training, set each element to 0 with the probability `rate`, and divide the others by 1 - rate.

    Parameters
    ----------
    rate : float
        From 0 to 1.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.Dropout(0.9)
    >>> with wengert.test_mode():
    ...     layer(np.ones(3))
    array([1., 1., 1.])
    """

    rate: float = options.option(options.real, 0, 1)

    def __init__(self, rate: float = 0.5) -> None:
        self.rate = rate

    def forward(self, x: Any) -> Any:
        """Apply dropout; return `x` itself in test mode."""
        if self.training:
            return dropout(x, self.rate)
        return plain_array("Dropout", x) if isinstance(x, np.ndarray) else x

    def label(self) -> str:
        """Return the representation on one line."""
        return f"Dropout({self.rate:g})"
