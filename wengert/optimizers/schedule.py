"""Schedule: learning rates as a function of the step count."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.checks.options import integer, number_of, option, real, received
from wengert.core.variable import Variable
from wengert.optimizers.optimizer import Optimizer
from wengert.optimizers.states import as_real, check_names, check_state

__all__ = ["Schedule", "WarmUp", "metric_of"]


class Schedule:
    """Writes the learning rates of an optimizer's groups in place: the base class of all schedules.

    A subclass defines `rates`. Its base are the learning rates of the groups at construction, when the first rates are
    written; each `step` writes the next ones.

    Parameters
    ----------
    optimizer : Optimizer

    Attributes
    ----------
    step_count : ndarray
        0-d, the number of calls of `step`.
    base : ndarray
        The learning rates of the groups at the start.

    Raises
    ------
    TypeError
        If `optimizer` is not an optimizer, or has no learning rate.

    Notes
    -----
    Whether a step is a batch or an epoch is up to the caller of `step`. Of two schedules of one optimizer the last call
    wins.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, Schedule
    >>> class Halving(Schedule):
    ...     def rates(self, step):
    ...         return self.base * 0.5**step
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> schedule = Halving(optimizer)
    >>> schedule.step()
    >>> optimizer.learning_rate
    array(0.5)
    """

    # The names of the array attributes in `state_dict`.
    state_names: tuple[str, ...] = ("step_count", "base")

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a schedule needs an optimizer whose rates it writes, but got {describe(optimizer)}")
        if any("learning_rate" not in group.options for group in optimizer.groups):
            raise TypeError(f"{type(optimizer).__name__} has no learning rate that a schedule could change")
        self.optimizer = optimizer
        self.step_count = np.array(0)
        self.base = self._learning_rates()
        self.write()

    def rates(self, step: int) -> Any:
        """Return the learning rate of each group after `step` steps, as an array like `base`."""
        raise NotImplementedError(f"{type(self).__name__} has no rates(step); define it")

    def step(self) -> None:
        """Advance by one step, and write the learning rates."""
        with Uninterrupted(joins=True):
            self.apply(int(self.step_count) + 1)
            self.step_count += 1

    def write(self) -> None:
        """Write the learning rates of the current step."""
        self.apply(int(self.step_count))

    def apply(self, step: int) -> None:
        """Write the learning rates of a step."""
        for group, rate in zip(self.optimizer.groups, self.rates(step), strict=True):
            group.learning_rate = rate

    def _learning_rates(self) -> Any:
        return np.array([float(group.learning_rate) for group in self.optimizer.groups])

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the state, as a flat dict of ndarrays."""
        return {name: getattr(self, name).copy() for name in self.state_names}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load a state from `state_dict`, in place, and write the learning rates of its step.

        Rates that were changed by hand are in the optimizer's state: load it after this.

        Raises
        ------
        ValueError
            If names are missing or unexpected, or shapes differ. Nothing is changed then.
        TypeError
            If a value is not a real array.
        """
        self._take(self._checked(arrays))
        self.write()

    def _checked(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Return copies of the arrays of a state; raise unless they match this schedule."""
        check_state(arrays)
        left = dict(arrays)
        given: dict[str, Any] = {}
        trouble = [f"missing: {name}" for name in self.state_names if name not in left]
        for name in self.state_names:
            if name in left:
                own = getattr(self, name)
                given[name] = as_real(name, left.pop(name), own.dtype)
                if given[name].shape != own.shape:
                    trouble.append(f"{name} must have the shape {own.shape}, but has {given[name].shape}")
        check_names(trouble + [f"unexpected: {name}" for name in left], type(self).__name__)
        return given

    def _take(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            getattr(self, name)[...] = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(step {self.step_count}, {type(self.optimizer).__name__})"


def metric_of(value: Any) -> float:
    """Return a metric as a float; raise TypeError unless it is one number, or a Variable of one."""
    try:
        return float(number_of(value.data if isinstance(value, Variable) else value, "iuf"))
    except (TypeError, OverflowError):
        raise TypeError(f"a metric must be one number, but got {received(value)}") from None


class WarmUp(Schedule):
    """Increase learning rates linearly to the start of another schedule, then follow it.

    Parameters
    ----------
    after : Schedule or Optimizer
        The schedule after the warm-up, or an optimizer for constant rates.
    steps : int
        The length of the warm-up, 1 or more.
    start : float
        The factor on the rates at the start, from 0 to 1.

    Notes
    -----
    P. Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour* (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, ExponentialDecay, WarmUp
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> schedule = WarmUp(ExponentialDecay(optimizer, 0.5), steps=2)
    >>> for _ in range(4):
    ...     print(optimizer.learning_rate)
    ...     schedule.step()
    0.0
    0.5
    1.0
    0.5
    """

    steps: int = option(integer, 1)
    start: float = option(real, 0, 1)

    def __init__(self, after: Schedule | Optimizer, steps: int, start: float = 0.0) -> None:
        self.after = after if isinstance(after, Schedule) else None
        self.steps, self.start = steps, start
        super().__init__(after.optimizer if isinstance(after, Schedule) else after)

    def rates(self, step: int) -> Any:
        return self.base * (self.start + (1 - self.start) * min(step, self.steps) / self.steps)

    def step(self, *metric: Any) -> None:
        """Advance by one step; after the warm-up, step the other schedule (with its metric, if it takes one)."""
        for each in metric:
            metric_of(each)
        if self.step_count < self.steps or self.after is None:
            super().step()
            return
        with Uninterrupted(joins=True):
            self.after.step(*metric)
            self.step_count += 1

    def state_dict(self) -> dict[str, Any]:
        inner = {} if self.after is None else self.after.state_dict()
        return {**super().state_dict(), **{f"after.{name}": value for name, value in inner.items()}}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        check_state(arrays)
        inner = {name.removeprefix("after."): v for name, v in arrays.items() if name.startswith("after.")}
        own = {name: v for name, v in arrays.items() if not name.startswith("after.")}
        if self.after is None:
            own.update((f"after.{name}", v) for name, v in inner.items())  # reported as unexpected
            super().load_state_dict(own)
            return
        state = self._checked(own)
        self.after.load_state_dict(inner)
        self._take(state)
        if self.step_count <= self.steps:  # the rates of the warm-up, not of the other schedule
            self.write()
