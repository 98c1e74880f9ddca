"""A schedule that depends on a metric."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wengert.checks.interrupts import Uninterrupted
from wengert.checks.options import choice, flag, integer, option, real
from wengert.optimizers.optimizer import Optimizer
from wengert.optimizers.schedule import Schedule, metric_of
from wengert.optimizers.states import as_real, check_state

__all__ = ["ReduceOnPlateau"]


class ReduceOnPlateau(Schedule):
    """Multiply the learning rates by `factor` when a metric has stopped improving.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        From 0 to below 1.
    patience : int
        The number of steps without improvement that are tolerated.
    mode : {"min", "max"}
        Whether a lower or a higher metric is better.
    threshold : float
        The minimal improvement, 0 or more.
    relative : bool
        Whether `threshold` is relative to the best metric, or absolute.
    cooldown : int
        The number of steps after a reduction that are not counted.
    minimum : float
        The lowest learning rate, 0 or more.
    smallest_change : float
        Rates that would change by no more than this are not changed.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD, ReduceOnPlateau
    >>> optimizer = SGD([Parameter(np.ones(3))], learning_rate=1.0)
    >>> schedule = ReduceOnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in [3.0, 2.0, 2.0, 2.0]:
    ...     schedule.step(loss)
    >>> optimizer.learning_rate
    array(0.5)
    """

    state_names = ("step_count", "base", "best", "bad_steps", "cooldown_left")
    factor: float = option(real, 0, below=1)
    patience: int = option(integer, 0)
    mode: str = option(choice, ("min", "max"))
    threshold: float = option(real, 0)
    relative: bool = option(flag)
    cooldown: int = option(integer, 0)
    minimum: float = option(real, 0)
    smallest_change: float = option(real, 0)

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "min",
        threshold: float = 1e-4,
        relative: bool = True,
        cooldown: int = 0,
        minimum: float = 0.0,
        smallest_change: float = 1e-8,
    ) -> None:
        self.mode, self.factor, self.patience, self.threshold = mode, factor, patience, threshold
        self.relative, self.cooldown, self.minimum, self.smallest_change = relative, cooldown, minimum, smallest_change
        self.best = np.array(np.inf if mode == "min" else -np.inf)
        self.bad_steps = np.array(0)
        self.cooldown_left = np.array(0)
        super().__init__(optimizer)

    def apply(self, step: int) -> None:
        """Keep the rates, as they depend on the metrics."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state, including the rates, which the step count does not determine."""
        return {**super().state_dict(), "learning_rates": self._learning_rates()}

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load a state from `state_dict`, in place, and write its learning rates."""
        check_state(arrays)
        own = dict(arrays)
        given = own.pop("learning_rates", None)  # states of older versions have none
        rates = self._learning_rates() if given is None else as_real("learning_rates", given, np.dtype(float))
        if rates.shape != self.base.shape:
            raise ValueError(f"learning_rates must have the shape {self.base.shape}, but has {rates.shape}")
        super().load_state_dict(own)
        for group, rate in zip(self.optimizer.groups, rates, strict=True):
            group.learning_rate = rate

    def step(self, metric: Any) -> None:  # type: ignore[override]
        """Make one step with a metric; reduce the rates if it has stopped improving.

        Parameters
        ----------
        metric : float
            NaN counts as no improvement.
        """
        value = metric_of(metric)
        with Uninterrupted(joins=True):
            self._take_metric(value)

    def _take_metric(self, value: float) -> None:
        self.step_count += 1
        if self.is_better(value):
            self.best[...] = value
            self.bad_steps[...] = 0
        else:
            self.bad_steps += 1
        if self.cooldown_left > 0:
            self.cooldown_left -= 1
            self.bad_steps[...] = 0
        if self.bad_steps > self.patience:
            for group in self.optimizer.groups:
                old = float(group.learning_rate)
                new = max(old * self.factor, self.minimum)
                if old - new > self.smallest_change:
                    group.learning_rate = new
            self.cooldown_left[...] = self.cooldown
            self.bad_steps[...] = 0

    def is_better(self, value: float) -> bool:
        """Whether a metric improves on the best so far."""
        best = float(self.best)
        if not np.isfinite(best):
            return value < best if self.mode == "min" else value > best
        margin = self.threshold * (abs(best) if self.relative else 1)
        return value < best - margin if self.mode == "min" else value > best + margin
