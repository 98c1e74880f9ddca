"""Checks of batches and loaders, and inputs for prediction."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.arrays.values import is_foreign
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Variable
from wengert.datasets.data_loader import DataLoader
from wengert.datasets.dataset import ArrayDataset, Dataset

__all__ = ["arrays_of", "as_loader", "check_batches", "check_pair", "has_examples", "inputs_of", "joined", "size_of"]


def size_of(batch: Any) -> int:
    """Return the number of examples of a batch: the length of its first array."""
    first = _first(batch)
    return 1 if first is None else first


def _first(batch: Any) -> int | None:
    shape = getattr(batch, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    if isinstance(batch, dict):
        batch = batch.values()
    elif not isinstance(batch, (tuple, list)):
        return None
    return next((size for each in batch if (size := _first(each)) is not None), None)


def check_pair(batch: Any) -> None:
    """Raise TypeError unless a batch is (x, ..., t)."""
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        what = f"a {type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list)) else describe(batch)
        raise TypeError(
            f"a batch must be a tuple (x, t), inputs and then the target, but got {what}; make a "
            "DataLoader(ArrayDataset(x, t)), or write compute(self, batch) in a subclass of Trainer"
        )


def has_examples(value: Any) -> bool:
    """Whether a value is an array whose rows are examples: of NumPy, or what NumPy converts (a table, a tensor)."""
    return isinstance(value, (np.ndarray, Variable)) or is_foreign(value)


def as_loader(data: Any, batch_size: int, shuffle: bool, whose: str) -> Any:
    """Make a DataLoader of a tuple of arrays or of a data set; return batches as they are."""
    batch_size = options.integer(batch_size, "batch_size", whose, 1)
    shuffle = options.flag(shuffle, "shuffle", whose)
    if isinstance(data, tuple) and len(data) > 1 and all(map(has_examples, data)):
        data = ArrayDataset(*data)
    return DataLoader(data, batch_size, shuffle=shuffle) if isinstance(data, Dataset) else data


def check_batches(loader: Any, whose: str) -> None:
    """Raise TypeError unless `loader` can be iterated over repeatedly, once for each epoch."""
    if hasattr(loader, "__next__"):
        raise TypeError(
            f"{whose} is read once for each epoch, but got {describe(loader)}, which can be read only once; "
            "pass a DataLoader or a list"
        )
    if isinstance(loader, (str, dict)) or has_examples(loader) or not hasattr(loader, "__iter__"):
        raise TypeError(
            f"{whose} must be batches, as from a DataLoader, or arrays of inputs and targets, but got "
            f"{describe(loader)}; write (x, t), or make one: DataLoader(ArrayDataset(x, t), batch_size=32)"
        )


def inputs_of(data: Any, batch_size: int, targets: bool) -> Iterator[tuple[Any, ...]]:
    """Yield the inputs of a model: slices of an array, or the parts of batches before the target."""
    if isinstance(data, Variable):
        data = data.data
    data = np.asarray(data) if is_foreign(data) else data
    if isinstance(data, np.ndarray):
        if not data.ndim:
            raise ValueError(f"predict takes an array whose first axis counts the examples, but got {describe(data)}")
        for start in range(0, max(len(data), 1), batch_size):
            yield (data[start : start + batch_size],)
        return
    check_batches(data, "what predict reads")
    for batch in data:
        if isinstance(batch, (tuple, list)):
            if isinstance(batch, list) and any(isinstance(each, (list, int, float)) for each in batch):
                raise TypeError(
                    f"predict reads an array, or batches, as from a DataLoader, but got a {type(data).__name__} "
                    f"of lists; make it an array: predict(np.array(x, np.float32))"
                )
            yield tuple(batch[:-1]) if targets and len(batch) > 1 else tuple(batch)
        else:
            yield (batch,)


def arrays_of(y: Any) -> Any:
    """Return the output of a model, without its graph."""
    if isinstance(y, Variable):
        return y.data
    if isinstance(y, (tuple, list)):
        return tuple(arrays_of(each) for each in y)
    if isinstance(y, dict):
        return {name: arrays_of(each) for name, each in y.items()}
    return y


def joined(pieces: list[Any]) -> Any:
    """Concatenate the outputs of a model for several batches: arrays, or tuples or dicts of them."""
    first = pieces[0]
    if isinstance(first, tuple):
        return tuple(joined(list(part)) for part in zip(*pieces, strict=True))
    if isinstance(first, dict):
        return {name: joined([piece[name] for piece in pieces]) for name in first}
    if not np.ndim(first):
        raise ValueError(
            "to predict, a model must return arrays whose first axis counts the examples, but returned "
            f"{describe(first)}"
        )
    return np.concatenate(pieces)
