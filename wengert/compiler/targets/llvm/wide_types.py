"""Complex numbers and half precision in LLVM IR: values that loops move and convert, but do not compute with.

A complex number is an integer of as many bits: the real part is the lower half. A number of half precision is an
integer of 16 bits, and a `half` while it is converted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.machine import is_arm

__all__ = ["bits_of", "convert_wide", "is_opaque", "rounded"]

F4 = np.dtype(np.float32)


def is_opaque(dtype: Any) -> bool:
    """Whether values of a dtype are integers in registers, though they are none."""
    return bool(dtype.kind == "c" or (dtype.kind == "f" and dtype.itemsize == 2))


def bits_of(value: Any, dtype: Any) -> str:
    """A constant of such a dtype, as the integer that it is in registers."""
    with np.errstate(all="ignore"):
        return str(int.from_bytes(np.asarray(value).astype(dtype).tobytes(), "little"))


def convert_wide(code: Any, value: str, old: Any, new: Any) -> str:
    """Convert from or to complex numbers or half precision; `code` is an IRBuilder."""
    if old.kind == "c" and new.kind == "c":
        real, imaginary = (code.convert(part, part_of(old), part_of(new)) for part in split(code, value, old))
        return joined(code, real, imaginary, new)
    if new.kind == "c":
        real = code.convert(value, old, part_of(new))
        return joined(code, real, code.number(0, part_of(new)), new)
    if old.kind == "c":  # to bool
        parts = (code.convert(part, part_of(old), new) for part in split(code, value, old))
        return str(code.op("or", new, *parts))
    if old.itemsize == 2 and old.kind == "f":
        half = code.emit_value(f"bitcast {code.type(old)} {value} to {code.wide('half')}")
        single = code.emit_value(f"fpext {code.wide('half')} {half} to {code.type(F4)}")
        return str(code.convert(single, F4, new))
    single = rounded_to_odd(code, value, old) if old.kind == "f" and old.itemsize == 8 else code.convert(value, old, F4)
    half = code.emit_value(f"fptrunc {code.type(F4)} {single} to {code.wide('half')}")
    return str(code.emit_value(f"bitcast {code.wide('half')} {half} to {code.type(new)}"))


def rounded_to_odd(code: Any, value: str, old: Any) -> str:
    """A float64 as a float32 of which a conversion to half precision rounds as one of the float64 does.

    (Of two neighbours that with an odd last bit is chosen; so no second rounding meets a tie that was none. Processors
    have no instruction for the direct conversion, and LLVM's function for it may be missing.)
    """
    single = code.convert(value, old, F4)
    if is_arm():
        return str(single)
    back = code.convert(single, F4, old)
    integer = code.wide("i32")
    bits = code.emit_value(f"bitcast {code.type(F4)} {single} to {integer}")
    size, exact_size = (code.intrinsic("fabs", old, x) for x in (back, value))
    above = code.emit_value(f"zext {code.wide('i1')} {code.compare('ogt', old, size, exact_size)} to {integer}")
    inexact = code.emit_value(f"zext {code.wide('i1')} {code.compare('one', old, back, value)} to {integer}")
    below = code.emit_value(f"sub {integer} {bits}, {above}")
    odd = code.emit_value(f"or {integer} {below}, {inexact}")
    return str(code.emit_value(f"bitcast {integer} {odd} to {code.type(F4)}"))


def rounded(code: Any, value: str, old: Any, new: Any) -> str:
    """A float as an integer, as the processor's instruction gives it where there is none (see `rounds_to`)."""
    before, after = code.type(old), code.type(new)
    if is_arm():
        name = f"llvm.fptosi.sat.{type_name(code, new)}.{type_name(code, old)}"
        code.declare(name, after, before)
        return str(code.emit_value(f"call {after} @{name}({before} {value})"))
    low = np.iinfo(new).min
    below = code.compare("oge", old, value, code.number(low, old))
    if old.itemsize > new.itemsize:  # (a fraction below the lowest integer is rounded to that)
        below = code.compare("ogt", old, value, code.number(low - 1, old))
    inside = code.op("and", np.dtype(bool), below, code.compare("olt", old, value, code.number(-low, old)))
    safe = code.choose(inside, old, value, code.number(0, old))
    found = code.emit_value(f"fptosi {before} {safe} to {after}")
    return str(code.choose(inside, new, found, code.number(low, new)))


def type_name(code: Any, dtype: Any) -> str:
    name = f"{dtype.kind}{8 * dtype.itemsize}"
    return name if code.lanes == 1 else f"v{code.lanes}{name}"


def part_of(dtype: Any) -> Any:
    """The dtype of the parts of complex numbers."""
    return np.dtype(f"f{dtype.itemsize // 2}")


def split(code: Any, value: str, dtype: Any) -> tuple[str, str]:
    """The real and the imaginary part."""
    part, size = part_of(dtype), 4 * dtype.itemsize
    high = code.op("lshr", dtype, value, splat_integer(code, size, dtype))
    half = code.wide(f"i{size}")
    low, high = (code.emit_value(f"trunc {code.type(dtype)} {x} to {half}") for x in (value, high))
    return tuple(code.emit_value(f"bitcast {half} {x} to {code.type(part)}") for x in (low, high))


def joined(code: Any, real: str, imaginary: str, dtype: Any) -> str:
    """A complex number of its parts."""
    part, size = part_of(dtype), 4 * dtype.itemsize
    half = code.wide(f"i{size}")
    low, high = (code.emit_value(f"bitcast {code.type(part)} {x} to {half}") for x in (real, imaginary))
    low, high = (code.emit_value(f"zext {half} {x} to {code.type(dtype)}") for x in (low, high))
    return str(code.op("or", dtype, low, code.op("shl", dtype, high, splat_integer(code, size, dtype))))


def splat_integer(code: Any, value: int, dtype: Any) -> str:
    type = f"i{8 * dtype.itemsize}"
    return str(value) if code.lanes == 1 else f"splat ({type} {value})"
