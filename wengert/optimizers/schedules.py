"""Learning rate schedules, each a formula of the step count."""

from collections.abc import Sequence
from math import cos, pi
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.options import choice, flag, integer, option, real
from wengert.optimizers.optimizer import Optimizer
from wengert.optimizers.schedule import Schedule

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "LinearDecay",
    "MultiStepDecay",
    "OneCycle",
    "PolynomialDecay",
    "StepDecay",
]


def steps_of(value: Any, name: str, whose: str) -> list[int]:
    """Return counts of steps as a list of ints; raise unless `value` is a list of them."""
    if not isinstance(value, (tuple, list)) and not (isinstance(value, np.ndarray) and value.ndim == 1):
        raise TypeError(f"{name} of {whose} must be a list of steps, but got {describe(value)}")
    return [integer(step, f"each step of {name}", whose, 0) for step in value]


class StepDecay(Schedule):
    """Multiply the learning rates by `factor` every `every` steps.

    Parameters
    ----------
    optimizer : Optimizer
    every : int
        1 or more.
    factor : float
        0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, StepDecay
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> schedule = StepDecay(optimizer, every=2, factor=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> optimizer.learning_rate
    array(0.25)
    """

    every: int = option(integer, 1)
    factor: float = option(real, 0)

    def __init__(self, optimizer: Optimizer, every: int, factor: float = 0.1) -> None:
        self.every, self.factor = every, factor
        super().__init__(optimizer)

    def rates(self, step: int) -> Any:
        return self.base * self.factor ** (step // self.every)


class MultiStepDecay(Schedule):
    """Multiply the learning rates by `factor` at each of the given steps.

    Parameters
    ----------
    optimizer : Optimizer
    at : sequence of int
        Each 0 or more, in any order.
    factor : float
        0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, MultiStepDecay
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> schedule = MultiStepDecay(optimizer, at=[1, 3], factor=0.5)
    >>> for _ in range(3):
    ...     schedule.step()
    >>> optimizer.learning_rate
    array(0.25)
    """

    at: list[int] = option(steps_of)
    factor: float = option(real, 0)

    def __init__(self, optimizer: Optimizer, at: Sequence[int], factor: float = 0.1) -> None:
        self.at, self.factor = list(at) if isinstance(at, range) else at, factor  # type: ignore[assignment]
        super().__init__(optimizer)

    def rates(self, step: int) -> Any:
        return self.base * self.factor ** sum(step >= at for at in self.at)


class ExponentialDecay(StepDecay):
    """Multiply the learning rates by `factor` at each step.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, ExponentialDecay
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> ExponentialDecay(optimizer, factor=0.5).step()
    >>> optimizer.learning_rate
    array(0.5)
    """

    def __init__(self, optimizer: Optimizer, factor: float) -> None:
        super().__init__(optimizer, 1, factor)


class PolynomialDecay(Schedule):
    """Polynomial decay of the learning rates to `end` within `steps` steps; constant afterwards.

    Parameters
    ----------
    optimizer : Optimizer
    steps : int
        1 or more.
    power : float
        The exponent, above 0.
    end : float
        The final learning rate, 0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, PolynomialDecay
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> PolynomialDecay(optimizer, steps=2, power=2).step()
    >>> optimizer.learning_rate
    array(0.25)
    """

    steps: int = option(integer, 1)
    power: float = option(real, above=0)
    end: float = option(real, 0)

    def __init__(self, optimizer: Optimizer, steps: int, power: float = 1.0, end: float = 0.0) -> None:
        self.steps, self.power, self.end = steps, power, end
        super().__init__(optimizer)

    def rates(self, step: int) -> Any:
        left = 1 - min(step, self.steps) / self.steps
        return self.end + (self.base - self.end) * left**self.power


class LinearDecay(PolynomialDecay):
    """Linear decay of the learning rates to `end` within `steps` steps; constant afterwards.

    Parameters
    ----------
    optimizer : Optimizer
    steps : int
        1 or more.
    end : float
        The final learning rate, 0 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, LinearDecay
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> LinearDecay(optimizer, steps=4).step()
    >>> optimizer.learning_rate
    array(0.75)
    """

    def __init__(self, optimizer: Optimizer, steps: int, end: float = 0.0) -> None:
        super().__init__(optimizer, steps, 1.0, end)


class CosineDecay(Schedule):
    """Cosine decay of the learning rates to `end` within `steps` steps.

    Parameters
    ----------
    optimizer : Optimizer
    steps : int
        1 or more.
    end : float
        The lowest learning rate, 0 or more.
    restarts : bool
        Whether to restart from the top after `steps` steps. By default the rates stay at `end`.
    growth : int
        The ratio of the lengths of successive cycles; 1 or more.

    Notes
    -----
    I. Loshchilov, F. Hutter, *SGDR: stochastic gradient descent with warm restarts* (2016).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, CosineDecay
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> schedule = CosineDecay(optimizer, steps=2)
    >>> schedule.step()
    >>> print(f"{optimizer.learning_rate:.3f}")
    0.500
    """

    steps: int = option(integer, 1)
    end: float = option(real, 0)
    restarts: bool = option(flag)
    growth: int = option(integer, 1)

    def __init__(
        self, optimizer: Optimizer, steps: int, end: float = 0.0, restarts: bool = False, growth: int = 1
    ) -> None:
        self.steps, self.end, self.restarts, self.growth = steps, end, restarts, growth
        if self.growth > 1 and not self.restarts:
            raise ValueError("growth needs restarts=True")
        super().__init__(optimizer)

    def rates(self, step: int) -> Any:
        length = self.steps
        if not self.restarts:
            step = min(step, length)
        elif self.growth == 1:
            step %= length
        else:
            while step >= length:
                step -= length
                length *= self.growth
        return self.end + (self.base - self.end) * (1 + cos(pi * step / length)) / 2


def momentum_range(value: Any, name: str, whose: str) -> tuple[float, float]:
    """Return the lowest and the highest momentum; raise unless `value` is two of them."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} of {whose} must be two numbers, (lowest, highest), but got {describe(value)}")
    low, high = (real(each, f"each {name}", whose, 0, below=1) for each in value)
    return low, high


class OneCycle(Schedule):
    """The one-cycle policy: the learning rate rises to a maximum, then falls to almost 0.

    Parameters
    ----------
    optimizer : Optimizer
    top : float or sequence of float
        The highest learning rate, above 0; or one for each group.
    steps : int
        The length of the cycle, 2 or more. The last rate is kept after it.
    rise : float
        The fraction of the cycle in which the rate rises, from 0 to below 1.
    shape : {"cosine", "linear"}
        The shape of both slopes.
    start_divisor : float
        ``top / start_divisor`` is the first rate; above 0.
    end_divisor : float
        The first rate divided by this is the last one; above 0.
    momentum : (float, float), optional
        The lowest and the highest momentum: it falls while the rate rises. (Of Adam: `beta1`.) By default momentum is
        not changed.

    Raises
    ------
    ValueError
        If an option is out of its range, or the optimizer has no momentum to change.

    Notes
    -----
    L. N. Smith, N. Topin, *Super-convergence: very fast training of neural networks using large
    learning rates* (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, OneCycle
    >>> optimizer = SGD([Parameter(np.ones(3))])
    >>> schedule = OneCycle(optimizer, top=1.0, steps=11, rise=0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> print(f"{optimizer.learning_rate:.3f}")
    0.971
    """

    steps: int = option(integer, 2)
    rise: float = option(real, 0, below=1)
    shape: str = option(choice, ("cosine", "linear"))
    start_divisor: float = option(real, above=0)
    end_divisor: float = option(real, above=0)
    momentum: tuple[float, float] | None = option(momentum_range, optional=True)

    def __init__(
        self,
        optimizer: Optimizer,
        top: float | Sequence[float],
        steps: int,
        rise: float = 0.3,
        shape: str = "cosine",
        start_divisor: float = 25.0,
        end_divisor: float = 1e4,
        momentum: tuple[float, float] | None = None,
    ) -> None:
        self.steps, self.rise, self.shape = steps, rise, shape
        self.start_divisor, self.end_divisor = start_divisor, end_divisor
        self.top = self._read_top(optimizer, top)
        self.momentum = momentum
        if momentum is not None:
            # read now, as it may become 0
            self.cycled = [self._cycled(group) for group in getattr(optimizer, "groups", [])]
            if not any(self.cycled):
                raise ValueError(f"{type(optimizer).__name__} has no momentum to change; leave momentum=None")
        super().__init__(optimizer)

    @staticmethod
    def _read_top(optimizer: Any, top: Any) -> Any:
        groups = len(getattr(optimizer, "groups", [None]))
        several = isinstance(top, (tuple, list)) or (isinstance(top, np.ndarray) and top.ndim == 1)
        tops = list(top) if several else [top] * groups
        if len(tops) != groups:
            raise ValueError(f"top must be one number, or one for each of {groups} groups, but got {len(tops)}")
        return np.array([real(value, "top", "OneCycle", above=0) for value in tops])

    @staticmethod
    def _cycled(group: Any) -> str | None:
        """Return the name of the option that is a group's momentum."""
        if "beta1" in group.options:
            return "beta1"
        return "momentum" if "momentum" in group.options and group.momentum > 0 else None

    def _between(self, step: int, low: Any, high: Any, last: Any) -> Any:
        """Return the value after `step` steps of a cycle from `low` to `high` to `last`."""
        step = min(step, self.steps - 1)
        turn = self.rise * self.steps - 1
        if step <= turn:
            start, stop, done = low, high, step / turn if turn > 0 else 1.0
        else:
            start, stop, done = high, last, (step - turn) / (self.steps - 1 - turn)
        if self.shape == "cosine":
            done = (1 - cos(pi * done)) / 2
        return start + (stop - start) * done

    def rates(self, step: int) -> Any:
        first = self.top / self.start_divisor
        return self._between(step, first, self.top, first / self.end_divisor)

    def apply(self, step: int) -> None:
        super().apply(step)
        if self.momentum is not None:
            low, high = self.momentum
            for group, name in zip(self.optimizer.groups, self.cycled, strict=True):
                if name is not None:
                    setattr(group, name, self._between(step, high, low, high))
