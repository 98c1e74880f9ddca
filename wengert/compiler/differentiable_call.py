"""A recorded call of a compiled function: one call of the record, with a compiled pullback."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

import numpy as np

from wengert.checks.errors import GraphError
from wengert.checks.mutation import WRITTEN
from wengert.compiler.arguments import arrangement, rearranged
from wengert.compiler.guards.replay import MISS
from wengert.compiler.joint_graph import contiguous
from wengert.compiler.joint_trace import ARGUMENT, OTHER, RESULT, Leaf, Refused, Run, form_of, leaves_of
from wengert.core.function import Function
from wengert.core.mode import changed, current_mode
from wengert.core.node import ndarray, next_number, watch_writes
from wengert.core.variable import Variable, array_of, as_variable, attach
from wengert.custom.fields import FIELDS
from wengert.functions.training_mode import test_mode, train_mode
from wengert.singular.replay import NotReplayed
from wengert.writes.unmodified import call_where_differentiated
from wengert.writes.written import present

if TYPE_CHECKING:
    from wengert.compiler.differentiable_plans import Differentiated

__all__ = ["Backward", "DifferentiableCall", "result_of"]

SINGLE = Leaf((RESULT, 0))  # the form of a result that is one recorded Variable
notes_of = attrgetter(FIELDS["notes"])


class Backward(NamedTuple):
    """How gradients of a call are computed.

    Attributes
    ----------
    of : Differentiated
    form
        How the result is arranged.
    pullback : Pullback
    forms : list
        Shapes and dtypes of the gradients with respect to the results.
    reads : list of int
        The edges whose values it reads.
    has_state : bool
        Whether the call reads arrays that are not the data of Variables.
    """

    of: Differentiated
    form: Any
    pullback: Any
    forms: Any
    reads: list[int]
    has_state: bool


def result_of(how: Backward, leaves: list[Any], given: list[Any], parts: Any) -> Any:
    """Record a call, and return its result."""
    others, arrays, captured, kept = parts
    node = DifferentiableCall() if captured else CallOfArguments()
    node._edges = (*given, *captured)
    node._number = next_number()
    node.how, node.kept, node.leaves = how, kept, leaves
    node.results = arrays if how.has_state else None
    if how.form == SINGLE:
        return attach(node, arrays[0])
    ys = [watch_writes(attach(node, array)) for array in arrays]
    if len(ys) > 1:
        node._outputs = tuple([ref(y) for y in ys])
    return filled(how.form, {RESULT: ys, ARGUMENT: given, OTHER: others})


def filled(form: Any, values: dict[str, Any]) -> Any:
    """The result of a function, from what its leaves are."""
    kind = type(form)
    if kind is Leaf:
        return values[form[0]][form[1]]
    if kind is list:
        return [filled(part, values) for part in form]
    if kind is dict:
        return {key: filled(part, values) for key, part in form.items()}
    parts = [filled(part, values) for part in form]
    return tuple(parts) if kind is tuple else kind(*parts)


class DifferentiableCall(Function):
    """A recorded call of a compiled function."""

    __slots__ = ("how", "kept", "leaves", "results")

    how: Backward
    kept: Any
    leaves: list[Any]
    results: Any

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.how.of.function, "__name__", "compiled")

    def kept_output(self, position: int) -> Any:
        return None

    def output_shapes(self) -> Any:
        return self.how.forms

    def pull(self, gys: Any, differentiable: bool) -> Any:
        how, edges = self.how, self._edges
        for i in how.reads:
            if notes_of(edges[i]) is not None:
                self.check_unchanged(edges[i])
        if WRITTEN:
            for array in self.kept:
                self.check_unwritten(array, array)
        if type(self._outputs) is not tuple:
            gys = (gys,)
        if differentiable:
            return self._recorded_gradients(gys)
        arrays = [*self.kept]
        for gy, (shape, dtype) in zip(gys, how.forms, strict=True):
            if type(gy) is not ndarray and isinstance(gy, np.generic):
                gy = np.asarray(gy)
            if type(gy) is not ndarray or gy.shape != shape or gy.dtype != dtype:
                return self._eager_gradients(gys, False)
            arrays.append(gy if gy.flags.c_contiguous and gy.flags.aligned else contiguous(gy))
        try:
            return how.pullback(arrays)
        except (ImportError, Warning):
            raise
        except Exception:  # noqa: BLE001  (a guard fails, or a call; the function's own pullback raises it again)
            return self._eager_gradients(gys, False)

    def _values(self) -> list[Any]:
        """The arguments, with the Variables themselves."""
        values = list(self.leaves)
        for place, x in zip(self.how.of.call.places, self._edges, strict=False):
            values[place] = x
        return values

    def _eager_gradients(self, gys: Sequence[Any], differentiable: bool) -> list[Any]:
        """Run the function itself again, and backward through what it records."""
        run, captured = self._run_again()
        return self._of_edges(run.gradients(gys, differentiable, captured, self), captured)

    def _run_again(self) -> tuple[Run, list[Any]]:
        of = self.how.of
        token = current_mode.set(changed(current_mode.get(), record=True))
        try:
            run = Run(of.function, of.call, self._values())
            captured = run.captured()
        except Refused as reason:
            raise differs(self) from reason
        finally:
            current_mode.reset(token)
        self._check_again([array_of(y) for y in run.roots])
        return run, captured

    def _recorded_gradients(self, gys: Sequence[Any]) -> list[Any]:
        """The gradients as Variables with a graph."""
        of = self.how.of

        def eager(*_: Any) -> Any:
            run, captured = self._run_again()
            return run.gradients(gys, True, captured, self), captured, [array_of(y) for y in run.roots]

        given = [as_variable(gy) for gy in gys]
        found = of.second.call((*self._values(), *given), {}, eager)
        gradients, captured, arrays = eager() if found is MISS else found
        self._check_again(arrays)
        return self._of_edges(gradients, captured)

    def _of_edges(self, gradients: Sequence[Any], captured: Sequence[Any]) -> list[Any]:
        """The gradients in the order of the edges."""
        count = len(self.how.of.call.places)
        by_id = {id(x): gx for x, gx in zip(captured, gradients[count:], strict=True)}
        if any(id(x) not in by_id for x in self._edges[count:]):
            raise differs(self)
        return [*gradients[:count], *(by_id[id(x)] for x in self._edges[count:])]

    def _check_again(self, arrays: Sequence[Any]) -> None:
        """Raise if the function computes something else than it did."""
        forms = self.how.forms
        if form_of(arrays) != forms:
            raise differs(self)
        if self.results is not None and not all(
            np.allclose(a, b, rtol=1e-4, atol=1e-8 * float(np.max(np.abs(b), initial=0)), equal_nan=True)
            for a, b in zip(arrays, self.results, strict=True)
        ):
            raise differs(self)


class CallOfArguments(DifferentiableCall):
    """A call whose results depend on no Variables but its arguments: it can be made again at other values."""

    __slots__ = ()

    def called_again(self, values: list[Any]) -> Any:
        """Call the function with other values at the edges."""
        of = self.how.of
        leaves = list(self.leaves)
        for place, x in zip(of.call.places, values, strict=True):
            leaves[place] = x
        args, kwargs = rearranged(of.call.form, iter(leaves), lambda _, x: x)
        found: list[Any] = []
        try:
            with train_mode() if of.call.training else test_mode():
                arrangement(present(call_where_differentiated(of.function, args, kwargs)), found)
        except Exception as error:
            if all(isinstance(x, Variable) for x in values):
                raise
            raise NotReplayed from error  # (it is written for Variables)
        results = {}
        for x, (kind_of_leaf, number) in zip(found, leaves_of(self.how.form), strict=True):
            if kind_of_leaf == RESULT:
                results[number] = x
        made = [results[i] for i in range(len(results))]
        return tuple(made) if self.has_several_outputs else made[0]


def differs(f: DifferentiableCall) -> GraphError:
    return GraphError(
        f"backward runs {f.name} again, and it must compute the same, but its results differ; the arrays and objects "
        "that it uses were changed since the call: call backward first"
    )
