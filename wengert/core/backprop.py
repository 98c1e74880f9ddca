"""Walking the creators backwards.

The gradient with respect to a value is complete when every call that took the value has been walked. Calls are
numbered as they are recorded, so walking from the highest number down meets them in that order. The
calls that wait are few (the width of the graph, not its length), and wait in a heap. No recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from wengert.arrays.absent import absent_gradient
from wengert.arrays.aliases import current
from wengert.arrays.batches import outside_of_vmaps
from wengert.arrays.level import TRACED, level_of
from wengert.arrays.ownership import take_exclusive
from wengert.checks import debug, variables
from wengert.checks.functions import unbroadcast
from wengert.checks.second_walk import current_walk, walking_again
from wengert.core.mode import changed, current_mode
from wengert.core.node import Node, link_output, ndarray
from wengert.core.variable import Variable, as_variable, gradient_dtype, note_of

__all__ = ["Walk", "backward", "current_walk", "propagate", "register_singular"]

singular: Any = None  # see `register_singular`


def register_singular(package: Any) -> None:
    """Take what `wengert.singular` does where a gradient is 0 times infinity: it imports the core.

    It has ``product(f, place, gys, slope, gx)`` and ``finish(walk, edges)``.
    """
    global singular
    singular = package


@outside_of_vmaps
def backward(root: Variable, retain_grad: bool, create_graph: bool) -> None:
    """Do what `Variable.backward` says."""
    gy = root._grad
    if gy is None:
        variables.check_start(root)
        gy = np.empty(root.shape, gradient_dtype(root.dtype))
        gy.fill(1)  # (np.ones takes twice as long)
    if create_graph:
        start = as_variable(gy)
    else:
        start = gy = gy._data if isinstance(gy, Variable) else gy
    retained: dict[Any, Any] | None = {} if retain_grad else None
    leaves = propagate([root], [start], create_graph, retained)
    for x in leaves:
        if x._notes is not None:
            root._creator.check_form(x)
    # Nothing is written before the whole walk has succeeded.
    root._grad = start if create_graph else gy
    for found in (leaves, retained or {}):
        for x in list(found):
            gx = found.pop(x) if create_graph else take_exclusive(found, x)
            if x is not root:
                x._grad = gx if x._grad is None else x._grad + gx


@outside_of_vmaps
@walking_again(as_variable)
def propagate(
    roots: Sequence[Any],
    gradients: Sequence[Any],
    differentiable: bool,
    retained: Any = None,
    inputs: Any = (),
    **settings: Any,
) -> dict[Any, Any]:
    """Carry gradients from `roots` to the leaves; return them by leaf.

    With `differentiable`, gradients are Variables and the walk is recorded. Into `retained`, where given, go
    the gradients of the intermediate variables that are still alive. With `inputs` (marked by
    `mark_inputs`) the walk ends there, and what is returned is by them. `settings` are those of the `Walk`,
    and its `kind`, a subclass.
    """
    mode = current_mode.get()
    token = current_mode.set(changed(mode, record=differentiable))
    try:
        # A pole where no gradient arrives is not worth a warning; debug mode reports what matters.
        with np.errstate(all="ignore"):
            walk: Walk = settings.pop("kind", Walk)(differentiable, roots, gradients, **settings)
            walk.run(retained, mode.debug, max([x._creator._number for x in inputs]) if inputs else 0)
            if walk.singular or walk.unchecked:
                singular.finish(walk, inputs or list(walk.gradients))
            return walk.at(inputs) if inputs else walk.leaves()
    finally:
        current_mode.reset(token)


class Walk:
    """One walk: the calls that wait for their turn, and the gradients so far.

    The gradient with respect to the one output of a call is kept under the number of that call; the gradients with
    respect to leaves, and to the outputs of calls that have several, under the Variable.

    A walk that is part of the backward of a call has it as its `call`. `singular` has the values that gradients of 0
    times infinity are with respect to.
    """

    def __init__(
        self, differentiable: bool, roots: Any = (), gradients: Any = (), call: Any = None, again: bool = False
    ) -> None:
        self.differentiable, self.call, self.again = differentiable, call, again
        self.starts = list(zip(roots, gradients, strict=True))
        self.singular: list[Any] = []
        self.arriving: Any = None  # see `wengert.singular.selection`
        self.unchecked = False  # whether arrays whose values are unknown were multiplied
        self.outer = current_walk.get()  # the walk in which this one is made
        self.gradients: dict[Any, Any] = {}
        self.summed: set[Any] = set()  # the keys whose array was made here, and may be added to in place
        self.waiting: dict[int, Node] = {}
        self.turns: list[int] = []
        self.add(roots, gradients, call)

    def add(self, edges: Iterable[Any], gxs: Iterable[Any], f: Node | None) -> None:
        """Add the gradients that `f` gave to what has come for the values at its edges so far."""
        gradients, summed, waiting, turns = self.gradients, self.summed, self.waiting, self.turns
        for edge, gx in zip(edges, gxs):  # noqa: B905  (pull has checked, and a hot loop)
            if gx is None:
                continue
            if type(edge) is Variable or not isinstance(edge, Node):  # (a negative isinstance takes longest)
                like = edge._data
                maker = edge._creator
                if maker is None:
                    key: Any = edge
                else:
                    number = maker._number
                    key = edge if type(maker._outputs) is tuple else number
            else:
                like = maker = edge
                key = number = edge._number
            if gx.dtype is not like.dtype or gx.shape != like.shape:
                gx = unbroadcast(gx, like, edge, f)
            found = gradients.get(key)
            if found is None:
                gradients[key] = gx
                if maker is not None and number not in waiting:
                    waiting[number] = maker
                    heappush(turns, -number)
            elif key in summed and type(gx) is ndarray is type(found):
                gradients[key] += gx
            else:
                gradients[key] = total = found + gx
                if type(total) is ndarray or level_of(total) == TRACED:
                    summed.add(key)

    def run(self, retained: dict[Any, Any] | None, debugging: bool, floor: int = 0) -> None:
        """Walk the calls that gradients have come to, the latest first, down to the number `floor`."""
        turns, waiting, gradients, add = self.turns, self.waiting, self.gradients, self.add
        differentiable = self.differentiable
        token = current_walk.set(self)
        try:
            while turns and -turns[0] > floor:
                number = -heappop(turns)
                f = waiting.pop(number)
                gys = self._collect(f) if type(f._outputs) is tuple else gradients.pop(number)
                if f._notes is not None:
                    gys = self._through_hooks(f, gys)
                    if debugging:
                        debug.check_arguments(f)
                if retained is not None:
                    self._retain(f, gys, retained)
                if differentiable and type(gys) is ndarray and not f.takes_constants:
                    gys = as_variable(gys)
                if not differentiable and f.accumulate is not None:
                    # (whether `accumulate` may write to the gradient)
                    self.exclusive = number in self.summed and f._notes is None and not (retained or debugging)
                    gxs = f.accumulate(self, gys)
                else:
                    gxs = f.pull(gys, differentiable)
                if differentiable:  # (what depends on no Variable stays an array, and nothing is recorded of it)
                    gxs = [g if g is None or type(g) is type(gys) is ndarray else as_variable(current(g)) for g in gxs]
                if debugging:
                    debug.check_backward(f, gys, gxs)
                add(f._edges, gxs, f)
        finally:
            current_walk.reset(token)
            self.arriving = None  # it knows this walk

    def _through_hooks(self, holder: Any, gx: Any) -> Any:
        """Show a complete gradient to the hooks on its value; return what they put in its place."""
        hooks = note_of(holder, "hooks")
        gx = variables.through_hooks(hooks, gx, self.differentiable) if hooks else gx
        return as_variable(gx) if hooks and self.differentiable else gx

    def _finished(self, x: Variable) -> Any:
        gx = self.gradients.pop(x)
        return gx if x._notes is None else self._through_hooks(x, gx)

    def _collect(self, f: Node) -> tuple[Any, ...]:
        """Take the gradients with respect to the several outputs of `f`; absent ones for those not used."""
        gys = []
        for reference, like in zip(f._outputs, f.output_shapes(), strict=True):
            y = reference()
            if y is not None and y in self.gradients:
                gys.append(as_variable(self._finished(y)) if self.differentiable else self._finished(y))
            else:
                gy = absent_gradient(*like)
                gys.append(Variable(gy) if self.differentiable else gy)
        return tuple(gys)

    def _retain(self, f: Node, gys: Any, retained: dict[Any, Any]) -> None:
        references = f._outputs if type(f._outputs) is tuple else (f._outputs,)
        for reference, gy in zip(references, gys if type(gys) is tuple else (gys,), strict=True):
            y = None if reference is None else reference()
            if y is not None:
                retained[y] = gy
        for edge in f._edges:  # their makers, whose turn comes later, must know them by then
            if isinstance(edge, Variable) and edge._creator is not None and edge._creator._outputs is None:
                link_output(edge._creator, edge)

    def at(self, inputs: Sequence[Variable]) -> dict[Any, Any]:
        """Take the gradients with respect to marked inputs."""
        return {x: self.gradients[n] for x in inputs if (n := x._creator._number) in self.gradients}

    def leaves(self) -> dict[Any, Any]:
        """Take the gradients of the leaves that are not frozen: of all that is left after the walk."""
        return {x: self._finished(x) for x in list(self.gradients) if x.is_trained}
