"""Elementwise derivatives: each ufunc beside its partial derivatives.

A partial derivative is a function whose parameter names say which values it reads: ``x`` is the input (``a`` and ``b``
where there are two), ``y`` the result. Numbers are constant derivatives.

At points without a derivative: `absolute`, `hypot` and `arctan2` have 0 at the origin; `maximum` and
its like, and `logaddexp` of two equal infinities, share the gradient evenly among equal inputs;
`clip` passes the gradient on at its bounds; steps (`floor`, `sign`) have 0 everywhere. `power` has no derivative with
respect to the exponent where the base is negative (NaN), as it is not real there.
"""

from typing import Any

import numpy as np

from wengert.checks.variables import to_array
from wengert.core.elementwise import derivative
from wengert.core.variable import Variable
from wengert.custom.registration import piecewise_constant, pullback, refused
from wengert.functions.strong_zero import strong_zero_multiply
from wengert.functions.tails import arcsinh_slope, tanh_slope
from wengert.singular.products import at_kink

LN2, LN10 = float(np.log(2.0)), float(np.log(10.0))


def is_zero(x: Any) -> Any:
    return x == 0


# Arithmetic. Factors that can be infinite go through `strong_zero_multiply`, not `*`, so that the second derivative,
# too, is finite where no gradient arrives.

Add = derivative(np.add, 1, 1)
Subtract = derivative(np.subtract, 1, -1)
Multiply = derivative(np.multiply, lambda b: b, lambda a: a)
Divide = derivative(np.divide, lambda b: 1 / b, lambda b, y: -y / b, poles=True)
Negative = derivative(np.negative, -1)
Positive = derivative(np.positive, 1)
Reciprocal = derivative(np.reciprocal, lambda x, y: -y / x, poles=True)
Square = derivative(np.square, lambda x: 2 * x)
Sqrt = derivative(np.sqrt, lambda y: 0.5 / y, poles=True)
Cbrt = derivative(np.cbrt, lambda y: 1 / (3 * y * y), poles=True)
# |x| of a complex x is not holomorphic: dL/dx + i dL/dy is x / |x|, here the conjugate that the engine takes is undone.
Absolute = derivative(np.absolute, lambda x: at_kink(np.sign, is_zero, [x]).conjugate())
Fabs = derivative(np.fabs, lambda x: at_kink(np.sign, is_zero, [x]))
FloorDivide = derivative(np.floor_divide, 0, 0)
Remainder = derivative(np.remainder, 1, lambda a, b: -np.floor_divide(a, b), poles=True)
Fmod = derivative(np.fmod, 1, lambda a, b, y: np.rint((y - a) / b), poles=True)


def power_wrt_base(a: Any, b: Any) -> Any:
    """b a^(b-1), and 0 where b is 0, also at a = 0."""
    if type(b) in (int, float):
        return b * a ** (b - 1) if b != 0 else np.zeros(a.shape, a.dtype)
    return strong_zero_multiply(b, np.power(a, b - 1))


def power_wrt_exponent(a: Any, b: Any, y: Any) -> Any:
    """y log(a), and its limit 0 at a = 0 where b is not negative."""
    return strong_zero_multiply(y, np.log(np.where((a == 0) & (np.real(b) >= 0), 1, a)))


Power = derivative(np.power, power_wrt_base, power_wrt_exponent, poles=True)
FloatPower = derivative(np.float_power, power_wrt_base, power_wrt_exponent, poles=True)

# Exponentials and logarithms

Exp = derivative(np.exp, lambda y: y, poles=True)
Exp2 = derivative(np.exp2, lambda y: LN2 * y, poles=True)
Expm1 = derivative(np.expm1, lambda x: np.exp(x), poles=True)
Log = derivative(np.log, lambda x: 1 / x, poles=True)
Log2 = derivative(np.log2, lambda x: 1 / (LN2 * x), poles=True)
Log10 = derivative(np.log10, lambda x: 1 / (LN10 * x), poles=True)
Log1p = derivative(np.log1p, lambda x: 1 / (1 + x), poles=True)


