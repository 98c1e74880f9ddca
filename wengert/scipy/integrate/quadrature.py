"""Integrals of functions of one number and of several, differentiable with respect to their limits and all else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

from wengert.batching.examples import one_example
from wengert.checks.errors import GraphError
from wengert.core.backprop import Walk
from wengert.core.function import Function
from wengert.core.mode import changed, current_mode
from wengert.core.node import link_output, maker_of, next_number, watch_writes
from wengert.core.variable import Variable, array_of, as_variable, attach
from wengert.custom.dependence import outside
from wengert.custom.marks import mark_inputs
from wengert.implicit.errors import ConvergenceError
from wengert.implicit.linear_system import split
from wengert.scipy.optimize.callbacks import arguments, array, depends, on_arrays
from wengert.singular.replay import key_of
from wengert.writes.written import frozen, present

__all__ = ["dblquad", "nquad", "quad", "quad_vec", "tplquad"]

Integrand = Callable[[Any], Any]


@one_example
def quad(
    func: Callable[..., Any], a: Any, b: Any, args: Any = (), full_output: int = 0, *rest: Any, **options: Any
) -> Any:
    """Integrate a function of one number: `scipy.integrate.quad`, differentiable with respect to limits and parameters.

    Parameters
    ----------
    func, a, b, args, full_output, epsabs, epsrel, limit, points, weight, wvar, wopts, maxp1, limlst, complex_func
        As SciPy's. Variables may be `a` and `b`, in `args`, and in what `func` closes over. With Variables,
        `weight` and `complex_func` are refused.

    Returns
    -------
    y : float, or Variable where it depends on one
    abserr : float
        With `full_output` more, as SciPy's.

    Raises
    ------
    ConvergenceError
        If SciPy warns that the integral may be wrong, and it depends on a Variable.
    TypeError
        For options that are refused.

    Notes
    -----
    By Leibniz' rule: with respect to `b` the derivative is the integrand there, with respect to parameters it is the
    integral of the derivative, which must converge too, and the integrand must have no jump that depends on a
    parameter. It has any order.

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import quad
    >>> round(quad(lambda t: t * t, 0, 3.0)[0], 10)
    9.0
    >>> grad(lambda a: quad(lambda t: a * t * t, 0, a)[0])(3.0).round(10)
    np.float64(36.0)
    """
    args, a, b = arguments(args), present(a), present(b)
    if not current_mode.get().record or not _has_variables(func, args, a, b):
        return scipy.integrate.quad(on_arrays(func, args), array(a), array(b), (), full_output, *rest, **options)
    names = ("epsabs", "epsrel", "limit", "points", "weight", "wvar", "wopts", "maxp1", "limlst", "complex_func")
    options = {**dict(zip(names, rest, strict=False)), **options}
    for name in ("weight", "complex_func"):
        if options.get(name):
            raise TypeError(
                f"integrate.quad of Variables does not take {name}=; multiply by the weight in the function, or "
                "integrate real and imaginary parts"
            )
    found = scipy.integrate.quad(on_arrays(func, args), array(a), array(b), (), 1, **options)
    if len(found) > 3:
        raise ConvergenceError(
            f"integrate.quad differentiates an integral, but SciPy reported: {' '.join(str(found[3]).split())}"
        )
    rule = _one_axis(options)
    y = integral(found[0], lambda t: np.reshape(func(t, *args), ()), (frozen(a), frozen(b)), rule)
    return (y, *found[1:3]) if full_output else (y, found[1])


@one_example
def quad_vec(f: Callable[..., Any], a: Any, b: Any, *rest: Any, args: Any = (), **options: Any) -> Any:
    """Integrate a function whose values are arrays: `scipy.integrate.quad_vec`, differentiable.

    Parameters
    ----------
    f, a, b, epsabs, epsrel, norm, limit, points, quadrature, full_output, args
        As SciPy's. Variables may be `a` and `b`, in `args`, and in what `f` closes over.

    Returns
    -------
    y : ndarray, or Variable where it depends on one
    err : float
        With `full_output` more, as SciPy's.

    Raises
    ------
    ConvergenceError
        If SciPy reports no success and the integral depends on a Variable.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import quad_vec
    >>> grad(lambda a: np.sum(quad_vec(lambda t: a * t, 0, 1)[0]))(np.ones(3)).round(10)
    array([0.5, 0.5, 0.5])
    """
    args, a, b = arguments(args), present(a), present(b)
    if not current_mode.get().record or not _has_variables(f, args, a, b):
        return scipy.integrate.quad_vec(on_arrays(f, args), array(a), array(b), *rest, **options)
    wanted = options.pop("full_output", rest[7] if len(rest) > 7 else False)
    names = ("epsabs", "epsrel", "norm", "limit", "cache_size", "workers", "points")
    options = {**dict(zip(names, rest, strict=False)), **options}
    y, error, report = scipy.integrate.quad_vec(on_arrays(f, args), array(a), array(b), full_output=True, **options)
    if not report.success:
        raise ConvergenceError(f"integrate.quad_vec differentiates an integral, but SciPy reported: {report.message}")
    y = integral(y, lambda t: f(t, *args), (frozen(a), frozen(b)), _one_axis(options))
    return (y, error, report) if wanted else (y, error)


@one_example
def dblquad(func: Callable[..., Any], a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (), **options: Any) -> Any:
    """Integrate a function of two numbers, ``func(y, x)``: `scipy.integrate.dblquad`, differentiable.

    Parameters
    ----------
    func, a, b, gfun, hfun, args, epsabs, epsrel
        As SciPy's. Variables may be in all of them, and in what the functions close over.

    Returns
    -------
    y : float, or Variable where it depends on one
    abserr : float

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import dblquad
    >>> grad(lambda a: dblquad(lambda y, x: a * x * y, 0, a, 0, 1)[0])(2.0).round(10)
    np.float64(3.0)
    """
    return nquad(
        func,
        [lambda x, *args: (_limit(gfun, x), _limit(hfun, x)), (a, b)],
        args,
        {name: options[name] for name in options},
    )


@one_example
def tplquad(
    func: Callable[..., Any], a: Any, b: Any, gfun: Any, hfun: Any, qfun: Any, rfun: Any, args: Any = (), **options: Any
) -> Any:
    """Integrate a function of three numbers, ``func(z, y, x)``: `scipy.integrate.tplquad`, differentiable.

    Parameters
    ----------
    func, a, b, gfun, hfun, qfun, rfun, args, epsabs, epsrel
        As SciPy's. Variables may be in all of them, and in what the functions close over.

    Returns
    -------
    y : float, or Variable where it depends on one
    abserr : float

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import tplquad
    >>> grad(lambda a: tplquad(lambda z, y, x: a * z, 0, 1, 0, 1, 0, 1)[0])(2.0).round(10)
    np.float64(0.5)
    """
    ranges = [
        lambda y, x, *args: (_limit(qfun, x, y), _limit(rfun, x, y)),
        lambda x, *args: (_limit(gfun, x), _limit(hfun, x)),
        (a, b),
    ]
    return nquad(func, ranges, args, options)


def _limit(limit: Any, *xs: Any) -> Any:
    return limit(*xs) if callable(limit) else limit


@one_example
def nquad(func: Callable[..., Any], ranges: Any, args: Any = (), opts: Any = None, full_output: bool = False) -> Any:
    """Integrate a function of several numbers: `scipy.integrate.nquad`, differentiable.

    Parameters
    ----------
    func, ranges, args, opts, full_output
        As SciPy's. Variables may be in `ranges` and `args`, and in what the functions close over. `opts`
        is one dict for all axes.

    Returns
    -------
    y : float, or Variable where it depends on one
    abserr : float

    Examples
    --------
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import nquad
    >>> grad(lambda a: nquad(lambda x, y: a * x * y, [(0, 1), (0, a)])[0])(2.0).round(10)
    np.float64(3.0)
    """
    args = arguments(args)
    if opts is not None and not isinstance(opts, dict):
        opts = list(opts)
    return _nested(func, list(ranges), args, opts, (), full_output)


def _nested(func: Any, ranges: list[Any], args: Any, opts: Any, outer: tuple[Any, ...], full: bool) -> Any:
    """Integrate over the last axis the integral over those before it, as SciPy does."""
    errors = [0.0]
    limits = ranges[-1](*outer, *args) if callable(ranges[-1]) else ranges[-1]
    given = opts[len(ranges) - 1] if isinstance(opts, list) else opts
    options = given(*outer, *args) if callable(given) else dict(given or {})

    def inner(x: Any) -> Any:
        if len(ranges) == 1:
            return func(x, *outer, *args)
        y, error = _nested(func, ranges[:-1], args, opts, (x, *outer), False)
        errors.append(error)
        return y

    y, error = quad(inner, *limits, **options)[:2]
    found = (y, max(error, *errors))
    return (*found, {}) if full else found


def _has_variables(f: Any, args: Any, a: Any, b: Any) -> bool:
    if isinstance(a, Variable) or isinstance(b, Variable):
        return True
    # At a limit the integrand may be singular: asked for is only what kind of value it is.
    with np.errstate(all="ignore"):
        return depends(lambda t: f(t, *args), _inside(array(a), array(b)))


def _inside(a: Any, b: Any) -> float:
    """A point between two limits, where an integrand is asked what it depends on."""
    a, b = np.float64(a), np.float64(b)
    if np.isinf(a) and np.isinf(b):
        return 0.5
    if np.isinf(a) or np.isinf(b):
        return float(b - np.copysign(1.0, b - a) if np.isinf(a) else a + np.copysign(1.0, b - a))
    return float(a + 0.4375 * (b - a))


def _one_axis(options: dict[str, Any]) -> Callable[[Integrand, float, float], Any]:
    """Make the rule that integrates arrays with the tolerances that a program has given."""
    known = {"epsrel": 1e-8, "epsabs": 1e-10}
    known |= {k: v for k, v in options.items() if k in ("epsabs", "epsrel", "points", "limit") and v is not None}

    def rule(f: Integrand, a: float, b: float) -> Any:
        y, _, report = scipy.integrate.quad_vec(f, a, b, full_output=True, norm="max", **known)
        if not report.success:
            raise ConvergenceError(
                "the derivative of an integral is the integral of the derivative, but of that SciPy reported: "
                f"{report.message}"
            )
        return y

    return rule


def recorded_at(f: Integrand, t: Any) -> tuple[Any, int]:
    """Record an integrand at a point; return its value, and the number of the last call before."""
    token = current_mode.set(changed(current_mode.get(), record=True))
    try:
        floor = next_number()
        return present(f(t)), floor
    finally:
        current_mode.reset(token)


def integral(value: Any, f: Integrand, limits: tuple[Any, Any], rule: Any) -> Any:
    """Make an integral differentiable with respect to its limits, and to all that the integrand depends on."""
    a, b = (array(v) for v in limits)
    with np.errstate(all="ignore"):
        y, floor = recorded_at(f, _inside(a, b))
    found = outside([y], floor) if isinstance(y, Variable) else []
    ends = [v for v in limits if isinstance(v, Variable)]
    call = Integral()
    call._number, call._edges = next_number(), (*ends, *found)
    call._kept = (np.asarray(value),)
    call.integrand, call.limits, call.rule = f, limits, rule
    result = watch_writes(attach(call, np.array(value)))
    array_of(result).setflags(write=False)
    link_output(call, result)
    return result


class Integral(Function):
    """An integral over an interval."""

    __slots__ = ("integrand", "limits", "rule")

    integrand: Integrand
    limits: tuple[Any, Any]
    rule: Any

    def pull(self, gys: Any, differentiable: bool) -> Any:
        for x in self._edges:
            if isinstance(x, Variable):
                self.check_unchanged(x)
        ends = [v for v in self.limits if isinstance(v, Variable)]
        edges = self._edges[len(ends) :]
        return [*self._at_limits(gys, differentiable), *(self._inner(gys, edges, differentiable) if edges else [])]

    def _at_limits(self, gy: Any, differentiable: bool) -> list[Any]:
        found = []
        for limit, sign in zip(self.limits, (-1, 1), strict=True):
            if not isinstance(limit, Variable):
                continue
            if not np.all(np.isfinite(array_of(limit))):
                found.append(Variable(np.zeros(())) if differentiable else np.zeros(()))
                continue
            if differentiable:
                value: Any = as_variable(self.integrand(limit))
            else:
                token = current_mode.set(changed(current_mode.get(), record=False))
                try:
                    value = np.asarray(array(self.integrand(array_of(limit)[()])))
                finally:
                    current_mode.reset(token)
            found.append(np.reshape(sign * np.sum(gy * value), np.shape(limit)))
        return found

    def _inner(self, gy: Any, edges: Any, differentiable: bool) -> list[Any]:
        """Integrate the derivatives with respect to what the integrand depends on: a vector of them all."""
        a, b = (float(array(v)) for v in self.limits)
        dtype = np.result_type(*[edge.dtype for edge in edges])
        keys = {key_of(edge) for edge in edges}

        def slopes(t: Any, gy: Any, differentiable: bool) -> Any:
            y, floor = recorded_at(self.integrand, t)
            if not isinstance(y, Variable) or maker_of(y) is None:
                return np.zeros(sum(edge.size for edge in likes), dtype)
            if {key_of(v) for v in outside([y], floor)} - keys - {key_of(t)}:
                raise GraphError(
                    "an integrand must depend on the same Variables everywhere, but where it was evaluated in the "
                    "backward pass it depends on another one; use all of them at each point (np.where, or times 0)"
                )
            walk = Walk(differentiable, [y], [np.broadcast_to(gy, y.shape)], call=self)
            walk.run(None, False, floor)
            parts: Any = [walk.gradients.get(key_of(edge)) for edge in edges]
            parts = [
                np.zeros(x.size, dtype) if g is None else np.reshape(g, -1) for g, x in zip(parts, likes, strict=True)
            ]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        likes = [np.broadcast_to(np.zeros((), edge.dtype), edge.shape) for edge in edges]
        plain_gy = array(gy)
        if differentiable:  # what a closure holds must be no leaf, which would count as one of the program's
            (gy,) = mark_inputs([gy])
        with np.errstate(all="ignore"):
            vector = self.rule(lambda t: slopes(np.float64(t), plain_gy, False), a, b)
        if differentiable:
            vector = integral(vector, lambda t: as_variable(slopes(t, gy, True)), self.limits, self.rule)
        return split(vector, likes)

    def kept_output(self, position: int) -> Any:
        return self._kept[position]
