"""The compiled steps of a trainer: the gradients of a batch, and the update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.checks.interrupts import Uninterrupted, running
from wengert.compiler.compiled import compile
from wengert.training.batches import arrays_of, check_pair
from wengert.training.gradients import add_gradients, gradients_of

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["CompiledSteps"]


class CompiledSteps:
    """The step of a trainer as two compiled functions; gradients are checked in between.

    They are compiled ahead of time, so that a resumed run rounds as an uninterrupted one does. Metrics are not
    compiled: they may be any Python.

    Parameters
    ----------
    trainer : Trainer
    own : bool
        Whether the trainer overrides `compute`, which is then compiled unchanged.
    """

    def __init__(self, trainer: Trainer, own: bool) -> None:
        model, loss_of, optimizer = trainer.model, trainer.loss, trainer.optimizer

        def gradients(batch: Any, first: bool, weight: float | None) -> Any:
            if own:
                return gradients_of(trainer, batch, first, weight)
            *inputs, t = batch
            y = model(*inputs)
            assert loss_of is not None
            loss = loss_of(y, t)
            add_gradients(optimizer, loss, first, weight)
            return loss, arrays_of(y)

        def update() -> None:
            optimizer.update()

        self.own = own
        self._gradients = compile(gradients, ahead=True)
        self._update = compile(update, ahead=True)

    def gradients(self, trainer: Trainer, batch: Any, first: bool, weight: float | None) -> tuple[Any, dict[str, Any]]:
        """Compute what `gradients_of` computes."""
        if self.own:
            found: tuple[Any, dict[str, Any]] = self._gradients(batch, first, weight)
            return found
        check_pair(batch)
        loss, y = self._gradients(batch, first, weight)
        return loss, trainer.measured(y, batch[-1])

    def prepare(self) -> None:
        """Compile the update, unless it is: an exception, as of memory that is refused, then changes nothing."""
        if not self._update.plans:
            with Uninterrupted():
                transaction = running.set(None)  # what is traced is undone: no part of the step
                try:
                    self._update._prepare()
                finally:
                    running.reset(transaction)

    def update(self) -> None:
        """Run the optimizer's `update`."""
        self._update()
