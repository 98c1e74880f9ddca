"""Vectorized sine and cosine of float64, computed together where both are needed.

The polynomials are the minimax polynomials of Sun's fdlibm for [-pi/4, pi/4]. The argument is reduced by pi/2 in three
parts with fused multiply-adds, which is accurate below `LARGEST`; for larger arguments the scalar functions of the
system's math library are called.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["sine_or_cosine"]

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


def sine_or_cosine(code: IRBuilder, x: str, which: str, paired: bool) -> str:
    """Emit the sine or the cosine of all lanes; `paired` if the other one of the same value is needed as well."""
    type = code.type(DOUBLE)
    name = f"wengert_{'sincos' if paired else which}_{code.lanes}"
    if name not in code.declarations:
        code.declarations[name] = function_of(
            name, code.lanes, ("sin", "cos") if paired else (which,), code.declarations
        )
    # (LLVM merges equal calls of a pure function)
    pair = code.emit_value(f"call {{ {type}, {type} }} @{name}({type} {x})")
    return code.emit_value(f"extractvalue {{ {type}, {type} }} {pair}, {0 if which == 'sin' else 1}")


def function_of(name: str, lanes: int, wanted: tuple[str, ...], declarations: dict[str, str]) -> str:
    """The text of a function that returns a pair, of which only the wanted elements are computed."""
    code = IRBuilder(declarations)
    code.lanes = lanes
    type = code.type(DOUBLE)
    places = {which: code.variable(type) for which in wanted}
    turns = code.op("fmul", DOUBLE, "%x", code.number(2 / np.pi, DOUBLE))
    turns = code.intrinsic("rint", DOUBLE, turns)
    back = code.op("fneg", DOUBLE, turns)
    remainder = "%x"
    for part in QUARTER:
        remainder = code.intrinsic("fma", DOUBLE, back, code.number(part, DOUBLE), remainder)
    none = code.compare("oeq", DOUBLE, turns, code.number(0, DOUBLE))
    remainder = code.choose(none, DOUBLE, "%x", remainder)
    square = code.op("fmul", DOUBLE, remainder, remainder)
    sine = code.op("fmul", DOUBLE, code.op("fmul", DOUBLE, remainder, square), polynomial(code, square, SINE))
    sine = code.intrinsic("copysign", DOUBLE, code.op("fadd", DOUBLE, remainder, sine), remainder)  # -0.0 is kept
    fourth = code.op("fmul", DOUBLE, square, square)
    half = code.intrinsic("fma", DOUBLE, square, code.number(-0.5, DOUBLE), code.number(1, DOUBLE))
    cosine = code.intrinsic("fma", DOUBLE, fourth, polynomial(code, square, COSINE), half)
    bits = code.wide("i64")
    quadrant = code.emit_value(
        f"freeze {code.wide('i32')} {code.emit_value(f'fptosi {type} {turns} to ' + code.wide('i32'))}"
    )
    quadrant = code.emit_value(f"sext {code.wide('i32')} {quadrant} to {bits}")
    odd = code.emit_value(f"trunc {bits} {quadrant} to {code.wide('i1')}")
    for which, place in places.items():
        straight, other = (sine, cosine) if which == "sin" else (cosine, sine)
        value = code.choose(odd, DOUBLE, other, straight)
        one, last = ("1", "63") if lanes == 1 else ("splat (i64 1)", "splat (i64 63)")
        rotated = quadrant if which == "sin" else code.emit_value(f"add {bits} {quadrant}, {one}")
        sign = code.emit_value(f"shl {bits} {code.emit_value(f'lshr {bits} {rotated}, {one}')}, {last}")
        flipped = code.emit_value(f"xor {bits} {code.emit_value(f'bitcast {type} {value} to {bits}')}, {sign}")
        code.emit(f"store {type} {code.emit_value(f'bitcast {bits} {flipped} to {type}')}, ptr {place}")
    size = code.intrinsic("fabs", DOUBLE, "%x")
    far = code.compare("ogt", DOUBLE, size, code.number(LARGEST, DOUBLE))
    mask = code.emit_value(f"bitcast {code.wide('i1')} {far} to i{lanes}")

    def by_library() -> None:
        for which, place in places.items():
            code.declare(which, "double", "double", "nounwind willreturn memory(none)")
            value = code.by_lanes(
                lambda v, f=which: code.emit_value(f"call double @{f}(double {v})"), ["double"], "double", "%x"
            )
            code.emit(f"store {type} {value}, ptr {place}")

    code.when(code.emit_value(f"icmp ne i{lanes} {mask}, 0"), by_library)
    pair = "poison"
    for which, place in places.items():
        value = code.emit_value(f"load {type}, ptr {place}")
        pair = code.emit_value(f"insertvalue {{ {type}, {type} }} {pair}, {type} {value}, {0 if which == 'sin' else 1}")
    code.emit(f"ret {{ {type}, {type} }} {pair}")
    return code.function(
        f"define internal {{ {type}, {type} }} @{name}({type} %x) noinline nounwind willreturn memory(none)"
    )


def polynomial(code: IRBuilder, x: str, coefficients: tuple[float, ...]) -> str:
    """Emit a polynomial by Horner's rule."""
    value: Any = code.number(coefficients[-1], DOUBLE)
    for c in reversed(coefficients[:-1]):
        value = code.intrinsic("fma", DOUBLE, value, x, code.number(c, DOUBLE))
    return str(value)
