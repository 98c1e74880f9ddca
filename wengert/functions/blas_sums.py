"""Sums of matrices as products with a vector of ones: BLAS is several times as fast as np.sum."""

from typing import Any

import numpy as np

from wengert.arrays.values import widened

__all__ = ["column_sums", "row_sums"]

LENGTH = 4096  # above it BLAS, which adds sequentially, loses digits that np.sum, which adds pairwise, keeps


def row_sums(x: Any, factor: Any = None) -> Any:
    """Sum an ndarray, or its products with the vector `factor`, over the last axis."""
    if factor is None:
        if x.shape[-1] > LENGTH or not fit_for_blas(x):
            return widened(x).sum(-1)
        factor = np.ones(x.shape[-1], x.dtype)
    # One product per row, not one of the matrix, which BLAS would split among threads: waiting for them takes longer
    # than the sum, and much longer on a busy machine.
    return np.vecdot(factor, x)


def column_sums(rows: Any) -> Any:
    """Sum a 2-d ndarray over the first axis."""
    return np.ones(len(rows), rows.dtype) @ rows if fit_for_blas(rows) else widened(rows).sum(0)


def fit_for_blas(x: Any) -> bool:
    """Whether BLAS supports the dtype."""
    return x.dtype.kind in "fc" and 4 <= x.real.dtype.itemsize <= 8
