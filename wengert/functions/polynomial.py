"""Polynomials given by their coefficients, the highest power first.

Short functions of NumPy are redefined here in differentiable steps. The roots and the characteristic polynomial have
derivatives of their own, which also hold where those of eigenvalues do not.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.checks.errors import describe
from wengert.custom.registration import composition, dispatched, pullback

# In double precision the 171st integral of 1 is 0 but for the constants; NumPy's own recursion ends near here too.
MOST_INTEGRALS = 1000


def coefficients(function: Any, p: Any) -> Any:
    """Return the coefficients `p` as NumPy takes them, of one dimension; refuse a poly1d."""
    if isinstance(p, np.poly1d):
        raise TypeError(
            f"np.{function.__name__} of a Variable takes arrays of coefficients, but got a poly1d; give its "
            "coefficients: p.coeffs"
        )
    if isinstance(p, (list, tuple)) and p:
        return np.stack(p)  # lists may hold Variables
    return np.atleast_1d(p)


def padded(p: Any, length: int) -> Any:
    """Put zeros before the coefficients `p`, for the powers that it does not have."""
    missing = length - len(p)
    return p if missing <= 0 else np.concatenate([np.zeros(missing, p.dtype), p])


@composition(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    p = coefficients(np.polyval, p)
    if isinstance(x, np.poly1d):
        y: Any = 0
    else:
        x = x if hasattr(x, "dtype") else np.asarray(x)
        y = np.zeros_like(x)
    for coefficient in p:
        y = y * x + coefficient
    return y


@composition(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = coefficients(np.polyadd, a1), coefficients(np.polyadd, a2)
    return padded(a1, len(a2)) + padded(a2, len(a1))


@composition(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = coefficients(np.polysub, a1), coefficients(np.polysub, a2)
    return padded(a1, len(a2)) - padded(a2, len(a1))


def trimmed(p: Any) -> Any:
    """Cut off the zeros that stand for the highest powers, but not the last coefficient."""
    if len(p) == 0:
        return np.zeros(1, p.dtype)
    there = np.flatnonzero(p)
    return p[int(there[0]) if there.size else len(p) - 1 :]


@composition(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    a1, a2 = coefficients(np.polymul, a1), coefficients(np.polymul, a2)
    for p in (a1, a2):
        if p.ndim != 1:
            raise ValueError(f"np.polymul takes coefficients in one dimension, but got {describe(p)}")
    return np.convolve(trimmed(a1), trimmed(a2))


@composition(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    u, v = coefficients(np.polydiv, u) + 0.0, coefficients(np.polydiv, v) + 0.0
    scale, kind = 1.0 / v[0], np.result_type(u.dtype, v.dtype)
    steps = len(u) - len(v) + 1
    if steps <= 0:
        return np.zeros(1, kind), _remainder(u.astype(kind))
    quotient, rest = [], u.astype(kind)
    for k in range(steps):
        digit = scale * rest[k]
        quotient.append(digit)
        after = np.zeros(steps - 1 - k, kind)
        rest = rest - np.concatenate([np.zeros(k, kind), digit * v, after])
    return np.stack(quotient), _remainder(rest)


def _remainder(rest: Any) -> Any:
    while len(rest) > 1 and np.allclose(rest[0], 0, rtol=1e-14):
        rest = rest[1:]
    return rest


@composition(np.polyder)
def polyder(p: Any, m: Any = 1) -> Any:
    p, m = coefficients(np.polyder, p), int(m)
    if m < 0:
        raise ValueError(f"np.polyder takes how often to differentiate, at least 0, but got m={m}; see np.polyint")
    for _ in range(min(m, len(p))):  # higher derivatives are 0
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@composition(np.polyint)
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    p, m = coefficients(np.polyint, p), int(m)
    if not 0 <= m <= MOST_INTEGRALS:
        raise ValueError(
            f"np.polyint takes how often to integrate, from 0 to {MOST_INTEGRALS}, but got m={m}; "
            "see np.polyder for the other direction"
        )
    k = np.zeros(m) if k is None else np.atleast_1d(k)
    if len(k) == 1 and m > 1:
        k = k[0] * np.ones(m)
    if len(k) < m:
        raise ValueError(f"np.polyint takes one constant k, or as many as integrals, m={m}, but got {len(k)}")
    for i in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), k[i : i + 1]])
    return p


@pullback(np.vander, "x")
def vander(gy: Any, x: Any, N: Any = None, increasing: bool = False) -> Any:
    powers = np.arange(1, gy.shape[1])
    if increasing:
        slope = powers * np.vander(x, len(powers), increasing=True)
        gy = gy[:, 1:]
    else:
        slope = powers[::-1] * np.vander(x, len(powers))
        gy = gy[:, :-1]
    return np.sum(widened(gy) * np.conjugate(slope), axis=1)


# Between coefficients and roots


@composition(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    zeros = coefficients(np.poly, seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] != 0:
        return characteristic_polynomial(zeros)
    if zeros.ndim != 1:
        raise ValueError(f"np.poly takes roots in one dimension, or a square matrix, but got {describe(zeros)}")
    if len(zeros) == 0:
        return 1.0
    zeros = zeros.astype(np.dtype(np.mintypecode(zeros.dtype.char)))
    p = np.ones(1, zeros.dtype)
    for i in range(len(zeros)):
        p = np.convolve(p, np.concatenate([np.ones(1, zeros.dtype), -zeros[i : i + 1]]))
    if p.dtype.kind == "c":
        values = plain(zeros).astype(complex)
        if np.all(np.sort(values) == np.sort(values.conjugate())):
            p = np.real(p)  # roots in conjugate pairs: the real part, as NumPy gives it
    return p


@dispatched
def characteristic_polynomial(a: Any) -> Any:
    """Return the coefficients of det(t - a) by powers of t: what ``np.poly`` gives for a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> characteristic_polynomial(np.array([[2.0, 0.0], [0.0, 3.0]]))
    array([ 1., -5.,  6.])
    """
    return np.poly(a)


@pullback(characteristic_polynomial, "a")
def characteristic_polynomial_pullback(gy: Any, a: Any, *, y: Any) -> Any:
    """Jacobi's formula, d det(t - a) = -tr(adj(t - a) da), with the adjugate's coefficients by Faddeev and LeVerrier.

    It needs no eigenvectors, and so holds where eigenvalues meet.
    """
    one = np.eye(a.shape[0], dtype=a.dtype)
    adjugate, total = one, gy[1] * one
    for k in range(1, a.shape[0]):
        adjugate = a @ adjugate + y[k] * one
        total = total + gy[k + 1] * np.conjugate(np.swapaxes(adjugate, 0, 1))
    return -total


@pullback(np.roots, "p")
def roots(gy: Any, p: Any, *, y: Any) -> Any:
    """The derivative of a root z with respect to the k-th coefficient: -z**k / p'(z).

    At a multiple root, where p' is 0, it is infinite.
    """
    p = coefficients(np.roots, p)
    steepness = np.polyval(np.polyder(p), y)
    slope = gy / np.conjugate(steepness)
    return -np.conjugate(np.swapaxes(np.vander(y, len(p)), 0, 1)) @ slope


@composition(np.polyfit)
def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    x, y = (a + 0.0 if hasattr(a, "dtype") else np.asarray(a) + 0.0 for a in (x, y))
    w = None if w is None else w + 0.0 if hasattr(w, "dtype") else np.asarray(w) + 0.0
    _check_fit(x, y, deg, w)
    order = int(deg) + 1
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    powers = np.vander(x, order)
    if w is not None:
        powers = powers * w[:, None]
        y = y * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(powers * powers, axis=0))
    scaled = powers / scale
    fitted, residuals, rank, singular = np.linalg.lstsq(scaled, y, rcond)
    fitted = np.transpose(np.transpose(fitted) / scale)
    if full:
        return fitted, residuals, rank, singular, rcond
    if rank != order:
        raise np.linalg.LinAlgError(
            f"np.polyfit of a Variable takes points that determine the polynomial of degree {deg}, but these leave "
            f"it open (rank {rank} of {order}), and without a derivative; lower deg, or give more different x"
        )
    if not cov:
        return fitted
    covariance = np.linalg.inv(np.transpose(scaled) @ scaled) / (scale[:, None] * scale)
    if cov != "unscaled":
        if len(x) <= order:
            raise ValueError(f"np.polyfit needs more than {order} points to scale the covariance, but got {len(x)}")
        factor = residuals / (len(x) - order)
        covariance = (covariance if y.ndim == 1 else covariance[:, :, None]) * factor
    elif y.ndim == 2:
        covariance = covariance[:, :, None]
    return fitted, covariance


def _check_fit(x: Any, y: Any, deg: Any, w: Any) -> None:
    if deg < 0:
        raise ValueError(f"np.polyfit takes a degree of at least 0, but got deg={deg}")
    if x.ndim != 1 or x.size == 0:
        raise TypeError(f"np.polyfit takes points x in one dimension, at least one, but got {describe(x)}")
    if y.ndim not in (1, 2) or len(y) != len(x):
        raise TypeError(f"np.polyfit takes one value (or row) for each of {len(x)} points, but got {describe(y)}")
    if w is not None and w.shape != x.shape:
        raise TypeError(f"np.polyfit takes one weight for each of {len(x)} points, but got {describe(w)}")
