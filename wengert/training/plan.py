"""What one call of fit is to do: how long, when to stop early, when to save."""

import os
from typing import Any

import numpy as np

from wengert.checks.extras import needed
from wengert.core.errors import describe
from wengert.layers.layer import Layer
from wengert.training.run import Run

__all__ = ["Plan"]


class Plan:
    """The options of `Trainer.fit`, checked."""

    def __init__(
        self,
        epochs: int,
        patience: float | None,
        monitor: str | None,
        larger_is_better: bool,
        checkpoint: str | os.PathLike[str] | None,
        every: int | str,
    ) -> None:
        self.epochs = whole(epochs, 0, "epochs")
        if patience is not None and patience != np.inf:
            patience = whole(patience, 1, "patience")
        if every != "epoch":
            every = whole(every, 1, 'every, if it is not "epoch",')
        if checkpoint is not None:
            check_place(checkpoint)
        self.patience = patience
        self.monitor = monitor
        self.larger_is_better = larger_is_better
        self.checkpoint = checkpoint
        self.every = every

    def monitored(self, row: dict[str, Any]) -> float:
        """Return the value in a row of the history that decides."""
        name = self.monitor or ("valid_loss" if "valid_loss" in row else "loss")
        if name not in row:
            raise ValueError(f"fit is to monitor {name!r}, but the history has: {', '.join(row)}")
        return float(row[name])

    def judge(self, run: Run, row: dict[str, Any], model: Layer) -> None:
        """Keep the weights if the epoch of `row` is the best so far."""
        if self.patience is None:
            return
        value = self.monitored(row)
        best = run.best_value
        # (NaN is never better, and anything is better than nothing.)
        if best is None or (value > best if self.larger_is_better else value < best):
            if np.isnan(value):
                raise FloatingPointError(f"what early stopping looks at is nan after epoch {run.epoch}: {row}")
            run.best_value, run.best_epoch, run.best_weights = value, run.epoch, model.state_dict()

    def exhausted(self, run: Run) -> bool:
        """Whether patience is at its end."""
        if self.patience is None or run.best_epoch is None:
            return False
        return run.epoch - run.best_epoch >= self.patience


def check_place(path: Any) -> None:
    """Raise now, and not when an epoch has been trained, where a checkpoint could not be saved."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"checkpoint must be a path, but got {describe(path)}")
    needed("safetensors", "train", "saving a checkpoint")
    target = os.path.realpath(path)
    if os.path.isdir(target):
        raise IsADirectoryError(
            f"checkpoint must be a file, but {os.fspath(path)!r} is a folder; write "
            f"{os.path.join(os.fspath(path), 'run.safetensors')!r}"
        )
    folder = os.path.dirname(target)
    what = f"the folder of the checkpoint {os.fspath(path)!r}"
    if not os.path.exists(folder):
        raise FileNotFoundError(f"{what} is not there; make it: os.makedirs({folder!r})")
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{what} is a file; choose another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{what} cannot be written to; choose another")


def whole(value: Any, least: int, name: str) -> int:
    """Return an int; raise unless it is a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, but got {describe(value)}")
    if value < least:
        raise ValueError(f"{name} must be {least} or more, but got {value}")
    return int(value)
