"""The transformer block."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.functions._dropout import dropout
from wengert.functions.activation import gelu
from wengert.layers.attention import MultiHeadAttention
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.normalization import LayerNorm

__all__ = ["TransformerBlock"]


class TransformerBlock(Layer):
    """Self-attention, then a two-layer network applied at each position.

    Both have residual connections. With ``norm_first`` the input of each is normalized (pre-norm), as in GPT-2; else
    the sum (post-norm), as in the paper.

    Parameters
    ----------
    width : int
    heads : int
        Divides the width.
    hidden : int, optional
        The width between the two layers; 4 width by default.
    dropout : float
        The rate of dropout on attention weights, hidden units and residual branches, in training.
    norm_first : bool
    activation : function, optional
        By default `wengert.functions.gelu`.
    causal : bool
        Whether each position attends only to itself and to those before it.
    bias : bool
        Whether the layers have a bias.
    epsilon : float
        Of the normalization.
    dtype : float32 or float64

    Attributes
    ----------
    self_attn : MultiHeadAttention
    linear1, linear2 : Linear
    norm1, norm2 : LayerNorm
        Names and layouts are those of PyTorch's TransformerEncoderLayer.

    References
    ----------
    Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762
    Xiong et al., On Layer Normalization in the Transformer Architecture, 2020, https://arxiv.org/abs/2002.04745

    Examples
    --------
    >>> import numpy as np, wengert
    >>> block = wengert.layers.TransformerBlock(8, heads=2, causal=True)
    >>> block(np.ones((1, 5, 8), np.float32)).shape
    (1, 5, 8)
    """

    dropout: float = options.option(options.real, 0, 1)
    norm_first: bool = options.option(options.flag)
    activation: Callable[[Any], Any] = options.option(options.function)
    causal: bool = options.option(options.flag)

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int | None = None,
        dropout: float = 0.0,
        norm_first: bool = True,
        activation: Callable[[Any], Any] | None = None,
        causal: bool = False,
        bias: bool = True,
        epsilon: float = 1e-5,
        dtype: Any = np.float32,
    ) -> None:
        kind = type(self).__name__
        self.width = options.size(width, "width", kind)
        hidden = 4 * self.width if hidden is None else options.size(hidden, "hidden", kind)
        self.activation = gelu if activation is None else activation
        self.dropout, self.norm_first, self.causal = dropout, norm_first, causal
        self.self_attn = MultiHeadAttention(width, heads, bias, dropout, dtype=dtype)
        self.linear1 = Linear(width, hidden, bias, dtype=dtype)
        self.linear2 = Linear(hidden, width, bias, dtype=dtype)
        self.norm1 = LayerNorm(width, epsilon, bias=bias, dtype=dtype)
        self.norm2 = LayerNorm(width, epsilon, bias=bias, dtype=dtype)

    def forward(self, x: Any, mask: Any = None, causal: bool | None = None) -> Any:
        """Compute (batch, length, width) from the same shape; `mask` is as in `MultiHeadAttention`."""
        causal = self.causal if causal is None else causal
        if self.norm_first:
            x = x + self._attended(self.norm1(x), mask, causal)
            return x + self._fed(self.norm2(x))
        x = self.norm1(x + self._attended(x, mask, causal))
        return self.norm2(x + self._fed(x))

    def _attended(self, x: Any, mask: Any, causal: bool) -> Any:
        return self._dropped(self.self_attn(x, mask=mask, causal=causal))

    def _fed(self, x: Any) -> Any:
        return self._dropped(self.linear2(self._dropped(self.activation(self.linear1(x)))))

    def _dropped(self, x: Any) -> Any:
        return dropout(x, self.dropout) if self.dropout and self.training else x

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        options = f", hidden={self.linear1.out_size}"
        options += f", dropout={self.dropout:g}" if self.dropout else ""
        options += "" if self.norm_first else ", norm_first=False"
        options += ", causal=True" if self.causal else ""
        return f"TransformerBlock({self.width}, heads={self.self_attn.heads}{options})"
