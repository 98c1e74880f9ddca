"""Ahead-of-time compilation: plans are compiled before the call that needs them, so that every call runs a plan.

By default the first calls of a kind run eagerly while they are traced, and round as NumPy does. A training run that
is stopped and resumed would then compute other steps eagerly than an uninterrupted one, and differ in the last bits.
Compiled ahead of time, a function is traced by calls whose changes of the state are undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.compiler.capture.compare import first_difference
from wengert.compiler.capture.locations import find_locations
from wengert.compiler.capture.saved_state import SavedState
from wengert.compiler.capture.tape import Untraceable
from wengert.compiler.capture.trace import Call, Trace
from wengert.compiler.guards.replay import Replay

if TYPE_CHECKING:
    from wengert.compiler.compiled import Compiled

__all__ = ["compile_ahead", "still_matches"]

MOST_CALLS = 3  # that are traced to obtain a plan


def compile_ahead(compiled: Compiled[..., Any], settings: Any, args: Any, kwargs: Any) -> None:
    """Compile a plan for a call that no plan fits, if possible; changes of the state are undone."""
    if compiled.pauses.left:
        compiled.pauses.left -= 1
        return
    known = [p for p in compiled.plans if p.confirmed]
    try:
        before = SavedState(find_locations(Call(compiled.function, args, kwargs).roots()), [])
    except Untraceable:
        return
    seen, changing = list(compiled.plans), compiled.changing.paths
    calls = 0
    while calls < MOST_CALLS:
        calls += 1
        try:
            compiled._trace_and_add(settings, args, kwargs)
        except Warning:  # a CompileWarning, where warnings are errors
            raise
        except Exception:  # noqa: BLE001  (the call itself will raise it)
            return
        finally:
            before.restore()
        new = [p for p in compiled.plans if p.confirmed and all(p is not other for other in known)]
        for plan in new:
            plan.to_check = 2  # the call that it was compiled for, and a later one, whose arguments may differ
        if new or compiled.given_up is not None:
            return
        if compiled.changing.paths != changing:  # (these numbers are inputs from now on)
            changing, calls = compiled.changing.paths, 0
        elif compiled.plans == seen:
            return  # (equal plans: the call could not be traced)
        seen = list(compiled.plans)


def still_matches(compiled: Compiled[..., Any], plan: Replay, args: Any, kwargs: Any) -> bool:
    """Whether another call matches a plan that was compiled from a single call: it is traced, and then undone."""
    before = SavedState(find_locations(Call(compiled.function, args, kwargs).roots()), plan.trace.streams)
    try:
        found = compiled._traced(args, kwargs)
    finally:
        before.restore()
    if found is None or found.graph is None:  # (where the call does something else, the plan's guards fail)
        plan.to_check = 1
    elif not compiled._confirm(plan, found) and all(plan is not other for other in compiled.plans):
        compiled._give_up(str(compiled.last_failure))
    elif compiled.given_up is None and has_other_guards(plan, found):
        plan.to_check = 1
    return compiled.given_up is None


def has_other_guards(plan: Replay, found: Trace) -> bool:
    """Whether a call took another branch."""
    assert plan.trace.graph is not None and found.graph is not None
    return first_difference(plan.trace.graph, found.graph) is not None
