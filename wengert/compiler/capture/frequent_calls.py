"""The most frequent calls of a trace, recorded in a few steps: ufuncs of traced arrays, and basic indices."""

from __future__ import annotations

import functools
from threading import get_ident
from typing import Any

import numpy as np

from wengert.compiler.capture import tape as limits
from wengert.compiler.capture.memory import Memory
from wengert.compiler.capture.tape import NUMPY_STATE, Tape, slot
from wengert.compiler.graph.graph import Node, Slot

__all__ = ["UNKNOWN", "basic_item", "ufunc_call"]

UNKNOWN: Any = object()  # what these return for other calls, of which `Tape.call` is to be asked
NUMERIC = frozenset(np.dtype(c) for c in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?")
ndarray = np.ndarray


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
        or NUMPY_STATE.get() is not tape.known_errstate
    ):
        return UNKNOWN
    kind, number = tape.traced, tape.number
    values: list[Any] = []
    arguments: list[Any] = []
    operands: list[Any] = []
    nodes: list[Node] = []
    is_constant, has_numbers = True, False
    for x in args:
        if (type(x) is kind or type(x) is number) and x.tape is tape:
            memory = x.memory
            memory.used = True
            values.append(x.value)
            for i, known in enumerate(operands):
                if known is x:
                    arguments.append(slot(i))
                    break
            else:
                node = x._node if type(x) is kind and x._seen == memory.version else x.node
                is_constant = is_constant and node.op == "constant"
                arguments.append(slot(len(operands)))
                operands.append(x)
                nodes.append(node)
        elif type(x) is float or type(x) is int:
            values.append(x)
            arguments.append(x)
            has_numbers = True
        else:
            return UNKNOWN
    if is_constant:
        return UNKNOWN
    result = function(*values)
    if has_numbers:
        settings = {"function": function, "arguments": tuple(arguments), "keywords": {}}
    else:
        settings = settings_of(function, tuple(arguments))
    if type(result) is ndarray:
        if result.dtype not in NUMERIC or not result.size or result.base is not None or not result.flags.c_contiguous:
            node = Node("call", tuple(nodes), settings, line=tape.line())
            return tape.wrap(result, node, operands)
    elif not isinstance(result, np.generic) or result.dtype not in NUMERIC:
        return tape.wrap(result, Node("call", tuple(nodes), settings, line=tape.line()), operands)
    node = Node("call", tuple(nodes), settings, result.shape, result.dtype, None, False, tape.line())
    return kind(tape, result, Memory(result, node))


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
    return tape.traced(tape, result, memory)


@functools.lru_cache(4096)
def settings_of(function: Any, arguments: tuple[Slot, ...]) -> dict[str, Any]:
    """The settings of calls of a function, which all of them have in common."""
    return {"function": function, "arguments": arguments, "keywords": {}}
