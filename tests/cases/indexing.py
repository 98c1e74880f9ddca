"""Cases for wengert.functions.indexing. tests.test_indexing tries many more indices."""

import operator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.cases import Case, available, complex_array, normal
from wengert.functions.indexing import scatter

X = normal(3, 4, 5)
MASK = np.random.default_rng(0).random((3, 4)) < 0.5
INDICES = (
    1,
    -1,
    slice(None, None, -2),
    (..., 0),
    (None, 1, slice(1, 3)),
    (0, 1, 2),
    [2, 0, 2],
    np.array([[0, -1], [1, 1]]),
    (slice(None), [1, 1, -1]),
    (..., [1, 1, -1]),
    ([0, 2], [1, 1]),
    ([0, 2, 0], slice(None), [1, 1, 1]),
    (np.array([[0], [2]]), np.array([[1, 1]])),
    (np.array([0, 0], np.uint8), slice(1, 3)),
    MASK,
    (MASK, 2),
    (MASK, slice(0, 0)),
    (MASK, [0, 1]) if MASK.sum() == 2 else (MASK, [1]),
    (slice(None), MASK[0]),
    (1, MASK[0], slice(None, None, 2)),
    (True, 1),
    np.array(True),
    np.zeros((3, 4, 5), bool),
    [True, False, True],
    [],
    (),
    ...,
    None,
    np.int64(2),
    np.array(1),
)

CASES = [
    *(Case(operator.getitem, lambda x, i=index: x[i], (X,), order=1) for index in INDICES),
    *(Case(operator.getitem, lambda x, i=index: x[i] ** 2, (complex_array(3, 4, 5),)) for index in INDICES[::5]),
    Case(operator.getitem, lambda x: x[...], (normal(),)),
    Case(operator.getitem, lambda x: x[()] * x[None], (normal(),)),
    Case(operator.getitem, lambda x: x[x > 0], (normal(2, 3),)),
    Case(operator.getitem, lambda x: x[:0], (normal(0, 3),)),
    Case(scatter, lambda x: scatter(x, np.array([0, 2, 2]), (4,)), (normal(3),)),
    Case(scatter, lambda x: scatter(x, (slice(None), [1, 1]), (2, 3)), (complex_array(2, 2),)),
    Case(scatter, lambda x: scatter(x, (slice(1, None), 0), (3, 2)), (normal(2),)),
    Case(np.take, lambda x: np.take(x, [0, -1, 0]), (normal(2, 3),)),
    Case(np.take, lambda x: np.take(x, 2, axis=-1), (normal(2, 3),)),
    Case(np.take, lambda x: np.take(x, [[0, 1], [1, 1]], axis=1), (complex_array(2, 3, 2),)),
    Case(np.take, lambda x: np.take(x, [5, -4, 1], 1, mode="wrap"), (normal(2, 3),)),
    Case(np.take, lambda x: np.take(x, [5, -4, 1], 1, None, "clip"), (normal(2, 3),)),
    Case(np.take, lambda x: np.take(x, np.array([], int), 0), (normal(2, 3),)),
    Case(np.take_along_axis, lambda x: np.take_along_axis(x, np.array([[0, 2, 0], [1, 1, -1]]), 1), (normal(2, 3),)),
    Case(np.take_along_axis, lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0), (normal(3, 2),)),
    Case(np.take_along_axis, lambda x: np.take_along_axis(x, np.array([[1, 0]])), (normal(3, 2),)),
    Case(np.take_along_axis, lambda x: np.take_along_axis(x, np.zeros((3, 2), int), -2), (complex_array(2, 1),)),
    Case(np.take_along_axis, lambda x: np.take_along_axis(x, np.array([3, 3, 0]), None), (normal(2, 3),)),
    Case(sliding_window_view, lambda x: sliding_window_view(x, 2), (normal(4),)),
    Case(sliding_window_view, lambda x: sliding_window_view(x, (2, 3)), (complex_array(3, 4),)),
    Case(sliding_window_view, lambda x: sliding_window_view(x, (2, 2), (-1, -1)), (normal(2, 4),)),
    Case(sliding_window_view, lambda x: sliding_window_view(x, 2, axis=0), (normal(3, 0),)),
    Case(np.compress, lambda x: np.compress([True, False], x, axis=0), (normal(2, 3),)),
    Case(np.compress, lambda x: np.compress([1, 0, 1, 1], x), (normal(2, 3),)),
    Case(np.compress, lambda x: x.compress([0, 1, 1], -1), (complex_array(2, 3),)),
    Case(np.extract, lambda x: np.extract(x > 0, x), (normal(2, 3),)),
    Case(np.where, lambda x, y: np.where(MASK, x, y), (normal(3, 4), normal(4))),
    Case(np.where, lambda x, y: np.where(MASK, x, y), (normal(), complex_array(3, 1))),
    Case(np.where, lambda x: np.where(x > 0, x, 0.0), (normal(2, 3),)),
    Case(np.where, lambda y: np.where([[True], [False]], 1, y), (normal(3),)),
    Case(np.where, lambda x, y: np.where(True, x, y), (normal(0), normal(1))),
    Case(np.choose, lambda x, y: np.choose([[0, 1, 0], [1, 1, 0]], [x, y]), (normal(2, 3), normal(3))),
    Case(np.choose, lambda x: np.choose([2, -1, 1], [x, x * x, 1.0], mode="wrap"), (normal(3),)),
    Case(np.choose, lambda x: np.choose([2, -1, 1], (x, x * x), mode="clip"), (complex_array(3),)),
    Case(np.choose, lambda x: np.choose(np.array([1, 0]), x), (normal(3, 2),)),
    Case(np.choose, lambda x: np.choose(1, [x, 2 * x]), (normal(),)),
    Case(np.select, lambda x, y: np.select([MASK, ~MASK[:, :1]], [x, y]), (normal(3, 4), normal(4))),
    Case(np.select, lambda x, d: np.select([x > 0.5, x > 0], [x * x, 1.0], d), (normal(2, 3), normal(3))),
    Case(np.select, lambda x, d: np.select([MASK], [x], default=d), (normal(4), complex_array())),
    Case(np.select, lambda x: np.select([MASK[:2], MASK[1:]], x), (normal(2, 2, 4),)),
]

CASES = available(CASES)
