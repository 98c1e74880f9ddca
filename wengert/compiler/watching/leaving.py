"""What a traced call leaves: its results and what it put into places, as templates that a replay fills."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graphs.graph import Node, c_strides
from wengert.compiler.watching.number import Number
from wengert.compiler.watching.places import Place, is_scalar
from wengert.compiler.watching.tape import Tape
from wengert.compiler.watching.traced import Traced
from wengert.core.errors import GraphError, describe
from wengert.core.function import Function, attach, next_number, unrecorded
from wengert.core.memory import owner
from wengert.core.variable import Variable

__all__ = [
    "Held",
    "Leaving",
    "Made",
    "Out",
    "Outside",
    "Result",
    "Stored",
    "There",
    "View",
    "as_array",
    "boundary",
    "held_in",
    "outside",
    "parts_in",
    "plain_array",
]


ITSELF = object()  # in the place of the template of a container that is not finished


class View(NamedTuple):
    """Some elements of an array's memory: from `offset` on, by `strides`, both in bytes."""

    offset: int
    strides: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: Any


class Out(NamedTuple):
    """One of the graph's results.

    `kind` is "array", "number" (a NumPy number), "float" or "int"; `view` is what of the result it is, None for all
    of it; `which` tells apart several arrays that are the same view.
    """

    number: int
    kind: str = "array"
    view: View | None = None
    writeable: bool = True
    which: int = 0


class Held(NamedTuple):
    """The array of an input itself, or a view of it.

    `itself` is the array where it is one of several that look into the memory of the input. `frozen` says whether the
    view is read-only where the input is not; None where that is unknown, because the input was read-only.
    """

    number: int
    view: View | None = None
    itself: Any = None
    frozen: bool | None = False
    which: int = 0


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

    def pull(self, gys: Any, live: bool) -> Any:
        if self._kept is not None:  # (a traced call goes on as an eager one)
            self.tape.fail("backward goes into a graph that was recorded before the call; cut it by x.detach()")
            return self._kept.pull(gys, live)
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
    made._grad = grad
    return made


