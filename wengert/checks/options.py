"""The one way of checking options: integers, real numbers, flags, choices and functions.

Each check returns the option in plain Python, or raises and says what must hold, for whom, and what was received:
a TypeError for a value of the wrong kind, a ValueError for a number or a word that is not allowed. Numbers are
compared, never converted where they need not be: what stands for a number while a call is compiled stays what it is.
"""

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.checks.errors import describe

__all__ = [
    "axes", "choice", "dtype", "flag", "function", "integer", "option", "path", "real", "received", "seed", "size",
    "sizes", "text",
]  # fmt: skip

LARGEST, LARGEST_FLOAT = 2**63 - 1, np.finfo(float).max.item()  # what int64 and float64 hold
MOST_LAYERS = 10_000  # that are made one by one
LARGEST_SIZE = 2**40  # of an axis, a kernel, a stride: far above any memory, and sums of a few fit int64


def received(value: Any) -> str:
    """Say what was given: the type, and the value where it is short."""
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0 and value.dtype.kind in "biufcSU":
        value = value.item()
    if isinstance(value, int) and abs(value) > LARGEST:
        return f"an int of {value.bit_length()} bits"  # Python refuses to write thousands of digits
    if isinstance(value, int | float | complex | str | bytes):
        return f"{type(value).__name__} {repr(value)[:60]}"
    if type(value) is tuple and 0 < len(value) < 5:
        return f"({', '.join(received(part).removeprefix('int ') for part in value)}{',' * (len(value) == 1)})"
    return describe(value)


def number_of(value: Any, kinds: str = "iu") -> Any:
    """Return a number as an int or float; None for what is none, or of a dtype that is not in `kinds`."""
    if isinstance(value, np.generic | np.ndarray):
        if value.ndim or value.dtype.kind not in kinds or isinstance(value, np.ma.MaskedArray):
            return None
        return float(value) if value.dtype.kind == "f" else int(value)
    return value if isinstance(value, int | float if "f" in kinds else int) and not isinstance(value, bool) else None


def integer(value: Any, name: str, whose: str, least: int | None = None, most: float | None = None) -> int:
    """Return an int; raise unless `value` is an integer within bounds. NumPy's integers are, floats and bools not."""
    number = value if type(value) is int else number_of(value)
    low, high = (-LARGEST if least is None else least), (LARGEST if most is None else most)
    if number is not None and low <= number <= high:
        return number
    words = "" if least is None else f" of at least {least}"
    if most not in (None, LARGEST_SIZE, math.inf):
        words = f" of at most {most}" if least is None else f" from {least} to {most}"
    elif number is not None and number > high:
        words += ", and at most 2**40" if high == LARGEST_SIZE else ", below 2**63"
    raise error(number is not None, name, whose, "an integer" + words, value)


def size(value: Any, name: str, whose: str, least: int = 1) -> int:
    """Return an int; raise unless `value` is an integer that the size of something can be."""
    return integer(value, name, whose, least, LARGEST_SIZE)


def seed(value: Any, name: str, whose: str) -> int:
    """Return an int; raise unless `value` is an integer that is not negative, however long."""
    return integer(value, name, whose, 0, math.inf)


def sizes(value: Any, name: str, whose: str, n: int, least: int = 1) -> tuple[int, ...]:
    """Return `n` ints, from one integer for all of them, or from a tuple, list or array of `n`."""
    several = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim > 0)
    numbers = [number_of(part) for part in value] if several else [number_of(value)] * n
    known = None not in numbers
    if known and len(numbers) == n and all(least <= number <= LARGEST_SIZE for number in numbers):
        return tuple(numbers)
    words = f", or a tuple of {n} of them" if n > 1 else ""
    words += ", and at most 2**40" if known and max(numbers, default=0) > LARGEST_SIZE else ""
    raise error(known, name, whose, f"an integer of at least {least}{words}", value)


def axes(value: Any, name: str, whose: str) -> Any:
    """Return an axis, a tuple of axes or None, as NumPy takes them; whether the array has them, NumPy says."""
    if value is None or (type(value) is int and -65 < value < 65):
        return value
    if not isinstance(value, tuple):
        return integer(value, name, whose, -64, 64)
    several = tuple(integer(part, name, whose, -64, 64) for part in value)
    if len(set(several)) < len(several):
        raise error(True, name, whose, "different axes", several)
    return several


