"""Exporting a model: it is traced, and the trace written as an ONNX file."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.extras import needed
from wengert.core.variable import Parameter, Variable, array_of
from wengert.custom.modes import no_grad
from wengert.functions.training_mode import test_mode
from wengert.layers.layer import Layer
from wengert.onnx.batch_sizes import SIZES, merged, repeated
from wengert.onnx.symbol import Symbol, concrete
from wengert.onnx.trace import Node, Trace

__all__ = ["OPSET", "export"]

OPSET = 18  # the version of the operators, of the end of 2022; files of it are in IR version 8
IR = 8


def export(
    model: Callable[..., Any],
    x: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    batch_axis: int | Sequence[int | None] | None = 0,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
) -> Any:
    """Write a model as an ONNX file, in test mode.

    The model runs on the example `x`; each call of a function of NumPy or of `wengert.functions` becomes nodes of the
    graph, and its parameters become initializers of the same names. What it does beside that (Python's ``if`` on
    shapes, loops) is in the graph as it went for the example.

    Parameters
    ----------
    model : Layer or function
        Its parameters stay as they are.
    x : array, or tuple of arrays
        An example of the input; a tuple for a model of several arguments, which may be tuples themselves, or None:
        ``(x, (h, c))``.
    path : path, optional
        Of the file that is written.
    batch_axis : int, None, or sequence of these
        The axis of the inputs whose length may be another when the graph is run, or one for each of them; None for a
        graph of the shapes of the example.
    input_names, output_names : sequence of str, optional
        By default "x" (or "x0", "x1", ...) and "y" (or "y0", ...).

    Returns
    -------
    onnx.ModelProto
        The model, which onnx has checked.

    Raises
    ------
    ImportError
        If onnx is not installed.
    TypeError
        If the model calls a function that has no rule, or makes Python numbers of its input. The message names it.
    ValueError
        If the steps of the model depend on the batch size in a way that no graph can show, or are others in each run.

    Notes
    -----
    Operators are those of opset 18. Runtimes implement many of them for float32 alone.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.layers import Linear
    >>> found = export(Linear(3, 2), np.zeros((1, 3), np.float32))
    >>> [node.op_type for node in found.graph.node], [each.name for each in found.graph.initializer]
    (['Gemm'], ['weight', 'bias'])
    """
    onnx = needed("onnx", "onnx", "wengert.onnx.export")
    args = x if isinstance(x, tuple) else (np.asarray(concrete(x)),)
    leaves = list(leaves_of(args))
    for leaf in leaves:
        if leaf.dtype.kind not in "biuf" or leaf.dtype == np.longdouble:
            raise TypeError(f"export takes arrays of real numbers as the example, but got {describe(leaf)}")
    axes = axes_for(batch_axis, leaves)
    inputs = names_for(input_names, "input_names", "x", len(leaves))
    with no_grad(), test_mode():
        model(*plain(args))  # which makes lazy parameters
        arrays = names_of_arrays(model, {*inputs, *(output_names or ())})
        dynamic = [i for i, axis in enumerate(axes) if axis is not None]
        if dynamic:
            runs = [traced(model, resized(args, axes, size), inputs, arrays) for size in SIZES]
            source = inputs[dynamic[0]], int(axes[dynamic[0]] or 0)
            trace = merged([trace for trace, _ in runs], source)
        else:
            runs = [traced(model, args, inputs, arrays) for _ in range(2)]
            trace = repeated(*(trace for trace, _ in runs))
    results = [results for _, results in runs]
    outputs = names_for(output_names, "output_names", "y", len(results[0]))
    if set(inputs) & set(outputs):
        raise ValueError(f"inputs and outputs of export must have different names, but got {inputs} and {outputs}")
    shapes = [shape_of([r[i].shape for r in results]) for i in range(len(outputs))]
    taken = [tuple("batch" if j == axes[i] else n for j, n in enumerate(leaf.shape)) for i, leaf in enumerate(leaves)]
    found = proto(
        onnx,
        trace,
        type(model).__name__ if isinstance(model, Layer) else getattr(model, "__name__", "model"),
        [(name, leaf.dtype, shape) for name, leaf, shape in zip(inputs, leaves, taken, strict=True)],
        [(n, r.dtype, shape, r.name) for n, r, shape in zip(outputs, results[0], shapes, strict=True)],
    )
    onnx.checker.check_model(found, full_check=True)
    if path is not None:
        onnx.save(found, options.path(path, "path", "export"))
    return found


def holds_arrays(value: Any) -> bool:
    """Whether a value is a tuple, or a list of arrays. A list of numbers is an array itself."""
    return isinstance(value, tuple) or (isinstance(value, list) and any(hasattr(part, "shape") for part in value))


def leaves_of(value: Any) -> Iterator[Any]:
    """The arrays in nested tuples and lists of arguments, in order."""
    if holds_arrays(value):
        for part in value:
            yield from leaves_of(part)
    elif value is not None:
        yield np.asarray(concrete(value))


def mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    """Nested arguments with a function of each array."""
    if holds_arrays(value):
        return type(value)(mapped(part, function) for part in value)
    return None if value is None else function(np.asarray(concrete(value)))


def plain(args: Any) -> Any:
    return mapped(args, lambda array: array)


def resized(args: Any, axes: list[int | None], size: int) -> Any:
    """The example with another batch size: its entries, over and over."""
    remaining = iter(axes)

    def resize(array: Any) -> Any:
        axis = next(remaining)
        return array if axis is None else np.take(array, np.arange(size) % array.shape[axis], axis)

    return mapped(args, resize)


def axes_for(batch_axis: Any, leaves: list[Any]) -> list[int | None]:
    """The batch axis of each input."""
    several = isinstance(batch_axis, (tuple, list))
    given = list(batch_axis) if several else [batch_axis] * len(leaves)
    if len(given) != len(leaves):
        raise ValueError(f"batch_axis must have one entry for each of {len(leaves)} inputs, but got {len(given)}")
    found: list[int | None] = []
    for axis, leaf in zip(given, leaves, strict=True):
        axis = None if axis is None else options.integer(axis, "batch_axis", "export")
        if axis is not None and not -leaf.ndim <= axis < leaf.ndim:
            raise ValueError(
                f"batch_axis={axis} of export must be an axis of the example, but got {describe(leaf)}; give a tuple, "
                "with None for an input without a batch axis"
            )
        found.append(None if axis is None else axis % leaf.ndim)
    if any(axis is not None and leaf.shape[axis] == 0 for axis, leaf in zip(found, leaves, strict=True)):
        raise ValueError("export takes an example of at least one element along the batch axis, but got none")
    return found


def names_for(given: Any, name: str, default: str, count: int) -> list[str]:
    if given is None:
        return [default] if count == 1 else [f"{default}{i}" for i in range(count)]
    names = [options.text(each, f"each of {name}", "export") for each in given]
    if len(names) != count or len(set(names)) != count:
        raise ValueError(f"{name} of export must be {count} different names, but got {names}")
    return names


def names_of_arrays(model: Any, taken: set[str]) -> dict[int, str]:
    """The names of the arrays of parameters and buffers, by id: of a Layer, or of those that a function refers to.

    Names that are `taken`, or given twice, get a suffix.
    """
    found: dict[int, str] = {}
    owners = [model, getattr(model, "__self__", None), getattr(model, "func", None)]
    owners += [cell.cell_contents for cell in getattr(model, "__closure__", None) or () if has_contents(cell)]
    names = getattr(getattr(model, "__code__", None), "co_names", ())
    owners += [model.__globals__[name] for name in names if name in getattr(model, "__globals__", ())]
    for owner in owners:
        if isinstance(owner, Layer):
            for name, value in {**owner.params(), **owner.buffers()}.items():
                found.setdefault(id(array_of(value) if isinstance(value, Parameter) else value), name)
        elif isinstance(owner, Variable) and owner.name is not None:
            found.setdefault(id(array_of(owner)), owner.name)
    taken = {*taken, "y", *(f"y{i}" for i in range(99))}
    for key, name in found.items():
        suffixed = (
            name if name not in taken else next(n for i in itertools.count(1) if (n := f"{name}/{i}") not in taken)
        )
        found[key] = suffixed
        taken.add(suffixed)
    return found


def has_contents(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # it has none yet
        return False


def traced(model: Any, args: Any, inputs: list[str], arrays: dict[int, str]) -> tuple[Trace, list[Any]]:
    """Run a model on Symbols; return the trace, and the results."""
    trace, remaining = Trace(arrays), iter(inputs)
    result = model(*mapped(args, lambda array: Symbol(trace, array, next(remaining))))
    results = []
    for y in results_in(result):
        value = concrete(y)
        name = y.name if isinstance(y, Symbol) else trace.constant(value)
        results.append(Symbol(trace, value, name))
    if not results:
        raise TypeError(f"export takes a model that returns arrays, but got {describe(result)}")
    return trace, results


def results_in(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from results_in(part)
    elif isinstance(value, dict):
        yield from results_in(list(value.values()))
    elif isinstance(value, (Symbol, Variable, np.ndarray, np.generic, float, int)):
        yield value if isinstance(value, (Symbol, Variable)) else np.asarray(value)
    elif value is not None:
        raise TypeError(f"export takes a model that returns arrays, but among its results is {describe(value)}")


def shape_of(shapes: list[Any]) -> tuple[Any, ...]:
    """The shape of an output: "batch" or None where it depends on the batch size."""
    return tuple(
        sizes[0] if len(set(sizes)) == 1 else "batch" if sizes == SIZES else None for sizes in zip(*shapes, strict=True)
    )


def proto(onnx: Any, trace: Trace, name: str, inputs: Any, outputs: Any) -> Any:
    """Build the message of ONNX."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    kind = helper.np_dtype_to_tensor_dtype
    nodes = []
    for i, node in enumerate(with_outputs(trace.nodes, [(source, output) for output, _, _, source in outputs])):
        attributes = {k: kind(v) if isinstance(v, np.dtype) else v for k, v in node.attributes.items()}
        nodes.append(helper.make_node(node.op, node.inputs, node.outputs, f"{node.op}_{i}", **attributes))
    used = {each for node in nodes for each in node.input}
    arrays = [(each, array) for each, array in trace.constants.items() if each in used]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(n, kind(dtype), shape) for n, dtype, shape in inputs],
        [helper.make_tensor_value_info(n, kind(dtype), shape) for n, dtype, shape, _ in outputs],
        [numpy_helper.from_array(np.asarray(array, order="C"), each) for each, array in arrays],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="wengert")


def with_outputs(nodes: list[Node], outputs: list[tuple[str, str]]) -> list[Node]:
    """Drop the nodes that no output needs, and name what they give as the outputs."""
    needed_names, kept = {source for source, _ in outputs}, []
    for node in reversed(nodes):
        if needed_names.intersection(node.outputs):
            needed_names.update(node.inputs)
            kept.append(node)
    made = {each for node in kept for each in node.outputs}
    names: dict[str, str] = {}
    copies = []
    for source, output in outputs:
        if source in made and source not in names:
            names[source] = output
        else:  # an input, a constant, or an output a second time
            copies.append(Node("Identity", (source,), (output,), {}))

    def renamed(each: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in each)

    found = [*reversed(kept), *copies]
    return [n._replace(inputs=renamed(n.inputs), outputs=renamed(n.outputs)) for n in found]
