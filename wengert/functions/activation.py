"""Activation functions: the nonlinearities between the layers of a network.

All take real arrays (Variables or not) of any shape and keep their floating dtype; none overflows
on the way to a finite result. At a kink, the gradient is that of the flat side: 0.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.refusals import is_operand
from wengert.custom.registration import dispatched, pullback
from wengert.functions.fused import Fused
from wengert.functions.gelu_kernel import CERTAIN, CUBE, SCALE, gelu_gradient, gelu_of_array
from wengert.functions.normal_distribution import normal_cdf
from wengert.functions.tails import logistic_slope, sech_squared

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "hardtanh",
    "leaky_relu",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
]

F = TypeVar("F", bound=Callable[..., Any])

# Klambauer et al., Self-Normalizing Neural Networks, 2017, https://arxiv.org/abs/1706.02515
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def real_array(x: Any, name: str) -> Any:
    """Return `x` as an array of floats; raise TypeError unless it holds real numbers."""
    if not hasattr(x, "dtype"):
        x = np.asarray(x)
    elif type(x) is not np.ndarray and isinstance(x, np.ndarray):
        is_operand(name, x)  # raises for subclasses with arithmetic of their own
    if x.dtype.kind == "f":
        return x
    if x.dtype.kind not in "biu":
        advice = "apply it to np.real(x) and np.imag(x)" if x.dtype.kind == "c" else "convert it to a floating dtype"
        raise TypeError(f"{name} takes real numbers, but got {describe(x)}; {advice}")
    return x.astype(np.float64)


def common_shape(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape that arrays of these shapes broadcast to; None if they do not."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


def where_true(mask: Any, gy: Any) -> Any:
    """``np.where(mask, gy, 0)``. np.where mispredicts branches on random masks; this masks bits."""
    kind: Any = INTEGER_OF.get(getattr(gy, "dtype", None))
    if kind is None or type(gy) is not np.ndarray or type(mask) is not np.ndarray or not gy.ndim:
        return np.where(mask, gy, 0)
    bits = mask.view(np.int8).astype(kind)
    np.negative(bits, out=bits)  # all bits set, or none
    return np.bitwise_and(bits, gy.view(kind), out=bits if bits.shape == gy.shape else None).view(gy.dtype)


INTEGER_OF: dict[Any, Any] = {np.dtype(np.float32): np.dtype(np.int32), np.dtype(np.float64): np.dtype(np.int64)}


# Rectifiers


@dispatched
def relu(x: Any) -> Any:
    """Rectify: max(x, 0).

    Parameters
    ----------
    x : array of real numbers

    Returns
    -------
    array
        Of the shape of `x` and its floating dtype (float64 for integers), as of all functions here.

    Raises
    ------
    TypeError
        If `x` is complex.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array([-1.0, 0.0, 2.0]))
    >>> relu(x).backward()
    >>> x.grad
    array([0., 0., 1.])
    """
    return np.maximum(real_array(x, "relu"), 0)


@pullback(relu, "x", reads="")
def relu_pullback(gy: Any, x: Any, *, y: Any) -> Any:
    return where_true(y > 0, gy)


@dispatched
def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """The leaky rectifier: x where it is positive, else slope x.

    `slope` is a number, or an array that broadcasts; as a Variable it is learnt (a PReLU).

    Examples
    --------
    >>> import numpy as np
    >>> leaky_relu(np.array([-1.0, 2.0]), 0.1)
    array([-0.1,  2. ])
    """
    x = real_array(x, "leaky_relu")
    is_number = isinstance(slope, int | float) and not isinstance(slope, bool)
    slope = options.real(slope, "slope", "leaky_relu") if is_number else real_array(slope, "leaky_relu")
    if not is_number and common_shape(slope.shape, x.shape) is None:
        raise ValueError(f"slope of leaky_relu must broadcast with x of shape {x.shape}, but got {describe(slope)}")
    return np.where(x > 0, x, slope * x)


@pullback(leaky_relu, "x", reads="x slope")
def leaky_relu_wrt_x(gy: Any, x: Any, slope: Any = 0.01) -> Any:
    return np.where(x > 0, gy, slope * gy)


@pullback(leaky_relu, "slope", reads="x")
def leaky_relu_wrt_slope(gy: Any, x: Any, slope: Any = 0.01) -> Any:
    return gy * np.where(x > 0, 0, x)


@dispatched
def relu6(x: Any) -> Any:
    """The rectifier with the upper bound 6: min(max(x, 0), 6).

    Examples
    --------
    >>> import numpy as np
    >>> relu6(np.array([-1.0, 2.0, 7.0]))
    array([0., 2., 6.])
    """
    return np.clip(real_array(x, "relu6"), 0, 6)


@pullback(relu6, "x", reads="")
def relu6_pullback(gy: Any, x: Any, *, y: Any) -> Any:
    return where_true((y > 0) & (y < 6), gy)


@dispatched
def hardtanh(x: Any, low: float = -1.0, high: float = 1.0) -> Any:
    """Clip to the interval from `low` to `high`.

    Examples
    --------
    >>> import numpy as np
    >>> hardtanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    low = options.real(low, "low", "hardtanh", infinite=True)
    high = options.real(high, "high", "hardtanh", infinite=True)
    if low > high:
        raise ValueError(f"hardtanh needs low <= high, but got low={low} and high={high}; swap them")
    return np.clip(real_array(x, "hardtanh"), low, high)


