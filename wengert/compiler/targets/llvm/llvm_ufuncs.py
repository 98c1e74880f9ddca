"""The ufuncs in LLVM IR, with NumPy's results at zero, infinity, NaN and overflow."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graph.ufuncs import is_native
from wengert.compiler.targets.llvm.exponential import exponential, hyperbolic_tangent, logistic
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_math import call

__all__ = ["accumulate", "native_ufunc"]

Rule = Callable[..., str]
RULES: dict[Any, tuple[str, Rule]] = {}  # by ufunc: the dtype kinds that it accepts, and the function that emits it


def rule(kinds: str, *ufuncs: Any) -> Callable[[Rule], Rule]:
    def register(definition: Rule) -> Rule:
        for ufunc in ufuncs:
            RULES[ufunc] = (kinds, definition)
        return definition

    return register


def native_ufunc(ufunc: Any, dtypes: tuple[Any, ...]) -> Rule | None:
    """The rule of a ufunc for the dtypes of a loop (operands, then the result); None if there is none.

    It is called as `rule(code, dtype, *operands)`, where all operands have the dtype `dtype`; it returns a value of
    the dtype of the result.
    """
    found = RULES.get(ufunc) or special(ufunc)
    if found is None or not all(is_native(d) for d in dtypes):
        return None
    kinds, definition = found
    inputs = dtypes[:-1]
    if any((d.kind, d.itemsize) != (inputs[0].kind, inputs[0].itemsize) for d in inputs):
        return None
    if inputs[0].kind not in kinds:
        return None
    # The dtype of the result must be that of the rule: the operands' dtype, or bool.
    returns_bool = definition in RETURN_BOOL
    if returns_bool != (dtypes[-1].kind == "b" and (inputs[0].kind != "b" or returns_bool)):
        return None
    if not returns_bool and (dtypes[-1].kind, dtypes[-1].itemsize) != (inputs[0].kind, inputs[0].itemsize):
        return None
    return definition


def special(ufunc: Any) -> tuple[str, Rule] | None:
    """The rule of a ufunc of scipy.special, if the program has imported that."""
    scipy = sys.modules.get("scipy.special")
    name = getattr(ufunc, "__name__", "")
    if scipy is None or name not in SPECIAL or getattr(scipy, name, None) is not ufunc:
        return None
    return "f", SPECIAL[name]


def from_library(name: str) -> Rule:
    return lambda code, dtype, *values: call(code, name, dtype, *values)


FROM_LIBRARY: dict[Any, str] = {
    np.exp2: "exp2",
    np.expm1: "expm1",
    np.log: "log",
    np.log2: "log2",
    np.log10: "log10",
    np.log1p: "log1p",
    np.sin: "sin",
    np.cos: "cos",
    np.tan: "tan",
    np.arcsin: "asin",
    np.arccos: "acos",
    np.arctan: "atan",
    np.sinh: "sinh",
    np.cosh: "cosh",
    np.arcsinh: "asinh",
    np.arccosh: "acosh",
    np.arctanh: "atanh",
    np.cbrt: "cbrt",
    np.power: "pow",
    np.float_power: "pow",
    np.arctan2: "atan2",
    np.hypot: "hypot",
    np.nextafter: "nextafter",
}
for ufunc, name in FROM_LIBRARY.items():
    rule("f", ufunc)(from_library(name))
rule("f", np.exp)(exponential)
rule("f", np.tanh)(hyperbolic_tangent)


# Arithmetic


def arithmetic(of_floats: str, of_integers: str, of_bools: str | None = None) -> Rule:
    def emit(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
        kind = dtype.kind
        if kind == "b" and of_bools is None:
            raise TypeError("NumPy has no such loop")
        return code.op(of_floats if kind == "f" else of_bools if kind == "b" else of_integers, dtype, a, b)  # type: ignore[arg-type]

    return emit


rule("biuf", np.add)(arithmetic("fadd contract", "add", "or"))
rule("iuf", np.subtract)(arithmetic("fsub contract", "sub"))
rule("biuf", np.multiply)(arithmetic("fmul contract", "mul", "and"))
rule("f", np.true_divide)(arithmetic("fdiv", ""))
rule("biu", np.bitwise_and)(arithmetic("", "and", "and"))
rule("biu", np.bitwise_or)(arithmetic("", "or", "or"))
rule("biu", np.bitwise_xor)(arithmetic("", "xor", "xor"))


@rule("biu", np.invert)
def invert(code: IRBuilder, dtype: Any, x: str) -> str:
    return code.op("xor", dtype, x, code.number(1 if dtype.kind == "b" else -1, dtype))


rule("biuf", np.positive, np.conjugate)(lambda code, dtype, x: x)
rule("iuf", np.square)(lambda code, dtype, x: code.op("fmul contract" if dtype.kind == "f" else "mul", dtype, x, x))
rule("f", np.reciprocal)(lambda code, dtype, x: code.op("fdiv", dtype, code.number(1, dtype), x))
rule("f", np.sqrt)(lambda code, dtype, x: code.intrinsic("sqrt", dtype, x))
rule("f", np.fabs)(lambda code, dtype, x: code.intrinsic("fabs", dtype, x))
rule("f", np.copysign)(lambda code, dtype, x, y: code.intrinsic("copysign", dtype, x, y))
rule("f", np.degrees, np.rad2deg)(lambda code, dtype, x: code.op("fmul", dtype, x, code.number(180 / math.pi, dtype)))
rule("f", np.radians, np.deg2rad)(lambda code, dtype, x: code.op("fmul", dtype, x, code.number(math.pi / 180, dtype)))


def rounding(name: str) -> Rule:
    return lambda code, dtype, x: code.intrinsic(name, dtype, x) if dtype.kind == "f" else x


for ufunc, name in {np.floor: "floor", np.ceil: "ceil", np.trunc: "trunc", np.rint: "rint"}.items():
    rule("biuf", ufunc)(rounding(name))


@rule("iuf", np.negative)
def negative(code: IRBuilder, dtype: Any, x: str) -> str:
    return code.op("fneg", dtype, x) if dtype.kind == "f" else code.op("sub", dtype, code.number(0, dtype), x)


@rule("biuf", np.absolute)
def absolute(code: IRBuilder, dtype: Any, x: str) -> str:
    if dtype.kind == "f":
        return code.intrinsic("fabs", dtype, x)
    if dtype.kind in "bu":
        return x
    return code.choose(code.compare("slt", dtype, x, code.number(0, dtype)), dtype, negative(code, dtype, x), x)


@rule("iuf", np.sign)
def sign(code: IRBuilder, dtype: Any, x: str) -> str:
    zero, floating = code.number(0, dtype), dtype.kind == "f"
    above = code.compare("ogt" if floating else "ugt" if dtype.kind == "u" else "sgt", dtype, x, zero)
    found = code.choose(above, dtype, code.number(1, dtype), zero)
    if dtype.kind == "u":
        return found
    below = code.compare("olt" if floating else "slt", dtype, x, zero)
    found = code.choose(below, dtype, code.number(-1, dtype), found)
    return code.choose(code.compare("uno", dtype, x, x), dtype, x, found) if floating else found


def extremum(of_floats: str, of_integers: str, of_bools: str) -> Rule:
    def emit(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
        if dtype.kind == "b":
            return code.op(of_bools, dtype, a, b)
        if dtype.kind != "f":
            first = code.compare(("u" if dtype.kind == "u" else "s") + of_integers, dtype, a, b)
            return code.choose(first, dtype, a, b)
        # Of two zeros it is the second, as in NumPy's own vectorized loops on x86-64. NaN propagates: that of `a` by
        # the unordered comparison, that of `b` by the second select.
        if is_number(a):
            return code.choose(code.compare("o" + of_floats, dtype, a, b), dtype, a, b)
        found = code.choose(code.compare("u" + of_floats, dtype, a, b), dtype, a, b)
        if is_number(b):
            return found
        return code.choose(code.compare("uno", dtype, b, b), dtype, b, found)

    return emit


def is_number(value: str) -> bool:
    """Whether a value is a constant other than NaN."""
    return "%" not in value and "0x7FF8" not in value


rule("biuf", np.maximum)(extremum("gt", "gt", "or"))
rule("biuf", np.minimum)(extremum("lt", "lt", "and"))


@rule("biuf", np.fmax)
def fmax(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    if dtype.kind == "f":
        return code.intrinsic("maxnum", dtype, a, b)
    return RULES[np.maximum][1](code, dtype, a, b)


@rule("biuf", np.fmin)
def fmin(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    if dtype.kind == "f":
        return code.intrinsic("minnum", dtype, a, b)
    return RULES[np.minimum][1](code, dtype, a, b)


@rule("f", np.heaviside)
def heaviside(code: IRBuilder, dtype: Any, x: str, at_zero: str) -> str:
    zero = code.number(0, dtype)
    found = code.choose(code.compare("olt", dtype, x, zero), dtype, zero, code.number(1, dtype))
    found = code.choose(code.compare("oeq", dtype, x, zero), dtype, at_zero, found)
    return code.choose(code.compare("uno", dtype, x, x), dtype, x, found)


@rule("f", np.logaddexp)
def logaddexp(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    larger = RULES[np.maximum][1](code, dtype, a, b)
    difference = code.intrinsic("fabs", dtype, code.op("fsub", dtype, a, b))
    summand = call(code, "log1p", dtype, call(code, "exp", dtype, code.op("fneg", dtype, difference)))
    same = code.compare("oeq", dtype, a, b)  # two infinities as well
    return code.op("fadd", dtype, larger, code.choose(same, dtype, code.number(math.log(2), dtype), summand))


@rule("f", np.logaddexp2)
def logaddexp2(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    larger = RULES[np.maximum][1](code, dtype, a, b)
    difference = code.intrinsic("fabs", dtype, code.op("fsub", dtype, a, b))
    summand = call(code, "log1p", dtype, call(code, "exp2", dtype, code.op("fneg", dtype, difference)))
    summand = code.op("fmul", dtype, summand, code.number(1 / math.log(2), dtype))
    same = code.compare("oeq", dtype, a, b)
    return code.op("fadd", dtype, larger, code.choose(same, dtype, code.number(1, dtype), summand))


# Division with a remainder


def divisible(code: IRBuilder, dtype: Any, a: str, b: str) -> tuple[str, str, str]:
    """Where an integer division is by zero, where it overflows, and a divisor without both."""
    zero = code.compare("eq", dtype, b, code.number(0, dtype))
    if dtype.kind == "u":
        return zero, zero, code.choose(zero, dtype, code.number(1, dtype), b)
    least = code.compare("eq", dtype, a, code.number(np.iinfo(dtype).min, dtype))
    minus = code.compare("eq", dtype, b, code.number(-1, dtype))
    over = code.emit_value(f"and {code.wide('i1')} {least}, {minus}")
    bad = code.emit_value(f"or {code.wide('i1')} {zero}, {over}")
    return zero, over, code.choose(bad, dtype, code.number(1, dtype), b)


@rule("iuf", np.remainder)
def remainder(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    zero = code.number(0, dtype)
    if dtype.kind == "u":
        by_zero, _, safe = divisible(code, dtype, a, b)
        return code.choose(by_zero, dtype, zero, code.op("urem", dtype, a, safe))
    if dtype.kind == "i":
        by_zero, over, safe = divisible(code, dtype, a, b)
        remainder = code.op("srem", dtype, a, safe)
        bad = code.emit_value(f"or {code.wide('i1')} {by_zero}, {over}")
        return code.choose(bad, dtype, zero, adjusted(code, dtype, remainder, b, code.op("add", dtype, remainder, b)))
    remainder = code.op("frem", dtype, a, b)
    is_zero = code.compare("oeq", dtype, remainder, zero)
    found = adjusted(code, dtype, remainder, b, code.op("fadd", dtype, remainder, b))
    found = code.choose(is_zero, dtype, code.intrinsic("copysign", dtype, zero, b), found)
    return code.choose(code.compare("oeq", dtype, b, zero), dtype, remainder, found)


def adjusted(code: IRBuilder, dtype: Any, remainder: str, b: str, other: str) -> str:
    """`other` where the remainder is not 0 and has another sign than the divisor; else the remainder."""
    return code.choose(needs_step(code, dtype, remainder, b), dtype, other, remainder)


@rule("iuf", np.floor_divide)
def floor_divide(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    zero = code.number(0, dtype)
    if dtype.kind == "u":
        by_zero, _, safe = divisible(code, dtype, a, b)
        return code.choose(by_zero, dtype, zero, code.op("udiv", dtype, a, safe))
    if dtype.kind == "i":
        by_zero, _, safe = divisible(code, dtype, a, b)  # on overflow the dividend is divided by 1
        remainder, quotient = code.op("srem", dtype, a, safe), code.op("sdiv", dtype, a, safe)
        less = code.op("sub", dtype, quotient, code.number(1, dtype))
        steps = code.choose(needs_step(code, dtype, remainder, safe), dtype, less, quotient)
        return code.choose(by_zero, dtype, zero, steps)
    remainder, ratio, one = code.op("frem", dtype, a, b), code.op("fdiv", dtype, a, b), code.number(1, dtype)
    quotient = code.op("fdiv", dtype, code.op("fsub", dtype, a, remainder), b)
    quotient = code.choose(
        needs_step(code, dtype, remainder, b), dtype, code.op("fsub", dtype, quotient, one), quotient
    )
    floor = code.intrinsic("floor", dtype, quotient)
    far = code.compare("ogt", dtype, code.op("fsub", dtype, quotient, floor), code.number(0.5, dtype))
    floor = code.choose(far, dtype, code.op("fadd", dtype, floor, one), floor)
    is_zero = code.compare("oeq", dtype, quotient, zero)
    floor = code.choose(is_zero, dtype, code.intrinsic("copysign", dtype, zero, ratio), floor)
    return code.choose(code.compare("oeq", dtype, b, zero), dtype, ratio, floor)


def needs_step(code: IRBuilder, dtype: Any, remainder: str, b: str) -> str:
    """Where the remainder is not 0 and has another sign than the divisor: the quotient was rounded up, to zero."""
    zero, below = code.number(0, dtype), "olt" if dtype.kind == "f" else "slt"
    negatives = (code.compare(below, dtype, x, zero) for x in (remainder, b))
    differ = code.emit_value(f"xor {code.wide('i1')} {', '.join(negatives)}")
    some = code.compare("une" if dtype.kind == "f" else "ne", dtype, remainder, zero)
    return code.emit_value(f"and {code.wide('i1')} {differ}, {some}")


@rule("iuf", np.fmod)
def fmod(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    if dtype.kind == "f":
        return code.op("frem", dtype, a, b)
    by_zero, over, safe = divisible(code, dtype, a, b)
    bad = code.emit_value(f"or {code.wide('i1')} {by_zero}, {over}")
    remainder = code.op("srem" if dtype.kind == "i" else "urem", dtype, a, safe)
    return code.choose(bad, dtype, code.number(0, dtype), remainder)


def shift(left: bool) -> Rule:
    def emit(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
        bits = 8 * dtype.itemsize
        inside = code.compare("ult", dtype, b, code.number(bits, dtype))
        safe = code.choose(inside, dtype, b, code.number(0, dtype))
        if left or dtype.kind == "u":
            return code.choose(inside, dtype, code.op("shl" if left else "lshr", dtype, a, safe), code.number(0, dtype))
        most = code.choose(inside, dtype, b, code.number(bits - 1, dtype))  # the sign, in all bits
        return code.op("ashr", dtype, a, most)

    return emit


rule("iu", np.left_shift)(shift(left=True))
rule("iu", np.right_shift)(shift(left=False))


# Booleans

RETURN_BOOL: set[Any] = set()


def comparison(of_floats: str, of_integers: str) -> Rule:
    def emit(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
        if dtype.kind == "f":
            return code.compare(of_floats, dtype, a, b)
        sign = "" if of_integers in ("eq", "ne") else "s" if dtype.kind == "i" else "u"
        return code.compare(sign + of_integers, dtype, a, b)

    return emit


for ufunc, of_floats, of_integers in (
    *((np.less, "olt", "lt"), (np.less_equal, "ole", "le"), (np.greater, "ogt", "gt")),
    *((np.greater_equal, "oge", "ge"), (np.equal, "oeq", "eq"), (np.not_equal, "une", "ne")),
):
    RETURN_BOOL.add(rule("biuf", ufunc)(comparison(of_floats, of_integers)))


def logical(operation: str) -> Rule:
    def emit(code: IRBuilder, dtype: Any, *values: str) -> str:
        booleans = [code.convert(v, dtype, np.dtype(bool)) for v in values]
        if operation == "not":
            return code.op("xor", np.dtype(bool), booleans[0], code.number(True, np.dtype(bool)))
        return code.op(operation, np.dtype(bool), *booleans)

    return emit


for ufunc, operation in {
    np.logical_and: "and",
    np.logical_or: "or",
    np.logical_xor: "xor",
    np.logical_not: "not",
}.items():
    RETURN_BOOL.add(rule("biuf", ufunc)(logical(operation)))


def finiteness(condition: str) -> Rule:
    def emit(code: IRBuilder, dtype: Any, x: str) -> str:
        size = code.intrinsic("fabs", dtype, x)
        return code.compare(condition, dtype, size, code.number(math.inf, dtype))

    return emit


RETURN_BOOL.add(rule("f", np.isfinite)(finiteness("olt")))
RETURN_BOOL.add(rule("f", np.isinf)(finiteness("oeq")))


@rule("f", np.isnan)
def isnan(code: IRBuilder, dtype: Any, x: str) -> str:
    return code.compare("uno", dtype, x, x)


@rule("f", np.signbit)
def signbit(code: IRBuilder, dtype: Any, x: str) -> str:
    type = code.wide(f"i{8 * dtype.itemsize}")
    bits = code.emit_value(f"bitcast {code.type(dtype)} {x} to {type}")
    return code.emit_value(f"icmp slt {type} {bits}, {'0' if code.lanes == 1 else 'zeroinitializer'}")


RETURN_BOOL |= {isnan, signbit}


# scipy.special


SPECIAL: dict[str, Rule] = {"erf": from_library("erf"), "erfc": from_library("erfc"), "expit": logistic}


# Reductions


def accumulate(code: IRBuilder, ufunc: Any, dtype: Any, a: str, b: str) -> str:
    """Combine two values of a reduction."""
    return RULES[ufunc][1](code, dtype, a, b)
