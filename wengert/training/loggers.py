"""Callbacks that write the history of a run while it goes on: as CSV, and for TensorBoard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks import options
from wengert.checks.extras import needed
from wengert.training.callbacks import Callback
from wengert.training.history import save_history

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["CSVLogger", "TensorBoard"]


class CSVLogger(Callback):
    """Writes the history as CSV after each epoch: a header, and a line for each epoch.

    The file is replaced atomically, and has the whole history, that of a resumed run too.

    Parameters
    ----------
    path : path

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, wengert
    >>> from wengert.functions import mse
    >>> from wengert.optimizers import SGD
    >>> from wengert.training import CSVLogger, Trainer
    >>> model, x = wengert.layers.Linear(1, 1), np.ones((4, 1), np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = CSVLogger(Path(folder, "log.csv"))
    ...     trainer = Trainer(model, SGD(model, 0.1), mse, callbacks=[log], progress=False)
    ...     history = trainer.fit(x, x, epochs=2)
    ...     [line.split(",")[:2] for line in Path(folder, "log.csv").read_text().split()]
    [['epoch', 'step'], ['1', '1'], ['2', '2']]
    """

    one_rank = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = options.path(path, "path", "CSVLogger")

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        save_history(trainer.history, self.path)

    def on_fit_end(self, trainer: Trainer) -> None:
        if trainer.history:
            save_history(trainer.history, self.path)


class TensorBoard(Callback):
    """Writes event files, which ``tensorboard --logdir folder`` shows. Needs tensorboardX, and no PyTorch.

    The columns of the history are scalars by their names, over the number of updates; the loss and the metrics of
    single updates are in the group "step". A resumed run writes another file into the same folder, and replaces what
    was written after the checkpoint that it goes on from.

    Parameters
    ----------
    folder : path
        One for each run; made if it does not exist.
    every : int, optional
        Write the values of every so many updates. By default those of epochs alone.
    histograms : bool
        Whether to write the distributions of the parameters after each epoch.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.

    Examples
    --------
    >>> from wengert.training import TensorBoard
    >>> board = TensorBoard("runs/first", every=10)  # doctest: +SKIP
    >>> trainer = Trainer(model, optimizer, loss, callbacks=[board])  # doctest: +SKIP
    """

    one_rank = True

    def __init__(self, folder: str | os.PathLike[str], *, every: int | None = None, histograms: bool = False) -> None:
        self.folder = options.path(folder, "folder", "TensorBoard")
        self.every = None if every is None else options.integer(every, "every", "TensorBoard", 1)
        self.histograms = options.flag(histograms, "histograms", "TensorBoard")
        self.module = needed("tensorboardX", "tensorboard", "writing files for TensorBoard")
        self.writer: Any = None

    def on_fit_start(self, trainer: Trainer) -> None:
        later = trainer.steps + 1 if trainer.steps else None
        # (files are called by the second in which they are made, and a later fit may be made in the same)
        suffix = f".{trainer.steps}"
        self.writer = self.module.SummaryWriter(self.folder, purge_step=later, filename_suffix=suffix)

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        if self.every is not None and trainer.steps % self.every == 0:
            for name, value in values.items():
                self.writer.add_scalar(f"step/{name}", value, trainer.steps)

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        for name, value in row.items():
            if name != "step" and isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
                self.writer.add_scalar(name, float(value), trainer.steps)
        if self.histograms:
            for name, p in trainer.model.params().items():
                if p.data is not None and p.size and np.isfinite(p.data).all():
                    self.writer.add_histogram(name.replace(".", "/"), np.abs(p.data) if p.dtype.kind == "c" else p.data,
                                              trainer.steps)  # fmt: skip
        self.writer.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None
