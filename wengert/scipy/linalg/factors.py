"""Factors of matrices, eigenvalues and singular values."""

from typing import Any

import numpy as np
import scipy.linalg

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.custom.registration import piecewise_constant, pullback
from wengert.functions.contraction import adjoint, array
from wengert.functions.hermitian import diagonal_matrix, hermitian_gradient, in_triangle
from wengert.scipy.answers import SCIPY_VERSION, answered, answers
from wengert.scipy.linalg.checked import LinAlgError, finite, promoted, structured
from wengert.scipy.linalg.equations import solve_sylvester
from wengert.scipy.linalg.solutions import permutation_of, solve_triangular

__all__ = [
    "cho_factor",
    "cholesky",
    "det",
    "eig",
    "eigh",
    "eigh_tridiagonal",
    "eigvals",
    "eigvalsh",
    "eigvalsh_tridiagonal",
    "ishermitian",
    "issymmetric",
    "lu",
    "lu_factor",
    "norm",
    "orthogonal_procrustes",
    "polar",
    "qr",
    "qr_multiply",
    "svd",
    "svdvals",
]

issymmetric = answered(scipy.linalg.issymmetric, "linalg.issymmetric")
ishermitian = answered(scipy.linalg.ishermitian, "linalg.ishermitian")
piecewise_constant(issymmetric, ishermitian)


@answers(scipy.linalg.det)
def det(a: Any, check_finite: Any = True) -> Any:
    y = np.linalg.det(*promoted(finite(a, check_finite)))
    return y.astype(np.result_type(y.dtype, np.float64))  # (as SciPy has it)


@answers(scipy.linalg.norm)
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: Any = False, check_finite: Any = True) -> Any:
    a = finite(a, check_finite)
    y = np.linalg.norm(a, ord, axis, keepdims)
    by_lapack = a.ndim == 2 and ord in (1, np.inf) and axis is None and not keepdims
    return y.astype(np.float64) if by_lapack else y  # (as SciPy has it)


@answers(scipy.linalg.cholesky)
def cholesky(a: Any, lower: Any = False, check_finite: Any = True) -> Any:
    return np.linalg.cholesky(*promoted(finite(a, check_finite)), upper=not lower)


@answers(scipy.linalg.cho_factor)
def cho_factor(a: Any, lower: Any = False, check_finite: Any = True) -> Any:
    """The other triangle is that of `a`, as SciPy leaves it before 1.18, or 0."""
    (a,) = promoted(finite(a, check_finite))
    factor = np.linalg.cholesky(a, upper=not lower)
    if SCIPY_VERSION >= (1, 18):
        return factor, lower
    return factor + (np.triu(a, 1) if lower else np.tril(a, -1)), lower


lu_factor = answered(scipy.linalg.lu_factor)


@pullback(lu_factor, "a", reads="")
def lu_factor_pullback(gy: Any, a: Any, check_finite: Any = True, *, y: Any) -> Any:
    packed, g = y[0], gy[0]
    rows, columns = a.shape[-2:]
    k = min(rows, columns)
    if a.ndim > 2:
        raise ValueError(f"the derivative of lu_factor is that of one matrix, but got the shape {a.shape}")
    eye = np.eye(k, dtype=packed.dtype)
    lower, upper = np.tril(packed[:k, :k], -1) + eye, packed[:k, :k]
    if not holds(np.all(np.diagonal(plain(upper)) != 0)):
        raise LinAlgError("the derivative of an LU factorisation is not known where the matrix is singular")
    g_lower, g_upper = np.tril(g[:k, :k], -1), np.triu(g[:k, :k])
    below = right = None
    if rows > k:  # the rows below are those of a times inv(upper)
        below = adjoint(solve_triangular(upper, adjoint(g[k:]), check_finite=False))
        g_upper = g_upper - np.triu(adjoint(packed[k:]) @ below)
    if columns > k:  # the columns on the right are those of a, by inv(lower)
        right = solve_triangular(lower, g[:, k:], 2, lower=True, unit_diagonal=True, check_finite=False)
        g_lower = g_lower - np.tril(right @ adjoint(packed[:, k:]), -1)
    inner = np.tril(adjoint(lower) @ g_lower, -1) + np.triu(g_upper @ adjoint(np.triu(upper)))
    inner = solve_triangular(lower, inner, 2, lower=True, unit_diagonal=True, check_finite=False)
    gx = adjoint(solve_triangular(upper, adjoint(inner), check_finite=False))
    if below is not None:
        gx = np.concatenate([gx, below], axis=0)
    if right is not None:
        gx = np.concatenate([gx, right], axis=1)
    return np.take(gx, np.argsort(permutation_of(y[1], rows)), axis=0)


