"""GPT: a decoder-only transformer over tokens, in GPT-2's layout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.custom.modes import no_grad
from wengert.functions._attention import attention, packed_attention
from wengert.functions._dropout import dropout
from wengert.functions._linear import linear
from wengert.functions.activation import gelu
from wengert.functions.randomness import generator
from wengert.functions.training_mode import test_mode
from wengert.layers.embedding import Embedding
from wengert.layers.initializers import normal
from wengert.layers.layer import Layer
from wengert.layers.normalization import LayerNorm
from wengert.models.model import Model

__all__ = ["GPT"]


class Cache:
    """The key-value cache: the keys and values of the tokens so far, for each block."""

    def __init__(self, blocks: int, batch: int, heads: int, length: int, width: int, dtype: Any) -> None:
        shape = (blocks, batch, heads, length, width)
        self.keys, self.values = np.empty(shape, dtype), np.empty(shape, dtype)
        self.used = 0

    def extend(self, block: int, k: Any, v: Any) -> tuple[Any, Any]:
        """Append the keys and values of new tokens; return all keys and values of the block."""
        end = self.used + k.shape[-2]
        self.keys[block, :, :, self.used : end], self.values[block, :, :, self.used : end] = k, v
        return self.keys[block, :, :, :end], self.values[block, :, :, :end]


class Projection(Layer):
    """GPT-2's linear layer: x @ weight + bias, the weight laid out (in, out)."""

    def __init__(self, in_size: int, out_size: int, std: float, dtype: Any) -> None:
        self.weight = Parameter(normal(std)((in_size, out_size), dtype))
        self.bias = Parameter(np.zeros(out_size, dtype))

    def forward(self, x: Any) -> Any:
        return linear(x, self.weight.T, self.bias)

    def multiply_adds(self, x: Any, y: Any) -> int:
        return int(y.size) * self.weight.shape[0]

    def label(self) -> str:
        return "Projection({}, {})".format(*self.weight.shape)


