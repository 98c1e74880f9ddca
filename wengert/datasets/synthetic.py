"""Data sets that are made from a formula."""

from typing import Any

import numpy as np

from wengert.core.errors import describe
from wengert.datasets.dataset import ArrayDataset
from wengert.functions.randomness import check_seed

__all__ = ["Sine", "Spiral"]


class Spiral(ArrayDataset):
    """Points on arms of a spiral: two numbers each, and the arm that the point is on.

    Parameters
    ----------
    train : bool
        The points to train on, or others by the same law.
    points : int
        For each arm.
    classes : int
        How many arms.
    noise : float
        The standard deviation of the angle, in radians.
    seed : int

    Examples
    --------
    >>> dataset = Spiral()
    >>> x, t = dataset[:]
    >>> x.shape, x.dtype, sorted(set(t.tolist()))
    ((300, 2), dtype('float32'), [0, 1, 2])
    """

    def __init__(
        self, train: bool = True, *, points: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0
    ) -> None:
        check_count(points, "Spiral", "points")
        check_count(classes, "Spiral", "classes")
        rng = np.random.default_rng([check_seed(seed, "Spiral"), int(not train)])
        radius = np.tile(np.arange(points) / points, classes)
        label = np.repeat(np.arange(classes), points)
        # an arm winds by 4 radians; those of three are as far apart, which is about two thirds of a turn
        apart = 4.0 if classes == 3 else 2 * np.pi / classes
        angle = apart * label + 4 * radius + noise * rng.standard_normal(len(label))
        x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32)
        order = rng.permutation(len(label))
        super().__init__(x[order], label[order])


class Sine(ArrayDataset):
    """A sine to be continued: each number, and the one after it.

    Parameters
    ----------
    train : bool
        A sine with noise; or, to be asked about, a cosine without.
    points : int
    length : int, optional
        Examples are stretches of this length, ``(x, t)`` of shape (length, 1) with `t` one step ahead;
        by default single numbers of shape (1,), in order.
    periods : float
    noise : float
        Uniform, between minus and plus this.
    seed : int

    Examples
    --------
    >>> x, t = Sine(train=False, points=5)[:]
    >>> x.ravel().round(3), t.ravel().round(3)
    (array([ 1.,  0., -1., -0.], dtype=float32), array([ 0., -1., -0.,  1.], dtype=float32))
    >>> Sine(length=20)[0][0].shape
    (20, 1)
    """

    def __init__(
        self,
        train: bool = True,
        *,
        points: int = 1000,
        length: int | None = None,
        periods: float = 1.0,
        noise: float = 0.05,
        seed: int = 0,
    ) -> None:
        check_count(points, "Sine", "points", 2)
        time = np.linspace(0, 2 * np.pi * periods, points)
        if train:
            rng = np.random.default_rng(check_seed(seed, "Sine"))
            y = np.sin(time) + rng.uniform(-noise, noise, points)
        else:
            y = np.cos(time)
        y = y.astype(np.float32)
        if length is None:
            super().__init__(y[:-1, None], y[1:, None])
            return
        check_count(length, "Sine", "length")
        if length >= points:
            raise ValueError(f"Sine takes a length less than its {points} points, but got {length}")
        windows: Any = np.lib.stride_tricks.sliding_window_view(y, length + 1)[..., None]
        super().__init__(windows[:, :-1], windows[:, 1:])


def check_count(number: Any, whose: str, name: str, least: int = 1) -> None:
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{whose} takes a whole number as {name}, but got {describe(number)}")
    if number < least:
        raise ValueError(f"{whose} takes {name} of {least} or more, but got {number}")
