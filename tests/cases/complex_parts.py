"""Cases for wengert.functions.complex_parts."""

import numpy as np

from tests.cases import Case, away, complex_array, normal

Z = complex_array(2, 3)

CASES = [
    *(Case(np.conjugate, np.conjugate, (z,)) for z in (Z, np.asarray(complex_array()), complex_array(0), normal(3))),
    *(Case(np.real, np.real, (z,)) for z in (Z, np.asarray(complex_array()), complex_array(0), normal(3))),
    *(Case(np.imag, np.imag, (z,)) for z in (Z, np.asarray(complex_array()), complex_array(0))),
    Case(np.imag, lambda x: np.imag(x) + x, (normal(3),)),
    Case(np.real, lambda z: z.real * z.imag + (z * np.conj(z)).real, (Z,)),
    Case(np.angle, np.angle, (Z,), exact=False),
    Case(np.angle, lambda z: np.angle(z, deg=True), (np.asarray(complex_array()),), exact=False),
    Case(np.angle, lambda x: np.angle(x) + x, (away(3),), exact=False),
    Case(np.real_if_close, np.real_if_close, (Z,)),
    Case(np.real_if_close, lambda x: np.real_if_close(x + 0j) ** 2, (normal(3),)),
    Case(np.real_if_close, np.real_if_close, (normal(3),)),
]
