"""Scaled dot-product attention: averages of values, weighted by how well their keys match the queries."""

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.custom.registration import dispatched
from wengert.functions.activation import common_shape, real_array
from wengert.functions.blas_sums import row_sums
from wengert.functions.exponential_sums import softmax
from wengert.functions.fused import Fused

__all__ = ["attention", "attention_weights", "packed_attention"]


@dispatched
def attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, scale: Any = None) -> Any:
    """Scaled dot-product attention: softmax(q @ k.T * scale + mask) @ v.

    Parameters
    ----------
    q : array (..., length, width)
        Queries. The axes before, such as batch and heads, broadcast.
    k : array (..., keys, width)
    v : array (..., keys, width of values)
    mask : array, optional
        Broadcasts to (..., length, keys). Of booleans: True where the query may attend to the key. Of real numbers:
        added to the scaled products (-inf excludes a key); it is differentiated too.
    causal : bool
        Whether query i attends to the keys 0 to i only.
    scale : float, optional
        1 / sqrt(width) by default.

    Returns
    -------
    array (..., length, width of values)
        A query that may attend to nothing gets 0.

    Raises
    ------
    ValueError
        If the shapes do not match.
    TypeError
        If a mask holds integers, which are ambiguous, or an array is complex.

    References
    ----------
    Vaswani et al., Attention Is All You Need, 2017, https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> import numpy as np
    >>> q, k, v = np.zeros((2, 4)), np.zeros((2, 4)), np.array([[1.0], [3.0]])
    >>> attention(q, k, v, causal=True)
    array([[1.],
           [2.]])
    """
    v = real_array(v, "attention")
    _check_values(k, v)
    return attention_weights(q, k, mask, causal, scale) @ v


@dispatched
def attention_weights(q: Any, k: Any, mask: Any = None, causal: bool = False, scale: Any = None) -> Any:
    """The weights of `attention`: (..., length, keys), with the sum 1 over the keys.

    Examples
    --------
    >>> import numpy as np
    >>> attention_weights(np.zeros((2, 4)), np.zeros((2, 4)), causal=True)
    array([[1. , 0. ],
           [0.5, 0.5]])
    """
    q, k, mask, scale = _checked(q, k, mask, causal, scale)
    scores = (q * scale) @ np.swapaxes(k, -1, -2)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype.kind == "b" else scores + mask
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=np.bool_), scores, -np.inf)
    if mask is None:
        return softmax(scores)
    nothing = np.all(scores == -np.inf, axis=-1, keepdims=True)
    return np.where(nothing, 0, softmax(np.where(nothing, 0, scores)))


