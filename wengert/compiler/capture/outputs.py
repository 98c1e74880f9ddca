"""The outputs of a traced call: what it returns and stores in the state, as templates that a replay fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.aliases import current
from wengert.checks.errors import GraphError, describe
from wengert.checks.mutation import owner
from wengert.compiler.capture.layouts import View, axes_in_memory_order, is_c_order, view_in
from wengert.compiler.capture.locations import Location, is_scalar
from wengert.compiler.capture.memory import Memory
from wengert.compiler.capture.tape import Tape
from wengert.compiler.capture.templates import (
    Container,
    ExistingState,
    GraphOutput,
    InputAlias,
    Result,
    as_array,
    outputs_in,
    replace_outputs,
)
from wengert.compiler.capture.traced_array import Traced
from wengert.compiler.capture.traced_number import Number
from wengert.compiler.graph.graph import Node
from wengert.core.function import Function
from wengert.core.node import maker_of, next_number
from wengert.core.variable import Variable, array_of, attach, note_of, unrecorded
from wengert.custom.fields import restore

__all__ = ["OutputTemplates", "Outside", "outside", "plain_array", "returned_variable"]

UNFINISHED = object()  # stands for the template of a container whose items are still being converted


class Outside(Function):
    """The creator of a Variable that was computed outside of the traced call, or by a plan."""

    __slots__ = ("tape",)

    tape: Any

    def pull(self, gys: Any, differentiable: bool) -> Any:
        if self._kept is not None:  # (the call continues eagerly)
            self.tape.fail("backward reaches a graph that was recorded before the call; end it by x.detach()")
            return self._kept.pull(gys, differentiable)
        raise GraphError(
            "backward reaches a result of a compiled function, in which nothing was recorded; "
            "call backward inside the compiled function, or compile its gradient: wengert.compile(wengert.grad(f))"
        )


def returned_variable(
    data: Any, recorded: bool | None, kind: Any = Variable, name: str | None = None, grad: Any = None
) -> Any:
    """The Variable that a plan returns. If the function's was recorded, backward through this one raises."""
    if recorded is not False:
        data.setflags(write=False)
    if recorded:
        f = Outside()
        f._number, f._edges = next_number(), ()
        variable = attach(f, data)
    elif recorded is None:
        variable = unrecorded(data)
    else:
        variable = kind(data)
    if name is not None:
        variable.name = name
    restore(variable, grad=grad)
    return variable


