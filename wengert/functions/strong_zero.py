"""The derivatives of the product in which zero wins."""

from typing import Any

from wengert.arrays.strong_zero import strong_zero_multiply
from wengert.custom.registration import pullback

__all__ = ["strong_zero_multiply"]


@pullback(strong_zero_multiply, "a", reads="b", linear=True)
def by_first(gy: Any, a: Any, b: Any) -> Any:
    return strong_zero_multiply(gy, b.conjugate())


@pullback(strong_zero_multiply, "b", reads="a", linear=True)
def by_second(gy: Any, a: Any, b: Any) -> Any:
    return strong_zero_multiply(gy, a.conjugate())
