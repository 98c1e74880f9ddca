"""Decorators around solvers: root, fixed_point, minimum, least_squares."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Variable, array_of
from wengert.custom.modes import no_grad
from wengert.implicit.krylov import METHODS
from wengert.implicit.linear_system import concatenated, split
from wengert.implicit.solution import Settings, recorded, solution
from wengert.transforms.containers import leaves, leaves_of, match, rebuild, values_of
from wengert.transforms.gradient import differentiated
from wengert.transforms.recording import pull
from wengert.writes.written import frozen, present

__all__ = ["arrays_of", "fixed_point", "least_squares", "minimum", "multipliers", "root"]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def root(
    residual: Callable[..., Any],
    *,
    solve: Any = "auto",
    rtol: float | None = None,
    atol: float | None = None,
    has_aux: bool = False,
) -> Decorator:
    """Make a decorator for a solver of ``residual(x, *args) == 0``, whose result it makes differentiable.

    Parameters
    ----------
    residual : callable
        ``residual(x, *args, **kwargs)``, in NumPy, has the structure and shapes of the unknowns `x`: an array, or
        nested dicts, lists and tuples of them.
    solve : str or callable
        How the linear system of the derivative is solved. "dense": the Jacobian is formed, by a backward pass for each
        unknown. "gmres", "bicgstab", "cg" (for a symmetric positive definite Jacobian): by products with it alone.
        "diagonal": each element of the residual depends on its own unknown alone. A function of (product, b), the
        product with a matrix as a function, and a vector, returns the solution. "auto": dense up to 128 unknowns, else
        "gmres" (for `minimum` "cg").
    rtol, atol : float, optional
        How close to a solution the result must be: a Newton step from it is at most ``atol + rtol * max(abs(x))``. By
        default 1e-3 (float32: 3.5e-3), and the root of the precision (1.5e-8).
    has_aux : bool
        Whether the solver returns a pair (x, anything else), of which the second is passed on.

    Returns
    -------
    callable
        A decorator for ``solver(x0, *args, **kwargs)``, which returns `x`. The solver is called with arrays in the
        place of Variables, records nothing, and may be written in anything. `x0` only starts it.
        The result is a Variable where the residual depends on one: among `args` and `kwargs`, or one that `residual`
        closes over.

    Raises
    ------
    TypeError, ValueError
        From the decorated solver, if the residual has not the structure of the unknowns, or they are not real floating
        arrays.
    ConvergenceError
        In the derivative, if the result is no solution; from the solver, if it is not finite.
    numpy.linalg.LinAlgError
        In the derivative, if the Jacobian is singular there.

    Notes
    -----
    The derivative is that of the solution, by the implicit function theorem, and not of the solver's steps. It has any
    order. `residual` is called again for it, and so must compute the same.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad, implicit
    >>> @implicit.root(lambda x, a: x ** 3 + x - a)
    ... def solve(x0, a):
    ...     x = x0
    ...     for _ in range(50):
    ...         x = x - (x ** 3 + x - a) / (3 * x ** 2 + 1)
    ...     return x
    >>> solve(1.0, 2.0), grad(lambda a: solve(1.0, a))(2.0)
    (1.0, array(0.25))
    """
    settings = checked_settings("implicit.root", residual, solve, rtol, atol, has_aux)

    def equation(x: Any, args: Any, kwargs: Any) -> Any:
        return residual(x, *args, **kwargs)

    return decorator(settings, equation, has_aux)


def fixed_point(
    g: Callable[..., Any],
    *,
    solve: Any = "auto",
    rtol: float | None = None,
    atol: float | None = None,
    has_aux: bool = False,
) -> Decorator:
    """Make a decorator for a solver of ``x == g(x, *args)``, whose result it makes differentiable.

    Parameters
    ----------
    g : callable
        ``g(x, *args, **kwargs)``, in NumPy, has the structure and shapes of `x`.
    solve, rtol, atol, has_aux
        As in `root`.

    Returns
    -------
    callable
        A decorator for ``solver(x0, *args, **kwargs)``, as that of `root`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad, implicit
    >>> @implicit.fixed_point(lambda x, a: (x + a / x) / 2)
    ... def heron(x, a):
    ...     for _ in range(20):
    ...         x = (x + a / x) / 2
    ...     return x
    >>> heron(1.0, 4.0), grad(lambda a: heron(1.0, a))(4.0)
    (2.0, array(0.25))
    """
    settings = checked_settings("implicit.fixed_point", g, solve, rtol, atol, has_aux)

    def equation(x: Any, args: Any, kwargs: Any) -> Any:
        image = g(x, *args, **kwargs)
        found = match(x, image, "the image of implicit.fixed_point")
        return rebuild(x, [a - b for a, b in zip(leaves_of(x), found, strict=True)])

    return decorator(settings, equation, has_aux)


def minimum(
    f: Callable[..., Any],
    equality: Callable[..., Any] | None = None,
    *,
    solve: Any = "auto",
    rtol: float | None = None,
    atol: float | None = None,
    has_aux: bool = False,
) -> Decorator:
    """Make a decorator for a solver that minimizes ``f(x, *args)``, whose result it makes differentiable.

    Parameters
    ----------
    f : callable
        ``f(x, *args, **kwargs)``, in NumPy, returns one real number.
    equality : callable, optional
        ``equality(x, *args, **kwargs)`` returns what the solver holds at 0: an array, or containers of them, whose
        gradients are linearly independent. The derivative is then that of the conditions of Lagrange (Karush, Kuhn
        and Tucker); the multipliers are found at the solution.
    solve, rtol, atol, has_aux
        As in `root`. The linear system is that of the second derivative of `f`, or of the Lagrangian.

    Returns
    -------
    callable
        A decorator for ``solver(x0, *args, **kwargs)``, as that of `root`. (A maximum or saddle point is differentiated
        as well: the condition is that the gradient is 0.)

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad, implicit
    >>> @implicit.minimum(lambda x, a: np.sum((x - a) ** 2), equality=lambda x, a: np.sum(x) - 1)
    ... def project(x0, a):
    ...     return a + (1 - np.sum(a)) / a.size
    >>> grad(lambda a: project(None, a)[0])(np.array([2.0, 0.0]))
    array([ 0.5, -0.5])
    """
    settings = checked_settings("implicit.minimum", f, solve, rtol, atol, has_aux)
    if equality is not None:
        options.function(equality, "equality", "implicit.minimum")
    return stationary(settings._replace(iterative="cg" if equality is None else "gmres"), f, equality, has_aux)


def least_squares(
    residuals: Callable[..., Any],
    *,
    solve: Any = "auto",
    rtol: float | None = None,
    atol: float | None = None,
    has_aux: bool = False,
) -> Decorator:
    """Make a decorator for a solver that minimizes the sum of squares of ``residuals(x, *args)``.

    Parameters
    ----------
    residuals : callable
        ``residuals(x, *args, **kwargs)``, in NumPy, returns a real array, or containers of them.
    solve, rtol, atol, has_aux
        As in `minimum`. The second derivative of the sum is exact, not that of Gauss and Newton.

    Returns
    -------
    callable
        A decorator for ``solver(x0, *args, **kwargs)``, as that of `root`.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad, implicit
    >>> t = np.array([0.0, 1.0, 2.0])
    >>> @implicit.least_squares(lambda x, y: x[0] + x[1] * t - y)
    ... def line(x0, y):
    ...     return np.polyfit(t, y, 1)[::-1]
    >>> np.round(grad(lambda y: line(None, y)[1])(np.array([1.0, 2.0, 4.0])), 12) + 0.0
    array([-0.5,  0. ,  0.5])
    """
    settings = checked_settings("implicit.least_squares", residuals, solve, rtol, atol, has_aux)

    def cost(*args: Any, **kwargs: Any) -> Any:
        return sum(np.sum(r * r) for r in leaves_of(residuals(*args, **kwargs))) / 2

    return stationary(settings._replace(iterative="cg"), cost, None, has_aux)


def checked_settings(name: str, f: Any, solve: Any, rtol: Any, atol: Any, has_aux: Any) -> Settings:
    """Check the options that all decorators take."""
    if not callable(f):
        raise TypeError(f"{name} takes a function, but got {describe(f)}; write @{name}(lambda x, a: ...)")
    if not callable(solve) and solve not in ("auto", "dense", "diagonal", *METHODS):
        raise ValueError(
            f"solve of {name} is 'auto', 'dense', 'diagonal', 'gmres', 'bicgstab', 'cg' or a function of "
            f"(product, b), but got {solve!r}"
        )
    options.flag(has_aux, "has_aux", name)
    for what, value in (("rtol", rtol), ("atol", atol)):
        if value is not None and not (isinstance(value, (int, float)) and value >= 0):
            raise ValueError(f"{what} of {name} is a number of at least 0, or None, but got {value!r}")
    return Settings(name, solve, rtol=rtol, atol=atol)


def decorator(settings: Settings, equation: Callable[[Any, Any, Any], Any], has_aux: bool) -> Decorator:
    """Make the decorator of solvers of an equation in (x, args, kwargs)."""

    def decorate(solver: Callable[..., Any]) -> Callable[..., Any]:
        options.function(solver, "a solver", settings.name)

        @functools.wraps(solver, updated=())
        def solved(x0: Any, *args: Any, **kwargs: Any) -> Any:
            x, aux = run(settings.name, solver, has_aux, x0, args, kwargs)
            args, kwargs = frozen(args), frozen(kwargs)

            def residual(parts: list[Any]) -> list[Any]:
                unknowns = rebuild(x, parts)
                return matched(settings.name, unknowns, present(equation(unknowns, args, kwargs)))

            values = arrays_of(settings.name, x)
            found = solution(values, residual, settings)
            result = x if not any(isinstance(y, Variable) for y in found) else rebuild(x, found)
            return (result, aux) if has_aux else result

        return solved

    return decorate


def stationary(settings: Settings, f: Any, equality: Any, has_aux: bool) -> Decorator:
    """Make the decorator of solvers that make the gradient of `f` 0, or of the Lagrangian with `equality`."""
    if equality is None:
        gradient = differentiated(settings.name, f, 0)
        return decorator(settings, lambda x, args, kwargs: gradient((x, *args), kwargs)[1], has_aux)

    def lagrangian(x: Any, factors: list[Any], *args: Any, **kwargs: Any) -> Any:
        held = leaves_of(present(equality(x, *args, **kwargs)))
        return f(x, *args, **kwargs) + sum(np.sum(a * b) for a, b in zip(factors, held, strict=True))

    conditions = differentiated(settings.name, lagrangian, (0, 1))

    def decorate(solver: Callable[..., Any]) -> Callable[..., Any]:
        options.function(solver, "a solver", settings.name)

        @functools.wraps(solver, updated=())
        def solved(x0: Any, *args: Any, **kwargs: Any) -> Any:
            x, aux = run(settings.name, solver, has_aux, x0, args, kwargs)
            plain_args, plain_kwargs = values_of(present(args)), values_of(present(kwargs))
            args, kwargs = frozen(args), frozen(kwargs)
            values = arrays_of(settings.name, x)
            with no_grad():
                factors = multipliers(
                    values,
                    lambda parts: f(rebuild(x, parts), *plain_args, **plain_kwargs),
                    lambda parts: leaves_of(present(equality(rebuild(x, parts), *plain_args, **plain_kwargs))),
                )
            many = len(values)

            def residual(parts: list[Any]) -> list[Any]:
                unknowns = rebuild(x, parts[:many])
                gx, held = conditions((unknowns, parts[many:], *args), kwargs)[1]
                return [*matched(settings.name, unknowns, gx), *held]

            found = solution([*values, *factors], residual, settings)[:many]
            result = x if not any(isinstance(y, Variable) for y in found) else rebuild(x, found)
            return (result, aux) if has_aux else result

        return solved

    return decorate


def run(name: str, solver: Any, has_aux: bool, x0: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Call a solver on arrays."""
    with no_grad():
        x0, args, kwargs = (values_of(present(v)) for v in (x0, args, kwargs))
        result = present(solver(x0, *args, **kwargs))
    if not has_aux:
        return values_of(result), None
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(
            f"{name} with has_aux=True takes a solver that returns a pair (x, anything else), but got "
            f"{describe(result)}; return such a pair, or leave has_aux out"
        )
    return values_of(result[0]), result[1]


