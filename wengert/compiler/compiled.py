"""compile: a function that is traced once, and from then on runs as a compiled plan."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Self, TypeVar, overload

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.extras import check_installed
from wengert.compiler.arguments import detached, has_float, is_inside
from wengert.compiler.binding import bound_to, reduced
from wengert.compiler.capture.compare import first_difference
from wengert.compiler.capture.locations import Locations
from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.capture.streams import restore_streams
from wengert.compiler.capture.tape import NUMPY_STATE, Untraceable
from wengert.compiler.capture.trace import Failed, Trace, code_of, trace
from wengert.compiler.changing_numbers import ChangingNumbers, changed_numbers
from wengert.compiler.differentiable_plans import DifferentiableCalls, is_differentiable
from wengert.compiler.garbage import fewer_collections
from wengert.compiler.graph.equality import same_guard
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.guards.replay import MISS, Replay
from wengert.compiler.locks import making, tracing, tracing_lock, update_lock
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.optimize import optimize
from wengert.compiler.pauses import MOST_PLANS, Pauses
from wengert.compiler.progress import announced
from wengert.compiler.report.diagnostics import (
    CompileWarning,
    changed_number,
    changing_number,
    differing_number,
    not_compiled,
    too_many_plans,
    unseen_change,
    warn,
)
from wengert.compiler.targets.cpu.runner import Runner, native
from wengert.compiler.targets.llvm.jit import release_memory
from wengert.compiler.verification import verify_call
from wengert.core import mode
from wengert.functions.training_mode import is_training, training
from wengert.singular.products import NOT_FINITE, masks_everywhere
from wengert.writes.unmodified import call_where_differentiated, unmodified_call

if TYPE_CHECKING:
    from wengert.compiler.report.plan_report import Report
    from wengert.drawing.picture import Drawing

__all__ = ["CompileWarning", "Compiled", "compile"]

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
LATER = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
MOST_ATTEMPTS = 3  # consecutive calls that could not be compiled
RARE = 1 / 16  # what a call counts for whose failure is due to its arguments: others may succeed
# The errstate that is known to raise nothing. (A program may have set another one before this import.)
DEFAULT_ERRSTATE = None if NUMPY_STATE is None or "raise" in np.geterr().values() else NUMPY_STATE.get()


class Compiled(Generic[P, R]):
    """A compiled function: see `compile`.

    Attributes
    ----------
    function : callable
        The function itself.
    plans : list
        Its plans, the most recently used one first.
    given_up : str or None
        Why it is not compiled any more.
    """

    transient: ClassVar[tuple[str, ...]] = (
        "plans", "attempts", "given_up", "last_failure", "last_error", "to_verify", "number_inputs", "changing",
        "pauses", "has_warned", "instances", "runner", "profiles", "recorded", "__wrapped__",
    )  # fmt: skip

    def __init__(self, function: Callable[P, R], verify: int = 0, runner: Any = native, ahead: bool = False) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.ahead = ahead
        self.runner: Callable[[Any], Runner] = runner
        self.plans: list[Replay] = []
        self.attempts: float = 0
        self.masks_everywhere = False
        self.given_up: str | None = None
        self.last_failure: str | None = None  # why the last call could not be compiled
        self.last_error: str | None = None  # the message of the last exception in a traced call
        self.to_verify = verify
        # Whether numbers are inputs of plans, else constants: floats among the arguments, and those of these paths.
        self.number_inputs = True
        self.changing = ChangingNumbers()
        self.pauses = Pauses()
        self.has_warned = False
        self.instances: dict[int, dict[str, Any]] = {}
        self.profiles: dict[Replay, Any] = {}  # the measurements of plans
        self.recorded = DifferentiableCalls(function, runner)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        now = mode.current_mode.get()
        tried = None
        if (
            (plans := self.plans)
            and (fast := (first := plans[0]).fast_path) is not None
            and now is fast.mode
            and training.get() is fast.training
            and (NUMPY_STATE is None or NUMPY_STATE.get() is DEFAULT_ERRSTATE)
            and not tracing.get()
        ):
            tried = first
            found = fast.run(args, kwargs)
            if found is not MISS:
                return found  # type: ignore[no-any-return]
        if self._runs_eagerly(now):
            return self.eager(*args, **kwargs)
        if now.record and not self.to_verify:
            found = self.recorded.call(args, kwargs, self.eager)
            if found is not MISS:
                return found  # type: ignore[no-any-return]
        settings = (now, is_training())
        while True:
            known = [(plan, plan.confirmed) for plan in self.plans]
            found = self._replay(settings, args, kwargs, tried)
            if found is not MISS:
                return found  # type: ignore[no-any-return]
            with tracing_lock.lock:
                if any((plan, plan.confirmed) not in known for plan in self.plans):
                    continue  # another thread has added or confirmed a plan meanwhile
                if not self.ahead:
                    return self._trace_and_add(settings, args, kwargs)  # type: ignore[no-any-return]
                self._compile_ahead(settings, args, kwargs)
            # (the lock is not held while a plan runs, which may wait for another thread that needs the lock)
            found = self._replay(settings, args, kwargs)
            return self.eager(*args, **kwargs) if found is MISS else found

    def _runs_eagerly(self, now: Any) -> bool:
        """Whether a call in the mode `now` is not compiled."""
        if self.given_up is not None or now.debug or tracing.get():
            return True
        return NUMPY_STATE is not None and NUMPY_STATE.get() is not DEFAULT_ERRSTATE and "raise" in np.geterr().values()

    def _prepare(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Make the first plan without a call: the calls that it is made from are undone."""
        now = mode.current_mode.get()
        with tracing_lock.lock:
            if not self.plans and not self._runs_eagerly(now):
                self._compile_ahead((now, is_training()), args, kwargs)

    @property
    def plan(self) -> Report:
        """A report of the last used plan, for ``print(step.plan)``. A plan that is not compiled yet is compiled."""
        from wengert.compiler.report.plan_drawing import report

        return report(self)

    def profile(self, *args: P.args, **kwargs: P.kwargs) -> Report:
        """Measure the time of each kernel in such a call, and undo its changes. Then `plan` shows the times.

        Raises
        ------
        RuntimeError
            If the function runs eagerly.
        """
        from wengert.compiler.report.profile import profile

        return profile(self, *detached((args, kwargs)))

    @property
    def graph(self) -> Drawing:
        """A drawing of the graph of the last used plan: ``step.graph.save("graph.svg")``."""
        from wengert.compiler.report.plan_drawing import draw

        return draw(self)

    def eager(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself; where it is differentiated, arrays that it makes take Variables, as in a trace."""
        return call_where_differentiated(self.function, args, kwargs)  # type: ignore[no-any-return]

    def _replay(self, settings: Any, args: Any, kwargs: Any, tried: Replay | None = None) -> Any:
        """Run the first plan that fits; MISS if there is none. The fast path of the plan `tried` has missed already."""
        for plan in self.plans:
            if plan.settings != settings or not plan.confirmed:
                continue
            if self.pauses.left and (plan.run is None or plan.has_failed):
                continue
            if (plan.run is None or self.to_verify or plan.to_check) and not plan.fits(args, kwargs):
                continue
            if plan.to_check and not self._checked(plan, args, kwargs):
                return self.eager(*args, **kwargs)
            if plan.run is None and not self._build(plan):
                return self.eager(*args, **kwargs)
            if self.to_verify:
                return self._verify(plan, args, kwargs)
            streams = plan.streams()
            try:
                found = plan.call(args, kwargs, plan is tried)
            except GuardFailed as failure:
                restore_streams(streams)
                plan.has_failed = True
                self.pauses.failed(failure.node)
                continue
            except Exception:  # noqa: BLE001  (the function itself raises it)
                restore_streams(streams)
                return self.eager(*args, **kwargs)  # it raises again, with the state of an eager call
            if found is not MISS:
                plan.has_failed = False
                self.pauses.hit()
                self._prefer(plan)
                return found
        return MISS

    def _prefer(self, plan: Replay) -> None:
        """Move a plan to the front. (Other threads may be iterating over the list: it is replaced, not changed.)"""
        if self.plans[:1] == [plan]:
            return
        with update_lock.lock:
            if plan in self.plans:
                self.plans = [plan, *(other for other in self.plans if other is not plan)]

    def _build(self, plan: Replay) -> bool:
        """Compile a plan; give up if that fails, unless memory was lacking."""
        try:
            with making.lock, fewer_collections(), announced(f"compiling {name_of(self.function)}"):
                plan.make()
                if not self.to_verify and not plan.to_check:
                    plan.enable_fast_path()
            release_memory()
        except MemoryError:
            return False  # the next call compiles it, if there is memory then
        except Exception as error:
            if isinstance(error, (ImportError, Warning)):  # (the latter where warnings are errors)
                raise
            self._give_up(not_compiled(error))
            return False
        return True

    def _compile_ahead(self, settings: Any, args: Any, kwargs: Any) -> None:
        """Compile a plan from calls whose changes are undone."""
        from wengert.compiler.ahead_of_time import compile_ahead

        if self.given_up is None and not is_inside((args, kwargs)):
            compile_ahead(self, settings, args, kwargs)

    def _checked(self, plan: Replay, args: Any, kwargs: Any) -> bool:
        """Whether a plan that was compiled from a single call holds for another one; if not, drop it."""
        with tracing_lock.lock:
            from wengert.compiler.ahead_of_time import still_matches

            plan.to_check = max(plan.to_check - 1, 0)
            if plan.to_check == 0 and not still_matches(self, plan, args, kwargs):
                return False
            if plan.to_check == 0 and not self.to_verify:
                plan.enable_fast_path()
            return True

    def _verify(self, plan: Replay, args: Any, kwargs: Any) -> Any:
        self.to_verify -= 1
        if not self.to_verify:
            for each in self.plans:
                each.enable_fast_path()
        run = functools.partial(plan.replay, args, kwargs, plan.run)
        return verify_call(self.function, run, args, kwargs, plan.trace.streams)

    def _trace_and_add(self, settings: Any, args: Any, kwargs: Any) -> Any:
        """Trace a call, and add its plan; return the result of the call."""
        if self.given_up is not None or is_inside((args, kwargs)):
            return self.eager(*args, **kwargs)
        if self.pauses.left:
            self.pauses.left -= 1
            return self.eager(*args, **kwargs)
        known = next(
            (p for p in self.plans if not p.confirmed and p.settings == settings and p.fits(args, kwargs)), None
        )
        attempts = self.attempts
        found = self._traced(args, kwargs)
        if found is None:
            try:
                return self.eager(*args, **kwargs)
            except Exception as error:
                if self.given_up is None and str(error) == self.last_error:
                    self.attempts = attempts  # it raises eagerly, too: other calls may be compiled
                raise
        if found.graph is None:
            self.last_failure = str(found.failure)
            self.masks_everywhere |= found.failure == NOT_FINITE
            self._failed(str(found.failure), RARE if found.argument_failure else 1)
            return found.returned
        if found.changed:
            if found.changed <= self.changing.paths or not self.number_inputs:
                self._failed(changed_number(next(iter(found.changed))))
            self._let_change(found.changed)  # (they are inputs from the next call on)
            return found.returned
        if settings[0].record and not self.to_verify and is_differentiable(found):
            self.recorded.always = True
            return self.recorded.call(args, kwargs, self.eager)
        if known is not None and self._confirm(known, found):
            return found.returned
        if known is None or known.confirmed:
            self.attempts = 0
        if self.pauses.missed(self.plans):
            guard, guards = self.pauses.number, self.pauses.guards
            self._pause(too_many_plans(self.plans, found, guards) if guard is None else changing_number(guard))
            return found.returned
        plan = Replay(found, settings, self.runner, lambda graph: optimize(lower(graph)))
        self.last_failure = None
        plan.confirmed = any(p.confirmed for p in self.plans)
        with update_lock.lock:
            self.plans = [plan, *self.plans[: MOST_PLANS - 1]]  # (without the one that was used least recently)
        return found.returned

    def _let_change(self, paths: Iterable[str]) -> None:
        """From now on, numbers at these paths are inputs of plans."""
        if self.changing.add(paths):
            with update_lock.lock:
                self.plans = [plan for plan in self.plans if plan.confirmed]  # (others are for numbers that were)

    def _changing_in(self, locations: Locations) -> frozenset[str]:
        """The paths of the numbers that have changed since the last call, or a call before."""
        if self.plans and self.number_inputs:
            self._let_change(changed_numbers(self.plans[0].trace, locations))
        return self.changing.among(locations)

    def _traced(self, args: Any, kwargs: Any) -> Trace | None:
        """Trace a call; None if it must run eagerly."""
        token, masks = tracing.set(True), masks_everywhere.set(self.masks_everywhere)
        try:
            with fewer_collections(), announced(f"tracing {name_of(self.function)}"):
                return trace(self.function, args, kwargs, self.number_inputs, self._changing_in)
        except Untraceable as reason:
            self._failed(str(reason))
        except Failed as failed:
            if self.number_inputs and (self.changing.paths or has_float((args, kwargs))):
                self.number_inputs = False  # perhaps it does not accept the object that represents a number
                return self._traced(args, kwargs)
            self.last_error = str(failed)
            self._failed(
                f"it raised {type(failed.__cause__).__name__} while it was traced with the objects that represent "
                f"arrays and floats: {failed}; test these by isinstance, not by type",
                0.5,
            )
        finally:
            tracing.reset(token)
            masks_everywhere.reset(masks)
        return None

    def _confirm(self, plan: Replay, found: Trace) -> bool:
        """Compare two traces; whether no other plan is to be made from the second."""
        assert plan.trace.graph is not None and found.graph is not None
        differ = first_difference(plan.trace.graph, found.graph)
        stored = differing_number(plan.trace, found)
        if differ is None and stored is None:
            plan.confirmed = True
            return True
        guards = plan.trace.outcomes, found.outcomes
        if len(guards[0]) != len(guards[1]) or not all(same_guard(a, b) for a, b in zip(*guards, strict=True)):
            plan.confirmed = True  # the call took another branch, which has a plan of its own
            return False
        with update_lock.lock:
            self.plans = [other for other in self.plans if other is not plan]
        self._failed(unseen_change(*differ) if differ is not None else str(stored))
        return self.given_up is not None

    def _failed(self, reason: str, weight: float = 1) -> None:
        self.attempts += weight
        self.last_failure = reason
        if self.attempts >= MOST_ATTEMPTS:
            self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        self.given_up = reason
        with update_lock.lock:
            self.plans = []
        warn(f"{name_of(self.function)} is not compiled, and runs eagerly: {reason}")

    def _pause(self, reason: str) -> None:
        """Run eagerly for a while where no plan fits; the plans stay."""
        self.pauses.begin()
        self.last_failure = reason
        if not self.has_warned:
            self.has_warned = True
            warn(f"{name_of(self.function)} is not compiled, and runs eagerly: {reason}")

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Self: ...

    @overload
    def __get__(self, instance: Any, owner: Any = None) -> Compiled[..., R]: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else bound_to(self, instance, owner)

    def __repr__(self) -> str:
        return f"compiled {self.function!r}"

    def __reduce__(self) -> Any:
        return reduced(self)


@overload
def compile(
    function: np.ufunc, *, verify: int = 0, ahead: bool = False, unmodified: bool = False, runner: Any = None
) -> Compiled[..., Any]: ...


@overload
def compile(
    function: Callable[P, R], *, verify: int = 0, ahead: bool = False, unmodified: bool = False, runner: Any = None
) -> Compiled[P, R]: ...


@overload
def compile(
    function: None = None, *, verify: int = 0, ahead: bool = False, unmodified: bool = False, runner: Any = None
) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...


def compile(
    function: Any = None, *, verify: int = 0, ahead: bool = False, unmodified: bool = False, runner: Any = None
) -> Any:
    """Trace calls of a function, and from then on run native code compiled from the trace.

    Also as a decorator. The function may be any that computes with NumPy: a loss, the `grad` of one, a complete
    training step with ``loss.backward()`` and ``optimizer.update()``, written exactly as for eager use.

    Parameters
    ----------
    function : callable
        A function, method, Layer, `functools.partial` or any other callable.
    verify : int
        The number of calls of plans that are compared with eager ones: results, state, gradients, random generators.
    ahead : bool
        Compile each plan before the call that needs it, from calls whose changes of the state are undone. Then all
        calls run plans and round alike, so that a run that is stopped and resumed is reproduced to the bit. Effects
        that cannot be undone (printing, files) happen more often than the function is called.
    unmodified : bool
        Whether eager calls too run as under `unmodified`, for a function that fills arrays with Variables.

    Returns
    -------
    Compiled
        Called like the function, also where it is differentiated. Its results have the same types; an argument, or a
        view of one, is returned as such. Variables returned by a function that changes state carry no graph.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    VerificationError
        If a verified call differs from the eager one; with the first difference.

    Warns
    -----
    CompileWarning
        Once, if it cannot be compiled: with the reason. It then runs eagerly.

    Notes
    -----
    The first call runs eagerly and is traced; so is the second, to find changes between calls that the tracer cannot
    see. What the function depends on is found automatically: arguments, what its names refer to, attributes, lists
    and dicts, Variables, Layers, optimizers, random generators. Arrays are read anew at each call. Another shape,
    dtype, mode or Python value makes another plan; floats among the arguments do not, nor do writes in place, nor
    numbers that change (counters, rates): from their first change on they are inputs. A branch on the value of an
    array (``if x.data > 3``) is a guard: each call checks it, and another outcome selects or makes another plan.

    Plans do not repeat other effects: printing, files, appending to lists. Objects of the standard library and of
    extension modules are not searched for state.
    Threads may call a compiled function concurrently, as far as they may call the function itself.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.compiler.targets.cpu.runner import interpreted
    >>> f = compile(lambda x, a: np.sum(x * x) * a, runner=interpreted)
    >>> [float(f(np.arange(3.0), a)) for a in (1.0, 2.0, 3.0)]
    [5.0, 10.0, 15.0]
    """
    verify = options.integer(verify, "verify", "compile", 0)
    ahead = options.flag(ahead, "ahead", "compile")
    unmodified = options.flag(unmodified, "unmodified", "compile")
    runner = native if runner is None else options.function(runner, "runner", "compile")
    if runner is native:
        check_installed(("llvmlite", "scipy"), "compile", "wengert.compile")
    if function is None:
        return functools.partial(compile, verify=verify, ahead=ahead, unmodified=unmodified, runner=runner)
    if not callable(function):
        raise TypeError(f"compile takes a function, but got {describe(function)}; write compile(f)")
    function = function.function if isinstance(function, Compiled) else function
    if (code := code_of(function)) is not None and code.co_flags & LATER:
        raise TypeError(
            f"compile takes a function that returns what it computes, but {name_of(function)} is a generator or a "
            "coroutine, which runs piece by piece; compile the function that it calls for each piece"
        )
    return Compiled(unmodified_call(function) if unmodified else function, verify, runner, ahead)
