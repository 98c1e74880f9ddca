"""Minima of functions of a vector, and of one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize

from wengert.batching.examples import one_example
from wengert.core.variable import Variable
from wengert.custom.modes import no_grad
from wengert.implicit.solution import Settings, solution
from wengert.implicit.solvers import multipliers
from wengert.scipy.optimize.callbacks import (
    arguments,
    array,
    automatic,
    depends,
    on_arrays,
    plain,
    with_gradient,
    with_jacobian,
)
from wengert.transforms.containers import has_variable
from wengert.transforms.gradient import differentiated, grad
from wengert.transforms.matrices import hessian
from wengert.transforms.products import hvp
from wengert.writes.written import frozen, present

__all__ = ["degenerate", "held_bounds", "minimize", "minimize_scalar"]

WITHOUT_GRADIENT = frozenset(("nelder-mead", "powell", "cobyla", "cobyqa"))
WITH_MATRIX = frozenset(("dogleg", "trust-exact"))
WITH_PRODUCTS = frozenset(("newton-cg", "trust-ncg", "trust-krylov"))
CLOSE = 1e-6  # how close to 0 a constraint, and its multiplier, are taken for 0
# Rounding errors let the line search find nothing better, which a minimum does too: whether it is one, the derivative
# checks. The status is 2 for BFGS, CG and L-BFGS-B, and 8 for SLSQP.
ROUNDED = {"": (2, 8), "bfgs": (2,), "cg": (2,), "l-bfgs-b": (2,), "slsqp": (8,)}


class Condition(NamedTuple):
    """A constraint: a function of the unknowns between two bounds, as SciPy takes it, and as it is recorded."""

    given: Any
    value: Callable[[Any], Any]
    lower: Any
    upper: Any


@one_example
def minimize(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """Minimize a function of a vector: `scipy.optimize.minimize`, whose result is differentiable.

    Parameters
    ----------
    fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
        As SciPy's. Variables may be in `args`, in `bounds` and `constraints`, and in what the functions close over; the
        minimum does not depend on `x0`. Gradients, and second derivatives for the methods that need them, are
        computed by Wengert where they are not given and `fun` is a NumPy program.

    Returns
    -------
    OptimizeResult
        As SciPy's; `x` and `fun` are Variables where they depend on one.

    Raises
    ------
    ConvergenceError
        If SciPy reports no success and the minimum depends on a Variable.
    numpy.linalg.LinAlgError
        If a bound or an inequality holds with a multiplier of 0, where there are derivatives to one side only; in the
        derivative, if the minimum is not isolated.

    Notes
    -----
    The derivative is that of the conditions of Karush, Kuhn and Tucker: bounds and inequalities that hold with equality
    at the minimum are held.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import minimize
    >>> grad(lambda a: minimize(lambda x: np.sum((x - a) ** 2 + x ** 4), [1.0]).x[0])(3.0).round(6)
    np.float64(0.142857)
    """
    args = arguments(args)
    frozen_bounds = frozen(bounds) if isinstance(bounds, (list, tuple)) else bounds
    conditions = [
        condition(c, x0) for c in ([constraints] if not isinstance(constraints, (list, tuple)) else constraints)
    ]
    name = method.lower() if isinstance(method, str) else ""
    scipys, jac, hess, hessp = derivatives(fun, x0, args, name, jac, hess, hessp, callable(method))
    with no_grad():
        found = optimize.minimize(
            scipys,
            plain(x0),
            (),
            method,
            jac,
            hess,
            hessp,
            plain_bounds(bounds),
            [c.given for c in conditions] if conditions else (),
            tol,
            callback,
            options,
        )

    def value(x: Any) -> Any:
        y = fun(x, *args)
        return np.reshape(y[0] if jac is True and isinstance(y, tuple) else y, ())

    def plain_value(x: Any) -> Any:
        y = fun(x, *plain(args))
        return np.reshape(y[0] if isinstance(y, tuple) else y, ())

    failed = not found.success and found.status not in ROUNDED.get(name, ())
    x = stationary(
        "minimize", found.x, value, plain_value, (frozen_bounds, conditions), str(found.message) if failed else ""
    )
    if isinstance(x, Variable):
        found.x, found.fun = x, value(x)
    return found


def derivatives(
    fun: Any, x0: Any, args: Any, method: str, jac: Any, hess: Any, hessp: Any, own: bool
) -> tuple[Any, Any, Any, Any]:
    """Return the function and the derivatives that SciPy is given."""
    called = on_arrays(fun, args)
    if callable(jac):
        jac = on_arrays(jac, args)
    hess = on_arrays(hess, args) if callable(hess) else hess
    hessp = on_arrays(hessp, args) if callable(hessp) else hessp
    if own or method in WITHOUT_GRADIENT:
        return called, jac, hess, hessp
    if jac is None or jac is False:
        both = with_gradient(fun, args, x0)
        if both is not None:
            return both, True, *second_derivatives(fun, x0, args, method, hess, hessp)
    value = (lambda x, *rest: fun(x, *rest)[0]) if jac is True else fun
    return called, jac, *second_derivatives(value, x0, args, method, hess, hessp)


def second_derivatives(value: Any, x0: Any, args: Any, method: str, hess: Any, hessp: Any) -> tuple[Any, Any]:
    """Return the second derivatives that a method needs, where they are not given."""
    values = plain(args)
    if hess is None and hessp is None and method in WITH_MATRIX:
        hess = automatic(hessian(lambda x: np.reshape(value(x, *values), ())), x0)
    elif hess is None and hessp is None and method in WITH_PRODUCTS:

        def products(x: Any, p: Any) -> Any:
            return hvp(lambda x: np.reshape(value(x, *values), ()), (x,), (p,))[0]

        if automatic(lambda x: products(x, x), x0) is not None:
            hessp = on_arrays(products, ())
    return hess, hessp


@one_example
def minimize_scalar(
    fun: Callable[..., Any],
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: float | None = None,
    options: Any = None,
) -> Any:
    """Minimize a function of one number: `scipy.optimize.minimize_scalar`, whose result is differentiable.

    Parameters
    ----------
    fun, bracket, bounds, args, method, tol, options
        As SciPy's. Variables may be in `args`, in `bounds`, and in what `fun` closes over.

    Returns
    -------
    OptimizeResult
        As SciPy's; `x` and `fun` are Variables where they depend on one.

    Raises
    ------
    ConvergenceError
        If SciPy reports no success and the minimum depends on a Variable.

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import minimize_scalar
    >>> grad(lambda a: minimize_scalar(lambda x: (x * x - a) ** 2, bounds=(0, 5)).x)(4.0).round(6)
    np.float64(0.25)
    """
    args = arguments(args)
    called = on_arrays(fun, args)
    found = optimize.minimize_scalar(
        lambda x: np.reshape(called(x), ())[()], plain(bracket), plain(bounds), (), method, tol, options
    )

    def value(x: Any) -> Any:
        return np.reshape(fun(np.reshape(x, ())[()], *args), ())

    values = plain(args)
    failure = "" if found.success else str(found.message)
    limits = None if bounds is None else [tuple(frozen(bounds))]
    near = 1e-4 * (array(bounds[1]) - array(bounds[0])) if bounds is not None else CLOSE
    x = stationary(
        "minimize_scalar",
        np.reshape(found.x, 1),
        value,
        lambda x: fun(np.reshape(x, ()), *values),
        (limits, []),
        failure,
        near,
    )
    if isinstance(x, Variable):
        found.x = np.reshape(x, ())
        found.fun = value(x)
    return found


def stationary(
    name: str,
    x: Any,
    value: Any,
    plain_value: Any,
    limits: tuple[Any, list[Condition]],
    failure: str,
    near: Any = CLOSE,
) -> Any:
    """Make a minimum differentiable, with the bounds and the constraints that hold there."""
    bounds, conditions = limits
    given = (bounds.lb, bounds.ub) if isinstance(bounds, optimize.Bounds) else bounds
    functions = [value, *(f for c in conditions for f in (c.value, lambda x, c=c: (c.lower, c.upper)))]
    if not has_variable(present(given)) and not any(depends(f, np.array(x)) for f in functions):
        return x
    with no_grad():
        gradient = grad(plain_value)(np.array(x))
    held, factors, active = held_at(name, x, gradient, plain_value, bounds, conditions, near)

    def lagrangian(x: Any, factors: Any) -> Any:
        y = value(x)
        return y if factors is None else y + factors @ held(x)

    slope = differentiated(f"optimize.{name}", lagrangian, 0)

    def residual(parts: list[Any]) -> list[Any]:
        x = parts[0]
        gx = slope((x, parts[1] if len(parts) > 1 else None), {})[1]
        if active is not None:
            gx = np.where(active[0], x - active[1](), gx)
        return [gx, held(x)] if len(parts) > 1 else [gx]

    symmetric = active is None and factors is None
    settings = Settings(f"optimize.{name}", iterative="cg" if symmetric else "gmres", failure=failure)
    found = solution([np.asarray(x), *([] if factors is None else [factors])], residual, settings)[0]
    return found if isinstance(found, Variable) else x


def held_at(
    name: str, x: Any, gradient: Any, plain_value: Any, bounds: Any, conditions: list[Condition], near: Any
) -> tuple[Any, Any, Any]:
    """Find the constraints that hold with equality: a function of them, their multipliers, and the held bounds."""
    kept = [(c, *active_of(c, x)) for c in conditions]

    def held(x: Any) -> Any:
        parts = [c.value(x)[index] - targets() for c, index, _, targets in kept if index.size]
        return np.concatenate(parts) if parts else np.zeros(0)

    factors = None
    free = np.ones(x.shape, bool)
    if any(index.size for _, index, _, _ in kept):
        if bounds is not None:
            lower, upper = limits_of(bounds, x.size)
            free = ~((np.abs(x - plain(lower)) <= near) | (np.abs(x - plain(upper)) <= near))

        def of_free(f: Any) -> Any:
            return lambda parts: f(np.where(free, parts[0], x))

        with no_grad():
            (factors,) = multipliers([np.asarray(x)], of_free(plain_value), lambda parts: [of_free(held)(parts)])
            gradient = gradient + grad(lambda x: factors @ held(x))(x)
        signs = np.concatenate([sign for _, index, sign, _ in kept if index.size])
        wanted = factors * signs
        if np.any(np.abs(factors[signs != 0]) <= CLOSE):
            raise degenerate(name, "an inequality")
        if np.any(wanted[signs != 0] < 0):
            raise degenerate(name, "an inequality that does not hold the minimum")
    active = None if bounds is None else held_bounds(name, x, gradient, limits_of(bounds, x.size), near)
    return held, factors, active


def active_of(c: Condition, x: Any) -> tuple[Any, Any, Any]:
    """Return the elements of a constraint that hold with equality, the signs of their multipliers, and their values."""
    with no_grad():
        value = plain(c.value(x))
    lower, upper = (np.broadcast_to(plain(v), value.shape) for v in (c.lower, c.upper))
    equal = lower == upper
    low = ~equal & np.isfinite(lower) & (np.abs(value - lower) <= CLOSE * (1 + np.abs(value)))
    high = ~equal & np.isfinite(upper) & (np.abs(value - upper) <= CLOSE * (1 + np.abs(value)))
    index = np.flatnonzero(equal | low | high)
    signs = np.where(equal, 0, np.where(low, -1, 1))[index]

    def targets() -> Any:
        both = [np.where(True, v, np.zeros(value.shape))[index] for v in (c.lower, c.upper)]
        return np.where(low[index] | equal[index], both[0], both[1])

    return index, signs, targets


def held_bounds(name: str, x: Any, gradient: Any, limits: tuple[Any, Any], near: Any = CLOSE) -> Any:
    """Find the bounds that hold a minimum: a mask of the unknowns, and a function of their values."""
    lower, upper = limits
    low = (x - plain(lower) <= near * (1 + np.abs(x))) & np.isfinite(plain(lower))
    high = (plain(upper) - x <= near * (1 + np.abs(x))) & np.isfinite(plain(upper))
    if not np.any(low | high):
        return None
    flat = np.abs(gradient) <= CLOSE * max(1, np.max(np.abs(gradient)))
    fixed = low & high
    if np.any((low | high) & ~fixed & flat):
        raise degenerate(name, "a bound")
    low, high = fixed | (low & (gradient > 0)), high & (gradient < 0) & ~fixed
    return low | high, lambda: np.where(low, lower, upper) if np.any(low | high) else x


def degenerate(name: str, what: str) -> np.linalg.LinAlgError:
    return np.linalg.LinAlgError(
        f"the minimum of optimize.{name} lies on {what} with a multiplier of 0, where it has derivatives to one side "
        "only; move the bound, or leave it out where it does not matter"
    )


def limits_of(bounds: Any, size: int) -> tuple[Any, Any]:
    """Return bounds, in any of SciPy's forms, as two arrays, or Variables."""
    if isinstance(bounds, optimize.Bounds):
        return tuple(np.where(True, v, np.zeros(size)) for v in (bounds.lb, bounds.ub))  # type: ignore[return-value]
    pairs = [(-np.inf if a is None else a, np.inf if b is None else b) for a, b in bounds]
    return tuple(np.stack([np.reshape(v, ()) for v in side]) for side in zip(*pairs, strict=True))  # type: ignore[return-value]


