"""The reduction of elementwise losses to one number, and the argument checks that all losses share."""

from typing import Any

import numpy as np

from wengert.arrays.decisions import holds
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.variables import to_array
from wengert.functions.activation import common_shape, real_array

__all__ = ["check_reduction", "pair", "reduced", "share", "within"]

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: Any, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise unless `reduction` is one of `known`."""
    options.choice(reduction, "reduction", name, known)


def pair(name: str, y: Any, t: Any, of: str = "t") -> tuple[Any, Any]:
    """Return outputs and targets as arrays of floats, and of one shape.

    A scalar target is broadcast. Scalars and integers take the dtype of `y`, so that float32 stays float32.

    Raises
    ------
    TypeError
        If an argument is complex.
    ValueError
        If the shapes differ: NumPy would broadcast (N, 1) and (N,) to N x N differences.
    """
    y = real_array(y, name)
    if not hasattr(t, "dtype"):
        t = to_array(t)
    if t.dtype.kind not in "biuf":
        real_array(t, name)  # raises
    if t.dtype != y.dtype and (t.dtype.kind != "f" or t.shape == ()):
        t = t.astype(y.dtype)
    if t.shape != y.shape and t.shape != ():
        raise ValueError(
            f"{name} compares elements one by one, so that y and {of} must have one shape, but y has {y.shape} and "
            f"{of} has {t.shape}; reshape one of them, as in {of}.reshape(y.shape) or y[:, 0]"
        )
    return y, t


def within(name: str, what: str, values: Any, low: float, high: float, instead: str) -> None:
    """Raise ValueError unless all of an ndarray lie from `low` to `high` (or are NaN)."""
    if values.size and (holds(np.min(values) < low) or holds(np.max(values) > high)):
        outside = (values < low) | (values > high)
        place = tuple(int(i) for i in np.unravel_index(np.argmax(outside), outside.shape))
        where = f"{what}[{', '.join(map(str, place))}]" if place else what
        raise ValueError(f"{name} needs {what} from {low} to {high}, but {where} is {values[place]}; {instead}")


def fitting(name: str, what: str, values: Any, y: Any) -> Any:
    """Return `values` as an array of the dtype of `y` that broadcasts to its shape.

    Raises
    ------
    ValueError
        If they do not broadcast to exactly the shape of `y`.
    """
    values = real_array(to_array(values), name).astype(y.dtype, copy=False)
    if common_shape(values.shape, y.shape) != y.shape:
        raise ValueError(
            f"{name} needs a {what} that broadcasts to the shape of y, {y.shape}, but got {describe(values)}; "
            "reshape it, or insert axes of length 1"
        )
    return values


def total(losses: Any) -> Any:
    """Sum losses; half precision is summed in single precision, where it does not overflow."""
    if losses.dtype == np.float16:
        return np.sum(losses, dtype=np.float32)
    return np.add.reduce(losses, axis=None) if type(losses) is np.ndarray else np.sum(losses)


def reduced(name: str, losses: Any, reduction: str, divisor: Any = None) -> Any:
    """Reduce losses to their mean or sum, or return them.

    Raises
    ------
    ValueError
        If the mean of no losses is asked for. (`divisor` replaces their number in the mean.)
    """
    if reduction == "none":
        return losses
    y = total(losses)
    if reduction != "sum":
        divisor = losses.size if divisor is None else divisor
        if not divisor:
            raise ValueError(
                f"{name} needs at least one target to take the mean over (the losses have the shape {losses.shape}); "
                "skip such a batch, or use reduction='sum'"
            )
        y = y / divisor
    return y if y.dtype == losses.dtype else y.astype(losses.dtype)


def share(gy: Any, reduction: str, size: Any) -> Any:
    """Return the gradient with respect to each of `size` losses, from that of their reduction."""
    if reduction != "mean":
        return gy
    # more than 65504 elements would be infinite in half precision
    return (gy.astype(np.float32) if gy.dtype == np.float16 else gy) / size
