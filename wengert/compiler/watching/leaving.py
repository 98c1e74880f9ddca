"""What a traced call leaves: its results and what it put into places, as templates that a replay fills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graphs.graph import Node
from wengert.compiler.watching.number import Number
from wengert.compiler.watching.places import Place, is_scalar
from wengert.compiler.watching.tape import Tape
from wengert.compiler.watching.traced import Traced
from wengert.core.errors import GraphError, describe
from wengert.core.function import Function
from wengert.core.node import maker_of, next_number
from wengert.core.variable import Variable, array_of, attach, note_of, restore, unrecorded

__all__ = [
    "Held",
    "Leaving",
    "Made",
    "Out",
    "Outside",
    "Result",
    "Stored",
    "There",
    "as_array",
    "boundary",
    "outs_in",
    "outside",
    "plain_array",
]


class Out(NamedTuple):
    """One of the graph's results.

    `kind` is "array", "number" (a NumPy number), "float" or "int"; `view` is where in the result it lies (offset,
    shape and strides, in elements), None for all of it.
    """

    number: int
    kind: str = "array"
    view: Any = None
    writeable: bool = True


class Held(NamedTuple):
    """The array of an input itself, or a view of it."""

    number: int
    view: Any = None


class There(NamedTuple):
    """What is in a place already, whatever it is there."""

    place: Place


class Made(NamedTuple):
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

    place: Place
    template: Any


class Outside(Function):
    """The creator of a value that was computed before a traced call, or that a plan has computed."""

    __slots__ = ("tape",)

    tape: Any

    def pull(self, gys: Any, differentiable: bool) -> Any:
        if self._kept is not None:  # (a traced call goes on as an eager one)
            self.tape.fail("backward goes into a graph that was recorded before the call; cut it by x.detach()")
            return self._kept.pull(gys, differentiable)
        raise GraphError(
            "backward cannot walk into what a compiled function has computed, because nothing was recorded there; "
            "call backward inside the compiled function, or compile its gradient: wengert.compile(wengert.grad(f))"
        )


def boundary(data: Any, recorded: bool | None, kind: Any = Variable, name: str | None = None, grad: Any = None) -> Any:
    """The Variable that a plan returns in the place of one: of a recorded one no gradient passes it silently."""
    if recorded is not False:
        data.setflags(write=False)
    if recorded:
        f = Outside()
        f._number, f._edges = next_number(), ()
        made = attach(f, data)
    elif recorded is None:
        made = unrecorded(data)
    else:
        made = kind(data)
    if name is not None:
        made.name = name
    restore(made, grad=grad)
    return made


class Leaving:
    """Makes templates of what a call leaves, and notes which values of the graph they need."""

    def __init__(self, tape: Tape, known: dict[int, Any], of_state: dict[int, Place | None]) -> None:
        self.tape = tape
        self.known = {id(t): (i, t) for i, t in enumerate(known.values())}
        self.inputs = {id(memory): i for i, memory in enumerate(tape.inputs)}
        # By id, what was there before the call; and where, if another object of the same form will do there.
        self.of_state = of_state
        self.results: list[Node] = []
        self.places: dict[Any, int] = {}  # what each result is of
        self.views: dict[tuple[int, Any], Node] = {}  # the nodes of views of results

    def result(self, node: Node, key: Any) -> int:
        """The index of a result; one for each key."""
        if key not in self.places:
            self.places[key] = len(self.results)
            self.results.append(node)
        return self.places[key]

    def of_before(self, value: Any) -> Any:
        """The template of an object that was there before the call."""
        place = self.of_state[id(value)]
        return value if place is None else There(place)

    def of(self, value: Any, stored: bool = False) -> Any:
        """The template of a value; the array itself of an input only where it is `stored`."""
        if type(value) is Traced:
            return self.of_traced(value, stored)
        if type(value) is Number:
            kind = type(value.value).__name__
            return Out(self.result(fitted(value.node), id(value.memory)), kind)
        if isinstance(value, Variable):
            if id(value) in self.of_state:
                return self.of_before(value)
            parts = [None if x is None else as_array(self.of(x, stored)) for x in (array_of(value), value.grad)]
            return Result(type(value), value.name, parts[0], recorded(value), parts[1])
        if type(value) is np.ndarray:
            return Out(self.result(self.tape.constant(value), id(value)), "array", None, value.flags.writeable)
        if type(value) is float:
            for number, node in self.tape.left:
                if number is value:
                    return Out(self.result(node, id(number)), "float")
        if is_scalar(value):
            return value
        if id(value) in self.of_state:
            return self.of_before(value)
        if isinstance(value, tuple) or type(value) is list:
            return Made(type(value), tuple(self.of(part, stored) for part in value))
        if type(value) is dict:
            return Made(dict, tuple(self.of(part, stored) for part in value.values()), tuple(map(key_of, value)))
        if isinstance(value, (type, type(len), np.ufunc)):
            return value
        self.tape.fail(
            f"among what it leaves is {describe(value)}, which a plan cannot make; leave arrays, Variables, "
            "numbers, or tuples, lists and dicts of them"
        )
        return None

    def of_traced(self, value: Traced, stored: bool) -> Any:
        if isinstance(value.value, np.generic):
            return Out(self.result(value.node, (id(value.memory), value.memory.version)), "number")
        memory = value.memory
        whole = value.value is memory.array
        view = None if whole else (*self.tape.place(memory, value.value), value.value.shape)
        if id(memory) in self.inputs and stored:
            return Held(self.inputs[id(memory)], view)
        if whole or id(memory) in self.inputs:
            key = id(value) if id(memory) in self.inputs else id(memory)
            return Out(self.result(value.node, key), "array", None, value.value.flags.writeable)
        # Views of one array stay views of one array.
        index = self.result(memory.node, id(memory))
        self.views[index, view] = value.node
        return Out(index, "array", view, value.value.flags.writeable)

    def narrowed(self, templates: list[Any]) -> list[Any]:
        """Where only one view of a result leaves, let the view be the result."""
        used: dict[int, set[Any]] = {}
        for template in templates:
            for out in outs_in(template):
                used.setdefault(out.number, set()).add(out.view)
        alone = {i for i, views in used.items() if len(views) == 1 and None not in views}
        for i in alone:
            self.results[i] = self.views[i, next(iter(used[i]))]
        return [without_views(template, alone) for template in templates]

    def plain(self, value: Any, stored: bool = False) -> Any:
        """What this very call leaves: with real arrays in the place of traced ones."""
        if type(value) in (Traced, Number):
            found = value.value
            aliases = not stored and isinstance(found, np.ndarray) and id(value.memory) in self.inputs
            return np.array(found) if aliases and self.tape.failure is None else found
        if isinstance(value, Variable):
            if id(value) in self.of_state:
                return value
            data, gradient = (
                None if x is None else plain_array(self.plain(x, stored)) for x in (array_of(value), value.grad)
            )
            if self.tape.failure is not None:
                restore(value, array=data, grad=gradient)
                if recorded(value) is not False and data is not None:
                    data.setflags(write=False)
                return value
            return boundary(data, recorded(value), type(value), value.name, gradient)
        if type(value) in (list, dict) and id(value) in self.of_state:
            return value  # what is in it is put back
        if isinstance(value, tuple) or type(value) is list:
            parts = [self.plain(part, stored) for part in value]
            if all(a is b for a, b in zip(parts, value, strict=True)):
                return value
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if type(value) is dict:
            return {key_of(key): self.plain(part, stored) for key, part in value.items()}
        if hasattr(value, "__dict__") and self.tape.failure is not None and not isinstance(value, type):
            for key, part in vars(value).items():
                if type(part) in (Traced, Number):
                    vars(value)[key] = part.value
        return value


def outs_in(template: Any) -> Iterator[Out]:
    """The results that a template takes."""
    if isinstance(template, Out):
        yield template
    elif isinstance(template, (Made, Result)):
        for part in template.parts if isinstance(template, Made) else (template.data, template.grad):
            yield from outs_in(part)


def without_views(template: Any, indices: set[int]) -> Any:
    """A template that takes some results as they are."""
    if isinstance(template, Out):
        return template._replace(view=None) if template.number in indices else template
    if isinstance(template, Made):
        return template._replace(parts=tuple(without_views(part, indices) for part in template.parts))
    if isinstance(template, Result):
        data, grad = (without_views(part, indices) for part in (template.data, template.grad))
        return template._replace(data=data, grad=grad)
    return template


def as_array(template: Any) -> Any:
    """The template of a number as that of a 0-d array, as Variables hold them."""
    return template._replace(kind="array") if isinstance(template, Out) else template


def key_of(key: Any) -> Any:
    """A key of a dict; of a number, its value, on which the plan depends by now."""
    return key.value if type(key) is Number else key


def recorded(x: Variable) -> bool | None:
    """Whether a Variable was computed and recorded; None if it was computed where nothing is recorded."""
    return True if maker_of(x) is not None else None if note_of(x, "no_grad") else False


def plain_array(value: Any) -> Any:
    """A number as a 0-d array."""
    return np.array(value) if isinstance(value, np.generic) else value


def fitted(node: Node) -> Node:
    """A Python number as a result: an array of its own."""
    return Node("fit", (node,), {}, (), node.dtype)


def outside(x: Variable, tape: Tape) -> Outside:
    """What stands for the creator of a Variable while a call is traced."""
    f = Outside()
    creator = maker_of(x)
    f._number, f._edges, f._outputs = creator._number, creator._edges, creator._outputs
    f._kept, f.tape = creator, tape
    if creator._outputs is not None and type(creator._outputs) is not tuple:
        f.shape, f.dtype = x.shape, x.dtype
    return f
