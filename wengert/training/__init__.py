"""Training: the loop around a model, its checkpoints, its history.

>>> import numpy as np
>>> import wengert
>>> from wengert.functions import mse
>>> from wengert.layers import Linear
>>> from wengert.optimizers import SGD
>>> from wengert.training import Trainer
>>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
>>> model = Linear(1, 1)
>>> trainer = Trainer(model, SGD(model, 0.5), mse, progress=False)
>>> history = trainer.fit(x, 2 * x + 1, epochs=20, batch_size=16)
>>> print(np.round(model.weight.data, 2), np.round(model.bias.data, 2))
[[2.]] [1.]
"""

from wengert.training.callbacks import Callback
from wengert.training.checkpoints import load_run, save_run
from wengert.training.history import plot_history, save_history
from wengert.training.live_curve import LiveCurve
from wengert.training.loggers import CSVLogger, TensorBoard
from wengert.training.monitors import BestWeights, EarlyStopping
from wengert.training.moving_average import EMA
from wengert.training.trainer import Trainer

__all__ = [
    "EMA",
    "BestWeights",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "LiveCurve",
    "TensorBoard",
    "Trainer",
    "load_run",
    "plot_history",
    "save_history",
    "save_run",
]
