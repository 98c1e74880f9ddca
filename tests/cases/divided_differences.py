"""Cases for wengert.functions.divided_differences."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal
from wengert.functions import matrix_function
from wengert.functions.divided_differences import frechet_derivative


def case(call: Any, *args: Any, **settings: Any) -> Case:
    return Case(frechet_derivative, call, args, exact=False, **settings)


CASES = [
    *(
        case(lambda a, f=f: matrix_function(f, a), a)
        for f in (np.exp, np.sin)
        for a in (normal(3, 3), complex_array(2, 2, 2), np.eye(3), np.zeros((1, 1)), np.zeros((0, 0)))
    ),
    case(lambda a: matrix_function(np.log, a), np.diag([1.0, 1.0, 2.0]), order=3, rtol=1e-4, single=False),
    case(lambda a: matrix_function(np.sqrt, a), np.eye(2), order=3, rtol=1e-4, single=False),
    case(lambda a: matrix_function(lambda w: 2 + 0 * w, a), np.eye(2)),
    case(lambda a, e: frechet_derivative(np.exp, a, (e,)), complex_array(2, 2), complex_array(2, 2, seed=1)),
    case(lambda a, e: frechet_derivative(np.exp, a, (e, a)), normal(2, 2), normal(2, 2, seed=1), single=False),
]
