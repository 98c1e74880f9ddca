"""Multi-head attention."""

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.functions._attention import attention, attention_weights, packed_attention
from wengert.functions._dropout import dropout
from wengert.functions._linear import linear
from wengert.functions.contraction import array
from wengert.layers.initializers import Initializer, drawn, glorot_uniform, zeros
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.sizes import size_read

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(Layer):
    """Multi-head attention: of a sequence to itself (self-attention), or to another one (cross-attention).

    Parameters
    ----------
    width : int
        Of queries, keys, values and results.
    heads : int
        Divides the width.
    bias : bool
        Whether the projections add one.
    dropout : float
        The rate of dropout on the attention weights, in training.
    initializer : function, optional
        For the weights of the projections: ``(shape, dtype) -> ndarray``. The default is PyTorch's.
    dtype : float32 or float64

    Attributes
    ----------
    in_proj_weight, in_proj_bias : Parameter (3 width, width) and (3 width,)
        The projections to queries, keys and values, stacked.
    out_proj : Linear

    Raises
    ------
    ValueError
        When called on arrays of another width, or with a mask of a wrong shape.

    References
    ----------
    Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.MultiHeadAttention(8, heads=2)
    >>> x = np.ones((1, 3, 8), np.float32)
    >>> layer(x, causal=True).shape
    (1, 3, 8)
    >>> y, weights = layer(x, np.ones((1, 5, 8), np.float32), return_weights=True)
    >>> weights.shape
    (1, 2, 3, 5)
    """

    dropout: float = options.option(options.real, 0, 1)

    def __init__(
        self,
        width: int,
        heads: int,
        bias: bool = True,
        dropout: float = 0.0,
        initializer: Initializer | None = None,
        dtype: Any = np.float32,
    ) -> None:
        kind = type(self).__name__
        self.width = options.size(width, "width", kind)
        self.heads = options.size(heads, "heads", kind)
        if self.width % self.heads:
            raise ValueError(
                f"MultiHeadAttention takes a width that is a multiple of its heads={heads}, but got width={width}"
            )
        self.dropout = dropout
        self.dtype = options.dtype(dtype, "dtype", kind, "fc")
        start = glorot_uniform if initializer is None else options.function(initializer, "initializer", kind)
        self.in_proj_weight = Parameter(drawn(start, (3 * self.width, self.width), self.dtype, kind))
        self.in_proj_bias = Parameter(zeros(3 * self.width, self.dtype)) if options.flag(bias, "bias", kind) else None
        self.out_proj = Linear(self.width, self.width, bias, initializer, self.dtype)
        if self.out_proj.bias is not None:
            self.out_proj.bias.data = zeros(self.width, self.dtype)

    def forward(
        self, q: Any, k: Any = None, v: Any = None, mask: Any = None, causal: bool = False, return_weights: bool = False
    ) -> Any:
        """Attend.

        Parameters
        ----------
        q : array (batch, length, width)
            Queries.
        k : array (batch, keys, width), optional
            Keys; by default `q`.
        v : array (batch, keys, width), optional
            Values; by default `k`.
        mask : array, optional
            True where a query may attend to a key (PyTorch's layer has the opposite), or real numbers that are added.
            Of shape (length, keys), (batch, length, keys), or with an axis for the heads before the last two; axes may
            be 1: a padding mask is (batch, 1, keys).
        causal : bool
            Whether query i attends to the keys 0 to i only.
        return_weights : bool
            Whether to return (result, weights), the weights of shape (batch, heads, length, keys).

        Returns
        -------
        array (batch, length, width)
        """
        q = self._checked(q, "q")
        mask = self._mask(mask, q.ndim)
        rate = self.dropout if self.training else 0.0
        return_weights = options.flag(return_weights, "return_weights", "MultiHeadAttention")
        if k is None and v is None and not rate and not return_weights:
            qkv = linear(q, self.in_proj_weight, self.in_proj_bias)
            return self.out_proj(packed_attention(qkv, self.heads, mask, causal))
        q, k, v = (self._split(x) for x in self._projected(q, k, v))
        if not rate and not return_weights:
            return self.out_proj(self._joined(attention(q, k, v, mask, causal)))
        weights = attention_weights(q, k, mask, causal)
        y = self.out_proj(self._joined(dropout(weights, rate) @ v))
        return (y, weights) if return_weights else y

    def _checked(self, x: Any, name: str) -> Any:
        x = array(x)
        if x.ndim < 2 or x.shape[-1] != self.width:
            raise ValueError(
                f"{self.label()} takes {name} of shape (batch, length, {self.width}), but got {describe(x)}"
            )
        return x

    def _mask(self, mask: Any, ndim: int) -> Any:
        if mask is None:
            return None
        mask = array(mask)
        if mask.ndim == ndim and ndim > 2:  # one mask for all heads of an example
            return np.expand_dims(mask, -3)
        if mask.ndim not in (2, ndim + 1):
            raise ValueError(
                f"{self.label()} takes a mask (length, keys), (batch, length, keys) or (batch, heads, length, keys), "
                f"but got {describe(mask)}"
            )
        return mask

    def _projected(self, q: Any, k: Any, v: Any) -> list[Any]:
        if k is None and v is None:
            return list(np.split(linear(q, self.in_proj_weight, self.in_proj_bias), 3, axis=-1))
        k = q if k is None else self._checked(k, "k")
        v = k if v is None else self._checked(v, "v")
        weights = np.split(self.in_proj_weight, 3)
        biases = [None] * 3 if self.in_proj_bias is None else np.split(self.in_proj_bias, 3)
        return [linear(*each) for each in zip((q, k, v), weights, biases, strict=True)]

    def _split(self, x: Any) -> Any:
        """Split the width into heads: (batch, heads, length, width of a head)."""
        return np.swapaxes(np.reshape(x, (*x.shape[:-1], self.heads, self.width // self.heads)), -3, -2)

    def _joined(self, y: Any) -> Any:
        y = np.swapaxes(y, -3, -2)
        return np.reshape(y, (*y.shape[:-2], self.width))

    def loaded(self) -> None:
        """Raise ValueError for parameters of other sizes."""
        size_read(self, self.in_proj_weight, (3 * self.width, self.width))

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x` (self-attention), without `out_proj`."""
        return int(math.prod(x.shape) * (3 * self.width + 2 * x.shape[-2]))

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        options = "" if self.in_proj_bias is not None else ", bias=False"
        options += f", dropout={self.dropout:g}" if self.dropout else ""
        return f"MultiHeadAttention({self.width}, heads={self.heads}{options})"
