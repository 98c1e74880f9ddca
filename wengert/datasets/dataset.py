"""Data sets: sequences of examples."""

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Variable
from wengert.datasets._collate import check_unmasked, collate

__all__ = [
    "ENDS",
    "ArrayDataset",
    "Concatenated",
    "Dataset",
    "Mapped",
    "Subset",
    "batch_of",
    "check_dataset",
    "examples_of",
    "labels_of",
    "no_end",
]


class Dataset:
    """A sequence of examples, each a tuple of arrays and numbers, such as an image and its label.

    A subclass defines ``__len__`` and ``example(index)``. ``dataset[i]`` is one example, counted from the end if `i` is
    negative. ``dataset[2:5]``, ``dataset[[4, 0]]`` and ``dataset[mask]`` are batches: the same tuple, of arrays with an
    additional first axis.

    A class that can make a batch faster than from its examples also defines ``batch(indices)``. (A class written for
    other libraries, with a ``__getitem__`` that takes one integer, works too.)

    Raises
    ------
    IndexError
        If an index is out of range, or a mask has another length.
    TypeError
        If the index is not an integer, slice, array of integers, or mask.

    Examples
    --------
    >>> import numpy as np
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 10
    ...     def example(self, index):
    ...         return np.array([float(index)]), index**2
    >>> Squares()[-1]
    (array([9.]), 81)
    >>> Squares()[2:5]
    (array([[2.],
           [3.],
           [4.]]), array([ 4,  9, 16]))
    """

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no length: define __len__(self)")

    def example(self, index: int) -> Any:
        """Return one example; `index` is at least 0 and less than the length."""
        raise NotImplementedError(f"{type(self).__name__} has no examples: define example(self, index)")

    def batch(self, indices: Any) -> Any:
        """Return the examples of an array of indices as one batch; each is at least 0 and less than the length."""
        return collate(examples_of(self, indices), indices)

    def __getitem__(self, index: Any) -> Any:
        chosen = check_index(index, len(self), type(self).__name__)
        return self.example(chosen) if isinstance(chosen, int) else self.batch(chosen)

    def __iter__(self) -> Iterator[Any]:
        # (With __getitem__ alone, Python would take an IndexError in `example` as the end.)
        for index in range(len(self)):
            yield example_of(self, index)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} examples)"


def check_index(index: Any, length: int, whose: str) -> Any:
    """Return an index as an int, or as an array of ints, none of them negative; raise if it is invalid."""
    if isinstance(index, (Variable, Mapping)):
        raise TypeError(wrong_index(index, whose))
    if isinstance(index, slice):
        return np.arange(*index.indices(length))
    if not isinstance(index, tuple) and np.ndim(index) == 0 and not isinstance(index, (bool, np.bool_)):
        try:
            number = operator.index(index)
        except TypeError:
            raise TypeError(wrong_index(index, whose)) from None
        if not -length <= number < length:
            raise IndexError(f"index {number} is out of range for {whose} of {length} examples")
        return number % length
    if not isinstance(index, (list, np.ndarray, range)):
        raise TypeError(wrong_index(index, whose))
    indices = np.asarray(index)
    if indices.size == 0 and not isinstance(index, np.ndarray):
        indices = indices.astype(np.int64)  # NumPy makes floats of an empty list
    if indices.ndim != 1 or indices.dtype.kind not in "iub":
        raise TypeError(wrong_index(indices, whose))
    if indices.dtype.kind == "b":
        if len(indices) != length:
            raise IndexError(f"a mask of {len(indices)} does not match {whose} of {length} examples")
        return np.flatnonzero(indices)
    outside = (indices < -length) | (indices >= length)
    if outside.any():
        raise IndexError(f"index {indices[outside][0]} is out of range for {whose} of {length} examples")
    return np.where(indices < 0, indices + length, indices).astype(np.int64)


def wrong_index(index: Any, whose: str) -> str:
    return f"{whose} is indexed by an integer, a slice, or an array of integers or booleans, not {describe(index)}"


