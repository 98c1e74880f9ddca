"""Comparing a call of a plan with an eager one: results, state and random streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graphs.graph import VerificationError
from wengert.compiler.graphs.interpreter import Left
from wengert.compiler.watching.exchange import copied, refill, same_state, set_stream_state, stream_state
from wengert.compiler.watching.members import is_rebuilt, name_of
from wengert.compiler.watching.places import Places, find, is_array, is_scalar, is_variable
from wengert.compiler.watching.tracing import Call
from wengert.core.errors import describe
from wengert.core.variable import array_of
from wengert.functions.randomness import generator_shown, made_generators

__all__ = ["State", "verified"]


class State:
    """All that a call may change, as it is now."""

    def __init__(self, places: Places, generators: list[Any]) -> None:
        self.places = places
        self.arrays = {id(p.value): (p, p.value, p.value.copy()) for p in places.arrays}
        self.contents = [(c, copied(c)) for _, c, _ in places.containers]
        found = {id(p.value): p.value for p in places.generators}
        found |= {id(g): g for g in (*generators, *made_generators)}
        self.generators = [(g, g.bit_generator.state) for g in found.values()]
        self.streams = [(s, stream_state(s)) for _, s in places.streams]

    def restore(self) -> None:
        """Let everything be so again."""
        for container, content in self.contents:
            refill(container, content)
        for place in self.places:
            inside = place.parent is not None and is_rebuilt(place.parent.value)
            if not inside and place.get() is not place.value:
                place.set(place.value)
        for _, array, content in self.arrays.values():
            if array.flags.writeable:
                array[...] = content
        for generator, state in self.generators:
            generator.bit_generator.state = state
        for stream, state in self.streams:
            set_stream_state(stream, state)

    def values(self) -> dict[str, Any]:
        """What the places hold now, by their paths."""
        found: dict[str, Any] = {}
        for place in self.places:
            inside = place.parent is not None and is_rebuilt(place.parent.value)
            now = place.value if inside and is_array(place.value) else place.get()
            if is_array(now) or is_scalar(now) or is_rebuilt(now):
                found.setdefault(place.path, plain(now))
        for i, (generator, _) in enumerate(self.generators):
            found[f"the state of random generator {i}"] = generator.bit_generator.state
        return found


def verified(function: Any, run: Callable[[], Any], args: Any, kwargs: Any, generators: list[Any]) -> Any:
    """Run a plan, go back, call the function itself, and compare; return what the function has returned.

    Raises
    ------
    VerificationError
        With the first difference. The state is that of the eager call.
    """
    call = Call(function, args, kwargs)
    before = State(find(call.roots()), generators)
    left = False
    try:
        result = plain(run())
        found = before.values()
    except Left:
        left = True
    except Exception as error:  # noqa: BLE001  (it is compared)
        result, found = error, {}
    before.restore()
    token = generator_shown.set(None)
    try:
        returned = call.run()
    finally:
        generator_shown.reset(token)
    if left:  # it takes another way, which there may be no plan for
        return returned
    expected = before.values()
    name = name_of(function)
    where = difference("the result", result, plain(returned))
    for path in expected:
        where = where or difference(path, found.get(path), expected[path])
    if where is not None:
        raise VerificationError(f"{name}, compiled, differs from eager: {where}")
    return returned


def plain(value: Any) -> Any:
    """A copy of nested values, with arrays in the place of Variables."""
    if is_variable(value):
        return plain(array_of(value))
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value


def difference(path: str, found: Any, expected: Any) -> str | None:
    """Say where two nested values differ beyond rounding; None if they do not."""
    if isinstance(expected, (list, dict)):
        if type(found) is not type(expected) or len(found) != len(expected):
            return f"{path} is {describe(found)}, but eager {describe(expected)}"
        if path.startswith("the state of random"):
            return None if same_state(found, expected) else f"{path} has gone on by other draws"
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
