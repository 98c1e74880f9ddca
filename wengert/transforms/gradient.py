"""grad and value_and_grad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, overload

import numpy as np

from wengert.transforms.by_loops import again_by_loops
from wengert.transforms.recording import Recorded, check_call, pull, selected
from wengert.writes.unmodified import unmodified_call

__all__ = ["differentiated", "grad", "titled", "value_and_grad"]

F = TypeVar("F", bound=Callable[..., Any])
P = ParamSpec("P")


# (A ufunc's parameters are those of its first signature for a type checker, which takes numbers alone.)
@overload
def grad(
    f: np.ufunc, argnums: int | Sequence[int] = 0, has_aux: bool = False, unmodified: bool = False
) -> Callable[..., Any]: ...


@overload
def grad(
    f: Callable[P, Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, unmodified: bool = False
) -> Callable[P, Any]: ...


def grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, unmodified: bool = False
) -> Callable[..., Any]:
    """Make the function that computes the gradient of `f`.

    Parameters
    ----------
    f : callable
        Returns one real floating number: an array or Variable of shape (). It is called with Variables in place of the
        arrays to differentiate with respect to; everything else is passed unchanged.
    argnums : int or tuple of int
        The positions of the arguments to differentiate with respect to. Each is a floating array, a Variable, a float,
        or nested dicts, lists, tuples and None of them.
    has_aux : bool
        Whether `f` returns a pair, of which the second is passed on and not differentiated.
    unmodified : bool
        Whether arrays that `f` makes by NumPy's functions, and those among its arguments, take Variables, so that a
        program which fills arrays runs as it is: see `wengert.unmodified`.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns the gradient, with the structure, shapes and dtypes of the argument (0-d
        for a float); a tuple for a tuple of argnums; with `has_aux`, a pair of it and the second result of `f`. An
        argument that the result does not depend on has the gradient 0.

    Raises
    ------
    TypeError
        If `f` is not callable; from the function made, if an argument is an integer or not an array, if there is no
        such argument, or if `f` does not return a real floating number.
    ValueError
        From the function made, if `f` returns an array of another shape than ().

    Notes
    -----
    A number made of a value that depends on the argument would have the derivative 0: ``float(x)`` in `f` raises, as
    does ``math.sin(x)``. Printing and comparisons work, and so does ``float(x.data)``.

    The gradient is a plain array, unless it depends on a Variable that is referenced elsewhere: an argument, the input
    of an outer transform, or a Parameter in the closure of `f`. It is then a Variable, which can be differentiated
    again. Inside `no_grad` it is always a plain array.

    The gradient of a real L with respect to a complex x + iy is dL/dx + i dL/dy.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> grad(lambda x: np.sum(x ** 3))(np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> grad(grad(np.sin))(0.5) == -np.sin(0.5)
    np.True_
    >>> grad(lambda p, x: p["w"] * x + p["b"])({"w": 2.0, "b": 0.5}, 3.0)
    {'w': array(3.), 'b': array(1.)}
    """
    both = differentiated("grad", f, argnums, has_aux, unmodified)

    @titled(f, "grad")
    def gradient(*args: Any, **kwargs: Any) -> Any:
        _, gx, aux = both(args, kwargs)
        return (gx, aux) if has_aux else gx

    return gradient


@overload
def value_and_grad(
    f: np.ufunc, argnums: int | Sequence[int] = 0, has_aux: bool = False, unmodified: bool = False
) -> Callable[..., tuple[Any, Any]]: ...


@overload
def value_and_grad(
    f: Callable[P, Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, unmodified: bool = False
) -> Callable[P, tuple[Any, Any]]: ...


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False, unmodified: bool = False
) -> Callable[..., Any]:
    """Make the function that computes the value of `f` and its gradient in one pass.

    Parameters
    ----------
    f, argnums, has_aux, unmodified
        As in `grad`.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns the pair of the value, a 0-d array, and the gradient; with `has_aux`, the
        value is the pair that `f` returned.

    Raises
    ------
    TypeError, ValueError
        As `grad`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import value_and_grad
    >>> value_and_grad(lambda x: np.sum(x ** 2))(np.array([1.0, 2.0]))
    (array(5.), array([2., 4.]))
    """
    both = differentiated("value_and_grad", f, argnums, has_aux, unmodified)

    @titled(f, "value_and_grad")
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        y, gx, aux = both(args, kwargs)
        return ((y, aux) if has_aux else y), gx

    return value_and_gradient


def differentiated(
    name: str, f: Any, argnums: Any, has_aux: bool = False, unmodified: bool = False
) -> Callable[[Any, Any], tuple[Any, Any, Any]]:
    """Make the function of (args, kwargs) that computes value, gradient and auxiliary result."""
    check_call(name, f, argnums, has_aux, unmodified)
    f = unmodified_call(f) if unmodified else f

    def both(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
        run = Recorded(name, f, args, kwargs, selected(name, args, argnums), has_aux)
        y = run.scalar()
        gxs = pull([y], [np.array(1, y.dtype)], run.create_graph, run.inputs)
        return run.given(y), run.arguments(gxs, isinstance(argnums, int)), run.given(run.aux)

    return both


def titled(f: Any, name: str) -> Callable[[F], F]:
    """Set the name, docstring and signature of a transformed function: it takes the arguments of `f`.

    It runs again where vmaps in it must be loops.
    """

    def named(made: F) -> F:
        made = again_by_loops(made)
        made.__name__ = made.__qualname__ = f"{name}({getattr(f, '__name__', type(f).__name__)})"
        made.__module__ = getattr(f, "__module__", None) or made.__module__
        made.__wrapped__ = f  # type: ignore[attr-defined]  # (for help, and editors)
        made.__doc__ = f"Made by wengert.{name} of {getattr(f, '__name__', type(f).__name__)}."
        return made

    return named
