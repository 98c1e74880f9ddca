"""Collation: from examples to a batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Variable

__all__ = ["check_unmasked", "collate"]


def collate(examples: Any, indices: Any = None) -> Any:
    """Stack examples to a batch: arrays with an additional first axis.

    - arrays are stacked, and keep their dtype (the promoted one, where they differ);
    - Python's numbers become an array of bool, int64, float64 or complex128, as in NumPy and PyTorch
      (targets of a float32 model are best made in float32: a loss has the wider dtype of the two);
    - tuples, lists and dicts are collated part by part: a batch of pairs is a pair of batches;
    - strings and bytes become a list.

    Parameters
    ----------
    examples : sequence
        One or more, of the same structure.
    indices : sequence of int, optional
        The indices of the examples in their data set, for error messages.

    Raises
    ------
    ValueError
        If there are no examples, or they differ in shape, in the number of parts, or in keys.
    TypeError
        If their types cannot be stacked, or differ.

    Examples
    --------
    >>> import numpy as np
    >>> collate([(np.array([0.5, 1.0]), 3), (np.array([0.0, 2.0]), 4)])
    (array([[0.5, 1. ],
           [0. , 2. ]]), array([3, 4]))
    >>> collate([{"age": 7.0, "name": "Ada"}, {"age": 8.0, "name": "Alan"}])
    {'age': array([7., 8.]), 'name': ['Ada', 'Alan']}
    """
    if type(examples) is np.ndarray:
        listed = examples.ndim > 0
    else:
        listed = isinstance(examples, Sequence) and not isinstance(examples, (str, bytes))
    if not listed:
        raise TypeError(f"collate takes a list of examples, but got {describe(examples)}")
    if len(examples) == 0:
        raise ValueError("collate makes a batch of one or more examples, but got none")
    check_unmasked(examples, "collate takes a list of examples, but this")
    if indices is not None:
        flat = isinstance(indices, (list, tuple)) and all(isinstance(each, (int, np.integer)) for each in indices)
        given = np.array(indices) if flat else indices
        if not isinstance(given, np.ndarray) or given.dtype.kind not in "iu" or given.shape != (len(examples),):
            raise TypeError(f"indices of collate must be an integer for each example, but got {describe(indices)}")
    return _collate(list(examples), indices, "")


def _collate(examples: list[Any], indices: Any, place: str) -> Any:
    first = examples[0]
    if isinstance(first, dict):
        for i, example in enumerate(examples):
            if not isinstance(example, dict) or example.keys() != first.keys():
                found = list(example) if isinstance(example, dict) else describe(example)
                raise ValueError(
                    f"the dicts of one batch must have the same keys: {_name(0, indices, place)} has {list(first)}, "
                    f"but {_name(i, indices, place)} is {found}"
                )
        return {key: _collate([example[key] for example in examples], indices, f"{place}[{key!r}]") for key in first}
    if isinstance(first, (tuple, list)):
        for i, example in enumerate(examples):
            if not isinstance(example, (tuple, list)) or len(example) != len(first):
                found = f"{len(example)} parts" if isinstance(example, (tuple, list)) else describe(example)
                raise ValueError(
                    f"the examples of one batch must have the same parts: {_name(0, indices, place)} has {len(first)} "
                    f"parts, but {_name(i, indices, place)} is {found}"
                )
        parts = [
            _collate(list(part), indices, f"{place}[{number}]")
            for number, part in enumerate(zip(*examples, strict=True))
        ]
        # a namedtuple takes its parts as positional arguments
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    if isinstance(first, (str, bytes)):
        for i, example in enumerate(examples):
            if not isinstance(example, type(first)):
                raise TypeError(_several_kinds(examples, i, indices, place))
        return examples
    return _stack(examples, indices, place)


def _stack(examples: list[Any], indices: Any, place: str) -> Any:
    numbers = True
    for i, example in enumerate(examples):
        if isinstance(example, (bool, int, float, complex, np.generic)):
            continue
        numbers = False
        if isinstance(example, (str, bytes, tuple, list, dict)):
            raise TypeError(_several_kinds(examples, i, indices, place))
        if isinstance(example, Variable):
            raise TypeError(
                f"a batch is made of arrays, but {_name(i, indices, place)} is {describe(example)}; give its data"
            )
        check_unmasked(example, f"a batch is made of arrays, but {_name(i, indices, place)}")
        if not hasattr(example, "__array__"):
            raise TypeError(
                f"a batch is made of arrays, numbers, strings, tuples and dicts, but {_name(i, indices, place)} is "
                f"{describe(example)}; give DataLoader a collate function of your own"
            )
    if numbers:
        try:
            stacked: Any = np.array(examples)
        except OverflowError:  # a Python int beyond int64, among NumPy scalars
            stacked = np.empty(0, dtype=object)
        if stacked.dtype == object or (stacked.dtype.kind == "u" and type(examples[0]) is int):
            raise ValueError(f"the integers of {_name(0, indices, place)} and others do not fit int64")
        if stacked.dtype.kind == "i" and all(type(example) is int or type(example) is bool for example in examples):
            stacked = stacked.astype(np.int64, copy=False)
        return stacked
    arrays = [np.asarray(example) for example in examples]
    shape = arrays[0].shape
    for i, array in enumerate(arrays):
        if array.shape != shape:
            raise ValueError(
                f"the arrays of one batch must have the same shape: {_name(0, indices, place)} has {shape}, but "
                f"{_name(i, indices, place)} has {array.shape}; crop, resize or pad them in a transform, or give "
                f"DataLoader a collate function of your own"
            )
    return np.stack(arrays)


def check_unmasked(array: Any, what: str) -> None:
    """Raise TypeError for a masked array, whose mask would be lost."""
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{what} is a masked array; fill it first: array.filled(0)")


def _several_kinds(examples: list[Any], i: int, indices: Any, place: str) -> str:
    return (
        f"the examples of one batch must have the same structure: {_name(0, indices, place)} is "
        f"{describe(examples[0])}, but "
        f"{_name(i, indices, place)} is {describe(examples[i])}"
    )


def _name(i: int, indices: Any, place: str) -> str:
    """Name a part of an example: ``example 17[0]``."""
    return f"example {i if indices is None else int(indices[i])}{place}"
