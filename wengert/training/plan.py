"""The plan of one call of fit: its length, early stopping, checkpoints."""

import os
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.extras import needed
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
        self.epochs = options.integer(epochs, "epochs", "fit", 0)
        if not (patience is None or (isinstance(patience, (float, np.floating)) and patience == np.inf)):
            patience = options.integer(patience, "patience", "fit", 1)
        if monitor is not None:
            options.text(monitor, "monitor", "fit")
        if not (isinstance(every, str) and every == "epoch"):
            every = options.integer(every, 'every, if it is not "epoch",', "fit", 1)
        if checkpoint is not None:
            check_place(checkpoint)
        self.patience = patience
        self.monitor = monitor
        self.larger_is_better = options.flag(larger_is_better, "larger_is_better", "fit")
        self.checkpoint = checkpoint
        self.every = every

    def monitored(self, row: dict[str, Any]) -> float:
        """Return the monitored value of a row of the history."""
        name = self.monitor or ("valid_loss" if "valid_loss" in row else "loss")
        if name not in row:
            raise ValueError(f"fit is to monitor {name!r}, but the history has: {', '.join(row)}")
        return float(row[name])

    def judge(self, run: Run, row: dict[str, Any], model: Layer) -> None:
        """Store the weights if the epoch of `row` is the best so far."""
        if self.patience is None:
            return
        value = self.monitored(row)
        best = run.best_value
        # (NaN is never better; the first value always is.)
        if best is None or (value > best if self.larger_is_better else value < best):
            if np.isnan(value):
                raise FloatingPointError(
                    f"the value that early stopping monitors is nan after epoch {run.epoch}: {row}"
                )
            run.best_value, run.best_epoch, run.best_weights = value, run.epoch, model.state_dict()

    def exhausted(self, run: Run) -> bool:
        """Whether patience is exhausted."""
        if self.patience is None or run.best_epoch is None:
            return False
        return run.epoch - run.best_epoch >= self.patience


def check_place(path: Any) -> None:
    """Raise before training, not after an epoch, if a checkpoint cannot be saved."""
    path = options.path(path, "checkpoint", "fit")
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
        raise FileNotFoundError(f"{what} does not exist; create it: os.makedirs({folder!r})")
    if not os.path.isdir(folder):
        raise NotADirectoryError(f"{what} is a file; choose another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{what} cannot be written to; choose another")
