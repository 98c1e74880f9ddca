"""Cosine similarity, its loss, and clipping by norm."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.variables import to_array
from wengert.custom.registration import dispatched, pullback
from wengert.functions.activation import real_array
from wengert.functions.binary_loss import check_signs
from wengert.functions.loss_reduction import check_reduction, reduced, share

__all__ = ["clip_by_norm", "cosine_embedding_loss", "cosine_similarity"]


def vectors(name: str, a: Any, b: Any, axis: int) -> tuple[Any, Any]:
    """Return the arguments as arrays of vectors of one length that broadcast against each other."""
    a, b = real_array(a, name), real_array(b, name)
    axis = options.integer(axis, "axis", name)
    lengths = []
    for what, x in (("a", a), ("b", b)):
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(f"{name} needs vectors along axis {axis}, but {what} is {describe(x)}; see `axis`")
        lengths.append(x.shape[axis])
    if lengths[0] != lengths[1]:
        raise ValueError(
            f"{name} compares vectors of one length, but along axis {axis} a has {lengths[0]} elements and b has "
            f"{lengths[1]}: their shapes are {a.shape} and {b.shape}"
        )
    return a, b


def unit(x: Any, axis: int, epsilon: float) -> tuple[Any, Any, Any, Any]:
    """Return normalized vectors, their two scale factors, and the mask of norms above `epsilon`."""
    least = max(options.real(epsilon, "epsilon", "cosine_similarity", 0), float(np.finfo(x.dtype).tiny))
    x = widened(x)
    top = np.maximum(np.max(np.abs(plain(x)), axis=axis, keepdims=True, initial=0), least)
    scaled = x / top  # so that squares neither overflow nor underflow
    squares = np.sum(scaled * scaled, axis=axis, keepdims=True)
    above = squares > np.square(least / top)
    root = np.where(above, np.sqrt(np.where(above, squares, 1)), least / top)
    return scaled / root, root, top, above


@dispatched
def cosine_similarity(a: Any, b: Any, axis: int = -1, epsilon: float = 1e-8) -> Any:
    """The cosine of the angle between vectors: sum(a b) / (norm(a) norm(b)).

    Parameters
    ----------
    a, b : arrays of real numbers
        Vectors along `axis`, of one length; the other axes broadcast. (``a[:, None]`` and ``b[None]``
        compare each with each.)
    axis : int
        The last by default. (PyTorch's is 1.)
    epsilon : float
        Norms below it are clamped to it, so that the cosine with a zero vector is 0.

    Returns
    -------
    array
        Of the shape that `a` and `b` broadcast to, without `axis`.

    Raises
    ------
    TypeError
        If an argument is complex.
    ValueError
        If the lengths of the vectors differ, or there is no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> cosine_similarity(np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([0.0, 2.0]))
    array([0.70710678, 0.        ])
    """
    a, b = vectors("cosine_similarity", a, b, axis)
    cosine = np.sum(unit(a, axis, epsilon)[0] * unit(b, axis, epsilon)[0], axis=axis)
    return cosine.astype(np.result_type(a.dtype, b.dtype), copy=False)


def cosine_by(gy: Any, a: Any, b: Any, axis: int, epsilon: float) -> Any:
    """The gradient of `cosine_similarity` with respect to its first argument."""
    a, b = vectors("cosine_similarity", a, b, axis)
    (a, root, top, above), (b, *_) = unit(a, axis, epsilon), unit(b, axis, epsilon)
    cosine = np.sum(a * b, axis=axis, keepdims=True)
    return np.expand_dims(gy, axis) * ((b - np.where(above, cosine, 0) * a) / root / top)


@pullback(cosine_similarity, "a")
def cosine_wrt_a(gy: Any, a: Any, b: Any, axis: int = -1, epsilon: float = 1e-8) -> Any:
    return cosine_by(gy, a, b, axis, epsilon)


@pullback(cosine_similarity, "b")
def cosine_wrt_b(gy: Any, a: Any, b: Any, axis: int = -1, epsilon: float = 1e-8) -> Any:
    return cosine_by(gy, b, a, axis, epsilon)


@dispatched
def cosine_embedding_loss(
    a: Any, b: Any, t: Any, *, margin: float = 0.0, axis: int = -1, reduction: str = "mean"
) -> Any:
    """The cosine embedding loss of pairs of vectors: 1 - cosine for t = 1, max(0, cosine - margin) for t = -1.

    Parameters
    ----------
    a, b : arrays of real numbers
        As for `cosine_similarity`.
    t : array
        For each pair 1 or -1, of the shape of their cosines.
    margin : float
        From -1 to 1: the cosine below which pairs with t = -1 have no loss.
    axis : int
        As for `cosine_similarity`.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError, ValueError
        As `cosine_similarity` does, and if `t` has another shape or a value that is neither 1 nor -1.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [2.0, 0.0]])
    >>> cosine_embedding_loss(a, b, np.array([1, -1]), reduction="none")
    array([1., 1.])
    """
    name = "cosine_embedding_loss"
    check_reduction(name, reduction)
    margin = options.real(margin, "margin", name)
    a, b = vectors(name, a, b, axis)
    cosines = cosine_similarity(a, b, axis, 1e-8)
    t = to_array(t)
    if t.shape != cosines.shape:
        raise ValueError(
            f"{name} needs a target for each pair of vectors, an array of the shape {cosines.shape}, but t is "
            f"{describe(t)}; reshape it"
        )
    check_signs(name, t)
    return reduced(name, np.where(t == 1, 1 - cosines, np.maximum(cosines - margin, 0)), reduction)


def embedding_slope(gy: Any, a: Any, b: Any, t: Any, margin: float, axis: int, reduction: str) -> Any:
    """The gradient of `cosine_embedding_loss` with respect to the cosines."""
    t = to_array(t)
    apart = plain(cosine_similarity(a, b, axis)) > margin
    return np.where(t == 1, -1, apart) * share(gy, reduction, t.size)


@pullback(cosine_embedding_loss, "a")
def cosine_embedding_wrt_a(
    gy: Any, a: Any, b: Any, t: Any, *, margin: float = 0.0, axis: int = -1, reduction: str = "mean"
) -> Any:
    return cosine_by(embedding_slope(gy, a, b, t, margin, axis, reduction), a, b, axis, 1e-8)


@pullback(cosine_embedding_loss, "b")
def cosine_embedding_wrt_b(
    gy: Any, a: Any, b: Any, t: Any, *, margin: float = 0.0, axis: int = -1, reduction: str = "mean"
) -> Any:
    return cosine_by(embedding_slope(gy, a, b, t, margin, axis, reduction), b, a, axis, 1e-8)


@dispatched
def clip_by_norm(x: Any, limit: float, axis: Any = None) -> Any:
    """Scale vectors that are longer than `limit` down to it: x min(1, limit / norm(x)).

    Parameters
    ----------
    x : array of real numbers
    limit : float
        The largest norm, positive.
    axis : int, tuple of int or None
        The axes of the norm; None for the whole array.

    Raises
    ------
    TypeError
        If `x` is complex.
    ValueError
        If `limit` is not positive.

    References
    ----------
    Pascanu et al., 2012, https://arxiv.org/abs/1211.5063

    Examples
    --------
    >>> import numpy as np
    >>> clip_by_norm(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0, axis=-1)
    array([[0.6, 0.8],
           [0.3, 0.4]])
    """
    limit, axis = options.real(limit, "limit", "clip_by_norm", above=0), options.axes(axis, "axis", "clip_by_norm")
    x = real_array(x, "clip_by_norm")
    norm = norm_of(x, axis)
    scaled = x * (limit / np.where(norm > limit, norm, 1))
    return np.where(norm > limit, scaled.astype(x.dtype, copy=False), x)


def norm_of(x: Any, axis: Any) -> Any:
    """The norm over `axis`, without overflow or underflow of squares."""
    x = widened(x)
    top = np.max(np.abs(plain(x)), axis=axis, keepdims=True, initial=0)
    top = np.where(top > 0, top, 1)
    scaled = x / top
    squares = np.sum(scaled * scaled, axis=axis, keepdims=True)
    return np.where(top == np.inf, top, top * np.sqrt(np.where(squares > 0, squares, 1)) * (squares > 0))


@pullback(clip_by_norm, "x")
def clip_by_norm_pullback(gy: Any, x: Any, limit: float, axis: Any = None) -> Any:
    x = real_array(x, "clip_by_norm")
    norm = norm_of(x, axis)
    long = norm > limit
    norm = np.where(long, norm, 1)
    unit = x / norm
    across = gy - unit * np.sum(widened(gy) * unit, axis=axis, keepdims=True)
    return np.where(long, across * (limit / norm), gy)
