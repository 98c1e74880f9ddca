"""Roots and fixed points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize

from wengert.batching.examples import one_example
from wengert.core.variable import Variable
from wengert.implicit.solution import Settings, solution
from wengert.scipy.optimize.callbacks import arguments, array, depends, on_arrays, plain, with_jacobian

__all__ = ["bisect", "brenth", "brentq", "fixed_point", "newton", "ridder", "root", "root_scalar", "toms748"]

WITH_JACOBIAN = ("hybr", "lm")


@one_example
def root(
    fun: Callable[..., Any],
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """Find a root of a function of a vector: `scipy.optimize.root`, whose `x` is a Variable where `fun` depends on one.

    Parameters
    ----------
    fun, x0, args, method, jac, tol, callback, options
        As SciPy's. Variables may be in `args`, and in the closure of `fun`; the root does not depend on `x0`. Without
        `jac`, the methods "hybr" and "lm" get the Jacobian by Wengert, if `fun` is a NumPy program.

    Returns
    -------
    OptimizeResult
        As SciPy's; `x` may be a Variable.

    Raises
    ------
    ConvergenceError
        If SciPy reports no success and `x` depends on a Variable.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import root
    >>> grad(lambda a: root(lambda x: x ** 3 - a, 1.0).x[0])(8.0).round(10)
    np.float64(0.0833333333)
    """
    args = arguments(args)
    if jac is None and method in WITH_JACOBIAN:
        jac = with_jacobian(_value_of(fun, False), args, x0)
    elif callable(jac):
        jac = on_arrays(jac, args)
    found = optimize.root(on_arrays(fun, args), plain(x0), (), method, jac, tol, callback, options)
    value = _value_of(fun, jac is True)

    def residual(parts: list[Any]) -> list[Any]:
        return [np.reshape(value(parts[0], *args), found.x.shape)]

    found.x = _solved("root", found.x, lambda x: value(x, *args), residual, "" if found.success else found.message)
    return found


def _value_of(fun: Callable[..., Any], pair: bool) -> Callable[..., Any]:
    return (lambda *xs: fun(*xs)[0]) if pair else fun


def _solved(name: str, x: Any, f: Any, residual: Any, failure: str = "", **settings: Any) -> Any:
    values = [np.asarray(x)]
    if values[0].dtype.kind != "f" or not depends(f, x):
        return x
    (y,) = solution(values, residual, Settings(f"optimize.{name}", failure=failure, **settings))
    return y if isinstance(y, Variable) else x


def _scalar(name: str, f: Any, args: tuple[Any, ...], x: Any, failure: str = "") -> Any:
    return _solved(name, x, lambda x: f(x, *args), lambda parts: [np.reshape(f(parts[0], *args), ())], failure)


@one_example
def root_scalar(
    f: Callable[..., Any],
    args: Any = (),
    method: str | None = None,
    bracket: Any = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: Any = None,
    x1: Any = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: Any = None,
) -> Any:
    """Find a root of a function of one number: `scipy.optimize.root_scalar`, differentiable.

    Parameters
    ----------
    f, args, method, bracket, fprime, fprime2, x0, x1, xtol, rtol, maxiter, options
        As SciPy's. Variables may be in `args`, and in the closure of `f`.

    Returns
    -------
    RootResults
        As SciPy's; `root` may be a Variable.

    Raises
    ------
    ConvergenceError
        If SciPy reports no convergence and the root depends on a Variable.

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import root_scalar
    >>> grad(lambda a: root_scalar(lambda x: x * x - a, bracket=(0, 3)).root)(4.0).round(10)
    np.float64(0.25)
    """
    args = arguments(args)
    found = optimize.root_scalar(
        on_arrays(f, args),
        (),
        method,
        plain(bracket),
        fprime if fprime in (None, True, False) else on_arrays(fprime, args),
        fprime2 if fprime2 in (None, True, False) else on_arrays(fprime2, args),
        array(x0),
        array(x1),
        xtol,
        rtol,
        maxiter,
        options,
    )
    value = _value_of(f, fprime is True or fprime2 is True)
    found.root = _scalar("root_scalar", value, args, found.root, "" if found.converged else str(found.flag))
    return found


def _bracketing(name: str) -> Callable[..., Any]:
    scipys = getattr(optimize, name)

    def solve(f: Any, a: Any, b: Any, args: Any = (), *rest: Any, **options: Any) -> Any:
        args = arguments(args)
        given = options.get("full_output", len(rest) > 3 and rest[3])
        found = scipys(on_arrays(f, args), array(a), array(b), (), *rest, **options)
        report: Any = None
        x, report = found if given else (found, None)
        failure = "" if report is None or report.converged else str(report.flag)
        if report is None and options.get("disp", rest[4] if len(rest) > 4 else True) is False:
            options["full_output"] = True  # SciPy would be silent
            report = scipys(on_arrays(f, args), array(a), array(b), (), *rest[:3], **{**options, "disp": False})[1]
            failure = "" if report.converged else str(report.flag)
        x = _scalar(name, f, args, x, failure)
        if not given:
            return x
        report.root = x
        return x, report

    solve.__name__ = solve.__qualname__ = name
    solve.__doc__ = f"""Find a root between two numbers: `scipy.optimize.{name}`, differentiable.

    Parameters
    ----------
    f, a, b, args, xtol, rtol, maxiter, full_output, disp
        As SciPy's. Variables may be in `args`, and in the closure of `f`; the root does not depend on `a` and `b`.

    Returns
    -------
    float, or Variable where `f` depends on one
        With ``full_output=True``, a pair of it and SciPy's report.

    Raises
    ------
    RuntimeError
        If it does not converge: SciPy's error, or with ``disp=False``, and a Variable, ConvergenceError.

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import {name}
    >>> grad(lambda a: {name}(lambda x: x * x - a, 0, 3))(4.0).round(8)
    np.float64(0.25)
    """
    return solve


brentq = one_example(_bracketing("brentq"))
brenth = one_example(_bracketing("brenth"))
ridder = one_example(_bracketing("ridder"))
bisect = one_example(_bracketing("bisect"))
toms748 = one_example(_bracketing("toms748"))


@one_example
def newton(
    func: Callable[..., Any],
    x0: Any,
    fprime: Any = None,
    args: Any = (),
    tol: float = 1.48e-8,
    maxiter: int = 50,
    fprime2: Any = None,
    x1: Any = None,
    rtol: float = 0.0,
    full_output: bool = False,
    disp: bool = True,
) -> Any:
    """Find a root of a function of one number, or of each element: `scipy.optimize.newton`, differentiable.

    Parameters
    ----------
    func, x0, fprime, args, tol, maxiter, fprime2, x1, rtol, full_output, disp
        As SciPy's (without `fprime`, the secant method). Variables may be in `args`, and in the closure of `func`.

    Returns
    -------
    float or ndarray, or Variable where `func` depends on one
        With `full_output` a tuple, as SciPy's.

    Raises
    ------
    ConvergenceError
        With ``disp=False``, if it does not converge and depends on a Variable; else SciPy's RuntimeError.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import newton
    >>> grad(lambda a: np.sum(newton(lambda x: x * x - a, np.ones(2))))(np.array([4.0, 16.0])).round(8)
    array([0.25 , 0.125])
    """
    args = arguments(args)
    slopes = [None if g is None else on_arrays(g, args) for g in (fprime, fprime2)]
    found = optimize.newton(
        on_arrays(func, args), plain(x0), slopes[0], (), tol, maxiter, slopes[1], array(x1), rtol, True, disp
    )
    x = found[0]
    converged = found[1] if np.ndim(x) else found[1].converged
    failure = "" if np.all(converged) else "some elements did not converge" if np.ndim(x) else str(found[1].flag)

    def residual(parts: list[Any]) -> list[Any]:
        return [np.reshape(func(parts[0], *args), np.shape(x))]

    solve = "diagonal" if np.ndim(x) else "dense"
    y = _solved("newton", x, lambda x: func(x, *args), residual, failure, solve=solve)
    if not full_output:
        return y
    if not np.ndim(x):
        found[1].root = y
    return type(found)(y, *found[1:]) if hasattr(found, "_fields") else (y, *found[1:])


@one_example
def fixed_point(
    func: Callable[..., Any], x0: Any, args: Any = (), xtol: float = 1e-8, maxiter: int = 500, method: str = "del2"
) -> Any:
    """Find a fixed point of a function: `scipy.optimize.fixed_point`, differentiable with respect to what `func` takes.

    Parameters
    ----------
    func, x0, args, xtol, maxiter, method
        As SciPy's. Variables may be in `args`, and in the closure of `func`.

    Returns
    -------
    ndarray, or Variable where `func` depends on one

    Raises
    ------
    RuntimeError
        SciPy's, if it does not converge.

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.optimize import fixed_point
    >>> grad(lambda a: fixed_point(lambda x: (x + a / x) / 2, 1.0))(4.0).round(8)
    np.float64(0.25)
    """
    args = arguments(args)
    x = optimize.fixed_point(on_arrays(func, args), plain(x0), (), xtol, maxiter, method)

    def residual(parts: list[Any]) -> list[Any]:
        return [parts[0] - np.reshape(func(parts[0], *args), np.shape(x))]

    return _solved("fixed_point", x, lambda x: func(x, *args), residual)
