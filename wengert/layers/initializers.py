"""Initial values of weights, drawn from the generator that `wengert.seed` seeds.

Each takes the shape of a weight, laid out (out, in, *kernel), and a dtype: ``he_normal((256, 784))``. The fan-in of
such a weight is in times the size of the kernel, the fan-out is out times that size. Those with a parameter of their
own (``normal(0.02)``) return such a function. A layer takes them as ``initializer=``.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.functions.randomness import process_generator

__all__ = [
    "Initializer",
    "constant",
    "drawn",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "uniform_fan_in",
    "zeros",
]

Initializer = Callable[..., Any]  # (shape, dtype) -> ndarray
Shape = int | tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """Return the fan-in and the fan-out of a weight ``(out, in, *kernel)``.

    Raises
    ------
    ValueError
        If the shape has fewer than two dimensions.

    Examples
    --------
    >>> fans((16, 3, 5, 5))
    (75, 400)
    """
    sizes = _sizes(shape)
    if len(sizes) < 2:
        raise ValueError(
            f"fan-in and fan-out are of a weight (out, in, *kernel), but got the shape {sizes}; "
            "use zeros, constant(c), uniform(bound) or normal(std) here"
        )
    window = math.prod(sizes[2:])
    return sizes[1] * window, sizes[0] * window


def _sizes(shape: Any) -> tuple[int, ...]:
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    sizes = tuple(options.size(n, "each size in the shape of a weight", "", 0) for n in given)
    if math.prod(sizes) > options.LARGEST_SIZE:
        raise ValueError(f"a weight must have at most 2**40 numbers, but its shape is {sizes}")
    return sizes


def _dtype(dtype: Any, kinds: str = "fc") -> np.dtype[Any]:
    return options.dtype(dtype, "dtype", "an initializer", kinds)


def drawn(initializer: Initializer, shape: Any, dtype: Any, whose: str) -> Any:
    """Call an initializer; return its numbers in `dtype`, or raise ValueError if they have another shape."""
    shape, dtype = _sizes(shape), _dtype(dtype)
    values = options.function(initializer, "initializer", whose)(shape, dtype)
    if getattr(values, "shape", None) != shape or values.dtype.kind not in "biufc"[: 4 + (dtype.kind == "c")]:
        raise ValueError(
            f"the initializer of {whose} must return an array of the shape {shape}, but got {describe(values)}"
        )
    return np.asarray(values, dtype)


def zeros(shape: Shape, dtype: Any = np.float32) -> Any:
    """All 0, as for biases.

    Examples
    --------
    >>> zeros(2)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(_sizes(shape), _dtype(dtype, "biufc"))


def ones(shape: Shape, dtype: Any = np.float32) -> Any:
    """All 1, as for the weights of normalization."""
    return np.ones(_sizes(shape), _dtype(dtype, "biufc"))


def constant(value: float) -> Initializer:
    """All `value`.

    Examples
    --------
    >>> constant(0.5)(2)
    array([0.5, 0.5], dtype=float32)
    """
    return partial(_full, value=options.real(value, "value", "constant"))


def uniform(bound: float) -> Initializer:
    """Uniform numbers between -bound and bound."""
    return partial(_uniform, bound=options.real(bound, "bound", "uniform", 0))


def normal(std: float = 1.0) -> Initializer:
    """Normal numbers of mean 0 and standard deviation `std`.

    Examples
    --------
    >>> normal(0.02)((256, 256)).std().round(3)
    np.float32(0.02)
    """
    return partial(_normal, std=options.real(std, "std", "normal", 0))


def truncated_normal(std: float = 1.0) -> Initializer:
    """Truncated normal numbers: of standard deviation `std`, those beyond 2 `std` drawn again.

    (The result has the standard deviation 0.88 `std`.)

    Examples
    --------
    >>> bool(abs(truncated_normal(0.5)((100, 100))).max() <= 1)
    True
    """
    return partial(_truncated, std=options.real(std, "std", "truncated_normal", 0))


def uniform_fan_in(shape: Shape, dtype: Any = np.float32) -> Any:
    """Uniform between -1 / sqrt(fan_in) and 1 / sqrt(fan_in), as in PyTorch's layers.

    Their variance is 1 / (3 fan_in), a third of that of `lecun_uniform`.

    References
    ----------
    LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998
    """
    return _uniform(shape, dtype, bound=_scale(1, fans(shape)[0]))


