"""Data sets and checks that the tests of DataLoader share."""

import unittest
from typing import Any

import numpy as np

from wengert.datasets import Dataset


class Images(Dataset):
    """Examples made one by one: large enough together that workers use shared memory."""

    def __init__(self, length: int = 50, side: int = 32) -> None:
        self.length = length
        self.side = side

    def __len__(self) -> int:
        return self.length

    def example(self, index: int) -> Any:
        image = np.arange(self.side**2, dtype=np.float32).reshape(1, self.side, self.side)
        return image / self.side**2 + index, index % 10


class Failing(Images):
    def example(self, index: int) -> Any:
        if index == 20:
            raise EOFError("the file of this image is cut off")  # (a pipe raises such, too)
        return super().example(index)


def add_noise(example: Any, rng: np.random.Generator) -> Any:
    x, t = example
    return x + rng.random(x.shape, np.float32), t


def batches(loader: Any) -> list[Any]:
    return list(loader)


class LoaderTest(unittest.TestCase):
    def assert_same(self, found: list[Any], wanted: list[Any]) -> None:
        self.assertEqual(len(found), len(wanted))
        for one, other in zip(found, wanted, strict=True):
            self.assertEqual(len(one), len(other))
            for a, b in zip(one, other, strict=True):
                self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape))
                np.testing.assert_array_equal(a, b)
