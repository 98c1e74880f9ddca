"""Least squares, and curves fitted by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from wengert.batching.examples import one_example
from wengert.core.variable import Variable
from wengert.custom.modes import no_grad
from wengert.implicit.solution import Settings, solution
from wengert.scipy.optimize.callbacks import arguments, on_arrays, plain, with_jacobian
from wengert.scipy.optimize.minimization import CLOSE, degenerate, plain_bounds, stationary
from wengert.transforms.containers import has_variable
from wengert.transforms.gradient import differentiated
from wengert.transforms.matrices import jacobian
from wengert.writes.written import frozen, present

__all__ = ["curve_fit", "least_squares", "nnls"]

# rho(z) of SciPy's losses
LOSSES: dict[str, Callable[[Any], Any]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.maximum(z, 1)) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


@one_example
def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    *rest: Any,
    args: Any = (),
    kwargs: Any = None,
    **options: Any,
) -> Any:
    """Minimize a sum of squares, or of a loss of them: `scipy.optimize.least_squares`, whose result is differentiable.

    Parameters
    ----------
    fun, x0, jac, bounds, method, ftol, xtol, gtol, x_scale, loss, f_scale, ..., args, kwargs
        As SciPy's (`args` and `kwargs` by name). Variables may be in `args`, `kwargs` and `bounds`, and in what `fun`
        closes over. For "2-point", its default, the Jacobian is computed by Wengert, if `fun` is a NumPy program.

    Returns
    -------
    OptimizeResult
        As SciPy's; `x`, `fun` and `cost` are Variables where they depend on one.

    Raises
    ------
    ConvergenceError
        If SciPy reports no success and the result depends on a Variable.
    TypeError
        If `loss` is a function and the result depends on a Variable.

    Notes
    -----
    The derivative is that of the minimum, with the second derivatives of `fun`, and with the bounds held that hold it.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import least_squares
    >>> t = np.array([0.0, 1.0, 2.0])
    >>> fit = lambda y: least_squares(lambda p: p[0] * np.exp(p[1] * t) - y, [1.0, 0.1]).x
    >>> np.round(grad(lambda y: fit(y)[1])(np.exp(0.5 * t)), 6)
    array([-0.334155, -0.20118 ,  0.244951])
    """
    args, kwargs = arguments(args), frozen(kwargs or {})

    def value(x: Any) -> Any:
        return np.reshape(fun(x, *args, **kwargs), -1)

    def plain_value(x: Any) -> Any:
        return np.reshape(fun(x, *plain(args), **plain(kwargs)), -1)

    if isinstance(jac, str) and jac == "2-point":
        jac = with_jacobian(plain_value, (), x0) or jac
    elif callable(jac):
        given = jac
        jac = lambda x: plain(given(x, *plain(args), **plain(kwargs)))  # noqa: E731
    limits = bounds if isinstance(bounds, optimize.Bounds) else tuple(bounds)
    for_scipy = plain_bounds(limits) if isinstance(limits, optimize.Bounds) else tuple(plain(b) for b in limits)
    with no_grad():
        found = optimize.least_squares(on_arrays(plain_value, ()), plain(x0), jac, for_scipy, *rest, **options)
    names = ("method", "ftol", "xtol", "gtol", "x_scale", "loss", "f_scale")
    options = {**dict(zip(names, rest, strict=False)), **options}
    loss, scale = options.get("loss", "linear"), options.get("f_scale", 1.0)

    def cost(residuals: Any) -> Any:
        if callable(loss):
            raise TypeError(
                "optimize.least_squares has no derivative for a loss that is a function; take one of "
                f"{', '.join(LOSSES)}, or optimize.minimize"
            )
        return 0.5 * scale**2 * np.sum(LOSSES[loss](np.square(residuals / scale)))

    pair = limits if isinstance(limits, optimize.Bounds) else optimize.Bounds(*map(plain, limits))
    if not isinstance(limits, optimize.Bounds):
        pair.lb, pair.ub = limits
    x = found.x
    if callable(loss):
        if isinstance(value(np.array(x)), Variable):
            cost(value(x))
        return found
    x = stationary(
        "least_squares",
        x,
        lambda x: cost(value(x)),
        lambda x: cost(plain_value(x)),
        (None if unbounded(pair) else pair, []),
        "" if found.success else found.message,
    )
    if isinstance(x, Variable):
        found.x, found.fun = x, value(x)
        found.cost = cost(found.fun)
    return found


def unbounded(bounds: Any) -> bool:
    return bool(np.all(np.isinf(plain(bounds.lb))) and np.all(np.isinf(plain(bounds.ub))))


@one_example
def curve_fit(
    f: Callable[..., Any],
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: Any = None,
    bounds: Any = (-np.inf, np.inf),
    method: Any = None,
    jac: Any = None,
    **options: Any,
) -> Any:
    """Fit a function to data: `scipy.optimize.curve_fit`, whose parameters and covariance are differentiable.

    Parameters
    ----------
    f, xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, method, jac, ...
        As SciPy's. Variables may be `xdata`, `ydata` and `sigma`, in `bounds`, and in what `f` closes over. Without
        `jac`, the Jacobian is computed by Wengert, if `f` is a NumPy program.

    Returns
    -------
    tuple
        As SciPy's; the parameters and their covariance are Variables where they depend on one.

    Raises
    ------
    RuntimeError
        SciPy's, if it does not converge.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import curve_fit
    >>> t = np.array([0.0, 1.0, 2.0])
    >>> fit = lambda y: curve_fit(lambda t, a, b: a * np.exp(b * t), t, y)[0]
    >>> np.round(grad(lambda y: fit(y)[1])(np.exp(0.5 * t)), 6)
    array([-0.334155, -0.20118 ,  0.244951])
    """
    xdata, ydata, sigma = frozen(xdata), frozen(ydata), frozen(sigma)
    called = on_arrays(f, ())
    x, y = plain(xdata), np.asarray(plain(ydata))

    def model(p: Any, x: Any) -> Any:
        return f(x, *[p[i] for i in range(p.shape[0])])

    if jac is None and p0 is not None:
        derivative = with_jacobian(model, (x,), p0)
        if derivative is not None:
            jac = lambda x, *p: derivative(np.array(p))  # noqa: E731
    elif callable(jac):
        jac = on_arrays(jac, ())
    limits = bounds if isinstance(bounds, optimize.Bounds) else optimize.Bounds(*map(plain, bounds))
    if check_finite is not None:
        options["check_finite"] = check_finite
    with no_grad():
        found = optimize.curve_fit(
            called, x, y, plain(p0), plain(sigma), absolute_sigma,
            bounds=limits if isinstance(bounds, optimize.Bounds) else tuple(map(plain, bounds)),
            method=method, jac=jac, **options,
        )  # fmt: skip
    if not isinstance(bounds, optimize.Bounds):
        limits.lb, limits.ub = bounds
    popt, pcov = found[:2]

    def residuals(p: Any, x: Any = xdata, y: Any = ydata, sigma: Any = sigma) -> Any:
        return weighted(np.reshape(model(p, x), -1) - np.reshape(y, -1), sigma)

    def cost(p: Any) -> Any:
        return np.sum(np.square(residuals(p))) / 2

    def plain_cost(p: Any) -> Any:
        return np.sum(np.square(residuals(p, x, y, plain(sigma)))) / 2

    p = stationary("curve_fit", popt, cost, plain_cost, (None if unbounded(limits) else limits, []), "")
    if not isinstance(p, Variable):
        return found
    if np.all(np.isfinite(pcov)):
        slopes = jacobian(residuals)(p)
        pcov = np.linalg.inv(slopes.T @ slopes)
        if not absolute_sigma:
            pcov = pcov * (2 * cost(p) / (y.size - popt.size))
    return (p, pcov, *found[2:])


def weighted(residuals: Any, sigma: Any) -> Any:
    """Divide residuals by their standard deviations, or by the root of their covariance."""
    if sigma is None:
        return residuals
    if np.ndim(sigma) < 2:
        return residuals / np.reshape(sigma, -1) if np.ndim(sigma) else residuals / sigma
    return np.linalg.solve(np.linalg.cholesky(sigma), residuals)


@one_example
def nnls(A: Any, b: Any, **options: Any) -> Any:
    """Solve linear least squares for unknowns of at least 0: `scipy.optimize.nnls`, whose result is differentiable.

    Parameters
    ----------
    A, b, maxiter
        As SciPy's; `A` and `b` may be Variables.

    Returns
    -------
    x, rnorm : ndarray and float, or Variables

    Raises
    ------
    numpy.linalg.LinAlgError
        If an unknown is 0 with a multiplier of 0, where there are derivatives to one side only.
    RuntimeError
        SciPy's, if it does not converge.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import nnls
    >>> grad(lambda b: nnls(np.array([[1.0, 0.0], [1.0, 1.0]]), b)[0][0])(np.array([2.0, 1.0]))
    array([0.5, 0.5])
    """
    A, b = present(A), present(b)
    matrix, target = np.asarray(plain(A)), np.asarray(plain(b))
    x, norm = optimize.nnls(matrix, target, **options)
    if not has_variable(A, b):
        return x, norm
    zero = x <= 0
    slope = matrix.T @ (matrix @ x - target)
    if np.any(zero & (np.abs(slope) <= CLOSE * max(1, np.max(np.abs(matrix.T @ target), initial=0)) * 1e-3)):
        raise degenerate("nnls", "a bound")
    A, b = frozen(A), frozen(b)

    def cost(x: Any) -> Any:
        return np.sum(np.square(A @ x - b)) / 2

    gradient = differentiated("optimize.nnls", cost, 0)
    settings = Settings("optimize.nnls")
    x = solution([x], lambda parts: [np.where(zero, parts[0], gradient((parts[0],), {})[1])], settings)[0]
    return x, np.linalg.norm(A @ x - b)
