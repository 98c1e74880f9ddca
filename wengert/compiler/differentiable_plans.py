"""Calls of compiled functions that are recorded: each is one call of the record, with a compiled pullback.

The function is traced together with its gradients; one plan computes its result and what the pullback reads, another
one the gradients. Where gradients carry a graph, the function that computes them is called in the same way: so there is
a derivative of any order.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from wengert.checks.conversions import differentiating
from wengert.compiler.arguments import arrangement, has_float, has_variable
from wengert.compiler.capture.compare import first_difference
from wengert.compiler.capture.locations import Locations
from wengert.compiler.capture.outputs import Outside
from wengert.compiler.capture.substitution import Source
from wengert.compiler.capture.tape import Untraceable
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
from wengert.compiler.changing_numbers import ChangingNumbers, changed_numbers
from wengert.compiler.differentiable_call import Backward, result_of
from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.guards.replay import MISS, Replay
from wengert.compiler.joint_graph import Pullback, backward_of, copied_graph, divided
from wengert.compiler.joint_trace import (
    CallForm,
    Outcome,
    Refused,
    Run,
    changes_state,
    form_of,
    result_form,
    trace_joint,
)
from wengert.compiler.locks import making, tracing, tracing_lock, update_lock
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.roll import roll
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.pauses import MOST_MISSES, MOST_PLANS
from wengert.compiler.targets.cpu.runner import interpreted
from wengert.compiler.targets.llvm.jit import release_memory
from wengert.core.mode import RECORDING
from wengert.core.node import maker_of, next_number
from wengert.core.variable import Parameter, Variable, array_of
from wengert.custom.fields import FIELDS
from wengert.functions.training_mode import training
from wengert.writes.written import present

__all__ = ["DifferentiableCalls", "is_differentiable"]

MOST_ATTEMPTS = 3
MOST_KINDS = 128
NO_KEYWORDS: dict[str, Any] = {}
state_of = attrgetter(FIELDS["array"], FIELDS["creator"], FIELDS["grad"])


class DifferentiableCalls:
    """The recorded calls of one function, by the kinds of their arguments."""

    def __init__(self, function: Callable[..., Any], runner: Callable[[Graph], Any]) -> None:
        self.function, self.runner = function, runner
        self.always = False  # whether calls without Variables among their arguments are recorded as well
        self.kinds: dict[Any, Any] = {}
        self.nested: dict[Any, Any] = {}  # those of nested arguments, by their arrangement; None for their types

    @property
    def plans(self) -> list[Any]:
        """All plans."""
        return [plan for kind in dict.fromkeys(self.kinds.values()) for plan in kind.plans]

    def call(self, args: Any, kwargs: Any, eager: Callable[..., Any]) -> Any:
        """The result of a call; MISS if it is not to be recorded as one call. `eager` calls the function itself."""
        key: tuple[Any, ...] = (*map(type, args), training.get(), differentiating.get())
        if kwargs:
            key = (*key, *kwargs, *map(type, kwargs.values()))
        kind = self.kinds.get(key)
        leaves: list[Any] = []
        if kind is not None:
            leaves += args
            leaves += kwargs.values()
        elif key in self.nested:
            kind = self.nested.get((arrangement((args, kwargs), leaves), training.get(), differentiating.get()))
        is_inside = False  # whether some argument was computed
        if kind is not None:
            given = []
            for place in kind.places:
                given.append(leaves[place])
                leaves[place], maker, grad = state_of(leaves[place])
                if maker is not None and type(maker) is not Outside:
                    is_inside = True
                if grad is not None:
                    kind = None
                    break
        if kind is None:
            if not self.always and not has_variable((args, kwargs)):
                return MISS
            kind, leaves, given = self._arranged(key, args, kwargs)
            is_inside = any(type(maker_of(x)) not in (type(None), Outside) for x in given)
        if not is_inside:
            if not self.always:
                return MISS
            eager = with_values(eager)
        if kind is None:
            return eager(*args, **kwargs)
        if (plans := kind.plans) and (fast := (plan := plans[0]).fast_path) is not None:
            found = fast.run(leaves, NO_KEYWORDS)
            if found is not MISS:
                return result_of(plan.how, leaves, given, found)
        if kind.given_up is not None:
            return eager(*args, **kwargs)
        found = kind.replay(leaves, given)
        return kind.traced(leaves, given, lambda: eager(*args, **kwargs)) if found is MISS else found

    def _arranged(self, key: Any, args: Any, kwargs: Any) -> tuple[Any, list[Any], list[Any]]:
        """The kind of a call, the leaves of its arguments with arrays for Variables, and these Variables."""
        leaves: list[Any] = []
        form = arrangement((args, kwargs), leaves)
        if is_written := any(getattr(type(x), "is_written", False) for x in leaves):
            form = arrangement(present((args, kwargs)), leaves := [])
        places = [i for i, x in enumerate(leaves) if isinstance(x, Variable)]
        given = [leaves[i] for i in places]
        if any(type(x) not in (Variable, Parameter) for x in given) or any(map(is_foreign, leaves)):
            return None, leaves, given
        graded = tuple(i for i, x in zip(places, given, strict=True) if x.grad is not None)
        grads = [x.grad for x in given if x.grad is not None]
        modes = training.get(), differentiating.get()
        if any(type(grad) is not np.ndarray for grad in grads):
            return None, leaves, given
        full = (form, graded, modes, is_written)
        kind = self.kinds.get(full)
        if kind is None:
            if len(self.kinds) >= MOST_KINDS:
                return None, leaves, given
            call = CallForm(form, places, graded, modes, is_written)
            with update_lock.lock:
                kind = self.kinds.setdefault(full, Kind(Differentiated(self.function, call, self.runner)))
        if not (is_written or graded):  # (it is found by the types from now on)
            if any(type(part) is tuple for part in (*form[1][0][1], *form[1][1][1])):
                self.nested[key], self.nested[form, *modes] = None, kind
            else:
                self.kinds[key] = kind
        for place, x in zip(places, given, strict=True):
            leaves[place] = array_of(x)
        return kind, [*leaves, *grads], given


def with_values(eager: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, returning the values of arrays that take Variables, as a plan does."""
    return lambda *args, **kwargs: present(eager(*args, **kwargs))


