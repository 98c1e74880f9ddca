"""Synthetic data sets, computed from formulas."""

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.datasets.dataset import ArrayDataset

__all__ = ["Sine", "Spiral"]


class Spiral(ArrayDataset):
    """Points on the arms of a spiral: two coordinates, and the arm as the label.

    Parameters
    ----------
    train : bool
        Training points, or other points of the same distribution.
    points : int
        The number of points of each arm.
    classes : int
        The number of arms.
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
        train, seed = options.flag(train, "train", "Spiral"), options.seed(seed, "seed", "Spiral")
        points, classes = options.size(points, "points", "Spiral"), options.size(classes, "classes", "Spiral")
        noise = options.real(noise, "noise", "Spiral", 0)
        rng = np.random.default_rng([seed, int(not train)])
        radius = np.tile(np.arange(points) / points, classes)
        label = np.repeat(np.arange(classes), points)
        # an arm winds by 4 radians, about two thirds of a turn, which is also the distance of three arms
        apart = 4.0 if classes == 3 else 2 * np.pi / classes
        angle = apart * label + 4 * radius + noise * rng.standard_normal(len(label))
        x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1).astype(np.float32)
        order = rng.permutation(len(label))
        super().__init__(x[order], label[order])


class Sine(ArrayDataset):
    """A sine wave, for prediction: each number, and the next one as the target.

    Parameters
    ----------
    train : bool
        A sine with noise; or, for testing, a cosine without.
    points : int
    length : int, optional
        Examples are windows of this length, ``(x, t)`` of shape (length, 1) with `t` one step ahead;
        by default single numbers of shape (1,), in order.
    periods : float
    noise : float
        Uniform, from -noise to noise.
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
        train, seed = options.flag(train, "train", "Sine"), options.seed(seed, "seed", "Sine")
        points = options.size(points, "points", "Sine", 2)
        periods, noise = options.real(periods, "periods", "Sine"), options.real(noise, "noise", "Sine", 0)
        time = np.linspace(0, 2 * np.pi * periods, points)
        if train:
            rng = np.random.default_rng(seed)
            y = np.sin(time) + rng.uniform(-noise, noise, points)
        else:
            y = np.cos(time)
        y = y.astype(np.float32)
        if length is None:
            super().__init__(y[:-1, None], y[1:, None])
            return
        length = options.size(length, "length", "Sine")
        if length >= points:
            raise ValueError(f"Sine takes a length less than its {points} points, but got {length}")
        windows: Any = np.lib.stride_tricks.sliding_window_view(y, length + 1)[..., None]
        super().__init__(windows[:, :-1], windows[:, 1:])
