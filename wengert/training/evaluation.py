"""Losses and metrics over batches, without training on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.core.errors import describe
from wengert.core.mode import no_grad, test_mode
from wengert.core.variable import Variable
from wengert.training.averages import Averages
from wengert.training.batches import size_of

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["computed", "evaluated", "number"]


def evaluated(trainer: Trainer, loader: Any, asked: Callable[[], bool]) -> dict[str, float] | None:
    """Return the means over all batches, in test mode; or None, as soon as `asked` says to stop."""
    averages = Averages()
    batches = iter(loader)
    try:
        with no_grad(), test_mode():
            for batch in batches:
                if asked():
                    return None
                averages.add(computed(trainer, batch)[2], size_of(batch))
    finally:
        if hasattr(batches, "close"):
            batches.close()
    if not averages.sums:
        raise ValueError(f"there is nothing to evaluate on: {describe(loader)} gave no batch")
    return averages.means()


def computed(trainer: Trainer, batch: Any) -> tuple[Any, float, dict[str, float]]:
    """Return the loss of a batch, as it is and as a float, and all numbers by name, "loss" among them."""
    found: Any = trainer.compute(batch)
    if isinstance(found, tuple):
        if len(found) != 2 or not isinstance(found[1], dict):
            raise TypeError(
                f"compute must return a loss, or (loss, {{name: number}}), but got a tuple of "
                f"{', '.join(describe(each) for each in found)}"
            )
        loss, values = found
    else:
        loss, values = found, {}
    value = number(loss, "the loss")
    return loss, value, {"loss": value, **{name: number(each, repr(name)) for name, each in values.items()}}


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