def is_foreign(x: Any) -> bool:
    """Whether it is an array of a kind that is not traced."""
    return hasattr(x, "__array_function__") and not isinstance(x, (np.ndarray, np.generic, Variable))


def is_differentiable(found: Trace) -> bool:
    """Whether a traced call, which changes nothing, has returned what was computed from Variables."""
    if changes_state(found):
        return False
    holders = [location.holder for source in found.sources if source.used for location in locations_of(source)]
    if not any(isinstance(holder, Variable) for holder in holders):
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
        super().__init__(made, (RECORDING, how.of.call.training), runner)
        self.joint: Graph | None = joint
        self.outcome, self.how = outcome, how


class Differentiated:
    """A function, which is called with arguments of one arrangement, and its gradients.

    (It does not refer to plans, which refer to it.)
    """

    def __init__(self, function: Callable[..., Any], call: CallForm, runner: Callable[[Graph], Any]) -> None:
        self.function, self.call = function, call
        self.run_as = runner
        self._second: DifferentiableCalls | None = None

    def runner(self, graph: Graph) -> Any:
        """Compile a graph."""
        return self.run_as(roll(graph))

    def compiled(self, graph: Graph) -> Any:
        """Compile the graph of a pullback."""
        with making.lock:
            run = self.runner(graph)
        release_memory()
        return run

    @property
    def second(self) -> DifferentiableCalls:
        """The calls of the function that computes the gradients."""
        if self._second is None:
            function, call = self.function, self.call
            count = len_of(call)

            def gradients(*values: Any) -> Any:
                run = Run(function, call, values[:count])
                captured = run.captured()
                found = run.gradients(values[count:], True, captured)
                return found, captured, [array_of(y) for y in run.roots]

            self._second = DifferentiableCalls(gradients, self.run_as)
        return self._second


