"""Rows for ufuncs of scipy.special that have no derivative in closed form with respect to some arguments."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.custom.registration import pullback, refused
from wengert.functions.strong_zero import strong_zero_multiply as product

__all__ = ["as_array", "contribution", "no_closed_form", "real", "wrt", "wrt_last"]


def as_array(value: Any) -> Any:
    """Make a number into an array, and leave arrays of any kind as they are."""
    return value if hasattr(value, "ndim") else np.asarray(value)


def contribution(gy: Any, slope: Any) -> Any:
    """The gradient that passes through a holomorphic (or real) function with the derivative `slope`."""
    return product(gy, np.conjugate(slope))


def wrt(ufunc: np.ufunc, argument: str, slope: Callable[..., Any]) -> None:
    """Register the derivative of ``y = ufunc(x1, x2, ...)`` with respect to one argument: ``slope(x1, x2, ..., y)``.

    With respect to arguments without one a Variable is refused, a constant array is accepted.
    """

    def two(gy: Any, x1: Any, x2: Any, *, y: Any) -> Any:
        return contribution(gy, slope(as_array(x1), as_array(x2), y))

    def three(gy: Any, x1: Any, x2: Any, x3: Any, *, y: Any) -> Any:
        return contribution(gy, slope(as_array(x1), as_array(x2), as_array(x3), y))

    def four(gy: Any, x1: Any, x2: Any, x3: Any, x4: Any, *, y: Any) -> Any:
        return contribution(gy, slope(as_array(x1), as_array(x2), as_array(x3), as_array(x4), y))

    rules: dict[int, Callable[..., Any]] = {2: two, 3: three, 4: four}
    pullback(ufunc, argument)(rules[ufunc.nin])


def wrt_last(ufunc: np.ufunc, slope: Callable[..., Any]) -> None:
    """Register the derivative with respect to the last argument."""
    wrt(ufunc, f"x{ufunc.nin}", slope)


def no_closed_form(*ufuncs: np.ufunc, parameter: str) -> None:
    """Refuse ufuncs whose value, or whose only argument, is the parameter that has no derivative in closed form."""
    refused(
        *ufuncs,
        instead="a function of your own with a wengert.pullback, a finite difference in it: "
        f"with respect to {parameter} there is no derivative in closed form",
    )


def real(z: Any, name: str) -> Any:
    """Return `z`; raise TypeError if it is complex, where a scaling by |exp(z)| is not holomorphic."""
    if z.dtype.kind == "c":
        raise TypeError(
            f"scipy.special.{name} is differentiated at real numbers only, for it is scaled by a modulus, but got "
            f"complex ones; use the one without scaling, scipy.special.{name.removesuffix('e')}"
        )
    return z
