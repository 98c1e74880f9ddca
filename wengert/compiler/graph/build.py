"""Builders of nodes, with shape and dtype inference as NumPy's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node, NotLowered, c_strides, product_shape, reduced

__all__ = [
    "SMALL",
    "broadcast_shape",
    "constant",
    "convert",
    "diagonal",
    "elementwise",
    "matrix_product",
    "reduction",
    "reshape",
    "select",
    "strided",
    "transpose",
    "uniform_value",
    "view_by",
    "with_layout_of",
    "with_operands",
    "zeros",
]

SMALL = 4096  # elements: larger constants are not folded, so that no plan holds them
NUMBER = (bool, int, float, complex)


def constant(array: Any, line: str = "") -> Node:
    """A constant."""
    try:
        array = np.asarray(array)
    except ValueError:  # lists of nodes, nested to different depths
        raise NotLowered("a constant is an array, but got nested lists") from None
    if array.dtype.kind == "O":
        raise NotLowered(f"a constant is of numbers, but got {array!r}")  # (a list of nodes)
    return Node("constant", (), {"array": array}, array.shape, array.dtype, line=line)


def split(parts: tuple[Any, ...], line: str) -> tuple[tuple[Node, ...], tuple[Any, ...]]:
    """Separate operands from Python numbers."""
    operands, numbers = [], []
    for part in parts:
        if type(part) in NUMBER:
            numbers.append(part)
        else:
            operands.append(part if isinstance(part, Node) else constant(part, line))
            numbers.append(None)
    return tuple(operands), tuple(numbers)


def elementwise(ufunc: np.ufunc, *parts: Any, dtype: Any = None, line: str = "") -> Node:
    """A ufunc of nodes, arrays and Python numbers; `dtype` is that of the result."""
    operands, numbers = split(parts, line)
    remaining = iter(operands)
    kinds: list[Any] = []
    for part, number in zip(parts, numbers, strict=True):
        if number is not None:
            kinds.append(np.dtype(bool) if type(part) is bool else type(part))
        else:
            node = next(remaining)
            kinds.append((float if node.dtype.kind == "f" else int) if node.weak else node.dtype)
    if all(kind is int for kind in kinds):  # (which NumPy compares as objects)
        kinds = [np.dtype(np.int64)] * len(kinds)
    loop = loop_of(ufunc, tuple(kinds), None if dtype is None else np.dtype(dtype))
    if loop is None:  # (NumPy has conversions that an elementwise node has not)
        raise NotLowered(f"{ufunc.__name__} has no loop of the dtypes {kinds}")
    for number, kind in zip(numbers, loop, strict=False):
        if type(number) is int and kind.kind in "iu" and not np.iinfo(kind).min <= number <= np.iinfo(kind).max:
            raise NotLowered(f"{kind} does not hold {number}")  # (NumPy compares with it all the same)
    shape = broadcast_shape(tuple([x.shape for x in operands]))
    settings = {"ufunc": ufunc, "numbers": numbers, "dtypes": loop}
    return Node("elementwise", operands, settings, shape, loop[-1], line=line)


@functools.lru_cache(4096)
def loop_of(ufunc: np.ufunc, kinds: tuple[Any, ...], dtype: Any) -> tuple[Any, ...] | None:
    """The dtypes that a ufunc computes with; None if it has no loop for them."""
    chosen: dict[str, Any] = {} if dtype is None else {"signature": (*(None,) * ufunc.nin, dtype)}
    try:
        return tuple(ufunc.resolve_dtypes((*kinds, None), **chosen))
    except TypeError:
        return None


@functools.lru_cache(4096)
def broadcast_shape(shapes: tuple[tuple[int, ...] | None, ...]) -> tuple[int, ...]:
    """The shape to which shapes broadcast."""
    return np.broadcast_shapes(*(shape or () for shape in shapes))


def select(condition: Any, a: Any, b: Any, line: str = "") -> Node:
    """np.where of three."""
    operands, numbers = split((condition, a, b), line)
    kinds = [weak_type(x) for x in (a, b)]
    dtype = np.result_type(*kinds)
    shape = broadcast_shape(tuple([x.shape for x in operands]))
    operands = tuple(convert(x, dtype=dtype, line=line) if x.weak else x for x in operands)
    return Node("select", operands, {"numbers": numbers}, shape, dtype, line=line)


def weak_type(value: Any) -> Any:
    """The argument of np.result_type for a value."""
    if type(value) in NUMBER:
        return value
    if isinstance(value, Node):
        return (0.0 if value.dtype.kind == "f" else 0) if value.weak else value.dtype
    return np.asarray(value).dtype


def reduction(
    ufunc: np.ufunc, x: Node, axes: Any = None, keepdims: bool = False, dtype: Any = None, line: str = ""
) -> Node:
    """A reduction by a ufunc."""
    shape = x.shape or ()
    axes = normalized(axes, len(shape))
    if dtype is None:
        dtype = x.dtype
        if ufunc in (np.add, np.multiply) and dtype.kind in "biu":  # NumPy sums small integers in int64 or uint64
            dtype = np.result_type(dtype, np.uint if dtype.kind == "u" else np.int_)
        elif ufunc in (np.logical_and, np.logical_or):
            dtype = np.dtype(bool)
    settings = {"ufunc": ufunc, "axes": axes, "keepdims": keepdims}
    return Node("reduce", (x,), settings, reduced(shape, axes, keepdims), dtype, line=line)


def normalized(axes: Any, ndim: int) -> tuple[int, ...]:
    """Normalize axes to a sorted tuple of non-negative integers."""
    if axes is None:
        return tuple(range(ndim))
    axes = axes if isinstance(axes, (tuple, list)) else (axes,)
    return tuple(sorted(int(a) % ndim for a in axes)) if ndim else ()


def convert(x: Node, shape: tuple[int, ...] | None = None, dtype: Any = None, line: str = "") -> Node:
    """A copy, broadcast to a shape and converted to a dtype."""
    return Node(
        "convert", (x,), {}, x.shape if shape is None else shape, x.dtype if dtype is None else dtype, line=line
    )


def root_of(x: Node) -> tuple[Node, int, tuple[int, ...]]:
    """The root whose memory a node is a view of, the offset, and the strides."""
    if x.op == "view":
        return x.operands[0], x.settings["offset"], x.settings["strides"]
    return x, 0, x.strides or ()


def with_layout_of(x: Node, old: Node, line: str = "") -> Node:
    """`x` in the memory layout of `old`, which it replaces: a copy where the layouts differ."""
    return x if root_of(x)[2] == root_of(old)[2] else convert(x, line=line)


def strided(x: Node, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0, line: str = "") -> Node:
    """A view of `x`; offset and strides count elements of its memory."""
    root, start, own = root_of(x)
    if x is root and offset == 0 and shape == x.shape and strides == own:
        return x
    if x.op == "view" and (offset, shape, strides) == (0, x.shape, own):
        return x
    settings = {"offset": start + offset, "strides": tuple(strides)}
    if start + offset == 0 and shape == root.shape and tuple(strides) == root.strides:
        return root
    return Node("view", (root,), settings, tuple(shape), x.dtype, line=line)


def view_by(a: Node, view_function: Callable[[Any], Any], line: str = "") -> Node | None:
    """The view that the NumPy function `view_function` makes of `a`; None where it copies."""
    base = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), a.shape, root_of(a)[2])
    view = view_function(base)
    if not isinstance(view, np.ndarray):
        return None
    offset = view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return strided(a, view.shape, view.strides, offset, line)


def with_operands(node: Node, operands: tuple[Node, ...]) -> Node:
    """The same node with other operands, which may have other memory layouts."""
    if operands == node.operands:
        return node
    if node.op == "view":
        root = with_layout_of(operands[0], node.operands[0], node.line)
        return strided(root, node.shape or (), node.settings["strides"], node.settings["offset"], node.line)
    if node.op == "update":
        root = with_layout_of(operands[0], node.operands[0], node.line)
        if root.op == "view":  # (the root of an update must own its memory)
            root = convert(root, line=node.line)
        operands = (root, *operands[1:])
    return node.copy(operands)


def transpose(x: Node, axes: tuple[int, ...], line: str = "") -> Node:
    """Permute the axes."""
    _, _, strides = root_of(x)
    shape = x.shape or ()
    return strided(x, tuple(shape[a] for a in axes), tuple(strides[a] for a in axes), line=line)


def reshape(x: Node, shape: tuple[int, ...], line: str = "") -> Node:
    """Reshape in C order; a copy where no strides express it."""
    old = x.shape or ()
    if old == shape:
        return x
    _, _, strides = root_of(x)
    if 0 not in old:
        like = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), old, strides)
        view = like.view()
        try:
            view.shape = shape
        except AttributeError:
            pass
        else:
            return strided(x, shape, view.strides, line=line)
    return strided(convert(x, line=line), shape, c_strides(shape), line=line)


def diagonal(x: Node, offset: int = 0, axis1: int = 0, axis2: int = 1, line: str = "") -> Node:
    """np.diagonal, as a view."""
    shape, (_, _, strides) = x.shape or (), root_of(x)
    axis1, axis2 = axis1 % x.ndim, axis2 % x.ndim
    others = [i for i in range(x.ndim) if i not in (axis1, axis2)]
    length = max(min(shape[axis1] + min(offset, 0), shape[axis2] - max(offset, 0)), 0)
    start = strides[axis2] * offset if offset >= 0 else -strides[axis1] * offset
    along = (*(strides[i] for i in others), strides[axis1] + strides[axis2])
    return strided(x, (*(shape[i] for i in others), length), along, start if length else 0, line)


def broadcast(x: Node, shape: tuple[int, ...], line: str = "") -> Node:
    """Broadcast to a shape, as a view."""
    old = x.shape or ()
    if old == shape:
        return x
    _, _, strides = root_of(x)
    extra = len(shape) - len(old)
    found = (0,) * extra + tuple(
        0 if n == 1 and m != 1 else s for n, m, s in zip(old, shape[extra:], strides, strict=True)
    )
    return strided(x, shape, found, line=line)


def zeros(shape: tuple[int, ...], dtype: Any, value: Any = 0, line: str = "") -> Node:
    """A constant filled with one value, which is stored once."""
    return constant(np.broadcast_to(np.asarray(value, dtype), shape), line)


def matrix_product(a: Node, b: Node, line: str = "") -> Node | None:
    """np.matmul; None where the shapes do not match or an operand is a Python number."""
    if a.weak or b.weak:
        return None
    shape = product_shape(a.shape or (), b.shape or ())
    if shape is None:
        return None
    return Node("matmul", (a, b), {}, shape, np.result_type(a.dtype, b.dtype), line=line)


def uniform_value(node: Node) -> Any:
    """The value that a constant is filled with, or None."""
    if node.op != "constant":
        return None
    array = node.settings["array"]
    if array.size == 0:
        return None
    if array.size == 1 or not any(array.strides):
        return array[(0,) * array.ndim]
    if array.size > SMALL:
        return None
    first = array[(0,) * array.ndim]
    if first == first and first != 0 and np.all(array == first):
        return first
    return first if array.tobytes() == np.full_like(array, first).tobytes() else None
