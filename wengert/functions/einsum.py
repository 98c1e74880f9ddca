"""The derivative of einsum: another einsum for each operand."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.custom.registration import piecewise_constant, pullback
from wengert.functions.blas_sums import fit_for_blas
from wengert.functions.contraction import array, conjugate
from wengert.functions.indexing import scatter
from wengert.functions.prepared import prepared

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # as NumPy numbers its labels
LARGE = 100_000  # multiplications from which a search for matrix products pays off
LEAST = int(LARGE ** (2 / 3))  # elements of the largest operand of such a product


class Labels(NamedTuple):
    """The labels of a call, with ellipses and the implicit output spelled out as letters."""

    inputs: tuple[str, ...]
    output: str
    places: Sequence[int]  # the positions of the operands among the arguments


class Gradients:
    """The gradients with respect to the arguments of a call, each computed on demand."""

    def __init__(self, gradient: Callable[[int], Any]) -> None:
        self.gradient = gradient

    def __getitem__(self, place: int) -> Any:
        return self.gradient(place)


@pullback(np.einsum, "operands", linear=True)
def einsum(
    gy: Any, *operands: Any, optimize: Any = False, dtype: Any = None, order: Any = "K", casting: Any = "safe"
) -> Any:
    labels = read_labels(operands)
    arrays = [array(operands[place]) for place in labels.places]
    # A contraction path that was given is for the operands of the call, not for those of its derivative.
    search = optimize if isinstance(optimize, (bool, str)) else True

    def wrt_argument(place: int) -> Any:
        return wrt_operand(gy, arrays, labels, labels.places.index(place), search)

    return Gradients(wrt_argument)


def wrt_operand(gy: Any, arrays: list[Any], labels: Labels, k: int, optimize: Any) -> Any:
    """The gradient with respect to operand `k`: an einsum with `gy` in its place, whose output has its labels."""
    shape, own = arrays[k].shape, labels.inputs[k]
    others = labels.inputs[:k] + labels.inputs[k + 1 :]
    distinct, known, subscripts = subscripts_for(own, labels.output, others)
    factors = [conjugate(a) for i, a in enumerate(arrays) if i != k]
    if optimize is False and is_large([gy, *factors], [labels.output, *others]):
        optimize = True
    gx = np.einsum(subscripts, gy, *factors, optimize=optimize)

    # An axis that was summed over alone, or broadcast from length 1 in the others, has a constant gradient.
    lengths = dict(zip(own, shape, strict=True))
    found = {**dict.fromkeys(distinct, 1), **dict(zip(known, gx.shape, strict=True))}
    gx = gx.reshape(tuple(found[x] for x in distinct))
    wide = tuple(lengths[x] if found[x] == 1 else found[x] for x in distinct)
    if wide != gx.shape:
        gx = np.broadcast_to(gx, wide)
    if distinct == own:
        return gx  # unbroadcast sums over it

    # A repeated label takes a diagonal: its gradient goes back to the diagonal.
    narrow = tuple(i for i, x in enumerate(distinct) if lengths[x] == 1 != gx.shape[i])
    gx = np.sum(widened(gx), axis=narrow, keepdims=True) if narrow else gx
    index = tuple(np.reshape(np.arange(lengths[x]), [-1 if x == other else 1 for other in distinct]) for x in own)
    return scatter(gx, index, shape)


@functools.lru_cache(1024)
def subscripts_for(own: str, output: str, others: tuple[str, ...]) -> tuple[str, str, str]:
    """Return the labels of an operand, each once, those that its gradient depends on, and the subscripts of that."""
    distinct = "".join(dict.fromkeys(own))
    known = "".join([x for x in distinct if x in output or any(x in s for s in others)])
    return distinct, known, ",".join([output, *others]) + "->" + known


@prepared(np.einsum)
def einsum_of_large(row: Any, *operands: Any, **kwargs: Any) -> Any:
    """Use matrix products, which are several times as fast as NumPy's own loop, unless `optimize` was given."""
    if not kwargs and isinstance(operands[0], str) and operands[0].count(",") == len(operands) - 2:
        for a in operands:
            if getattr(a, "size", 0) >= LEAST:
                labels = read_labels(operands)
                if is_large([plain(operands[place]) for place in labels.places], labels.inputs):
                    return row(*operands, optimize=True)
                break
    return row(*operands, **kwargs)


def is_large(arrays: list[Any], labels: Sequence[str]) -> bool:
    """Whether BLAS pays off: two operands or more, and many multiplications."""
    if len(arrays) < 2 or max([a.size for a in arrays]) < LEAST:
        return False
    if [a.ndim for a in arrays] != [*map(len, labels)]:  # NumPy raises for it
        return False
    if not all(type(a) is np.ndarray and fit_for_blas(a) for a in arrays):
        return False
    lengths: dict[str, int] = {}
    for a, own in zip(arrays, labels, strict=True):
        for n, x in zip(a.shape, own, strict=True):
            lengths[x] = max(n, lengths.get(x, 1))
    return math.prod(lengths.values()) >= LARGE


def read_labels(operands: Sequence[Any]) -> Labels:
    """Read the subscripts of a call: a string first, or a list of labels after each operand."""
    if isinstance(operands[0], str):
        subscripts, places = operands[0], range(1, len(operands))
    else:
        places = range(0, len(operands) - 1, 2)
        subscripts = ",".join([_letters(operands[i + 1]) for i in places])
        subscripts += "->" + _letters(operands[-1]) if len(operands) % 2 else ""
    return Labels(*spelled_out(subscripts, tuple([np.ndim(operands[i]) for i in places])), places)


@functools.lru_cache(1024)
def spelled_out(subscripts: str, ndims: tuple[int, ...]) -> tuple[tuple[str, ...], str]:
    """Return the labels of the inputs and of the output."""
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    named = left.replace(",", "").replace(".", "")
    widths = [n - len(s) + 3 if "..." in s else 0 for s, n in zip(inputs, ndims, strict=True)]
    free = [x for x in LETTERS if x not in named]
    dots = "".join(free[: max(widths)])
    output = right if arrow else dots + "".join(sorted(x for x in named if named.count(x) == 1))
    found = [s.replace("...", dots[len(dots) - width :]) for s, width in zip(inputs, widths, strict=True)]
    return tuple(found), output.replace("...", dots)


def _letters(labels: Sequence[Any]) -> str:
    return "".join("..." if x is Ellipsis else LETTERS[int(x)] for x in labels)


piecewise_constant(np.einsum_path)
