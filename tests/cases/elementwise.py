"""Cases for wengert.functions.elementwise."""

from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive


def unary(ufunc: Any, *points: Any, order: int = 2) -> list[Case]:
    return [Case(ufunc, ufunc, (x,), order=order) for x in points]


def binary(ufunc: Any, a: Any, b: Any) -> list[Case]:
    """The two arrays, and each way to broadcast them."""
    return [
        Case(ufunc, ufunc, (a, b)),
        Case(ufunc, ufunc, (a[0], b)),
        Case(ufunc, ufunc, (a[:, :1], b[:1])),
        Case(ufunc, ufunc, (a, b[0, 0])),
        Case(ufunc, lambda a, b: ufunc(a, 2.0) + ufunc(3.0, b), (a, b)),
        Case(ufunc, ufunc, (a[:0], b[:0])),
    ]


EVERYWHERE = (np.negative, np.positive, np.square, np.exp, np.sin, np.cos, np.sinh, np.cosh, np.tanh)

CASES = [
    *(case for ufunc in EVERYWHERE for case in unary(ufunc, normal(2, 3), normal(), normal(0), complex_array(3))),
    *(case for ufunc in (np.add, np.subtract, np.multiply) for case in binary(ufunc, normal(2, 3), normal(2, 3, seed=1))),
]
