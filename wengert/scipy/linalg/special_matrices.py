"""Matrices that are made of vectors."""

from typing import Any

import numpy as np
import scipy.linalg

from wengert.functions.contraction import array, conjugate
from wengert.scipy.answers import answers
from wengert.scipy.linalg.checked import promoted

__all__ = [
    "block_diag",
    "circulant",
    "companion",
    "convolution_matrix",
    "diagsvd",
    "fiedler",
    "fiedler_companion",
    "hankel",
    "khatri_rao",
    "leslie",
    "toeplitz",
]


@answers(scipy.linalg.block_diag)
def block_diag(*arrs: Any) -> Any:
    blocks = [array(a) for a in arrs] or [np.zeros((1, 0))]
    blocks = [np.reshape(a, (1,) * (2 - a.ndim) + a.shape) if a.ndim < 2 else a for a in blocks]
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in blocks))
    width, rows, left = sum(a.shape[-1] for a in blocks), [], 0
    for a in blocks:
        a = np.broadcast_to(a, batch + a.shape[-2:])
        before = np.zeros((*a.shape[:-1], left), a.dtype)
        after = np.zeros((*a.shape[:-1], width - left - a.shape[-1]), a.dtype)
        rows.append(np.concatenate([before, a, after], axis=-1))
        left += a.shape[-1]
    return np.concatenate(rows, axis=-2)


@answers(scipy.linalg.toeplitz)
def toeplitz(c: Any, r: Any = None) -> Any:
    c = array(c)
    r = conjugate(c) if r is None else array(r)
    c, r = (x.reshape(1) if x.ndim == 0 else x for x in (c, r))
    batch = np.broadcast_shapes(c.shape[:-1], r.shape[:-1])
    c, r = (np.broadcast_to(x, batch + x.shape[-1:]) for x in (c, r))
    values = np.concatenate([c[..., ::-1], r[..., 1:]], axis=-1)  # from the lower left corner to the upper right one
    m, n = c.shape[-1], r.shape[-1]
    return values[..., np.arange(m)[::-1, None] + np.arange(n)]


@answers(scipy.linalg.circulant)
def circulant(c: Any) -> Any:
    c = np.reshape(array(c), (1,)) if array(c).ndim == 0 else array(c)
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % max(n, 1)]


@answers(scipy.linalg.hankel)
def hankel(c: Any, r: Any = None) -> Any:
    c = np.ravel(array(c)) if array(c).ndim == 0 else array(c)
    r = np.zeros(c.shape, c.dtype) if r is None else array(r)
    r = r.reshape(1) if r.ndim == 0 else r
    values = np.concatenate([c, r[..., 1:]], axis=-1)
    return values[..., np.arange(c.shape[-1])[:, None] + np.arange(r.shape[-1])]


@answers(scipy.linalg.companion)
def companion(a: Any) -> Any:
    a = array(a)
    n = a.shape[-1]
    if a.ndim < 1 or n < 2:
        raise ValueError(f"The length of `a` along the last axis must be at least 2, but got the shape {a.shape}")
    first = -a[..., 1:] / a[..., :1]
    rest = np.broadcast_to(np.eye(n - 2, n - 1, dtype=first.dtype), (*a.shape[:-1], n - 2, n - 1))
    return np.concatenate([first[..., None, :], rest], axis=-2)


@answers(scipy.linalg.convolution_matrix)
def convolution_matrix(a: Any, n: Any, mode: Any = "full") -> Any:
    a = array(a)
    if n <= 0:
        raise ValueError("n must be a positive integer.")
    if a.shape[-1] == 0:
        raise ValueError("len(a) must be at least 1.")
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"'mode' argument must be one of ('full', 'valid', 'same'), but got {mode!r}")
    m = a.shape[-1]
    place = np.arange(n + m - 1)[:, None] - np.arange(n)
    is_inside = (place >= 0) & (place < m)
    whole = np.where(is_inside, a[..., np.where(is_inside, place, 0)], np.zeros((), a.dtype))
    if mode == "same":
        trim = min(n, m) - 1
        begin = trim // 2
        return whole[..., begin : whole.shape[-2] - (trim - begin), :]
    if mode == "valid":
        trim = min(n, m) - 1
        return whole[..., trim : whole.shape[-2] - trim, :]
    return whole


@answers(scipy.linalg.diagsvd)
def diagsvd(s: Any, M: Any, N: Any) -> Any:
    s = array(s)
    n = s.shape[-1]
    if n not in (M, N):
        raise ValueError("Length of s must be M or N.")
    square = s[..., None] * np.eye(n, dtype=s.dtype)
    extra = np.zeros((*s.shape[:-1], M - n, n) if n == N else (*s.shape[:-1], n, N - n), s.dtype)
    return np.concatenate([square, extra], axis=-2 if n == N else -1)


@answers(scipy.linalg.leslie)
def leslie(f: Any, s: Any) -> Any:
    f, s = array(f), array(s)
    if f.shape[-1] != s.shape[-1] + 1 or s.shape[-1] == 0:
        raise ValueError(f"leslie takes as many survival coefficients as fecundities less one: {s.shape}, {f.shape}")
    f, s = promoted(f, s)
    below = s[..., None] * np.eye(s.shape[-1], f.shape[-1], dtype=s.dtype)
    return np.concatenate([f[..., None, :], below], axis=-2)


@answers(scipy.linalg.fiedler)
def fiedler(a: Any) -> Any:
    a = np.reshape(array(a), (1,)) if array(a).ndim == 0 else array(a)
    if a.size < 2:
        return scipy.linalg.fiedler(np.zeros(a.shape))
    return np.abs(a[..., :, None] - a[..., None, :])


@answers(scipy.linalg.fiedler_companion)
def fiedler_companion(a: Any) -> Any:
    a = array(a)
    if a.ndim > 1 or a.size < 3:
        raise ValueError(f"fiedler_companion of a Variable takes at least three coefficients, but got {a.shape}")
    a = a / a[0]
    n = a.size - 1
    ones, place = np.zeros((n, n)), np.zeros((n, n), int)
    ones[np.arange(3, n, 2), np.arange(1, n - 2, 2)] = 1
    place[np.arange(2, n, 2), np.arange(1, n - 1, 2)] = np.arange(3, n + 1, 2)
    ones[np.arange(0, n - 2, 2), np.arange(2, n, 2)] = 1
    place[np.arange(0, n - 1, 2), np.arange(1, n, 2)] = np.arange(2, n + 1, 2)
    place[0, 0], ones[1, 0] = 1, 1
    return np.where(place > 0, -a[place], ones.astype(a.dtype))


@answers(scipy.linalg.khatri_rao)
def khatri_rao(a: Any, b: Any) -> Any:
    a, b = array(a), array(b)
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-1]:
        raise ValueError(f"khatri_rao takes matrices of as many columns, but got the shapes {a.shape} and {b.shape}")
    product = a[..., :, None, :] * b[..., None, :, :]
    return np.reshape(product, (*product.shape[:-3], a.shape[-2] * b.shape[-2], a.shape[-1]))
