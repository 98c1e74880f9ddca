"""Why a function is not compiled any more, in words: what was met, where, and what to do."""

from __future__ import annotations

from collections import Counter

from wengert.compiler.capture.locations import is_array, is_by_structure, is_scalar
from wengert.compiler.capture.trace import Trace
from wengert.compiler.graph.equality import same
from wengert.compiler.graph.graph import Node
from wengert.compiler.guards.replay import Replay

__all__ = ["many_ways", "numbers_of_arrays", "unseen_change"]


def many_ways(plans: list[Replay], found: Trace, ways: Counter[str]) -> str:
    """Say what differs from plan to plan."""
    differing: Counter[str] = Counter()
    before = {p.path: p.value for p in plans[0].trace.locations.scalars}
    for place in found.locations.scalars:
        if place.path in before and not same(before[place.path], place.value):
            what = f"the value of {place.path} ({before[place.path]!r}, now {place.value!r}); hold it in an array"
            differing[what] += 1
    forms = {p.path: p.value.shape for p in plans[0].trace.locations.arrays}
    for place in found.locations.arrays:
        if forms.get(place.path, place.value.shape) != place.value.shape:
            what = f"the shape of {place.path} ({forms[place.path]}, now {place.value.shape}); use few shapes"
            differing[what] += 1
    objects = {p.path: p.value for p in plans[0].trace.locations if p.argument}
    others = [p for p in found.locations if objects.get(p.path, p.value) is not p.value and not differing]
    for place in others:
        if not (is_scalar(place.value) or is_array(place.value) or is_by_structure(place)):
            what = f"{place.path} is another {type(place.value).__name__} each time; give what is in it"
            differing[what] += 1
    if ways:
        differing[f"the outcome of {ways.most_common(1)[0][0]}; choose by np.where, or compile less"] += 1
    what = f": {differing.most_common(1)[0][0]}" if differing else ""
    return f"its calls took {len(plans)} different ways{what}"


def numbers_of_arrays(line: str) -> str:
    """A branch depends on numbers that no plan can foresee."""
    return (
        f"{line} makes Python numbers of an array, on which the way of the call depends, and they differ from call to "
        "call; stay with arrays, compare arrays (x.data < 1), or return the number"
    )


def unseen_change(a: Node, b: Node) -> str:
    """Two calls that should do the same do not: these nodes differ."""
    what = "a constant" if a.op == b.op == "constant" else "what is calculated"
    return (
        f"{what} at {b.line or a.line or 'an unknown line'} is another at each call, and the tracer cannot see where "
        "it comes from; give it as an argument, or keep it in an array that a name or an attribute refers to"
    )
