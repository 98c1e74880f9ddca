"""The nonlinearities of gates in LLVM IR, inlined: sigmoid and tanh, from an exponential of their own.

A call of a vector math library would cost more, and spill the registers. Both keep their relative accuracy
everywhere, also near 0, and propagate NaN.
"""

from __future__ import annotations

import math
from typing import Any

from wengert.compiler.targets.llvm.exponential import ROUNDING, power_of_two
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_registers import multiply_add

__all__ = ["relu", "sigmoid", "tanh"]

# By itemsize: the number of terms of the series of exp; and ln 2 in two parts, of which the first has few bits.
FORMS: dict[int, tuple[int, float, float]] = {
    4: (7, 0.693359375, math.log(2) - 0.693359375),
    8: (13, float.fromhex("0x1.62e42feep-1"), 1.9082149292705877e-10),
}


def clamp(code: IRBuilder, dtype: Any, x: str, low: float, high: float) -> str:
    """Clamp x between two numbers; NaN stays."""
    for condition, bound in (("ogt", high), ("olt", low)):
        limit = code.number(bound, dtype)
        x = code.choose(code.compare(condition, dtype, x, limit), dtype, limit, x)
    return x


def exponential(code: IRBuilder, dtype: Any, x: str) -> tuple[str, str]:
    """s and p with exp(x) = s + s p, where s is a power of two, and p is accurate even where it is small."""
    terms, high, low = FORMS[dtype.itemsize]
    number, magic = code.number, ROUNDING[dtype.itemsize][0]
    # Adding `magic` rounds to an integer, which is then in the low bits of the sum.
    shifted = multiply_add(code, dtype, x, number(1 / math.log(2), dtype), number(magic, dtype))
    integer_part = code.op("fsub", dtype, shifted, number(magic, dtype))
    fraction = multiply_add(code, dtype, integer_part, number(-high, dtype), x)
    fraction = multiply_add(code, dtype, integer_part, number(-low, dtype), fraction)
    series = number(1 / math.factorial(terms), dtype)
    for n in range(terms - 1, 1, -1):
        series = multiply_add(code, dtype, series, fraction, number(1 / math.factorial(n), dtype))
    square = code.op("fmul", dtype, fraction, fraction)
    part = multiply_add(code, dtype, series, square, fraction)
    return power_of_two(code, dtype, shifted), part


def sigmoid(code: IRBuilder, dtype: Any, x: str) -> str:
    """1 / (1 + exp(-x))."""
    bound = 87.0 if dtype.itemsize == 4 else 708.0
    x = clamp(code, dtype, code.op("fneg", dtype, x), -bound, bound)
    scale, part = exponential(code, dtype, x)
    one = code.number(1, dtype)
    grown = multiply_add(code, dtype, scale, part, code.op("fadd", dtype, scale, one))
    return code.op("fdiv", dtype, one, grown)


def tanh(code: IRBuilder, dtype: Any, x: str) -> str:
    """(exp(2x) - 1) / (exp(2x) + 1)."""
    bound = 20.0 if dtype.itemsize == 4 else 40.0
    x = clamp(code, dtype, code.op("fadd", dtype, x, x), -bound, bound)
    scale, part = exponential(code, dtype, x)
    less = code.op("fsub", dtype, scale, code.number(1, dtype))  # exact, and 0 where x is small
    less = multiply_add(code, dtype, scale, part, less)
    return code.op("fdiv", dtype, less, code.op("fadd", dtype, less, code.number(2, dtype)))


def relu(code: IRBuilder, dtype: Any, x: str) -> str:
    """max(x, 0); NaN stays."""
    zero = code.number(0, dtype)
    return code.choose(code.compare("olt", dtype, x, zero), dtype, zero, x)