@dispatched
def packed_attention(qkv: Any, heads: int, mask: Any = None, causal: bool = False, scale: Any = None) -> Any:
    """Multi-head self-attention of queries, keys and values packed in one array.

    Parameters
    ----------
    qkv : array (..., length, 3 width)
        Queries, keys and values concatenated, each of them with its heads concatenated.
    heads : int
        Divides the width.
    mask, causal, scale
        As in `attention`, for scores (..., heads, length, length).

    Returns
    -------
    array (..., length, width)
        The heads concatenated.

    Examples
    --------
    >>> import numpy as np
    >>> packed_attention(np.arange(12.0).reshape(2, 6), heads=2, causal=True)[0]
    array([4., 5.])
    """
    qkv = real_array(qkv, "packed_attention")
    width = _check_packed(qkv, heads)
    apart = np.reshape(qkv, (*qkv.shape[:-1], 3, heads, width // heads))
    q, k, v = (np.swapaxes(apart[..., i, :, :], -3, -2) for i in range(3))
    y = np.swapaxes(attention(q, k, v, mask, causal, scale), -3, -2)
    return np.reshape(y, (*y.shape[:-2], width))


def _checked(q: Any, k: Any, mask: Any, causal: Any, scale: Any) -> tuple[Any, Any, Any, float]:
    q, k = real_array(q, "attention"), real_array(k, "attention")
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1]:
        raise ValueError(
            f"attention takes q (..., length, width) and k (..., keys, width), but got {describe(q)} and {describe(k)}"
        )
    check_batches(q, k)
    options.flag(causal, "causal", "attention")
    scale = 1 / math.sqrt(q.shape[-1] or 1) if scale is None else options.real(scale, "scale", "attention")
    if mask is None:
        return q, k, None, scale
    if not hasattr(mask, "dtype"):
        mask = np.asarray(mask)
    if mask.dtype.kind not in "bf":
        raise TypeError(
            "a mask of attention is of booleans, True where a query may attend, or of real numbers that are added; "
            f"but got {describe(mask)}; write mask.astype(bool) or mask.astype(float)"
        )
    wanted = (*np.broadcast_shapes(q.shape[:-2], k.shape[:-2]), q.shape[-2], k.shape[-2])
    if mask.ndim > len(wanted) or any(m not in (1, n) for m, n in zip(mask.shape[::-1], wanted[::-1], strict=False)):
        raise ValueError(
            f"a mask of attention must broadcast to the shape of the scores, {wanted}, but got {describe(mask)}"
        )
    return q, k, mask, scale


def _check_values(k: Any, v: Any) -> None:
    if v.ndim < 2 or np.ndim(k) < 2 or v.shape[-2] != np.shape(k)[-2]:
        raise ValueError(f"attention takes one value for each key, but got k {describe(k)} and v {describe(v)}")
    check_batches(k, v)


def check_batches(a: Any, b: Any) -> None:
    """Raise ValueError unless the axes before the last two broadcast."""
    ours, theirs = np.shape(a)[:-2], np.shape(b)[:-2]
    if ours != theirs and common_shape(ours, theirs) is None:
        raise ValueError(
            "attention takes q, k and v whose axes before the last two (batch, heads) broadcast, but got "
            f"{describe(a)} and {describe(b)}"
        )


def _check_packed(qkv: Any, heads: Any) -> int:
    options.size(heads, "heads", "packed_attention")
    if qkv.ndim < 2 or qkv.shape[-1] % (3 * heads):
        raise ValueError(
            f"packed_attention with {heads} heads takes (..., length, 3 width), the width a multiple of {heads}, "
            f"but got {describe(qkv)}"
        )
    return int(qkv.shape[-1] // 3)


def weigh(q: Any, k: Any, mask: Any, causal: bool) -> Any:
    """The attention weights of scaled queries `q`: the softmax of their products with the keys, in place."""
    scores = np.matmul(q, np.swapaxes(k, -1, -2))
    if mask is not None:
        if mask.dtype.kind == "b":
            np.copyto(scores, -np.inf, where=~mask)
        else:
            scores = np.add(scores, mask, out=scores if np.result_type(scores, mask) == scores.dtype else None)
    if causal:
        np.copyto(scores, -np.inf, where=~np.tri(*scores.shape[-2:], dtype=np.bool_))
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    idle = mask is not None or scores.shape[-1] == 0  # whether a query may have no key to attend to
    if idle:
        top[top == -np.inf] = 0  # exp(-inf) = 0 everywhere
    with np.errstate(under="ignore"):
        scores -= top
        np.exp(scores, out=scores)
        total = row_sums(scores)[..., None]
        if idle:
            total[total == 0] = 1
        scores *= 1 / total
    return scores


def through_softmax(gw: Any, weights: Any, inner: Any) -> Any:
    """The gradient of the softmax, in place; `inner` is the sum of the products of weights and gradient."""
    gw -= inner[..., None]
    gw *= weights
    return gw


class AttentionWeights(Fused, function=attention_weights, by="q k mask", labels="mask"):
    """`attention_weights` with the softmax in place."""

    q: Any
    k: Any
    scale: float
    weights: Any

    def forward(self, q: Any, k: Any, mask: Any, causal: bool, scale: Any) -> Any:
        q, self.k, mask, self.scale = _checked(q, k, mask, causal, scale)
        self.q = q * q.dtype.type(self.scale)
        self.weights = weigh(self.q, self.k, mask, causal)
        return self.weights

    def backward(self, gy: Any) -> Any:
        scores = through_softmax(gy.copy(), self.weights, np.vecdot(gy, self.weights))
        needs_q, needs_k, needs_mask = self.needs
        return (
            np.matmul(scores, self.k) * scores.dtype.type(self.scale) if needs_q else None,
            np.matmul(np.swapaxes(scores, -1, -2), self.q) if needs_k else None,
            scores if needs_mask else None,
        )


class Attention(Fused, function=attention, by="q k v mask", labels="mask"):
    """`attention`, which keeps the weights."""

    q: Any
    k: Any
    v: Any
    y: Any
    scale: float
    weights: Any

    def forward(self, q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: Any) -> Any:
        self.v = real_array(v, "attention")
        _check_values(k, self.v)
        q, self.k, mask, self.scale = _checked(q, k, mask, causal, scale)
        self.q = q * q.dtype.type(self.scale)
        self.weights = weigh(self.q, self.k, mask, causal)
        self.y = np.matmul(self.weights, self.v)
        return self.y

    def backward(self, gy: Any) -> Any:
        needs_q, needs_k, needs_v, needs_mask = self.needs
        gq = gk = gv = scores = None
        if needs_v:
            gv = np.matmul(np.swapaxes(self.weights, -1, -2), gy)
        if needs_q or needs_k or needs_mask:
            # The products of the weights with their gradient, summed over the keys, equal those of y with its gradient.
            gw = np.matmul(gy, np.swapaxes(self.v, -1, -2))
            scores = through_softmax(gw, self.weights, np.vecdot(gy, self.y))
            if needs_q:
                gq = np.matmul(scores, self.k)
                gq *= gq.dtype.type(self.scale)
            if needs_k:
                gk = np.matmul(np.swapaxes(scores, -1, -2), self.q)
        return gq, gk, gv, scores if needs_mask else None


class PackedAttention(Fused, function=packed_attention, by="qkv mask", labels="mask"):
    """`packed_attention`, which reads and writes views of the packed arrays."""

    parts: Any
    weights: Any
    y: Any
    scale: float

    def forward(self, qkv: Any, heads: int, mask: Any, causal: bool, scale: Any) -> Any:
        qkv = real_array(qkv, "packed_attention")
        width = _check_packed(qkv, heads)
        q, k, v = self.split(qkv, heads)
        _, _, mask, self.scale = _checked(q, k, mask, causal, scale)
        q = q * q.dtype.type(self.scale)
        self.parts = q, k, v
        self.weights = weigh(q, k, mask, causal)
        y = np.empty((*qkv.shape[:-1], heads, width // heads), np.result_type(self.weights, v))
        self.y = np.swapaxes(y, -3, -2)
        np.matmul(self.weights, v, out=self.y)
        return y.reshape(*qkv.shape[:-1], width)

    def backward(self, gy: Any) -> Any:
        q, k, v = self.parts
        heads = q.shape[-3]
        gy = np.swapaxes(gy.reshape(*gy.shape[:-1], heads, v.shape[-1]), -3, -2)
        gx = np.empty((*gy.shape[:-3], gy.shape[-2], 3 * heads * v.shape[-1]), gy.dtype)
        gq, gk, gv = self.split(gx, heads)
        np.matmul(np.swapaxes(self.weights, -1, -2), gy, out=gv)
        gw = np.matmul(gy, np.swapaxes(v, -1, -2))
        scores = through_softmax(gw, self.weights, np.vecdot(gy, self.y))
        np.matmul(scores, k, out=gq)
        gq *= gq.dtype.type(self.scale)
        np.matmul(np.swapaxes(scores, -1, -2), q, out=gk)
        return gx, scores if self.needs[1] else None

    @staticmethod
    def split(qkv: Any, heads: int) -> Any:
        """Views (..., heads, length, width of a head) of the three parts."""
        apart = qkv.reshape(*qkv.shape[:-1], 3, heads, qkv.shape[-1] // 3 // heads)
        return [np.swapaxes(apart[..., i, :, :], -3, -2) for i in range(3)]
