"""Templates of what a call returns and stores: results, inputs, views of them, and containers of these."""

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
    """A result of the graph, or a view of it.

    `kind` is "array", "number" (a NumPy number), "float" or "int"; `view` is None for the whole result; `which`
    distinguishes several arrays that are the same view.
    """

    number: int
    kind: str = "array"
    view: View | None = None
    writeable: bool = True
    which: int = 0


class InputAlias(NamedTuple):
    """The array of an input itself, or a view of it.

    `itself` is the array, if it is one of several captured views of the input's memory. `frozen` says whether the view
    is read-only although the input is not; None where that is unknown, because the input was read-only.
    """

    number: int
    view: View | None = None
    itself: Any = None
    frozen: bool | None = False
    which: int = 0


class ExistingState(NamedTuple):
    """The object that a location holds before the call, whichever it is."""

    location: Location


class Container(NamedTuple):
    """A new container of this type, of templates; with its keys if it is a dict."""

    kind: type
    parts: tuple[Any, ...]
    keys: tuple[Any, ...] | None = None


class Result(NamedTuple):
    """A new Variable of this type."""

    kind: type
    name: str | None
    data: Any
    recorded: bool | None
    grad: Any = None


class Stored(NamedTuple):
    """What a call stores in a location."""

    location: Location
    template: Any


def parts_in(template: Any) -> Iterator[Any]:
    """Yield a template and all templates in it."""
    yield template
    if isinstance(template, (Container, Result)):
        for part in template.parts if isinstance(template, Container) else (template.data, template.grad):
            yield from parts_in(part)


def outputs_in(template: Any) -> Iterator[GraphOutput]:
    """The results of the graph that a template needs."""
    return (part for part in parts_in(template) if isinstance(part, GraphOutput))


def input_aliases_in(template: Any) -> Iterator[InputAlias]:
    """The inputs of the graph that a template needs."""
    return (part for part in parts_in(template) if isinstance(part, InputAlias))


def replace_outputs(template: Any, change: Callable[[GraphOutput], GraphOutput], done: dict[int, Any]) -> Any:
    """Replace the results in a template; a template that occurs repeatedly stays one object."""
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
    """The template of a number as that of a 0-d array, as which Variables hold it."""
    return template._replace(kind="array") if isinstance(template, GraphOutput) else template