def lecun_normal(shape: Shape, dtype: Any = np.float32) -> Any:
    """Normal of variance 1 / fan_in, which preserves the variance of the inputs. For `selu`, or no activation.

    References
    ----------
    LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998
    """
    return _normal(shape, dtype, std=_scale(1, fans(shape)[0]))


def lecun_uniform(shape: Shape, dtype: Any = np.float32) -> Any:
    """Uniform of variance 1 / fan_in: see `lecun_normal`."""
    return _uniform(shape, dtype, bound=_scale(3, fans(shape)[0]))


def he_normal(shape: Shape, dtype: Any = np.float32) -> Any:
    """Normal of variance 2 / fan_in: for `relu`, which halves the variance.

    References
    ----------
    He et al., Delving Deep into Rectifiers, 2015, https://arxiv.org/abs/1502.01852
    """
    return _normal(shape, dtype, std=_scale(2, fans(shape)[0]))


def he_uniform(shape: Shape, dtype: Any = np.float32) -> Any:
    """Uniform of variance 2 / fan_in: see `he_normal`.

    Examples
    --------
    >>> bool(abs(he_uniform((8, 6))).max() <= 1)
    True
    """
    return _uniform(shape, dtype, bound=_scale(6, fans(shape)[0]))


def glorot_normal(shape: Shape, dtype: Any = np.float32) -> Any:
    """Normal of variance 2 / (fan_in + fan_out), a compromise for values and gradients. For `tanh`.

    References
    ----------
    Glorot and Bengio, Understanding the Difficulty of Training Deep Feedforward Neural Networks, 2010,
    https://proceedings.mlr.press/v9/glorot10a.html
    """
    return _normal(shape, dtype, std=_scale(2, sum(fans(shape))))


def glorot_uniform(shape: Shape, dtype: Any = np.float32) -> Any:
    """Uniform of variance 2 / (fan_in + fan_out): see `glorot_normal`."""
    return _uniform(shape, dtype, bound=_scale(6, sum(fans(shape))))


def orthogonal(shape: Shape, dtype: Any = np.float32) -> Any:
    """A random matrix (out, in times kernel) with orthonormal rows, or columns if these are fewer.

    References
    ----------
    Saxe, McClelland and Ganguli, Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural
    Networks, 2013, https://arxiv.org/abs/1312.6120

    Examples
    --------
    >>> import numpy as np
    >>> q = orthogonal((2, 4), np.float64)
    >>> np.allclose(q @ q.T, np.eye(2))
    True
    """
    sizes = _sizes(shape)
    fans(sizes)
    rows, columns = sizes[0], math.prod(sizes[1:])
    q, r = np.linalg.qr(_normal((max(rows, columns), min(rows, columns)), np.float64, std=1.0))
    q *= np.where(np.diagonal(r) < 0, -1, 1)  # QR fixes the signs: without this q would not be uniform
    return np.ascontiguousarray(q.T if rows < columns else q, _dtype(dtype)).reshape(sizes)


def _scale(gain: float, fan: int) -> float:
    return math.sqrt(gain / fan) if fan else 0.0  # nothing to draw


# Functions with a parameter are defined at module level too, so that layers that hold them can be pickled


def _full(shape: Shape, dtype: Any = np.float32, *, value: float) -> Any:
    return np.full(_sizes(shape), value, _dtype(dtype, "biufc"))


def _truncated(shape: Shape, dtype: Any = np.float32, *, std: float) -> Any:
    values = _normal(shape, np.float64, std=1.0).reshape(-1)
    while len(out := np.flatnonzero(np.abs(values) > 2)):
        values[out] = process_generator().standard_normal(len(out))
    return (std * values).astype(_dtype(dtype)).reshape(_sizes(shape))


def _normal(shape: Shape, dtype: Any = np.float32, *, std: float) -> Any:
    dtype = _dtype(dtype)
    drawn = np.float32 if dtype == np.float32 else np.float64
    values: Any = process_generator().standard_normal(_sizes(shape), drawn)
    values *= drawn(std)
    return values.astype(dtype, copy=False)


def _uniform(shape: Shape, dtype: Any = np.float32, *, bound: float) -> Any:
    dtype = _dtype(dtype)
    drawn = np.float32 if dtype == np.float32 else np.float64
    values: Any = process_generator().random(_sizes(shape), drawn)
    values *= drawn(2 * bound)
    values -= drawn(bound)
    return values.astype(dtype, copy=False)
