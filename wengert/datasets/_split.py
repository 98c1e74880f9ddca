"""Random splits of a data set, for training and validation."""

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets.dataset import Subset, check_dataset, labels_of
from wengert.functions.randomness import generator

__all__ = ["split"]


def split(dataset: Any, parts: Any, *, seed: int | None = None, stratify: Any = None) -> tuple[Subset, ...]:
    """Split a data set into parts at random; each example is in exactly one of them.

    Parameters
    ----------
    dataset : Dataset or sequence
    parts : float, int, or sequence of these
        Fractions whose sum is 1, or numbers of examples whose sum is the length. A single one is the first of two
        parts; the second is the rest.
    seed : int, optional
        The same seed gives the same parts. By default `wengert.generator` is used.
    stratify : bool or array_like, optional
        Keep the proportions of the classes in each part, up to one example. True: classes are the last part of the
        examples; or an array with the class of each example.

    Returns
    -------
    tuple of Subset

    Raises
    ------
    ValueError
        If the parts do not add up to the whole, or one would be empty.

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
    # the order of the stratified split alternates classes: shuffle each part
    return tuple(Subset(dataset, rng.permutation(order[end - n : end])) for end, n in zip(ends, sizes, strict=True))


def spread(labels: Any, rng: np.random.Generator) -> Any:
    """Order examples so that each class is spread evenly: every slice has its proportion, up to one example."""
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        # positions between 0 and 1 with equal distances and a random offset
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
