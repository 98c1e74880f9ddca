"""The gradients of a step: gathered over batches, looked at, clipped."""

from typing import Any

import numpy as np

from wengert.core.errors import describe
from wengert.core.variable import Parameter
from wengert.layers.layer import Layer
from wengert.optimizers.clipping import clip_gradients_by_norm
from wengert.training.batches import size_of

__all__ = ["Gathered"]


class Gathered:
    """Gradients of several batches as those of one: their mean, weighted by the sizes of the batches."""

    def __init__(self, accumulate: int, clip_norm: float | None) -> None:
        if isinstance(accumulate, bool) or not isinstance(accumulate, (int, np.integer)):
            raise TypeError(f"accumulate must be a whole number of batches, but got {describe(accumulate)}")
        if accumulate < 1:
            raise ValueError(f"accumulate must be 1 or more batches, but got {accumulate}")
        if clip_norm is not None and not (isinstance(clip_norm, (int, float, np.number)) and clip_norm > 0):
            raise ValueError(f"clip_norm must be a number above 0, or None, but got {clip_norm!r}")
        self.accumulate = int(accumulate)
        self.clip_norm = clip_norm
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.batches = 0
        self.weight = 0

    def backward(self, loss: Any, batch: Any) -> None:
        """Add the gradient of one batch."""
        if self.accumulate > 1:
            # each counts by its size; the sum of them is known at the end only, and divided by there
            weight = size_of(batch)
            loss.grad = np.array(weight, loss.dtype)
            self.weight += weight
        loss.backward()
        self.batches += 1

    def finish(self, model: Layer, optimizer: Any) -> str | None:
        """Make the gradients ready for the update; return what is wrong with them, if anything is."""
        params = trained(model, optimizer)
        if self.accumulate > 1:
            for p in params:
                p.grad = p.grad / self.weight
        self.forget()
        if not params:
            raise ValueError(
                "no parameter of the optimizer got a gradient; was it made for another model, or is the loss computed "
                "from .data or .detach()?"
            )
        # The sum of an array is finite if the array is, and costs a fraction of the update.
        with np.errstate(all="ignore"):
            bad = [p for p in params if not np.isfinite(np.add.reduce(p.grad, axis=None))]
        bad = [p for p in bad if not np.isfinite(p.grad).all()]
        if bad:
            names = {id(p): name for name, p in model.params().items()}
            return f"the gradient of {names.get(id(bad[0]), describe(bad[0]))!r} is not finite"
        if self.clip_norm is not None:
            clip_gradients_by_norm(params, self.clip_norm)
        return None


def trained(model: Layer, optimizer: Any) -> list[Parameter]:
    """Return the parameters that the optimizer is to update now."""
    groups = getattr(optimizer, "groups", None)
    params = model.params().values() if groups is None else [p for group in groups for p in group.params]
    return [p for p in params if p.grad is not None]
