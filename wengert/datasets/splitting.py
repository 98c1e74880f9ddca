"""Cutting a data set into parts by chance: to train on, to validate with."""

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets.dataset import Subset, check_dataset, labels_of
from wengert.functions.randomness import generator

__all__ = ["split"]


def split(dataset: Any, parts: Any, *, seed: int | None = None, stratify: Any = None) -> tuple[Subset, ...]:
    """Cut a data set into parts by chance; each example is in one of them.

    Parameters
    ----------
    dataset : Dataset or sequence
    parts : float, int, or sequence of these
        Fractions whose sum is 1, or numbers of examples whose sum is the length. One alone is the
        first of two parts, and the rest is the second.
    seed : int, optional
        The same seed gives the same parts. Without one, a generator of `wengert.seed` draws.
    stratify : bool or array_like, optional
        Give each class its share of each part, give or take one example. True: classes are the last
        part of the examples; or an array with the class of each example.

    Returns
    -------
    tuple of Subset

    Raises
    ------
    ValueError
        If the parts do not make up the whole, or one would be empty.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.datasets import ArrayDataset
        >>> dataset = ArrayDataset(np.arange(10.0), np.arange(10) % 2)
    >>> train, valid = split(dataset, 0.6, seed=0, stratify=True)
    >>> len(train), len(valid), sorted(valid[:][1].tolist())
    (6, 4, [0, 0, 1, 1])
    """
    check_dataset(dataset, "split")
    length = len(dataset)
    sizes = check_parts(parts, length)
    rng = generator() if seed is None else np.random.default_rng(options.seed(seed, "seed", "split"))
    if stratify is None or stratify is False:
        order = rng.permutation(length)
    else:
        labels = np.asarray(labels_of(dataset) if stratify is True else stratify)
        if labels.shape != (length,):
            raise ValueError(f"stratify takes one class for each of {length} examples, but got {describe(labels)}")
        order = spread(labels, rng)
    ends = np.cumsum(sizes)
    # in the order of classes that the stratified cut goes by, neighbours would not be by chance
    return tuple(Subset(dataset, rng.permutation(order[end - n : end])) for end, n in zip(ends, sizes, strict=True))


def spread(labels: Any, rng: np.random.Generator) -> Any:
    """Order examples so that each class is spread evenly: any stretch has its share, give or take one."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        # a place between 0 and 1 for each, evenly apart, beginning anywhere
        place[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(place, kind="stable")


def check_parts(parts: Any, length: int) -> list[int]:
    """Return the sizes of the parts; their sum is the length."""
    alone = not isinstance(parts, (tuple, list)) and not (isinstance(parts, np.ndarray) and parts.ndim)
    numbers = [options.number_of(number, "iuf") for number in ([parts] if alone else parts)]
    if None in numbers:
        raise TypeError(f"split takes fractions or numbers of examples, but got {options.received(parts)}")
    if not numbers:
        raise ValueError("split takes one or more fractions or numbers of examples, but got none")
    if all(isinstance(number, int) for number in numbers):
        sizes = list(numbers)
        if alone:
            sizes.append(length - sizes[0])
        if sum(sizes) != length:
            raise ValueError(f"the parts {sizes} have {sum(sizes)} examples together, but there are {length}")
    else:
        fractions = [float(number) for number in numbers]
        if alone:
            fractions.append(1 - fractions[0])
        if not abs(sum(fractions) - 1) < 1e-6 or min(fractions) < 0:
            raise ValueError(f"the fractions of split are positive and their sum is 1, but got {numbers}")
        ends = [round(end * length) for end in np.cumsum(fractions)]
        ends[-1] = length
        sizes = np.diff([0, *ends]).tolist()
    if min(sizes) < 1:
        raise ValueError(f"a part of split would be empty: {parts} of {length} examples gives {sizes}")
    return sizes
