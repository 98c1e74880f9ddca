"""Facts about the ufuncs that fused loops compute: cost, and the identity of the reduction."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.machine import has_half_precision, is_arm, is_x86

__all__ = ["COMPARISONS", "UfuncFacts", "converts", "facts_of", "identity_of", "is_movable", "is_native"]


class UfuncFacts(NamedTuple):
    """Facts about a ufunc.

    Attributes
    ----------
    nanoseconds : float
        Per element in a fused loop, on one thread.
    bytes : float
        Memory traffic that takes as long as one element; infinite where a value is never rematerialized.
    reduces : str
        The dtype kinds that it reduces in a fused loop.
    """

    nanoseconds: float = 0.15
    bytes: float = math.inf
    reduces: str = ""


COMPARISONS = frozenset((np.equal, np.not_equal, np.greater, np.greater_equal, np.less, np.less_equal))
SIMPLE = (
    *(np.add, np.subtract, np.multiply, np.negative, np.positive, np.absolute, np.square, np.maximum, np.minimum),
    *(np.logical_and, np.logical_or, np.logical_not, np.isfinite, np.isnan, np.copysign, np.bitwise_and, np.bitwise_or),
    *(np.invert, np.fabs, *COMPARISONS),
)
DIVISIONS = (np.true_divide, np.sqrt, np.reciprocal)
TRANSCENDENTAL = (
    *(np.sin, np.cos, np.tan, np.exp, np.exp2, np.expm1, np.log, np.log1p, np.tanh, np.power, np.arctan2, np.hypot),
)
REDUCING: dict[Any, str] = {
    **dict.fromkeys((np.add, np.multiply, np.maximum, np.minimum), "biuf"),
    **dict.fromkeys((np.logical_and, np.logical_or), "b"),
    **dict.fromkeys((np.bitwise_and, np.bitwise_or, np.bitwise_xor), "biu"),
}
UNKNOWN = UfuncFacts()
FACTS: dict[Any, UfuncFacts] = {
    **dict.fromkeys(SIMPLE, UfuncFacts(bytes=1)),
    **dict.fromkeys(DIVISIONS, UfuncFacts(bytes=5)),
    **dict.fromkeys(TRANSCENDENTAL, UfuncFacts(nanoseconds=2.0)),
}
FACTS |= {ufunc: FACTS.get(ufunc, UNKNOWN)._replace(reduces=kinds) for ufunc, kinds in REDUCING.items()}


def facts_of(ufunc: Any) -> UfuncFacts:
    """The facts about a ufunc; one that is not in the table is cheap and never rematerialized."""
    return FACTS.get(ufunc, UNKNOWN)


def is_native(dtype: Any) -> bool:
    """Whether kernels support a dtype: bool, integers, float32, float64, in native byte order."""
    return dtype.isnative and (dtype.kind in "biu" or (dtype.kind == "f" and dtype.itemsize in (4, 8)))


def is_movable(dtype: Any) -> bool:
    """Whether loops load, store, select and convert values of a dtype: also complex numbers and half precision."""
    sizes = {"c": (8, 16), "f": (2,)}
    return is_native(dtype) or (dtype.isnative and dtype.itemsize in sizes.get(dtype.kind, ()))


def converts(old: Any, new: Any) -> bool:
    """Whether loops convert a dtype to another one.

    What becomes of a float that is out of the range of integers depends on the machine, and for short and unsigned ones
    on NumPy's compiler: NumPy computes these.
    """
    if not (is_movable(old) and is_movable(new)):
        return False
    if old.kind in "fc" and new.kind in "iu" and not (is_native(old) and rounds_to(new)):
        return False
    if old != new and np.float16 in (old, new) and not has_half_precision():
        return False
    return bool(old == new or old.kind != "c" or new.kind in "cb")


@functools.cache
def rounds_to(dtype: Any) -> bool:
    """Whether floats are converted to an integer dtype as native code does it here: by the processor's instruction."""
    if dtype.kind != "i" or dtype.itemsize < 4 or not (is_x86() or is_arm()):
        return False
    limits = np.iinfo(dtype)
    strange = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, -3.7] * 16)
    high, nan = (limits.min, limits.min) if is_x86() else (limits.max, 0)
    wanted = [nan, high, limits.min, high, limits.min, -3] * 16
    with np.errstate(all="ignore"):
        return all(x.astype(dtype).tolist() == wanted for x in (strange, strange.astype(np.float32)))


def identity_of(ufunc: Any, dtype: Any) -> Any:
    """The identity of a reduction; None if kernels do not support it for a dtype."""
    if dtype.kind not in facts_of(ufunc).reduces or not is_native(dtype):
        return None
    if ufunc is np.add:
        return -0.0 if dtype.kind == "f" else 0  # -0.0 + x is x, also where x is -0.0
    if ufunc in (np.multiply, np.logical_and):
        return 1
    if ufunc in (np.logical_or, np.bitwise_or, np.bitwise_xor):
        return 0
    if ufunc is np.bitwise_and:
        return 1 if dtype.kind == "b" else -1 if dtype.kind == "i" else np.iinfo(dtype).max
    if dtype.kind == "b":
        return int(ufunc is np.minimum)
    if dtype.kind == "f":
        return -math.inf if ufunc is np.maximum else math.inf
    limits = np.iinfo(dtype)
    return limits.min if ufunc is np.maximum else limits.max