class SelfAttention(Layer):
    """Causal multi-head self-attention."""

    def __init__(self, width: int, heads: int, dropout: float, std: float, dtype: Any) -> None:
        self.heads, self.dropout = heads, dropout
        self.c_attn = Projection(width, 3 * width, 0.02, dtype)
        self.c_proj = Projection(width, width, std, dtype)

    def forward(self, x: Any, cache: Cache | None = None, block: int = 0) -> Any:
        qkv = self.c_attn(x)
        if cache is None:
            y = packed_attention(qkv, self.heads, causal=True)
        else:
            y = self._attend(qkv.data, cache, block)
        y = self.c_proj(y)
        return dropout(y, self.dropout) if self.training else y

    def _attend(self, qkv: Any, cache: Cache, block: int) -> Any:
        """Attend from new tokens to the cached tokens and themselves, in ndarrays."""
        batch, length, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
        q, k, v = qkv.reshape(batch, length, 3, self.heads, width // self.heads).transpose(2, 0, 3, 1, 4)
        k, v = cache.extend(block, k, v)
        mask = None if length == 1 else np.tri(length, k.shape[-2], cache.used, dtype=bool)
        return attention(q, k, v, mask).swapaxes(1, 2).reshape(batch, length, width)

    def multiply_adds(self, x: Any, y: Any) -> int:
        return 2 * int(x.size) * int(x.shape[-2])  # the scores, then the weighted averages of the values

    def label(self) -> str:
        return f"SelfAttention(heads={self.heads})"


class Feedforward(Layer):
    """The feedforward network: two linear layers around a GELU, four times as wide inside."""

    def __init__(self, width: int, dropout: float, std: float, dtype: Any) -> None:
        self.dropout = dropout
        self.c_fc = Projection(width, 4 * width, 0.02, dtype)
        self.c_proj = Projection(4 * width, width, std, dtype)

    def forward(self, x: Any) -> Any:
        y = self.c_proj(gelu(self.c_fc(x), approximate=True))
        return dropout(y, self.dropout) if self.training else y


class Block(Layer):
    """A pre-norm transformer block: attention and a feedforward network, each with a residual connection."""

    def __init__(self, width: int, heads: int, dropout: float, std: float, dtype: Any) -> None:
        self.ln_1 = LayerNorm(width, dtype=dtype)
        self.attn = SelfAttention(width, heads, dropout, std, dtype)
        self.ln_2 = LayerNorm(width, dtype=dtype)
        self.mlp = Feedforward(width, dropout, std, dtype)

    def forward(self, x: Any, cache: Cache | None = None, block: int = 0) -> Any:
        x = x + self.attn(self.ln_1(x), cache, block)
        return x + self.mlp(self.ln_2(x))


class GPT(Model):
    """A language model: predicts the next token from each token of a sequence and those before it.

    Layout, names and the tied last layer are GPT-2's: ``model.load("gpt2.safetensors", names=GPT.names)`` loads
    its published weights; the defaults are those of the smallest (124,439,808 parameters).

    Parameters
    ----------
    vocabulary : int
        The number of tokens.
    length : int
        The context length: the longest sequence.
    width : int
        The width of the embeddings and of the blocks' outputs.
    layers : int
        The number of blocks.
    heads : int
        Divides the width.
    dropout : float
        In training, on the embeddings and the residual branches.

    Raises
    ------
    ValueError
        If the heads do not divide the width; when called, if a sequence is too long.

    References
    ----------
    Radford et al., Language Models are Unsupervised Multitask Learners, 2019

    Examples
    --------
    >>> import numpy as np
    >>> model = GPT(vocabulary=65, length=16, width=8, layers=2, heads=2)
    >>> model(np.zeros((4, 10), int)).shape
    (4, 10, 65)
    """

    dropout: float = options.option(options.real, 0, 1)

    def __init__(
        self,
        vocabulary: int = 50257,
        length: int = 1024,
        width: int = 768,
        layers: int = 12,
        heads: int = 12,
        dropout: float = 0.1,
        dtype: Any = np.float32,
    ) -> None:
        vocabulary, length = options.size(vocabulary, "vocabulary", "GPT"), options.size(length, "length", "GPT")
        width, heads = options.size(width, "width", "GPT"), options.size(heads, "heads", "GPT")
        layers = options.integer(layers, "layers", "GPT", 1, options.MOST_LAYERS)
        dtype = options.dtype(dtype, "dtype", "GPT")
        if width % heads:
            raise ValueError(f"the width of a GPT must be a multiple of its heads, but got {width} for {heads} heads")
        self.heads, self.length = heads, length
        self.dropout = dropout
        self.wte = Embedding(vocabulary, width, initializer=normal(0.02), dtype=dtype)
        self.wpe = Embedding(length, width, initializer=normal(0.02), dtype=dtype)
        std = 0.02 / math.sqrt(2 * layers)  # so that the variance stays bounded through all residual additions
        self.h = [Block(width, heads, self.dropout, std, dtype) for _ in range(layers)]
        self.ln_f = LayerNorm(width, dtype=dtype)

    def forward(self, indices: Any) -> Any:
        """Return the logits (batch, length, vocabulary) of the token after each of `indices` (batch, length)."""
        return self._scores(self._stream(indices))

    def _scores(self, x: Any) -> Any:
        return linear(x, self.wte.weight)

    def _stream(self, indices: Any, cache: Cache | None = None) -> Any:
        before = 0 if cache is None else cache.used
        if getattr(indices, "ndim", None) != 2:
            raise ValueError(f"GPT takes tokens (batch, length), but got {describe(indices)}")
        end = before + indices.shape[1]
        if end > self.length:
            raise ValueError(f"GPT takes at most length={self.length} tokens, but got {end}; truncate the sequence")
        x = self.wte(indices) + self.wpe(np.arange(before, end))
        if self.training:
            x = dropout(x, self.dropout)
        for i, block in enumerate(self.h):
            x = block(x, cache, i)
        if cache is not None:
            cache.used = end
        return self.ln_f(x)

    def generate(
        self,
        indices: Any,
        n: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> Any:
        """Continue sequences by `n` tokens, each drawn from the model's distribution after those before.

        Parameters
        ----------
        indices : array of int (length,) or (batch, length)
            At least one token each. Only the last `length` tokens of long sequences are used.
        n : int
        temperature : float
            Divides the logits: below 1 it sharpens the distribution. At 0 the most likely token is taken.
        top_k : int, optional
            Draw from this many of the most likely tokens only.
        seed : int or numpy.random.Generator, optional
            By default `wengert.generator` is used.

        Returns
        -------
        ndarray of int (length + n,) or (batch, length + n)
            Including the given tokens.

        Notes
        -----
        Keys and values are cached, so that each new token costs one pass over one token. Once the sequence is longer
        than the context, every token is recomputed, because its position changes.

        Examples
        --------
        >>> import numpy as np
        >>> model = GPT(vocabulary=65, length=16, width=8, layers=2, heads=2)
        >>> model.generate(np.array([1, 2, 3]), 20, temperature=0.8, top_k=10, seed=0).shape
        (23,)
        """
        tokens = np.asarray(indices)
        if tokens.dtype.kind not in "iu" or tokens.ndim not in (1, 2) or tokens.shape[-1] == 0:
            raise ValueError(
                f"generate takes tokens as integers (length,) or (batch, length), at least one, but got "
                f"{describe(tokens)}"
            )
        n = options.size(n, "n", "generate", 0)
        temperature = options.real(temperature, "temperature", "generate", 0)
        if top_k is not None:
            top_k = options.size(top_k, "top_k", "generate")
        if seed is None or isinstance(seed, np.random.Generator):
            rng = generator() if seed is None else seed
        else:
            rng = np.random.default_rng(options.seed(seed, "seed", "generate"))
        written = np.empty((*tokens.shape[:-1], tokens.shape[-1] + n), np.int64).reshape(-1, tokens.shape[-1] + n)
        written[:, : tokens.shape[-1]] = tokens
        cache: Cache | None = None
        with no_grad(), test_mode():
            for end in range(tokens.shape[-1], written.shape[1]):
                start = max(0, end - self.length)
                if cache is None or start > 0:
                    cache, fresh = self._new_cache(len(written)), written[:, start:end]
                else:
                    fresh = written[:, end - 1 : end]
                scores = self._scores(self._stream(fresh, cache)[:, -1]).data
                written[:, end] = draw(scores, temperature, top_k, rng)
        return written.reshape(*tokens.shape[:-1], -1)

    def _new_cache(self, batch: int) -> Cache:
        weight = self.wte.weight
        width = weight.shape[1] // self.heads
        return Cache(len(self.h), batch, self.heads, self.length, width, weight.dtype)

    @staticmethod
    def names(theirs: str) -> str | None:
        """Map the names in files of GPT-2 to ours, for `load`.

        Examples
        --------
        >>> GPT.names("transformer.h.0.attn.c_attn.weight")
        'h.0.attn.c_attn.weight'
        >>> GPT.names("lm_head.weight") is None  # a second copy of wte.weight
        True
        """
        ours = options.text(theirs, "name", "an array in a file").removeprefix("transformer.")
        masks = (".attn.bias", ".attn.masked_bias")  # constants
        return None if ours == "lm_head.weight" or ours.endswith(masks) else ours

    def multiply_adds(self, x: Any, y: Any) -> int:
        return int(y.size) * self.wte.weight.shape[1]  # the output layer

    def label(self) -> str:
        vocabulary, width = self.wte.weight.shape
        return f"GPT({vocabulary}, length={self.length}, width={width}, layers={len(self.h)}, heads={self.heads})"


def draw(scores: Any, temperature: float, top_k: int | None, rng: np.random.Generator) -> Any:
    """Draw a token for each row of logits."""
    if temperature == 0 or top_k == 1:
        return np.argmax(scores, axis=-1)
    scores = scores.astype(np.float64)
    scores -= scores.max(axis=-1, keepdims=True)
    scores /= temperature
    if top_k is not None and top_k < scores.shape[-1]:
        least = np.partition(scores, -top_k, axis=-1)[:, [-top_k]]
        scores[scores < least] = -np.inf
    # The argmax of logits plus Gumbel noise is distributed as their softmax.
    return np.argmax(scores + rng.gumbel(size=scores.shape), axis=-1)
