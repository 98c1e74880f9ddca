"""Cases for wengert.functions.special and wengert.functions.series."""

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive
from wengert.functions.special import modified_bessel

NEAR = np.array([0.0, 1e-9, -1e-5, 0.01, 0.499, -0.501, 3.3])
ANGLES = np.cumsum(np.abs(normal(3, 6)) * 2, axis=1)

HOLES = np.array([0.0, np.nan, np.inf, -np.inf])

CASES = [
    Case(np.sinc, np.sinc, (normal(2, 3),)),
    Case(np.sinc, np.sinc, (NEAR,), order=4, single=False),
    Case(np.sinc, np.sinc, (normal(),)),
    Case(np.sinc, np.sinc, (normal(0),)),
    Case(np.sinc, np.sinc, (complex_array(2, 3),)),
    Case(np.i0, np.i0, (normal(2, 3),)),
    Case(np.i0, np.i0, (np.array([0.0, 1e-9, -4.0, 12.0]),), order=3, single=False),
    Case(np.i0, np.i0, (normal(0),)),
    Case(modified_bessel, lambda x: modified_bessel(x, 0), (normal(2, 3),), order=3),
    Case(modified_bessel, lambda x: modified_bessel(x, 2), (normal(2, 3),)),
    Case(np.unwrap, np.unwrap, (ANGLES,)),
    Case(np.unwrap, lambda p: np.unwrap(p, axis=0, discont=4.0) ** 2, (ANGLES,)),
    Case(np.unwrap, lambda p: np.unwrap(p, period=3.0), (ANGLES[0],)),
    Case(np.unwrap, lambda p, period: np.unwrap(p, period=period) ** 2, (ANGLES, np.array(3.0))),
    Case(np.unwrap, lambda p, period: np.unwrap(p, period=period), (np.zeros(0), np.array(3.0))),
    Case(np.nan_to_num, np.nan_to_num, (away(2, 3),)),
    *(
        Case(np.nan_to_num, lambda x, a, b, c: np.nan_to_num(x + HOLES, nan=a, posinf=b, neginf=c) ** 2, args)
        for args in (
            (away(4), positive(), positive(4), away()),
            (complex_array(2, 4), positive(), np.array(3.0), positive(4)),
            (away(0, 4), positive(), positive(), positive()),
        )
    ),
    Case(np.nan_to_num, np.nan_to_num, (complex_array(2, 3),)),
    Case(np.nan_to_num, np.nan_to_num, (np.asarray(complex_array()),)),
    Case(np.nan_to_num, lambda x: np.nan_to_num(x / np.array([1.0, 2.0, np.nan]), nan=7.0) ** 2, (away(2, 3),)),
    Case(
        np.nan_to_num,
        lambda x: np.nan_to_num(x + np.array([np.inf, -np.inf, complex(np.nan, 1)]), posinf=3.0, neginf=-2.0) ** 2,
        (complex_array(2, 3),),
    ),
]
