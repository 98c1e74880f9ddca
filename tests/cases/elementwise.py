"""Cases for wengert.functions.elementwise."""

from typing import Any

import numpy as np

from tests.cases import Case, available, away, complex_array, fix, normal, positive
from wengert.functions.strong_zero import strong_zero_multiply


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
        Case(ufunc, lambda b: ufunc([3.0, 2.0, 1.5], b), (b,)),
        Case(ufunc, ufunc, (a[:0], b[:0])),
    ]


def inside(*shape: int) -> np.ndarray:
    """Numbers between -0.9 and 0.9."""
    return np.asarray(0.9 * np.tanh(normal(*shape)))


def shifted(*shape: int) -> np.ndarray:
    """Complex numbers in the right half-plane, off the branch cuts."""
    return np.asarray(complex_array(*shape, seed=3) * 0.3 + (1.5 + 0.8j))


EVERYWHERE = (np.negative, np.positive, np.square, np.exp, np.sin, np.cos, np.sinh, np.cosh, np.tanh, np.conjugate)
ENTIRE = (np.exp2, np.expm1, np.arcsinh, np.arctan, np.sign)
REAL = (np.deg2rad, np.rad2deg, np.radians, np.degrees)
AWAY = (np.absolute, np.fabs, np.cbrt, np.sign, np.floor, np.ceil, np.trunc, np.rint, np.reciprocal)
POSITIVE = (np.sqrt, np.log, np.log2, np.log10, np.log1p)
BRANCHED = (*POSITIVE, np.reciprocal, np.arcsin, np.arccos, np.arccosh, np.arctanh, np.arctan, np.arcsinh, np.tan)

SMOOTH = (np.add, np.subtract, np.multiply, np.arctan2, np.hypot, np.logaddexp, np.logaddexp2)
EXTREMES = (np.maximum, np.minimum, np.fmax, np.fmin)

LOW, HIGH = np.array([-0.5, -0.7, -0.6]), np.array([[0.6], [0.45]])

