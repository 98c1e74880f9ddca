"""Indices that NumPy takes in an assignment, those that it refuses, and a reference for derivatives."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["AUGMENTED", "INDICES", "OVERLAPS", "REFUSED", "VIEWS", "Assignment", "value_shapes"]

T, F = True, False
ALL = slice(None)


class Two:
    """An integer by its `__index__` alone."""

    def __index__(self) -> int:
        return 2


def mask(text: str) -> Any:
    """Return a mask of rows, as in ``"101 010"``."""
    rows = [[c == "1" for c in row] for row in text.split()]
    return np.array(rows[0] if len(rows) == 1 else rows)


I = np.array  # noqa: E741
# A shape, and what an array of it is indexed by.
INDICES: list[tuple[tuple[int, ...], Any]] = [
    # integers
    *(((4,), i) for i in (0, 3, -1, -4, np.int64(1), np.uint8(2), np.int8(-2), Two())),
    *(((2, 3), i) for i in (1, -2, (1, 2), (0, -1), (np.int32(1), Two()))),
    # slices, with steps, backward, beyond the ends, empty
    *(((5,), slice(*s)) for s in ((None,), (1, 4), (1, None, 2), (None, None, -1), (3, 0, -2), (-2, None), (2, 99))),
    *(((5,), slice(*s)) for s in ((-99, 2), (3, 3), (4, 1), (9, 12), (None, None, -3), (Two(), None), (0, None, 7))),
    *(((3, 4), s) for s in (np.s_[1:], np.s_[:, 1], np.s_[:, ::-2], np.s_[1:, :-1], np.s_[::-1, ::-1], np.s_[2, 1:3])),
    *(((3, 4), s) for s in (np.s_[1:1, :], np.s_[:, 4:], np.s_[0, 0:1], np.s_[-1:, -1])),
    # Ellipsis, new axes, the empty tuple
    *(((2, 3), s) for s in (..., (), (..., 1), (1, ...), (0, 1, ...), (..., slice(1, None)), (..., None), (None, ...))),
    *(((2, 3), s) for s in (None, (None, 1), (1, None, ALL), (ALL, None, None, 2), (None, 1, None, 2))),
    *(((2, 1, 3), s) for s in ((0, ..., 1), (..., 0, ALL), (ALL, 0), (1, 0, 2, ...))),
    # arrays of shape ()
    *(((), s) for s in ((), ..., None, (..., None), T, F, np.True_, (None, T), I(True), I(False))),
    # one boolean
    *(((3,), s) for s in (T, F, np.True_, np.False_, I(True), (T, 1), (F, slice(1, None)), (..., T), (None, T))),
    *(((2, 3), s) for s in ((T, ALL, 1), (1, T), (ALL, T, [0, 2]), (T, T, 0))),
    # masks
    *(((4,), s) for s in (mask("1010"), mask("0000"), mask("1111"), [T, F, F, T], (mask("0110"),), mask("0001")[::-1])),
    *(((2, 3), s) for s in (mask("101 010"), mask("000 000"), [[T, F, T], [F, F, T]], mask("01"), mask("10").tolist())),
    *(((2, 3), s) for s in ((ALL, mask("101")), (1, mask("011")), (mask("11"), 0), (mask("01"), slice(1, None)))),
    *(((2, 3), s) for s in ((mask("11"), [2, 0]), (None, mask("101 010")), (mask("101 010"), ...), (mask("01"), None))),
    *(((2, 3), s) for s in (mask("10 01 10").T, (mask("11"), mask("110")), ([1, 0], mask("011")))),
    *(((2, 2, 3), s) for s in (mask("10 11"), (ALL, mask("101 001")), (mask("10"), ..., 1), (..., mask("011")))),
    *(((2, 2, 3), s) for s in ((1, mask("101 001")), (mask("10 11"), 2), (mask("10 01"), [0, 2]))),
    # arrays of integers: lists, duplicates, negative, of many types, of shape (), empty
    *(((4,), s) for s in ([2, 0], [1, 1], [0, 3, 0, -1], [-1, 3, -4], I([[0, 1], [2, 2]]), I(1), [], [[]], (I([1]),))),
    *(((4,), I([3, 0, 3], dtype)) for dtype in ("i1", "u1", "i4", "u8", ">i2")),
    *(((4,), s) for s in (I([], int), np.zeros((0, 3), int), I([0, 1, 2, 3])[::-2], ([1, 2],), np.arange(8)[:4:3])),
    *(((3, 4), s) for s in ([1], [0, 0], [2, 0, 2], I([[0], [2]]), ([0, 1], [3, 3]), ([0, 0, 0], [1, 1, 2]))),
    *(((3, 4), s) for s in ((I([[0], [2]]), I([1, 3])), (I([[0], [0]]), I([1, 1])), np.ix_([0, 2], [1, 3, 1]))),
    ((3, 4), (1, [1, 2])),
    *(((3, 4), s) for s in (([1, 1], 2), (ALL, [0, 2]), (ALL, [1, 1]), ([2, 0], slice(1, 3)), (..., [3]))),
    *(((3, 4), s) for s in ((None, [0, 1]), ([0, 2], None), ([0, 2], None, [1, 1]), (I(1), I(2)))),
    ((3, 4), ([0, 1], ..., [2, 2])),
    *(((3, 4), s) for s in ((I(1), ALL), (slice(1, 1), [0, 0]), ([], ALL), ([], []), (ALL, []))),
    # arrays of integers apart from each other, whose axes come first
    *(((2, 3, 4), s) for s in (([0, 1], ALL, [1, 3]), (0, ALL, [1, 1]), ([1], ALL, 2))),
    *(((2, 3, 4), s) for s in ((ALL, [0, 2], [1, 1]), (ALL, 1, [0, 3]), ([0, 1], [2, 2]), (1, ..., [2, 2]))),
    *(((2, 3, 4), s) for s in ((ALL, [2, 0], slice(None, None, -2)), ([[0], [1]], slice(1, None), [0, 3, 3]))),
    *(((2, 3, 4), s) for s in ((ALL, None, [1, 1], 0), ([1, 0], None, ALL, 1), (I(0), ALL, I(1)))),
    # arrays with no element
    *(((0, 3), s) for s in (..., ALL, (ALL, 1), [], mask("101")[:0], (ALL, [0, 0]), None)),
    *(((2, 0), s) for s in (1, (ALL, slice(1)), [0, 1, 1], mask("10"), (..., None), np.zeros((2, 0), bool))),
]  # fmt: skip

# What is refused, with the shape of the value, and the error.
REFUSED: list[tuple[tuple[int, ...], Any, tuple[int, ...], type[Exception]]] = [
    # out of bounds
    *(((4,), i, (), IndexError) for i in (4, -5, [0, 4], [-5], (I(7),), 2**40, [1, 1, 9])),
    *(((2, 3), i, (), IndexError) for i in (2, (0, 3), (ALL, 3), (0, [0, 3]), ([0, 2], 1), (2, slice(0)))),
    *(((0, 3), i, (), IndexError) for i in (0, [0], (ALL, 3))),
    # too many indices
    *(((4,), i, (), IndexError) for i in ((0, 0), (0, ALL), (..., 0, 0), ([0], []), mask("10 01"))),
    ((4,), (mask("1010"), 0), (), IndexError),
    *(((), i, (), IndexError) for i in (0, ALL, [0], (..., 0), mask("1"))),
    # what is no index
    *(((4,), i, (), IndexError) for i in (1.0, "x", (..., ...), [0.0], I([]), [0, slice(1)], {0}, 1j, [None])),
    ((4,), slice(2.5, None), (), TypeError),
    ((4,), slice(None, None, 0), (), ValueError),
    # masks of other shapes
    *(((4,), i, (), IndexError) for i in (mask("101"), mask("10101"), [T, F])),
    *(((2, 3), i, (), IndexError) for i in (mask("10 01"), mask("101"), (ALL, mask("10")))),
    ((2, 3), mask("101 010")[..., None], (), IndexError),
    # arrays that do not go together
    *(((3, 4), i, (), IndexError) for i in (([0, 1], [0, 1, 2]), (mask("110"), [0, 1, 2]))),
    ((3, 4), (mask("101"), mask("1110")), (), IndexError),
    # values that do not fit
    *(((4,), i, (3,), ValueError) for i in (..., ALL, slice(2), [0, 1], mask("1100"), [], slice(9, 12), 0)),
    ((4,), mask("0000"), (3,), ValueError),
    *(((4,), i, s, ValueError) for i, s in ((0, (1,)), (ALL, (2, 4)), (ALL, (4, 1)), ([0, 1], (0,)))),
    *(((2, 3), i, s, ValueError) for i, s in ((1, (2,)), (..., (3, 2)), ([0, 1], (2, 2)), (mask("101 010"), (2,)))),
    *(((2, 3), i, s, ValueError) for i, s in (((0, 1), (1,)), (None, (2, 2, 3)), ((ALL, 1), (2, 1)))),
    *(((2, 3), i, (1, 3), TypeError) for i in (mask("101 010"), mask("101 010").tolist())),
    *(((), i, s, ValueError) for i, s in (((), (2,)), (..., (1, 2)), (T, (2,)))),
]  # fmt: skip

# A shape, and a source and a target in the same array.
OVERLAPS: list[tuple[tuple[int, ...], Any, Any]] = [
    *(((6,), *p) for p in ((np.s_[:-1], np.s_[1:]), (np.s_[1:], np.s_[:-1]), (np.s_[::-1], np.s_[...]))),
    *(((6,), *p) for p in ((np.s_[...], np.s_[::-1]), (np.s_[:3], np.s_[3:]), (np.s_[::2], np.s_[1::2]))),
    *(((6,), *p) for p in ((np.s_[:4], np.s_[2:]), (np.s_[4:1:-1], np.s_[:3]), (np.s_[2:3], np.s_[...]))),
    *(((6,), *p) for p in (([3, 0, 1], [0, 1, 3]), ([1, 2], [2, 2]), (0, 5), (2, np.s_[1:]), ([5, 5], np.s_[2:4]))),
    *(((6,), *p) for p in ((np.s_[:3], [3, 3, 0]), (mask("110100"), np.s_[3:]))),
    *(((3, 3), *p) for p in ((np.s_[:-1], np.s_[1:]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[0], np.s_[:, 0]))),
    *(((3, 3), *p) for p in ((np.s_[1], np.s_[...]), (np.s_[::-1, ::-1], np.s_[...]), (np.s_[:, :1], np.s_[...]))),
    *(((3, 3), *p) for p in ((np.s_[:2, 1:], np.s_[1:, :2]), ([2, 0], [0, 2]), (([0, 1], [1, 2]), ([1, 2], [1, 2])))),
]  # fmt: skip

# Views, in which an assignment is made, as functions of an array of shape (4, 3).
VIEWS: dict[str, Callable[[Any], Any]] = {
    "itself": lambda x: x,
    "transposed": lambda x: x.T,
    "np.transpose": np.transpose,
    "reversed": lambda x: x[::-1, ::-2],
    "flat": lambda x: x.reshape(-1),
    "ravel": lambda x: x.ravel(),
    "np.ravel": np.ravel,
    "a copy by reshape": lambda x: x.T.reshape(-1),
    "a copy by ravel": lambda x: np.ravel(x.T),
    "a copy": lambda x: x.copy(),
    "a copy by integers": lambda x: x[[0, 2]],
    "a row": lambda x: x[1],
    "a column": lambda x: x[:, -1],
    "new axes": lambda x: x[None, :, None],
    "np.expand_dims": lambda x: np.expand_dims(x, 1),
    "squeezed": lambda x: np.squeeze(x[:, 1:2]),
    "swapped": lambda x: np.swapaxes(x, 0, 1)[1:],
    "np.moveaxis": lambda x: np.moveaxis(x[None], 0, 2),
    "blocks": lambda x: x.reshape(2, 2, 3)[:, 1],
    "a part of a part": lambda x: x[1:][::2][..., 1:],
    "split": lambda x: np.split(x, 2)[1],
    "flipped": np.flip,
    "np.rot90": np.rot90,
    "an element of shape ()": lambda x: x[1, 1, ...],
    "np.atleast_3d": np.atleast_3d,
    "broadcast to itself": lambda x: np.broadcast_arrays(x, 1.0)[0].copy(),
}

AUGMENTED: dict[str, Callable[[Any, Any], Any]] = {"+=": operator.iadd, "-=": operator.isub, "*=": operator.imul}


def value_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return shapes that values can have for a selection of a shape."""
    some = [shape, (), (1,) * len(shape), shape[1:], (shape[0], *(1,) * (len(shape) - 1)) if shape else ()]
    return list(dict.fromkeys(some))


