"""Losses and metrics over batches, without training on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Variable
from wengert.custom.modes import no_grad
from wengert.functions.training_mode import test_mode
from wengert.training.averages import Averages
from wengert.training.batches import size_of

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["computed", "evaluated", "number", "numbers"]


def evaluated(trainer: Trainer, loader: Any, asked: Callable[[], bool]) -> dict[str, float] | None:
    """Return the means over all batches, in test mode; or None, as soon as `asked` returns True."""
    averages = Averages()
    together = trainer.together
    batches = iter(loader if together is None else together.parts(loader))
    try:
        with no_grad(), test_mode():
            for batch in batches:
                if asked():
                    return None
                values = numbers(trainer, *computed(trainer, batch))
                averages.add(values, size_of(batch) if together is None else together.share)
    finally:
        if hasattr(batches, "close"):
            batches.close()
    if not averages.sums:
        raise ValueError(f"there is nothing to evaluate on: {describe(loader)} has no batch")
    if together is not None:
        averages = Averages(together.totals(averages.sums))
    return averages.means()


def computed(trainer: Trainer, batch: Any) -> tuple[Any, dict[str, Any]]:
    """Return the loss of a batch and other values by name, unconverted."""
    found: Any = trainer.compute(batch)
    if isinstance(found, tuple):
        if len(found) != 2 or not isinstance(found[1], dict):
            raise TypeError(
                f"compute must return a loss, or (loss, {{name: number}}), but got a tuple of "
                f"{', '.join(describe(each) for each in found)}"
            )
        return found
    return found, {}


def numbers(trainer: Trainer, loss: Any, values: dict[str, Any]) -> dict[str, float]:
    """Return the computed values as floats, including "loss"."""
    found = {"loss": number(loss, "the loss")}
    for name, value in values.items():
        found[name] = number(value, f"the metric {name!r}" if name in trainer.metrics else repr(name))
    return found


def number(value: Any, what: str) -> float:
    """Return a 0-d value as a float; raise ValueError unless it is one real number.

    Examples
    --------
    >>> number(np.float32(0.5), "the loss")
    0.5
    """
    if type(value) is float:
        return value
    array = np.asarray(value.data if isinstance(value, Variable) else value)
    if array.shape != () or array.dtype.kind not in "biuf":
        raise ValueError(f"{what} must be one real number, but got {describe(value)}; take its mean: np.mean(...)")
    return float(array)
