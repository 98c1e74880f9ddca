"""Losses of binary classification, elementwise."""

from typing import Any

import numpy as np

from wengert.arrays.values import widened
from wengert.checks import options
from wengert.custom.registration import dispatched, pullback
from wengert.functions.activation import real_array, softplus
from wengert.functions.fused import Fused
from wengert.functions.loss_reduction import check_reduction, fitting, pair, reduced, share, within
from wengert.functions.strong_zero import strong_zero_multiply
from wengert.functions.tails import greatest, least

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "hinge", "sigmoid_cross_entropy"]

TARGETS = "give 1 or 0, or probabilities in between"


def weighted(name: str, losses: Any, weight: Any, y: Any) -> Any:
    return losses if weight is None else losses * fitting(name, "weight", weight, y)


@dispatched
def sigmoid_cross_entropy(
    y: Any, t: Any, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean"
) -> Any:
    """The binary cross entropy of logits: -t log(sigmoid(y)) - (1 - t) log(1 - sigmoid(y)), for each element.

    `binary_cross_entropy_with_logits` is an alias.

    Parameters
    ----------
    y : array of real numbers
        Scores before the sigmoid (logits), of any shape.
    t : array
        Of the shape of `y`, or one number for all: 1, 0, or a probability.
    weight : array, optional
        The weight of each element; broadcasts to `y`.
    pos_weight : array, optional
        The weight of positive targets relative to negative ones; broadcasts to `y` (one number for each class, say).
    reduction : {"mean", "sum", "none"}
        A mean divides by the number of elements, whatever their weights.

    Returns
    -------
    array
        Of the floating dtype of `y`; 0-d, or with "none" of the shape of `y`.

    Raises
    ------
    TypeError
        If an argument is complex.
    ValueError
        If the shapes differ, a target is not from 0 to 1, or the mean of no elements is asked for.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> y = wengert.Variable(np.array([0.0, 1000.0, 1000.0]))
    >>> loss = sigmoid_cross_entropy(y, np.array([1.0, 1.0, 0.0]), reduction="sum")
    >>> loss.backward()
    >>> loss, y.grad
    (Variable(1000.69314718), array([-0.5,  0. ,  1. ]))
    """
    name = "sigmoid_cross_entropy"
    check_reduction(name, reduction)
    y, t = pair(name, y, t)
    within(name, "t", t, 0, 1, TARGETS)
    yes = t if pos_weight is None else t * fitting(name, "pos_weight", pos_weight, y)
    with np.errstate(invalid="ignore"):
        losses = strong_zero_multiply(yes, softplus(-y)) + strong_zero_multiply(1 - t, softplus(y))
    return reduced(name, weighted(name, losses, weight, y), reduction)


binary_cross_entropy_with_logits = sigmoid_cross_entropy


class SigmoidCrossEntropy(Fused, function=sigmoid_cross_entropy, by="y t", labels="t"):
    """The same with one exponential and one logarithm, and without np.where, which is slow."""

    def forward(self, y: Any, t: Any, weight: Any, pos_weight: Any, reduction: str) -> Any:
        name = "sigmoid_cross_entropy"
        check_reduction(name, reduction)
        self.y, self.t = y, t = pair(name, y, t)
        within(name, "t", t, 0, 1, TARGETS)
        self.reduction = reduction
        self.weight = None if weight is None else fitting(name, "weight", weight, y)
        self.pos_weight = None if pos_weight is None else fitting(name, "pos_weight", pos_weight, y)
        with np.errstate(under="ignore", invalid="ignore"):
            e = np.exp(-np.abs(y))
            losses = log1p(e)
            if self.pos_weight is None:
                losses = losses + (
                    np.maximum(y, 0) - y * t
                )  # this order of operations keeps the digits of a small loss
            else:
                losses += np.maximum(-y, 0)
                losses = (1 - t) * y + (1 + (self.pos_weight - 1) * t) * losses
            if np.isnan(
                np.add.reduce(losses, axis=None)
            ):  # the loss of an infinite score with the right sign is 0, not NaN
                losses = sigmoid_cross_entropy(y, t, pos_weight=pos_weight, reduction="none")
        if self.weight is not None:
            losses *= self.weight
        return reduced(name, losses, reduction)

    def backward(self, gy: Any) -> Any:
        y, t, pos_weight = self.y, self.t, self.pos_weight
        g = share(gy, self.reduction, y.size)
        if self.weight is not None:
            g = g * self.weight
        gx = gt = None
        if self.needs[0]:
            gx = inverse(1 + np.exp(-y))
            if pos_weight is None and is_moderate(y):
                gx = np.subtract(gx, t, out=gx if gx.dtype == t.dtype and gx.ndim else None)
            else:
                yes = t if pos_weight is None else t * pos_weight
                gx = (1 - t) * gx - yes * inverse(1 + np.exp(y))
            gx = gx * g
        if self.needs[1]:
            gt = -y * g if pos_weight is None else g * (pos_weight * softplus(-y) - softplus(y))
        return gx, gt


