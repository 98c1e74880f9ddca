"""Plans that are made before the call that needs them, so that every call gives the numbers of a plan, to the bit.

As a rule the first calls of a way run eagerly while they are watched, and round as NumPy does. A training run that is
stopped and resumed would then take other steps eagerly than one that was not. Ahead of time, calls are watched whose
changes are put back.
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

__all__ = ["is_still_so", "prepare"]

CALLS = 3  # within which a plan is to be there


def prepare(compiled: Compiled[..., Any], settings: Any, args: Any, kwargs: Any) -> None:
    """Make a plan for a call that none fits, if one can be made; what that changes is put back."""
    known = [p for p in compiled.plans if p.confirmed]
    try:
        before = SavedState(find_locations(Call(compiled.function, args, kwargs).roots()), [])
    except Untraceable:
        return
    seen = list(compiled.plans)
    for _ in range(CALLS):
        try:
            compiled._watch(settings, args, kwargs)
        except Warning:  # that it is not compiled, where warnings are errors
            raise
        except Exception:  # noqa: BLE001  (the call itself will raise it)
            return
        finally:
            before.restore()
        made = [p for p in compiled.plans if p.confirmed and all(p is not other for other in known)]
        for plan in made:
            plan.to_check = 2  # the call that it is made for, and one that may show what this one cannot
        if made or compiled.given_up is not None or compiled.plans == seen:
            return  # (the last: it cannot be watched as it is now)
        seen = list(compiled.plans)


def is_still_so(compiled: Compiled[..., Any], plan: Replay, args: Any, kwargs: Any) -> bool:
    """Whether another call does what a plan does that was made by one call alone: it is watched, and put back."""
    before = SavedState(find_locations(Call(compiled.function, args, kwargs).roots()), plan.trace.streams)
    try:
        found = compiled._traced(args, kwargs)
    finally:
        before.restore()
    if found is None or found.graph is None:  # what it does instead of this plan, its guards see
        plan.to_check = 1
    elif not compiled._confirm(plan, found) and all(plan is not other for other in compiled.plans):
        compiled._give_up(str(compiled.trouble))
    elif compiled.given_up is None and has_other_guards(plan, found):
        plan.to_check = 1
    return compiled.given_up is None


def has_other_guards(plan: Replay, found: Trace) -> bool:
    """Whether a call went another way."""
    assert plan.trace.graph is not None and found.graph is not None
    return first_difference(plan.trace.graph, found.graph) is not None
