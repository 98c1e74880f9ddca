"""Cases for wengert.functions.diagonals."""

import numpy as np

from tests.cases import Case, complex_array, normal

OFFSETS = (0, 1, -1, 2, -4, 5)

CASES = [
    *(Case(np.diagonal, lambda x, k=k: np.diagonal(x, k), (normal(3, 4),)) for k in OFFSETS),
    Case(np.diagonal, lambda x: np.diagonal(x, 1, -1, 0), (normal(2, 4, 3),)),
    Case(np.diagonal, lambda x: np.diagonal(x, -1, axis1=1, axis2=2), (complex_array(2, 4, 3),)),
    Case(np.diagonal, np.diagonal, (normal(0, 3),)),
    *(Case(np.trace, lambda x, k=k: np.trace(x, k), (normal(3, 4),)) for k in OFFSETS),
    Case(np.trace, lambda x: np.trace(x, 1, -1, 0), (normal(2, 4, 3),)),
    Case(np.trace, lambda x: np.trace(x, dtype=np.complex128), (normal(2, 2),)),
    Case(np.trace, lambda x: x.trace(-1, 0, 2), (complex_array(3, 2, 2),)),
    *(Case(np.diag, lambda x, k=k: np.diag(x, k), (normal(3, 4),)) for k in OFFSETS),
    *(Case(np.diag, lambda x, k=k: np.diag(x, k), (complex_array(3),)) for k in OFFSETS),
    Case(np.diag, np.diag, (normal(0),)),
    Case(np.diagflat, lambda x: np.diagflat(x, -1), (normal(2, 2),)),
    Case(np.diagflat, np.diagflat, (normal(),)),
    *(Case(f, lambda x, f=f, k=k: f(x, k), (normal(2, 3, 4),)) for f in (np.tril, np.triu) for k in OFFSETS),
    *(Case(f, f, (x,)) for f in (np.tril, np.triu) for x in (normal(3), complex_array(2, 2), normal(0, 3))),
]
