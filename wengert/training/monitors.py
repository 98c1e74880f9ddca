"""Callbacks that monitor a column of the history: early stopping, and the best weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Any

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.extras import needed
from wengert.layers.layer import Layer
from wengert.layers.weights import save_weights
from wengert.training.callbacks import Callback

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["BestWeights", "EarlyStopping"]


class Monitor(Callback):
    """A callback that is told when a column of the history has its best value so far."""

    def __init__(self, monitor: str | None, larger_is_better: bool, least_change: float) -> None:
        kind = type(self).__name__
        self.monitor = None if monitor is None else options.text(monitor, "monitor", kind)
        self.larger_is_better = options.flag(larger_is_better, "larger_is_better", kind)
        self.least_change = options.real(least_change, "least_change", kind, 0)
        self.forget()

    def forget(self) -> None:
        """Start over, for another fit."""
        self.value: float | None = None
        self.epoch: int | None = None

    def on_fit_start(self, trainer: Trainer) -> None:
        if trainer.run.first == trainer.epoch and not trainer.run.batch:  # a new fit, not one that is resumed
            self.forget()

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        name = self.monitor or ("valid_loss" if "valid_loss" in row else "loss")
        if name not in row:
            raise ValueError(
                f"{type(self).__name__} is to monitor {name!r}, but the history has: {', '.join(row)}; a column of "
                "another callback is there if that comes before this one in the list"
            )
        value = float(row[name])
        change = 0.0 if self.value is None else (value - self.value) * (1 if self.larger_is_better else -1)
        # (NaN is never better; any other first value is)
        if not isnan(value) and (self.value is None or change > self.least_change):
            self.value, self.epoch = value, trainer.epoch
            self.improved(trainer)

    def improved(self, trainer: Trainer) -> None:
        """Called after an epoch that is the best so far."""

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or set(state) != set(self.state_dict()):
            kind = type(self).__name__
            raise ValueError(f"load_state_dict takes what state_dict of {kind} gave, but got {describe(state)}")
        for name, value in state.items():
            setattr(self, name, value)


class EarlyStopping(Monitor):
    """Ends `Trainer.fit` when a column of the history has not improved for some epochs.

    ``Trainer.fit(..., patience=5)`` does this too, and restores the best weights; this callback leaves the last ones,
    and asks for a least change.

    Parameters
    ----------
    patience : int
        The number of epochs without an improvement, after which it stops.
    monitor : str, optional
        The column; by default "valid_loss", without validation "loss".
    larger_is_better : bool
        As for an accuracy.
    least_change : float
        Changes of at most this are no improvement.

    Attributes
    ----------
    value, epoch : float, int or None
        The best value so far, and the epoch (from 1) that had it.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.functions import mse
    >>> from wengert.optimizers import SGD
    >>> from wengert.training import EarlyStopping, Trainer
    >>> wengert.seed(0)
    >>> x = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
    >>> model = wengert.layers.Linear(1, 1)
    >>> stopping = EarlyStopping(3, monitor="loss", least_change=1e-4)
    >>> trainer = Trainer(model, SGD(model, 0.5), mse, callbacks=[stopping], progress=False)
    >>> history = trainer.fit(x, 3 * x, epochs=1000)
    >>> len(history) < 100, len(history) - stopping.epoch
    (True, 3)
    """

    def __init__(
        self, patience: int, monitor: str | None = None, *, larger_is_better: bool = False, least_change: float = 0.0
    ) -> None:
        self.patience = options.integer(patience, "patience", "EarlyStopping", 1)
        super().__init__(monitor, larger_is_better, least_change)

    def forget(self) -> None:
        super().forget()
        self.waited = 0

    def on_fit_start(self, trainer: Trainer) -> None:
        super().on_fit_start(trainer)
        if self.waited >= self.patience:  # (a run that has stopped, and is started again from its checkpoint)
            trainer.stop()

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        self.waited += 1
        super().on_epoch_end(trainer, row)
        if self.waited >= self.patience:
            trainer.stop()

    def improved(self, trainer: Trainer) -> None:
        self.waited = 0

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "waited": self.waited}


class BestWeights(Monitor):
    """Keeps the weights of the best epoch, and saves them in a file.

    (``Trainer.fit(..., patience=np.inf)`` restores them at the end of the fit, without a file.)

    Parameters
    ----------
    path : path, optional
        A safetensors file, replaced after each epoch that is the best so far: see `wengert.layers.save_weights`.
    monitor, larger_is_better
        As for `EarlyStopping`.

    Attributes
    ----------
    value, epoch : float, int or None
        The best value so far, and the epoch (from 1) that had it.
    weights : dict of str to ndarray, or None
        What ``model.state_dict()`` gave then.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.functions import mse
    >>> from wengert.optimizers import SGD
    >>> from wengert.training import BestWeights, Trainer
    >>> x = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
    >>> model = wengert.layers.Linear(1, 1)
    >>> best = BestWeights()
    >>> trainer = Trainer(model, SGD(model, 0.1), mse, callbacks=[best], progress=False)
    >>> history = trainer.fit(x, 3 * x, epochs=5)
    >>> best.epoch, best.value == history[4]["loss"]
    (5, True)
    >>> best.restore(model)
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        monitor: str | None = None,
        *,
        larger_is_better: bool = False,
    ) -> None:
        self.path = None if path is None else options.path(path, "path", "BestWeights")
        if path is not None:
            needed("safetensors", "train", "saving the best weights")
        super().__init__(monitor, larger_is_better, 0.0)

    def forget(self) -> None:
        super().forget()
        self.weights: dict[str, Any] | None = None

    def improved(self, trainer: Trainer) -> None:
        self.weights = trainer.model.state_dict()
        if self.path is not None:
            save_weights(trainer.model, self.path)

    def restore(self, model: Layer) -> None:
        """Give a model the best weights.

        Raises
        ------
        ValueError
            If there are none yet.
        """
        if not isinstance(model, Layer):
            raise TypeError(f"restore takes a Layer, but got {describe(model)}")
        if self.weights is None:
            raise ValueError("there are no best weights yet, because no epoch is done; call fit first")
        model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "weights": self.weights}
