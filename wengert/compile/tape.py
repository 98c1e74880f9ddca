"""The tape: it runs each NumPy call of a traced function on the real arrays, and writes it down.

The tape knows arrays by their memory. An array that looks into another one's memory (a slice, a transpose) is a
`view` of its root; a write through it is an `update` of the root, which every other view of that memory sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compile.graph import Node, Slot, c_strides
from wengert.core.debug import user_line
from wengert.core.errors import describe

__all__ = ["Memory", "Tape", "Untraceable"]


class Untraceable(Exception):
    """The traced function did what a plan cannot do again: why, and where."""


class Memory:
    """The memory of one array, and the value that it holds at this moment."""

    __slots__ = ("array", "node", "strides", "version")

    def __init__(self, array: np.ndarray, node: Node) -> None:
        self.array, self.node, self.version = array, node, 0
        self.strides = node.strides


class Tape:
    """The record of one call of a function."""

    def __init__(self, traced: type) -> None:
        self.traced = traced
        self.inputs: list[Node] = []
        self.effects: list[Node] = []
        self.constants: dict[int, tuple[Any, Node]] = {}  # by id; the array is held, so that its id stays its own
        self.streams: list[Any] = []  # random generators that the call asked for by a function, and their states before
        self.closed = False

    # Values

    def input(self, array: Any, place: Any, weak: bool = False) -> Any:
        """Make the traced array of an array that is given at each call."""
        itemsize = array.itemsize
        strides = tuple(s // itemsize for s in array.strides)
        node = Node("input", (), {"place": place}, array.shape, array.dtype, strides, weak)
        self.inputs.append(node)
        return self.traced(self, array, Memory(array, node))

    def node_of(self, value: Any) -> Node:
        """The node of an operand: traced, or a constant."""
        if type(value) is self.traced:
            if value.tape is not self:
                raise Untraceable("an array of another traced call was used; return it from there instead")
            return value.node  # type: ignore[no-any-return]
        return self.constant(value)

    def constant(self, array: Any) -> Node:
        """The node of an array that the function made, or took from where the tracer does not look."""
        found = self.constants.get(id(array))
        if found is None or not same(found[1].settings["array"], array):  # (what is constant may be made in steps)
            kept = np.ascontiguousarray(array).reshape(np.shape(array))
            kept = kept.copy() if np.shares_memory(kept, array) else kept
            node = Node("constant", (), {"array": kept}, kept.shape, kept.dtype, line=user_line())
            found = self.constants[id(array)] = (array, node)
        return found[1]

    # Calls

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any, effect: bool = False) -> Any:
        """Run a call on the real arrays, and write it down."""
        if self.closed:
            raise Untraceable("a traced array outlived its call; keep x.copy() of a result, not what it was made from")
        operands: list[Any] = []
        arguments = self.template(args, operands)
        keywords = self.template(kwargs, operands)
        real_args, real_kwargs = real(args), real(kwargs)
        nodes = tuple(self.node_of(x) for x in operands)  # before the call: it may write
        result = function(*real_args, **real_kwargs)
        settings = {"function": function, "arguments": arguments, "keywords": keywords}
        node = Node("draw" if effect else "call", nodes, settings, line=user_line())
        if effect:
            self.effects.append(node)
        return self.wrap(result, node, operands)

    def template(self, value: Any, operands: list[Any]) -> Any:
        """Replace arrays by Slots, and put them among `operands`."""
        if type(value) is self.traced or isinstance(value, np.ndarray):
            for i, known in enumerate(operands):
                if known is value:
                    return Slot(i)
            operands.append(value)
            return Slot(len(operands) - 1)
        if isinstance(value, (list, tuple)):
            parts = [self.template(part, operands) for part in value]
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if isinstance(value, dict):
            return {key: self.template(part, operands) for key, part in value.items()}
        if isinstance(value, slice):
            return slice(*(self.template(part, operands) for part in (value.start, value.stop, value.step)))
        return value

    def wrap(self, result: Any, node: Node, operands: list[Any]) -> Any:
        """Make traced arrays of what a call returned."""
        if isinstance(result, (tuple, list)):
            parts = [
                self.wrap(part, Node("part", (node,), {"index": i}, line=node.line), operands)
                for i, part in enumerate(result)
            ]
            return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
        if isinstance(result, (np.ndarray, np.generic)):
            if result.dtype.kind not in "biufc":
                raise Untraceable(f"{node.line} makes {describe(result)}; a plan holds numbers and truths")
            node.shape, node.dtype, node.strides = result.shape, result.dtype, c_strides(result.shape)
            if isinstance(result, np.ndarray):
                for operand in operands:
                    if type(operand) is self.traced and owner(result) is owner(operand.memory.array):
                        return self.view_of(operand.memory, result, node)
            return self.own(result, node)
        if result is None:
            return None
        if isinstance(result, (bool, int, float, complex, str)):
            self.guard(node, result)
            return result
        raise Untraceable(f"{node.line} makes {describe(result)}, which a plan cannot hold")

    def own(self, result: Any, node: Node) -> Any:
        """The traced array of a fresh result, in C order."""
        if isinstance(result, np.ndarray) and not result.flags.c_contiguous:
            result = np.ascontiguousarray(result).reshape(result.shape)
        elif isinstance(result, np.ndarray) and result.base is not None:
            result = result.copy()  # it looks into an array that nobody else knows
        return self.traced(self, result, Memory(result, node))

    def view_of(self, memory: Memory, result: np.ndarray, node: Node) -> Any:
        """The traced array that looks into a memory that is known already."""
        if result.dtype != memory.array.dtype:
            return self.own(np.array(result), node)  # the real part of complex numbers, bytes: a copy, here
        return self.traced(self, result, memory)

    def view_node(self, memory: Memory, array: Any) -> Node:
        """The node of an array that looks into `memory`."""
        offset, strides = self.place(memory, array)
        whole = memory.array
        if offset == 0 and array.shape == whole.shape and strides == memory.strides:
            return memory.node
        settings = {"offset": offset, "strides": strides}
        return Node("view", (memory.node,), settings, array.shape, array.dtype, line=user_line())

    def place(self, memory: Memory, array: np.ndarray) -> tuple[int, tuple[int, ...]]:
        """Where in a memory an array begins, and its strides, in elements."""
        whole = memory.array
        size = whole.itemsize
        start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        return (start // size if array.size else 0), tuple(s // size for s in array.strides)

    def write(self, target: Any, value: Any) -> None:
        """Write down that the elements of a traced array are now those of `value` (the real ones are written already)."""
        memory = target.memory
        if isinstance(target.value, np.generic):
            raise Untraceable(f"{user_line()} writes into a number")
        new = (
            value if isinstance(value, Node) else self.node_of(value if hasattr(value, "shape") else np.asarray(value))
        )
        offset, strides = self.place(memory, target.value)
        shape, dtype = target.value.shape, target.value.dtype
        if (new.shape, new.dtype) != (shape, dtype):
            new = Node("fit", (new,), {}, shape, dtype, line=user_line())
        whole = offset == 0 and shape == memory.array.shape and strides == memory.strides
        if whole and memory.strides == c_strides(shape):
            memory.node = new
        else:
            settings = {"offset": offset, "strides": strides, "shape": shape}
            line = user_line()
            memory.node = Node(
                "update", (memory.node, new), settings, memory.array.shape, dtype, memory.strides, line=line
            )
        memory.version += 1

    def guard(self, node: Node, value: Any) -> None:
        """Write down that a plan holds only as long as a value is what it was."""
        self.effects.append(Node("guard", (node,), {"value": value}, line=user_line()))


def real(value: Any) -> Any:
    """The real arrays of nested arguments."""
    if hasattr(value, "memory") and hasattr(value, "tape"):
        return value.value
    if isinstance(value, (list, tuple)):
        parts = [real(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: real(part) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(real(value.start), real(value.stop), real(value.step))
    return value


def owner(array: Any) -> Any:
    """The array whose memory it is."""
    while isinstance(array, np.ndarray) and isinstance(array.base, np.ndarray):
        array = array.base
    return array


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays are equal to the bit."""
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
