"""The messages of functions that are not compiled: the reason, the line, and what to do."""

from __future__ import annotations

import sys
import warnings
from collections import Counter

import numpy as np

from wengert.checks.frames import OUR_FILES
from wengert.compiler.capture.locations import is_array, is_by_structure, is_scalar
from wengert.compiler.capture.trace import Trace
from wengert.compiler.graph.equality import same
from wengert.compiler.graph.graph import Node, TooManyValues
from wengert.compiler.guards.replay import Replay

__all__ = [
    "CompileWarning",
    "changed_number",
    "changing_number",
    "differing_number",
    "not_compiled",
    "too_many_plans",
    "unseen_change",
    "warn",
]


# What Python, which a plan does not run, needs a number itself for.
NEEDED = "needed by Python (as a length, a number of steps, an index of a list, or in a text)"


class CompileWarning(UserWarning):
    """A function cannot be compiled, and runs eagerly."""


def warn(message: str) -> None:
    """Warn at the line of the program that has called us."""
    depth, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OUR_FILES):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(message, CompileWarning, stacklevel=depth)


def not_compiled(error: Exception) -> str:
    """Why a function is given up whose plan could not be made."""
    if isinstance(error, TooManyValues):
        return (
            f"it computes more than {error} values that are in no loop that repeats itself, which would take minutes "
            "to compile; compile a part of it"
        )
    return f"its plan could not be compiled, because of a defect in the compiler: {type(error).__name__}: {error}"


def too_many_plans(plans: list[Replay], found: Trace, guard_failures: Counter[str]) -> str:
    """Say what differs between the plans, of which hardly any is used twice."""
    before = plans[0].trace
    differing = different_numbers(before, found)
    forms = {p.path: p.value.shape for p in before.locations.arrays}
    for place in found.locations.arrays:
        if forms.get(place.path, place.value.shape) != place.value.shape:
            what = f"the shape of {place.path} ({forms[place.path]}, now {place.value.shape}); use few shapes"
            differing[what] += 1
    objects = {p.path: p.value for p in before.locations if p.argument}
    others = [p for p in found.locations if objects.get(p.path, p.value) is not p.value and not differing]
    for place in others:
        if not (is_scalar(place.value) or is_array(place.value) or is_by_structure(place)):
            what = f"{place.path} is another {type(place.value).__name__} at each call; pass its contents instead"
            differing[what] += 1
    if guard_failures:
        line = guard_failures.most_common(1)[0][0]
        differing[f"the outcome of {line}; use np.where, or compile a smaller part"] += 1
    what = f": {differing.most_common(1)[0][0]}" if differing else ""
    return f"hardly any of its calls can use the plan of another{what}"


def different_numbers(before: Trace, found: Trace) -> Counter[str]:
    """The values of the program that differ between two plans, and what to do about them."""
    differing: Counter[str] = Counter()
    known = {p.path: p.value for p in before.locations.scalars}
    inputs = {id(s.location): s for s in found.sources if s.kind == "number"}
    for place in found.locations.scalars:
        source = inputs.get(id(place))
        if place.path not in known or same(known[place.path], place.value) or (source and source.fixed_at is None):
            continue
        is_number = isinstance(place.value, (int, float, np.generic)) and type(place.value) is not bool
        if source is not None:
            advice = f", {NEEDED} in {source.fixed_at}; use few values, or compile a smaller part"
        else:
            advice = "; hold it in an array" if is_number else "; use few values"
        differing[f"the value of {place.path} ({known[place.path]!r}, now {place.value!r}){advice}"] += 1
    return differing


def changed_number(path: str) -> str:
    """A function that takes no traced numbers counts in a number."""
    return (
        f"{path} is a number that the call changes, and it cannot be traced; keep it in an array that is written in "
        "place: np.array(0), a += 1"
    )


def differing_number(a: Trace, b: Trace) -> str | None:
    """What differs in the constants that two calls, which computed the same, have stored."""
    known = {item.location.path: item.template for item in a.stored if is_scalar(item.template)}
    for item in b.stored:
        path = item.location.path
        if is_scalar(item.template) and path in known and not same(known[path], item.template):
            return (
                f"{path} is {known[path]!r} after one call, and {item.template!r} after the next, and the tracer "
                "cannot see why; compute it from the arguments, or outside of the function"
            )
    return None


def changing_number(guard: Node) -> str:
    """A branch depends on a number that differs at each call."""
    if guard.weak:
        return (
            f"a number that differs at each call is {NEEDED} in {guard.line}; use few values, or compile a smaller part"
        )
    return (
        f"{guard.line} converts an array to Python numbers, on which the call depends, and they differ at each "
        "call; compute and index with the array itself, or with x.item(), compare arrays (x.data < 1), or return the "
        "number"
    )


def unseen_change(a: Node, b: Node) -> str:
    """Two calls that should compute the same differ in these nodes."""
    what = "a constant" if a.op == b.op == "constant" else "the computation"
    return (
        f"{what} at {b.line or a.line or 'an unknown line'} differs between calls, and the tracer cannot see why; pass "
        "the value as an argument, or keep it in an array that a name or an attribute refers to"
    )
