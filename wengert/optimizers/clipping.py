"""Gradient clipping, by the global norm or elementwise."""

import functools
from collections.abc import Iterable
from math import sqrt
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.options import flag
from wengert.core.variable import Parameter, Variable
from wengert.optimizers.groups import ABOVE_ZERO, named_parameters

__all__ = ["check_finite", "clip_gradients_by_norm", "clip_gradients_by_value", "gradient_of"]

# As in PyTorch: avoids a division by zero where all gradients are zero.
TINY = 1e-6


def clip_gradients_by_norm(params: Any, limit: float, *, order: float = 2, error_if_nonfinite: bool = False) -> float:
    """Scale all gradients so that their global norm is at most `limit`; return the norm before.

    The norm is that of all gradients as one vector. Gradients are changed in place. Parameters without a gradient are
    skipped.

    Parameters
    ----------
    params : Layer, dict or iterable of Parameter
    limit : float
        The largest norm, above 0.
    order : float
        Of the norm: 2, 1, any other above 0, or ``np.inf`` for the largest absolute value.
    error_if_nonfinite : bool
        Whether to raise if a gradient is NaN or infinite. By default all gradients then become NaN (0 where they are
        finite and the norm is infinite).

    Raises
    ------
    ValueError
        If `limit` or `order` is not above 0, or, with `error_if_nonfinite`, a gradient is not finite.

    Notes
    -----
    R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks* (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import clip_gradients_by_norm
    >>> p = Parameter(np.zeros(2))
    >>> p.grad = np.array([30.0, 40.0])
    >>> clip_gradients_by_norm([p], 5)
    50.0
    >>> np.round(p.grad, 3)
    array([3., 4.])
    """
    whose = "clip_gradients_by_norm"
    limit = ABOVE_ZERO.checked(limit, "limit", whose)
    if not (isinstance(order, (float, np.floating)) and order == np.inf):
        order = ABOVE_ZERO.checked(order, "order", whose)
    error_if_nonfinite = flag(error_if_nonfinite, "error_if_nonfinite", whose)
    params = parameters_of(params)
    gradients = distinct_gradients(params.values())
    if any(not isinstance(g, np.ndarray) for _, g in gradients):
        return clip_others(gradients, limit, order)  # type: ignore[no-any-return]
    norm = total_norm([g for _, g in gradients], order)
    if error_if_nonfinite and not np.isfinite(norm):
        check_finite(params)
        raise ValueError(f"the norm of the gradients is {norm}, though each is finite; scale the loss down")
    scale = limit / (norm + TINY)
    if not scale >= 1:  # NaN too
        with np.errstate(all="ignore"):
            for p, g in gradients:
                if is_writeable(p, g):
                    np.multiply(g, scale, out=g)
                else:
                    p.grad = g * scale
    return norm


def clip_others(gradients: list[tuple[Parameter, Any]], limit: float, order: float) -> Any:
    """Clip by the norm for other array types (those of a tracer): the same in whole-array operations."""
    sizes = [np.abs(g).astype(np.float64) for _, g in gradients]
    if order == np.inf:
        norm = functools.reduce(np.maximum, [np.max(s, initial=0) for s in sizes])
    else:
        norm = sum(np.sum(s**order) for s in sizes) ** (1 / order)
    scale = np.minimum(limit / (norm + TINY), 1)
    for p, g in gradients:
        p.grad = g * scale.astype(g.dtype)
    return norm


def clip_gradients_by_value(params: Any, limit: float, *, error_if_nonfinite: bool = False) -> None:
    """Clip each element of each gradient to the interval from ``-limit`` to ``limit``, in place.

    Parameters
    ----------
    params : Layer, dict or iterable of Parameter
    limit : float
        Above 0.
    error_if_nonfinite : bool
        Whether to raise if a gradient is NaN or infinite. By default NaN stays NaN.

    Raises
    ------
    ValueError
        If `limit` is not above 0, or, with `error_if_nonfinite`, a gradient is not finite.
    TypeError
        If a gradient is complex: it has no order.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import clip_gradients_by_value
    >>> p = Parameter(np.zeros(2))
    >>> p.grad = np.array([0.5, -40.0])
    >>> clip_gradients_by_value([p], 1)
    >>> p.grad
    array([ 0.5, -1. ])
    """
    limit = ABOVE_ZERO.checked(limit, "limit", "clip_gradients_by_value")
    error_if_nonfinite = flag(error_if_nonfinite, "error_if_nonfinite", "clip_gradients_by_value")
    params = parameters_of(params)
    if error_if_nonfinite:
        check_finite(params)
    gradients = distinct_gradients(params.values())
    for p, g in gradients:
        if g.dtype.kind == "c":
            raise TypeError(
                f"complex gradients have no order to be clipped by, but got that of {describe(p)}; clip by norm instead"
            )
    for p, g in gradients:
        if is_writeable(p, g):
            np.clip(g, -limit, limit, out=g)
        else:
            p.grad = np.clip(g, -limit, limit)


def parameters_of(params: Any) -> dict[str, Parameter]:
    """Return parameters by name; a single one is accepted too."""
    return named_parameters([params] if isinstance(params, Parameter) else params)


def gradient_of(p: Parameter) -> Any:
    """Return the gradient as an ndarray, or None."""
    g = p.grad
    return g.data if isinstance(g, Variable) else g


def distinct_gradients(params: Iterable[Parameter]) -> list[tuple[Parameter, Any]]:
    """Return the gradients that are not None; an array shared by two parameters once."""
    found: dict[int, tuple[Parameter, Any]] = {}
    for p in params:
        g = gradient_of(p)
        if g is not None and p.data is not None:
            found.setdefault(id(g), (p, g))
    return list(found.values())


def is_writeable(p: Parameter, g: Any) -> bool:
    """Whether a gradient may be changed in place: not if it has a graph."""
    return g is p.grad and g.flags.writeable


def check_finite(params: dict[str, Parameter]) -> None:
    """Raise ValueError, by name, if a gradient has NaN or infinity."""
    for name, p in params.items():
        g = gradient_of(p)
        if g is not None and not np.all(np.isfinite(g)):
            found = "NaN" if np.any(np.isnan(g)) else "infinity"
            raise ValueError(
                f"gradients must be finite, but that of {name!r} ({describe(p)}) has {found}; "
                "lower the learning rate, or run the step in a wengert.debug() block to see where it was made"
            )


def total_norm(gradients: list[Any], order: float) -> float:
    """Return the norm of all gradients as one vector."""
    norms = np.array([norm_of(g, order) for g in gradients])
    if not norms.size or not norms.any():
        return 0.0
    top = float(norms.max())
    if not np.isfinite(top) or order == np.inf:
        return top
    return float(top * np.sum((norms / top) ** order) ** (1 / order))


def norm_of(g: Any, order: float) -> float:
    """Return the norm of one gradient as a vector, without intermediate overflow."""
    if not g.size:
        return 0.0
    if order == 2 and g.dtype.itemsize >= 4:
        flat = g.ravel(order="K")
        square = float(np.vdot(flat, flat).real)
        if 1e-30 < square < 1e37:
            return sqrt(square)
    size = np.abs(g).astype(np.float64)
    top = float(size.max())
    if not 0 < top < np.inf or order == np.inf:
        return top
    return float(top * np.sum((size / top) ** order) ** (1 / order))
