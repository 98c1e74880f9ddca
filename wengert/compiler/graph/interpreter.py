"""The reference interpreter: NumPy runs a graph node by node. Compiled plans must give the same values."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Graph, Node, fill

__all__ = ["GuardFailed", "interpret"]


class GuardFailed(Exception):
    """A guard does not hold: this call takes another branch than the traced one."""

    def __init__(self, node: Node, value: Any) -> None:
        super().__init__(node, value)
        self.node, self.value = node, value


def interpret(graph: Graph, arrays: list[Any]) -> tuple[list[Any], list[Any]]:
    """Compute a graph on the arrays of its inputs; return the results and the values to assign.

    Raises
    ------
    GuardFailed
        If a guard does not hold. Nothing has been assigned then; but random numbers may have been drawn.
    """
    values: dict[Node, Any] = dict(zip(graph.inputs, arrays, strict=True))
    for node in graph.nodes:
        if node.op != "input":
            value = compute(node, [values[x] for x in node.operands])
            # (a NumPy scalar has no memory that a view could alias)
            values[node] = np.asarray(value) if isinstance(value, np.generic) else value
    return [values[x] for x in graph.results], [np.array(values[x]) for _, x in graph.assignments]


def compute(node: Node, operands: list[Any]) -> Any:
    """Compute one node."""
    settings = node.settings
    if node.op == "constant":
        return in_c_order(settings["array"])  # (one of equal elements may have strides of 0, but views count elements)
    if node.op in ("call", "random"):
        # Python numbers are weakly typed: NumPy must receive Python numbers.
        operands = [np.asarray(x).item() if n.weak else x for n, x in zip(node.operands, operands, strict=True)]
        result = settings["function"](*fill(settings["arguments"], operands), **fill(settings["keywords"], operands))
        if isinstance(result, np.ndarray):
            result = np.ascontiguousarray(result).reshape(result.shape)
        return np.asarray(result, node.dtype) if type(result) in (float, int) and node.shape is not None else result
    if node.op == "tuple_get":
        result = operands[0][settings["index"]]
        return np.ascontiguousarray(result).reshape(result.shape) if isinstance(result, np.ndarray) else result
    if node.op == "view":
        return view_of(operands[0], settings["offset"], node.shape, settings["strides"])
    if node.op == "update":
        root = operands[0]
        written = copy_with_layout(root)
        view_of(written, settings["offset"], settings["shape"], settings["strides"])[...] = operands[1]
        return written
    if node.op == "convert":
        converted = np.empty(node.shape or (), node.dtype)
        np.copyto(converted, operands[0], casting="unsafe")
        return converted
    if node.op == "guard":
        wanted = settings["value"]
        found = operands[0]
        if not equal(found, wanted):
            raise GuardFailed(node, found)
        return None
    if node.op == "elementwise":
        values = with_numbers(operands, settings["numbers"])
        return in_c_order(settings["ufunc"](*values, signature=settings["dtypes"]))
    if node.op == "select":
        return in_c_order(np.where(*with_numbers(operands, settings["numbers"])))
    if node.op == "reduce":
        axes, keepdims = settings["axes"], settings["keepdims"]
        return in_c_order(settings["ufunc"].reduce(operands[0], axis=axes, keepdims=keepdims, dtype=node.dtype))
    if node.op == "matmul":
        return in_c_order(np.matmul(*operands))
    if node.op == "kernel":
        return in_c_order(settings["kernel"].evaluate(node, operands))
    if node.op == "loop":
        return repeat(settings["loop"], settings["starts"], operands)
    if node.op == "output":
        return operands[0][settings["index"]]
    raise NotImplementedError(node.op)


def repeat(loop: Any, starts: tuple[int, ...], operands: list[Any]) -> list[Any]:
    """Compute a loop: its carried values after the last step, and the results of its body."""
    carried, others = [copy_with_layout(np.asarray(x)) for x in operands[: loop.carried]], operands[loop.carried :]
    stacks: list[list[Any]] = []
    for step in range(loop.count):
        now = [x[step] if stepped else x for x, stepped in zip(others, loop.stepped, strict=True)]
        results, carried = interpret(loop.at(step, starts), [np.asarray(x) for x in (*carried, *now)])
        stacks.append([np.array(x) for x in results])
    values = zip(zip(*stacks, strict=True), loop.stacked, strict=True)
    return [*carried, *(np.stack(parts) if stacked else parts[-1] for parts, stacked in values)]


def in_c_order(result: Any) -> Any:
    """A result in C order: views assume it, but NumPy may keep the order of the operands."""
    array = np.asarray(result)
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)  # (that makes an axis for 0-d ones)


def view_of(array: Any, offset: int, shape: Any, strides: tuple[int, ...]) -> Any:
    """A view of an array's memory; offset and strides count elements."""
    if 0 in shape:
        return np.empty(shape, array.dtype)
    size = array.itemsize
    return np.asarray(Window(array, offset * size, shape, tuple(s * size for s in strides), array.dtype))


def copy_with_layout(root: Any) -> Any:
    """A copy in the memory layout of the root, gaps included, so that the same offsets are valid."""
    if root.flags.c_contiguous or 0 in root.shape or root.size == 1 or 0 in root.strides:
        return np.array(root, order="C")
    low, high = np.lib.array_utils.byte_bounds(root)
    memory = np.empty((high - low) // root.itemsize, root.dtype)
    start = (root.__array_interface__["data"][0] - low) // root.itemsize
    written = view_of(memory, start, root.shape, tuple(s // root.itemsize for s in root.strides))
    written[...] = root
    return written


class Window:
    """A view of an array's memory, which it keeps alive; offset and strides are in bytes."""

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
    """Insert Python numbers among the operands: `numbers` has None at the position of an operand."""
    remaining = iter(operands)
    return [next(remaining) if number is None else number for number in numbers]


def equal(found: Any, wanted: Any) -> bool:
    """Whether two values are equal, where NaN equals NaN."""
    if isinstance(wanted, np.ndarray):
        return np.array_equal(found, wanted, equal_nan=wanted.dtype.kind in "fc")
    return bool(found == wanted) or (found != found and wanted != wanted)
