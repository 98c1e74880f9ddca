"""Solutions of linear equations."""

from typing import Any

import numpy as np
import scipy.linalg

from wengert.arrays.decisions import holds
from wengert.arrays.lists import stacked
from wengert.arrays.table import plain
from wengert.custom.registration import pullback
from wengert.functions.contraction import adjoint, array, conjugate
from wengert.scipy.answers import answered, answers
from wengert.scipy.linalg.checked import LinAlgError, finite, promoted, structured
from wengert.scipy.linalg.special_matrices import toeplitz

__all__ = [
    "cho_solve",
    "inv",
    "lstsq",
    "lu_solve",
    "matmul_toeplitz",
    "pinv",
    "pinvh",
    "solve",
    "solve_banded",
    "solve_circulant",
    "solve_toeplitz",
    "solve_triangular",
    "solveh_banded",
]


@answers(scipy.linalg.solve)
def solve(
    a: Any, b: Any, lower: Any = False, check_finite: Any = True, assume_a: Any = None, transposed: Any = False
) -> Any:
    a, b = promoted(finite(a, check_finite), finite(b, check_finite))
    a = structured(a, assume_a, lower)
    if transposed:
        a = np.swapaxes(a, -1, -2)
    return np.linalg.solve(a, b)


@answers(scipy.linalg.inv)
def inv(a: Any, check_finite: Any = True, *, assume_a: Any = None, lower: Any = False) -> Any:
    (a,) = promoted(finite(a, check_finite))
    return np.linalg.inv(structured(a, assume_a, lower))


@answers(scipy.linalg.pinv)
def pinv(a: Any, *, rtol: Any = None, return_rank: Any = False, check_finite: Any = True) -> Any:
    (a,) = promoted(finite(a, check_finite))
    rtol = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    y = np.linalg.pinv(a, rtol=rtol)
    return (y, np.linalg.matrix_rank(a, rtol=rtol)) if return_rank else y


@answers(scipy.linalg.pinvh)
def pinvh(a: Any, rtol: Any = None, lower: Any = True, return_rank: Any = False, check_finite: Any = True) -> Any:
    (a,) = promoted(finite(a, check_finite))
    a = structured(a, "hermitian", lower)
    rtol = max(a.shape[-2:]) * np.finfo(a.dtype).eps if rtol is None else rtol
    y = np.linalg.pinv(a, rtol=rtol, hermitian=True)
    return (y, np.linalg.matrix_rank(a, rtol=rtol, hermitian=True)) if return_rank else y


@answers(scipy.linalg.lstsq)
def lstsq(a: Any, b: Any, cond: Any = None, check_finite: Any = True) -> Any:
    a, b = promoted(finite(a, check_finite), finite(b, check_finite))
    x, residues, rank, s = np.linalg.lstsq(a, b, np.finfo(a.dtype).eps if cond is None else cond)
    if b.ndim == 1 and residues.size:
        residues = residues[0]
    return x, residues, rank, s


solve_triangular = answered(scipy.linalg.solve_triangular)


@pullback(solve_triangular, "a", reads="a")
def solve_triangular_matrix(
    gy: Any, a: Any, b: Any, trans: Any = 0, lower: Any = False, unit_diagonal: Any = False, check_finite: Any = True,
    *, y: Any,
) -> Any:  # fmt: skip
    if b.ndim == 1:
        gy, y = gy[..., None], y[..., None]
    gb = transposed_solution(gy, a, trans, lower, unit_diagonal)
    if trans in (0, "N"):
        gx = -gb @ adjoint(y)
    elif trans in (1, "T"):
        gx = -conjugate(y) @ np.swapaxes(gb, -1, -2)
    else:
        gx = -y @ adjoint(gb)
    inside = 1 if unit_diagonal else 0
    return np.tril(gx, -inside) if lower else np.triu(gx, inside)


