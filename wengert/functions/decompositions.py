"""Derivatives of decompositions of matrices.

A Hermitian matrix is read from one triangle by NumPy. Its gradient is that of a change that
keeps it Hermitian, and so is a Hermitian matrix itself (`cholesky`, `eigh`, `eigvalsh`).

The vectors of eigenvalues and singular values are theirs up to a choice; see `degeneracy` for what of
it is refused. An uneven gradient of equal eigenvalues alone goes to the vectors that the decomposition
happened to choose (of `eigh` and `svd`; of `eig`, where the derivative may be infinite, it is refused);
a singular value has the derivative 0 at 0.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.core.numpy_call import pullback
from wengert.custom.registration import composition, dispatched
from wengert.functions.contraction import adjoint, conjugate
from wengert.functions.degeneracy import (
    dependent_on_choice,
    divide,
    quotient,
    refuse_choice,
    refuse_null,
    resolution,
    rounding_of,
)


@pullback(np.linalg.cholesky, "a", reads="")
def cholesky(gy: Any, a: Any, /, *, upper: bool = False, y: Any) -> Any:
    factor, g_factor = (adjoint(y), adjoint(gy)) if upper else (y, gy)
    inner = np.tril(adjoint(factor) @ g_factor)
    inner = (inner + adjoint(inner)) / 2
    inner = inner - diagonal_matrix(_diagonal(inner)) / 2
    up = adjoint(factor)
    return adjoint(np.linalg.solve(up, adjoint(np.linalg.solve(up, inner))))


@pullback(np.linalg.qr, "a")
def qr(gy: Any, a: Any, mode: str = "reduced", *, y: Any) -> Any:
    if mode == "r":
        q, r = np.linalg.qr(a)
        gq, gr = np.zeros(q.shape, gy.dtype), gy
    elif mode in ("reduced", "complete"):
        (gq, gr), (q, r) = gy, y
    else:
        raise TypeError(f"np.linalg.qr of a Variable takes mode 'reduced', 'complete' or 'r', but got {mode!r}")
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if q.shape[-1] > k:
        gq = _project_rest(gq, q, k)
        q, r, gr = q[..., :k], r[..., :k, :], gr[..., :k, :]
    if columns == k:
        return _qr_gradient(gq, gr, q, r)
    # The columns beyond the square part are q^H times those of `a`.
    left, right = r[..., :k], r[..., k:]
    g_right = gr[..., k:]
    first = _qr_gradient(gq + q @ right @ adjoint(g_right), gr[..., :k], q, left)
    return np.concatenate([first, q @ g_right], axis=-1)


def _qr_gradient(gq: Any, gr: Any, q: Any, r: Any) -> Any:
    inner = np.triu(gr @ adjoint(r) - adjoint(q) @ gq)
    inner = inner + adjoint(inner)
    inner = inner - diagonal_matrix(_diagonal(inner)) / 2
    return adjoint(np.linalg.solve(r, adjoint(gq + q @ inner)))


def _project_rest(gq: Any, q: Any, k: int) -> Any:
    """Give the gradient of the vectors beyond `k`, which only complete a basis, to the first `k`."""
    rest, g_rest = q[..., k:], gq[..., k:]
    turn = adjoint(rest) @ g_rest
    if np.any(np.abs(plain(turn - adjoint(turn))) > rounding_of(gq)):
        raise dependent_on_choice("the columns that complete q (or u, v) to a square matrix")
    return gq[..., :k] - rest @ (adjoint(g_rest) @ q[..., :k])


@dispatched
def from_triangle(a: Any, UPLO: str) -> Any:
    """The Hermitian matrix that NumPy reads from one triangle.

    Examples
    --------
    >>> import numpy as np
    >>> from_triangle(np.array([[1.0, 9.0], [2.0, 3.0]]), "L")
    array([[1., 2.],
           [2., 3.]])
    """
    lower = UPLO.upper() == "L"
    return np.tril(a) + adjoint(np.tril(a, -1)) if lower else np.triu(a) + adjoint(np.triu(a, 1))


@pullback(from_triangle, "a", reads="")
def from_triangle_pullback(gy: Any, a: Any, UPLO: str) -> Any:
    return (gy + adjoint(gy)) / 2


@pullback(np.linalg.eigh, "a")
def eigh(gy: Any, a: Any, UPLO: Any = "L", *, y: Any) -> Any:
    (gw, gv), (w, v) = gy, y
    return hermitian_gradient(gw, gv, w, v, from_triangle(a, UPLO))


@composition(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: Any = "L") -> Any:
    # One call for the values and the vectors that their derivative needs: where eigenvalues are equal,
    # what arrives for the vectors must not be judged apart from what arrives for the values.
    return np.linalg.eigh(a, UPLO)[0]


def hermitian_gradient(gw: Any, gv: Any, w: Any, v: Any, a: Any) -> Any:
    """The gradient of a Hermitian matrix from those of its eigenvalues and eigenvectors."""
    if type(gv) is np.ndarray and not gv.any():
        return (v * gw[..., None, :]) @ adjoint(v)
    w = plain(w)
    turn = adjoint(v) @ gv
    turn = (turn - adjoint(turn)) / 2
    equal = np.abs(w[..., None, :] - w[..., :, None]) <= resolution(w)[..., None]
    refuse_choice(equal, turn, gw, gv)
    h = np.where(equal, adjoint(v) @ a @ v, 0)
    return v @ (quotient(turn, h, w, 1, equal) + diagonal_matrix(gw)) @ adjoint(v)


@pullback(np.linalg.eig, "a", reads="")
def eig(gy: Any, a: Any, *, y: Any) -> Any:
    (gw, gv), (w, v) = gy, y
    vh = adjoint(v)
    turn = vh @ gv
    turn = turn - (vh @ v) * np.real(_diagonal(turn))[..., None, :]  # the vectors keep the length 1
    gaps = conjugate(w[..., None, :] - w[..., :, None])
    equal = np.abs(plain(gaps)) <= resolution(w)[..., None]
    refuse_choice(equal, turn, gw, gv, values_alone=False)
    return np.linalg.solve(vh, (divide(turn, gaps, equal) + diagonal_matrix(gw)) @ vh)


@composition(np.linalg.eigvals)
def eigvals(a: Any) -> Any:
    return np.linalg.eig(a)[0]


@dispatched
def svd(a: Any, full_matrices: bool, hermitian: bool) -> Any:
    """The singular value decomposition of np.linalg.svd.

    Examples
    --------
    >>> import numpy as np
    >>> svd(np.diag([3.0, 2.0]), False, False).S
    array([3., 2.])
    """
    return np.linalg.svd(a, full_matrices, hermitian=hermitian)


@composition(np.linalg.svd)
def svd_or_values(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return svd(a, full_matrices, hermitian) if compute_uv else svd(a, False, hermitian)[1]


@composition(np.linalg.svdvals)
def svdvals(x: Any, /) -> Any:
    return svd(x, False, False)[1]


@pullback(svd, "a")
def svd_pullback(gy: Any, a: Any, full_matrices: bool, hermitian: bool, *, y: Any) -> Any:
    (gu, gs, gvh), (u, s, vh) = gy, y
    if hermitian:  # the eigenvectors, and the signs of the eigenvalues in vh
        sign = np.sign(np.real(np.sum(plain(u) * plain(np.swapaxes(vh, -1, -2)), axis=-2)))
        gw = np.where(plain(s) <= resolution(s), 0, gs * sign)
        return hermitian_gradient(gw, gu + adjoint(gvh) * sign[..., None, :], s * sign, u, from_triangle(a, "L"))
    return singular_gradient(gu, gs, adjoint(gvh), u, s, adjoint(vh), a)


def singular_gradient(gu: Any, gs: Any, gv: Any, u: Any, s: Any, v: Any, a: Any) -> Any:
    """The gradient of a matrix from those of its singular values and vectors."""
    s = plain(s)
    k = s.shape[-1]
    gu = _project_rest(gu, u, k) if u.shape[-1] > k else gu
    gv = _project_rest(gv, v, k) if v.shape[-1] > k else gv
    u, v = u[..., :k], v[..., :k]
    limit = resolution(s)
    zero = s <= limit
    if type(gu) is np.ndarray and not gu.any() and not gv.any():
        return (u * np.where(zero, 0, gs)[..., None, :]) @ adjoint(v)
    along_u, along_v = adjoint(u) @ gu, adjoint(v) @ gv
    out_of_u, out_of_v = gu - u @ along_u, gv - v @ along_v
    turn_u, turn_v = (along_u - adjoint(along_u)) / 2, (along_v - adjoint(along_v)) / 2
    equal = np.abs(s[..., None, :] - s[..., :, None]) <= limit[..., None]
    null = zero[..., None, :] & zero[..., :, None]
    both = np.concatenate([plain(gu), plain(gv)], axis=-2)  # u and v turn together
    refuse_choice(equal, turn_u + turn_v, gs, both)
    if zero.any():
        refuse_null(zero, null, gs, turn_u - turn_v, [out_of_u, out_of_v], both)
    h = adjoint(u) @ a @ v
    h = np.where(equal, np.where(null, h, (h + adjoint(h)) / 2), 0)
    inner = quotient(turn_u + turn_v, h, s, 1, equal) + quotient(turn_u - turn_v, h, s, -1, null)
    gx = u @ (inner + diagonal_matrix(np.where(zero, 0, gs))) @ adjoint(v)
    if u.shape[-2] > k:
        gx = gx + quotient(out_of_u, h, s, 0, zero[..., None, :]) @ adjoint(v)
    if v.shape[-2] > k:
        gx = gx + u @ adjoint(quotient(out_of_v, h, s, 0, zero[..., None, :]))
    return gx


def diagonal_matrix(values: Any) -> Any:
    """Matrices with `values` on their diagonals."""
    return values[..., None] * np.eye(values.shape[-1], dtype=bool)


def _diagonal(a: Any) -> Any:
    return np.diagonal(a, axis1=-2, axis2=-1)
