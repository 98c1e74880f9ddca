"""The most frequent calls of a trace, recorded in a few steps: ufuncs of traced arrays, and basic indices."""

from __future__ import annotations

from threading import get_ident
from typing import Any

import numpy as np

from wengert.compiler.capture import tape as limits
from wengert.compiler.capture.memory import Memory
from wengert.compiler.capture.tape import NUMPY_STATE, Tape
from wengert.compiler.graph.graph import Node, Slot

__all__ = ["UNKNOWN", "basic_item", "ufunc_call"]

UNKNOWN: Any = object()  # what these return for other calls, of which `Tape.call` is to be asked
NUMERIC = frozenset(np.dtype(c) for c in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?")
ndarray = np.ndarray
FIRST, SECOND = Slot(0), Slot(1)


class SettingsOf(dict[Any, dict[str, Any]]):
    """The settings of calls of a function with these arguments, by the function: the calls have them in common."""

    def __init__(self, *arguments: Slot) -> None:
        super().__init__()
        self.arguments = arguments

    def __missing__(self, function: Any) -> dict[str, Any]:
        found = {"function": function, "arguments": self.arguments, "keywords": {}}
        if isinstance(function, np.ufunc) and getattr(np, function.__name__, None) is function:
            self[function] = found  # (those that a program makes are not kept)
        return found


ALONE, SAME, BOTH = SettingsOf(FIRST), SettingsOf(FIRST, FIRST), SettingsOf(FIRST, SECOND)


def ufunc_call(tape: Tape, function: np.ufunc, args: tuple[Any, ...]) -> Any:
    """What `Tape.call` does, for a call of a ufunc without keywords, of traced arrays and numbers: most calls are such.

    UNKNOWN if it is another one.
    """
    if (
        tape.failure is not None
        or tape.closed
        or get_ident() != tape.thread
        or tape.count > limits.MOST_VALUES
        or NUMPY_STATE is None
        or (NUMPY_STATE.get() is not tape.known_errstate and tape.raises_errors())
    ):
        return UNKNOWN
    prepared = of_two(tape, function, *args) if len(args) == 2 else of_any(tape, function, args)
    if prepared is None:
        return UNKNOWN
    values, operands, nodes, settings = prepared
    result = function(*values)
    if type(result) is ndarray:
        if result.dtype not in NUMERIC or not result.size or result.base is not None or not result.flags.c_contiguous:
            node = Node("call", nodes, settings, line=tape.line())
            return tape.wrap(result, node, list(operands))
    elif not isinstance(result, np.generic) or result.dtype not in NUMERIC:
        return tape.wrap(result, Node("call", nodes, settings, line=tape.line()), list(operands))
    node = Node("call", nodes, settings, result.shape, result.dtype, None, False, tape.line())
    return tape.traced(tape, result, Memory(result, node))


def of_two(tape: Tape, function: np.ufunc, a: Any, b: Any) -> Any:
    """The values, the traced operands, their nodes, and the settings of a call; None if it is no frequent one."""
    kind = tape.traced
    if type(a) is kind and a.tape is tape:
        a.memory.used = True
        node = a._node if a._seen == a.memory.version else a.node
        if type(b) is kind and b.tape is tape:
            b.memory.used = True
            if a is b:
                return None if node.op == "constant" else ((a.value, a.value), (a,), (node,), SAME[function])
            other = b._node if b._seen == b.memory.version else b.node
            if node.op == "constant" and other.op == "constant":
                return None
            return (a.value, b.value), (a, b), (node, other), BOTH[function]
        if (type(b) is float or type(b) is int) and node.op != "constant":
            settings = {"function": function, "arguments": (FIRST, b), "keywords": {}}
            return (a.value, b), (a,), (node,), settings
    elif type(b) is kind and b.tape is tape and (type(a) is float or type(a) is int):
        b.memory.used = True
        node = b._node if b._seen == b.memory.version else b.node
        if node.op != "constant":
            settings = {"function": function, "arguments": (a, FIRST), "keywords": {}}
            return (a, b.value), (b,), (node,), settings
    return of_any(tape, function, (a, b))


def of_any(tape: Tape, function: np.ufunc, args: tuple[Any, ...]) -> Any:
    """The same for any number of arguments, among them traced numbers."""
    values: list[Any] = []
    arguments: list[Any] = []
    operands: list[Any] = []
    for x in args:
        if (type(x) is tape.traced or type(x) is tape.number) and x.tape is tape:
            x.memory.used = True
            if type(x) is tape.number:
                tape.guard_small(x, args)
            values.append(x.value)
            arguments.append(tape.operand(x, operands))
        elif type(x) is float or type(x) is int:
            values.append(x)
            arguments.append(x)
        else:
            return None
    nodes = tuple([x.node for x in operands])
    if all(node.op == "constant" for node in nodes):
        return None
    if len(arguments) == 1:
        return values, operands, nodes, ALONE[function]
    return values, operands, nodes, {"function": function, "arguments": tuple(arguments), "keywords": {}}


def basic_item(tape: Tape, array: Any, index: Any) -> Any:
    """What `Tape.call` does for a view of elements by a basic index of integers and slices; UNKNOWN for another one."""
    memory = array.memory
    if array.rebuild_node is not None or memory.layout is not None or type(array.value) is not ndarray or tape.off:
        return UNKNOWN
    for part in index if type(index) is tuple else (index,):
        if type(part) is slice:
            for x in (part.start, part.stop, part.step):
                if x is not None and type(x) is not int:
                    return UNKNOWN
        elif type(part) is not int and part is not None and part is not Ellipsis:
            return UNKNOWN
    result = array.value[index]
    if type(result) is not ndarray or not result.size or tape.count > limits.MOST_VALUES:
        return UNKNOWN
    memory.used = True
    found = tape.traced(tape, result, memory)
    found.viewed = array if array.value is memory.array else array.viewed
    if type(index) is int and (array.value is memory.array or array.offset is not None):
        stride = array.value.strides[0]
        found.offset = (array.offset or 0) + (index if index >= 0 else index + len(array.value)) * stride
    return found