@pullback(solve_triangular, "b", reads="a")
def solve_triangular_right(
    gy: Any, a: Any, b: Any, trans: Any = 0, lower: Any = False, unit_diagonal: Any = False, check_finite: Any = True,
    *, y: Any,
) -> Any:  # fmt: skip
    if b.ndim == 1:
        return transposed_solution(gy[..., None], a, trans, lower, unit_diagonal)[..., 0]
    return transposed_solution(gy, a, trans, lower, unit_diagonal)


def transposed_solution(gy: Any, a: Any, trans: Any, lower: Any, unit_diagonal: Any) -> Any:
    """Solve with the conjugate transpose of the matrix that `trans` makes of `a`."""
    form = {"lower": lower, "unit_diagonal": unit_diagonal, "check_finite": False}
    if trans in (0, "N"):
        return solve_triangular(a, gy, 2, **form)
    if trans in (1, "T"):
        return conjugate(solve_triangular(a, conjugate(gy), 0, **form))
    return solve_triangular(a, gy, 0, **form)


@answers(scipy.linalg.cho_solve, lists=True)
def cho_solve(c_and_lower: Any, b: Any, check_finite: Any = True) -> Any:
    c, lower = c_and_lower
    c, b = promoted(finite(c, check_finite), finite(b, check_finite))
    first, second = (0, 2) if lower else (2, 0)
    y = solve_triangular(c, b, first, lower=lower, check_finite=False)
    if b.ndim == 1 and y.ndim > 1:
        return solve_triangular(c, y[..., None], second, lower=lower, check_finite=False)[..., 0]
    return solve_triangular(c, y, second, lower=lower, check_finite=False)


@answers(scipy.linalg.lu_solve, lists=True)
def lu_solve(lu_and_piv: Any, b: Any, trans: Any = 0, check_finite: Any = True) -> Any:
    lu, piv = lu_and_piv
    lu, b = promoted(finite(lu, check_finite), finite(b, check_finite))
    if lu.ndim > 2:
        raise ValueError(f"lu_solve of a Variable takes one matrix, but got the shape {lu.shape}")
    order = permutation_of(piv, lu.shape[-2])
    if trans == 0:
        y = solve_triangular(lu, np.take(b, order, axis=0), lower=True, unit_diagonal=True, check_finite=False)
        return solve_triangular(lu, y, check_finite=False)
    if trans not in (1, 2):
        raise ValueError(f"trans must be 0, 1 or 2, but got {trans!r}")
    y = solve_triangular(lu, b, trans, check_finite=False)
    y = solve_triangular(lu, y, trans, lower=True, unit_diagonal=True, check_finite=False)
    return np.take(y, np.argsort(order), axis=0)


exchanged = answered(scipy.linalg.lu_solve)  # (SciPy's own, also where it is traced)


def permutation_of(piv: Any, n: int) -> Any:
    """The order of the rows after the exchanges `piv` of an LU factorisation."""
    piv = plain(piv)
    if piv.shape[0] < n:
        piv = np.concatenate([piv, np.arange(piv.shape[0], n, dtype=piv.dtype)])
    rows = exchanged((np.eye(n), piv), np.arange(n, dtype=np.float64))
    return rows.astype(np.intp)


solve_banded = answered(scipy.linalg.solve_banded)


@pullback(solve_banded, "ab", reads="ab")
def solve_banded_matrix(gy: Any, l_and_u: Any, ab: Any, b: Any, check_finite: Any = True, *, y: Any) -> Any:
    gb = solve_banded_right(gy, l_and_u, ab, b)
    if b.ndim == 1:
        gb, y = gb[..., None], y[..., None]
    rows, columns, is_inside = band_places(l_and_u, ab.shape)
    products = np.sum(gb[..., rows, :] * conjugate(y)[..., columns, :], axis=-1)
    return np.where(is_inside, -products, 0)


@pullback(solve_banded, "b", reads="ab")
def solve_banded_right(
    gy: Any, l_and_u: Any, ab: Any, b: Any, check_finite: Any = True, *, y: Any = None
) -> Any:  # fmt: skip
    lower, upper = l_and_u
    rows, columns, is_inside = band_places((upper, lower), ab.shape)
    transposed = np.where(is_inside, conjugate(ab[..., upper + columns - rows, rows]), 0)
    if b.ndim == 1:
        return solve_banded((upper, lower), transposed, gy[..., None], check_finite=False)[..., 0]
    return solve_banded((upper, lower), transposed, gy, check_finite=False)