def difference(a: Any, b: Any) -> Any:
    """a - b, and 0 between equal infinities."""
    return np.where(np.isinf(a) & (a == b), 0, a - b)


Logaddexp = derivative(
    np.logaddexp,
    lambda a, b: 1 / (1 + np.exp(difference(b, a))),
    lambda a, b: 1 / (1 + np.exp(difference(a, b))),
    poles=True,
)
Logaddexp2 = derivative(
    np.logaddexp2,
    lambda a, b: 1 / (1 + np.exp2(difference(b, a))),
    lambda a, b: 1 / (1 + np.exp2(difference(a, b))),
    poles=True,
)

# Trigonometric and hyperbolic


def fraction(a: Any, b: Any) -> Any:
    """a / b, and 0 where b is 0."""
    return np.where(b == 0, 0, a / np.where(b == 0, 1, b))


Sin = derivative(np.sin, lambda x: np.cos(x))
Cos = derivative(np.cos, lambda x: -np.sin(x))
Tan = derivative(np.tan, lambda y: 1 + y * y)
Arcsin = derivative(np.arcsin, lambda x: 1 / np.sqrt((1 - x) * (1 + x)), poles=True)
Arccos = derivative(np.arccos, lambda x: -1 / np.sqrt((1 - x) * (1 + x)), poles=True)
Arctan = derivative(np.arctan, lambda x: 1 / (1 + x * x), poles=True)


def on_circle(a: Any, b: Any) -> Any:
    """b / (a^2 + b^2), and 0 at the origin."""
    r = np.hypot(a, b)
    return fraction(fraction(b, r), r)


def arctan2_wrt_first(a: Any, b: Any) -> Any:
    return at_kink(on_circle, lambda a, b: (a == 0) & (b == 0), [a, b])


Arctan2 = derivative(np.arctan2, arctan2_wrt_first, lambda a, b: -arctan2_wrt_first(b, a))
Hypot = derivative(
    np.hypot,
    lambda a, b, y: at_kink(lambda a, b, y: fraction(a, y), lambda a, b, y: y == 0, [a, b], y),
    lambda a, b, y: at_kink(lambda a, b, y: fraction(b, y), lambda a, b, y: y == 0, [a, b], y),
)
Sinh = derivative(np.sinh, lambda x: np.cosh(x), poles=True)
Cosh = derivative(np.cosh, lambda x: np.sinh(x), poles=True)
Tanh = derivative(np.tanh, tanh_slope)
Arcsinh = derivative(np.arcsinh, arcsinh_slope, poles=True)
Arccosh = derivative(np.arccosh, lambda x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), poles=True)
Arctanh = derivative(np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)), poles=True)
Deg2rad = derivative(np.deg2rad, np.pi / 180)
Radians = derivative(np.radians, np.pi / 180)
Rad2deg = derivative(np.rad2deg, 180 / np.pi)
Degrees = derivative(np.degrees, 180 / np.pi)

# Extremes. The factors 0, 1/2 and 1 are float16, so that they never widen the dtype of a gradient.


def share(first: Any, equal: Any) -> Any:
    """1 where `first`, 1/2 where `equal`, 0 elsewhere."""
    return np.where(equal, np.float16(0.5), to_array(first).astype(np.float16))


def shared(first: Any) -> Any:
    """Make the derivative of an extreme of two with respect to its first argument, by where that alone is taken.

    The second derivative at ties of two Variables is that of smooth compositions (``np.maximum(x, -x) ** 2``), or NaN;
    at ties with a constant it is that of the shares.
    """

    def parts(a: Any, b: Any) -> Any:
        return share(first(a, b), a == b)

    def slope(a: Any, b: Any) -> Any:
        if type(a) is np.ndarray or not (isinstance(a, Variable) and isinstance(b, Variable)):
            return parts(a, b)
        return at_kink(parts, np.equal, [a, b])

    return slope


def swapped(slope: Any) -> Any:
    """Make the derivative with respect to the second argument of a symmetric function."""
    return lambda a, b: slope(b, a)