@answers(scipy.linalg.lu)
def lu(a: Any, permute_l: Any = False, check_finite: Any = True, p_indices: Any = False) -> Any:
    (a,) = promoted(finite(a, check_finite))
    if a.ndim != 2:
        raise ValueError(f"lu of a Variable takes one matrix, but got the shape {a.shape}")
    packed, piv = lu_factor(a, check_finite=False)
    rows, columns = a.shape
    k = min(rows, columns)
    lower, upper = np.tril(packed[:, :k], -1) + np.eye(rows, k, dtype=packed.dtype), np.triu(packed[:k])
    order = permutation_of(piv, rows)
    back = np.argsort(order)
    if permute_l:
        return np.take(lower, back, axis=0), upper
    p = back.astype(np.int32) if p_indices else (back[:, None] == np.arange(rows)).astype(plain(packed).real.dtype)
    return p, lower, upper


@answers(scipy.linalg.qr)
def qr(a: Any, mode: Any = "full", pivoting: Any = False, check_finite: Any = True) -> Any:
    """Where the order of the columns is chosen by their norms, it is constant."""
    (a,) = promoted(finite(a, check_finite))
    if mode not in ("full", "r", "economic"):
        raise ValueError(f"mode of qr of a Variable must be 'full', 'r' or 'economic', but got {mode!r}")
    chosen: tuple[Any, ...] = ()
    if pivoting:
        if a.ndim != 2:
            raise ValueError(f"qr of a Variable with pivoting=True takes one matrix, but got the shape {a.shape}")
        order = pivoted(plain(a), mode="r", pivoting=True)[1]
        a, chosen = np.take(a, order, axis=1), (order,)
    q, r = np.linalg.qr(a, "reduced" if mode == "economic" else "complete")
    return ((r,) if mode == "r" else (q, r)) + chosen


pivoted = answered(scipy.linalg.qr)  # (SciPy's own, also where it is traced)


@answers(scipy.linalg.qr_multiply)
def qr_multiply(a: Any, c: Any, mode: Any = "right", pivoting: Any = False, conjugate: Any = False) -> Any:
    if mode not in ("left", "right"):
        raise ValueError(f"Mode argument can only be 'left' or 'right' but not '{mode}'")
    q, *rest = qr(a, mode="economic", pivoting=pivoting)
    q = np.conjugate(q) if conjugate else q
    return (q @ array(c) if mode == "left" else array(c) @ q, *rest)


@answers(scipy.linalg.svd)
def svd(a: Any, full_matrices: Any = True, compute_uv: Any = True, check_finite: Any = True) -> Any:
    (a,) = promoted(finite(a, check_finite))
    return tuple(np.linalg.svd(a, full_matrices)) if compute_uv else np.linalg.svdvals(a)


@answers(scipy.linalg.svdvals)
def svdvals(a: Any, check_finite: Any = True) -> Any:
    return np.linalg.svdvals(*promoted(finite(a, check_finite)))


one_hermitian = answered(scipy.linalg.eigh, "linalg.factors.one_hermitian")  # the values and vectors of one matrix


@pullback(one_hermitian, "a")
def one_hermitian_pullback(gy: Any, a: Any, *, lower: Any = True, check_finite: Any = True, y: Any) -> Any:
    triangle = "L" if lower else "U"
    return in_triangle(hermitian_gradient(gy[0], gy[1], tuple(y), (a, triangle), tuple(y)), triangle)


@answers(scipy.linalg.eigh)
def eigh(
    a: Any, b: Any = None, *, lower: Any = True, eigvals_only: Any = False, type: Any = 1, check_finite: Any = True
) -> Any:
    (a,) = promoted(finite(a, check_finite))
    if b is None:
        w, v = one_hermitian(a, lower=lower, check_finite=False)
        return w if eigvals_only else (w, v)
    if type not in (1, 2, 3):
        raise ValueError('"type" keyword only accepts 1, 2, and 3.')
    a, b = promoted(a, finite(b, check_finite))
    factor = np.linalg.cholesky(b, upper=not lower)
    factor = factor if lower else adjoint(factor)
    a = structured(a, "hermitian", lower)
    if type == 1:
        half = solve_triangular(factor, a, lower=True, check_finite=False)
        whole = solve_triangular(factor, adjoint(half), lower=True, check_finite=False)
    else:
        whole = adjoint(factor) @ a @ factor
    w, v = one_hermitian((whole + adjoint(whole)) / 2, check_finite=False)
    if eigvals_only:
        return w
    v = factor @ v if type == 3 else solve_triangular(factor, v, 2, lower=True, check_finite=False)
    return w, v * signs_of(v, a, b, lower, type)


generalised = answered(scipy.linalg.eigh, "linalg.factors.generalised")  # (SciPy's own, also where it is traced)


