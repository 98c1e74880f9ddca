"""The one way of checking options: integers, real numbers, flags, choices and functions.

Each check returns the option in plain Python, or raises and says what must hold, for whom, and what was received:
a TypeError for a value of the wrong kind, a ValueError for a number or a word that is not allowed.
"""

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wengert.core.errors import describe

__all__ = [
    "axes", "choice", "dtype", "flag", "function", "integer", "option", "path", "real", "received", "seed", "size",
    "sizes",
]  # fmt: skip

LARGEST = 2**63 - 1  # what int64 holds
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
    return describe(value)


def number_of(value: Any, kinds: str = "iu") -> Any:
    """Return a number as an int or float; None for what is none, or of a dtype that is not in `kinds`."""
    if isinstance(value, np.generic | np.ndarray):
        if value.ndim or value.dtype.kind not in kinds or isinstance(value, np.ma.MaskedArray):
            return None
        return float(value) if value.dtype.kind == "f" else int(value)
    wanted = int | float if "f" in kinds else int
    return value if isinstance(value, wanted) and not isinstance(value, bool) else None


def integer(value: Any, name: str, whose: str, least: int | None = None, most: int | None = None) -> int:
    """Return an int; raise unless `value` is an integer within bounds. NumPy's integers are, floats and bools not."""
    number = number_of(value)
    low, high = (-LARGEST if least is None else least), (LARGEST if most is None else most)
    if number is not None and low <= number <= high:
        return int(number)
    words = "" if least is None else f" of at least {least}"
    if most is not None and (least is None or most != LARGEST_SIZE):
        words = f" of at most {most}" if least is None else f" from {least} to {most}"
    elif number is not None and number > high:
        words += f", and at most 2**{high.bit_length() - 1}" if high == LARGEST_SIZE else ", below 2**63"
    raise error(number is not None, name, whose, "an integer" + words, value)


def size(value: Any, name: str, whose: str, least: int = 1) -> int:
    """Return an int; raise unless `value` is an integer that the size of something can be."""
    return integer(value, name, whose, least, LARGEST_SIZE)


def sizes(value: Any, name: str, whose: str, n: int, least: int = 1) -> tuple[int, ...]:
    """Return `n` ints, from one integer for all of them, or from a tuple, list or array of `n`."""
    given = list(value) if isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim) else value
    numbers = [number_of(part) for part in given] if isinstance(given, list) else [number_of(value)] * n
    known = None not in numbers
    if known and len(numbers) == n and all(least <= number <= LARGEST_SIZE for number in numbers):
        return tuple(int(number) for number in numbers)
    words = f"an integer of at least {least}" + (f", or a tuple of {n} of them" if n > 1 else "")
    words += ", and at most 2**40" if known and any(number > LARGEST_SIZE for number in numbers) else ""
    short = known and isinstance(given, list) and len(given) < 8 and all(number < LARGEST for number in numbers)
    raise error(known, name, whose, words, tuple(numbers) if short else value)


def axes(value: Any, name: str, whose: str) -> Any:
    """Return an axis, a tuple of axes or None, as NumPy takes them; whether the array has them, NumPy says."""
    if value is None or (type(value) is int and -65 < value < 65):
        return value
    if isinstance(value, tuple):
        several = tuple(integer(part, name, whose, -64, 64) for part in value)
        if len(set(several)) < len(several):
            raise ValueError(f"{name} of {whose} must be different axes, but got {several}")
        return several
    return integer(value, name, whose, -64, 64)


def seed(value: Any, name: str, whose: str) -> int:
    """Return an int; raise unless `value` is an integer that is not negative, however long."""
    number = number_of(value)
    if number is not None and number >= 0:
        return int(number)
    raise error(number is not None, name, whose, "an integer of at least 0", value)


def real(
    value: Any, name: str, whose: str, least: float | None = None, most: float | None = None,
    above: float | None = None, below: float | None = None, infinite: bool = False,
) -> float:  # fmt: skip
    """Return a float; raise unless `value` is a finite real number within bounds, `above` and `below` excluded."""
    number = number_of(value, "iuf")
    if (
        number is not None
        and (abs(number) <= 1.7976931348623157e308 or (infinite and abs(number) == math.inf))  # an int may be longer
        and (least is None or number >= least)
        and (most is None or number <= most)
        and (above is None or number > above)
        and (below is None or number < below)
    ):
        return float(number)
    bounds = [("at least", least), ("above", above), ("at most", most), ("below", below)]
    words = " and ".join(f"{word} {bound:g}" for word, bound in bounds if bound is not None)
    words = f"from {least:g} to {most:g}" if least is not None and most is not None else words
    kind = "real" if number is None or isinstance(number, int) or math.isfinite(number) else "finite"
    raise error(number is not None, name, whose, f"a {kind} number {words}".strip(), value)


def flag(value: Any, name: str, whose: str) -> bool:
    """Return a bool; raise unless `value` is True or False."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise error(False, name, whose, "True or False", value)


def choice(value: Any, name: str, whose: str, choices: Iterable[Any]) -> Any:
    """Return the one of `choices`, words or numbers, that `value` is; raise unless it is one."""
    choices = tuple(choices)
    if type(value) is str and value in choices:
        return value
    for known in choices:
        alike = isinstance(value, str | int) and not isinstance(value, bool) and isinstance(value, type(known))
        if value is known or (alike and value == known):
            return known
    raise error(isinstance(value, str), name, whose, "one of " + ", ".join(map(repr, choices)), value)


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
    shown = repr(value) if isinstance(value, tuple) else received(value)
    return (ValueError if known else TypeError)(
        f"{name} of {whose} must be {what}, but got {shown}" if whose else f"{name} must be {what}, but got {shown}"
    )
