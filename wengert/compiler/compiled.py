"""compile: a function that is watched once, and from then on run by the plan that was made of it."""

from __future__ import annotations

import collections
import functools
import importlib.util
import inspect
import sys
import threading
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Generic, ParamSpec, Self, TypeVar, overload

import numpy as np

from wengert.compiler.arguments import has_float, is_inside
from wengert.compiler.capture.compare import first_difference
from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.capture.tape import Untraceable
from wengert.compiler.capture.trace import Failed, Trace, code_of, trace
from wengert.compiler.forking import AwaitedLock, renewed_after_fork
from wengert.compiler.graph.equality import same_guard
from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.compiler.guards.replay import MISS, Replay
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.report.diagnostics import many_ways, numbers_of_arrays, unseen_change
from wengert.compiler.targets.cpu.runner import Runner, native
from wengert.compiler.targets.llvm.jit import give_memory_back
from wengert.compiler.verification import verified
from wengert.core import mode, options
from wengert.core.debug import OUR_FILES
from wengert.core.errors import describe
from wengert.core.extras import needed

if TYPE_CHECKING:
    from wengert.compiler.report.plan_report import Report
    from wengert.drawing.picture import Drawing

__all__ = ["CompileWarning", "Compiled", "compile"]

P = ParamSpec("P")
R = TypeVar("R", covariant=True)
tracing: ContextVar[bool] = ContextVar("wengert.tracing", default=False)
LATER = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
MOST_PLANS = 16
MOST_ATTEMPTS = 3  # calls in a row that no plan could be made of
MOST_INSTANCES = 64  # without a dict of their own, that are remembered
MOST_NUMBERS = 4  # misses of one guard that wants the same number again
NUMPY_STATE = getattr(np._core.umath, "_extobj_contextvar", None)  # type: ignore[attr-defined]
# The settings of errors that are known to raise nothing. (A program may have set others before this was imported.)
QUIET = None if NUMPY_STATE is None or "raise" in np.geterr().values() else NUMPY_STATE.get()


