"""Linear and Flatten."""

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.functions._linear import linear
from wengert.functions.contraction import array
from wengert.layers.initializers import Initializer, drawn, uniform, uniform_fan_in, zeros
from wengert.layers.layer import Layer
from wengert.layers.sizes import size_read

__all__ = ["Flatten", "Linear"]


class Linear(Layer):
    """The affine map ``x @ weight.T + bias``, over the last axis.

    Parameters
    ----------
    in_size : int, optional
        Inferred from the first input if omitted: ``Linear(10)``.
    out_size : int
    bias : bool
        Whether to add a bias.
    initializer : function, optional
        ``(shape, dtype) -> ndarray`` for the weight; see `wengert.layers.initializers`. By default `uniform_fan_in`,
        and the bias from the same range; with an initializer, the bias starts at 0.
    dtype : float32 or float64

    Attributes
    ----------
    weight : Parameter (out_size, in_size)
    bias : Parameter (out_size,), or None

    Raises
    ------
    ValueError
        When called on an array whose last axis is not of `in_size`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.Linear(10)
    >>> layer(np.ones((2, 3), np.float32)).shape
    (2, 10)
    >>> layer
    Linear(3, 10)
    """

    def __init__(
        self,
        in_size: int | None,
        out_size: int | None = None,
        bias: bool = True,
        initializer: Initializer | None = None,
        dtype: Any = np.float32,
    ) -> None:
        if out_size is None:
            in_size, out_size = None, in_size
        self.in_size = None if in_size is None else options.size(in_size, "in_size", "Linear", 0)
        self.out_size = options.size(out_size, "out_size", "Linear")
        self.initializer = None if initializer is None else options.function(initializer, "initializer", "Linear")
        self.dtype = options.dtype(dtype, "dtype", "Linear", "fc")
        self.weight = Parameter(None)
        self.bias = Parameter(None) if options.flag(bias, "bias", "Linear") else None
        if self.in_size is not None:
            self._make(self.in_size)

    def _make(self, in_size: int) -> None:
        self.in_size = in_size
        if self.weight.data is None:
            self.weight.data = drawn(self.initializer or uniform_fan_in, (self.out_size, in_size), self.dtype, "Linear")
        if self.bias is not None and self.bias.data is None:
            start = uniform(1 / math.sqrt(in_size)) if self.initializer is None and in_size else zeros
            self.bias.data = start(self.out_size, self.dtype)

    def forward(self, x: Any) -> Any:
        """Compute (..., out_size) from (..., in_size)."""
        x = array(x)
        if x.ndim == 0 or (self.in_size is not None and x.shape[-1] != self.in_size):
            wanted = "in_size" if self.in_size is None else self.in_size
            raise ValueError(
                f"{self.label()} takes x of shape (..., {wanted}), but got {describe(x)}; "
                f"make it with the size of x, or flatten x first (wengert.layers.Flatten)"
            )
        if self.weight.data is None or (self.bias is not None and self.bias.data is None):
            self._make(x.shape[-1])
        return linear(x, self.weight, self.bias)

    def loaded(self) -> None:
        """Infer the sizes from the weight."""
        if self.weight.data is not None:
            _, self.in_size = size_read(self, self.weight, ("out_size", "in_size"))
        if self.bias is not None and self.bias.data is not None:
            size_read(self, self.bias, ("out_size",))

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`."""
        return int(math.prod(y.shape) * x.shape[-1])

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        return f"Linear({self.in_size}, {self.out_size}{'' if self.bias is not None else ', bias=False'})"


class Flatten(Layer):
    """Flatten the axes from `start` on into one; by default all but the batch axis.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    start: int = options.option(options.size, 0)

    def __init__(self, start: int = 1) -> None:
        self.start = start

    def forward(self, x: Any) -> Any:
        """Compute (batch, all the rest)."""
        x = array(x)
        if x.ndim < self.start:
            raise ValueError(f"{self.label()} takes x of at least {self.start} axes, but got {describe(x)}")
        return np.reshape(x, (*x.shape[: self.start], math.prod(x.shape[self.start :])))

    def label(self) -> str:
        """Return the representation on one line."""
        return "Flatten()" if self.start == 1 else f"Flatten({self.start})"
