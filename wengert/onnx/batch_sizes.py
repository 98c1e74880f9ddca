"""The batch axis: traces at several batch sizes, and which of their numbers change with it.

A trace has the shapes of its example as numbers. Traces at three sizes are the same graph, but for the constants that
depend on the size. Such a constant is computed in the graph from the size of the input; in a shape, it may be -1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.onnx.trace import Node, Trace

__all__ = ["SIZES", "merged", "repeated"]

SIZES = (2, 3, 7)  # two say how a number depends on the size, if it is linear; the third whether it is


def merged(traces: list[Trace], source: tuple[str, int]) -> Trace:
    """Return the first of traces at `SIZES`, with what depends on the batch size computed in the graph.

    Parameters
    ----------
    traces : list of Trace
    source : (str, int)
        An input, and its batch axis.

    Raises
    ------
    ValueError
        If the graph depends on the size in another way.
    """
    first = traces[0]
    forms = [repr(t.nodes) for t in traces]
    if any(form != forms[0] for form in forms) or any(list(t.constants) != list(first.constants) for t in traces):
        raise dependent("takes other steps for another batch size")
    computed = Computed(source)
    for name, array in first.constants.items():
        versions = [array, *(t.constants[name] for t in traces[1:])]
        if all(v is array or same(v, array) for v in versions):
            continue
        users = [node for node in first.nodes if name in node.inputs]
        in_shapes = (
            users and array.ndim and array.all() and all(u.op == "Reshape" and u.inputs[1] == name for u in users)
        )
        if in_shapes and sum(differing(versions)) == 1:
            first.constants[name] = np.where(differing(versions), -1, array)
        else:
            computed.define(name, versions)
    for name in computed.defined:
        del first.constants[name]
    if computed.defined:
        first.constants.update(computed.constants)
        first.nodes[:0] = computed.nodes
    return first


def repeated(first: Trace, second: Trace) -> Trace:
    """Return the first of two traces of one example; raise ValueError unless they are the same."""
    if repr(first.nodes) != repr(second.nodes) or list(first.constants) != list(second.constants):
        raise ValueError(
            "the model takes other steps each time that it is called; export a function that does not change"
        )
    if not all(a is second.constants[name] or same(a, second.constants[name]) for name, a in first.constants.items()):
        raise ValueError(
            "the model has other constants each time that it is called, as random numbers are; give them as an input"
        )
    return first


def dependent(how: str) -> ValueError:
    return ValueError(
        f"the model {how}, which a graph with a dynamic batch axis cannot show; export it with batch_axis=None, for "
        "the batch size of the example alone"
    )


def same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def differing(versions: Any) -> Any:
    """Where arrays of one shape differ."""
    if any(v.shape != versions[0].shape for v in versions):
        return np.zeros(2, bool)
    return np.any([v != versions[0] for v in versions[1:]], axis=0)


def linear_in_size(numbers: Any) -> tuple[Any, Any]:
    """The slope and the value at 0 of numbers that are linear in the batch size."""
    first, second, third = (np.asarray(n) for n in numbers)
    slope = (second - first) / (SIZES[1] - SIZES[0])
    start = first - slope * SIZES[0]
    if not np.allclose(slope * SIZES[2] + start, third, rtol=1e-6):
        raise dependent("has constants that are not linear in the batch size (or random)")
    return slope.astype(first.dtype), start.astype(first.dtype)


class Computed:
    """The nodes that compute constants from the batch size."""

    def __init__(self, source: tuple[str, int]) -> None:
        name, axis = source
        self.nodes: list[Node] = [
            Node("Shape", (name,), ("/batch/shape",), {}),
            Node("Gather", ("/batch/shape", "/batch/axis"), ("/batch/size",), {"axis": 0}),
        ]
        self.constants: dict[str, Any] = {"/batch/axis": np.asarray(axis)}
        self.defined: list[str] = []

    def define(self, name: str, versions: list[Any]) -> None:
        """Compute a constant: numbers that are linear in the size, or equal elements along axes that are."""
        self.defined.append(name)
        if all(v.shape == versions[0].shape for v in versions):
            self.numbers(name, versions)
            return
        if any(v.ndim != versions[0].ndim for v in versions):
            raise dependent("has constants of other dimensions for another batch size")
        shape = [np.array(v.shape, np.int64) for v in versions]
        changing = np.flatnonzero(differing(shape))
        cores = []
        for v in versions:
            core = v[tuple(slice(0, 1) if i in changing else slice(None) for i in range(v.ndim))]
            if not same(np.ascontiguousarray(np.broadcast_to(core, v.shape)), np.ascontiguousarray(v)):
                raise dependent(f"has a constant of shape {v.shape} whose elements depend on the batch size")
            cores.append(core)
        if not all(same(core, cores[0]) for core in cores):
            raise dependent("has constants whose elements depend on the batch size")
        self.constants[f"{name}.one"] = np.ascontiguousarray(cores[0])
        self.numbers(f"{name}.shape", shape)
        self.nodes.append(Node("Expand", (f"{name}.one", f"{name}.shape"), (name,), {}))

    def numbers(self, name: str, versions: Any) -> None:
        """Add the nodes for slope * size + start."""
        slope, start = linear_in_size(versions)
        self.constants[f"{name}.slope"], self.constants[f"{name}.start"] = slope, start
        size = "/batch/size"
        if slope.dtype != np.int64:
            size = f"{name}.size"
            self.nodes.append(Node("Cast", ("/batch/size",), (size,), {"to": slope.dtype}))
        self.nodes.append(Node("Mul", (f"{name}.slope", size), (f"{name}.product",), {}))
        self.nodes.append(Node("Add", (f"{name}.product", f"{name}.start"), (name,), {}))
