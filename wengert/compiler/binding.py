"""How a compiled function is bound as a method, and how it is pickled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.locks import update_lock
from wengert.compiler.targets.cpu.runner import native

if TYPE_CHECKING:
    from wengert.compiler.compiled import Compiled

__all__ = ["bound_to", "reduced"]

MOST_INSTANCES = 64  # without a __dict__, that are remembered


def bound_to(compiled: Compiled[..., Any], instance: Any, owner: Any) -> Any:
    """Bind a method: each instance has its own plans, because it has its own state. The instance holds them."""
    key = f"_compiled_{name_of(compiled.function)}"
    with update_lock.lock:
        if hasattr(instance, "__dict__") and not isinstance(instance, type):
            kept = vars(instance)
        else:  # (it has __slots__, and cannot hold them)
            kept = compiled.instances.setdefault(id(instance), {"instance": instance})
            if len(compiled.instances) > MOST_INSTANCES:
                del compiled.instances[next(iter(compiled.instances))]
        bound = kept.get(key)
        if bound is None or bound.function.__self__ is not instance:  # (a shallow copy has that of the original)
            function: Any = compiled.function.__get__(instance, owner)
            bound = kept[key] = type(compiled)(function, compiled.to_verify, compiled.runner, compiled.ahead)
        return bound


def reduced(compiled: Compiled[..., Any]) -> Any:
    """Pickle by name, as functions are, where it has replaced its function as a decorator."""
    name, instance = getattr(compiled, "__qualname__", ""), getattr(compiled.function, "__self__", None)
    if getattr(instance, "__dict__", {}).get(f"_compiled_{name_of(compiled.function)}") is compiled:
        return getattr, (instance, compiled.function.__name__)
    found: Any = sys.modules.get(getattr(compiled, "__module__", ""))
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
    if found is compiled:
        return name
    return type(compiled), (compiled.function, compiled.to_verify, native, compiled.ahead)
