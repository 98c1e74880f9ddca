"""scipy.sparse for Variables: products of its matrices, and matrices with Variables as stored values."""

import scipy.sparse

from wengert.scipy.answers import open_names
from wengert.scipy.sparse import linalg
from wengert.scipy.sparse.constructors import (
    coo_array,
    coo_matrix,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    diags_array,
)
from wengert.scipy.sparse.stored import StoredValues, matmul

__all__ = [
    "StoredValues",
    "coo_array",
    "coo_matrix",
    "csc_array",
    "csc_matrix",
    "csr_array",
    "csr_matrix",
    "diags_array",
    "linalg",
    "matmul",
]

__getattr__, __dir__ = open_names(__name__, scipy.sparse, globals())
