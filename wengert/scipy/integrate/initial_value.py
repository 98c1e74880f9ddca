"""Initial value problems of ordinary differential equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate

from wengert.batching.examples import one_example
from wengert.core.mode import current_mode
from wengert.core.variable import Variable, as_variable
from wengert.implicit.errors import ConvergenceError
from wengert.implicit.solution import Settings, solution
from wengert.scipy.integrate.adjoint import trajectory
from wengert.scipy.integrate.runge_kutta import METHODS, Step, replay
from wengert.scipy.optimize.callbacks import arguments, array, automatic, depends, on_arrays, plain
from wengert.transforms.containers import has_variable
from wengert.transforms.matrices import jacobian
from wengert.writes.written import frozen, present

__all__ = ["odeint", "solve_ivp"]

STIFF = ("Radau", "BDF", "LSODA")


@one_example
def solve_ivp(
    fun: Callable[..., Any],
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    adjoint: str | None = None,
    **options: Any,
) -> Any:
    """Solve an initial value problem: `scipy.integrate.solve_ivp`, whose solution is differentiable.

    Parameters
    ----------
    fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options
        As SciPy's. Variables may be `y0`, in `t_span`, `t_eval` and `args`, and in what `fun` and `events` close over.
        For stiff methods the Jacobian is computed by Wengert where it is not given, if `fun` is a NumPy program.
    adjoint : {"discrete", "continuous"}, optional
        How the derivative is computed. "discrete": that of the accepted steps, exact for what was computed, so that a
        minimizer sees gradients of the very function that it minimizes. It is there for explicit methods (RK23,
        RK45, DOP853), for which it is the default, and keeps the steps in memory. "continuous": another
        differential equation, solved backward with the same tolerances, to which the derivative is exact; for all
        methods, the default for implicit ones, and it keeps only the interpolated solution.

    Returns
    -------
    OdeResult
        As SciPy's; `y`, and `sol` with `dense_output`, give Variables where they depend on one. So do `t`, `t_events`
        and `y_events`, where a time does.

    Raises
    ------
    ConvergenceError
        If SciPy reports a failure and the solution depends on a Variable.
    ValueError
        For an `adjoint` that is not there for the method.

    Notes
    -----
    The implicit function theorem gives the derivatives of the times of events, and of the state there along with them.
    Derivatives have any order.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import solve_ivp
    >>> decay = lambda k: solve_ivp(lambda t, y: -k * y, (0, 1), [1.0], rtol=1e-10, atol=1e-10).y[0, -1]
    >>> grad(decay)(2.0).round(6), (-np.exp(-2.0)).round(6)
    (np.float64(-0.135335), np.float64(-0.135335))
    """
    args = () if args is None else arguments(tuple(args))
    t_span, y0, t_eval = present(t_span), present(y0), present(t_eval)
    called = on_arrays(fun, args)
    plain_events = [on_event(e, args) for e in _events(events)]
    given = {**options, "method": method, "vectorized": vectorized}
    if method in STIFF and given.get("jac") is None:
        jac = automatic(jacobian(lambda y: _slope(fun(plain(t_span[0]), y, *plain(args)))), plain(y0))
        if jac is not None:
            given["jac"] = automatic_jacobian(fun, plain(args))
    elif callable(given.get("jac")):
        given["jac"] = on_arrays(given["jac"], args)
    start, span = np.atleast_1d(np.asarray(plain(y0))), [float(array(t)) for t in t_span]
    times = None if t_eval is None else np.asarray([float(array(t)) for t in t_eval])
    is_recorded = current_mode.get().record and (
        has_variable(t_span, y0, t_eval)
        or depends(lambda y: fun(span[0], y, *args), start)
        or any(depends(lambda y, e=e: e(span[0], y, *args), start) for e in _events(events))
    )
    scipys = {"t_eval": times, "events": plain_events or None, **given}
    if not is_recorded:
        return scipy.integrate.solve_ivp(called, span, start, dense_output=dense_output, **scipys)
    adjoint = _chosen(adjoint, method)
    found = scipy.integrate.solve_ivp(called, span, start, dense_output=True, **scipys)
    if found.status < 0:
        raise ConvergenceError(
            f"integrate.solve_ivp differentiates a solution, but SciPy reported: {found.message.rstrip('.')}; choose "
            "other tolerances, or a method for stiff equations (Radau, BDF)"
        )
    y0 = _vector(frozen(y0))

    def slope(t: Any, y: Any) -> Any:
        return _slope(fun(t, y, *args))

    kept = {name: v for name, v in given.items() if name not in ("vectorized", "first_step", "jac", "dense_output")}
    if adjoint == "discrete":
        if y0.dtype.kind == "c":
            kept["complex"] = True
        path: Any = Steps(method, slope, (frozen(t_span), y0), found.sol)
    else:
        if start.dtype.kind == "c":
            raise TypeError(
                "adjoint='continuous' takes real y0; solve for real and imaginary parts, or take 'discrete'"
            )
        path = Path(slope, (frozen(t_span), y0), found.sol, kept)
    return _result(found, path, (t_span, t_eval), [(e, args) for e in _events(events)], dense_output)


def _chosen(adjoint: str | None, method: Any) -> str:
    if adjoint is None:
        return "discrete" if method in METHODS else "continuous"
    if adjoint not in ("discrete", "continuous"):
        raise ValueError(f"adjoint of solve_ivp is 'discrete' or 'continuous', but got {adjoint!r}")
    if adjoint == "discrete" and method not in METHODS:
        raise ValueError(
            f"adjoint='discrete' differentiates the steps of {', '.join(METHODS)}, but the method is {method!r}; "
            "take adjoint='continuous'"
        )
    return adjoint


def _events(events: Any) -> list[Any]:
    return [] if events is None else [events] if callable(events) else list(events)


def on_event(event: Any, args: Any) -> Any:
    """Make the event function that SciPy calls, with the attributes of the program's."""
    called = on_arrays(event, args)
    for name in ("terminal", "direction"):
        if hasattr(event, name):
            setattr(called, name, getattr(event, name))
    return called


