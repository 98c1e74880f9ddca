"""Functions of the program as SciPy calls them: on arrays, with the derivatives that it asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core.mode import current_mode
from wengert.core.variable import Variable, array_of
from wengert.custom.modes import no_grad
from wengert.transforms.containers import has_variable, values_of
from wengert.transforms.gradient import value_and_grad
from wengert.transforms.matrices import jacobian
from wengert.writes.written import frozen, present

__all__ = ["arguments", "array", "automatic", "depends", "on_arrays", "plain", "with_gradient", "with_jacobian"]

# What a function raises that is no program of NumPy's, or has no derivative where it is asked for one.
NOT_DIFFERENTIABLE = (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError, ArithmeticError)


def array(value: Any) -> Any:
    """Return the array of a Variable; anything else as it is."""
    value = present(value)
    return array_of(value) if isinstance(value, Variable) else value


def plain(value: Any) -> Any:
    """Replace Variables in nested arguments by their arrays."""
    return values_of(present(value))


def arguments(args: Any) -> tuple[Any, ...]:
    """Return the further arguments of a function, which SciPy takes as a tuple or alone, as they are now."""
    return frozen(args) if isinstance(args, tuple) else (frozen(args),)


def on_arrays(f: Callable[..., Any], args: tuple[Any, ...]) -> Callable[..., Any]:
    """Make the function that SciPy calls: from arrays to arrays, with `args` in it."""
    values = plain(args)

    @functools.wraps(f, updated=())  # (curve_fit reads its signature)
    def called(*xs: Any) -> Any:
        with no_grad():
            return plain(f(*xs, *values))

    return called


def with_jacobian(f: Callable[..., Any], args: tuple[Any, ...], x0: Any) -> Callable[[Any], Any] | None:
    """Make the function of the Jacobian of ``f(x, *args)``, as a matrix; None if `f` is not differentiable at `x0`."""
    values = plain(args)
    derivative = jacobian(lambda x: np.reshape(f(x, *values), -1))

    def called(x: Any) -> Any:
        with no_grad():
            return np.reshape(derivative(x), (-1, np.size(x)))

    return called if works(called, x0) else None


def with_gradient(f: Callable[..., Any], args: tuple[Any, ...], x0: Any) -> Callable[[Any], Any] | None:
    """Make the function of (value, gradient) of ``f(x, *args)``; None if `f` is not differentiable at `x0`."""
    values = plain(args)
    derivative = value_and_grad(lambda x: np.reshape(f(x, *values), ()))

    def called(x: Any) -> Any:
        with no_grad():
            y, gx = derivative(x)
            return float(y), gx

    return called if works(called, x0) else None


def automatic(derivative: Callable[[Any], Any], x0: Any) -> Callable[[Any], Any] | None:
    """Make a derivative one that SciPy may call; None if it does not exist at `x0`."""

    def called(x: Any) -> Any:
        with no_grad():
            return derivative(x)

    return called if works(called, x0) else None


def depends(f: Callable[..., Any], *xs: Any) -> bool:
    """Whether a function of arrays depends on Variables beside: those of its arguments `args`, or of its closure.

    It is called on arrays, as SciPy does, because a function that depends on none need not be a NumPy program.
    """
    return current_mode.get().record and has_variable(present(f(*xs)))


def works(f: Callable[[Any], Any], x: Any) -> bool:
    """Whether a function can be called: what is no program of NumPy's is not differentiated."""
    x = np.array(array(x))
    if x.dtype.kind not in "fiub":
        return False
    try:
        with np.errstate(all="ignore"):
            f(np.atleast_1d(x.astype(np.float64)))
    except NOT_DIFFERENTIABLE:
        return False
    return True