CASES = [
    *(case for ufunc in EVERYWHERE for case in unary(ufunc, normal(2, 3), normal(), normal(0), complex_array(3))),
    *(case for ufunc in ENTIRE for case in unary(ufunc, away(2, 3), away(), away(0))),
    *(case for ufunc in REAL for case in unary(ufunc, normal(2, 3), normal())),
    *(case for ufunc in AWAY for case in unary(ufunc, away(2, 3), away(), away(0))),
    *(Case(np.fix, fix, (x,)) for x in (away(2, 3), away(), away(0))),
    *(case for ufunc in POSITIVE for case in unary(ufunc, positive(2, 3), positive(), positive(0))),
    *(case for ufunc in BRANCHED for case in unary(ufunc, shifted(4), shifted())),
    *(case for ufunc in BRANCHED for case in unary(ufunc, -shifted(4))),
    *(case for ufunc in (np.absolute, np.sign) for case in unary(ufunc, shifted(4), shifted(0))),
    *(case for ufunc in (np.exp2, np.expm1) for case in unary(ufunc, shifted(4))),
    *(case for ufunc in (np.arcsin, np.arccos, np.arctanh, np.tan) for case in unary(ufunc, inside(2, 3), inside())),
    *unary(np.arccosh, 0.7 + positive(2, 3)),
    # two arguments
    *(case for ufunc in SMOOTH for case in binary(ufunc, normal(2, 3), normal(2, 3, seed=1))),
    *(case for ufunc in EXTREMES for case in binary(ufunc, away(2, 3), away(2, 3, seed=1) + 0.03)),
    *(
        case
        for ufunc in (np.add, np.subtract, np.multiply, np.divide)
        for case in binary(ufunc, shifted(2, 3), shifted(2, 3))
    ),
    *binary(np.divide, normal(2, 3), away(2, 3)),
    *binary(np.power, positive(2, 3), away(2, 3)),
    *binary(np.float_power, positive(2, 3), away(2, 3)),
    *binary(np.power, shifted(2, 3), shifted(2, 3)),
    *binary(np.power, positive(2, 3), shifted(2, 3)),
    Case(np.power, lambda a: a**3 + a**2 + a**-1 + a**0 + a**1 + 2.0**a, (away(2, 3),)),
    Case(np.power, lambda a: np.power(a, np.array([0, 1, 3])), (away(2, 3),)),
    Case(np.power, lambda a: np.power(a, np.array([0, 1, 3])), (np.zeros((2, 3)),)),
    Case(np.power, np.power, (positive(4), np.array([0.0, 1.0, 2.0, 0.0]))),
    # steps, and remainders between them
    *binary(np.floor_divide, 5 * away(2, 3), 1 + positive(2, 3)),
    *binary(np.remainder, 5 * away(2, 3), 1 + positive(2, 3)),
    *binary(np.remainder, 5 * away(2, 3), -1 - positive(2, 3)),
    *binary(np.fmod, 5 * away(2, 3), 1 + positive(2, 3)),
    *binary(np.fmod, 5 * away(2, 3), -1 - positive(2, 3)),
    Case(np.divmod, np.divmod, (5 * away(2, 3), 1 + positive(3))),
    Case(np.divmod, lambda a, b: np.divmod(a, b)[1], (5 * away(2, 3), -1 - positive(3))),
    Case(np.divmod, lambda a: np.divmod(a, 0.75)[1] * np.divmod(5, a)[1], (away(2, 3),)),
    *binary(np.heaviside, away(2, 3), normal(2, 3)),
    Case(np.heaviside, lambda b: np.heaviside(np.array([-1.0, 0.0, 2.0]), b) ** 2, (normal(2, 3),)),
    *binary(np.copysign, away(2, 3), away(2, 3, seed=1)),
    Case(np.round, lambda a: np.round(a, 1) * a, (away(2, 3) + 0.013,)),
    Case(np.round, np.round, (away(),)),
    Case(np.around, np.around, (away(2, 3),)),
    Case(np.modf, np.modf, (3 * away(2, 3),)),
    Case(np.modf, lambda x: np.modf(x)[0] * np.modf(x)[1], (3 * away(2, 3),)),
    Case(np.frexp, lambda x: np.frexp(x)[0] ** 2, (3 * away(2, 3),)),
    Case(np.ldexp, lambda x: np.ldexp(x, np.array([1, -2, 3])) ** 2, (normal(2, 3),)),
    Case(np.ldexp, np.ldexp, (normal(), 3)),
    # bounds
    Case(np.clip, lambda a: np.clip(a, -0.5, 0.6), (away(2, 3),)),
    Case(np.clip, lambda a: np.clip(a, None, 0.5), (away(2, 3),)),
    Case(np.clip, lambda a: np.clip(a, a_min=-0.5, a_max=None), (away(2, 3),)),
    Case(np.clip, lambda a: np.clip(a, min=-0.5), (away(2, 3),)),
    Case(np.clip, lambda a: np.clip(a, max=0.5), (away(),)),
    Case(np.clip, np.clip, (away(2, 3), LOW, HIGH)),
    Case(np.clip, lambda a, low, high: np.clip(a, min=low, max=high) ** 2, (away(2, 3), LOW, HIGH)),
    Case(np.clip, lambda low, high: np.clip(np.linspace(-1.0, 1.1, 6).reshape(2, 3), low, high) ** 2, (LOW, HIGH)),
    Case(np.clip, np.clip, (away(2, 3), HIGH, LOW)),  # where the bounds are crossed, the upper one wins
    Case(np.clip, np.clip, (away(0), LOW[:0], LOW[:0])),
    # the product that the derivatives themselves are multiplied by
    *(
        Case(strong_zero_multiply, strong_zero_multiply, args)
        for args in ((normal(2, 3), away(2, 3)), (normal(3), complex_array(2, 3)), (normal(), normal(2)))
    ),
]

CASES = available(CASES)