def band_places(l_and_u: Any, shape: Any) -> tuple[Any, Any, Any]:
    """For each element of a matrix in diagonal form its row (within bounds), its column, and whether it is inside."""
    lower, upper = l_and_u
    columns = np.broadcast_to(np.arange(shape[-1]), (lower + upper + 1, shape[-1]))
    rows = columns + np.arange(-upper, lower + 1)[:, None]
    is_inside = (rows >= 0) & (rows < shape[-1])
    return np.where(is_inside, rows, columns), columns, is_inside


@answers(scipy.linalg.solveh_banded)
def solveh_banded(ab: Any, b: Any, lower: Any = False, check_finite: Any = True) -> Any:
    ab, b = promoted(finite(ab, check_finite), finite(b, check_finite))
    width = ab.shape[-2] - 1
    return solve_banded((width, width), full_band(ab, lower), b, check_finite=False)


def full_band(ab: Any, lower: Any) -> Any:
    """All diagonals of a Hermitian matrix of which those on one side are given."""
    width = ab.shape[-2] - 1
    rows, columns, is_inside = band_places((width, width), ab.shape)
    offset = rows - columns
    if lower:
        given = ab[..., np.abs(offset), np.minimum(rows, columns)]
        mirrored = offset < 0
    else:
        given = ab[..., width - np.abs(offset), np.maximum(rows, columns)]
        mirrored = offset > 0
    if given.dtype.kind == "c":
        given = np.where(offset == 0, np.real(given), np.where(mirrored, np.conjugate(given), given))
    return np.where(is_inside, given, 0)


def column_and_row(c_or_cr: Any) -> tuple[Any, Any]:
    """The first column and the first row of a Toeplitz matrix."""
    if isinstance(c_or_cr, tuple):
        return array(stacked(c_or_cr[0])), array(stacked(c_or_cr[1]))
    c = array(stacked(c_or_cr))
    return c, conjugate(c)


@answers(scipy.linalg.solve_toeplitz, lists=True)
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: Any = True) -> Any:
    """By a solution of the whole matrix: SciPy's recursion takes less memory, and fails where a minor is 0."""
    c, r = column_and_row(c_or_cr)
    c, r, b = promoted(*(finite(v, check_finite) for v in (c, r, b)), least=np.float64)
    return np.linalg.solve(toeplitz(c, r), b)


@answers(scipy.linalg.matmul_toeplitz, lists=True)
def matmul_toeplitz(c_or_cr: Any, x: Any, check_finite: Any = False) -> Any:
    c, r = column_and_row(c_or_cr)
    c, r, x = promoted(*(finite(v, check_finite) for v in (c, r, x)), least=np.float64)
    return toeplitz(c, r) @ x


@answers(scipy.linalg.solve_circulant)
def solve_circulant(c: Any, b: Any, tol: Any = None, caxis: Any = -1, baxis: Any = 0, outaxis: Any = 0) -> Any:
    c, b = array(c), array(b)
    c, b = (x.reshape(1) if x.ndim == 0 else x for x in (c, b))
    if c.shape[caxis] != b.shape[baxis]:
        raise ValueError(f"Shapes of c {c.shape} and b {b.shape} are incompatible")
    factors = np.fft.fft(np.moveaxis(c, caxis, -1), axis=-1)
    sizes = np.abs(plain(factors))
    if tol is None:
        tol = np.max(sizes, axis=-1, keepdims=True, initial=0) * c.shape[caxis] * np.finfo(np.float64).eps
    if holds(np.any(sizes <= tol)):
        raise LinAlgError("near singular circulant matrix.")
    x = np.fft.ifft(np.fft.fft(np.moveaxis(b, baxis, -1), axis=-1) / factors, axis=-1)
    if c.dtype.kind != "c" and b.dtype.kind != "c":
        x = np.real(x)
    return np.moveaxis(x, -1, outaxis)