@pullback(hardtanh, "x", reads="")
def hardtanh_pullback(gy: Any, x: Any, low: float = -1.0, high: float = 1.0, *, y: Any) -> Any:
    return np.where((y > low) & (y < high), gy, 0)


@dispatched
def elu(x: Any, alpha: float = 1.0) -> Any:
    """The exponential linear unit: x where it is positive, else alpha (exp(x) - 1).

    References
    ----------
    Clevert et al., 2015, https://arxiv.org/abs/1511.07289

    Examples
    --------
    >>> import numpy as np
    >>> elu(np.array([-1.0, 2.0]))
    array([-0.63212056,  2.        ])
    """
    x, alpha = real_array(x, "elu"), options.real(alpha, "alpha", "elu")
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@pullback(elu, "x", reads="x")
def elu_pullback(gy: Any, x: Any, alpha: float = 1.0) -> Any:
    return gy * np.where(x > 0, 1, alpha * np.exp(np.where(x > 0, 0, x)))


@dispatched
def celu(x: Any, alpha: float = 1.0) -> Any:
    """The continuously differentiable ELU: x where it is positive, else alpha (exp(x / alpha) - 1).

    References
    ----------
    Barron, 2017, https://arxiv.org/abs/1704.07483

    Examples
    --------
    >>> import numpy as np
    >>> celu(np.array([-1.0, 2.0]), alpha=2.0)
    array([-0.78693868,  2.        ])
    """
    x, alpha = real_array(x, "celu"), options.real(alpha, "alpha", "celu", above=0)
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@pullback(celu, "x", reads="x")
def celu_pullback(gy: Any, x: Any, alpha: float = 1.0) -> Any:
    return gy * np.exp(np.where(x > 0, 0, x) / alpha)


@dispatched
def selu(x: Any) -> Any:
    """The self-normalizing ELU: 1.0507 times the ELU with alpha 1.6733.

    References
    ----------
    Klambauer et al., 2017, https://arxiv.org/abs/1706.02515

    Examples
    --------
    >>> import numpy as np
    >>> selu(np.array([-1.0, 2.0]))
    array([-1.11133074,  2.10140197])
    """
    return SELU_SCALE * elu(real_array(x, "selu"), SELU_ALPHA)


@pullback(selu, "x", reads="x")
def selu_pullback(gy: Any, x: Any) -> Any:
    return SELU_SCALE * elu_pullback(gy, x, SELU_ALPHA)


# Sigmoids


