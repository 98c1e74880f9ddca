"""Which elements of a result depend on which elements of the inputs, by the recorded calls and never by values.

The pattern of a value is a boolean sparse matrix: a row for each of its elements, a column for each element of the
inputs. Calls that rearrange elements are made again on the numbers of these; ufuncs broadcast the rows and unite them;
reductions unite them along axes. Of any other call, each element of the result depends on all that its arguments do:
so a pattern may have more elements than needed, and never fewer. Both branches of ``np.where`` count.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import sparse

from wengert.arrays.newer_numpy import unstack
from wengert.core.elementwise import Elementwise
from wengert.core.mode import changed, current_mode
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable
from wengert.custom.marks import Identity, mark_inputs
from wengert.forward.walk import Tangents, key_of
from wengert.functions.fused import Fused
from wengert.functions.indexing import scatter
from wengert.functions.normal_distribution import normal_cdf
from wengert.functions.special import modified_bessel
from wengert.functions.strong_zero import strong_zero_multiply
from wengert.writes.calls import names_twice, view, write

__all__ = ["patterns"]

REARRANGING = {
    *(np.reshape, np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis, np.expand_dims, np.squeeze),
    *(np.broadcast_to, np.copy, np.concatenate, np.stack, unstack, np.array_split, np.diagonal, np.tril, np.triu),
    *(operator.getitem, np.take, np.take_along_axis, sliding_window_view, np.flip, np.fliplr, np.flipud, np.rot90),
    *(np.roll, np.tile, np.repeat, view),
}
SAME = {
    np.conjugate,
    np.real,
    np.imag,
    np.astype,
    np.clip,
    np.nan_to_num,
    np.sign,
    strong_zero_multiply,
    normal_cdf,
    modified_bessel,
}
PADDING = ("constant", "edge", "wrap", "reflect", "symmetric")  # modes of np.pad that repeat elements
REDUCING = {np.sum, np.mean, np.prod, np.max, np.min, np.nansum, np.nanmean, np.nanmax, np.nanmin, np.var, np.std}
FLAT = {np.round, np.around, np.fix}  # whose derivative is 0 everywhere
ACTIVATIONS = "wengert.functions.activation"


def patterns(roots: Sequence[Any], inputs: Sequence[Variable]) -> list[Any]:
    """Return the pattern of each of the roots with respect to all elements of the inputs together."""
    sizes = [x.size for x in inputs]
    width = sum(sizes)
    starts = np.cumsum([0, *sizes])
    walk = Tangents(roots, inputs)
    found: dict[Any, Any] = {}
    for key, start, size in zip(walk.marks, starts, sizes, strict=False):
        found[key] = sparse.eye_array(size, width, k=int(start), dtype=bool, format="csr")
    for f, keys, like in walk.steps:
        edges = [(edge, found.get(key)) for edge, key in zip(f._edges, keys, strict=True)]
        if all(p is None for _, p in edges):
            continue
        likes = like if type(like) is tuple else (like,)
        made = of_call(f, edges, likes)
        if type(like) is tuple:
            found.update({y: p for y, p in zip(like, made, strict=True) if y is not None and p is not None})
        elif made[0] is not None:
            found[f._number] = made[0]
    empty = [found.get(key_of(root)) for root in roots]
    return [nothing(np.size(y), width) if p is None else p for p, y in zip(empty, roots, strict=True)]


def nothing(height: int, width: int) -> Any:
    return sparse.csr_array((height, width), dtype=bool)


def of_call(f: Any, edges: list[tuple[Any, Any]], likes: Sequence[Any]) -> list[Any]:
    """Return the patterns of the results of a call; None where they depend on nothing."""
    if isinstance(f, Identity):
        return [edges[0][1]]
    if isinstance(f, Elementwise):
        if f.ufunc is np.matmul:
            return [of_product(edges, likes[0])]
        if f.ufunc.signature is None:
            active = [(e, p) for (e, p), part in zip(edges, type(f).partials, strict=True) if not is_zero(part)]
            return [united([broadcast(e, p, likes[0].shape) for e, p in active if p is not None])]
    if isinstance(f, NumPyCall):
        found = of_numpy_call(f, edges, likes)
        if found is not None:
            return found
    if isinstance(f, Fused):
        return of_definition(f, edges)
    return everything(edges, likes)


def is_zero(partial: Any) -> bool:
    """Whether a partial derivative is 0 everywhere, as that of a step."""
    return not partial.reads and type(partial.function) in (int, float) and partial.function == 0


def united(parts: list[Any]) -> Any:
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total


def broadcast(edge: Any, pattern: Any, shape: tuple[int, ...]) -> Any:
    """Repeat the rows of a pattern as the elements of its value are broadcast."""
    if edge.shape == shape:
        return pattern
    return pattern[np.broadcast_to(numbers(edge.shape), shape).ravel()]


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    """Return the numbers of the elements of an array."""
    return np.arange(math.prod(shape)).reshape(shape)


def grouped(pattern: Any, groups: Any, height: int) -> Any:
    """Unite the rows of a pattern that are of the same group."""
    which = sparse.csr_array(
        (np.ones(groups.size, bool), (groups.ravel(), np.arange(groups.size))), dtype=bool, shape=(height, groups.size)
    )
    return which @ pattern


def along(edge: Any, pattern: Any, axes: Any) -> tuple[tuple[int, ...], Any]:
    """Unite the rows of a pattern along axes; return the shape with these of length 1, and the pattern."""
    axes = {axis % edge.ndim for axis in axes} if isinstance(edge, np.ndarray) else {a % len(edge.shape) for a in axes}
    shape = tuple(1 if i in axes else n for i, n in enumerate(edge.shape))
    groups = np.broadcast_to(numbers(shape), edge.shape)
    return shape, grouped(pattern, groups, math.prod(shape))


def of_product(edges: list[tuple[Any, Any]], like: Any) -> Any:
    """Unite rows of the first matrix and columns of the second."""
    parts = []
    for place, (edge, pattern) in enumerate(edges):
        if pattern is None:
            continue
        summed = len(edge.shape) - 1 if place == 0 or len(edge.shape) == 1 else len(edge.shape) - 2
        shape, rows = along(edge, pattern, [summed])
        kept = list(shape)
        other = np.shape(edges[1 - place][0])
        if len(edge.shape) == 1:
            kept = []
        elif len(other) == 1:
            kept.pop(summed)
        places = np.broadcast_to(numbers(tuple(shape)).reshape(kept), like.shape)
        parts.append(rows[places.ravel()])
    return united(parts)


def everything(edges: list[tuple[Any, Any]], likes: Sequence[Any]) -> list[Any]:
    """Have each element of the results depend on all that the arguments depend on."""
    whole = united([grouped(p, np.zeros(p.shape[0], int), 1) for _, p in edges if p is not None])
    return [None if y is None else whole[np.zeros(math.prod(y.shape), int)] for y in likes]


def of_definition(f: Any, edges: list[tuple[Any, Any]]) -> list[Any]:
    """Find the patterns of the results of the definition of a fused function."""
    token = current_mode.set(changed(current_mode.get(), record=True))
    try:
        inputs = mark_inputs(f._edges)
        ys = f.called_again(inputs)
    finally:
        current_mode.reset(token)
    found = patterns(ys if isinstance(ys, tuple) else (ys,), inputs)
    width = next(p.shape[1] for _, p in edges if p is not None)
    stacked = sparse.vstack([nothing(e.size, width) if p is None else p for e, p in edges], format="csr")
    return [p @ stacked for p in found]


def of_numpy_call(f: Any, edges: list[tuple[Any, Any]], likes: Sequence[Any]) -> list[Any] | None:
    """Return the patterns of the results of a NumPy call; None where nothing is known of it."""
    cls, names = type(f), f._kept.names
    function = cls.function
    if function in FLAT:
        return [None for _ in likes]
    is_elementwise = function in SAME or (isinstance(function, np.ufunc) and function.signature is None)
    if is_elementwise or cls.pullbacks[next(iter(cls.pullbacks))].function.__module__ == ACTIVATIONS:
        return [
            None if y is None else united([broadcast(e, p, y.shape) for e, p in edges if p is not None]) for y in likes
        ]
    is_padding = function is np.pad and is_repeated(f._kept)
    if function in REARRANGING or is_padding:
        return rearranged(f, edges, likes, function)
    if function in (np.where, np.select, np.choose):
        return [united([broadcast(e, p, likes[0].shape) for e, p in edges if p is not None])]
    if function is write:
        return written(f, edges, likes[0])
    if function is scatter:
        return [scattered(f, edges[0], likes[0])]
    if function in REDUCING and len(edges) == 1 and names[f._kept.spots[0][0]] in ("a", "arr"):
        edge, pattern = edges[0]
        given = dict(zip(names, f._kept.values, strict=True))
        axis = given.get("axis")
        axes = range(len(edge.shape)) if axis is None or axis is np._NoValue else np.atleast_1d(axis).tolist()
        return [along(edge, pattern, axes)[1]]
    if function is np.diff:
        return of_difference(f, edges)
    return None


def is_repeated(kept: Any) -> bool:
    """Whether a call of `np.pad` repeats elements, or adds constants."""
    given = dict(zip(kept.names, kept.values, strict=True))
    return given.get("mode", "constant") in PADDING and given.get("reflect_type", "even") == "even"


def called(f: Any, of_edge: Callable[[int], Any], function: Any) -> Any:
    """Call a function with other arrays at the edges of a call."""

    def filled(places: Any) -> Any:
        if type(places) is int:
            return of_edge(places)
        return constant(places[0]) if type(places) is tuple else [filled(p) for p in places]

    def constant(value: Any) -> Any:
        return np.zeros(np.shape(value), int)

    kept = f._kept
    values = list(kept.values)
    for i, places, _ in kept.spots:
        values[i] = filled(places)
    given = dict(zip(kept.names[kept.by_place :], values[kept.by_place :], strict=True))
    given.pop("dtype", None)  # (numbers of elements are integers)
    if "constant_values" in given:
        given["constant_values"] = 0
    return function(*values[: kept.by_place], **given)


def labelled(f: Any, edges: list[tuple[Any, Any]], function: Any) -> Any:
    """Make a call on the numbers of the elements of its arguments, from 1; 0 is a constant."""
    starts = np.cumsum([1, *(math.prod(e.shape) for e, _ in edges)])
    return called(f, lambda i: numbers(edges[i][0].shape) + starts[i], function)


def stack(edges: list[tuple[Any, Any]]) -> Any:
    """Stack the patterns of all arguments, below a row of none."""
    width = next(p.shape[1] for _, p in edges if p is not None)
    parts = [nothing(math.prod(e.shape), width) if p is None else p for e, p in edges]
    return sparse.vstack([nothing(1, width), *parts], format="csr")


def rearranged(f: Any, edges: list[tuple[Any, Any]], likes: Sequence[Any], function: Any) -> list[Any]:
    found = labelled(f, edges, function)
    rows = stack(edges)
    return [
        rows[np.asarray(labels).ravel()]
        for labels in (found if len(likes) > 1 or type(found) in (list, tuple) else (found,))
    ]


def written(f: Any, edges: list[tuple[Any, Any]], like: Any) -> list[Any]:
    """Find which elements of the base stay, and which are of the values; those that are added to are both."""
    kept = f._kept
    _, _, place, index, adds = (*kept.values, False)[:5]
    by_name = {kept.names[i]: edges[places] for i, places, _ in kept.spots}
    shape = like.shape
    base, values = by_name.get("base"), by_name.get("values")
    parts = []
    if base is not None and base[1] is not None:
        labels = numbers(shape) + 1
        if not adds:
            labels = write(labels, 0, place, index)
        parts.append(stack([base])[labels.ravel()])
    if values is not None and values[1] is not None:
        given = numbers(values[0].shape) + 1
        if adds and names_twice(index):
            return everything(edges, [like])
        labels = write(np.zeros(shape, int), given, place, index)
        parts.append(stack([values])[labels.ravel()])
    return [united(parts)]


def scattered(f: Any, edge: tuple[Any, Any], like: Any) -> Any:
    index = f._kept.values[1]
    places = numbers(like.shape)[index]
    return grouped(edge[1], np.broadcast_to(places, edge[0].shape), math.prod(like.shape))


def of_difference(f: Any, edges: list[tuple[Any, Any]]) -> list[Any] | None:
    """Unite neighbours, as often as the difference is taken."""
    given = dict(zip(f._kept.names, f._kept.values, strict=True))
    if len(edges) > 1 or given.get("prepend", np._NoValue) is not np._NoValue:
        return None
    if given.get("append", np._NoValue) is not np._NoValue:
        return None
    labels, (edge, rows) = numbers(edges[0][0].shape), edges[0]
    axis = given.get("axis", -1) % len(edge.shape)
    for _ in range(given.get("n", 1)):
        first, last = np.delete(labels, -1, axis), np.delete(labels, 0, axis)
        rows = rows[first.ravel()] + rows[last.ravel()]
        labels = numbers(first.shape)
    return [rows]
