"""exp, tanh and the logistic function, inlined: vectorized, without calls and branches, for all arguments.

The functions of vector math libraries fall back to slow scalar code where a lane is infinite or very small, as in a
masked softmax; and a call spills the registers. The argument is reduced to a power of two and a remainder of at most
ln(2) / 2 by fused multiply-adds; on processors without these, the library is called.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.machine import has_fused_multiply_add
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_math import call

__all__ = ["exponential", "hyperbolic_tangent", "logistic", "sigmoid"]

# exp(r) = 1 + r + r * r * (a polynomial in r, highest power first): for float32 that of the Cephes library,
# for float64 the Taylor polynomial, whose next term is below a quarter ulp.
POLYNOMIAL: dict[int, tuple[float, ...]] = {
    4: (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1),
    8: tuple(1 / math.factorial(n) for n in range(13, 1, -1)),
}
# RANGE: exp is 0 below the first number, and infinite above the second. ROUNDING: the number whose addition rounds to
# an integer, which is then in the low bits; the bias of the exponent; the bits of the mantissa. LN2: in two parts, of
# which the first has few bits.
RANGE: dict[int, tuple[float, float]] = {4: (-103.98, 89.0), 8: (-745.14, 710.0)}
ROUNDING: dict[int, tuple[float, int, int]] = {4: (1.5 * 2.0**23, 127, 23), 8: (1.5 * 2.0**52, 1023, 52)}
LN2: dict[int, tuple[float, float]] = {
    4: (0.693359375, -2.12194440e-4),
    8: (float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33")),
}


def fma(code: IRBuilder, dtype: Any, a: str, b: str, c: str) -> str:
    return code.intrinsic("fma", dtype, a, b, c)


def power_of_two(code: IRBuilder, dtype: Any, rounded: str) -> str:
    """2 to the power of the integer in the low bits of a number that was rounded by `ROUNDING`."""
    _, offset, bits = ROUNDING[dtype.itemsize]
    integer = np.dtype(f"i{dtype.itemsize}")
    found = code.emit_value(f"bitcast {code.type(dtype)} {rounded} to {code.type(integer)}")
    found = code.op("add", integer, found, code.number(offset, integer))
    found = code.op("shl", integer, found, code.number(bits, integer))
    return code.emit_value(f"bitcast {code.type(integer)} {found} to {code.type(dtype)}")


def parts(code: IRBuilder, dtype: Any, x: str) -> tuple[str, str, str]:
    """n, n in the low bits of a float, and exp(r) - 1, such that exp(x) = 2 ** n * exp(r)."""
    number, magic = code.number, ROUNDING[dtype.itemsize][0]
    rounded = fma(code, dtype, x, number(1 / math.log(2), dtype), number(magic, dtype))
    integer = code.op("fsub", dtype, rounded, number(magic, dtype))
    remainder = x
    for part in LN2[dtype.itemsize]:
        remainder = fma(code, dtype, integer, number(-part, dtype), remainder)
    first, *others = POLYNOMIAL[dtype.itemsize]
    series = number(first, dtype)
    for c in others:
        series = fma(code, dtype, series, remainder, number(c, dtype))
    return integer, rounded, fma(code, dtype, series, code.op("fmul", dtype, remainder, remainder), remainder)


def clamped(code: IRBuilder, dtype: Any, x: str, bound: float) -> str:
    """x between -bound and bound; NaN stays."""
    for condition, limit in (("ogt", bound), ("olt", -bound)):
        exceeds = code.compare(condition, dtype, x, code.number(limit, dtype))
        x = code.choose(exceeds, dtype, code.number(limit, dtype), x)
    return x


def exponential(code: IRBuilder, dtype: Any, x: str) -> str:
    """exp(x)."""
    if not has_fused_multiply_add():
        return call(code, "exp", dtype, x)
    number, magic = code.number, ROUNDING[dtype.itemsize][0]
    low, high = RANGE[dtype.itemsize]
    # Results that are 0 are computed as exp(0) and replaced: subnormal numbers would cost many cycles.
    underflows = code.compare("olt", dtype, x, number(low, dtype))
    x = code.choose(underflows, dtype, number(0, dtype), x)
    x = code.choose(code.compare("ogt", dtype, x, number(high, dtype)), dtype, number(high, dtype), x)
    integer, _, part = parts(code, dtype, x)
    # In two steps, so that neither power overflows where the result does not.
    half = fma(code, dtype, integer, number(0.5, dtype), number(magic, dtype))
    remainder = code.op("fsub", dtype, integer, code.op("fsub", dtype, half, number(magic, dtype)))
    first = power_of_two(code, dtype, half)
    second = power_of_two(code, dtype, code.op("fadd", dtype, remainder, number(magic, dtype)))
    found = fma(code, dtype, first, part, first)
    return code.choose(underflows, dtype, number(0, dtype), code.op("fmul", dtype, found, second))


def hyperbolic_tangent(code: IRBuilder, dtype: Any, x: str) -> str:
    """tanh(x), as (exp(2x) - 1) / (exp(2x) + 1)."""
    if not has_fused_multiply_add():
        return call(code, "tanh", dtype, x)
    number = code.number
    bound = 20.0 if dtype.itemsize == 4 else 40.0  # of 2x: for larger ones the result is 1
    _, rounded, part = parts(code, dtype, clamped(code, dtype, code.op("fadd", dtype, x, x), bound))
    power = power_of_two(code, dtype, rounded)
    less = code.op("fsub", dtype, power, number(1, dtype))  # 0 where x is small, so that nothing cancels
    less = fma(code, dtype, power, part, less)
    found = code.op("fdiv", dtype, less, code.op("fadd", dtype, less, number(2, dtype)))
    return code.intrinsic("copysign", dtype, found, x)  # -0.0 is kept


def sigmoid(code: IRBuilder, dtype: Any, x: str) -> str:
    """The logistic function of gates: 0 is approached, but not reached, which takes fewer steps."""
    if not has_fused_multiply_add():
        return logistic(code, dtype, x)
    bound = 87.0 if dtype.itemsize == 4 else 708.0
    one = code.number(1, dtype)
    _, rounded, part = parts(code, dtype, clamped(code, dtype, code.op("fneg", dtype, x), bound))
    power = power_of_two(code, dtype, rounded)
    return code.op("fdiv", dtype, one, fma(code, dtype, power, part, code.op("fadd", dtype, power, one)))


def logistic(code: IRBuilder, dtype: Any, x: str) -> str:
    """1 / (1 + exp(-x))."""
    one = code.number(1, dtype)
    grown = exponential(code, dtype, code.op("fneg", dtype, x))
    return code.op("fdiv", dtype, one, code.op("fadd", dtype, one, grown))