def automatic_jacobian(fun: Any, args: Any) -> Any:
    """Make the Jacobian of the right-hand side with respect to the state."""
    values = plain(args)
    derivative = jacobian(lambda y, t: _slope(fun(t, y, *values)))
    return on_arrays(lambda t, y: derivative(np.asarray(y, np.float64), t), ())


def _slope(value: Any) -> Any:
    return _vector(present(value))


def _vector(value: Any) -> Any:
    """Make a vector of what a right-hand side returns: an array, or a list of numbers and Variables."""
    if isinstance(value, (list, tuple)):
        value = np.stack([np.reshape(v, ()) for v in value]) if has_variable(value) else np.asarray(value)
    y = value if isinstance(value, Variable) else np.asarray(value)
    y = np.reshape(y, -1) if y.ndim != 1 else y
    return y if y.dtype.kind in "fc" and y.dtype.itemsize >= 8 else y.astype(np.float64)


class Steps:
    """A solution by its steps, recorded."""

    def __init__(self, method: str, f: Any, start: tuple[Any, Any], sol: Any) -> None:
        (t0, t1), y0 = start
        self.span = [float(array(t0)), float(array(t1))]
        times = [i.t_old for i in sol.interpolants[:1]] + [i.t for i in sol.interpolants]
        self.numbers = [float(t) for t in times]
        ends = (t0, t1)
        for place, end in ((0, ends[0]), (-1, ends[1])):
            if isinstance(end, Variable) and self.numbers[place] == float(array(end)):
                times[place] = end
        self.steps: list[Step] = replay(method, f, times, y0)
        self.y0, self.f, self.method, self.sol = y0, f, METHODS[method], sol

    def at(self, t: Any) -> Any:
        """The state at a time."""
        number = float(array(t))
        ascending = self.numbers[-1] >= self.numbers[0]
        place = np.searchsorted(
            self.numbers if ascending else [-v for v in self.numbers], number if ascending else -number
        )
        step = self.steps[min(max(int(place) - 1, 0), len(self.steps) - 1)]
        if t is step.t or t is step.t_old:
            return step.at(t)
        if isinstance(t, Variable):
            # The interpolant's derivatives with respect to the time are less exact than a step's that ends there.
            y = Step(self.method, self.f, (step.t_old, step.y_old, step.slopes[0]), t).y
            return y + (self.sol(number) - plain(y))
        if number == self.numbers[0]:
            return self.y0
        return step.y if number == float(array(step.t)) else step.at(t)

    def states(self, times: Sequence[Any]) -> Any:
        """The states at several times, as columns."""
        return np.stack([self.at(t) for t in times], axis=1)


