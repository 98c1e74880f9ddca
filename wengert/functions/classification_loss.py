"""Losses and accuracy of multi-class classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.variables import to_array
from wengert.custom.registration import dispatched, pullback
from wengert.functions.activation import real_array
from wengert.functions.class_labels import class_axis, class_labels, class_weights, index_targets
from wengert.functions.exponential_sums import balance_rows, log_softmax, moderate
from wengert.functions.fused import Fused
from wengert.functions.loss_reduction import check_reduction, reduced, share
from wengert.functions.tails import least

__all__ = ["accuracy", "nll_loss", "softmax_cross_entropy"]


@dispatched
def nll_loss(
    log_p: Any, t: Any, *, weight: Any = None, ignore_index: int | None = None, axis: int = -1, reduction: str = "mean"
) -> Any:
    """The negative log-likelihood of the classes `t`: -log_p[t], for each row.

    Parameters
    ----------
    log_p : array of real numbers, shape (N, ..., classes)
        Logarithms of probabilities, as `log_softmax` gives them.
    t, weight, ignore_index, axis, reduction
        As in `softmax_cross_entropy`, with class indices.

    Raises
    ------
    TypeError, ValueError
        As `softmax_cross_entropy` does.

    Examples
    --------
    >>> import numpy as np
    >>> nll_loss(np.log([[0.5, 0.5], [0.25, 0.75]]), [0, 0], reduction="sum")
    np.float64(2.0794415416798357)
    """
    check_reduction("nll_loss", reduction)
    log_p = real_array(log_p, "nll_loss")
    axis = class_axis("nll_loss", log_p, axis)
    targets = index_targets("nll_loss", log_p, t, axis, class_weights("nll_loss", weight, log_p, axis), ignore_index)
    losses = -np.take_along_axis(log_p, np.expand_dims(targets.labels, axis), axis).squeeze(axis)
    if targets.taken is not None:
        losses = np.where(targets.taken == 0, 0, losses) * targets.taken
    return reduced("nll_loss", losses, reduction, targets.divisor)


@pullback(nll_loss, "log_p", reads="t weight")
def nll_loss_pullback(
    gy: Any,
    log_p: Any,
    t: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    axis, classes = axis % log_p.ndim, log_p.shape[axis]
    weight = None if weight is None else to_array(weight).astype(gy.dtype, copy=False)
    labels, ignored = class_labels("nll_loss", log_p, t, axis, ignore_index)
    taken = np.ones(labels.shape, gy.dtype) if weight is None else weight[labels]
    if ignored is not None:
        taken[ignored] = 0
    g = share(gy, reduction, np.sum(taken, dtype=np.float64).item()) * -taken
    chosen = np.expand_dims(labels, axis) == np.arange(classes).reshape((-1,) + (1,) * (log_p.ndim - 1 - axis))
    return np.where(chosen, np.expand_dims(g, axis), 0)


@dispatched
def softmax_cross_entropy(
    y: Any,
    t: Any,
    *,
    weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    axis: int = -1,
    reduction: str = "mean",
) -> Any:
    """The cross entropy of the classes `t` and the softmax of `y`: -log(softmax(y))[t], for each row.

    Parameters
    ----------
    y : array of real numbers, shape (N, ..., classes)
        Scores before the softmax (logits); -inf excludes a class.
    t : array
        Class indices: integers of the shape of `y` without the axis of the classes. Or probabilities:
        floats of the shape of `y`; the loss is differentiable with respect to these too.
    weight : array of shape (classes,), optional
        The weight of each class. A mean over indices divides by the sum of the weights of the targets.
    label_smoothing : float
        The part of the target, from 0 to 1, that is spread evenly over all classes.
    ignore_index : int, optional
        Targets with this label are ignored (PyTorch's default is -100; here None).
    axis : int
        The axis of the classes. For arrays (N, classes, height, width), as in PyTorch, it is 1.
    reduction : {"mean", "sum", "none"}
        With "none", a loss for each row, of the shape of `y` without the axis of the classes.

    Returns
    -------
    array
        Of the floating dtype of `y` (of the common dtype, if `t` has probabilities).

    Raises
    ------
    TypeError
        If `y` is complex, or `t` has neither integers nor floats.
    ValueError
        If shapes do not match, a label is out of range, or there is no target to take the mean over.

    References
    ----------
    Label smoothing: Szegedy et al., 2015, https://arxiv.org/abs/1512.00567

    Examples
    --------
    >>> import numpy as np, wengert
    >>> y = wengert.Variable(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    >>> loss = softmax_cross_entropy(y, np.array([0, 1]))
    >>> loss.backward()
    >>> loss, y.grad
    (Variable(500.34657359), array([[-0.25,  0.25],
           [ 0.5 , -0.5 ]]))
    """
    y, t, axis, weight, has_indices, dtype = checked(y, t, weight, label_smoothing, ignore_index, axis, reduction)
    divisor = y.size // y.shape[axis]
    if has_indices:
        targets = index_targets(NAME, y, t, axis, weight, ignore_index)
        divisor, t = targets.divisor, one_hot(targets.labels, y.shape[axis], y.dtype)
        t = np.moveaxis(t, -1, axis)
    q = smooth(t, label_smoothing, y.shape[axis])
    if has_indices and targets.ignored is not None:
        ignored = np.expand_dims(targets.ignored, axis)
        q, y = np.where(ignored, 0, q), np.where(ignored, 0, y)  # even where the loss is NaN
    if weight is not None:
        q = q * weight.reshape((-1,) + (1,) * (y.ndim - 1 - axis))
    log_p = log_softmax(y, axis)
    # An excluded class that no target has adds 0 (not the NaN of 0 times infinity).
    log_p = np.where(np.logical_and(plain(q) == 0, np.logical_not(np.isfinite(plain(log_p)))), 0, log_p)
    return reduced(NAME, -np.sum(q * log_p, axis=axis), reduction, divisor).astype(dtype, copy=False)


NAME = "softmax_cross_entropy"


def checked(
    y: Any, t: Any, weight: Any, label_smoothing: Any, ignore_index: Any, axis: Any, reduction: Any
) -> tuple[Any, Any, int, Any, bool, Any]:
    """Return y, t, the axis and the weights as checked arrays, whether `t` has indices, and the dtype of the losses.

    Half precision is computed with in single precision.
    """
    check_reduction(NAME, reduction)
    options.real(label_smoothing, "label_smoothing", NAME, 0, 1)
    y = real_array(y, NAME)
    dtype, y = y.dtype, widened(y)
    axis = class_axis(NAME, y, axis)
    weight = class_weights(NAME, weight, y, axis)
    if not hasattr(t, "dtype"):
        t = to_array(t)
    if t.dtype.kind != "f" or (t.size == 0 and t.shape != y.shape):
        if t.dtype.kind not in "iuf":
            raise TypeError(
                f"{NAME} takes class indices as integers or probabilities as floats, but got {describe(t)}; "
                "convert it: t.astype(int) for indices, t.astype(float) for one-hot rows"
            )
        return y, t, axis, weight, True, dtype
    if t.shape != y.shape:
        raise ValueError(
            f"{NAME} takes probabilities (floats) of the shape of y, {y.shape}, but got {describe(t)}; "
            "if these are class indices, convert them: t.astype(int)"
        )
    if ignore_index is not None:
        raise ValueError(
            f"{NAME} takes ignore_index={ignore_index} for class indices only, but t has probabilities; "
            "to ignore a row, set it to zeros"
        )
    return y, widened(t), axis, weight, False, np.result_type(dtype, t.dtype)


def one_hot(labels: Any, classes: int, dtype: Any) -> Any:
    """Return one-hot rows."""
    return (np.expand_dims(labels, -1) == np.arange(classes)).astype(dtype)


def smooth(t: Any, label_smoothing: float, classes: int) -> Any:
    """Spread a part of the targets evenly over all classes."""
    return t * (1 - label_smoothing) + label_smoothing / classes if label_smoothing else t


class SoftmaxCrossEntropy(Fused, function=softmax_cross_entropy, by="y t", labels="t"):
    """Works on rows (N, classes). Keeps the exponentials, from which the gradient takes two steps."""

    def forward(
        self, y: Any, t: Any, weight: Any, label_smoothing: Any, ignore_index: Any, axis: Any, reduction: Any
    ) -> Any:
        y, t, axis, weight, has_indices, dtype = checked(y, t, weight, label_smoothing, ignore_index, axis, reduction)
        self.like, self.axis, self.reduction = y.shape, axis, reduction
        self.weight, self.smoothing = weight, label_smoothing
        rows = as_rows(y, axis)
        n, classes = rows.shape
        targets = index_targets(NAME, y, t, axis, weight, ignore_index) if has_indices else None
        self.divisor = n if targets is None else targets.divisor
        with np.errstate(under="ignore", divide="ignore"):
            z = rows - np.maximum.reduce(rows, axis=-1, keepdims=True)
            if targets is not None and not label_smoothing:
                self.q, q_sums = None, targets.taken
                self.labels, self.row_numbers = (
                    targets.labels.flatten(),
                    np.arange(n),
                )  # a copy: the caller may reuse t as a buffer
                picked = z[self.row_numbers, self.labels]
                if q_sums is not None:
                    q_sums = q_sums.ravel()
                    picked = picked * q_sums
            else:
                if targets is not None:
                    t = one_hot(targets.labels, classes, y.dtype)
                self.q = q = smooth(t.reshape(n, classes) if targets else as_rows(t, axis), label_smoothing, classes)
                if weight is not None:
                    self.q = q = q * weight
                if targets is not None and targets.ignored is not None:
                    q[targets.ignored.ravel()] = 0
                q_sums = np.add.reduce(q, axis=-1)
                picked = np.einsum("nc,nc->n", q, z)
                if np.isnan(picked).any():  # an excluded class that no target has adds 0
                    picked = np.add.reduce(q * np.where(q == 0, 0, z), axis=-1)
            e = np.exp(z, out=None if self.needs[1] else z)
            self.sums = sum_rows(e)
            log_s = np.log(self.sums)
        if self.needs[1]:
            self.log_p = np.where((self.q == 0) & ~np.isfinite(z), 0, z - log_s[:, None])
        self.exponentials, self.q_sums = e, q_sums
        losses = (log_s if q_sums is None else log_s * q_sums) - picked
        self.ignored = None
        if targets is not None and targets.ignored is not None:
            self.ignored = targets.ignored.ravel()
            losses[self.ignored] = 0  # even where the loss is NaN
        losses = losses.reshape(y.shape[:axis] + y.shape[axis + 1 :])
        return reduced(NAME, losses, reduction, self.divisor).astype(dtype, copy=False)

    def backward(self, gy: Any) -> Any:
        g = share(gy, self.reduction, self.divisor).reshape(-1)
        gx = gt = None
        if self.needs[0]:
            gx = self.unrolled(self.score_gradient(g.astype(self.exponentials.dtype, copy=False)))
        if self.needs[1]:
            gt = -g[:, None] * self.log_p
            if self.weight is not None:
                gt *= self.weight
            if self.smoothing:
                gt *= 1 - self.smoothing
            gt = self.unrolled(gt)
        return gx, gt

    def score_gradient(self, g: Any) -> Any:
        """The gradient with respect to the rows of `y`: g (softmax times the sum of targets - targets)."""
        q, q_sums = self.q, self.q_sums
        taken = g if q_sums is None else g * q_sums
        gx = self.exponentials * (taken / self.sums)[:, None]
        if q is not None:
            gx -= q * g[:, None]
        else:
            gx[self.row_numbers, self.labels] -= taken
        least_sum = 2 - moderate(
            self.sums.dtype
        )  # the largest exponential is 1, and so the largest probability 1 / sum
        if type(gx) is np.ndarray and least(self.sums) < least_sum:
            gx = balance_rows(gx, self.exponentials, self.sums < least_sum)
        if self.ignored is not None and not np.isfinite(self.sums).all():
            gx[self.ignored] = 0
        return gx

    def unrolled(self, rows: Any) -> Any:
        """Reshape rows to the shape of `y`."""
        shape, axis = self.like, self.axis
        if axis == len(shape) - 1:
            return rows.reshape(shape)
        return np.moveaxis(rows.reshape(*shape[:axis], *shape[axis + 1 :], shape[axis]), -1, axis)


def sum_rows(rows: Any) -> Any:
    """Sum over the last axis; for a matrix with short rows as a product, which is several times faster."""
    if rows.dtype == np.float16 or not 16 < rows.shape[-1] < 1024:
        return np.add.reduce(rows, axis=-1)
    return rows.dot(np.ones(rows.shape[-1], rows.dtype))


def as_rows(y: Any, axis: int) -> Any:
    """Return an array as a matrix with the classes last."""
    classes = y.shape[axis]
    return (y if axis == y.ndim - 1 else np.moveaxis(y, axis, -1)).reshape(y.size // classes, classes)


# A metric


def accuracy(y: Any, t: Any, *, ignore_index: int | None = None, axis: int = -1) -> float:
    """The fraction of rows whose largest score is that of the class `t`: a number, not differentiated.

    Parameters
    ----------
    y : array of real numbers, shape (N, ..., classes)
        Scores or probabilities; of ties the first counts.
    t : array of int
        Class indices, of the shape of `y` without the axis of the classes.
    ignore_index : int, optional
        Targets with this label are ignored.
    axis : int
        The axis of the classes.

    Raises
    ------
    TypeError, ValueError
        As `softmax_cross_entropy` does.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    y, t = real_array(to_array(plain(y)), "accuracy"), plain(t)
    axis = class_axis("accuracy", y, axis)
    labels, ignored = class_labels("accuracy", y, t, axis, ignore_index)
    right = np.argmax(y, axis=axis) == labels
    if ignored is not None:
        right = right[~ignored]
    if right.size == 0:
        raise ValueError(
            f"accuracy needs at least one target, but there is none (y has the shape {y.shape}); skip such a batch"
        )
    return float(np.mean(right))
