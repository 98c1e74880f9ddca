"""Backward under create_graph for Functions written in plain NumPy.

Such a `backward` reads arrays: ``self.input.data``, ``self.output.data``, and what `forward` kept on
``self``. To differentiate it once more, it is run on a copy of the node where each of these is a
live Variable instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import backprop
from wengert.core.errors import GraphError
from wengert.core.function import Function
from wengert.core.variable import Variable

__all__ = ["LiveInput", "kept_attributes", "live_copy", "snapshot"]

CONTAINERS = (list, dict, set)


class LiveInput(Variable):
    """A Variable whose ``data`` is a Variable too, so that work on the data is recorded."""

    __slots__ = ("_live",)

    _live: Variable

    @classmethod
    def of(cls, x: Variable) -> LiveInput:
        handle: LiveInput = backprop.mark(x, cls)
        handle._live = x
        return handle

    @property  # type: ignore[misc]  # a user's backward reads it, and nobody sets it
    def data(self) -> Any:
        """The live Variable."""
        return self._live


def _attributes(f: Function) -> dict[str, Any]:
    return getattr(f, "__dict__", {})


def snapshot(f: Function) -> dict[str, Any]:
    """Copy what is kept on `f`, deep enough to see what `forward` changes."""
    return {k: v.copy() if isinstance(v, CONTAINERS) else v for k, v in _attributes(f).items()}


def kept_attributes(f: Function, before: dict[str, Any]) -> set[str]:
    """Name the attributes that `forward` has set, or filled, since `before`."""

    def same(old: Any, new: Any) -> bool:
        if isinstance(new, CONTAINERS):
            return type(old) is type(new) and _identities(old) == _identities(new)
        return old is new

    return {k for k, v in _attributes(f).items() if k not in before or not same(before[k], v)}


def _identities(container: Any) -> list[int]:
    values = container.values() if isinstance(container, dict) else container
    return [id(v) for v in values]


def live_copy(node: Function) -> Function:
    """Copy `node` so that its `backward` reads Variables where it would read arrays."""
    f = node.__copy__()
    f._number, f._kept = node._number, node._kept
    f._edges = edges = tuple(LiveInput.of(x) for x in node._edges)
    references = tuple(_always(LiveInput.of(y)) for y in node.outputs)
    f._outputs = references if node.has_several_outputs else references[0]
    before, names = (node._notes or {}).get("kept", (None, ()))
    if names:
        # forward kept arrays that may depend on the inputs: run it again on Variables
        vars(f).clear()
        vars(f).update((k, v.copy() if isinstance(v, CONTAINERS) else v) for k, v in before.items())
        f.forward(*[x.data for x in edges])
        for name in names:
            old = getattr(node, name)
            setattr(f, name, _merge(old, vars(f).get(name), f"{node.name}.{name}"))
    return f


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


def _merge(old: Any, new: Any, name: str) -> Any:
    """Take from `new` what carries a graph, and from `old` all else (masks, random numbers)."""
    if isinstance(new, Variable):
        if np.shape(old) != new.shape or not np.allclose(old, new._data, rtol=1e-4, atol=0, equal_nan=True):
            raise GraphError(
                f"forward must keep the same values when it runs again for create_graph, but {name} differs; "
                "draw random numbers in __init__, or keep them on self apart from what is computed with them"
            )
        return new
    if isinstance(new, (list, tuple)) and isinstance(old, (list, tuple)) and len(new) == len(old):
        merged = [_merge(a, b, f"{name}[{i}]") for i, (a, b) in enumerate(zip(old, new, strict=True))]
        return merged if isinstance(new, list) else tuple(merged)
    if isinstance(new, dict) and isinstance(old, dict) and new.keys() == old.keys():
        return {k: _merge(old[k], new[k], f"{name}[{k!r}]") for k in new}
    return old
