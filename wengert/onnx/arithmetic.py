"""Rules for ufuncs, and for functions that act element by element."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.onnx.symbol import NAMED, NoRule, dtype_of, operand, rule
from wengert.onnx.trace import Trace

__all__: list[str] = []


def ufunc(function: Any, op: str) -> None:
    """A ufunc that is an operator, of operands of the dtype of its result."""

    @rule(function)
    def add(trace: Trace, value: Any, *args: Any, dtype: Any = None) -> Any:
        return trace.emit(op, *[operand(trace, x, value.dtype) for x in args])


OPERATORS = {
    np.subtract: "Sub", np.true_divide: "Div", np.negative: "Neg", np.absolute: "Abs", np.fabs: "Abs",
    np.exp: "Exp", np.log: "Log", np.sqrt: "Sqrt", np.sin: "Sin", np.cos: "Cos", np.tan: "Tan", np.arcsin: "Asin",
    np.arccos: "Acos", np.arctan: "Atan", np.sinh: "Sinh", np.cosh: "Cosh", np.tanh: "Tanh", np.arcsinh: "Asinh",
    np.arccosh: "Acosh", np.arctanh: "Atanh", np.floor: "Floor", np.ceil: "Ceil", np.rint: "Round", np.sign: "Sign",
    np.maximum: "Max", np.minimum: "Min", np.reciprocal: "Reciprocal",
    np.positive: "Identity", np.matmul: "MatMul", np.copy: "Identity", np.conjugate: "Identity", np.real: "Identity",
}  # fmt: skip
for _function, _op in OPERATORS.items():
    ufunc(_function, _op)


def comparison(function: Any, op: str, negated: bool = False) -> None:
    @rule(function)
    def compare(trace: Trace, value: Any, a: Any, b: Any) -> Any:
        dtype = dtype_of(a, b)
        dtype = np.dtype(np.int8) if dtype.kind == "b" and op != "Equal" else dtype
        found = trace.emit(op, operand(trace, a, dtype), operand(trace, b, dtype))
        return trace.emit("Not", found) if negated else found


for _function, _op in {
    np.less: "Less",
    np.less_equal: "LessOrEqual",
    np.greater: "Greater",
    np.greater_equal: "GreaterOrEqual",
    np.equal: "Equal",
}.items():
    comparison(_function, _op)
comparison(np.not_equal, "Equal", negated=True)


def logical(function: Any, op: str, bitwise: bool) -> None:
    @rule(function)
    def combine(trace: Trace, value: Any, *args: Any) -> Any:
        if bitwise and value.dtype != bool:
            raise NoRule
        return trace.emit(op, *[operand(trace, x, np.bool_) for x in args])


for _name, _op in {"and": "And", "or": "Or", "xor": "Xor", "not": "Not"}.items():
    logical(getattr(np, f"logical_{_name}"), _op, bitwise=False)
    logical(np.invert if _name == "not" else getattr(np, f"bitwise_{_name}"), _op, bitwise=True)


def arithmetic(function: Any, op: str, of_booleans: str) -> None:
    """A sum or product, which of booleans is a logical operator."""

    @rule(function)
    def combine(trace: Trace, value: Any, a: Any, b: Any) -> Any:
        chosen = of_booleans if value.dtype == bool else op
        return trace.emit(chosen, operand(trace, a, value.dtype), operand(trace, b, value.dtype))


arithmetic(np.add, "Add", "Or")
arithmetic(np.multiply, "Mul", "And")


def number(value: Any, x: float) -> Any:
    """A constant of the dtype of a result."""
    return np.asarray(x, value.dtype)


def formula(*functions: Any) -> Callable[[Any], Any]:
    """A rule that is given the names of the operands, of the dtype of the result."""

    def register(found: Any) -> Any:
        @rule(*functions)
        def called(trace: Trace, value: Any, *args: Any) -> Any:
            return found(trace, value, *[operand(trace, x, value.dtype) for x in args])

        return found

    return register


@rule(np.power)
def power(trace: Trace, value: Any, a: Any, b: Any) -> Any:
    return trace.emit("Pow", operand(trace, a, value.dtype), operand(trace, b, value.dtype))


@formula(np.square)
def square(trace: Trace, value: Any, x: str) -> Any:
    return trace.emit("Mul", x, x)


@formula(np.exp2)
def exp2(trace: Trace, value: Any, x: str) -> Any:
    return trace.emit("Pow", number(value, 2), x)


@formula(np.log2)
def log2(trace: Trace, value: Any, x: str) -> Any:
    return trace.emit("Div", trace.emit("Log", x), number(value, math.log(2)))


@formula(np.log10)
def log10(trace: Trace, value: Any, x: str) -> Any:
    return trace.emit("Div", trace.emit("Log", x), number(value, math.log(10)))


@formula(np.log1p)
def log1p(trace: Trace, value: Any, x: str) -> Any:
    """log(u) x / (u - 1) for u = 1 + x, which is as exact near 0 as elsewhere (Kahan)."""
    one = number(value, 1)
    u = trace.emit("Add", x, one)
    scaled = trace.emit("Mul", trace.emit("Log", u), trace.emit("Div", x, trace.emit("Sub", u, one)))
    infinite = trace.emit("IsInf", u)
    return trace.emit("Where", trace.emit("Or", trace.emit("Equal", u, one), infinite), x, scaled)


@formula(np.expm1)
def expm1(trace: Trace, value: Any, x: str) -> Any:
    """(u - 1) x / log(u) for u = exp(x), likewise, where u is neither 0 nor 1 nor infinite."""
    one = number(value, 1)
    u = trace.emit("Exp", x)
    less = trace.emit("Sub", u, one)
    scaled = trace.emit("Mul", less, trace.emit("Div", x, trace.emit("Log", u)))
    near = trace.emit("Less", trace.emit("Abs", x), one)
    return trace.emit("Where", trace.emit("Equal", u, one), x, trace.emit("Where", near, scaled, less))


@formula(np.logaddexp)
def logaddexp(trace: Trace, value: Any, a: str, b: str) -> Any:
    away = trace.emit("Neg", trace.emit("Abs", trace.emit("Sub", a, b)))
    return trace.emit("Add", trace.emit("Max", a, b), log1p(trace, value, trace.emit("Exp", away)))


@formula(np.hypot)
def hypot(trace: Trace, value: Any, a: str, b: str) -> Any:
    return trace.emit("Sqrt", trace.emit("Add", trace.emit("Mul", a, a), trace.emit("Mul", b, b)))


@formula(np.remainder)
def remainder(trace: Trace, value: Any, a: str, b: str) -> Any:
    """The remainder with the sign of the divisor, as NumPy computes it."""
    if value.dtype.kind != "f":
        return trace.emit("Mod", a, b)
    zero = number(value, 0)
    found = trace.emit("Mod", a, b, fmod=1)
    other_sign = trace.emit("Xor", trace.emit("Less", found, zero), trace.emit("Less", b, zero))
    wrong = trace.emit("And", other_sign, trace.emit("Not", trace.emit("Equal", found, zero)))
    return trace.emit("Where", wrong, trace.emit("Add", found, b), found)


@formula(np.floor_divide)
def floor_divide(trace: Trace, value: Any, a: str, b: str) -> Any:
    """(a - a % b) / b, which is an integer: the floor of a / b may be the next one, as of 1 / 0.1."""
    found = trace.emit("Div", trace.emit("Sub", a, remainder(trace, value, a, b)), b)
    return trace.emit("Round", found) if value.dtype.kind == "f" else found


def extremum_of_numbers(function: Any, op: str) -> None:
    """np.fmax and np.fmin, which pass over NaN."""

    @formula(function)
    def chosen(trace: Trace, value: Any, a: str, b: str) -> Any:
        if value.dtype.kind != "f":
            raise NoRule
        return trace.emit("Where", trace.emit("Or", trace.emit(op, a, b), trace.emit("IsNaN", b)), a, b)


extremum_of_numbers(np.fmax, "GreaterOrEqual")
extremum_of_numbers(np.fmin, "LessOrEqual")


@rule(np.isnan)
def isnan(trace: Trace, value: Any, x: Any) -> Any:
    return trace.emit("IsNaN", operand(trace, x))


@rule(np.isinf)
def isinf(trace: Trace, value: Any, x: Any) -> Any:
    return trace.emit("IsInf", operand(trace, x))


@rule(np.isfinite)
def isfinite(trace: Trace, value: Any, x: Any) -> Any:
    x = operand(trace, x)
    return trace.emit("Not", trace.emit("Or", trace.emit("IsNaN", x), trace.emit("IsInf", x)))


@rule(np.astype)
def astype(trace: Trace, value: Any, x: Any, dtype: Any, *, copy: bool = True) -> Any:
    return trace.emit("Cast", operand(trace, x), to=np.dtype(dtype))


@rule(np.round, np.around)
def rounded(trace: Trace, value: Any, a: Any, decimals: int = 0) -> Any:
    if value.dtype.kind != "f":
        raise NoRule
    scale = number(value, 10.0**decimals)
    found = trace.emit("Round", trace.emit("Mul", operand(trace, a, value.dtype), scale))
    return trace.emit("Div", found, scale)


@rule(np.where)
def where(trace: Trace, value: Any, condition: Any, x: Any = None, y: Any = None) -> Any:
    if x is None or y is None:
        raise NoRule
    return trace.emit(
        "Where", operand(trace, condition, np.bool_), operand(trace, x, value.dtype), operand(trace, y, value.dtype)
    )


@rule(np.clip)
def clip(
    trace: Trace, value: Any, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None
) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    found = operand(trace, a, value.dtype)
    if low is not None:
        found = trace.emit("Max", found, operand(trace, low, value.dtype))
    return found if high is None else trace.emit("Min", found, operand(trace, high, value.dtype))


def special(name: str, op: str) -> None:
    def called(trace: Trace, value: Any, x: Any) -> Any:
        return trace.emit(op, operand(trace, x, value.dtype))

    NAMED[name] = called


special("erf", "Erf")
special("expit", "Sigmoid")