class Path:
    """A solution as a function of the time, with the continuous adjoint."""

    def __init__(self, f: Any, start: tuple[Any, Any], sol: Any, options: dict[str, Any]) -> None:
        self.f, (span, self.y0), self.sol, self.options = f, start, sol, options
        self.t0 = span[0]

    def states(self, times: Sequence[Any]) -> Any:
        """The states at several times, as columns."""
        numbers = [float(array(t)) for t in times]
        order = np.argsort(numbers, kind="stable")
        if numbers and numbers[order[-1]] <= float(array(self.t0)) and numbers[order[0]] < float(array(self.t0)):
            order = order[::-1]
        y = trajectory(self.f, self.y0, [self.t0, *(times[i] for i in order)], self.sol, self.options)
        return y if np.all(order == np.arange(len(order))) else y[:, np.argsort(order)]


def _result(found: Any, path: Any, times: tuple[Any, Any], events: list[Any], dense: bool) -> Any:
    """Put Variables in the places of what SciPy has found."""
    t_span, t_eval = times
    known = {float(array(t)): t for t in (*t_span, *(() if t_eval is None else t_eval)) if isinstance(t, Variable)}
    for i, (event, args) in enumerate(events):
        moments = [_moment(event, args, path, t) for t in found.t_events[i]]
        known.update({float(array(t)): t for t in moments if isinstance(t, Variable)})
        if moments:
            found.y_events[i] = path.states(moments).T
            if has_variable(moments):
                found.t_events[i] = np.stack([np.reshape(t, ()) for t in moments])
    moments = [known.get(float(t), float(t)) for t in found.t]
    if moments:
        found.y = path.states(moments)
        if has_variable(moments):
            found.t = np.stack([np.reshape(t, ()) for t in moments])
    sol = path

    def at(t: Any) -> Any:
        if np.ndim(t):
            return sol.states([t[i] for i in range(len(t))])
        return sol.states([t])[:, 0]

    found.sol = at if dense else None
    return found


def _moment(event: Any, args: Any, path: Any, t: float) -> Any:
    """The time of an event, as a root of its function along the solution."""

    def residual(parts: list[Any]) -> list[Any]:
        return [np.reshape(event(parts[0], path.states(parts)[:, 0], *args), ())]

    return solution([np.array(t)], residual, Settings("an event of integrate.solve_ivp", solve="dense"))[0]


@one_example
def odeint(
    func: Callable[..., Any], y0: Any, t: Any, args: Any = (), Dfun: Any = None, *rest: Any, **options: Any
) -> Any:
    """Solve an initial value problem, ``func(y, t)``: `scipy.integrate.odeint`, whose solution is differentiable.

    Parameters
    ----------
    func, y0, t, args, Dfun, tfirst, rtol, atol, ...
        As SciPy's. Variables may be `y0` and `t`, in `args`, and in what `func` closes over. With Variables it is
        ``solve_ivp`` with the method "LSODA", which is the same solver, with its `rtol` and `atol` (1.49e-8), and
        other options are refused.

    Returns
    -------
    ndarray, or Variable
        Of shape (number of times, number of unknowns).

    Raises
    ------
    ConvergenceError, TypeError
        If SciPy reports a failure; for options that are refused.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import grad
    >>> from wengert.scipy.integrate import odeint
    >>> grad(lambda k: odeint(lambda y, t: -k * y, 1.0, [0.0, 1.0])[-1, 0])(2.0).round(6)
    np.float64(-0.135335)
    """
    args, y0, t = arguments(args), present(y0), present(t)
    first = options.get("tfirst", False)
    start = np.atleast_1d(np.asarray(plain(y0), np.float64))
    moments = [t[i] for i in range(len(t))]

    def slope(time: Any, y: Any) -> Any:
        return func(time, y, *args) if first else func(y, time, *args)

    if not current_mode.get().record or not (
        has_variable(y0, moments) or depends(lambda y: slope(float(array(moments[0])), y), start)
    ):
        return scipy.integrate.odeint(on_arrays(func, args), plain(y0), plain(t), (), Dfun, *rest, **options)
    unknown = [
        name for name, v in options.items() if name not in ("tfirst", "rtol", "atol", "full_output") and v is not None
    ]
    if Dfun is not None or rest or unknown or options.get("full_output"):
        raise TypeError(
            f"integrate.odeint of Variables does not take {', '.join(unknown) or 'Dfun= or full_output='}; it takes "
            "rtol=, atol= and tfirst=, or see solve_ivp"
        )
    tolerance = 1.49012e-8
    kept: dict[str, Any] = {name: options.get(name) or tolerance for name in ("rtol", "atol")}
    found = solve_ivp(slope, (moments[0], moments[-1]), y0, "LSODA", moments, **kept)
    return as_variable(found.y).T