def signs_of(v: Any, a: Any, b: Any, lower: Any, type: Any) -> Any:
    """By what eigenvectors differ from those that SciPy gives, whose phases are arbitrary."""
    theirs = generalised(plain(a), plain(b), lower=lower, type=type, check_finite=False)[1]
    phase = np.sum(np.conjugate(plain(v)) * theirs, axis=-2, keepdims=True)
    size = np.abs(phase)
    return np.where(size > 0, phase / np.where(size > 0, size, 1), 1).astype(theirs.dtype)


@answers(scipy.linalg.eigvalsh)
def eigvalsh(
    a: Any, b: Any = None, *, lower: Any = True, type: Any = 1, check_finite: Any = True
) -> Any:  # fmt: skip
    return eigh(a, b, lower=lower, eigvals_only=True, type=type, check_finite=check_finite)


@answers(scipy.linalg.eig)
def eig(a: Any, left: Any = False, right: Any = True, check_finite: Any = True) -> Any:
    if left:
        raise TypeError("wengert.scipy.linalg.eig of a Variable does not take left=True; take eig of a.conj().T")
    (a,) = promoted(finite(a, check_finite))
    if not right:
        return eigvals(a)
    w, v = np.linalg.eig(a)
    return (w if w.dtype.kind == "c" else w + 0j), v


@answers(scipy.linalg.eigvals)
def eigvals(a: Any, check_finite: Any = True) -> Any:
    w = np.linalg.eigvals(*promoted(finite(a, check_finite)))
    return w if w.dtype.kind == "c" else w + 0j


@answers(scipy.linalg.eigvalsh_tridiagonal)
def eigvalsh_tridiagonal(d: Any, e: Any, check_finite: Any = True) -> Any:
    d, e = promoted(finite(d, check_finite), finite(e, check_finite))
    n = d.shape[-1]
    if e.shape[-1] != n - 1:
        raise ValueError(f"d ({d.shape}) must have one more element than e ({e.shape})")
    beside = e[..., None] * np.eye(n - 1, n, dtype=e.dtype)
    whole = diagonal_matrix(d) + np.concatenate([np.zeros((*d.shape[:-1], 1, n), d.dtype), beside], axis=-2)
    return np.linalg.eigvalsh(whole)


@answers(scipy.linalg.eigh_tridiagonal)
def eigh_tridiagonal(d: Any, e: Any, eigvals_only: Any = False, check_finite: Any = True) -> Any:
    if not eigvals_only:
        raise TypeError(
            "wengert.scipy.linalg.eigh_tridiagonal of a Variable takes eigvals_only=True; for vectors, make the whole "
            "matrix and take eigh of it"
        )
    return eigvalsh_tridiagonal(d, e, check_finite=check_finite)


right_polar = answered(scipy.linalg.polar, "linalg.factors.right_polar")  # of matrices that are not wide


@pullback(right_polar, "a", reads="")
def right_polar_pullback(gy: Any, a: Any, *, y: Any) -> Any:
    (gu, gp), (u, p) = gy, y
    sizes = np.linalg.svdvals(plain(p))
    eps = np.finfo(sizes.dtype).eps
    if not holds(np.all(sizes[..., -1:] > sizes[..., :1] * eps * sizes.shape[-1])):
        raise LinAlgError("the derivative of polar is not known where the matrix has not full rank")
    gp = (gp + adjoint(gp)) / 2
    turn = adjoint(u) @ gu - gp @ p
    turn = solve_sylvester(p, p, turn - adjoint(turn))
    outside = np.linalg.solve(p, adjoint(gu - u @ (adjoint(u) @ gu)))
    return u @ turn + adjoint(outside) + u @ gp


@answers(scipy.linalg.polar)
def polar(a: Any, side: Any = "right") -> Any:
    """U and P are unique where `a` has full rank and P is the smaller one; else a derivative is refused."""
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    (a,) = promoted(array(a))
    rows, columns = a.shape[-2:]
    if (rows < columns) == (side == "right") and rows != columns:
        raise LinAlgError(
            f"the derivative of polar is known where P is the smaller factor, but got side={side!r} and the shape "
            f"{a.shape}; take the other side"
        )
    if side == "right":
        u, p = right_polar(a)
        return u, p
    u, p = right_polar(adjoint(a))
    return adjoint(u), p


@answers(scipy.linalg.orthogonal_procrustes)
def orthogonal_procrustes(A: Any, B: Any, check_finite: Any = True) -> Any:
    a, b = promoted(finite(A, check_finite), finite(B, check_finite))
    u, p = polar(adjoint(a) @ b)
    return u, np.real(np.trace(p, axis1=-2, axis2=-1))
