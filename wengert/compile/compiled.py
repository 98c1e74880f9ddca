"""compile: a function that is watched once, and from then on run by the plan that was made of it."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.compile.interpreter import Left, interpret
from wengert.compile.places import Place, is_library
from wengert.compile.tape import Untraceable
from wengert.compile.tracing import ArgumentPlace, Reference, Trace, trace
from wengert.core import mode
from wengert.core.debug import user_line
from wengert.core.errors import describe
from wengert.core.function import unrecorded
from wengert.core.variable import Variable

__all__ = ["Compiled", "CompileWarning", "compile"]

tracing: ContextVar[bool] = ContextVar("wengert.tracing", default=False)
one_at_a_time = threading.RLock()  # a traced call exchanges arrays that other threads may reach
MOST_PLANS = 16
MOST_ATTEMPTS = 3


class CompileWarning(UserWarning):
    """A function cannot be compiled, and runs eagerly."""


class Compiled:
    """A compiled function: see `compile`."""

    def __init__(self, function: Callable[..., Any], verify: int = 0) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.plans: list[Replay] = []
        self.attempts = 0
        self.given_up: str | None = None
        self.to_verify = verify

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        now = mode.current_mode.get()
        if self.given_up is not None or now.debug or tracing.get():
            return self.function(*args, **kwargs)
        settings = (now, mode.is_training())
        for plan in self.plans:
            if plan.settings == settings and plan.fits(args, kwargs):
                try:
                    return plan.run(args, kwargs)
                except Left:
                    continue
        return self._trace(settings, args, kwargs)

    def _trace(self, settings: Any, args: Any, kwargs: Any) -> Any:
        token = tracing.set(True)
        try:
            with one_at_a_time:
                found = trace(self.function, args, kwargs)
        except Untraceable as reason:
            self.attempts += 1
            if self.attempts >= MOST_ATTEMPTS:
                self._give_up(str(reason))
            return self.function(*args, **kwargs)
        except Exception:  # noqa: BLE001  (the function's own: it comes again, with the state as eager leaves it)
            return self.function(*args, **kwargs)
        finally:
            tracing.reset(token)
        self.attempts = 0
        if len(self.plans) >= MOST_PLANS:
            self._give_up(f"its calls took {MOST_PLANS} different ways")
        else:
            self.plans.insert(0, Replay(found, settings, args, kwargs))
        return found.returned

    def _give_up(self, reason: str) -> None:
        self.given_up = reason
        self.plans.clear()
        warnings.warn(
            f"{getattr(self.function, '__qualname__', self.function)} is not compiled, and runs eagerly: {reason}",
            CompileWarning,
            stacklevel=4,
        )

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


class Replay:
    """A plan, and the conditions under which it is what the function does."""

    def __init__(self, found: Trace, settings: Any, args: Any, kwargs: Any) -> None:
        self.trace, self.settings = found, settings
        self.form = form_of((args, kwargs))
        self.inputs = [(node.shape, node.dtype, node.strides) for node in found.graph.inputs]
        self.written = {node.settings["place"] for node, _ in found.graph.assignments}

    def fits(self, args: Any, kwargs: Any) -> bool:
        """Whether all that the plan was made for is as it was."""
        if form_of((args, kwargs)) != self.form:
            return False
        places = self.trace.places
        for place, value in places.values:
            now = place.get()
            if now is not value and not (type(now) is type(value) and now == value):
                return False
        for _, container, content in places.containers:
            if (tuple(container) if isinstance(container, dict) else len(container)) != content:
                return False
        for array, (shape, dtype, strides) in zip(self.arrays(args, kwargs), self.inputs, strict=True):
            if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != dtype:
                return False
            if tuple(s // array.itemsize for s in array.strides) != strides:
                return False
        return True

    def arrays(self, args: Any, kwargs: Any) -> list[Any]:
        return [
            source.get()
            if isinstance(source, Place)
            else getattr(reach((args, kwargs), source.way), source.key)
            if isinstance(source, ArgumentPlace)
            else reach((args, kwargs), source)
            for source in self.trace.sources
        ]

    def run(self, args: Any, kwargs: Any) -> Any:
        arrays = self.arrays(args, kwargs)
        results, new = interpret(self.trace.graph, arrays)
        results = [np.array(r) for r in results]
        for (node, _), value in zip(self.trace.graph.assignments, new, strict=True):
            arrays[node.settings["place"]][...] = value
        for source, node in zip(self.trace.sources, self.trace.graph.inputs, strict=True):
            if node.settings["place"] in self.written and getattr(source, "key", None) == "_data":
                holder = reach((args, kwargs), source.way) if isinstance(source, ArgumentPlace) else source.holder
                holder.data = holder._data  # so that graphs recorded before are told
        for place, index, value in self.trace.stored:
            value = value if index is None else results[index]
            if isinstance(place, ArgumentPlace):
                setattr(reach((args, kwargs), place.way), place.key, value)
            else:
                place.set(value)
        return resolve(self.trace.result, results)


def form_of(value: Any) -> Any:
    """What a plan depends on among nested arguments."""
    if isinstance(value, np.ndarray):
        return (np.ndarray, value.shape, value.dtype)
    if isinstance(value, Variable):
        gradient = value._grad
        return (type(value), form_of(value._data), gradient is None, value._creator is None)
    if isinstance(value, (list, tuple)):
        return (type(value), *map(form_of, value))
    if isinstance(value, dict):
        return (dict, *((key, form_of(part)) for key, part in value.items()))
    try:
        hash(value)
    except TypeError:
        return (type(value), id(value))
    return (type(value), value)


def reach(value: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        value = value[key]
    return value


def resolve(template: Any, results: list[Any]) -> Any:
    """Put the results of a run in the places of the References."""
    if isinstance(template, Reference):
        value = results[template.index]
        if template.kind is np.ndarray:
            return value
        if template.kind is np.generic:
            return value[()]
        value.setflags(write=False)
        return unrecorded(value)
    if isinstance(template, (list, tuple)):
        parts = [resolve(part, results) for part in template]
        return type(template)(*parts) if hasattr(template, "_fields") else type(template)(parts)
    if isinstance(template, dict):
        return {key: resolve(part, results) for key, part in template.items()}
    return template


def compile(function: Callable[..., Any] | None = None, *, verify: int = 0) -> Any:
    """Watch a function once, and from then on run the plan that was made of it."""
    if function is None:
        return functools.partial(compile, verify=verify)
    if not callable(function):
        raise TypeError(f"compile takes a function, but got {describe(function)}; write compile(f)")
    return Compiled(function, verify)