def plain_bounds(bounds: Any) -> Any:
    """Return bounds without Variables."""
    if isinstance(bounds, optimize.Bounds):
        return optimize.Bounds(plain(bounds.lb), plain(bounds.ub), bounds.keep_feasible)
    if bounds is None:
        return None
    return [tuple(None if v is None else array(v) for v in pair) for pair in bounds]


def condition(given: Any, x0: Any) -> Condition:
    """Take a constraint of SciPy's apart."""
    if isinstance(given, dict):
        args, fun = arguments(given.get("args", ())), given["fun"]
        new = {**given, "fun": on_arrays(fun, args), "args": ()}
        jac = on_arrays(given["jac"], args) if callable(given.get("jac")) else with_jacobian(fun, args, x0)
        if jac is not None:
            new["jac"] = jac
        return Condition(
            new, lambda x: np.reshape(fun(x, *args), -1), 0.0, 0.0 if str(given["type"]).lower() == "eq" else np.inf
        )
    if isinstance(given, optimize.LinearConstraint):
        matrix = given.A
        return Condition(
            optimize.LinearConstraint(plain(matrix), plain(given.lb), plain(given.ub), given.keep_feasible),
            lambda x: np.reshape(np.where(True, matrix, 0.0) @ x, -1),
            given.lb,
            given.ub,
        )
    fun = given.fun
    jac = on_arrays(given.jac, ()) if callable(given.jac) else with_jacobian(fun, (), x0) or given.jac
    return Condition(
        optimize.NonlinearConstraint(
            on_arrays(fun, ()), plain(given.lb), plain(given.ub), jac, given.hess, given.keep_feasible
        ),
        lambda x: np.reshape(fun(x), -1),
        given.lb,
        given.ub,
    )
