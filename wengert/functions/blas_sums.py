"""Sums of matrices as products with ones: BLAS is several times as fast at them as np.sum."""

from typing import Any

import numpy as np

__all__ = ["column_sums", "row_sums"]

LENGTH = 4096  # above it BLAS, which adds straight on, loses digits that np.sum keeps


def row_sums(x: Any, factor: Any = None) -> Any:
    """Sum an ndarray over the last axis; the products with the vector `factor`, where it is given."""
    if factor is None:
        if x.shape[-1] > LENGTH or not fit_for_blas(x):
            return x.sum(-1)
        factor = np.ones(x.shape[-1], x.dtype)
    # A product of each row, not of the matrix, which BLAS would share among threads: to wait for these takes
    # longer than such a sum, and much longer where other programs keep the processors busy.
    return np.vecdot(factor, x)


def column_sums(rows: Any) -> Any:
    """Sum an ndarray of two axes over the first."""
    return np.ones(len(rows), rows.dtype) @ rows if fit_for_blas(rows) else rows.sum(0)


def fit_for_blas(x: Any) -> bool:
    """Whether BLAS calculates with such numbers."""
    return x.dtype.kind in "fc" and 4 <= x.real.dtype.itemsize <= 8
