"""Cases for wengert.functions.convolution."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal

SIZES = ((1, 1), (4, 1), (1, 4), (5, 2), (2, 5), (5, 3), (3, 5), (6, 4), (4, 6), (4, 4))


def cases(function: Any, of: Any, and_of: Any) -> list[Case]:
    return [
        Case(function, lambda a, v, mode=mode: function(a, v, mode), (of(m), and_of(n, seed=1)))
        for mode in ("full", "same", "valid")
        for m, n in SIZES
    ]


KINDS = ((normal, normal), (complex_array, complex_array), (normal, complex_array), (complex_array, normal))

CASES = [
    *(case for function in (np.convolve, np.correlate) for kinds in KINDS for case in cases(function, *kinds)),
    Case(np.convolve, np.convolve, (normal(3), normal())),
    Case(np.convolve, np.convolve, (normal(), normal(3), "same")),
    Case(np.convolve, np.convolve, (normal(), complex_array(), "valid")),
    Case(np.convolve, lambda a: np.convolve(a, [1.0, 2.0]), (normal(4),)),
    Case(np.convolve, lambda v: np.convolve([1.0, 2.0, 4.0], v, mode="same"), (normal(2),)),
    Case(np.convolve, lambda v: np.convolve(3.0, v), (normal(2),)),
    Case(np.convolve, lambda a: np.convolve(a, a), (normal(3),)),
    Case(np.correlate, lambda a: np.correlate(a, [1.0, 2.0]), (normal(4),)),
    Case(np.correlate, lambda v: np.correlate([1.0, 2.0, 4.0, 1.0], v, mode="full"), (normal(2),)),
    Case(np.correlate, lambda a: np.correlate(a, a, mode="same"), (complex_array(3),)),
]