def batch_of(dataset: Any, indices: Any) -> Any:
    """Return a batch of any data set: with its `batch` method if it has one, else from its examples."""
    if isinstance(dataset, Dataset):
        return dataset.batch(indices)
    if isinstance(dataset, np.ndarray):
        return np.asarray(dataset).take(indices, axis=0)  # a slice of a memmap would be a memmap without a file
    return collate(examples_of(dataset, indices), indices)


def examples_of(dataset: Any, indices: Any, transform: Callable[[Any, int], Any] | None = None) -> list[Any]:
    """Return examples one by one; exceptions get the index as a note."""
    return [example_of(dataset, index, transform) for index in np.asarray(indices).tolist()]


def example_of(dataset: Any, index: int, transform: Callable[[Any, int], Any] | None = None) -> Any:
    """Return one example; exceptions get the index as a note."""
    try:
        example = dataset[index]
        return example if transform is None else transform(example, index)
    except ENDS as error:
        raise no_end(error, f"example {index} of {type(dataset).__name__}") from error
    except Exception as error:
        error.add_note(f"while making example {index} of {type(dataset).__name__}")
        raise


# These exceptions end loops and generators silently; from the code of a data set they must become errors.
ENDS = (StopIteration, StopAsyncIteration, GeneratorExit)


def no_end(error: BaseException, what: str) -> RuntimeError:
    """Make the error that replaces one of `ENDS` raised while making an example or batch."""
    return RuntimeError(
        f"making {what} raised {type(error).__name__}, which would end the loop silently; "
        "catch it there, or give next() a default: next(iterator, None)"
    )


def check_dataset(dataset: Any, whose: str) -> None:
    """Raise unless `dataset` has a length and can be indexed, and is not a tuple of arrays."""
    if isinstance(dataset, (tuple, Variable)):
        raise TypeError(f"{whose} takes a data set, but got {describe(dataset)}; write ArrayDataset(x, t) with arrays")
    check_unmasked(dataset, f"{whose} takes a data set, but this")
    indexed = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__") and not isinstance(dataset, dict)
    if not indexed or (isinstance(dataset, np.ndarray) and not dataset.ndim):
        raise TypeError(f"{whose} takes a data set, with __len__ and __getitem__, but got {describe(dataset)}")


class ArrayDataset(Dataset):
    """A data set of the rows of arrays: example `i` is ``(x[i], t[i], ...)``.

    A batch is one indexing operation. Examples and batches are copies, so that changing one does not change the arrays;
    the arrays themselves (`arrays`) are not copied.

    Parameters
    ----------
    *arrays : array_like
        One or more, with first axes of equal length.

    Examples
    --------
    >>> import numpy as np
    >>> dataset = ArrayDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))
    >>> len(dataset), dataset[1]
    (3, (array([2., 3.]), np.int64(1)))
    >>> dataset[[2, 0]]
    (array([[4., 5.],
           [0., 1.]]), array([0, 0]))
    """

    def __init__(self, *arrays: Any) -> None:
        if not arrays:
            raise TypeError("ArrayDataset takes one or more arrays, but got none; write ArrayDataset(x, t)")
        for number, array in enumerate(arrays):
            if isinstance(array, Variable):
                raise TypeError(f"ArrayDataset takes arrays, but argument {number} is a Variable; give its data")
            check_unmasked(array, f"ArrayDataset takes arrays, but argument {number}")
        self.arrays = tuple(np.asarray(array) for array in arrays)
        shapes = [array.shape for array in self.arrays]
        if () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(
                f"the arrays of an ArrayDataset have first axes of one length, but their shapes are {shapes}"
            )

    def __len__(self) -> int:
        return len(self.arrays[0])

    def example(self, index: int) -> Any:
        return tuple(array[index].copy() if array.ndim > 1 else array[index] for array in self.arrays)

    def batch(self, indices: Any) -> Any:
        return tuple(array.take(indices, axis=0) for array in self.arrays)


