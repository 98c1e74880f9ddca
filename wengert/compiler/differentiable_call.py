"""Calls of compiled functions that are recorded: each is one call of the record, with a compiled pullback.

The function is traced together with its gradients; one plan computes its result and what the pullback reads, another
one the gradients. Where gradients carry a graph, the function that computes them is called in the same way: so there is
a derivative of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from weakref import ref

import numpy as np

from wengert.checks.conversions import differentiating
from wengert.checks.errors import GraphError
from wengert.checks.mutation import WRITTEN
from wengert.compiler.arguments import arrangement, has_float, rearranged
from wengert.compiler.capture.compare import first_difference
from wengert.compiler.capture.substitution import Source
from wengert.compiler.capture.tape import Untraceable
from wengert.compiler.capture.outputs import Outside
from wengert.compiler.capture.templates import (
    Container,
    Result,
    as_array,
    input_aliases_in,
    outputs_in,
    parts_in,
    replace_outputs,
)
from wengert.compiler.capture.trace import Failed, Trace
from wengert.compiler.graph.equality import same_guard
from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.guards.replay import MISS, Replay
from wengert.compiler.joint_graph import Pullback, contiguous, copied_graph, divided
from wengert.compiler.joint_trace import RESULT, CallForm, Leaf, Outcome, Refused, Run, form_of, result_form, trace_joint
from wengert.compiler.locks import making, tracing, tracing_lock, update_lock
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.targets.cpu.runner import interpreted
from wengert.compiler.targets.llvm.jit import release_memory
from wengert.core.function import Function
from wengert.core.mode import RECORDING, changed, current_mode
from wengert.core.node import maker_of, next_number, watch_writes
from wengert.core.variable import Parameter, Variable, array_of, as_variable, attach
from wengert.functions.training_mode import training
from wengert.writes.written import present

__all__ = ["DifferentiableCalls", "is_differentiable"]

MOST_PLANS = 16
MOST_ATTEMPTS = 3
NO_KEYWORDS: dict[str, Any] = {}
UNKNOWN = object()


class DifferentiableCalls:
    """The recorded calls of one function, by the kinds of their arguments."""

    def __init__(self, function: Callable[..., Any], runner: Callable[[Graph], Any]) -> None:
        self.function, self.runner = function, runner
        self.always = False  # whether calls without Variables among their arguments are recorded as well
        self.kinds: dict[Any, Any] = {}

    def call(self, args: Any, kwargs: Any, eager: Callable[[], Any]) -> Any:
        """The result of a call; MISS if it is not to be recorded as one call. `eager` calls the function itself."""
        key = (tuple(map(type, args)), training.get(), differentiating.get())
        if kwargs:
            key = (*key, tuple(kwargs), tuple(map(type, kwargs.values())))
        kind = self.kinds.get(key, UNKNOWN)
        if kind is not UNKNOWN:
            leaves = [*args, *kwargs.values()] if kwargs else [*args]
            given = [leaves[place] for place in kind.call.places]
            for place, x in zip(kind.call.places, given, strict=True):
                if x._grad is not None:
                    kind = UNKNOWN
                    break
                leaves[place] = x._data
        if kind is UNKNOWN:
            kind, leaves, given = self._arranged(key, args, kwargs)
        if not self.always and all(x._creator is None or type(x._creator) is Outside for x in given):
            return MISS
        if kind is None or kind.given_up is not None:
            return eager()
        found = kind.replay(leaves, given)
        return kind.traced(leaves, given, eager) if found is MISS else found

    def _arranged(self, key: Any, args: Any, kwargs: Any) -> tuple[Any, list[Any], list[Any]]:
        """The kind of a call, the leaves of its arguments with arrays for Variables, and these Variables."""
        leaves: list[Any] = []
        form = arrangement((args, kwargs), leaves)
        converted = [present(x) if getattr(type(x), "is_written", False) else x for x in leaves]
        places = [i for i, x in enumerate(converted) if isinstance(x, Variable)]
        given = [converted[i] for i in places]
        is_simple = all(type(part) is not tuple for part in (*form[1][0][1], *form[1][1][1]))
        is_simple = is_simple and all(a is b for a, b in zip(leaves, converted, strict=True))
        if any(type(x) not in (Variable, Parameter) for x in given) or any(map(is_foreign, converted)):
            return None, leaves, given
        if any(a is not b for a, b in zip(leaves, converted, strict=True)):
            form = arrangement(rearranged_as(args, kwargs, converted), leaves := [])
        graded = tuple(i for i, x in zip(places, given, strict=True) if x._grad is not None)
        grads = [x._grad for x in given if x._grad is not None]
        modes = training.get(), differentiating.get()
        if any(type(grad) is not np.ndarray for grad in grads):
            return None, leaves, given
        full = (form, graded, modes)
        kind = self.kinds.get(full)
        if kind is None:
            with update_lock.lock:
                kind = self.kinds.setdefault(full, Kind(self, CallForm(form, places, graded, modes)))
        if is_simple and not graded and key is not None:
            self.kinds[key] = kind
        for place, x in zip(places, given, strict=True):
            leaves[place] = x._data
        return kind, [*leaves, *grads], given


def rearranged_as(args: Any, kwargs: Any, leaves: Sequence[Any]) -> Any:
    """The same arguments with other leaves."""
    return rearranged(arrangement((args, kwargs), []), iter(leaves), lambda _, x: x)


def is_foreign(x: Any) -> bool:
    """Whether it is an array of a kind that is not traced."""
    return hasattr(x, "__array_function__") and not isinstance(x, (np.ndarray, np.generic, Variable))


def is_differentiable(found: Trace) -> bool:
    """Whether a traced call, which changes nothing, has returned what was computed from Variables."""
    if found.graph is None or found.stored or found.graph.assignments or found.data_assigned or found.streams:
        return False
    return any(isinstance(part, Result) and part.recorded for part in parts_in(found.result))


class JointPlan(Replay):
    """A plan of a call, with what its pullback needs.

    Attributes
    ----------
    joint : Graph or None
        The graph of the trace, until it is confirmed.
    outcome : Outcome
    how : Backward
    """

    def __init__(self, made: Any, outcome: Outcome, how: Backward, joint: Graph, runner: Any) -> None:
        super().__init__(made, (RECORDING, how.kind.call.training), runner)
        self.joint: Graph | None = joint
        self.outcome, self.how = outcome, how
        self.form = outcome.form
        self.is_single = type(outcome.form) is Leaf and outcome.form[0] == RESULT


class Backward(NamedTuple):
    """How gradients of a call are computed.

    Attributes
    ----------
    kind : Kind
    pullback : Pullback
    forms : list
        Shapes and dtypes of the gradients with respect to the results.
    reads : list of int
        The edges whose values it reads.
    has_state : bool
        Whether the call reads arrays that are no arguments and no Variables.
    """

    kind: Kind
    pullback: Any
    forms: Any
    reads: list[int]
    has_state: bool


class Kind:
    """The calls of a function with arguments of one arrangement, in one mode."""

    def __init__(self, calls: DifferentiableCalls, call: CallForm) -> None:
        self.calls, self.call = calls, call
        self.plans: list[JointPlan] = []
        self.attempts = 0
        self.given_up: str | None = None
        self.numbers = True  # whether floats among the arguments are inputs of plans
        self.forms: dict[Any, Any] = {}  # of the results, by those of the arguments
        self._second: DifferentiableCalls | None = None

    # Calls

    def replay(self, leaves: list[Any], given: list[Any]) -> Any:
        """Run the first plan that fits; MISS if there is none."""
        for plan in self.plans:
            if not plan.confirmed:
                continue
            fast = plan.fast_path
            if plan.run is None and not (plan.fits(leaves, NO_KEYWORDS) and self._build(plan)):
                continue
            try:
                found = MISS if fast is None else fast.run(leaves, NO_KEYWORDS)
                if found is MISS:
                    found = plan.call(leaves, NO_KEYWORDS, fast is not None)
            except GuardFailed:
                continue
            except Exception:  # noqa: BLE001  (the function itself raises it)
                return MISS
            if found is not MISS:
                if plan is not self.plans[0]:
                    with update_lock.lock:
                        self.plans = [plan, *(other for other in self.plans if other is not plan)]
                others, arrays, captured, kept = found
                return result_of(plan.how, plan.form, plan.is_single, leaves, given, (others, arrays, captured, kept))
        return MISS

    def _build(self, plan: JointPlan) -> bool:
        """Compile a plan, unless memory is lacking."""
        try:
            with making.lock:
                plan.make()
                plan.enable_fast_path()
            release_memory()
        except MemoryError:
            return False
        except Exception as error:
            if isinstance(error, (ImportError, Warning)):
                raise
            self.give_up(f"{type(error).__name__}: {error}")
            return False
        return True

    def give_up(self, reason: str) -> None:
        """From now on, call the function itself."""
        self.given_up = reason
        with update_lock.lock:
            self.plans = []

    def traced(self, leaves: list[Any], given: list[Any], eager: Callable[[], Any]) -> Any:
        """Make a call that no plan fits: of its kind the first one runs eagerly, others are traced."""
        if self.given_up is not None:
            return eager()
        key = tuple([(x.shape, x.dtype) for x in leaves if type(x) is np.ndarray])
        forms = self.forms.get(key)
        if forms is None:
            floor = next_number()
            result = eager()
            try:
                self.forms[key] = form_of(result_form(present(result), floor, given)[0])
            except Refused as reason:
                self.give_up(str(reason))
            return result
        with tracing_lock.lock:
            found = self._trace(leaves, given, forms)
        if found is MISS:
            self.forms.pop(key, None)
            return eager()
        return found

    def _trace(self, leaves: list[Any], given: list[Any], forms: Any) -> Any:
        token = tracing.set(True)
        try:
            trace, outcome, gys = trace_joint(self.calls.function, self.call, leaves, forms, self.numbers)
        except Untraceable as reason:
            self.give_up(str(reason))
            return MISS
        except Failed as failed:
            if self.numbers and has_float(leaves) and not isinstance(failed.__cause__, Refused):
                self.numbers = False  # perhaps it does not accept the object that represents a float
                tracing.reset(token)
                token = tracing.set(True)
                return self._trace(leaves, given, forms)
            self.attempts += 1
            if self.attempts >= MOST_ATTEMPTS:
                self.give_up(str(failed))
            return MISS
        finally:
            tracing.reset(token)
        self._add(trace, outcome, gys)
        return self._result_of_trace(trace, outcome, gys, leaves, given)

    def _add(self, trace: Trace, outcome: Outcome, gys: list[Any]) -> None:
        """Keep a plan of a traced call, or confirm the plan of an equal one."""
        assert trace.graph is not None
        for plan in self.plans:
            if plan.joint is not None:
                differ = first_difference(plan.joint, trace.graph)
                if differ is None and plan.outcome.form == outcome.form:
                    plan.confirmed, plan.joint = True, None
                    self.attempts = 0
                    return
        if len(self.plans) >= MOST_PLANS:
            self.give_up("it needs too many plans")
            return
        plan = self._plan(trace, outcome, gys)
        with update_lock.lock:
            self.plans = [plan, *(other for other in self.plans if other.joint is None)]

    def _plan(self, trace: Trace, outcome: Outcome, gys: list[Any]) -> JointPlan:
        others, roots, captured, gradients = trace.result.parts
        places = places_of(trace, gys)
        assert trace.graph is not None
        graph = simplify(lower(copied_graph(trace.graph)))
        forward = [out.number for part in (others, roots) for out in outputs_in(part)]
        whole = {t.number for t in roots.parts if t.view is None}
        parts = divided(graph, forward, whole, list(map(as_array, gradients.parts)), places)
        done: dict[int, Any] = {}
        templates = [
            replace_outputs(part, lambda out: out._replace(number=parts.numbers[out.number]), done)
            for part in (others, Container(list, tuple(map(as_array, roots.parts))))
        ]
        result = Container(tuple, (*templates, captured, Container(tuple, tuple(parts.kept))))
        for place in places:
            trace.sources[place].used = False
        made = trace._replace(graph=parts.forward, result=result)
        kept = {t.number for t in input_aliases_in(result.parts[-1])}
        how = Backward(
            self,
            Pullback(parts.backward, self._compiled, parts.gradients),
            [(gy.shape, gy.dtype) for gy in gys],
            self.reads(trace, kept),
            self.has_state(trace),
        )
        return JointPlan(made, outcome, how, trace.graph, self.calls.runner)

    def _compiled(self, graph: Graph) -> Any:
        with making.lock:
            run = self.calls.runner(graph)
        release_memory()
        return run

    def reads(self, trace: Trace, kept: set[int]) -> list[int]:
        """The edges whose arrays are among some inputs of a trace."""
        captured = [id(part) for part in captured_in(trace)]
        found = []
        for number in kept:
            for location in locations_of(trace.sources[number]):
                if location.argument and location.parent is None:
                    found += [i for i, place in enumerate(self.call.places) if place == location.key]
                elif id(location.holder) in captured:
                    found.append(len(self.call.places) + captured.index(id(location.holder)))
        return sorted(set(found))

    def has_state(self, trace: Trace) -> bool:
        """Whether a call reads arrays that are neither arguments nor the data of Variables."""
        return any(
            not location.argument and not isinstance(location.holder, Variable)
            for source in trace.sources
            if source.used
            for location in locations_of(source)
        )

    def _result_of_trace(self, trace: Trace, outcome: Outcome, gys: list[Any], leaves: list[Any], given: Any) -> Any:
        """The result of a traced call, whose pullback NumPy computes by the graph of the trace."""
        assert trace.graph is not None
        others, arrays, captured, _ = trace.returned
        graph = copied_graph(trace.graph)
        gradients = list(map(as_array, trace.result.parts[3].parts))
        places = places_of(trace, gys)
        numbers = dict.fromkeys(x.settings["place"] for x in graph.inputs)
        numbers |= dict.fromkeys(alias.number for t in gradients if t is not None for alias in input_aliases_in(t))
        sources = [number for number in numbers if number not in places]
        order = {number: i for i, number in enumerate((*sources, *places))}
        for node in graph.inputs:
            node.settings = {"place": order[node.settings["place"]]}
        kept = [array_at(trace.sources[number], leaves) for number in sources]
        templates = [
            t._replace(number=order[t.number]) if t is not None and any(input_aliases_in(t)) else t for t in gradients
        ]
        how = Backward(
            self,
            Pullback(graph, interpreted, templates),
            [(gy.shape, gy.dtype) for gy in gys],
            self.reads(trace, set(sources)),
            self.has_state(trace),
        )
        is_single = type(outcome.form) is Leaf and outcome.form[0] == RESULT
        return result_of(how, outcome.form, is_single, leaves, given, (others, arrays, captured, kept))

    # Gradients

    @property
    def second(self) -> DifferentiableCalls:
        """The calls of the function that computes the gradients."""
        if self._second is None:
            function, call = self.calls.function, self.call
            count = len_of(call)

            def gradients(*values: Any) -> Any:
                run = Run(function, call, values[:count])
                captured = run.captured()
                found = run.gradients(values[count:], True, captured)
                return found, captured, [array_of(y) for y in run.roots]

            self._second = DifferentiableCalls(gradients, self.calls.runner)
        return self._second


def len_of(call: CallForm) -> int:
    """The number of values that a call of some form takes."""
    leaves: list[Any] = []
    count_leaves(call.form, leaves)
    return len(leaves) + len(call.graded)


def count_leaves(form: Any, found: list[Any]) -> None:
    if type(form) is tuple:
        for part in form[1]:
            count_leaves(part, found)
    else:
        found.append(form)


def locations_of(source: Source) -> list[Any]:
    """All locations of an input."""
    return [x for x in (source.location, *source.aliases, *(x for x, _ in source.fixed)) if x is not None]


def places_of(trace: Trace, gys: list[Any]) -> list[int]:
    """The numbers of the inputs that are gradients with respect to the results."""
    found = {id(source.array): number for number, source in enumerate(trace.sources)}
    return [found[id(gy)] for gy in gys]


def captured_in(trace: Trace) -> list[Any]:
    """The captured Variables that the result of a traced call depends on."""
    return list(trace.returned[2])


def array_at(source: Source, leaves: list[Any]) -> Any:
    """The array of an input in a call that was just traced."""
    location = source.location
    if location is None:
        return source.array
    value = leaves[location.key] if location.argument and location.parent is None else location.get()
    return np.array(value) if source.kind == "float" else value


def result_of(how: Backward, form: Any, is_single: bool, leaves: list[Any], given: list[Any], parts: Any) -> Any:
    """Record a call, and return its result."""
    others, arrays, captured, kept = parts
    if not arrays:
        return filled(form, {"result": (), "argument": given, "other": others})
    node = DifferentiableCall()
    node._edges = (*given, *captured)
    node._number = next_number()
    node.how, node.kept, node.leaves = how, kept, leaves
    node._kept = how.forms
    node.results = arrays if how.has_state else None
    if is_single:
        arrays[0].setflags(write=False)
        return attach(node, arrays[0])
    for array in arrays:
        array.setflags(write=False)
    ys = [watch_writes(attach(node, array)) for array in arrays]
    if len(ys) > 1:
        node._outputs = tuple([ref(y) for y in ys])
    return filled(form, {"result": ys, "argument": given, "other": others})


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
        return getattr(self.how.kind.calls.function, "__name__", "compiled")

    def kept_output(self, position: int) -> Any:
        return None

    def output_shapes(self) -> Any:
        return self._kept

    def pull(self, gys: Any, differentiable: bool) -> Any:
        how = self.how
        edges = self._edges
        for i in how.reads:
            x = edges[i]
            if x._notes is not None:
                self.check_unchanged(x)
        if WRITTEN:
            for array in self.kept:
                self.check_unwritten(array, array)
        if type(self._outputs) is not tuple:
            gys = (gys,)
        if differentiable:
            return self._recorded_gradients(gys)
        arrays = [*self.kept]
        for gy, (shape, dtype) in zip(gys, how.forms, strict=True):
            if type(gy) is not np.ndarray or gy.shape != shape or gy.dtype != dtype:
                return self._eager_gradients(gys, False)
            arrays.append(contiguous(gy))
        try:
            return how.pullback(arrays)
        except (GuardFailed, MemoryError):
            return self._eager_gradients(gys, False)

    def _values(self) -> list[Any]:
        """The arguments, with the Variables themselves."""
        values = list(self.leaves)
        for place, x in zip(self.how.kind.call.places, self._edges, strict=False):
            values[place] = x
        return values

    def _eager_gradients(self, gys: Sequence[Any], differentiable: bool) -> list[Any]:
        """The gradients by the function itself, which runs again."""
        run, captured = self._run_again()
        return self._of_edges(run.gradients(gys, differentiable, captured, self), captured)

    def _run_again(self) -> tuple[Run, list[Any]]:
        kind = self.how.kind
        token = current_mode.set(changed(current_mode.get(), record=True))
        try:
            run = Run(kind.calls.function, kind.call, self._values())
            captured = run.captured()
        except Refused as reason:
            raise differs(self) from reason
        finally:
            current_mode.reset(token)
        self._check_again([array_of(y) for y in run.roots])
        return run, captured

    def _recorded_gradients(self, gys: Sequence[Any]) -> list[Any]:
        """The gradients as Variables with a graph."""
        kind = self.how.kind

        def eager() -> Any:
            run, captured = self._run_again()
            return run.gradients(gys, True, captured, self), captured, [array_of(y) for y in run.roots]

        given = [as_variable(gy) for gy in gys]
        found = kind.second.call((*self._values(), *given), NO_KEYWORDS, eager)
        gradients, captured, arrays = eager() if found is MISS else found
        self._check_again(arrays)
        return self._of_edges(gradients, captured)

    def _of_edges(self, gradients: Sequence[Any], captured: Sequence[Any]) -> list[Any]:
        """The gradients in the order of the edges."""
        count = len(self.how.kind.call.places)
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


def differs(f: DifferentiableCall) -> GraphError:
    return GraphError(
        f"backward runs {f.name} again, and it must compute the same, but its results differ; the arrays and objects "
        "that it uses were changed since the call: call backward first"
    )