class Kind:
    """The calls of a function with arguments of one arrangement, in one mode."""

    def __init__(self, of: Differentiated) -> None:
        self.of, self.places = of, of.call.places
        self.plans: list[JointPlan] = []
        self.attempts = 0
        self.given_up: str | None = None
        self.numbers = True  # whether floats among the arguments are inputs of plans, and numbers that change
        self.changing = ChangingNumbers()
        self.misses = 0  # calls in a row that a plan was made for
        self.forms: dict[Any, Any] = {}  # of the results, by those of the arguments

    def replay(self, leaves: list[Any], given: list[Any]) -> Any:
        """Run the first plan that fits; MISS if there is none."""
        for plan in self.plans:
            if not plan.confirmed:
                continue
            if plan.run is None and not (plan.fits(leaves, NO_KEYWORDS) and self._build(plan)):
                continue
            try:
                found = plan.call(leaves, NO_KEYWORDS)
            except GuardFailed:
                continue
            except Exception:  # noqa: BLE001  (the function itself raises it)
                return MISS
            if found is not MISS:
                self.misses = 0
                if plan is not self.plans[0]:
                    with update_lock.lock:
                        self.plans = [plan, *(other for other in self.plans if other is not plan)]
                return result_of(plan.how, leaves, given, found)
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

    def traced(self, leaves: list[Any], given: list[Any], eager: Callable[..., Any]) -> Any:
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
            found = self._traced(leaves, forms)
            if not isinstance(found, str):
                self._add(*found)
                return self._result_of_trace(*found, leaves, given)
        self.forms.pop(key, None)
        result = eager()  # (if it raises, other calls may succeed)
        self.attempts += 1
        if self.attempts >= MOST_ATTEMPTS:
            self.give_up(found)
        return result

    def _traced(self, leaves: list[Any], forms: Any) -> tuple[Trace, Outcome, list[Any]] | str:
        """Trace a call; or say why it must run eagerly."""
        while True:
            token = tracing.set(True)
            try:
                return trace_joint(self.of.function, self.of.call, leaves, forms, self.numbers, self._changing_in)
            except Untraceable as reason:
                return str(reason)
            except Failed as failed:
                if (
                    not self.numbers
                    or not (has_float(leaves) or self.changing.paths)
                    or isinstance(failed.__cause__, Refused)
                ):
                    return str(failed)
                self.numbers = False  # perhaps it does not accept the object that represents a float
            finally:
                tracing.reset(token)

    def _changing_in(self, locations: Locations) -> frozenset[str]:
        """The paths of the numbers that have changed since the last call, or a call before."""
        if self.plans and self.numbers:
            self.changing.add(changed_numbers(self.plans[0].trace, locations))
        return self.changing.among(locations)

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
        self.misses += 1
        if self.misses >= MOST_MISSES:
            self.give_up("it needs too many plans")
            return
        plan = self._plan(trace, outcome, gys)
        with update_lock.lock:
            known = [other for other in self.plans if other.joint is None]
            self.plans = [plan, *known[: MOST_PLANS - 1]]  # (without the one that was used least recently)

    def _plan(self, trace: Trace, outcome: Outcome, gys: list[Any]) -> JointPlan:
        others, roots, captured, gradients = trace.result.parts
        places = places_of(trace, gys)
        assert trace.graph is not None
        graph = simplify(lower(copied_graph(trace.graph)))
        forward = [out.number for part in (others, roots) for out in outputs_in(part)]
        whole = {t.number for t in roots.parts if t.view is None}
        plain = {number for number, source in enumerate(trace.sources) if self.is_plain(source)}
        parts = divided(graph, (forward, whole), list(map(as_array, gradients.parts)), places, plain)
        done: dict[int, Any] = {}
        templates = [
            replace_outputs(part, lambda out: out._replace(number=parts.numbers[out.number]), done)
            for part in (others, Container(list, tuple([as_array(t)._replace(writeable=False) for t in roots.parts])))
        ]
        result = Container(tuple, (*templates, captured, Container(tuple, tuple(parts.kept))))
        for place in places:
            trace.sources[place].used = False  # (what is not read is not compared)
        made = trace._replace(graph=parts.forward, result=result, returned=None)
        kept = {t.number for t in input_aliases_in(result.parts[-1])}
        how = Backward(
            self.of,
            outcome.form,
            Pullback(parts.backward, self.of.compiled, parts.gradients),
            [(gy.shape, gy.dtype) for gy in gys],
            self.reads(trace, kept),
            self.has_state(trace),
        )
        return JointPlan(made, outcome, how, trace.graph, self.of.runner)

    def reads(self, trace: Trace, kept: set[int]) -> list[int]:
        """The edges whose arrays are among some inputs of a trace."""
        captured = [id(part) for part in captured_in(trace)]
        found = []
        for number in kept:
            for location in locations_of(trace.sources[number]):
                if location.argument and location.parent is None:
                    found += [i for i, place in enumerate(self.places) if place == location.key]
                elif id(location.holder) in captured:
                    found.append(len(self.places) + captured.index(id(location.holder)))
        return sorted(set(found))

    def has_state(self, trace: Trace) -> bool:
        """Whether a call reads arrays that are not the data of Variables: writes to them are not noted."""
        return any(source.used and self.is_plain(source) for source in trace.sources)

    def is_plain(self, source: Source) -> bool:
        """Whether an input is an array that is not the data of a Variable."""
        return source.kind != "number" and not any(
            location.key in self.places
            if location.argument and location.parent is None
            else isinstance(location.holder, Variable)
            for location in locations_of(source)
        )

    def _result_of_trace(self, trace: Trace, outcome: Outcome, gys: list[Any], leaves: list[Any], given: Any) -> Any:
        """The result of a traced call, whose pullback NumPy computes by the graph of the trace."""
        assert trace.graph is not None
        others, arrays, captured, _ = trace.returned
        for array in arrays:
            array.setflags(write=False)
        places = places_of(trace, gys)
        graph, sources, templates = backward_of(copied_graph(trace.graph), trace.result.parts[3].parts, places)
        kept = [array_at(trace.sources[number], leaves) for number in sources]
        plain = [self.is_plain(trace.sources[number]) for number in sources]
        kept = [np.array(x) if is_plain else x for x, is_plain in zip(kept, plain, strict=True)]
        how = Backward(
            self.of,
            outcome.form,
            Pullback(graph, interpreted, templates),
            [(gy.shape, gy.dtype) for gy in gys],
            self.reads(trace, set(sources)),
            self.has_state(trace),
        )
        return result_of(how, leaves, given, (others, arrays, captured, kept))


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
    return np.array(value) if source.kind == "number" else value