class Assignment:
    """What an assignment of values to positions of an array gives, and its derivatives: one position after the other.

    `targets` are the positions in the flat array, and `values` those in the flat values, in the order of writing.
    `kind` is ``=``, or an augmented assignment, which reads all old elements before it writes the first.
    """

    def __init__(self, targets: Any, values: Any, kind: str = "=") -> None:
        self.pairs, self.kind = list(zip(targets, values, strict=True)), kind

    def result(self, a: Any, v: Any) -> Any:
        out = a.copy()
        for p, q in self.pairs:
            out[p] = v[q] if self.kind == "=" else AUGMENTED[self.kind](a[p], v[q])
        return out

    def tangent(self, a: Any, v: Any, da: Any, dv: Any) -> Any:
        """Return the derivative of the result in a direction."""
        out = da.copy()
        for p, q in self.pairs:
            at, to = self.partial(a[p], v[q])
            out[p] = at * da[p] + to * dv[q]
        return out

    def pulled(self, a: Any, v: Any, g: Any) -> tuple[Any, Any]:
        """Return the gradients with respect to array and values, from that with respect to the result."""
        ga, gv = g.copy(), np.zeros_like(v)
        for p, q in dict(self.pairs).items():  # the last write to each position
            at, to = self.partial(a[p], v[q])
            ga[p] = at * g[p]
            gv[q] += to * g[p]
        return ga, gv

    def partial(self, old: float, value: float) -> tuple[float, float]:
        return {"=": (0.0, 1.0), "+=": (1.0, 1.0), "-=": (1.0, -1.0), "*=": (value, old)}[self.kind]