above, below = shared(lambda a, b: a > b), shared(lambda a, b: a < b)
above_or_alone = shared(lambda a, b: (a > b) | np.isnan(b))
below_or_alone = shared(lambda a, b: (a < b) | np.isnan(b))
Maximum = derivative(np.maximum, above, swapped(above))
Minimum = derivative(np.minimum, below, swapped(below))
Fmax = derivative(np.fmax, above_or_alone, swapped(above_or_alone))
Fmin = derivative(np.fmin, below_or_alone, swapped(below_or_alone))


@pullback(np.clip, "a")
def clip(gy: Any, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = _bounds(a_min, a_max, min, max)
    return gy * ((a >= low) & (a <= high))


@pullback(np.clip, "min")
@pullback(np.clip, "a_min")
def clip_low(gy: Any, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = _bounds(a_min, a_max, min, max)
    return gy * ((a < low) & (low <= high))


@pullback(np.clip, "max")
@pullback(np.clip, "a_max")
def clip_high(gy: Any, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = _bounds(a_min, a_max, min, max)
    return gy * ((a > high) | (low > high))


def _bounds(a_min: Any, a_max: Any, min: Any, max: Any) -> tuple[Any, Any]:
    low = a_min if min is None else min
    high = a_max if max is None else max
    return -np.inf if low is None else low, np.inf if high is None else high


# Steps and signs

Floor = derivative(np.floor, 0)
Ceil = derivative(np.ceil, 0)
Trunc = derivative(np.trunc, 0)
Rint = derivative(np.rint, 0)
Heaviside = derivative(np.heaviside, 0, lambda a: np.zeros((), np.float16) + (a == 0))
Copysign = derivative(
    np.copysign,
    lambda a, y: at_kink(lambda a, y: np.where(a == 0, 0, np.sign(a) * np.sign(y)), lambda a, y: a == 0, [a], y),
    0,
)


@pullback(np.sign, "x")
def sign(gy: Any, x: Any, *, y: Any) -> Any:
    """0 for a real x; a complex sign x / |x| rotates with x."""
    if x.dtype.kind != "c":
        return np.zeros(gy.shape, gy.dtype)
    size = np.abs(x)
    turned = gy - np.real(gy * np.conjugate(y)) * y
    return np.where(size == 0, 0, turned / np.where(size == 0, 1, size))


def constant(gy: Any, a: Any, decimals: Any = 0) -> Any:
    return np.zeros(a.shape, gy.dtype)


for function in (np.round, np.around):
    pullback(function, "a", reads="")(constant)


@pullback(np.fix, "x", reads="")
def fix(gy: Any, x: Any) -> Any:
    return np.zeros(x.shape, gy.dtype)


# Mantissas, exponents and remainders


@pullback(np.divmod, "x1", reads="")
def divmod_wrt_dividend(gy: Any, x1: Any, x2: Any) -> Any:
    return gy[1]


@pullback(np.divmod, "x2")
def divmod_wrt_divisor(gy: Any, x1: Any, x2: Any) -> Any:
    return strong_zero_multiply(gy[1], 0.0 - np.floor_divide(x1, x2))


@pullback(np.modf, "x", reads="")
def modf(gy: Any, x: Any) -> Any:
    return gy[0]


@pullback(np.frexp, "x", reads="")
def frexp(gy: Any, x: Any, *, y: Any) -> Any:
    return np.ldexp(gy[0], -y[1])


@pullback(np.ldexp, "x1", reads="x2")
def ldexp(gy: Any, x1: Any, x2: Any) -> Any:
    return np.ldexp(gy, x2)


piecewise_constant(
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.logical_and, np.logical_or, np.logical_xor, np.logical_not),
    *(np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_count, np.invert),
    *(np.left_shift, np.right_shift, np.gcd, np.lcm, np.signbit),
    *(np.isfinite, np.isinf, np.isnan, np.isnat, np.isneginf, np.isposinf),
    *(np.isclose, np.allclose, np.array_equal, np.array_equiv),
    *(np.iscomplex, np.isreal, np.iscomplexobj, np.isrealobj),
    np.spacing,
)
refused(np.nextafter, instead="x + (np.nextafter(x.data, y) - x.data)")
