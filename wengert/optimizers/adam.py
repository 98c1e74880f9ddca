"""Adam and AdamW: running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.optimizers.elementwise import Elementwise, update_mean
from wengert.optimizers.groups import FRACTION, Group, Limit
from wengert.optimizers.optimizer import Clipping

__all__ = ["Adam", "AdamW"]


class Adam(Elementwise):
    """Adam: steps along the mean gradient, divided by the root of the mean squared gradient.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        0 or more: approximately the size of the steps.
    beta1, beta2 : float
        The decay rates of the means of the gradient and of its square, from 0 to below 1.
    eps : float
        Added to the root, against division by zero.
    weight_decay : float
        L2 penalty: ``weight_decay * p`` is added to the gradient. (See `AdamW`.)
    amsgrad : bool
        Divide by the root of the largest mean square so far.

    Notes
    -----
    D. P. Kingma, J. Ba, *Adam: a method for stochastic optimization* (2014); amsgrad: S. J. Reddi,
    S. Kale, S. Kumar, *On the convergence of Adam and beyond* (2018).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import Adam
    >>> p = Parameter(np.array([1.0, 1.0]))
    >>> optimizer = Adam([p], learning_rate=0.25)
    >>> p.grad = np.array([1.0, -100.0])
    >>> optimizer.update()
    >>> np.round(p.data, 6)
    array([0.75, 1.25])
    """

    limits: ClassVar[Mapping[str, Limit]] = {"beta1": FRACTION, "beta2": FRACTION}
    switches: ClassVar[tuple[str, ...]] = ("amsgrad",)

    def __init__(
        self,
        params: Any,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {
            "learning_rate": learning_rate,
            "beta1": beta1,
            "beta2": beta2,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
        }
        super().__init__(params, options, **clipping)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("mean", "mean_square", "largest_mean_square") if group.amsgrad else ("mean", "mean_square")

    def numbers(self, group: Group, step: int) -> Any:
        rate, beta1, beta2 = group.learning_rate.item(), group.beta1.item(), group.beta2.item()
        # Bias corrections, because the means start at zero. The second is applied to the factors around the root, which
        # saves a pass over the elements.
        first, second = 1 - beta1**step, (1 - beta2**step) ** 0.5
        kept = 1.0 if self.couples_decay else 1 - rate * group.weight_decay.item()
        return beta1, beta2, group.eps.item() * second, rate * second / first, kept

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        beta1, beta2, eps, rate, kept = numbers
        mean, mean_square, scratch = arrays[0], arrays[1], arrays[-1]
        update_mean(mean, beta1, g, scratch)
        update_mean(mean_square, beta2, np.multiply(g, g, out=scratch), scratch)
        if len(arrays) == 4:
            mean_square = np.maximum(arrays[2], mean_square, out=arrays[2])
        np.sqrt(mean_square, out=scratch)
        scratch += eps
        np.divide(mean, scratch, out=scratch)
        scratch *= rate
        if kept != 1:
            p *= kept
        p -= scratch


class AdamW(Adam):
    """Adam with decoupled weight decay: ``p -= learning_rate * weight_decay * p`` in addition to Adam's step.

    Parameters
    ----------
    params, learning_rate, beta1, beta2, eps, amsgrad
        As in `Adam`.
    weight_decay : float
        0 or more.

    Notes
    -----
    I. Loshchilov, F. Hutter, *Decoupled weight decay regularization* (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import AdamW
    >>> p = Parameter(np.array([1.0]))
    >>> optimizer = AdamW([p], learning_rate=0.25, weight_decay=0.5)
    >>> p.grad = np.array([0.0])
    >>> optimizer.update()
    >>> p
    Parameter([0.875])
    """

    couples_decay: ClassVar[bool] = False

    def __init__(
        self,
        params: Any,
        learning_rate: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        **clipping: Unpack[Clipping],
    ) -> None:
        super().__init__(params, learning_rate, beta1, beta2, eps, weight_decay, amsgrad, **clipping)