def arrays_of(name: str, x: Any) -> list[Any]:
    """Return the leaves of a solution, which must be real floating arrays."""
    found = []
    for where, leaf in leaves(x, "the solution"):
        array = np.asarray(leaf) if np.isscalar(leaf) and not isinstance(leaf, (str, bytes)) else leaf
        if getattr(getattr(array, "dtype", None), "kind", "") != "f":
            raise TypeError(
                f"{name} takes a solver that returns real floating arrays, or dicts, lists and tuples of them, but "
                f"{where} is {describe(leaf)}; "
                + ("solve for real and imaginary parts" if is_complex(leaf) else "convert it")
            )
        found.append(array)
    if not found:
        raise TypeError(f"{name} takes a solver that returns its solution, but got {describe(x)}")
    return found


def is_complex(leaf: Any) -> bool:
    return getattr(getattr(leaf, "dtype", None), "kind", "") == "c" or isinstance(leaf, complex)


def matched(name: str, unknowns: Any, result: Any) -> list[Any]:
    """List the leaves of a residual, one for each unknown and of its shape."""
    found = match(unknowns, result, f"the residual of {name}")
    for (where, x), y in zip(leaves(unknowns, "the solution"), found, strict=True):
        if np.shape(y) != x.shape or np.asarray(array_of(y) if isinstance(y, Variable) else y).dtype.kind not in "fiub":
            raise ValueError(
                f"{name} takes as many equations as unknowns, a real residual of the shape of each, but for {where} "
                f"of shape {x.shape} it is {describe(y)}; reshape it, or see implicit.least_squares"
            )
    return [
        y if isinstance(y, Variable) else np.asarray(y, x.dtype)
        for y, x in zip(found, leaves_of(unknowns), strict=True)
    ]


def multipliers(values: Sequence[Any], f: Any, equality: Any) -> list[Any]:
    """Return the multipliers of Lagrange at a solution: those that come closest to a gradient of 0."""
    record = recorded(lambda parts: [f(parts), *equality(parts)], [Variable(v) for v in values])
    dtype = np.result_type(*values)
    slope, *held = record.roots
    gradient = concatenated(pull([slope], [np.ones((), slope.dtype)], False, record.marks), dtype)
    count = sum(np.size(y) for y in held)
    like = [np.empty(np.shape(y), dtype) for y in held]
    rows = [
        concatenated(pull(held, split(unit, like), False, record.marks), dtype) for unit in np.eye(count, dtype=dtype)
    ]
    if not rows:
        return like
    return split(np.linalg.lstsq(np.stack(rows, axis=1), -gradient, rcond=None)[0], like)
