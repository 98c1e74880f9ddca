"""From the calls of NumPy to structured operations: maps, selections, reductions, matrix products, views.

A rule gives the node in the place of a call, or None where it cannot: the call then stays, and is called. So a
missing rule is never wrong, only slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler import build
from wengert.compiler.build import (
    constant,
    elementwise,
    fit,
    lying_as,
    matrix_product,
    rebuilt,
    reduction,
    reshape,
    select,
    strided,
    zeros,
)
from wengert.compiler.calls import Method, bound, get_item, power
from wengert.compiler.graph import Graph, Node, c_strides, fill

__all__ = ["lower"]

Rule = Callable[..., "Node | None"]
RULES: dict[Any, Rule] = {}
NO = np._NoValue


def lower(graph: Graph) -> Graph:
    """Replace the calls that have a rule."""
    return graph.replaced(change)


def change(node: Node, operands: tuple[Node, ...]) -> Node:
    """The node in the place of another one, given its new operands."""
    again = Node(node.op, operands, node.settings, node.shape, node.dtype, node.strides, node.weak, node.line)
    if node.op == "view":
        root = lying_as(operands[0], node.operands[0], node.line)
        return strided(root, node.shape or (), node.settings["strides"], node.settings["offset"], node.line)
    if node.op == "update":
        return rebuilt(node, operands)
    if node.op == "fit" and (operands[0].shape, operands[0].dtype) == (node.shape, node.dtype) and not operands[0].weak:
        # (views of it count on its strides)
        return operands[0] if build.root_of(operands[0])[2] == node.strides else again
    if node.op != "call" or node.shape is None:
        return again
    settings = node.settings
    args, kwargs = fill(settings["arguments"], list(operands)), fill(settings["keywords"], list(operands))
    try:
        found = lowered(settings["function"], node.line, args, kwargs)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError):
        return again  # arguments that the rule does not know
    if found is None or found.shape != node.shape:
        return again
    if found.dtype != node.dtype:
        found = fit(found, dtype=node.dtype, line=node.line)
    if node.weak and not found.weak:
        if found in operands:
            return again
        found.weak = True  # what Python computes of its numbers promotes as they do
    return found


def lowered(function: Any, line: str, args: Any, kwargs: Any) -> Node | None:
    """Apply the rule of a function."""
    if isinstance(function, np.ufunc) and function is not np.matmul:
        if function.nout != 1 or function.signature is not None:
            return None
        dtype = kwargs.pop("dtype", None)
        if kwargs or not all(isinstance(a, (Node, *build.NUMBER, np.ndarray, np.generic)) for a in args):
            return None
        return elementwise(function, *args, dtype=dtype, line=line)
    if isinstance(function, Method):
        function = METHODS.get(function.name, function)
    rule = RULES.get(function)
    return None if rule is None else rule(line, *args, **kwargs)


def rule(*functions: Any) -> Callable[[Rule], Rule]:
    def register(definition: Rule) -> Rule:
        for function in functions:
            RULES[function] = definition
        return definition

    return register


def reducing(ufunc: np.ufunc) -> Rule:
    def reduce(
        line: str,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NO,
        initial: Any = NO,
        where: Any = NO,
    ) -> Any:
        if out is not None or initial is not NO or where not in (NO, True):
            return None
        return reduction(ufunc, node(a), axis, keepdims is True, dtype, line)

    return reduce


def node(value: Any) -> Node:
    return value if isinstance(value, Node) else constant(value)


rule(np.sum)(reducing(np.add))
rule(np.prod)(reducing(np.multiply))


def extreme(ufunc: np.ufunc) -> Rule:
    def reduce(
        line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO, initial: Any = NO, where: Any = NO
    ) -> Any:
        if out is not None or where not in (NO, True):
            return None
        found = reduction(ufunc, node(a), axis, keepdims is True, None, line)
        if initial is NO:
            return found if node(a).size else None
        return (
            elementwise(ufunc, found, initial, line=line)
            if node(a).size
            else zeros(found.shape or (), found.dtype, initial)
        )

    return reduce


rule(np.max, np.amax)(extreme(np.maximum))
rule(np.min, np.amin)(extreme(np.minimum))
rule(np.any)(
    lambda line, a, axis=None, out=None, keepdims=NO: reduction(np.logical_or, node(a), axis, keepdims is True)
)
rule(np.all)(
    lambda line, a, axis=None, out=None, keepdims=NO: reduction(np.logical_and, node(a), axis, keepdims is True)
)
each: Any
for each in (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or):

    def by_method(
        line: str, a: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False, ufunc: Any = each
    ) -> Any:
        return None if out is not None else reduction(ufunc, node(a), axis, keepdims, dtype, line)

    rule(bound(each, "reduce"))(by_method)


@rule(np.mean)
def mean(line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
    a = node(a)
    if out is not None or a.size == 0:
        return None
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.float64
    if dtype is None and a.dtype == np.float16:
        return None
    total = reduction(np.add, a, axis, keepdims is True, dtype, line)
    count = a.size // max(total.size, 1)
    return elementwise(np.true_divide, total, count, line=line)


@rule(np.var)
def variance(
    line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO
) -> Any:
    a = node(a)
    if out is not None or dtype is not None or a.dtype.kind != "f" or a.dtype == np.float16 or a.size == 0:
        return None
    centre = mean(line, a, axis, keepdims=True)
    squares = elementwise(np.square, elementwise(np.subtract, a, centre, line=line), line=line)
    total = reduction(np.add, squares, axis, keepdims is True, None, line)
    return elementwise(np.true_divide, total, max(a.size // max(total.size, 1) - ddof, 0), line=line)


@rule(np.std)
def deviation(line: str, *args: Any, **kwargs: Any) -> Any:
    found = variance(line, *args, **kwargs)
    return None if found is None else elementwise(np.sqrt, found, line=line)


@rule(np.where)
def where(line: str, condition: Any, x: Any = None, y: Any = None) -> Any:
    return None if x is None or y is None else select(condition, x, y, line)


@rule(np.clip)
def clip(
    line: str, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, min: Any = None, max: Any = None
) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    found = node(a)
    if low is not None:
        found = elementwise(np.maximum, found, low, line=line)
    return elementwise(np.minimum, found, high, line=line) if high is not None else found


@rule(power)
def shortcut(line: str, a: Any, b: Any) -> Any:
    a = node(a)
    if a.dtype.kind not in "fc":
        return None
    if b == 2:
        return elementwise(np.square, a, line=line)
    if b == 0.5:
        return elementwise(np.sqrt, a, line=line)
    if b == -1:
        return elementwise(np.reciprocal, a, line=line)
    return fit(a) if b == 1 else elementwise(np.power, a, b, line=line)


@rule(np.matmul, np.dot)
def matmul(line: str, a: Any, b: Any, out: Any = None) -> Any:
    a, b = node(a), node(b)
    if out is not None:
        return None
    if not a.ndim or not b.ndim:
        return elementwise(np.multiply, a, b, line=line)
    if a.ndim > 2 or b.ndim > 2:
        # (np.dot of more axes is another product)
        return matrix_product(a, b, line) if a.ndim == b.ndim == 2 else None
    return matrix_product(a, b, line)


RULES[np.matmul] = lambda line, a, b: matrix_product(node(a), node(b), line)


@rule(np.outer)
def outer(line: str, a: Any, b: Any, out: Any = None) -> Any:
    a, b = (reshape(node(x), (node(x).size,), line) for x in (a, b))
    return elementwise(np.multiply, reshape(a, (a.size, 1)), reshape(b, (1, b.size)), line=line)


@rule(np.copy, np.ascontiguousarray, np.array)
def copy(line: str, a: Any, order: str = "K", subok: bool = False, dtype: Any = None) -> Any:
    return fit(a, dtype=dtype, line=line) if isinstance(a, Node) else None


@rule(Method("astype"), np.astype)
def astype(
    line: str, a: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    dtype = np.dtype(dtype)
    if (a.dtype.kind == "c") != (dtype.kind == "c") or dtype.kind not in "biufc":
        return None
    if a.dtype.kind == "f" and dtype.kind in "iu":
        return None  # what does not fit is the machine's to say
    return fit(a, dtype=dtype, line=line)


@rule(np.reshape)
def reshaped(line: str, a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    a, shape = node(a), shape if shape is not None else newshape
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order not in ("C", "K"):
        return None
    known = int(np.prod([n for n in shape if n != -1], dtype=int))
    return reshape(a, tuple(a.size // max(known, 1) if n == -1 else int(n) for n in shape), line)


@rule(np.ravel)
def ravel(line: str, a: Any, order: str = "C") -> Any:
    return reshape(a, (a.size,), line) if order in ("C", "K") else None


RULES[Method("flatten")] = RULES[np.ravel]


@rule(np.zeros_like, np.empty_like)
def zeros_like(line: str, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    shape = a.shape if shape is None else shape
    return zeros(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,), a.dtype if dtype is None else dtype)


@rule(np.ones_like)
def ones_like(line: str, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return zeros(a.shape if shape is None else tuple(shape), a.dtype if dtype is None else dtype, 1)


@rule(np.full_like)
def full_like(line: str, a: Any, fill_value: Any, dtype: Any = None) -> Any:
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    if isinstance(fill_value, Node):
        return fit(fill_value, a.shape, dtype, line)
    return zeros(a.shape, dtype, fill_value)


@rule(np.concatenate)
def concatenate(
    line: str, arrays: Any, axis: Any = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [node(a) for a in arrays]
    if axis is None:
        parts, axis = [reshape(p, (p.size,)) for p in parts], 0
    shape = list(parts[0].shape or ())
    axis %= len(shape)
    shape[axis] = sum((p.shape or ())[axis] for p in parts)
    dtype = np.result_type(*(p.dtype for p in parts)) if dtype is None else np.dtype(dtype)
    whole = zeros(tuple(shape), dtype)
    strides = c_strides(tuple(shape))
    offset = 0
    for part in parts:
        if part.dtype != dtype:
            part = fit(part, dtype=dtype, line=line)
        settings = {"offset": offset, "shape": part.shape, "strides": strides}
        if part.size:
            whole = Node("update", (whole, part), settings, tuple(shape), dtype, line=line)
        offset += (part.shape or ())[axis] * strides[axis]
    return whole


@rule(np.stack)
def stack(
    line: str, arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [node(a) for a in arrays]
    shape = parts[0].shape or ()
    axis %= len(shape) + 1
    longer = (*shape[:axis], 1, *shape[axis:])
    return concatenate(line, [reshape(p, longer, line) for p in parts], axis, dtype=dtype)


@rule(get_item)
def item(line: str, a: Any, index: Any) -> Any:
    """An element, or a slice that came as a copy; indices that are arrays stay calls."""
    parts = index if isinstance(index, tuple) else (index,)
    if not all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts):
        return None
    if any(isinstance(p, (bool, np.bool_)) for p in parts):
        return None
    _, _, strides = build.root_of(a)
    if 0 in (a.shape or ()):
        return None
    base = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), a.shape, strides)
    view = base[(*parts, ...)] if Ellipsis not in parts else base[parts]
    offset = view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return strided(a, view.shape, view.strides, offset, line)


METHODS = {
    "sum": np.sum,
    "prod": np.prod,
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "max": np.max,
    "min": np.min,
    "any": np.any,
    "all": np.all,
    "copy": np.copy,
    "clip": np.clip,
    "dot": np.dot,
    "ravel": np.ravel,
}


@rule(Method("reshape"))
def reshape_method(line: str, a: Any, *shape: Any, order: str = "C") -> Any:
    return reshaped(line, a, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape, order)
