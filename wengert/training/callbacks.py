"""Callback: hooks of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["Callback"]


class Callback:
    """Hooks that `Trainer.fit` calls; a subclass overrides those that it needs.

    Each takes the trainer, with its ``epoch`` (epochs done), ``steps`` (updates done), ``history``, ``model`` and
    ``optimizer``; ``trainer.stop()`` ends the run after the current step.

    A callback with state that a resumed run needs also defines ``state_dict()``, of arrays, numbers, strings, lists and
    dicts, and ``load_state_dict(state)``; the state is saved in the trainer's checkpoints.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.optimizers import SGD
    >>> from wengert.training import Callback, Trainer
    >>> class Print(Callback):
    ...     def on_epoch_end(self, trainer, row):
    ...         print(row["epoch"], row["step"], round(row["loss"], 3))
    >>> model = wengert.layers.Linear(1, 1)
    >>> model.weight.data[...] = model.bias.data[...] = 0
    >>> def loss(y, t):
    ...     return np.mean((y - t) ** 2)
    >>> trainer = Trainer(model, SGD(model, 0.1), loss, callbacks=[Print()], progress=False)
    >>> history = trainer.fit([(np.ones((2, 1)), np.ones((2, 1)))], epochs=2)
    1 1 1.0
    2 2 0.36
    """

    one_rank: ClassVar[bool] = False  # whether only rank 0 calls it under MPI, as it writes files

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first step of `fit`, after a resumed run has been loaded."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before the first step of an epoch; not again when an interrupted epoch is resumed."""

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        """After each update, with the loss and metrics of its (last) batch, before gradients are cleared."""

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        """After validation and before early stopping, with the row of the history, which may be extended."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """When `fit` ends, even by an error."""
