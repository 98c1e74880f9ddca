"""The node of a solution: what a solver found, differentiated through the equation that it solves.

Where F(x, p) = 0, a gradient `gx` with respect to x gives -w^T dF/dp with respect to the parameters, where w solves the
linear system J^T w = gx, and J is the Jacobian of F with respect to x. The parameters are whatever F depends on:
arguments, and Variables that it closes over. Under ``create_graph`` w itself is the solution of an equation,
J^T w - gx = 0, whose Jacobian is J^T: so one class serves all orders, and the system of the first order all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from wengert.arrays.level import BATCHED, level_of
from wengert.arrays.table import plain
from wengert.checks.conversions import Differentiating
from wengert.checks.errors import BatchError, describe
from wengert.core.backprop import Walk
from wengert.core.function import Function
from wengert.core.mode import changed, current_mode
from wengert.core.node import link_output, maker_of, next_number, watch_writes
from wengert.core.variable import Variable, array_of, attach
from wengert.custom.dependence import outside
from wengert.custom.marks import mark_inputs
from wengert.functions.training_mode import is_training, test_mode, train_mode
from wengert.implicit.errors import ConvergenceError
from wengert.implicit.linear_system import Transposed, concatenated, split, system_for
from wengert.singular.replay import key_of
from wengert.transforms.recording import pull
from wengert.writes.memory import oldest

__all__ = ["Settings", "solution"]

Residual = Callable[[list[Any]], list[Any]]


class Settings(NamedTuple):
    """How a solution is differentiated."""

    name: str  # for messages
    solve: Any = "auto"
    iterative: str = "gmres"  # what "auto" means for many unknowns
    rtol: float | None = None
    atol: float | None = None
    failure: str = ""  # what the solver has reported, if it did not converge


class Recording(NamedTuple):
    """A residual, recorded at marked unknowns."""

    marks: list[Variable]
    roots: list[Any]  # one for each unknown, of its shape: Variables, or arrays where it is constant
    floor: int  # the number of the last call before those of the residual

    @property
    def variables(self) -> list[Variable]:
        return [y for y in self.roots if isinstance(y, Variable)]

    def gradients(self, gys: Sequence[Any], edges: Sequence[Any], differentiable: bool, call: Function) -> list[Any]:
        """Carry gradients with respect to the residual to values that were recorded before it."""
        pairs = [(y, gy) for y, gy in zip(self.roots, gys, strict=True) if isinstance(y, Variable)]
        walk = Walk(differentiable, [y for y, _ in pairs], [gy for _, gy in pairs], call=call)
        walk.run(None, current_mode.get().debug, self.floor)
        return [walk.gradients.get(key_of(edge)) for edge in edges]


def recorded(residual: Residual, unknowns: Sequence[Variable]) -> Recording:
    """Record a residual at `unknowns`."""
    token = current_mode.set(changed(current_mode.get(), record=True))
    marks = mark_inputs(unknowns)
    floor = maker_of(marks[-1])._number
    age = oldest.set(floor)
    try:
        with Differentiating(marks):
            return Recording(marks, residual(list(marks)), floor)
    finally:
        oldest.reset(age)
        current_mode.reset(token)


def solution(values: Sequence[Any], residual: Residual, settings: Settings, system: Any = None) -> list[Any]:
    """Make the solution of an equation differentiable with respect to all that its residual depends on.

    Parameters
    ----------
    values : list of ndarray
        What the solver has found.
    residual : callable
        Takes Variables in the place of `values`, and returns one array or Variable of the same shape for each.
    settings : Settings
    system : optional
        Linear systems with the Jacobian, where they are known already; then nothing is checked.

    Returns
    -------
    list
        Variables made by one call; `values` themselves if the residual depends on nothing that is recorded.

    Raises
    ------
    ConvergenceError
        If a value, or the residual there, is not finite.
    """
    if not current_mode.get().record or not values:
        return list(values)
    record = recorded(residual, [Variable(value) for value in values])
    marks = {maker_of(x)._number for x in record.marks}
    found = outside(record.variables, record.floor)
    edges = [e for e in found if maker_of(e) is None or maker_of(e)._number not in marks]
    if not edges:
        return list(values)
    if settings.failure:
        failure = " ".join(settings.failure.split()).rstrip(".")
        raise ConvergenceError(
            f"{settings.name} differentiates a solution, but the solver reported: {failure}; "
            "start closer, allow more steps, or pass arrays (x.data) where no derivative is wanted"
        )
    if system is None:
        check_finite(settings.name, values, record.roots)
    call = Solution()
    call._number, call._edges = next_number(), tuple(edges)
    call._kept = tuple(values)
    call.record, call.residual, call.settings, call.system = record, residual, settings, system
    call.training, call.checks = is_training(), system is None
    outputs = [watch_writes(attach(call, value.view())) for value in values]
    for y in outputs:
        array_of(y).setflags(write=False)
    if len(outputs) > 1:
        call._outputs = tuple(ref(y) for y in outputs)
    else:
        link_output(call, outputs[0])
    return outputs


class Solution(Function):
    """What a solver has returned."""

    __slots__ = ("checks", "record", "residual", "settings", "system", "training")

    record: Recording
    residual: Residual
    settings: Settings
    system: Any
    training: bool
    checks: bool  # whether the solution is still to be checked

    def pull(self, gys: Any, differentiable: bool) -> Any:
        for x in self._edges:
            if isinstance(x, Variable):
                self.check_unchanged(x)
        gys = list(gys) if self.has_several_outputs else [gys]
        if any(level_of(plain(gy)) >= BATCHED for gy in gys):
            raise BatchError("the system of an implicit derivative is solved for one gradient at a time")
        arrays = [array_of(gy) for gy in gys] if differentiable else gys
        record = self.record
        if self.system is None:
            self.system = system_for(record.roots, record.marks, self.settings.solve, self.settings.iterative)
        dtype = np.result_type(*[x.dtype for x in record.marks])
        gy = concatenated(arrays, dtype)
        w = self.system.solve_transposed(gy)
        if self.checks and np.any(gy):
            self._check(gy, w)
        if differentiable:
            return self._differentiable_gradients(gys, w)
        return record.gradients(split(-w, record.roots), self._edges, False, self)

    def _differentiable_gradients(self, gys: list[Any], w: Any) -> list[Any]:
        with train_mode() if self.training else test_mode():
            record = recorded(self.residual, self.outputs)
        gys = mark_inputs(gys)  # what a closure holds must be no leaf, which would count as one of the program's

        def remainder(ws: list[Any]) -> list[Any]:
            return [a - gy for a, gy in zip(pull(record.roots, ws, True, record.marks), gys, strict=True)]

        ws = solution(split(w, record.roots), remainder, self.settings, Transposed(self.system))
        with np.errstate(all="ignore"):
            found = [-x if isinstance(x, Variable) else Variable(-x) for x in ws]
        return record.gradients(found, self._edges, True, self)

    def _check(self, gy: Any, w: Any) -> None:
        """Raise unless the solution is one, and the only one near it.

        The change of the Jacobian over a Newton step decides both (the theorem of Newton and Kantorovich): it is small
        at a simple solution, and of the size of the Jacobian where solutions meet. The step is at least a rounding
        error's effect there, the root of the precision.
        """
        record, settings = self.record, self.settings
        dtype = gy.dtype
        x = concatenated([array_of(x) for x in record.marks], dtype)
        residual = concatenated([array_of(y) if isinstance(y, Variable) else y for y in record.roots], dtype)
        step = self.system.newton_step(residual, gy, w)
        root = np.sqrt(np.finfo(dtype).eps)
        rtol = max(1e-3, 10 * root) if settings.rtol is None else settings.rtol
        atol = root if settings.atol is None else settings.atol
        for part, value in zip(split(step, record.marks), split(x, record.marks), strict=True):
            far, size = np.max(np.abs(part), initial=0), np.max(np.abs(value), initial=0)
            if not far <= atol + rtol * size:
                raise ConvergenceError(
                    f"{settings.name} differentiates a solution, but a Newton step from what the solver returned is "
                    f"{float(far):.3g}, where the unknown is {float(size):.3g}; solve more closely, by the solver's "
                    "own tolerances, or allow more by rtol= and atol="
                )
        signs = np.where(np.arange(x.size) * np.sqrt(2) % 1 < 0.5, 1, -1).astype(dtype)
        near = split(x - step + root * signs * np.abs(x), record.marks)
        with np.errstate(all="ignore"):
            other = recorded(self.residual, [Variable(part) for part in near])
            there = concatenated(pull(other.roots, split(w, other.roots), False, other.marks), dtype)
            change = np.linalg.norm(there - gy)
        if change > 0.5 * np.linalg.norm(gy):
            raise np.linalg.LinAlgError(
                f"{settings.name} differentiates a simple solution, but the Jacobian of the residual is singular to "
                "rounding at what the solver returned: solutions meet there, and the derivative is infinite or does "
                "not exist"
            )
        self.checks = False

    def kept_output(self, position: int) -> Any:
        return self._kept[position]


def check_finite(name: str, values: Sequence[Any], roots: Sequence[Any]) -> None:
    """Raise ConvergenceError for NaN and infinity."""
    for what, arrays in (("the solver returned", values), ("there the residual is", roots)):
        for array in arrays:
            array = array_of(array) if isinstance(array, Variable) else array
            if not np.all(np.isfinite(array)):
                raise ConvergenceError(
                    f"{name} differentiates a solution, but {what} {describe(array)} with values that are not "
                    "finite; see whether the solver converges, and starts where the residual is defined"
                )
