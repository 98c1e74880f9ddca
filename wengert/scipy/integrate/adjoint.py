"""The continuous adjoint of a differential equation: a gradient with respect to its solution, integrated backward.

(Pontryagin et al. 1962; Chen et al., Neural ordinary differential equations, 2018.) For y' = f(t, y, p), the gradient
`a` with respect to y(t) follows a' = -J^T a, and that with respect to the parameters grows by a^T df/dp. Between two
times at which the solution is used, both are integrated by the same method with the same tolerances. Where gradients
are arrays, y itself is interpolated from the forward solution; under ``create_graph`` it is a part of what is
integrated, and that is differentiated in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate

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
from wengert.singular.replay import key_of

__all__ = ["trajectory"]

RightHandSide = Callable[[Any, Any], Any]


def value_of(x: Any) -> Any:
    return array_of(x) if isinstance(x, Variable) else x


def trajectory(f: RightHandSide, y0: Any, times: Sequence[Any], dense: Any, options: dict[str, Any]) -> Any:
    """Make the solution at some times differentiable.

    Parameters
    ----------
    f : callable
        The right-hand side, of (t, y).
    y0, times : array and sequence of numbers, or Variables
        The first of the times is that of `y0`; the others are where the solution is wanted, in order.
    dense : callable
        The solution as a function of the time.
    options : dict
        Of `scipy.integrate.solve_ivp`: method and tolerances.

    Returns
    -------
    ndarray or Variable
        Of shape (number of unknowns, number of times - 1).
    """
    values = [float(value_of(t)) for t in times]
    y = np.stack([np.asarray(dense(t)) for t in values[1:]], axis=1)
    ends = [v for v in (y0, *times) if isinstance(v, Variable)]
    found: dict[Any, Any] = {}
    for t in dict.fromkeys((values[0], 0.5 * (values[0] + values[-1]), values[-1])):
        record = Recorded(f, t, Variable(np.asarray(dense(t))))
        found |= {key_of(edge): edge for edge in record.parameters()}
    call = Trajectory()
    call._number, call._edges = next_number(), (*ends, *found.values())
    if not call._edges:
        return y
    call._kept = (y,)
    call.f, call.y0, call.times, call.dense, call.options = f, y0, list(times), dense, options
    result = watch_writes(attach(call, y.view()))
    array_of(result).setflags(write=False)
    link_output(call, result)
    return result


class Recorded:
    """The right-hand side, recorded at a time and a state."""

    def __init__(self, f: RightHandSide, t: Any, y: Variable) -> None:
        token = current_mode.set(changed(current_mode.get(), record=True))
        try:
            (self.y,) = mark_inputs([y])
            self.t, self.floor = t, maker_of(self.y)._number
            self.slope = f(t, self.y)
        finally:
            current_mode.reset(token)

    def parameters(self) -> list[Any]:
        """List what the right-hand side depends on beside its arguments."""
        if not isinstance(self.slope, Variable):
            return []
        own = {key_of(self.y), key_of(self.t)}
        return [edge for edge in outside([self.slope], self.floor) if key_of(edge) not in own]

    def gradients(self, a: Any, edges: Sequence[Any], likes: Sequence[Any], differentiable: bool, call: Any) -> Any:
        """Return the gradients of ``a @ f`` with respect to the state, and to the values at `edges`, as a vector."""
        if not isinstance(self.slope, Variable):
            return np.zeros(self.y.size + sum(x.size for x in likes))
        walk = Walk(differentiable, [self.slope], [a], call=call)
        walk.run(None, False, self.floor)
        found = [walk.gradients.get(key_of(edge)) for edge in (self.y, *edges)]
        flat = [
            np.zeros(x.size) if g is None else np.reshape(g, -1) for g, x in zip(found, (self.y, *likes), strict=True)
        ]
        return flat[0] if len(flat) == 1 else np.concatenate(flat)


class Trajectory(Function):
    """The solution of a differential equation at some times."""

    __slots__ = ("dense", "f", "options", "times", "y0")

    f: RightHandSide
    y0: Any
    times: list[Any]
    dense: Any
    options: dict[str, Any]

    def pull(self, gys: Any, differentiable: bool) -> Any:
        for x in self._edges:
            if isinstance(x, Variable):
                self.check_unchanged(x)
        ends = [v for v in (self.y0, *self.times) if isinstance(v, Variable)]
        edges = self._edges[len(ends) :]
        likes = [np.broadcast_to(np.zeros(()), edge.shape) for edge in edges]
        back = self._recorded_segment if differentiable else self._segment
        y = self.output if differentiable else self._kept[0]
        times = self.times if differentiable else [float(value_of(t)) for t in self.times]
        n = y.shape[0]
        a, g = np.zeros(n), np.zeros(sum(x.size for x in likes))
        at_times: list[Any] = [None] * len(times)
        for k in range(len(times) - 1, 0, -1):
            gy = gys[:, k - 1]
            if isinstance(self.times[k], Variable):
                at_times[k] = np.sum(gy * self._slope(times[k], y[:, k - 1], differentiable))
            a = a + gy
            a, g = back((times[k], times[k - 1]), y[:, k - 1], a, g, edges, likes)
        if isinstance(self.times[0], Variable):
            start = self.y0 if differentiable else value_of(self.y0)
            at_times[0] = -np.sum(a * self._slope(times[0], start, differentiable))
        found = [a] if isinstance(self.y0, Variable) else []
        found += [np.reshape(gt, t.shape) for gt, t in zip(at_times, self.times, strict=True) if gt is not None]
        found += split(g, likes)
        return [as_variable(v) if differentiable else v for v in found]

    def _slope(self, t: Any, y: Any, differentiable: bool) -> Any:
        token = current_mode.set(changed(current_mode.get(), record=differentiable))
        try:
            slope = self.f(t, y)
        finally:
            current_mode.reset(token)
        return slope if differentiable else value_of(slope)

    def _segment(self, span: Any, y: Any, a: Any, g: Any, edges: Any, likes: Any) -> tuple[Any, Any]:
        """Integrate gradients, as arrays, from one time back to another."""
        n = a.size
        if span[0] == span[1]:
            return a, g
        keys = {key_of(edge) for edge in edges}

        def checked(t: float) -> Recorded:
            record = Recorded(self.f, t, Variable(np.asarray(self.dense(t))))
            if any(key_of(edge) not in keys for edge in record.parameters()):
                raise GraphError(
                    "with adjoint='continuous' the right-hand side must depend on the same Variables at all times, but "
                    "in the backward pass it depends on another one; use all of them at each time (np.where, or "
                    "times 0), or take adjoint='discrete'"
                )
            return record

        def slopes(t: float, z: Any) -> Any:
            return -checked(t).gradients(z[:n], edges, likes, False, self)

        def jac(t: float, z: Any) -> Any:
            record = checked(t)
            rows = [record.gradients(unit, edges, likes, False, self) for unit in np.eye(n)]
            return -np.concatenate([np.stack(rows, axis=1), np.zeros((z.size, z.size - n))], axis=1)

        options = {**self.options, "jac": jac} if self.options["method"] in ("Radau", "BDF", "LSODA") else self.options
        found = scipy.integrate.solve_ivp(slopes, span, np.concatenate([a, g]), t_eval=span[1:], **options)
        if found.status < 0:
            raise ConvergenceError(
                f"the adjoint of a differential equation was not solved: SciPy reported: {found.message}"
            )
        return found.y[:n, -1], found.y[n:, -1]

    def _recorded_segment(self, span: Any, y: Any, a: Any, g: Any, edges: Any, likes: Any) -> tuple[Any, Any]:
        """The same for Variables: the solution of another differential equation, of state and gradients."""
        n = y.shape[0]
        if value_of(span[0]) == value_of(span[1]):
            return a, g

        def slopes(t: Any, z: Any) -> Any:
            record = Recorded(self.f, t, as_variable(z[:n]))
            if not current_mode.get().record:
                found = record.gradients(value_of(z[n : 2 * n]), edges, likes, False, self)
                return np.concatenate([value_of(record.slope), -found])
            return np.concatenate(
                [record.slope, -record.gradients(as_variable(z[n : 2 * n]), edges, likes, True, self)]
            )

        z = np.concatenate([y, a, g])
        plain_span = [float(value_of(t)) for t in span]
        token = current_mode.set(changed(current_mode.get(), record=False))
        try:
            found = scipy.integrate.solve_ivp(
                lambda t, z: value_of(slopes(t, z)), plain_span, value_of(z), dense_output=True, **self.options
            )
        finally:
            current_mode.reset(token)
        if found.status < 0:
            raise ConvergenceError(
                f"the adjoint of a differential equation was not solved: SciPy reported: {found.message}"
            )
        end = trajectory(slopes, z, list(span), found.sol, self.options)[:, 0]
        return end[n : 2 * n], end[2 * n :]

    def kept_output(self, position: int) -> Any:
        return self._kept[position]
