"""``x.flat``: the elements of a Variable in C order, read and written by one index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.arrays.lists import stacked
from wengert.arrays.table import plain
from wengert.core.variable import Variable
from wengert.writes.assignments import assign
from wengert.writes.written import present

__all__ = ["Flat"]


class Flat:
    """What an ndarray has as `flat`; elements that are read are copies, as there."""

    __slots__ = ("base",)

    def __init__(self, base: Any) -> None:
        self.base = base

    def __len__(self) -> int:
        return self.base.size  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Any:
        elements = np.reshape(self.base, -1)[index]
        return np.copy(elements) if elements.ndim else elements

    def __setitem__(self, index: Any, value: Any) -> None:
        numbers = np.arange(self.base.size)[plain(present(index))]
        values = stacked(present(value))
        if np.size(values) != 1:  # (they are repeated as often as it takes)
            values = np.ravel(values)[np.arange(numbers.size) % np.size(values)].reshape(numbers.shape)
        elif np.ndim(values):
            values = np.reshape(values, ())
        if numbers.size:
            assign(self.base, np.unravel_index(numbers, self.base.shape) if self.base.ndim else ..., values)


def set_flat(x: Any, value: Any) -> None:
    Flat(x)[:] = value


Variable.flat = property(Flat, set_flat, doc="The elements in C order: ``x.flat[i]``, ``x.flat[i] = v``.")  # type: ignore[attr-defined]
