"""Adafactor: the mean squared gradients of a matrix, factored into a column and a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.optimizers.clipping import gradient_of
from wengert.optimizers.groups import ABOVE_ZERO, Group, Limit
from wengert.optimizers.optimizer import Clipping, Optimizer, State, state_dtype

__all__ = ["Adafactor"]


@dataclass
class _Buffer:
    """A reusable buffer for one array at a time, as large as the largest so far."""

    bytes_: Any = None

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        size = prod(shape) * dtype.itemsize
        if self.bytes_ is None or self.bytes_.size < size:
            self.bytes_ = np.empty(size, np.uint8)
        return self.bytes_[:size].view(dtype).reshape(shape)


class Adafactor(Optimizer):
    """Adafactor: adaptive steps with a state of rows plus columns in place of rows times columns.

    Parameters of two dimensions or more are factored along the last two; for others the full mean square is kept. Steps
    are relative to the root mean square of the parameter.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        The largest relative step; ``1 / sqrt(step)`` is another upper bound.
    beta2_decay : float
        A new squared gradient has the weight ``step ** -beta2_decay`` in the mean; above 0.
    eps1 : float, optional
        The lower bound of the root of a mean square; by default that of the dtype.
    eps2 : float
        The lower bound of the root mean square that steps are relative to.
    clip_threshold : float
        The largest root mean square of a step before it is scaled by the rate; above 0.
    weight_decay : float
        Decoupled, as in `AdamW`.

    Raises
    ------
    TypeError
        From `update`, for a complex parameter.

    Notes
    -----
    N. Shazeer, M. Stern, *Adafactor: adaptive learning rates with sublinear memory cost* (2018). As
    in PyTorch, `eps1` bounds the estimate from below, and is not added to its factors.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import Adafactor
    >>> p = Parameter(np.ones((200, 300)))
    >>> optimizer = Adafactor([p], learning_rate=0.1)
    >>> np.sum(p**2).backward()
    >>> optimizer.update()
    >>> {name: array.shape for name, array in optimizer.state_dict().items() if "mean" in name}
    {'state.0.row_mean_square': (200, 1), 'state.0.column_mean_square': (1, 300)}
    """

    transient: ClassVar[tuple[str, ...]] = ("forms", "half_updated", "_step_buffer", "_square_buffer")
    limits: ClassVar[Mapping[str, Limit]] = {
        "beta2_decay": ABOVE_ZERO,
        "eps1": Limit(above=0.0, optional=True),
        "clip_threshold": ABOVE_ZERO,
    }

    def __init__(
        self,
        params: Any,
        learning_rate: float = 0.01,
        beta2_decay: float = 0.8,
        eps1: float | None = None,
        eps2: float = 1e-3,
        clip_threshold: float = 1.0,
        weight_decay: float = 0.0,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {
            "learning_rate": learning_rate,
            "beta2_decay": beta2_decay,
            "eps1": eps1,
            "eps2": eps2,
            "clip_threshold": clip_threshold,
            "weight_decay": weight_decay,
        }
        super().__init__(params, options, **clipping)
        self._step_buffer, self._square_buffer = _Buffer(), _Buffer()

    def new_state(self, data: Any, group: Group) -> State:
        if data.dtype.kind == "c":
            raise TypeError(
                f"Adafactor takes real parameters, but got {describe(data)}; "
                "train the real and the imaginary part as two parameters"
            )
        dtype = state_dtype(data.dtype)
        if data.ndim < 2:
            return {"mean_square": np.zeros(data.shape, dtype)}
        return {
            "row_mean_square": np.zeros((*data.shape[:-1], 1), dtype),
            "column_mean_square": np.zeros((*data.shape[:-2], 1, data.shape[-1]), dtype),
        }

    def update_one(self, param: Parameter, group: Group, state: State) -> None:
        p, g, step = param.data, gradient_of(param), state["step"].item()
        if not p.size:
            return
        dtype = state_dtype(p.dtype)
        if isinstance(p, np.ndarray):
            square = self._square_buffer.take(p.shape, dtype)
            change = self._step_buffer.take(p.shape, dtype)
        else:
            square, change = np.empty_like(p, dtype=dtype), np.empty_like(p, dtype=dtype)
        eps1 = float(np.finfo(p.dtype).eps) if group.eps1 is None else group.eps1.item()
        rate = group.learning_rate.item()
        weight = step ** -group.beta2_decay.item()
        size = root_mean_square(np.multiply(p, p, out=square, dtype=dtype))
        alpha = (np.maximum(group.eps2.item(), size) * np.minimum(rate, step**-0.5)).item()
        if group.weight_decay:
            p *= 1 - rate * group.weight_decay.item()

        np.multiply(g, g, out=square, dtype=dtype)
        if p.ndim > 1:
            rows, columns = state["row_mean_square"], state["column_mean_square"]
            move(rows, weight, np.mean(square, axis=-1, keepdims=True))
            move(columns, weight, np.mean(square, axis=-2, keepdims=True))
            np.multiply(rows, columns / np.maximum(np.mean(rows, axis=-2, keepdims=True), eps1), out=change)
        else:
            move(state["mean_square"], weight, square)
            change[...] = state["mean_square"]
        np.maximum(change, eps1 * eps1, out=change)
        np.sqrt(change, out=change)
        np.divide(g, change, out=change)
        size = root_mean_square(np.multiply(change, change, out=square))
        change *= (alpha / np.maximum(1.0, size / group.clip_threshold.item())).item()
        np.subtract(p, change, out=p)
        param.data = p


def move(mean: Any, weight: float, value: Any) -> None:
    """Update a running mean with `value`."""
    mean *= 1 - weight
    mean += weight * value


def root_mean_square(squares: Any) -> float:
    """Return the root of the mean of an array of squares."""
    return np.sqrt(np.mean(squares, dtype=np.float64)).item()  # type: ignore[no-any-return]
