"""The examples of each batch of each epoch, as a function of the seed alone."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from wengert.datasets._collate import collate as stacked
from wengert.datasets.dataset import ENDS, batch_of, examples_of, no_end

__all__ = ["BatchMaker", "bounds", "takes_generator"]

# Numbers of the independent random streams of one seed.
ORDERS, EXAMPLES, WORKERS = range(3)


class BatchMaker:
    """Makes any batch of any epoch, in any process: the part of a `DataLoader` that its threads and workers get.

    A batch depends on the seed, the epoch and the indices of its examples, not on earlier batches or on the process.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool,
        seed: int,
        drop_last: bool,
        collate: Callable[[Any], Any] | None,
        transform: Callable[..., Any] | None,
    ) -> None:
        self.dataset = dataset
        self.length = len(dataset)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.part: tuple[int, int] | None = None  # of each batch only this part, of so many
        self.collate = collate
        self.transform = transform
        self.random = transform is not None and takes_generator(transform)

    def __len__(self) -> int:
        whole, rest = divmod(self.length, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def order(self, epoch: int) -> Any:
        """Return the indices of all examples in the order of an epoch."""
        if not self.shuffle:
            return np.arange(self.length)
        return np.random.default_rng(self.sequence(ORDERS, epoch)).permutation(self.length)

    def sequence(self, *stream: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=stream)

    def make(self, number: int, epoch: int, order: Any) -> Any:
        """Make batch `number` of an epoch whose order is `order`."""
        indices = order[number * self.batch_size : (number + 1) * self.batch_size]
        if self.part is not None:
            first, end, _ = bounds(len(indices), *self.part)
            indices = indices[first:end]
        try:
            return self._made(indices, epoch)
        except ENDS as error:  # raised by collate or by a whole batch; those of an example are converted already
            shown = ", ".join(str(index) for index in indices[:8]) + (", ..." if len(indices) > 8 else "")
            raise no_end(error, f"batch {number}, of the examples {shown},") from error

    def _made(self, indices: Any, epoch: int) -> Any:
        if self.transform is None and self.collate is None:
            return batch_of(self.dataset, indices)
        examples = examples_of(self.dataset, indices, self._transformed(epoch))
        return stacked(examples, indices) if self.collate is None else self.collate(examples)

    def _transformed(self, epoch: int) -> Callable[[Any, int], Any] | None:
        """Return the transform of an epoch, as a function of an example and its index."""
        transform = self.transform
        if transform is None:
            return None
        if not self.random:
            return lambda example, index: transform(example)
        # One Philox generator for each example: the seed is its key, and epoch and index are the high words of its
        # counter, so streams never overlap.
        key = Key(self.sequence(EXAMPLES).generate_state(2, np.uint64))
        bits: Any = np.random.Philox
        make = np.random.Generator
        return lambda example, index: transform(example, make(bits(key, counter=[0, 0, index, epoch])))


def bounds(size: int, number: int, parts: int) -> tuple[int, int, int]:
    """Return the first example and the end of a part of a batch, and its weight, the number of its examples.

    A part without examples gets the first, with the weight 0.

    Examples
    --------
    >>> [bounds(5, number, 2) for number in range(2)]
    [(0, 2, 2), (2, 5, 3)]
    >>> [bounds(1, number, 2) for number in range(2)]
    [(0, 1, 0), (0, 1, 1)]
    """
    first, end = number * size // parts, (number + 1) * size // parts
    return (first, end, end - first) if end > first else (0, min(1, size), 0)


class Key(ISeedSequence):
    """A fixed key: five times as fast as ``Philox(key=...)``, which first asks the system for entropy."""

    def __init__(self, words: Any) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        return self.words


def takes_generator(transform: Callable[..., Any]) -> bool:
    """Whether a transform takes ``(example, rng)``: its second parameter is named `rng`, or has no default."""
    try:
        parameters = list(inspect.signature(transform).parameters.values())
    except (TypeError, ValueError):  # a function written in C without a signature
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) > 1:
        return positional[1].name == "rng" or positional[1].default is inspect.Parameter.empty
    return any(p.kind is p.VAR_POSITIONAL for p in parameters)
