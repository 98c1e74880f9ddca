"""Lion: steps in the direction of the sign of a mean gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.optimizers.elementwise import Elementwise, update_mean
from wengert.optimizers.groups import FRACTION, Group, Limit
from wengert.optimizers.optimizer import Clipping

__all__ = ["Lion"]


class Lion(Elementwise):
    """Lion: ``p -= learning_rate * (sign(beta1 * m + (1 - beta1) * g) + weight_decay * p)``.

    The mean gradient ``m`` is updated with `beta2` afterwards. The learning rate should be 3 to 10 times smaller than
    Adam's, and the weight decay larger by the same factor.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        0 or more.
    beta1, beta2 : float
        From 0 to below 1.
    weight_decay : float
        Decoupled, as in `AdamW`.

    Notes
    -----
    X. Chen et al., *Symbolic discovery of optimization algorithms* (2023). Complex parameters are
    pairs of real ones, each with its sign.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import Lion
    >>> p = Parameter(np.array([1.0, 1.0]))
    >>> p.grad = np.array([3.0, -0.1])
    >>> Lion([p], learning_rate=0.25).update()
    >>> p
    Parameter([0.75, 1.25])
    """

    limits: ClassVar[Mapping[str, Limit]] = {"beta1": FRACTION, "beta2": FRACTION}
    couples_decay: ClassVar[bool] = False
    scratch: ClassVar[int] = 2

    def __init__(
        self,
        params: Any,
        learning_rate: float = 1e-4,
        beta1: float = 0.9,
        beta2: float = 0.99,
        weight_decay: float = 0.0,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {"learning_rate": learning_rate, "beta1": beta1, "beta2": beta2, "weight_decay": weight_decay}
        super().__init__(params, options, **clipping)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("mean",)

    def numbers(self, group: Group, step: int) -> Any:
        rate = group.learning_rate.item()
        return rate, group.beta1.item(), group.beta2.item(), 1 - rate * group.weight_decay.item()

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        rate, beta1, beta2, kept = numbers
        mean, scratch, direction = arrays
        np.multiply(mean, beta1, out=direction)
        direction += np.multiply(g, 1 - beta1, out=scratch)
        np.sign(direction, out=direction)
        direction *= rate
        if kept != 1:
            p *= kept
        p -= direction
        update_mean(mean, beta2, g, scratch)