class Lock:
    """A lock that is free again after a fork."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        renewed_after_fork(self)

    def renew(self) -> None:
        self.lock = threading.RLock()


making = AwaitedLock()  # of a plan: modules are imported then, whose locks a child would never get
one_at_a_time = AwaitedLock()  # one traced call: it exchanges arrays that other threads may reach
changing = Lock()  # of the plans and instances of any compiled function: held for a moment


class CompileWarning(UserWarning):
    """A function cannot be compiled, and runs eagerly."""


class Compiled(Generic[P, R]):
    """A compiled function: see `compile`.

    Attributes
    ----------
    function : callable
        The function itself.
    plans : list
        What was made of it so far, the one that was used last first.
    given_up : str or None
        Why it is not compiled any more.
    """

    untraced: ClassVar[tuple[str, ...]] = (
        "plans", "attempts", "given_up", "trouble", "raised", "to_verify", "numbers", "misses", "ways", "instances",
        "runner", "profiles", "__wrapped__",
    )  # fmt: skip

    def __init__(self, function: Callable[P, R], verify: int = 0, runner: Any = native, ahead: bool = False) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.ahead = ahead
        self.runner: Callable[[Any], Runner] = runner
        self.plans: list[Replay] = []
        self.attempts = 0
        self.given_up: str | None = None
        self.trouble: str | None = None  # why no plan could be made of the last call
        self.raised: str | None = None  # what the last call said that raised while it was watched
        self.to_verify = verify
        self.numbers = True  # whether floats among the arguments may change without another plan
        self.misses: collections.Counter[str] = collections.Counter()  # of guards that want a number again
        self.ways: collections.Counter[str] = collections.Counter()  # of all guards
        self.instances: dict[int, dict[str, Any]] = {}
        self.profiles: dict[Replay, Any] = {}  # what was measured of plans

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        now = mode.current_mode.get()
        tried = None
        if (
            (plans := self.plans)
            and (quick := (first := plans[0]).fast_path) is not None
            and now is quick.mode
            and mode.training.get() is quick.training
            and (NUMPY_STATE is None or NUMPY_STATE.get() is QUIET)
            and not tracing.get()
        ):
            tried = first
            found = quick.run(args, kwargs)
            if found is not MISS:
                return found  # type: ignore[no-any-return]
        if self.given_up is not None or now.debug or tracing.get():
            return self.function(*args, **kwargs)
        if NUMPY_STATE is not None and NUMPY_STATE.get() is not QUIET and "raise" in np.geterr().values():
            return self.function(*args, **kwargs)
        settings = (now, mode.is_training())
        while True:
            known = self.plans
            found = self._replay(settings, args, kwargs, tried)
            if found is not MISS:
                return found  # type: ignore[no-any-return]
            with one_at_a_time.lock:
                if any(plan not in known for plan in self.plans):
                    continue  # another thread has made one meanwhile
                if not self.ahead:
                    return self._watch(settings, args, kwargs)  # type: ignore[no-any-return]
                self._prepare(settings, args, kwargs)
            # (no plan runs while the lock is held: what it calls may wait for it, in another thread)
            found = self._replay(settings, args, kwargs)
            return self.function(*args, **kwargs) if found is MISS else found

    @property
    def plan(self) -> Report:
        """What was made of the function: ``print(step.plan)`` shows it. What is still to be compiled is compiled."""
        from wengert.compiler.report.plan_report import report

        return report(self)

    def profile(self, *args: P.args, **kwargs: P.kwargs) -> Report:
        """Measure where the time of such a call goes; what it changes is put back. Then `plan` shows it.

        Raises
        ------
        RuntimeError
            If the function runs eagerly.
        """
        from wengert.compiler.report.profile import profile

        return profile(self, args, kwargs)

    @property
    def graph(self) -> Drawing:
        """The graph of the plan that was used last, as a picture: ``step.graph.save("graph.svg")``."""
        from wengert.compiler.report.plan_drawing import picture

        return picture(self)

    def _replay(self, settings: Any, args: Any, kwargs: Any, tried: Replay | None = None) -> Any:
        """Do what the first plan does that fits; MISS if there is none. The quick way of one was `tried` in vain."""
        for plan in self.plans:
            if plan.settings != settings or not plan.confirmed:
                continue
            if (plan.run is None or self.to_verify or plan.to_check) and not plan.fits(args, kwargs):
                continue
            if plan.to_check and not self._checked(plan, args, kwargs):
                return self.function(*args, **kwargs)
            if plan.run is None and not self._build(plan):
                return self.function(*args, **kwargs)
            if self.to_verify:
                return self._verify(plan, args, kwargs)
            streams = plan.streams()
            try:
                found = plan.call(args, kwargs, plan is tried)
            except GuardFailed as left:
                restore(streams)
                self._count(left)
                if self.given_up is not None:
                    return self.function(*args, **kwargs)
                continue
            except Exception:  # noqa: BLE001  (the function itself raises it)
                restore(streams)
                return self.function(*args, **kwargs)  # raises it again, with the state as eager leaves it
            if found is not MISS:
                self._prefer(plan)
                return found
        return MISS

    def _prefer(self, plan: Replay) -> None:
        """Let a plan be tried first. (Other threads may be looking at the list: it is replaced, not changed.)"""
        if self.plans[:1] == [plan]:
            return
        with changing.lock:
            if plan in self.plans:
                self.plans = [plan, *(other for other in self.plans if other is not plan)]

    def _build(self, plan: Replay) -> bool:
        """Compile a plan; where that fails, give up, but for want of memory."""
        try:
            with making.lock:
                plan.make()
                if not self.to_verify and not plan.to_check:
                    plan.enable_fast_path()
            give_memory_back()
        except MemoryError:
            return False  # it is made at the next call, if there is memory then
        except Exception as error:
            if isinstance(error, (ImportError, Warning)):  # (the latter where warnings are errors)
                raise
            self._give_up(f"its plan could not be made, by a defect of the compiler: {type(error).__name__}: {error}")
            return False
        return True

    def _prepare(self, settings: Any, args: Any, kwargs: Any) -> None:
        """Make a plan by calls that are put back."""
        from wengert.compiler.ahead_of_time import prepare

        if self.given_up is None and not is_inside((args, kwargs)):
            prepare(self, settings, args, kwargs)

    def _checked(self, plan: Replay, args: Any, kwargs: Any) -> bool:
        """Whether a plan that was made by one call alone holds for another one; if not, forget it."""
        with one_at_a_time.lock:
            from wengert.compiler.ahead_of_time import is_still_so

            plan.to_check = max(plan.to_check - 1, 0)
            if plan.to_check == 0 and not is_still_so(self, plan, args, kwargs):
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
        return verified(self.function, run, args, kwargs, plan.trace.streams)

    def _count(self, left: GuardFailed) -> None:
        """Count the misses of a guard, and give up where no number comes twice."""
        self.ways[left.node.line] += 1
        if isinstance(left.node.settings.get("value"), (float, int, np.ndarray)) and not isinstance(
            left.node.settings["value"], (bool, np.bool_)
        ):
            line = left.node.line
            self.misses[line] += 1
            if self.misses[line] >= MOST_NUMBERS:
                self._give_up(numbers_of_arrays(line))

    def _watch(self, settings: Any, args: Any, kwargs: Any) -> Any:
        """Trace a call, and make a plan of it."""
        if self.given_up is not None or is_inside((args, kwargs)):
            return self.function(*args, **kwargs)
        known = next(
            (p for p in self.plans if not p.confirmed and p.settings == settings and p.fits(args, kwargs)), None
        )
        attempts = self.attempts
        found = self._traced(args, kwargs)
        if found is None:
            try:
                return self.function(*args, **kwargs)
            except Exception as error:
                if self.given_up is None and str(error) == self.raised:
                    self.attempts = attempts  # it raises by itself: that says nothing about other calls
                raise
        if found.graph is None:
            self.trouble = str(found.failure)
            if not found.argument_failure:
                self._failed(str(found.failure))
            return found.returned
        if known is not None and self._confirm(known, found):
            return found.returned
        if known is None or known.confirmed:
            self.attempts = 0
        if len(self.plans) >= MOST_PLANS:
            self._give_up(many_ways(self.plans, found, self.ways))
        else:
            plan = Replay(found, settings, functools.partial(made_of, self.runner))
            self.trouble = None
            plan.confirmed = bool(self.plans) and any(p.confirmed for p in self.plans)
            with changing.lock:
                self.plans = [plan, *self.plans]
        return found.returned

    def _traced(self, args: Any, kwargs: Any) -> Trace | None:
        """Trace a call; None if it is to be made eagerly."""
        token = tracing.set(True)
        try:
            return trace(self.function, args, kwargs, self.numbers)
        except Untraceable as reason:
            self._failed(str(reason))
        except Failed as failed:
            if self.numbers and has_float((args, kwargs)):
                self.numbers = False  # perhaps it does not take what stands for a float
                return self._traced(args, kwargs)
            self.raised = str(failed)
            self._failed(
                f"it raised {type(failed.__cause__).__name__} while it was watched, with what stands for arrays and "
                f"floats then: {failed}; ask isinstance of them, not type",
                raised=True,
            )
        finally:
            tracing.reset(token)
        return None

    def _confirm(self, plan: Replay, found: Trace) -> bool:
        """Compare what was traced twice; whether there is nothing more to be made of it."""
        assert plan.trace.graph is not None and found.graph is not None
        differ = first_difference(plan.trace.graph, found.graph)
        if differ is None:
            plan.confirmed = True
            return True
        guards = [[n.settings["value"] for n in g.effects if n.op == "guard"] for g in (plan.trace.graph, found.graph)]
        if len(guards[0]) != len(guards[1]) or not all(same_guard(a, b) for a, b in zip(*guards, strict=True)):
            plan.confirmed = True  # it took another way; each is a plan
            return False
        with changing.lock:
            self.plans = [other for other in self.plans if other is not plan]
        self._failed(unseen_change(*differ))
        return self.given_up is not None

    def _failed(self, reason: str, raised: bool = False) -> None:
        self.attempts += 1
        self.trouble = reason
        if self.attempts >= MOST_ATTEMPTS * (2 if raised else 1):
            self._give_up(reason)

    def _give_up(self, reason: str) -> None:
        self.given_up = reason
        with changing.lock:
            self.plans = []
        depth, frame = 1, sys._getframe(0)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(OUR_FILES):
            depth, frame = depth + 1, frame.f_back
        warnings.warn(
            f"{name_of(self.function)} is not compiled, and runs eagerly: {reason}", CompileWarning, stacklevel=depth
        )

    @overload
    def __get__(self, instance: None, owner: Any = None) -> Self: ...

    @overload
    def __get__(self, instance: Any, owner: Any = None) -> Compiled[..., R]: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method: each instance has plans of its own, because it has a state of its own. It holds them itself."""
        if instance is None:
            return self
        key = f"_compiled_{name_of(self.function)}"
        with changing.lock:
            if hasattr(instance, "__dict__") and not isinstance(instance, type):
                kept = vars(instance)
            else:  # slots: it has no room for them
                kept = self.instances.setdefault(id(instance), {"instance": instance})
                if len(self.instances) > MOST_INSTANCES:
                    del self.instances[next(iter(self.instances))]
            made = kept.get(key)
            if made is None or made.function.__self__ is not instance:  # (of a shallow copy, or the first time)
                function = self.function.__get__(instance, owner)
                made = kept[key] = Compiled(function, self.to_verify, self.runner, self.ahead)
            return made

    def __repr__(self) -> str:
        return f"compiled {self.function!r}"

    def __reduce__(self) -> Any:
        """Pickled as a function is, by its name, where it stands under that of its function: as a decorator."""
        name, instance = getattr(self, "__qualname__", ""), getattr(self.function, "__self__", None)
        if getattr(instance, "__dict__", {}).get(f"_compiled_{name_of(self.function)}") is self:
            return getattr, (instance, self.function.__name__)
        found: Any = sys.modules.get(getattr(self, "__module__", ""))
        for part in name.split("."):
            found = getattr(found, "__dict__", {}).get(part)
        return name if found is self else (Compiled, (self.function, self.to_verify, native, self.ahead))