class Subset(Dataset):
    """Some examples of a data set, in the order of `indices`.

    Parameters
    ----------
    dataset : Dataset or sequence
    indices : slice, array of ints, or mask

    Examples
    --------
    >>> import numpy as np
    >>> every_second = Subset(ArrayDataset(np.arange(5.0)), slice(None, None, 2))
    >>> every_second[:]
    (array([0., 2., 4.]),)
    """

    def __init__(self, dataset: Any, indices: Any) -> None:
        check_dataset(dataset, "Subset")
        self.dataset = dataset
        if isinstance(indices, Iterable) and not isinstance(indices, (np.ndarray, Mapping, Variable, str, bytes)):
            indices = list(indices)
        self.indices = np.atleast_1d(check_index(indices, len(dataset), type(dataset).__name__))

    def __len__(self) -> int:
        return len(self.indices)

    def example(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def batch(self, indices: Any) -> Any:
        return batch_of(self.dataset, self.indices[indices])


class Concatenated(Dataset):
    """The concatenation of several data sets.

    Parameters
    ----------
    *datasets : Dataset or sequence

    Examples
    --------
    >>> import numpy as np
    >>> both = Concatenated(ArrayDataset(np.zeros(2)), ArrayDataset(np.ones(3)))
    >>> len(both), both[[0, -1]]
    (5, (array([0., 1.]),))
    """

    def __init__(self, *datasets: Any) -> None:
        if not datasets:
            raise TypeError("Concatenated takes one or more data sets, but got none")
        for dataset in datasets:
            check_dataset(dataset, "Concatenated")
        self.datasets = datasets
        self.ends = np.cumsum([len(dataset) for dataset in datasets])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def example(self, index: int) -> Any:
        part = int(np.searchsorted(self.ends, index, side="right"))
        return self.datasets[part][index - int(self.ends[part] - len(self.datasets[part]))]

    def batch(self, indices: Any) -> Any:
        parts = np.searchsorted(self.ends, indices, side="right")
        there = np.unique(parts)
        if len(there) != 1:  # examples of several sets may differ in shape and dtype: collate checks each
            return super().batch(indices)
        part = int(there[0])
        dataset = self.datasets[part]
        return batch_of(dataset, indices - (self.ends[part] - len(dataset)))


class Mapped(Dataset):
    """A data set with a transform, applied to each example on access.

    For random augmentation, which differs in each epoch, pass the transform to the `DataLoader` instead: it has a
    generator for each example.

    Parameters
    ----------
    dataset : Dataset or sequence
    transform : callable
        Takes an example, returns an example.

    Examples
    --------
    >>> import numpy as np
    >>> doubled = Mapped(ArrayDataset(np.arange(3.0)), lambda example: (2 * example[0],))
    >>> doubled[:]
    (array([0., 2., 4.]),)
    """

    def __init__(self, dataset: Any, transform: Callable[[Any], Any]) -> None:
        check_dataset(dataset, "Mapped")
        self.dataset = dataset
        self.transform = options.function(transform, "transform", "Mapped")

    def __len__(self) -> int:
        return len(self.dataset)

    def example(self, index: int) -> Any:
        return self.transform(self.dataset[index])


def labels_of(dataset: Any) -> Any:
    """Return the last part of each example, as an array; without making the examples if possible."""
    if isinstance(dataset, ArrayDataset):
        return dataset.arrays[-1]
    if isinstance(dataset, Subset):
        return labels_of(dataset.dataset)[dataset.indices]
    if isinstance(dataset, Dataset) and isinstance(labels := getattr(dataset, "labels", None), np.ndarray):
        return labels
    return np.asarray([last_part(example_of(dataset, index)) for index in range(len(dataset))])


def last_part(example: Any) -> Any:
    if not isinstance(example, Sequence):
        raise TypeError(f"stratify=True reads the last part of each example, but an example is {describe(example)}")
    return example[-1]
