"""The reference: a graph run node by node, by NumPy. What a compiled plan gives must be what this gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graphs.graph import Graph, Node, fill

__all__ = ["Left", "interpret"]


class Left(Exception):
    """A guard does not hold: this call takes another way than the one that was traced."""

    def __init__(self, node: Node, value: Any) -> None:
        super().__init__(node, value)
        self.node, self.value = node, value


def interpret(graph: Graph, arrays: list[Any]) -> tuple[list[Any], list[Any]]:
    """Compute a graph on the arrays of its inputs; return the results and what is to be assigned.

    Raises
    ------
    Left
        By a guard that does not hold. Nothing has been assigned then; but random numbers were drawn.
    """
    values: dict[Node, Any] = dict(zip(graph.inputs, arrays, strict=True))
    for node in graph.nodes:
        if node.op != "input":
            value = compute(node, [values[x] for x in node.operands])
            # (a NumPy number has no memory that a view could look into)
            values[node] = np.asarray(value) if isinstance(value, np.generic) else value
    return [values[x] for x in graph.results], [np.array(values[x]) for _, x in graph.assignments]


def compute(node: Node, operands: list[Any]) -> Any:
    """Compute one node."""
    settings = node.settings
    if node.op == "constant":
        return settings["array"]
    if node.op in ("call", "draw"):
        # A Python number promotes as one: it must come to NumPy as one.
        operands = [np.asarray(x).item() if n.weak else x for n, x in zip(node.operands, operands, strict=True)]
        result = settings["function"](*fill(settings["arguments"], operands), **fill(settings["keywords"], operands))
        if isinstance(result, np.ndarray):
            result = np.ascontiguousarray(result).reshape(result.shape)
        return np.asarray(result, node.dtype) if type(result) in (float, int) and node.shape is not None else result
    if node.op == "part":
        result = operands[0][settings["index"]]
        return np.ascontiguousarray(result).reshape(result.shape) if isinstance(result, np.ndarray) else result
    if node.op == "view":
        return looking_into(operands[0], settings["offset"], node.shape, settings["strides"])
    if node.op == "update":
        root = operands[0]
        written = like(root)
        looking_into(written, settings["offset"], settings["shape"], settings["strides"])[...] = operands[1]
        return written
    if node.op == "fit":
        fitted = np.empty(node.shape or (), node.dtype)
        np.copyto(fitted, operands[0], casting="unsafe")
        return fitted
    if node.op == "guard":
        wanted = settings["value"]
        found = operands[0]
        if not equal(found, wanted):
            raise Left(node, found)
        return None
    if node.op == "map":
        values = with_numbers(operands, settings["numbers"])
        return in_order(settings["ufunc"](*values, signature=settings["dtypes"]))
    if node.op == "select":
        return in_order(np.where(*with_numbers(operands, settings["numbers"])))
    if node.op == "reduce":
        axes, keepdims = settings["axes"], settings["keepdims"]
        return in_order(settings["ufunc"].reduce(operands[0], axis=axes, keepdims=keepdims, dtype=node.dtype))
    if node.op == "matmul":
        return in_order(np.matmul(*operands))
    if node.op == "routine":
        return in_order(settings["routine"].compute(*operands))
    raise NotImplementedError(node.op)


def in_order(result: Any) -> Any:
    """A result in C order, where NumPy has given it the order of its operands: views count on it."""
    return np.ascontiguousarray(result).reshape(np.shape(result))


def looking_into(array: Any, offset: int, shape: Any, strides: tuple[int, ...]) -> Any:
    """The elements of an array's memory from `offset` on."""
    if 0 in shape:
        return np.empty(shape, array.dtype)
    size = array.itemsize
    return np.asarray(Window(array, offset * size, shape, tuple(s * size for s in strides), array.dtype))


def like(root: Any) -> Any:
    """A copy that lies in memory as the root does, gaps included: offsets mean the same in it."""
    if root.flags.c_contiguous or 0 in root.shape or root.size == 1 or 0 in root.strides:
        return np.array(root, order="C")
    low, high = np.lib.array_utils.byte_bounds(root)
    memory = np.empty((high - low) // root.itemsize, root.dtype)
    start = (root.__array_interface__["data"][0] - low) // root.itemsize
    written = looking_into(memory, start, root.shape, tuple(s // root.itemsize for s in root.strides))
    written[...] = root
    return written


class Window:
    """Some elements of an array's memory, by an offset and strides in bytes; it keeps the array alive."""

    def __init__(self, array: Any, offset: int, shape: Any, strides: tuple[int, ...], dtype: Any) -> None:
        self.array = array
        self.__array_interface__ = {
            "data": (array.__array_interface__["data"][0] + offset, not array.flags.writeable),
            "shape": tuple(shape),
            "strides": strides,
            "typestr": dtype.str,
            "version": 3,
        }


def with_numbers(operands: list[Any], numbers: tuple[Any, ...]) -> list[Any]:
    """Put Python numbers among the operands: `numbers` has None where an operand stands."""
    ahead = iter(operands)
    return [next(ahead) if number is None else number for number in numbers]


def equal(found: Any, wanted: Any) -> bool:
    """Whether a value is what it was, NaN included."""
    if isinstance(wanted, np.ndarray):
        return np.array_equal(found, wanted, equal_nan=wanted.dtype.kind in "fc")
    return bool(found == wanted) or (found != found and wanted != wanted)
