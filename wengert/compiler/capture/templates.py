"""Templates of what a call leaves: results, arrays of inputs, views of them, and containers of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from wengert.compiler.capture.layouts import View
from wengert.compiler.capture.locations import Location

__all__ = [
    "Container",
    "ExistingState",
    "GraphOutput",
    "InputAlias",
    "Result",
    "Stored",
    "as_array",
    "input_aliases_in",
    "outputs_in",
    "parts_in",
    "replace_outputs",
]


class GraphOutput(NamedTuple):
    """One of the graph's results.

    `kind` is "array", "number" (a NumPy number), "float" or "int"; `view` is what of the result it is, None for all
    of it; `which` tells apart several arrays that are the same view.
    """

    number: int
    kind: str = "array"
    view: View | None = None
    writeable: bool = True
    which: int = 0


class InputAlias(NamedTuple):
    """The array of an input itself, or a view of it.

    `itself` is the array where it is one of several that look into the memory of the input. `frozen` says whether the
    view is read-only where the input is not; None where that is unknown, because the input was read-only.
    """

    number: int
    view: View | None = None
    itself: Any = None
    frozen: bool | None = False
    which: int = 0


class ExistingState(NamedTuple):
    """What is in a place already, whatever it is there."""

    location: Location


class Container(NamedTuple):
    """A container of templates: of a kind, with its keys where it is a dict."""

    kind: type
    parts: tuple[Any, ...]
    keys: tuple[Any, ...] | None = None


class Result(NamedTuple):
    """A Variable of some kind."""

    kind: type
    name: str | None
    data: Any
    recorded: bool | None
    grad: Any = None


class Stored(NamedTuple):
    """What a call puts in a place."""

    location: Location
    template: Any


def parts_in(template: Any) -> Iterator[Any]:
    """All templates that a template consists of, itself included."""
    yield template
    if isinstance(template, (Container, Result)):
        for part in template.parts if isinstance(template, Container) else (template.data, template.grad):
            yield from parts_in(part)


def outputs_in(template: Any) -> Iterator[GraphOutput]:
    """The results that a template takes."""
    return (part for part in parts_in(template) if isinstance(part, GraphOutput))


def input_aliases_in(template: Any) -> Iterator[InputAlias]:
    """The arrays of inputs that a template takes."""
    return (part for part in parts_in(template) if isinstance(part, InputAlias))


def replace_outputs(template: Any, change: Callable[[GraphOutput], GraphOutput], done: dict[int, Any]) -> Any:
    """A template with other results in it; what was one template stays one."""
    if isinstance(template, GraphOutput):
        return change(template)
    if not isinstance(template, (Container, Result)):
        return template
    if id(template) not in done:
        if isinstance(template, Container):
            done[id(template)] = template._replace(
                parts=tuple(replace_outputs(part, change, done) for part in template.parts)
            )
        else:
            data, grad = (replace_outputs(part, change, done) for part in (template.data, template.grad))
            done[id(template)] = template._replace(data=data, grad=grad)
    return done[id(template)]


def as_array(template: Any) -> Any:
    """The template of a number as that of a 0-d array, as Variables hold them."""
    return template._replace(kind="array") if isinstance(template, GraphOutput) else template