class Leaving:
    """Makes templates of what a call leaves, and notes which values of the graph they need."""

    def __init__(self, tape: Tape, sources: list[Any], of_state: dict[int, Place | None]) -> None:
        self.tape, self.sources = tape, sources
        self.inputs = {id(memory): i for i, memory in enumerate(tape.inputs)}
        # By id, what was there before the call; and where, if another object of the same form will do there.
        self.of_state = of_state
        self.results: list[Node] = []
        self.places: dict[Any, int] = {}  # what each result is of
        self.views: dict[tuple[int, View], Node] = {}  # the nodes of views of results
        self.equals: dict[Any, list[int]] = {}  # by what they are views of, the ids of arrays that are the same view
        # By id, the templates of what may be there twice, and what it is plainly; with the object, so that it stays.
        self.templates: dict[int, tuple[Any, Any]] = {}
        self.plains: dict[int, tuple[Any, Any]] = {}

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

    def of(self, value: Any) -> Any:
        """The template of a value: one for each object."""
        if type(value) is Traced:
            return self.of_traced(value)
        if type(value) is Number:
            kind = type(value.value).__name__
            return Out(self.result(fitted(value.node), id(value.memory)), kind)
        if type(value) is np.ndarray:
            return self.of_constant(value)
        if type(value) is float:
            for number, node in self.tape.left:
                if number is value:
                    return Out(self.result(node, id(number)), "float")
        if is_scalar(value):
            return value
        if id(value) in self.of_state:
            return self.of_before(value)
        if isinstance(value, Variable) or type(value) in (list, dict) or isinstance(value, tuple):
            if id(value) not in self.templates:
                self.templates[id(value)] = (value, ITSELF)
                self.templates[id(value)] = (value, self.of_whole(value))
            template = self.templates[id(value)][1]
            if template is ITSELF:
                self.tape.fail(f"a {type(value).__name__} that it leaves holds itself, which a plan cannot make")
            return template
        if isinstance(value, (type, type(len), np.ufunc)):
            return value
        self.tape.fail(
            f"among what it leaves is {describe(value)}, which a plan cannot make; leave arrays, Variables, "
            "numbers, or tuples, lists and dicts of them"
        )
        return None

    def of_whole(self, value: Any) -> Any:
        """The template of a new container or Variable."""
        if isinstance(value, Variable):
            data, grad = (None if x is None else as_array(self.of(x)) for x in (value._data, value._grad))
            return Result(type(value), value.name, data, recorded(value), grad)
        if type(value) is dict:
            return Made(dict, tuple(map(self.of, value.values())), tuple(map(key_of, value)))
        return Made(type(value), tuple(map(self.of, value)))

    def of_traced(self, value: Traced) -> Any:
        memory, array = value.memory, value.value
        if isinstance(array, np.generic):
            return Out(self.result(value.node, (id(memory), memory.version)), "number")
        view = None if array is memory.array else view_in(memory.array, array)
        if id(memory) in self.inputs:
            return self.of_input(self.inputs[id(memory)], memory.array, array, view)
        # Views of one array stay views of one array.
        index = self.result(memory.node, id(memory))
        return self.of_part(index, array, view, value.node)

    def of_part(self, index: int, array: Any, view: View | None, node: Node) -> Out:
        """The template of a result, or a view of it."""
        if view is not None:
            self.views[index, view] = node
        return Out(index, "array", view, array.flags.writeable, self.which((index, view), array))

    def of_input(self, number: int, whole: Any, array: Any, view: View | None) -> Held:
        """The template of the array of an input, or a view of it."""
        source = self.sources[number]
        if any(array is fixed for _, fixed in source.fixed):
            return Held(number, None, array)
        if view is None:
            return Held(number)
        frozen = not array.flags.writeable if whole.flags.writeable else None
        return Held(number, view, None, frozen, self.which((~number, view), array))

    def of_constant(self, array: Any) -> Out:
        """The template of an array that the function made without the tracer, from the same numbers at each call."""
        root = owner(array)
        if root is array or root.dtype != array.dtype or not root.flags.c_contiguous or type(root) is not np.ndarray:
            return Out(self.result(self.tape.constant(array), id(array)), "array", None, array.flags.writeable)
        index = self.result(self.tape.constant(root), id(root))
        return self.of_part(index, array, view_in(root, array), self.tape.constant(array))

    def which(self, of: Any, array: Any) -> int:
        """The number of an array among those that are the same view."""
        known = self.equals.setdefault(of, [])
        if id(array) not in known:
            known.append(id(array))
        return known.index(id(array))

    def narrowed(self, returned: Any, stored: list[Any]) -> list[Any]:
        """Where only one view of a result leaves, let the view be the result.

        A fresh result lies in C order: a view that is returned is narrowed where it does so, too.
        """
        used: dict[int, set[Any]] = {}
        strict = {out.number for out in outs_in(returned)}
        for template in (returned, *stored):
            for out in outs_in(template):
                used.setdefault(out.number, set()).add((out.view, out.which, out.writeable))
        alone: set[int] = set()
        for i, views in used.items():
            view = next(iter(views))[0]
            if len(views) == 1 and view is not None and (i not in strict or is_in_order(view)):
                alone.add(i)
                self.results[i] = self.views[i, view]
        done: dict[int, Any] = {}
        return [without_views(template, alone, done) for template in (returned, *stored)]

    def plain(self, value: Any) -> Any:
        """What this very call leaves: with real arrays in the place of traced ones."""
        if type(value) in (Traced, Number):
            return value.value
        if not isinstance(value, (Variable, list, dict, tuple)) or id(value) in self.of_state:
            return value  # (what is in it is put back, or looked for by `look_for_survivors`)
        if id(value) not in self.plains:
            self.plains[id(value)] = (value, value)
            self.plains[id(value)] = (value, self.plain_whole(value))
        return self.plains[id(value)][1]

    def plain_whole(self, value: Any) -> Any:
        if isinstance(value, Variable):
            data, gradient = (None if x is None else plain_array(self.plain(x)) for x in (value._data, value._grad))
            if self.tape.failure is None:
                return boundary(data, recorded(value), type(value), value.name, gradient)
            value._data, value._grad = data, gradient
            if recorded(value) is not False and data is not None:
                data.setflags(write=False)
        elif isinstance(value, tuple):
            parts = [self.plain(part) for part in value]
            if any(a is not b for a, b in zip(parts, value, strict=True)):
                return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        elif type(value) is list:
            value[:] = [self.plain(part) for part in value]
        elif type(value) is dict:
            parts_by_key = {key_of(key): self.plain(part) for key, part in value.items()}
            value.clear()
            value.update(parts_by_key)
        return value


