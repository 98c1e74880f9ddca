"""Cases for wengert.functions.norms."""

from typing import Any

import numpy as np

from tests.cases import Case, available, away, complex_array, normal
from tests.cases.linalg import complex_square, square
from wengert.functions.norms import kinked

VECTOR_ORDERS = (None, 2, 1, np.inf, -np.inf, 0, 3, 2.5, 0.5, -1, -2)
MATRIX_ORDERS = (None, "fro", "f", "nuc", np.inf, -np.inf, 1, -1, 2, -2)


def case(function: Any, *args: Any, **kwargs: Any) -> Case:
    return Case(function, lambda x: function(x, **kwargs), args, exact=False)


CASES = [
    Case(kinked, lambda x: kinked(2 * x, np.ones((2, 2)), np.array([False, False])), (normal(2),)),
    *(case(np.linalg.norm, away(5), ord=p) for p in VECTOR_ORDERS),
    *(case(np.linalg.norm, complex_array(3), ord=p) for p in VECTOR_ORDERS),
    *(case(np.linalg.norm, away(3, 4), ord=p, axis=0) for p in VECTOR_ORDERS),
    *(case(np.linalg.norm, away(3, 4), ord=p, axis=-1, keepdims=True) for p in VECTOR_ORDERS),
    *(case(np.linalg.norm, square(3, 3), ord=p) for p in MATRIX_ORDERS),
    *(case(np.linalg.norm, complex_square(2, 3, 3), ord=p, axis=(0, 2)) for p in MATRIX_ORDERS),
    *(case(np.linalg.norm, normal(3, 2, 4), ord=p, axis=(-1, 0), keepdims=True) for p in MATRIX_ORDERS),
    *(case(np.linalg.norm, normal(3, 2), ord=p, keepdims=True) for p in MATRIX_ORDERS),
    *(case(np.linalg.norm, np.zeros((2, 0)), ord=p, axis=1) for p in (None, 1, 2, np.inf)),
    *(case(np.linalg.norm, np.zeros((2, 0)), ord=p) for p in (None, "fro", 1, np.inf)),
    case(np.linalg.norm, normal(2, 3, 2)),
    case(np.linalg.norm, normal(2, 3, 2), keepdims=True),
    case(np.linalg.norm, normal()),
    case(np.linalg.norm, normal(2, 3), axis=(1,)),
    *(case(np.linalg.vector_norm, away(2, 3, 2), ord=p, axis=(0, -1)) for p in VECTOR_ORDERS[1:]),
    *(case(np.linalg.vector_norm, complex_array(2, 3), ord=p, keepdims=True) for p in VECTOR_ORDERS[1:]),
    case(np.linalg.vector_norm, normal(2, 3), axis=1),
    case(np.linalg.vector_norm, np.array([0.0, 1.0, -2.0]), ord=3)._replace(order=1),
    *(case(np.linalg.matrix_norm, normal(2, 3, 2), ord=p) for p in MATRIX_ORDERS[1:]),
    case(np.linalg.matrix_norm, normal(2, 3, 2), keepdims=True),
    *(case(np.linalg.cond, square(2, 3, 3), p=p) for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc")),
    case(np.linalg.cond, complex_square(3, 3)),
    case(np.linalg.cond, normal(3, 2)),
]

CASES = available(CASES)