class OutputTemplates:
    """Makes templates of what a call returns and stores, and collects the values of the graph that they need."""

    def __init__(self, tape: Tape, sources: list[Any], of_state: dict[int, Location | None]) -> None:
        self.tape, self.sources = tape, sources
        self.inputs = {id(memory): i for i, memory in enumerate(tape.inputs)}
        # By id, objects that existed before the call, with their location if another object may be there at a replay.
        self.of_state = of_state
        self.results: list[Node] = []
        self.indices: dict[Any, int] = {}  # of the results, by what they are of
        self.views: dict[tuple[int, View], Node] = {}  # the nodes of views of results
        self.equal_views: dict[Any, list[int]] = {}  # by view, the ids of the arrays that are this view
        # By id, the templates and real values of objects that may occur repeatedly; with the object, to keep its id.
        self.templates: dict[int, tuple[Any, Any]] = {}
        self.plains: dict[int, tuple[Any, Any]] = {}

    def result(self, node: Node, key: Any) -> int:
        """The index of a result; one for each key."""
        if key not in self.indices:
            self.indices[key] = len(self.results)
            self.results.append(node)
        return self.indices[key]

    def existing(self, value: Any) -> Any:
        """The template of an object that existed before the call."""
        location = self.of_state[id(value)]
        return value if location is None else ExistingState(location)

    def of(self, value: Any) -> Any:
        """The template of a value: one for each object."""
        value = current(value)
        if type(value) is Traced:
            return self.traced_array(value)
        if type(value) is Number:
            kind = type(value.value).__name__
            return GraphOutput(self.result(number_result(value.node), id(value.memory)), kind)
        if type(value) is np.ndarray:
            return self.constant_array(value)
        if type(value) is float:
            for number, node in self.tape.returned_numbers:
                if number is value:
                    return GraphOutput(self.result(node, id(number)), "float")
        if is_scalar(value):
            return value
        if id(value) in self.of_state:
            return self.existing(value)
        if isinstance(value, Variable) or type(value) in (list, dict) or isinstance(value, tuple):
            if id(value) not in self.templates:
                self.templates[id(value)] = (value, UNFINISHED)
                self.templates[id(value)] = (value, self.new_object(value))
            template = self.templates[id(value)][1]
            if template is UNFINISHED:
                self.tape.fail(
                    f"it returns or stores a {type(value).__name__} that contains itself, which a plan cannot make"
                )
            return template
        if isinstance(value, (type, type(len), np.ufunc)):
            return value
        self.tape.fail(
            f"a value that it returns or stores is {describe(value)}, which a plan cannot make; return and store "
            "arrays, Variables, numbers, or tuples, lists and dicts of them"
        )
        return None

    def new_object(self, value: Any) -> Any:
        """The template of a new container or Variable."""
        if isinstance(value, Variable):
            data, grad = (None if x is None else as_array(self.of(x)) for x in (array_of(value), value.grad))
            return Result(type(value), value.name, data, recorded(value), grad)
        if type(value) is dict:
            return Container(dict, tuple(map(self.of, value.values())), tuple(map(key_of, value)))
        return Container(type(value), tuple(map(self.of, value)))

    def traced_array(self, value: Traced) -> Any:
        memory, array = value.memory, value.value
        if isinstance(array, np.generic):
            return GraphOutput(self.result(value.node, (id(memory), memory.version)), "number")
        view = None if array is memory.array else view_in(memory.array, array)
        if hasattr(value.rebuild_node, "fix"):
            value.rebuild_node.fix()
        if id(memory) in self.inputs:
            return self.input_alias(self.inputs[id(memory)], memory.array, array, view)
        # Views of one array stay views of one array.
        index = self.result(node_in_memory_order(memory), id(memory))
        if view is None and memory.layout is not None:
            view = view_in(array, array)
        return self.part(index, array, view, value.node)

    def part(self, index: int, array: Any, view: View | None, node: Node) -> GraphOutput:
        """The template of a result, or a view of it."""
        if view is not None:
            self.views[index, view] = node
        return GraphOutput(index, "array", view, array.flags.writeable, self.which((index, view), array))

    def input_alias(self, number: int, whole: Any, array: Any, view: View | None) -> InputAlias:
        """The template of the array of an input, or a view of it."""
        source = self.sources[number]
        if any(array is fixed for _, fixed in source.fixed):
            return InputAlias(number, None, array)
        if view is None:
            return InputAlias(number)
        frozen = not array.flags.writeable if whole.flags.writeable else None
        return InputAlias(number, view, None, frozen, self.which((~number, view), array))

    def constant_array(self, array: Any) -> GraphOutput:
        """The template of an array that the function made untraced, with the same values at each call."""
        root = owner(array)
        if root is array or root.dtype != array.dtype or not root.flags.c_contiguous or type(root) is not np.ndarray:
            return GraphOutput(self.result(self.tape.constant(array), id(array)), "array", None, array.flags.writeable)
        index = self.result(self.tape.constant(root), id(root))
        return self.part(index, array, view_in(root, array), self.tape.constant(array))

    def which(self, view: Any, array: Any) -> int:
        """The number of an array among those that are the same view."""
        known = self.equal_views.setdefault(view, [])
        if id(array) not in known:
            known.append(id(array))
        return known.index(id(array))

    def finished(self, returned: Any, stored: list[Any]) -> list[Any]:
        """The templates, when all are made: where only one view of a result is an output, it becomes the result.

        Results are in C order. A returned view keeps its strides; those of views that are only stored may change.
        """
        used: dict[int, set[Any]] = {}
        strict = {out.number for out in outputs_in(returned)}
        for template in (returned, *stored):
            for out in outputs_in(template):
                used.setdefault(out.number, set()).add((out.view, out.which, out.writeable))
        alone: set[int] = set()
        for i, views in used.items():
            view = next(iter(views))[0]
            if len(views) == 1 and view is not None and (i not in strict or is_c_order(view)):
                alone.add(i)
                self.results[i] = self.views[i, view]
        done: dict[int, Any] = {}
        return [
            replace_outputs(
                template, lambda out: out._replace(view=None, which=0) if out.number in alone else out, done
            )
            for template in (returned, *stored)
        ]

    def plain(self, value: Any) -> Any:
        """What the traced call itself returns and stores: with real arrays instead of traced ones."""
        value = current(value)
        if type(value) in (Traced, Number):
            return value.value
        if not isinstance(value, (Variable, list, dict, tuple)) or id(value) in self.of_state:
            return value  # (its contents are restored, or replaced by `replace_survivors`)
        if id(value) not in self.plains:
            self.plains[id(value)] = (value, value)
            self.plains[id(value)] = (value, self.plain_object(value))
        return self.plains[id(value)][1]

    def plain_object(self, value: Any) -> Any:
        if isinstance(value, Variable):
            data, gradient = (None if x is None else plain_array(self.plain(x)) for x in (array_of(value), value.grad))
            if self.tape.failure is None:
                return returned_variable(data, recorded(value), type(value), value.name, gradient)
            restore(value, array=data, grad=gradient)
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


def node_in_memory_order(memory: Memory) -> Node:
    """The value of a memory with its axes in the order of their strides."""
    if memory.layout is None:
        return memory.node
    shape = memory.array.shape
    axes = axes_in_memory_order(shape, memory.layout)
    settings = {"offset": 0, "strides": tuple(memory.strides[a] for a in axes)}
    return Node("view", (memory.node,), settings, tuple(shape[a] for a in axes), memory.array.dtype)


def key_of(key: Any) -> Any:
    """A key of a dict; of a traced number its value, which has a guard because it was hashed."""
    return key.value if type(key) is Number else key


def recorded(x: Variable) -> bool | None:
    """Whether a Variable was computed and recorded; None if it was computed under `no_grad`."""
    return True if maker_of(x) is not None else None if note_of(x, "no_grad") else False


def plain_array(value: Any) -> Any:
    """A NumPy number as a 0-d array."""
    return np.array(value) if isinstance(value, np.generic) else value


def number_result(node: Node) -> Node:
    """A Python number as a result: a 0-d array."""
    return Node("convert", (node,), {}, (), node.dtype)


def outside(x: Variable, tape: Tape) -> Outside:
    """The stand-in for the creator of a Variable while a call is traced."""
    f = Outside()
    creator = maker_of(x)
    f._number, f._edges, f._outputs = creator._number, creator._edges, creator._outputs
    f._kept, f.tape = creator, tape
    if creator._outputs is not None and type(creator._outputs) is not tuple:
        f.shape, f.dtype = x.shape, x.dtype
    return f
