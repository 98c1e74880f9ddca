"""A call and its gradients in one trace: the function runs on marked arguments, and backward through what it records.

The gradients with respect to its results are inputs of the trace, so that its graph computes those with respect to
what the call depends on from any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from wengert.checks.conversions import Differentiating
from wengert.checks.second_walk import current_walk
from wengert.compiler.arguments import arrangement, rearranged
from wengert.compiler.capture.templates import ExistingState, GraphOutput, InputAlias, parts_in
from wengert.compiler.capture.trace import Trace, trace
from wengert.core import backprop
from wengert.core.mode import changed, current_mode
from wengert.core.node import Node, maker_of, next_number
from wengert.core.variable import Parameter, Variable, array_of, gradient_dtype, note_of
from wengert.custom.dependence import outside
from wengert.custom.marks import mark
from wengert.functions.training_mode import test_mode, train_mode
from wengert.writes.unmodified import call_where_differentiated
from wengert.writes.written import present

__all__ = [
    "ARGUMENT",
    "OTHER",
    "RESULT",
    "CallForm",
    "Outcome",
    "Refused",
    "Run",
    "changes_state",
    "form_of",
    "leaves_of",
    "result_form",
    "trace_joint",
]

RESULT, ARGUMENT, OTHER = "result", "argument", "other"  # what the leaves of a result are


class Refused(Exception):
    """A call that cannot be one call of the record: it runs eagerly. The message says why."""


class CallForm:
    """What calls of a function have in common that can share plans.

    Attributes
    ----------
    form
        The arrangement of the arguments and the keyword arguments.
    places : list of int
        Which of their leaves are Variables.
    graded : tuple of int
        Which of these have a gradient, that the function might read. (They follow the leaves.)
    training, differentiating : bool
        The modes.
    from_written : bool
        Whether some of the arguments are written to, and stand for their present values.
    """

    transient = ("form", "places", "graded", "training", "differentiating", "from_written")  # (no state for the tracer)
    __slots__ = transient

    def __init__(
        self, form: Any, places: list[int], graded: tuple[int, ...], modes: tuple[bool, bool], from_written: bool
    ) -> None:
        self.form, self.places, self.graded = form, places, graded
        self.training, self.differentiating = modes
        self.from_written = from_written


class Outcome:
    """What is known of the result of a traced call, beside its values: how it is arranged."""

    transient = ("form", "expected")  # (which is no state for the tracer)
    __slots__ = transient
    form: Any

    def __init__(self, expected: Any) -> None:
        self.expected = expected  # the forms of the recorded results


class Run:
    """A recorded run of a function on marked arguments.

    Attributes
    ----------
    marks : list of Variable
        The marked arguments.
    roots : list of Variable
        The results that were recorded.
    others : list
        All else that it returned.
    form
        How its result is arranged.
    """

    def __init__(self, function: Callable[..., Any], call: CallForm, values: Sequence[Any]) -> None:
        self.marks: list[Variable] = []
        leaves = iter(values)
        args, kwargs = rearranged(call.form, leaves, self._argument)
        for place, grad in zip(call.graded, leaves, strict=True):
            self.marks[call.places.index(place)].grad = grad
        found: list[Any] = []
        before = arrangement((args, kwargs), found)
        state = [(x, type(x), array_of(x), maker_of(x), x.grad, maker_of(x)._edges[0].grad) for x in self.marks]
        self.floor = maker_of(self.marks[-1])._number if self.marks else next_number()
        with (
            train_mode() if call.training else test_mode(),
            Differentiating(self.marks) if call.differentiating else nullcontext(),
        ):
            result = present(call_where_differentiated(function, args, kwargs))
        self._check_arguments(state, (before, found), (args, kwargs))
        self.roots, self.others, self.form = result_form(result, self.floor, self.marks)
        if call.from_written and any(kind == ARGUMENT for kind, _ in leaves_of(self.form)):
            raise Refused("it returns an argument that is written to")

    def _argument(self, kind: Any, value: Any) -> Any:
        """The argument that the function is given for a leaf."""
        if kind is not Variable and kind is not Parameter:
            return value
        if value is None:
            raise Refused("an argument is a Variable without data")
        self.marks.append(mark(value if isinstance(value, Variable) else Variable(value), kind))
        return self.marks[-1]

    def _check_arguments(self, state: Any, before: Any, arguments: Any) -> None:
        """Refuse a function that changes its arguments."""
        found: list[Any] = []
        same = arrangement(arguments, found) == before[0] and all(a is b for a, b in zip(found, before[1], strict=True))
        for x, kind, array, maker, grad, left in state:
            same = same and type(x) is kind and array_of(x) is array and maker_of(x) is maker and x.grad is grad
            same = same and not note_of(x, "hooks") and not note_of(x, "changed") and maker._edges[0].grad is left
        if not same:
            raise Refused("it changes its arguments")

    def captured(self) -> list[Any]:
        """The Variables that the results depend on and that are no arguments, as Parameters."""
        marks = {maker_of(x)._number for x in self.marks}
        edges = [x for x in outside(self.roots, self.floor) if maker_of(x) is None or maker_of(x)._number not in marks]
        if any(isinstance(x, Node) for x in edges):
            raise Refused("a value that it depends on is not referenced any more")
        return edges

    def gradients(self, gys: Sequence[Any], differentiable: bool, captured: list[Any], call: Any = None) -> list[Any]:
        """The gradients with respect to the marked arguments and to `captured`; None where there is none."""
        edges = [*self.marks, *captured]
        token = current_mode.set(changed(current_mode.get(), record=differentiable))
        try:
            with np.errstate(all="ignore"):
                walk = backprop.Walk(differentiable, self.roots, gys, call=call)
                walk.run(None, False, self.floor)
                if walk.singular or walk.unchecked:
                    backprop.singular.finish(walk, edges)
        finally:
            current_mode.reset(token)
        return [walk.gradients.get(key_of(edge)) for edge in edges]


def key_of(edge: Any) -> Any:
    """The key of the gradient of a value in a walk."""
    f = maker_of(edge)
    return edge if f is None or f.has_several_outputs else f._number


def result_form(result: Any, floor: int, arguments: Sequence[Any]) -> tuple[list[Variable], list[Any], Any]:
    """The recorded results in what a function has returned, all else in it, and how these are arranged.

    In place of the types, the arrangement has what each of the leaves is, and its number.
    """
    leaves: list[Any] = []
    form = arrangement(result, leaves)
    roots: list[Variable] = []
    others: list[Any] = []
    found = []
    for x in leaves:
        maker = maker_of(x) if isinstance(x, Variable) else None
        if any(x is argument for argument in arguments):
            found.append((ARGUMENT, next(i for i, argument in enumerate(arguments) if x is argument)))
        elif maker is not None and maker._number > floor:
            if type(x) is not Variable:
                raise Refused("a result is a Variable of a class of its own")
            if all(x is not y for y in roots):
                roots.append(x)
            found.append((RESULT, next(i for i, y in enumerate(roots) if x is y)))
        else:
            found.append((OTHER, len(others)))
            others.append(x)
    return roots, others, rearranged(form, iter(found), lambda _, leaf: Leaf(leaf))


def leaves_of(form: Any) -> Iterator[Leaf]:
    """What the leaves of a result are."""
    if type(form) is Leaf:
        yield form
    elif isinstance(form, (list, tuple, dict)):
        for part in form.values() if isinstance(form, dict) else form:
            yield from leaves_of(part)


class Leaf(tuple[str, int]):
    """What a leaf of a result is, and its number."""

    __slots__ = ()


def form_of(ys: Sequence[Any]) -> list[tuple[tuple[int, ...], Any]]:
    """Shapes and dtypes of the gradients with respect to some values."""
    return [(y.shape, gradient_dtype(y.dtype)) for y in ys]


def trace_joint(
    function: Callable[..., Any], call: CallForm, values: list[Any], forms: Any, numbers: bool, changing: Any = None
) -> tuple[Trace, Outcome, list[Any]]:
    """Trace a call and its gradients, given the forms of those with respect to its results.

    Returns
    -------
    trace : Trace
        Of a call that returns lists of: what is no recorded result; the arrays of the recorded results; captured
        Variables that these depend on; gradients with respect to the arguments, and to the captured Variables.
    outcome : Outcome
    gys : list of ndarray
        What was given as the gradients.

    Raises
    ------
    Failed, Untraceable
        If no plan can be made; nothing has changed then.
    """
    gys = [different_numbers(*form) for form in forms]
    outcome = Outcome(forms)

    def joint(*values: Any) -> Any:
        token = current_walk.set(None)
        try:
            run = Run(function, call, values)
            if form_of(run.roots) != outcome.expected:
                raise Refused("its results have other shapes than before")
            captured = run.captured()
            outcome.form = run.form
            return run.others, [array_of(y) for y in run.roots], captured, run.gradients(gys, False, captured)
        finally:
            current_walk.reset(token)

    found = trace(joint, tuple(values), {}, numbers, changing, entry=function, check=check_joint)
    return found, outcome, gys


def different_numbers(shape: tuple[int, ...], dtype: Any) -> Any:
    """Numbers between 1 and 2 without order: pullbacks of decompositions judge by them what a loss depends on."""
    size = int(np.prod(shape))
    return (1 + np.arange(1, size + 1) * np.sqrt(2) % 1).reshape(shape).astype(dtype)


def changes_state(found: Trace) -> bool:
    """Whether a traced call did more than compute its result."""
    graph = found.graph
    if graph is None or found.stored or graph.assignments or found.data_assigned:
        return True
    return any(node.op == "random" for node in graph.effects)


def check_joint(found: Trace) -> None:
    """Refuse a call that does more than compute its result.

    Raises
    ------
    Refused
    """
    if found.graph is None:
        raise Refused(found.failure)
    if changes_state(found):
        raise Refused("it changes the state of the program")
    _, roots, captured, gradients = found.result.parts
    for template in captured.parts:
        if not isinstance(template, (ExistingState, Variable)):
            raise Refused("its result depends on a Variable that it makes and returns")
    made: Counter[int] = Counter()
    for template in roots.parts:
        if not isinstance(template, GraphOutput) or template.kind != "array":
            raise Refused("a result is an argument or a view of one")
        made[template.number] += 1
    if max(made.values(), default=1) > 1:
        raise Refused("two of its results share memory")
    if any(isinstance(x, InputAlias) and x.itself is not None for x in parts_in(gradients)):
        raise Refused("a gradient is a captured array")