def view_in(whole: Any, array: Any) -> View:
    """Where in an array's memory another one looks."""
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return View(start if array.size else 0, array.strides, array.shape, array.dtype)


def is_in_order(view: View) -> bool:
    """Whether a view lies in memory as an array in C order does."""
    return bool(view.strides == tuple(s * view.dtype.itemsize for s in c_strides(view.shape)))


def parts_in(template: Any) -> Iterator[Any]:
    """All templates that a template consists of, itself included."""
    yield template
    if isinstance(template, (Made, Result)):
        for part in template.parts if isinstance(template, Made) else (template.data, template.grad):
            yield from parts_in(part)


def outs_in(template: Any) -> Iterator[Out]:
    """The results that a template takes."""
    return (part for part in parts_in(template) if isinstance(part, Out))


def held_in(template: Any) -> Iterator[Held]:
    """The arrays of inputs that a template takes."""
    return (part for part in parts_in(template) if isinstance(part, Held))


def without_views(template: Any, indices: set[int], done: dict[int, Any]) -> Any:
    """A template that takes some results as they are; what was one template stays one."""
    if isinstance(template, Out):
        return template._replace(view=None, which=0) if template.number in indices else template
    if not isinstance(template, (Made, Result)):
        return template
    if id(template) not in done:
        if isinstance(template, Made):
            done[id(template)] = template._replace(
                parts=tuple(without_views(part, indices, done) for part in template.parts)
            )
        else:
            data, grad = (without_views(part, indices, done) for part in (template.data, template.grad))
            done[id(template)] = template._replace(data=data, grad=grad)
    return done[id(template)]


def as_array(template: Any) -> Any:
    """The template of a number as that of a 0-d array, as Variables hold them."""
    return template._replace(kind="array") if isinstance(template, Out) else template


def key_of(key: Any) -> Any:
    """A key of a dict; of a number, its value, on which the plan depends by now."""
    return key.value if type(key) is Number else key


def recorded(x: Variable) -> bool | None:
    """Whether a Variable was computed and recorded; None if it was computed where nothing is recorded."""
    return True if x._creator is not None else None if "no_grad" in (x._notes or {}) else False


def plain_array(value: Any) -> Any:
    """A number as a 0-d array."""
    return np.array(value) if isinstance(value, np.generic) else value


def fitted(node: Node) -> Node:
    """A Python number as a result: an array of its own."""
    return Node("fit", (node,), {}, (), node.dtype)


def outside(x: Variable, tape: Tape) -> Outside:
    """What stands for the creator of a Variable while a call is traced."""
    f = Outside()
    creator = x._creator
    f._number, f._edges, f._outputs = creator._number, creator._edges, creator._outputs
    f._kept, f.tape = creator, tape
    if creator._outputs is not None and type(creator._outputs) is not tuple:
        f.shape, f.dtype = x._data.shape, x._data.dtype
    return f
