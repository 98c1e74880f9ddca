"""Optimizers with a learning rate for each element: AdaGrad, AdaDelta, RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import numpy as np

from wengert.optimizers.elementwise import Elementwise, update_mean
from wengert.optimizers.groups import FRACTION, Group, Limit
from wengert.optimizers.optimizer import Clipping, State

__all__ = ["AdaDelta", "AdaGrad", "RMSprop"]


class AdaGrad(Elementwise):
    """AdaGrad: steps divided by the root of the sum of all squared gradients of an element.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        0 or more.
    rate_decay : float
        The learning rate is divided by ``1 + rate_decay * steps``.
    weight_decay : float
        L2 penalty: ``weight_decay * p`` is added to the gradient.
    initial_sum : float
        The initial value of the sums.
    eps : float
        Added to the root, against division by zero.

    Notes
    -----
    J. Duchi, E. Hazan, Y. Singer, *Adaptive subgradient methods for online learning and stochastic
    optimization* (2011).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import AdaGrad
    >>> p = Parameter(np.array([1.0, 1.0]))
    >>> optimizer = AdaGrad([p], learning_rate=0.5)
    >>> p.grad = np.array([1.0, 100.0])
    >>> optimizer.update()
    >>> p
    Parameter([0.5, 0.5])
    """

    def __init__(
        self,
        params: Any,
        learning_rate: float = 0.01,
        rate_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_sum: float = 0.0,
        eps: float = 1e-10,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {
            "learning_rate": learning_rate,
            "rate_decay": rate_decay,
            "weight_decay": weight_decay,
            "initial_sum": initial_sum,
            "eps": eps,
        }
        super().__init__(params, options, **clipping)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("sum_of_squares",)

    def new_state(self, data: Any, group: Group) -> State:
        state = super().new_state(data, group)
        state["sum_of_squares"][...] = group.initial_sum
        return state

    def numbers(self, group: Group, step: int) -> Any:
        return group.learning_rate.item() / (1 + (step - 1) * group.rate_decay.item()), group.eps.item()

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        rate, eps = numbers
        total, scratch = arrays
        total += np.multiply(g, g, out=scratch)
        np.sqrt(total, out=scratch)
        scratch += eps
        np.divide(g, scratch, out=scratch)
        scratch *= rate
        p -= scratch


class AdaDelta(Elementwise):
    """AdaDelta: steps in the units of the parameter, from running means of squared gradients and steps.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        A factor on the steps, 1 in the paper; 0 or more.
    rho : float
        The decay rate of the running means, from 0 to below 1.
    eps : float
        Added under both roots.
    weight_decay : float
        L2 penalty: ``weight_decay * p`` is added to the gradient.

    Notes
    -----
    M. D. Zeiler, *ADADELTA: an adaptive learning rate method* (2012).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import AdaDelta
    >>> p = Parameter(np.array([1.0]))
    >>> p.grad = np.array([100.0])
    >>> AdaDelta([p]).update()
    >>> np.round(p.data, 5)
    array([0.99684])
    """

    scratch: ClassVar[int] = 2
    limits: ClassVar[Mapping[str, Limit]] = {"rho": FRACTION}

    def __init__(
        self,
        params: Any,
        learning_rate: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {"learning_rate": learning_rate, "rho": rho, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, options, **clipping)

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("mean_square", "mean_square_step")

    def numbers(self, group: Group, step: int) -> Any:
        return group.learning_rate.item(), group.rho.item(), group.eps.item()

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        rate, rho, eps = numbers
        mean_square, mean_square_step, scratch, step = arrays
        update_mean(mean_square, rho, np.multiply(g, g, out=scratch), scratch)
        np.add(mean_square_step, eps, out=step)
        np.sqrt(step, out=step)
        np.add(mean_square, eps, out=scratch)
        np.sqrt(scratch, out=scratch)
        step /= scratch
        step *= g
        update_mean(mean_square_step, rho, np.multiply(step, step, out=scratch), scratch)
        step *= rate
        p -= step


class RMSprop(Elementwise):
    """RMSprop: steps divided by the root of a running mean of squared gradients.

    Parameters
    ----------
    params : Layer, dict, iterable of Parameter, or list of groups
        See `Optimizer`, which has ``clip_norm``, ``clip_value`` and ``error_if_nonfinite`` too.
    learning_rate : float
        0 or more.
    alpha : float
        The decay rate of the running means, from 0 to below 1.
    eps : float
        Added to the root.
    weight_decay : float
        L2 penalty: ``weight_decay * p`` is added to the gradient.
    momentum : float
        The factor on the last step, which is added; 0 or more.
    centered : bool
        Divide by the standard deviation of the gradient, in place of the root of its mean square.

    Notes
    -----
    G. Hinton, *Neural networks for machine learning*, lecture 6e (2012); centered: A. Graves,
    *Generating sequences with recurrent neural networks* (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import RMSprop
    >>> p = Parameter(np.array([1.0]))
    >>> p.grad = np.array([100.0])
    >>> RMSprop([p], learning_rate=0.01, alpha=0.75).update()
    >>> p
    Parameter([0.98])
    """

    scratch: ClassVar[int] = 2
    limits: ClassVar[Mapping[str, Limit]] = {"alpha": FRACTION}
    switches: ClassVar[tuple[str, ...]] = ("centered",)

    def __init__(
        self,
        params: Any,
        learning_rate: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        **clipping: Unpack[Clipping],
    ) -> None:
        options = {
            "learning_rate": learning_rate,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
        }
        super().__init__(params, options, **clipping)

    def state_names(self, group: Group) -> tuple[str, ...]:
        names = ("mean_square", "mean") if group.centered else ("mean_square",)
        return (*names, "momentum") if group.momentum else names

    def numbers(self, group: Group, step: int) -> Any:
        options = (group.learning_rate.item(), group.alpha.item(), group.eps.item(), group.momentum.item())
        return *options, group.centered

    def rule(self, numbers: Any, p: Any, g: Any, *arrays: Any) -> None:
        rate, alpha, eps, momentum, centered = numbers
        mean_square, root, scratch = arrays[0], arrays[-1], arrays[-2]
        update_mean(mean_square, alpha, np.multiply(g, g, out=scratch), scratch)
        if centered:
            mean = arrays[1]
            update_mean(mean, alpha, g, scratch)
            np.multiply(mean, mean, out=scratch)
            np.sqrt(np.subtract(mean_square, scratch, out=root), out=root)
        else:
            np.sqrt(mean_square, out=root)
        root += eps
        step = np.divide(g, root, out=root)
        if momentum:
            velocity = arrays[1 + centered]
            velocity *= momentum
            velocity += step
            step = velocity
        p -= np.multiply(step, rate, out=scratch)
