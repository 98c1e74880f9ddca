"""Losses of regression, and of distributions."""

import math
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.variables import to_array
from wengert.custom.registration import dispatched, pullback
from wengert.functions.loss_reduction import REDUCTIONS, check_reduction, fitting, pair, reduced, share
from wengert.singular.products import at_kink

__all__ = ["gaussian_nll", "huber", "kl_div", "mae", "mse"]


@dispatched
def mse(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    """The mean squared error: (y - t)^2, for each element.

    Parameters
    ----------
    y : array of real numbers
        Outputs, of any shape.
    t : array of real numbers
        Targets of the shape of `y`, or one number for all.
    reduction : {"mean", "sum", "none"}
        The reduction of the elementwise losses.

    Returns
    -------
    array
        Of the floating dtype of `y` and `t`; 0-d, or with "none" of the shape of `y`.

    Raises
    ------
    TypeError
        If an argument is complex.
    ValueError
        If the shapes differ, or the mean of no elements is asked for.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> y = wengert.Variable(np.array([1.0, 4.0]))
    >>> loss = mse(y, np.array([1.0, 2.0]))
    >>> loss.backward()
    >>> loss, y.grad
    (Variable(2.), array([0., 2.]))
    """
    check_reduction("mse", reduction)
    y, t = pair("mse", y, t)
    d = y - t
    return reduced("mse", d * d, reduction)


@pullback(mse, "y")
def mse_wrt_y(gy: Any, y: Any, t: Any, *, reduction: str = "mean") -> Any:
    y, t = pair("mse", y, t)
    return (y - t) * (2 * share(gy, reduction, y.size))


@pullback(mse, "t")
def mse_wrt_t(gy: Any, y: Any, t: Any, *, reduction: str = "mean") -> Any:
    return mse_wrt_y(-gy, y, t, reduction=reduction)


@dispatched
def mae(y: Any, t: Any, *, reduction: str = "mean") -> Any:
    """The mean absolute error: abs(y - t), for each element.

    PyTorch calls it l1_loss. The gradient is 0 where they are equal. Parameters and errors are those of `mse`.

    Examples
    --------
    >>> import numpy as np
    >>> mae(np.array([1.0, 4.0]), np.array([1.0, 2.0]), reduction="none")
    array([0., 2.])
    """
    check_reduction("mae", reduction)
    y, t = pair("mae", y, t)
    return reduced("mae", np.abs(y - t), reduction)


@pullback(mae, "y")
def mae_wrt_y(gy: Any, y: Any, t: Any, *, reduction: str = "mean") -> Any:
    y, t = pair("mae", y, t)
    return at_kink(lambda y, t: np.sign(y - t), np.equal, [y, t]) * share(gy, reduction, y.size)


@pullback(mae, "t")
def mae_wrt_t(gy: Any, y: Any, t: Any, *, reduction: str = "mean") -> Any:
    return mae_wrt_y(-gy, y, t, reduction=reduction)


@dispatched
def huber(y: Any, t: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """The Huber loss of d = y - t: d^2 / 2 where abs(d) is at most `delta`, else delta (abs(d) - delta / 2).

    Divided by delta, it is what PyTorch calls smooth_l1_loss. The other parameters are those of `mse`.

    Parameters
    ----------
    y, t : array of real numbers
        As for `mse`.
    delta : float
        Where the loss changes from quadratic to linear.
    reduction : {"mean", "sum", "none"}
        As for `mse`.

    Raises
    ------
    TypeError, ValueError
        As `mse` does, and if `delta` is not positive.

    References
    ----------
    Huber, Robust Estimation of a Location Parameter, 1964, https://doi.org/10.1214/aoms/1177703732

    Examples
    --------
    >>> import numpy as np
    >>> huber(np.array([1.0, 4.0]), np.array([0.0, 0.0]), reduction="none")
    array([0.5, 3.5])
    """
    check_reduction("huber", reduction)
    delta = options.real(delta, "delta", "huber", above=0)
    y, t = pair("huber", y, t)
    size = np.abs(y - t)
    inner = np.minimum(size, delta)
    return reduced("huber", inner * (size - 0.5 * inner), reduction)


@pullback(huber, "y")
def huber_wrt_y(gy: Any, y: Any, t: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    y, t = pair("huber", y, t)
    d = y - t
    return np.where(np.abs(d) <= delta, d, delta * np.sign(d)) * share(gy, reduction, y.size)


@pullback(huber, "t")
def huber_wrt_t(gy: Any, y: Any, t: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    return huber_wrt_y(-gy, y, t, delta=delta, reduction=reduction)


@dispatched
def gaussian_nll(
    y: Any, t: Any, variance: Any, *, full: bool = False, epsilon: float = 1e-6, reduction: str = "mean"
) -> Any:
    """The negative log-likelihood of `t` under normal distributions: (log(variance) + (y - t)^2 / variance) / 2.

    Parameters
    ----------
    y, t : array of real numbers
        As for `mse`: `y` are the means of the distributions.
    variance : array of real numbers
        Their variances; broadcast to the shape of `y`.
    full : bool
        Add the constant log(2 pi) / 2.
    epsilon : float
        Variances below it are clamped to it, but still get a gradient.
    reduction : {"mean", "sum", "none"}
        As for `mse`.

    Raises
    ------
    TypeError, ValueError
        As `mse` does, and if a variance is negative, or the variances do not broadcast to `y`.

    References
    ----------
    Nix and Weigend, 1994, https://doi.org/10.1109/ICNN.1994.374138

    Examples
    --------
    >>> import numpy as np
    >>> gaussian_nll(np.array([0.0, 2.0]), np.array([0.0, 0.0]), 1.0, reduction="none")
    array([0., 2.])
    """
    check_reduction("gaussian_nll", reduction)
    full, epsilon = options.flag(full, "full", "gaussian_nll"), options.real(epsilon, "epsilon", "gaussian_nll", 0)
    y, t = pair("gaussian_nll", y, t)
    variance = fitting("gaussian_nll", "variance", variance, y)
    if np.any(variance < 0):
        raise ValueError(
            f"gaussian_nll needs variances of at least 0, but one is {variance.min()}; "
            "if these are their logarithms, take np.exp, or functions.softplus, of them"
        )
    variance = np.maximum(variance, epsilon)
    d = y - t
    losses = 0.5 * (np.log(variance) + d * d / variance)
    return reduced("gaussian_nll", losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def above(variance: Any, epsilon: float, y: Any) -> Any:
    """Clamp variances to at least `epsilon`, with the gradient of the identity."""
    if not hasattr(variance, "dtype"):
        variance = to_array(variance).astype(y.dtype, copy=False)
    return np.where(variance < epsilon, epsilon, variance)


@pullback(gaussian_nll, "y")
def gaussian_nll_wrt_y(
    gy: Any, y: Any, t: Any, variance: Any, *, full: bool = False, epsilon: float = 1e-6, reduction: str = "mean"
) -> Any:
    y, t = pair("gaussian_nll", y, t)
    return (y - t) / above(variance, epsilon, y) * share(gy, reduction, y.size)


@pullback(gaussian_nll, "t")
def gaussian_nll_wrt_t(
    gy: Any, y: Any, t: Any, variance: Any, *, full: bool = False, epsilon: float = 1e-6, reduction: str = "mean"
) -> Any:
    return gaussian_nll_wrt_y(-gy, y, t, variance, epsilon=epsilon, reduction=reduction)


@pullback(gaussian_nll, "variance")
def gaussian_nll_wrt_variance(
    gy: Any, y: Any, t: Any, variance: Any, *, full: bool = False, epsilon: float = 1e-6, reduction: str = "mean"
) -> Any:
    y, t = pair("gaussian_nll", y, t)
    variance = above(variance, epsilon, y)
    d = y - t
    return 0.5 * ((1 - d * d / variance) / variance) * share(gy, reduction, y.size)


@dispatched
def kl_div(log_p: Any, q: Any, *, log_target: bool = False, reduction: str = "mean") -> Any:
    """The Kullback-Leibler divergence of `q` from `p`: q (log(q) - log_p), for each element.

    The arguments are PyTorch's: first the log-probabilities of a model, then the target. The sum over a distribution is
    KL(q || p).

    Parameters
    ----------
    log_p : array of real numbers
        Logarithms of probabilities, as `log_softmax` gives them.
    q : array of real numbers
        Probabilities, of the shape of `log_p`. (One that is 0 adds nothing, and has the gradient 0.)
    log_target : bool
        Take `q` as the logarithms of probabilities too.
    reduction : {"batchmean", "mean", "sum", "none"}
        "batchmean" divides the sum by the length of the first axis: the mean divergence;
        "mean" divides it by the number of elements, classes too, as PyTorch does.

    Raises
    ------
    TypeError, ValueError
        As `mse` does, and if a probability is negative.

    Examples
    --------
    >>> import numpy as np
    >>> kl_div(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]), reduction="batchmean")
    np.float64(0.6931471805599453)
    """
    check_reduction("kl_div", reduction, ("batchmean", *REDUCTIONS))
    log_target = options.flag(log_target, "log_target", "kl_div")
    log_p, q = pair("kl_div", log_p, q, of="q")
    if not log_target and np.any(q < 0):
        raise ValueError(
            f"kl_div needs probabilities q of at least 0, but one is {q.min()}; "
            "if these are their logarithms, pass log_target=True"
        )
    zero = np.isneginf(q) if log_target else q == 0
    with np.errstate(under="ignore"):
        p_of_q = np.exp(q) if log_target else q
        log_q = q if log_target else np.log(np.where(zero, 1, q))
        losses = p_of_q * (np.where(zero, 0, log_q) - np.where(zero, 0, log_p))
    return reduced("kl_div", losses, reduction, len(log_p) if reduction == "batchmean" and log_p.ndim else None)


def kl_share(gy: Any, log_p: Any, reduction: str) -> Any:
    if reduction == "batchmean":
        return share(gy, "mean", log_p.shape[0] if log_p.ndim else 1)
    return share(gy, reduction, log_p.size)


@pullback(kl_div, "log_p", reads="q")
def kl_div_wrt_log_p(gy: Any, log_p: Any, q: Any, *, log_target: bool = False, reduction: str = "mean") -> Any:
    if not hasattr(q, "dtype"):
        q = to_array(q)
    g = -kl_share(gy, log_p, reduction)
    return (np.exp(q) if log_target else q) * (g if q.ndim or reduction == "none" else np.broadcast_to(g, log_p.shape))


@pullback(kl_div, "q")
def kl_div_wrt_q(gy: Any, log_p: Any, q: Any, *, log_target: bool = False, reduction: str = "mean") -> Any:
    log_p, q = pair("kl_div", log_p, q, of="q")
    g = kl_share(gy, log_p, reduction)
    zero = np.isneginf(q) if log_target else q == 0
    d = np.where(zero, 0, (q if log_target else np.log(np.where(zero, 1, q))) - np.where(zero, 0, log_p) + 1)
    return g * (np.exp(q) * d if log_target else d)
