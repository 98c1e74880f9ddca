"""Callback: what a program does at the turns of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["Callback"]


class Callback:
    """Is called at the turns of `Trainer.fit`; a subclass writes those that it needs.

    Each is given the trainer: its ``epoch`` (epochs done), ``steps`` (updates done), ``history``, ``model``
    and ``optimizer`` are to be read, and ``trainer.stop()`` ends the run after the running step.

    A callback that keeps what a resumed run needs also has ``state_dict()``, of arrays, numbers, strings,
    lists and dicts, and ``load_state_dict(state)``; they are saved in the trainer's checkpoints.

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

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first step of `fit`, when a resumed run has been loaded."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before the first step of an epoch; not again where an interrupted epoch goes on."""

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        """After each update, with the loss and metrics of its (last) batch. The gradients are still there."""

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        """After validation, with the row of the history, which may be added to: early stopping comes after."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """When `fit` ends, in whatever way: also by an error."""