def made_of(runner: Callable[[Any], Runner], graph: Graph) -> Runner:
    """What runs a graph that was traced."""
    return runner(simplify(lower(graph)))


def restore(streams: list[tuple[Any, Any]]) -> None:
    """Put random generators back."""
    for generator, state in streams:
        generator.bit_generator.state = state


@overload
def compile(
    function: Callable[P, R], *, verify: int = 0, ahead: bool = False, runner: Any = native
) -> Compiled[P, R]: ...


@overload
def compile(
    function: None = None, *, verify: int = 0, ahead: bool = False, runner: Any = native
) -> Callable[[Callable[P, R]], Compiled[P, R]]: ...


def compile(function: Any = None, *, verify: int = 0, ahead: bool = False, runner: Any = native) -> Any:
    """Watch calls of a function, and from then on run native code that was made of what it did.

    Also as a decorator. The function is any that calculates with NumPy: a loss, the `grad` of one, a whole training
    step with ``loss.backward()`` and ``optimizer.update()``, written exactly as for eager use.

    Parameters
    ----------
    function : callable
        A function, method, Layer, `functools.partial` or any other callable.
    verify : int
        Compare so many calls of plans with eager ones: results, state, gradients and random streams.
    ahead : bool
        Make each plan before the call that needs it, by calls whose changes of the state are put back. Then all
        calls compute by plans and round alike, so that a run that is stopped and resumed repeats to the bit. What
        cannot be put back (printing, files) happens more often than called.

    Returns
    -------
    Compiled
        Called like the function. Its results have the same types and hold arrays of their own. Variables that
        it returns carry no graph: a backward that reaches one raises.

    Raises
    ------
    TypeError
        If `function` cannot be called.
    VerificationError
        By a call that is verified, with the first difference.

    Warns
    -----
    CompileWarning
        Once, if it cannot be compiled: with the reason. It then runs eagerly.

    Notes
    -----
    The first call runs as always, and is written down; so is the second, to see that nothing changes from call
    to call that could not be seen. What the function depends on is found by itself: arguments, what its names
    refer to, attributes, lists and dicts, Variables, Layers, optimizers, random generators. Arrays are read
    afresh at each call. Shapes, dtypes, the mode and Python values that change make another plan; floats among
    the arguments do not, nor does what is written in place. A branch on an array's value (``if x.data > 3``) is
    checked at each call, and takes or makes another plan.

    What a plan does not do again: printing, files, appending to lists, counting in Python numbers. Objects of
    the standard library and of extension modules are not looked into.

    Threads may call one compiled function at the same time, as far as they may call the function itself.

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
    options.function(runner, "runner", "compile")
    if runner is native:
        for package in ("llvmlite", "scipy"):
            if importlib.util.find_spec(package) is None:  # (to import them takes longer)
                needed(package, "compile", "wengert.compile")
    if function is None:
        return functools.partial(compile, verify=verify, ahead=ahead, runner=runner)
    if not callable(function):
        raise TypeError(f"compile takes a function, but got {describe(function)}; write compile(f)")
    if isinstance(function, Compiled):
        function = function.function
    code = code_of(function)
    if code is not None and code.co_flags & LATER:
        raise TypeError(
            f"compile takes a function that returns what it calculates, but {name_of(function)} is a generator or a "
            "coroutine, which runs piece by piece; compile the function that it calls for each piece"
        )
    return Compiled(function, verify, runner, ahead)
