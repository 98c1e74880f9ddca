"""Sine and cosine of float64, both at once where both are asked for: a reduction to a quarter turn, two polynomials.

The polynomials are the minimax ones of Sun's fdlibm for [-pi/4, pi/4]. The argument is reduced by pi/2 in three parts
with fused multiply-adds, which is exact enough below `LARGEST`; beyond it the scalar functions of the machine's
library are called.
"""

from __future__ import annotations

import functools
import platform
from typing import Any

import numpy as np

from wengert.compiler.code.llvm_code import Code

__all__ = ["has_own_sine", "sine_or_cosine"]

LARGEST = 1e5
QUARTER = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
SINE = (
    *(-1.66666666666666324348e-01, 8.33333333332248946124e-03, -1.98412698298579493134e-04),
    *(2.75573137070700676789e-06, -2.50507602534068634195e-08, 1.58969099521155010221e-10),
)
COSINE = (
    *(4.16666666666666019037e-02, -1.38888888888741095749e-03, 2.48015872894767294178e-05),
    *(-2.75573143513906633035e-07, 2.08757232129817482790e-09, -1.13596475577881948265e-11),
)
DOUBLE = np.dtype(np.float64)


@functools.cache
def has_own_sine() -> bool:
    """Whether the machine has fused multiply-adds."""
    from wengert.compiler.code.native import host_features

    return platform.machine() in ("aarch64", "arm64") or bool(host_features().get("fma"))


def sine_or_cosine(code: Code, x: str, which: str, both: bool) -> str:
    """The sine or the cosine of all lanes; `both` if the other one is asked for as well, of the same value."""
    form = code.type(DOUBLE)
    name = f"wengert_{'sincos' if both else which}_{code.lanes}"
    if name not in code.declarations:
        code.declarations[name] = function_of(name, code.lanes, ("sin", "cos") if both else (which,), code.declarations)
    # (equal calls of a function without effects are one)
    pair = code.put(f"call {{ {form}, {form} }} @{name}({form} {x})")
    return code.put(f"extractvalue {{ {form}, {form} }} {pair}, {0 if which == 'sin' else 1}")


def function_of(name: str, lanes: int, wanted: tuple[str, ...], declarations: dict[str, str]) -> str:
    """The text of a function that gives a pair, of which what is wanted is computed."""
    code = Code(declarations)
    code.lanes = lanes
    form = code.type(DOUBLE)
    places = {which: code.variable(form) for which in wanted}
    turns = code.op("fmul", DOUBLE, "%x", code.number(2 / np.pi, DOUBLE))
    turns = code.intrinsic("rint", DOUBLE, turns)
    back = code.op("fneg", DOUBLE, turns)
    rest = "%x"
    for part in QUARTER:
        rest = code.intrinsic("fma", DOUBLE, back, code.number(part, DOUBLE), rest)
    none = code.compare("oeq", DOUBLE, turns, code.number(0, DOUBLE))
    rest = code.choose(none, DOUBLE, "%x", rest)
    square = code.op("fmul", DOUBLE, rest, rest)
    sine = code.op("fmul", DOUBLE, code.op("fmul", DOUBLE, rest, square), polynomial(code, square, SINE))
    sine = code.intrinsic("copysign", DOUBLE, code.op("fadd", DOUBLE, rest, sine), rest)  # -0.0 is kept
    fourth = code.op("fmul", DOUBLE, square, square)
    half = code.intrinsic("fma", DOUBLE, square, code.number(-0.5, DOUBLE), code.number(1, DOUBLE))
    cosine = code.intrinsic("fma", DOUBLE, fourth, polynomial(code, square, COSINE), half)
    bits = code.wide("i64")
    quadrant = code.put(f"freeze {code.wide('i32')} {code.put(f'fptosi {form} {turns} to ' + code.wide('i32'))}")
    quadrant = code.put(f"sext {code.wide('i32')} {quadrant} to {bits}")
    odd = code.put(f"trunc {bits} {quadrant} to {code.wide('i1')}")
    for which, place in places.items():
        straight, other = (sine, cosine) if which == "sin" else (cosine, sine)
        value = code.choose(odd, DOUBLE, other, straight)
        one, last = ("1", "63") if lanes == 1 else ("splat (i64 1)", "splat (i64 63)")
        turned = quadrant if which == "sin" else code.put(f"add {bits} {quadrant}, {one}")
        sign = code.put(f"shl {bits} {code.put(f'lshr {bits} {turned}, {one}')}, {last}")
        flipped = code.put(f"xor {bits} {code.put(f'bitcast {form} {value} to {bits}')}, {sign}")
        code.do(f"store {form} {code.put(f'bitcast {bits} {flipped} to {form}')}, ptr {place}")
    size = code.intrinsic("fabs", DOUBLE, "%x")
    far = code.compare("ogt", DOUBLE, size, code.number(LARGEST, DOUBLE))
    mask = code.put(f"bitcast {code.wide('i1')} {far} to i{lanes}")

    def by_library() -> None:
        for which, place in places.items():
            code.declarations[which] = f"declare double @{which}(double) nounwind willreturn memory(none)"
            value = code.by_lanes(
                lambda v, f=which: code.put(f"call double @{f}(double {v})"), ["double"], "double", "%x"
            )
            code.do(f"store {form} {value}, ptr {place}")

    code.when(code.put(f"icmp ne i{lanes} {mask}, 0"), by_library)
    pair = "poison"
    for which, place in places.items():
        value = code.put(f"load {form}, ptr {place}")
        pair = code.put(f"insertvalue {{ {form}, {form} }} {pair}, {form} {value}, {0 if which == 'sin' else 1}")
    code.do(f"ret {{ {form}, {form} }} {pair}")
    return code.function(
        f"define internal {{ {form}, {form} }} @{name}({form} %x) noinline nounwind willreturn memory(none)"
    )


def polynomial(code: Code, x: str, coefficients: tuple[float, ...]) -> str:
    """A polynomial by Horner's rule."""
    value: Any = code.number(coefficients[-1], DOUBLE)
    for c in reversed(coefficients[:-1]):
        value = code.intrinsic("fma", DOUBLE, value, x, code.number(c, DOUBLE))
    return str(value)
