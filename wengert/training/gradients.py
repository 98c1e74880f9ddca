"""The gradients of a step: accumulated over batches, checked, clipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter, Variable
from wengert.layers.layer import Layer
from wengert.optimizers.clipping import clip_gradients_by_norm
from wengert.training.batches import size_of
from wengert.training.evaluation import computed, number

if TYPE_CHECKING:
    from wengert.training.together import Together
    from wengert.training.trainer import Trainer

__all__ = ["Gathered", "add_gradients", "gradients_of"]


class Gathered:
    """Accumulation of gradients: their mean over several batches, weighted by batch size."""

    def __init__(self, accumulate: int, clip_norm: float | None) -> None:
        self.accumulate = options.integer(accumulate, "accumulate", "Trainer", 1)
        self.clip_norm = None if clip_norm is None else options.real(clip_norm, "clip_norm", "Trainer", above=0)
        self.forget()

    def forget(self) -> None:
        """Start over."""
        self.begun = 0  # batches, including the one whose gradient is not added yet
        self.batches = 0
        self.weight = 0

    def weight_of(self, batch: Any, together: Together | None) -> float | None:
        """Return the weight of a batch, or of a rank's part of it; None if it is the only one."""
        # (the division by the sum of weights follows at the end, when it is known)
        if together is not None:
            return together.share if self.accumulate > 1 else together.share / together.total
        return size_of(batch) if self.accumulate > 1 else None

    def count(self, batch: Any, together: Together | None) -> None:
        """Count a batch whose gradient was added."""
        if self.accumulate > 1:
            self.weight += size_of(batch) if together is None else together.total
        self.batches += 1

    def finish(self, model: Layer, optimizer: Any) -> str | None:
        """Normalize and clip the gradients for the update; return a description of non-finite ones, else None."""
        params = trained(model, optimizer)
        if self.accumulate > 1:
            for p in params:
                p.grad = p.grad / self.weight
        self.batches = self.weight = 0  # (`begun` is part of the message of an error)
        if not params:
            raise ValueError(
                "no parameter of the optimizer got a gradient; was it made for another model, or is the loss computed "
                "from .data or .detach()?"
            )
        # The sum of an array shows whether it is finite, at a fraction of the cost of the update.
        with np.errstate(all="ignore"):
            bad = [p for p in params if not np.isfinite(np.add.reduce(p.grad, axis=None))]
        bad = [p for p in bad if not np.isfinite(p.grad).all()]
        if bad:
            names = {id(p): name for name, p in model.params().items()}
            return f"the gradient of {names.get(id(bad[0]), describe(bad[0]))!r} is not finite"
        if self.clip_norm is not None:
            clip_gradients_by_norm(params, self.clip_norm)
        return None


def gradients_of(trainer: Trainer, batch: Any, first: bool, weight: float | None) -> tuple[Any, dict[str, Any]]:
    """Call `add_gradients` for a batch; return its loss and other values."""
    loss, values = computed(trainer, batch)
    together = trainer.together
    overlaps = together is not None and trainer.gathered.accumulate == 1 and trainer.compiled is None
    add_gradients(trainer.optimizer, loss, first, weight, together if overlaps else None)
    return loss, values


def add_gradients(
    optimizer: Any, loss: Any, first: bool, weight: float | None, together: Together | None = None
) -> None:
    """Add the weighted gradients of a batch to those of the parameters; with `together`, reduce them meanwhile."""
    if getattr(loss, "shape", None) != ():
        number(loss, "the loss")  # raises
    if not isinstance(loss, Variable) or loss.creator is None:
        raise ValueError(
            f"the loss must have a graph, but is {describe(loss)}; compute it from the model's output, "
            "not from its .data or inside no_grad, and have parameters to train"
        )
    if first:
        optimizer.cleargrads()
    if weight is not None:
        loss.grad = np.array(weight, loss.dtype)
    if together is None:
        loss.backward()
    else:
        together.backward(loss)


def trained(model: Layer, optimizer: Any) -> list[Parameter]:
    """Return the parameters that the optimizer updates."""
    groups = getattr(optimizer, "groups", None)
    params = model.params().values() if groups is None else [p for group in groups for p in group.params]
    return [p for p in params if p.grad is not None]
