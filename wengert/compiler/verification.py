"""Compare a call of a plan with an eager call: results, state and random generators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.compiler.capture.locations import find_locations
from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.capture.saved_state import SavedState, plain
from wengert.compiler.capture.streams import same_state
from wengert.compiler.capture.trace import Call
from wengert.compiler.graph.graph import VerificationError
from wengert.compiler.graph.interpreter import GuardFailed
from wengert.functions.randomness import generator_shown

__all__ = ["verify_call"]


def verify_call(function: Any, run: Callable[[], Any], args: Any, kwargs: Any, generators: list[Any]) -> Any:
    """Run a plan, restore the state, call the function itself, and compare; return the function's result.

    Raises
    ------
    VerificationError
        With the first difference. The state is that of the eager call.
    """
    call = Call(function, args, kwargs)
    before = SavedState(find_locations(call.roots()), generators)
    guard_failed = False
    try:
        result = plain(run())
        found = before.values()
    except GuardFailed:
        guard_failed = True
    except Exception as error:  # noqa: BLE001  (it is compared)
        result, found = error, {}
    before.restore()
    token = generator_shown.set(None)
    try:
        returned = call.run()
    finally:
        generator_shown.reset(token)
    if guard_failed:  # this call takes another branch, for which there may be no plan
        return returned
    expected = before.values()
    name = name_of(function)
    where = difference("the result", result, plain(returned))
    for path in expected:
        where = where or difference(path, found.get(path), expected[path])
    if where is not None:
        raise VerificationError(f"{name}, compiled, differs from eager: {where}")
    return returned


def difference(path: str, found: Any, expected: Any) -> str | None:
    """Describe where two nested values differ by more than rounding; None if they do not."""
    if isinstance(expected, (list, dict)):
        if type(found) is not type(expected) or len(found) != len(expected):
            return f"{path} is {describe(found)}, but eager {describe(expected)}"
        if path.startswith("the state of random"):
            return None if same_state(found, expected) else f"{path} differs, because other numbers were drawn"
        keys = expected if isinstance(expected, dict) else range(len(expected))
        return next((d for k in keys if (d := difference(f"{path}[{k!r}]", found[k], expected[k]))), None)
    if not isinstance(expected, (np.ndarray, np.generic, float)):
        same = type(found) is type(expected) and (found is expected or bool(np.all(found == expected)))
        return None if same else f"{path} is {found!r}, but eager {expected!r}"
    a, b = np.asarray(found), np.asarray(expected)
    if type(found) is not type(expected) or a.shape != b.shape or a.dtype != b.dtype:
        return f"{path} is {found!r}, but eager {describe(expected)}"
    if a.dtype.kind not in "fc":
        wrong = a != b
    else:
        with np.errstate(all="ignore"):
            precision = np.finfo(a.dtype).eps
            size = np.max(np.abs(b), where=np.isfinite(b), initial=0.0)
            tolerance = precision**0.5 / 64 * np.maximum(np.abs(b), size * precision**0.25)
            wrong = ~((a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= tolerance))
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    spot = f"[{', '.join(map(str, at))}]" if at else ""
    return f"{path}{spot} is {a[at]!r}, but eager {b[at]!r} ({int(wrong.sum())} of {a.size} elements differ)"
