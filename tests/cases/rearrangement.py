"""Cases for wengert.functions.rearrangement."""

import numpy as np

from tests.cases import Case, available, complex_array, normal

CASES = [
    Case(np.flip, np.flip, (normal(2, 3),)),
    Case(np.flip, lambda x: np.flip(x, (0, -1)), (normal(2, 3, 2),)),
    Case(np.flip, lambda x: np.flip(x, 1), (complex_array(2, 0),)),
    Case(np.flip, np.flip, (normal(),)),
    Case(np.fliplr, np.fliplr, (normal(2, 3),)),
    Case(np.flipud, np.flipud, (normal(2, 3),)),
    *(Case(np.rot90, lambda x, k=k: np.rot90(x, k), (normal(2, 3),)) for k in (-1, 0, 1, 2, 3, 6)),
    Case(np.rot90, lambda x: np.rot90(x, axes=(-1, 0)), (complex_array(2, 3, 2),)),
    Case(np.roll, lambda x: np.roll(x, 2), (normal(2, 3),)),
    Case(np.roll, lambda x: np.roll(x, -1, axis=-1), (normal(2, 3),)),
    Case(np.roll, lambda x: np.roll(x, (1, 2), axis=(0, 1)), (normal(2, 3),)),
    Case(np.roll, lambda x: np.roll(x, np.array([1, 2]), axis=(1, 1)), (normal(2, 4),)),
    Case(np.roll, lambda x: np.roll(x, 1, axis=(0, 1)), (normal(2, 4),)),
    Case(np.roll, lambda x: np.roll(x, 3), (normal(0),)),
    Case(np.tile, lambda x: np.tile(x, 2), (normal(3),)),
    Case(np.tile, lambda x: np.tile(x, (2, 3)), (normal(2),)),
    Case(np.tile, lambda x: np.tile(x, 2), (normal(2, 3),)),
    Case(np.tile, lambda x: np.tile(x, (2, 1, 3)), (complex_array(2, 2),)),
    Case(np.tile, lambda x: np.tile(x, np.array([2, 2])), (normal(),)),
    Case(np.tile, lambda x: np.tile(x, (0, 2)), (normal(2),)),
    Case(np.tile, lambda x: np.tile(x, ()), (normal(2),)),
    Case(np.repeat, lambda x: np.repeat(x, 3), (normal(2, 2),)),
    Case(np.repeat, lambda x: np.repeat(x, 2, axis=-1), (normal(2, 3),)),
    Case(np.repeat, lambda x: np.repeat(x, [2], axis=0), (normal(2, 3),)),
    Case(np.repeat, lambda x: np.repeat(x, [0, 2, 1], axis=1), (normal(2, 3),)),
    Case(np.repeat, lambda x: np.repeat(x, np.array([1, 0, 3, 2])), (complex_array(2, 2),)),
    Case(np.repeat, lambda x: np.repeat(x, 2), (normal(),)),
    Case(np.repeat, lambda x: np.repeat(x, 0, axis=0), (normal(2, 3),)),
    Case(np.resize, lambda x: np.resize(x, (3, 4)), (normal(2, 3),)),
    Case(np.resize, lambda x: np.resize(x, 4), (normal(2, 3),)),
    Case(np.resize, lambda x: np.resize(x, (2, 0)), (normal(3),)),
    Case(np.resize, lambda x: np.resize(x, (2, 2)), (normal(0),)),
    Case(np.trim_zeros, lambda x: np.trim_zeros(np.pad(x, (1, 2))), (normal(3),)),
    Case(np.trim_zeros, lambda x: np.trim_zeros(np.pad(x, (1, 2)), "F"), (normal(3),)),
    Case(np.trim_zeros, lambda x: np.trim_zeros(np.pad(x, 1), axis=-1), (normal(2, 3),)),
    Case(np.trim_zeros, lambda x: np.trim_zeros(np.pad(x, 1), "b", axis=(0, 1)), (normal(2, 3),)),
    Case(np.trim_zeros, lambda x: np.trim_zeros(0 * x, "f"), (normal(2, 3),)),
]

CASES = available(CASES)
