"""Every function at its singular points, by itself and inside smooth compositions whose derivative is known.

A module of this package has a list ``CASES``; `tests.test_singular_sets` runs them all, and fails for each line of
the table in `wengert.functions.singular_points` that has none.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["NOT_FINITE", "RAISES", "Case", "alone", "at_number", "hessian_of_square", "whole"]

NOT_FINITE, RAISES = "not finite", "raises"


class Case(NamedTuple):
    """The sum of the real part of ``call(x)`` at a point, with its gradient and its Hessian."""

    function: str  # the name in the table
    where: str  # the point in the table
    call: Callable[[Any], Any]
    x: Any
    first: Any  # broadcast to the shape of x; or NOT_FINITE, RAISES
    second: Any  # a number times the identity, or a matrix; None: only computed
    complex: bool = False  # whether it holds for a complex x, too
    half: bool = True  # whether it can be computed in float16
    single: bool = True


def at_number(functions: str, where: str, call: Any, x: float, first: Any, second: Any, **options: Any) -> list[Case]:
    """Cases of functions of one number, which `call` is given besides it."""
    return [
        Case(name, where, functools.partial(call, resolve(name)), np.array([x]), first, second, **options)
        for name in functions.split()
    ]


def whole(name: str, where: str, call: Any, x: Any, first: Any, second: Any, **options: Any) -> Case:
    """A case of one function of an array."""
    return Case(name, where, call, np.array(x, float), first, second, **options)


def alone(functions: str, where: str, x: float, first: Any, second: Any, **options: Any) -> list[Case]:
    """Cases of functions of one number by themselves."""
    return at_number(functions, where, lambda f, x: f(x), x, first, second, **options)


def resolve(name: str) -> Any:
    """Return a function by its name."""
    import importlib

    from wengert import functions

    first, _, rest = name.partition(".")
    found: Any = {"np": np, "F": functions}.get(first)
    if first == "special":  # (zeta and lambertw are functions of Python; the table has their ufuncs)
        found = importlib.import_module("scipy.special")
        return getattr(found, rest, None) or getattr(found._ufuncs, f"_{rest}")
    for part in rest.split("."):
        found = getattr(found, part)
    return found


def hessian_of_square(f: Callable[[Any], Any], shape: Any) -> Any:
    """The Hessian of the part of second degree, which `f` computes, by its values."""
    n = int(np.prod(shape))
    e = np.eye(n).reshape(n, *shape)
    single = [float(f(a)) for a in e]
    return np.array([[float(f(e[i] + e[j])) - single[i] - single[j] for j in range(n)] for i in range(n)])
