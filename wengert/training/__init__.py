"""Training: the loop around a model, its checkpoints, its history."""

from wengert.training.callbacks import Callback
from wengert.training.checkpoints import load_run, save_run
from wengert.training.history import plot_history, save_history
from wengert.training.trainer import Trainer

__all__ = ["Callback", "Trainer", "load_run", "plot_history", "save_history", "save_run"]