def real(
    value: Any, name: str, whose: str, least: float = -math.inf, most: float = math.inf, above: float = -math.inf,
    below: float = math.inf, infinite: bool = False,
) -> float:  # fmt: skip
    """Return a float; raise unless `value` is a real number within bounds, `above` and `below` excluded, and finite."""
    if (
        type(value) is float
        and least <= value <= most
        and above < value < below
        and -LARGEST_FLOAT <= value <= LARGEST_FLOAT
    ):
        return value  # (most calls end here)
    number = number_of(value, "iuf")
    largest = math.inf if infinite and isinstance(number, float) else LARGEST_FLOAT
    low, high = max(least, -largest), min(most, largest)
    if (
        number is not None
        and low <= number <= high
        and (number > above or above == -math.inf)
        and (number < below or below == math.inf)
    ):
        return float(number) if type(number) is int else number
    bounds = [("at least", least), ("above", above), ("at most", most), ("below", below)]
    words = " and ".join(f"{word} {bound:g}" for word, bound in bounds if math.isfinite(bound))
    words = f"from {least:g} to {most:g}" if math.isfinite(least + most) else words
    kind = "a finite number" if isinstance(number, float) and not math.isfinite(number) else "a real number"
    raise error(number is not None, name, whose, f"{kind} {words}".strip(), value)


def flag(value: Any, name: str, whose: str) -> bool:
    """Return a bool; raise unless `value` is True or False."""
    if value is True or value is False or isinstance(value, np.bool_):
        return bool(value)
    raise error(False, name, whose, "True or False", value)


def choice(value: Any, name: str, whose: str, choices: Iterable[Any]) -> Any:
    """Return the one of `choices`, words or numbers, that `value` is; raise unless it is one."""
    if type(value) is str and value in choices:
        return value
    choices = tuple(choices)
    if isinstance(value, str | int | None) and not isinstance(value, bool) and value in choices:
        return choices[choices.index(value)]
    raise error(isinstance(value, str), name, whose, "one of " + ", ".join(map(repr, choices)), value)


def text(value: Any, name: str, whose: str) -> str:
    """Return `value`; raise unless it is a string."""
    if isinstance(value, str):
        return value
    raise error(False, name, whose, "a string", value)


def function(value: Any, name: str, whose: str) -> Any:
    """Return `value`; raise unless it can be called."""
    if callable(value):
        return value
    raise error(False, name, whose, "a function", value)


def dtype(value: Any, name: str, whose: str, kinds: str = "f") -> np.dtype[Any]:
    """Return a dtype; raise unless `value` is one, a scalar type or a name, of one of the `kinds` of NumPy."""
    if isinstance(value, np.dtype | type | str):
        try:
            found: np.dtype[Any] = np.dtype(value)
        except (TypeError, ValueError):
            found = np.dtype(object)
        if found.kind in kinds:
            return found
    words = {"f": "a floating dtype, as np.float32", "fc": "a floating or complex dtype, as np.float32"}
    raise error(False, name, whose, words.get(kinds, "a dtype of numbers"), value)


def path(value: Any, name: str, whose: str) -> str:
    """Return a path as a str; raise unless `value` is a str or a path of one."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(found, str):
        return found
    raise error(False, name, whose, "a path", value)


class Option:
    """See `option`. (Without a ``__get__``, reading the attribute costs nothing.)"""

    def __init__(self, check: Callable[..., Any], bounds: Any, named: dict[str, Any], optional: bool) -> None:
        self.check, self.bounds, self.named, self.optional = check, bounds, named, optional

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __set__(self, instance: Any, value: Any) -> None:
        if value is not None or not self.optional:
            value = self.check(value, self.name, type(instance).__name__, *self.bounds, **self.named)
        vars(instance)[self.name] = value


def option(check: Callable[..., Any], *bounds: Any, optional: bool = False, **named: Any) -> Any:
    """Declare an attribute that is checked whenever it is assigned: ``rate: float = option(real, 0, 1)`` in a class."""
    return Option(check, bounds, named, optional)


def error(known: bool, name: str, whose: str, what: str, value: Any) -> Exception:
    """Return a ValueError for a value of the right kind, a TypeError for others."""
    of = f" of {whose}" if whose else ""
    return (ValueError if known else TypeError)(f"{name}{of} must be {what}, but got {received(value)}")
