"""Arguments of functions of matrices: as arrays, finite, and as SciPy reads them."""

from typing import Any

import numpy as np

from wengert.arrays.decisions import holds
from wengert.arrays.lists import stacked
from wengert.arrays.table import plain
from wengert.functions.contraction import array
from wengert.functions.hermitian import from_triangle

__all__ = ["LinAlgError", "finite", "promoted", "structured"]

LinAlgError = np.linalg.LinAlgError


def finite(a: Any, check_finite: Any = True) -> Any:
    """`a` as an array; raise SciPy's ValueError where it holds infinities or NaN, which `check_finite` asks for."""
    a = array(stacked(a))
    if check_finite and not holds(np.all(np.isfinite(plain(a)))):
        raise ValueError("array must not contain infs or NaNs")
    return a


def promoted(*arrays: Any, least: Any = np.bool_) -> list[Any]:
    """Arrays in their common dtype, floating, and not below `least`."""
    dtype = np.result_type(*(a.dtype for a in arrays), least)
    if dtype.kind in "biu":
        dtype = np.dtype(np.float64)
    return [a if a.dtype == dtype else a.astype(dtype) for a in arrays]


def structured(a: Any, assume_a: Any, lower: Any) -> Any:
    """The matrix that SciPy reads where it may assume a structure. (It finds one itself where nothing is said.)"""
    if assume_a in (None, "gen", "general", "banded"):
        return a
    if assume_a in ("sym", "symmetric"):
        part = np.tril(a, -1) if lower else np.triu(a, 1)
        return (np.tril(a) if lower else np.triu(a)) + np.swapaxes(part, -1, -2)
    if assume_a in ("her", "hermitian", "pos", "positive definite"):
        return from_triangle(a, "L" if lower else "U")
    if assume_a == "upper triangular":
        return np.triu(a)
    if assume_a == "lower triangular":
        return np.tril(a)
    if assume_a == "tridiagonal":
        return np.triu(np.tril(a, 1), -1)
    if assume_a == "diagonal":
        return np.triu(np.tril(a))
    raise ValueError(
        f"assume_a of a Variable must be 'general', 'symmetric', 'hermitian', 'positive definite', 'diagonal', "
        f"'tridiagonal', 'banded', 'upper triangular' or 'lower triangular', but got {assume_a!r}"
    )