@dispatched
def sigmoid(x: Any) -> Any:
    """The logistic function: 1 / (1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    x = real_array(x, "sigmoid")
    with np.errstate(under="ignore"):
        decay = np.exp(-np.abs(x))
        return np.where(x >= 0, 1, decay) / (1 + decay)


@pullback(sigmoid, "x")
def sigmoid_pullback(gy: Any, x: Any, *, y: Any) -> Any:
    return gy * logistic_slope(x, y)


@dispatched
def log_sigmoid(x: Any) -> Any:
    """The logarithm of `sigmoid`: -log(1 + exp(-x)).

    Examples
    --------
    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, -1.0]))
    array([-1000.        ,    -1.31326169])
    """
    return -softplus(-real_array(x, "log_sigmoid"))


@pullback(log_sigmoid, "x", reads="x")
def log_sigmoid_pullback(gy: Any, x: Any) -> Any:
    return gy * sigmoid(-x)


@dispatched
def softplus(x: Any) -> Any:
    """The smooth rectifier: log(1 + exp(x)).

    Examples
    --------
    >>> import numpy as np
    >>> softplus(np.array([0.0, 1000.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    x = real_array(x, "softplus")
    with np.errstate(under="ignore"):
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@pullback(softplus, "x", reads="x")
def softplus_pullback(gy: Any, x: Any) -> Any:
    return gy * sigmoid(x)


@dispatched
def softsign(x: Any) -> Any:
    """The function x / (1 + abs(x)).

    Examples
    --------
    >>> import numpy as np
    >>> softsign(np.array([-1.0, 3.0]))
    array([-0.5 ,  0.75])
    """
    x = real_array(x, "softsign")
    return x / (1 + np.abs(x))


@pullback(softsign, "x", reads="x")
def softsign_pullback(gy: Any, x: Any) -> Any:
    return gy / np.square(1 + np.abs(x))


@dispatched
def hard_sigmoid(x: Any) -> Any:
    """The piecewise linear sigmoid: relu6(x + 3) / 6.

    Examples
    --------
    >>> import numpy as np
    >>> hard_sigmoid(np.array([-4.0, 0.0, 4.0]))
    array([0. , 0.5, 1. ])
    """
    return np.clip(real_array(x, "hard_sigmoid") / 6 + 0.5, 0, 1)


@pullback(hard_sigmoid, "x", reads="")
def hard_sigmoid_pullback(gy: Any, x: Any, *, y: Any) -> Any:
    return np.where((y > 0) & (y < 1), gy / 6, 0)


# x times a sigmoid. Beyond FAR, in double precision, the sigmoid is 0 or 1 and its slope 0: x is clipped to FAR there,
# so that infinity times 0 gives 0.

FAR = 800.0


@dispatched
def silu(x: Any) -> Any:
    """The sigmoid linear unit, or swish: x sigmoid(x).

    Examples
    --------
    >>> import numpy as np
    >>> silu(np.array([-1.0, 2.0]))
    array([-0.26894142,  1.76159416])
    """
    x = real_array(x, "silu")
    return np.maximum(x, -FAR) * sigmoid(x)


@pullback(silu, "x", reads="x")
def silu_pullback(gy: Any, x: Any) -> Any:
    s = sigmoid(x)
    if level_of(x) == RECORDED:  # the derivative of 1 - s has no digits on the right
        return gy * (s * (1 + np.clip(x, -FAR, FAR) * sigmoid(-x)))
    return gy * (s * (1 + np.clip(x, -FAR, FAR) * (1 - s)))


@dispatched
def hard_swish(x: Any) -> Any:
    """The piecewise swish: x hard_sigmoid(x).

    References
    ----------
    Howard et al., Searching for MobileNetV3, 2019, https://arxiv.org/abs/1905.02244

    Examples
    --------
    >>> import numpy as np
    >>> hard_swish(np.array([-4.0, 1.0, 4.0]))
    array([-0.        ,  0.66666667,  4.        ])
    """
    x = real_array(x, "hard_swish")
    return np.maximum(x, -3) * hard_sigmoid(x)


@pullback(hard_swish, "x", reads="x")
def hard_swish_pullback(gy: Any, x: Any) -> Any:
    """0 on the left, 1 on the right, also at the two kinks."""
    return gy * np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5))


@dispatched
def mish(x: Any) -> Any:
    """The function x tanh(softplus(x)).

    References
    ----------
    Misra, 2019, https://arxiv.org/abs/1908.08681

    Examples
    --------
    >>> import numpy as np
    >>> mish(np.array([-1.0, 2.0]))
    array([-0.30340146,  1.94395896])
    """
    x = real_array(x, "mish")
    return np.maximum(x, -FAR) * np.tanh(softplus(x))


@pullback(mish, "x", reads="x")
def mish_pullback(gy: Any, x: Any) -> Any:
    t = np.tanh(softplus(x))
    if level_of(x) == RECORDED:
        return gy * (t + np.clip(x, -FAR, FAR) * sigmoid(x) * sech_squared(softplus(x)))
    return gy * (t + np.clip(x, -FAR, FAR) * sigmoid(x) * (1 - t * t))


@dispatched
def gelu(x: Any, approximate: bool = False) -> Any:
    """The Gaussian error linear unit: x times the probability that a standard normal number is below x.

    Parameters
    ----------
    x : array of real numbers
    approximate : bool
        Take 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), off by up to 0.0005, but faster.

    References
    ----------
    Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415

    Examples
    --------
    >>> import numpy as np
    >>> gelu(np.array([-1.0, 2.0]))
    array([-0.15865525,  1.95449974])
    >>> gelu(np.array([-1.0, 2.0]), approximate=True)
    array([-0.15880801,  1.95459769])
    """
    x, approximate = real_array(x, "gelu"), options.flag(approximate, "approximate", "gelu")
    if type(x) is np.ndarray:
        return gelu_of_array(x, approximate)[0]
    near = np.clip(x, -CERTAIN, CERTAIN)
    part = sigmoid(2 * SCALE * (near + CUBE * (near * near * near))) if approximate else normal_cdf(near)
    return np.where(x > CERTAIN, x, near * part)[()]  # (a NumPy scalar if 0-d, as ufuncs return)


class Gelu(Fused, function=gelu, by="x"):
    """Keeps the CDF of the forward pass, from which the derivative follows."""

    x: Any
    part: Any
    approximate: bool

    def forward(self, x: Any, approximate: bool) -> Any:
        self.x, self.approximate = real_array(x, "gelu"), options.flag(approximate, "approximate", "gelu")
        y, self.part = gelu_of_array(self.x, approximate)
        return y

    def backward(self, gy: Any) -> Any:
        return (gelu_gradient(gy, self.x, self.part, self.approximate),)
