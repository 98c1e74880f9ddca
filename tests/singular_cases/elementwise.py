"""Poles, kinks and jumps of functions of numbers."""

from typing import Any

import numpy as np

from tests.cases import fix
from tests.singular_cases import NOT_FINITE, Case, alone, at_number, whole

EYE, SWAP = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
PAIR = "equal inputs"
OPPOSITE = {np.maximum: np.minimum, np.minimum: np.maximum, np.fmin: np.fmax, np.fmax: np.fmin}


def inverse(name: str, where: str, outer: Any, x: float, **options: Any) -> list[Case]:
    """A function by itself at a pole, and inside the function that gives its argument back."""
    return [
        *alone(name, where, x, NOT_FINITE, NOT_FINITE),
        *at_number(name, where, lambda f, x: outer(f(x)), x, 1, 0, **options),
        *at_number(name, where, lambda f, x: 3 * np.square(outer(f(x))), x, 6 * x, 6, **options),
    ]


def pair(name: str, where: str, call: Any, x: Any, first: Any, second: Any, **options: Any) -> Case:
    return whole(name, where, lambda x: call(x[..., 0], x[..., 1]), x, first, second, **options)


CASES = [
    # poles
    *inverse("np.reciprocal", "0", lambda y: 1 / y, 0.0, complex=True),
    *at_number("np.divide", "divisor 0", lambda f, x: f(1, x), 0.0, NOT_FINITE, NOT_FINITE),
    *at_number("np.divide", "divisor 0", lambda f, x: f(2, f(2, x)), 0.0, 1, 0, complex=True),
    *at_number("np.divide", "divisor 0", lambda f, x: f(x, 1 / x), 0.0, 0, 2),
    *inverse("np.sqrt", "0", np.square, 0.0),
    *at_number("np.sqrt", "0", lambda f, x: f(x) ** 4, 0.0, 0, 2),
    *at_number("np.sqrt", "0", lambda f, x: np.cos(f(x)), 0.0, -0.5, 1 / 12, half=False),
    *at_number("np.sqrt", "0", lambda f, x: np.where(x > 0, f(x), 0), 0.0, 0, 0),
    *at_number("np.sqrt", "0", lambda f, x: np.where(x < 0, 0, x * f(x)), 0.0, 0, NOT_FINITE),
    *inverse("np.cbrt special.cbrt", "0", lambda y: y**3, 0.0),
    *inverse("np.log", "0", np.exp, 0.0),
    *at_number("np.log", "0", lambda f, x: np.where(x > 0, f(x), 0), 0.0, 0, 0),
    *at_number("np.log", "0", lambda f, x: np.exp(np.sum(f(x))), 0.0, 1, 0),
    *inverse("np.log2", "0", np.exp2, 0.0),
    *inverse("np.log10", "0", lambda y: 10**y, 0.0),
    *inverse("np.log1p special.log1p", "-1", np.expm1, -1.0),
    *inverse("np.arcsin", "-1 and 1", np.sin, 1.0),
    *inverse("np.arcsin", "-1 and 1", np.sin, -1.0),
    *inverse("np.arccos", "-1 and 1", np.cos, 1.0),
    *at_number("np.arccos", "-1 and 1", lambda f, x: np.cos(f(x)), -1.0, 1, 0, half=False),
    *inverse("np.arctanh", "-1 and 1", np.tanh, 1.0),
    *inverse("np.arctanh", "-1 and 1", np.tanh, -1.0),
    *inverse("np.arccosh", "1", np.cosh, 1.0),
    *at_number("np.exp", "overflow", lambda f, x: np.log(f(x)), 20000.0, 1, 0),
    *at_number("np.exp2 special.exp2", "overflow", lambda f, x: np.log2(f(x)), 20000.0, 1, 0),
    *at_number("np.expm1 special.expm1", "overflow", lambda f, x: np.log1p(f(x)), 20000.0, 1, 0),
    *at_number("np.sinh", "overflow", lambda f, x: np.arcsinh(f(x)), 20000.0, 1, 0),
    *at_number("np.cosh", "overflow", lambda f, x: np.arccosh(f(x)), 20000.0, 1, 0),
    *at_number("special.exp10", "overflow", lambda f, x: np.log10(f(x)), 20000.0, 1, 0),
    *alone(
        "np.exp np.exp2 np.expm1 np.sinh np.cosh special.exp2 special.exp10", "overflow", 20000.0, *[NOT_FINITE] * 2
    ),
    *alone("np.exp np.exp2 np.expm1", "overflow", -20000.0, 0, 0),
    # powers
    *at_number(
        *("np.power np.float_power", "base 0, with respect to the base"),
        *(lambda f, x: f(x, 0.5), 0.0, NOT_FINITE, NOT_FINITE),
    ),
    *(
        case
        for call, first, second in (
            (lambda f, x: f(f(x, 0.5), 2.0), 1, 0),
            (lambda f, x: f(x, 2.0), 0, 2),
            (lambda f, x: f(x, 2), 0, 2),
            (lambda f, x: f(x, 1.0), 1, 0),
            (lambda f, x: f(x, 0.0), 0, 0),
            (lambda f, x: f(x, np.array([1.0, 2.0, 0.0])), 1, 2),
        )
        for case in at_number("np.power np.float_power", "base 0, with respect to the base", call, 0.0, first, second)
    ),
    *at_number(
        *("np.power np.float_power", "base 0, with respect to the exponent"),
        *(lambda f, x: f(np.zeros(2, x.dtype), x), 2.0, 0, 0),
    ),
    *at_number(
        *("np.power np.float_power", "base 0, with respect to the exponent"),
        *(lambda f, x: f(np.zeros(2, x.dtype), x), 0.0, 0, 0),
    ),
    *at_number(
        *("np.power np.float_power", "base negative, with respect to the exponent"),
        *(lambda f, x: f(np.full(1, -2.0, x.dtype), x), 2.0, NOT_FINITE, NOT_FINITE),
    ),
    *(
        pair(name, "equal infinities", f, [-np.inf, -np.inf], 0.5, None)
        for name, f in (("np.logaddexp", np.logaddexp), ("np.logaddexp2", np.logaddexp2))
    ),
    *at_number("np.logspace", "overflow", lambda f, x: f(0, x, 2), 20000.0, NOT_FINITE, NOT_FINITE, half=False),
    # removable singularities
    *alone("np.sinc", "0", 0.0, 0, -(np.pi**2) / 3, half=False),
    *alone("np.i0", "0", 0.0, 0, 0.5, half=False),
    *at_number("np.sinc", "0", lambda f, x: x * f(x), 0.0, 1, 0, half=hasattr(np, "unstack")),
    # kinks
    *alone("np.absolute np.fabs", "0", 0.0, 0, 0),
    *alone("np.absolute np.fabs", "0", -0.0, 0, 0),
    *at_number("np.absolute np.fabs", "0", lambda f, x: f(x) ** 2, 0.0, 0, 2),
    *at_number("np.absolute", "0", lambda f, x: f(x) ** 2, -0.0, 0, 2, complex=True),
    *at_number("np.absolute np.fabs", "0", lambda f, x: np.cos(f(x)), 0.0, 0, -1),
    *at_number("np.absolute np.fabs", "0", lambda f, x: np.sqrt(f(x)) ** 4, 0.0, 0, 2),
    *at_number("np.absolute np.fabs", "0", lambda f, x: f(x) ** 3, 0.0, 0, 0),
    *at_number("np.copysign", "0, with respect to x1", lambda f, x: f(x, 1), 0.0, 0, 0),
    *at_number("np.copysign", "0, with respect to x1", lambda f, x: f(x, -1) ** 2, 0.0, 0, 2),
    *at_number("np.copysign", "0, with respect to x2", lambda f, x: f(1, x), 0.0, 0, 0),
    pair("np.hypot", "0, 0", np.hypot, [0, 0], 0, NOT_FINITE),
    pair("np.hypot", "0, 0", lambda a, b: np.hypot(a, b) ** 2, [0, 0], 0, 2),
    pair("np.hypot", "0, 0", lambda a, b: np.hypot(a, b) ** 2, [-0.0, 0], 0, 2),
    pair("np.hypot", "0, 0", lambda a, b: np.cos(np.hypot(a, b)), [0, 0], 0, -1),
    pair("np.hypot", "0, 0", lambda a, b: np.hypot(a, b), [3, 0], [1, 0], [[0, 0], [0, 1 / 3]]),
    pair("np.arctan2", "0, 0", np.arctan2, [0, 0], 0, NOT_FINITE),
    pair("np.arctan2", "0, 0", np.arctan2, [0, 1], [1, 0], -SWAP),
    pair("np.angle", "0", lambda a, b: np.angle(a + 1j * b), [0, 0], 0, NOT_FINITE, half=False),
    *(pair(f"np.{f.__name__}", PAIR, f, [1, 1], 0.5, 0) for f in OPPOSITE),
    *(pair(f"np.{f.__name__}", PAIR, lambda a, b, f=f: f(a, b) ** 2, [0, 0], 0, None) for f in OPPOSITE),
    *(
        pair(f"np.{f.__name__}", PAIR, lambda a, b, f=f, g=g: f(a, b) + g(a, b), [2, 2], 1, 0)
        for f, g in OPPOSITE.items()
    ),
    *(
        pair(f"np.{f.__name__}", PAIR, lambda a, b, f=f, g=g: f(a, b) * g(a, b), [2, 2], 2, SWAP)
        for f, g in OPPOSITE.items()
    ),
    *at_number("np.maximum np.fmax", PAIR, lambda f, x: f(np.square(x), 0), 0.0, 0, None),
    *at_number("np.clip", "a bound", lambda f, x: f(np.square(x), 0, 1), 0.0, 0, 2),
    *at_number("np.clip", "a bound", lambda f, x: f(x, 0, 1), 0.0, 1, 0),
    *at_number("np.clip", "a bound", lambda f, x: f(x, 0, 1), 1.0, 1, 0),
    *at_number("np.clip", "a bound", lambda f, x: f(np.ones(1, x.dtype), x, 2), 1.0, 0, 0),
    # jumps
    *alone("np.floor np.ceil np.trunc np.rint np.round np.around special.round", "integers", 2.0, 0, 0),
    *at_number("np.floor np.rint", "integers", lambda f, x: x * f(x), 2.0, 2, 0),
    whole("np.fix", "integers", fix, [1.0, -0.0], 0, 0),
    *alone("np.sign", "0", 0.0, 0, 0, complex=True),
    *alone("np.sign", "0", -0.0, 0, 0),
    *at_number("np.heaviside", "0", lambda f, x: f(x, 0.5), 0.0, 0, 0),
    *at_number("np.floor_divide", "multiples of the divisor", lambda f, x: f(x, 1), 2.0, 0, 0),
    *at_number("np.remainder np.fmod", "multiples of the divisor", lambda f, x: f(x, 1), 2.0, 1, 0),
    *at_number("np.divmod", "multiples of the divisor", lambda f, x: f(x, 1)[1], 2.0, 1, 0),
    *at_number("np.remainder np.fmod", "divisor 0", lambda f, x: f(1, x), 0.0, NOT_FINITE, None),
    *at_number("np.divmod", "divisor 0", lambda f, x: f(1, x)[1], 0.0, NOT_FINITE, None),
    *at_number("np.modf", "integers", lambda f, x: f(x)[0], 2.0, 1, 0),
    *at_number("np.frexp", "powers of 2", lambda f, x: f(x)[0], 2.0, 0.25, 0),
    *at_number("np.nan_to_num", "infinities and NaN, which are replaced", lambda f, x: f(x), np.inf, 0, 0),
    *at_number("np.nan_to_num", "infinities and NaN, which are replaced", lambda f, x: f(x), np.nan, 0, 0),
    whole("np.unwrap", "a difference of half a period", np.unwrap, [0.0, np.pi], 1, 0),
    whole(
        *("np.real_if_close", "a number whose imaginary part is small"),
        *(lambda x: np.real_if_close(x + 0j), [1.0, 0.0], 1, 0),
        half=False,
    ),
]
