"""Operators between Variables and sparse matrices of SciPy. (What computes them is imported when one is met.)"""

from typing import Any

import numpy as np
import scipy.sparse

from wengert.arrays.lists import FOREIGN

__all__: list[str] = []


def product(args: Any) -> Any:
    """Answer ``a @ x`` and ``x @ a``."""
    if len(args) != 2 or not any(map(scipy.sparse.issparse, args)):
        return NotImplemented
    from wengert.scipy.sparse.stored import matmul

    return matmul(*args)


def product_of_matrices(args: Any) -> Any:
    """Answer ``a * x`` and ``x * a`` of a matrix (no array) of SciPy, whose `*` is the product."""
    is_product = any(map(scipy.sparse.isspmatrix, args)) and all(np.ndim(a) for a in args)
    return product(args) if is_product else NotImplemented


FOREIGN[np.matmul], FOREIGN[np.multiply] = product, product_of_matrices
