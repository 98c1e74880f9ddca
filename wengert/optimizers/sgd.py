"""Gradient descent: plain, with momentum, and with Nesterov's momentum."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.optimizers.elementwise import Elementwise
from wengert.optimizers.groups import Group
from wengert.optimizers.optimizer import Clipping

__all__ = ["SGD", "Momentum", "Nesterov"]


class SGD(Elementwise):
    """Stochastic gradient descent: ``p -= learning_rate * g``.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        0 or more.
    momentum : float
        The factor on the last step, which is added; 0 or more. See `Momentum`.
    dampening : float
        The momentum adds ``(1 - dampening) * g``.
    nesterov : bool
        Whether to evaluate ahead along the momentum. See `Nesterov`.
    weight_decay : float
        L2 penalty: ``weight_decay * p`` is added to the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD
    >>> p = Parameter(np.array([1.0, 2.0]))
    >>> optimizer = SGD([p], learning_rate=0.25)
    >>> np.sum(p**2).backward()
    >>> optimizer.update()
    >>> p
    Parameter([0.5, 1. ])
    """

    switches: ClassVar[tuple[str, ...]] = ("nesterov",)

    def __init__(
        self,
        params: Any,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {
            "learning_rate": learning_rate,
            "momentum": momentum,
            "dampening": dampening,
            "nesterov": nesterov,
            "weight_decay": weight_decay,
        }
        super().__init__(params, options, **clipping)
        for group in self.groups:
            if group.nesterov and (group.momentum <= 0 or group.dampening != 0):
                raise ValueError(
                    "Nesterov's momentum needs a momentum above 0 and no dampening, but got "
                    f"momentum={group.momentum} and dampening={group.dampening}"
                )

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("momentum",) if group.momentum else ()

    def numbers(self, group: Group, step: int) -> Any:
        # The first gradient is not dampened.
        share = 1.0 if step == 1 else 1.0 - group.dampening.item()
        return group.learning_rate.item(), group.momentum.item(), share, group.nesterov

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        rate, momentum, share, nesterov = numbers
        scratch = arrays[-1]
        if momentum:
            velocity = arrays[0]
            velocity *= momentum
            velocity += g if share == 1 else np.multiply(g, share, out=scratch)
            if nesterov:
                np.multiply(velocity, momentum, out=scratch)
                g = np.add(scratch, g, out=scratch)
            else:
                g = velocity
        p -= np.multiply(g, rate, out=scratch)


class Momentum(SGD):
    """Gradient descent with momentum: ``v = momentum * v + g; p -= learning_rate * v``.

    Parameters
    ----------
    params, learning_rate, dampening, weight_decay
        As in `SGD`.
    momentum : float
        Above 0.

    Notes
    -----
    B. T. Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import Momentum
    >>> p = Parameter(np.array([1.0]))
    >>> optimizer = Momentum([p], learning_rate=0.25, momentum=0.5)
    >>> for _ in range(2):
    ...     p.grad = np.array([1.0])
    ...     optimizer.update()
    >>> p
    Parameter([0.375])
    """

    nesterov: ClassVar[bool] = False

    def __init__(
        self,
        params: Any,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        **clipping: Unpack[Clipping],
    ) -> None:
        super().__init__(params, learning_rate, momentum, dampening, self.nesterov, weight_decay, **clipping)


class Nesterov(Momentum):
    """Nesterov's accelerated gradient: ``v = momentum * v + g; p -= learning_rate * (g + momentum * v)``.

    Parameters
    ----------
    params, learning_rate, momentum, weight_decay
        As in `Momentum`.

    Notes
    -----
    Y. Nesterov, *A method for solving the convex programming problem with convergence rate O(1/k^2)*
    (1983), in the form of I. Sutskever et al., *On the importance of initialization and momentum in
    deep learning* (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import Nesterov
    >>> p = Parameter(np.array([1.0]))
    >>> optimizer = Nesterov([p], learning_rate=0.25, momentum=0.5)
    >>> p.grad = np.array([1.0])
    >>> optimizer.update()
    >>> p
    Parameter([0.625])
    """

    nesterov = True