def is_moderate(y: Any) -> bool:
    """Whether no probability is so near to 1 that its difference from a target of 1 loses its digits."""
    if type(y) is not np.ndarray or y.dtype not in MODERATE:
        return False
    few, limit = MODERATE[y.dtype]
    return y.size > few and greatest(y) <= limit


# By dtype, the number of elements up to which nothing is gained by asking, and the largest score (see `tails`).
MODERATE: dict[Any, tuple[int, float]] = {np.dtype(np.float64): (0, 20.0), np.dtype(np.float32): (128, 8.0)}


def inverse(x: Any) -> Any:
    """1 / x, in place where possible."""
    return np.divide(1, x, out=x if isinstance(x, np.ndarray) else None)


def log1p(e: Any) -> Any:
    """log(1 + e) for an array of numbers from 0 to 1: as accurate as np.log1p, but vectorised.

    The logarithm of the rounded 1 + e, plus the rounding error divided by it.
    """
    u = 1 + e
    y = np.asarray(np.log(u))
    y += (e - (u - 1)) / u
    return y


@dispatched
def binary_cross_entropy(p: Any, t: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    """The binary cross entropy of probabilities `p`: -t log(p) - (1 - t) log(1 - p), for each element.

    For logits, use `sigmoid_cross_entropy`, which is more accurate.

    Parameters
    ----------
    p : array of real numbers
        Probabilities, from 0 to 1. Their logarithms are clamped to at least -100, as in PyTorch, so that the loss is at
        most 100; its gradient is that without the clamping, and at 0 and 1 large, but finite: 1e12.
    t, weight, reduction
        As in `sigmoid_cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As `sigmoid_cross_entropy` does, and if a probability is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> binary_cross_entropy(np.array([0.5, 1.0]), np.array([1.0, 0.0]), reduction="none")
    array([  0.69314718, 100.        ])
    """
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    p, t = pair(name, p, t)
    within(name, "p", p, 0, 1, "for logits, use sigmoid_cross_entropy")
    within(name, "t", t, 0, 1, TARGETS)
    with np.errstate(divide="ignore"):
        losses = -(t * np.maximum(np.log(p), -100) + (1 - t) * np.maximum(np.log1p(-p), -100))
    return reduced(name, weighted(name, losses, weight, p), reduction)


@pullback(binary_cross_entropy, "p")
def binary_cross_entropy_wrt_p(gy: Any, p: Any, t: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    p, t = pair("binary_cross_entropy", p, t)
    g = weighted("binary_cross_entropy", share(gy, reduction, p.size), weight, p)
    p = widened(p)
    spread, tiny = p * (1 - p), np.finfo(p.dtype).tiny
    if type(spread) is np.ndarray and least(spread) >= tiny:
        return g * ((p - t) / spread)
    inside, lowest = spread >= tiny, np.asarray(1e-12, p.dtype)
    at_an_end = (1 - t) / np.maximum(1 - p, lowest) - t / np.maximum(p, lowest)
    return g * np.where(inside, (p - t) / np.where(inside, spread, 1), at_an_end)


@pullback(binary_cross_entropy, "t")
def binary_cross_entropy_wrt_t(gy: Any, p: Any, t: Any, *, weight: Any = None, reduction: str = "mean") -> Any:
    p, t = pair("binary_cross_entropy", p, t)
    g = weighted("binary_cross_entropy", share(gy, reduction, p.size), weight, p)
    return g * (np.maximum(np.log1p(-p), -100) - np.maximum(np.log(p), -100))


@dispatched
def hinge(y: Any, t: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """The hinge loss of a support vector machine: max(0, margin - t y), for each element.

    Parameters
    ----------
    y : array of real numbers
        Scores, of any shape.
    t : array
        Of the shape of `y`: 1 for yes and -1 for no.
    margin : float
        The score beyond which there is no loss.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    TypeError
        If an argument is complex.
    ValueError
        If the shapes differ, a target is neither 1 nor -1, or a mean is over no elements.

    References
    ----------
    Cortes and Vapnik, Support-Vector Networks, 1995, https://doi.org/10.1007/BF00994018

    Examples
    --------
    >>> import numpy as np
    >>> hinge(np.array([0.25, 3.0, 3.0]), np.array([1, 1, -1]), reduction="none")
    array([0.75, 0.  , 4.  ])
    """
    check_reduction("hinge", reduction)
    y, t = pair("hinge", y, t)
    margin = options.real(margin, "margin", "hinge")
    check_signs("hinge", t)
    return reduced("hinge", np.maximum(margin - t * y, 0), reduction)


@pullback(hinge, "y")
def hinge_pullback(gy: Any, y: Any, t: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    y, t = pair("hinge", y, t)
    return np.where(t * y < margin, -t * share(gy, reduction, y.size), 0)


def check_signs(name: str, t: Any) -> None:
    """Raise unless all targets are 1 or -1."""
    real_array(t, name)
    wrong = np.abs(t) != 1
    if np.any(wrong):
        place = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape))
        where = f"t[{', '.join(map(str, place))}]" if place else "t"
        raise ValueError(
            f"{name} needs targets that are 1 or -1, but {where} is {t[place]}; for targets of 1 and 0, write 2 * t - 1"
        )
