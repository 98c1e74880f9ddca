"""EMA: the exponential moving average of a model's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.layers.layer import Layer
from wengert.optimizers.optimizer import state_dtype
from wengert.training.callbacks import Callback

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["EMA"]


class EMA(Callback):
    """The exponential moving average of a model's weights, which often predicts better than the last ones.

    Give it to a `Trainer` as a callback; in a loop of your own, call `update` after each update of the optimizer (also
    in a compiled step). It is saved in the trainer's checkpoints; by hand, by `state_dict`.

    Parameters
    ----------
    model : Layer
    decay : float
        From 0 to less than 1: the average becomes ``decay * average + (1 - decay) * weights`` at each step.
    warm_up : bool
        Whether `decay` is at most ``(1 + n) / (10 + n)`` at step `n`, so that the first weights, which are random, are
        forgotten soon.

    Attributes
    ----------
    averages : dict of str to ndarray
        By the names of the parameters; empty before the first step. At least single precision.
    steps : ndarray
        How many updates were averaged, a 0-d array.

    Notes
    -----
    Parameters are averaged, and buffers (the running statistics of `BatchNorm`) are the model's own.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.functions import mse
    >>> from wengert.optimizers import SGD
    >>> from wengert.training import EMA, Trainer
    >>> x = np.linspace(-1, 1, 16, dtype=np.float32)[:, None]
    >>> model = wengert.layers.Linear(1, 1)
    >>> ema = EMA(model, 0.9)
    >>> trainer = Trainer(model, SGD(model, 0.5), mse, callbacks=[ema], progress=False)
    >>> history = trainer.fit(x, 3 * x, epochs=50)
    >>> with ema.applied():  # the model has the averages here
    ...     found = trainer.evaluate([(x, 3 * x)])
    >>> found["loss"] < 1e-3
    True
    """

    def __init__(self, model: Layer, decay: float = 0.999, *, warm_up: bool = True) -> None:
        if not isinstance(model, Layer):
            raise TypeError(f"EMA averages the weights of a Layer, but got {describe(model)}")
        self.model = model
        self.decay = options.real(decay, "decay", "EMA", 0, below=1)
        self.warm_up = options.flag(warm_up, "warm_up", "EMA")
        self.averages: dict[str, Any] = {}
        self.steps = np.array(0)

    def update(self) -> None:
        """Take the present weights into the averages."""
        # (Counts and averages are arrays that are written to: a compiled step sees them as state.)
        self.steps += 1
        decay = np.minimum(self.decay, (1.0 + self.steps) / (10.0 + self.steps)) if self.warm_up else self.decay
        rate = np.subtract(1.0, decay)
        for name, p in self.model.params().items():
            if p.data is None:
                continue
            average = self.averages.get(name)
            if average is None:
                kind = state_dtype(p.dtype)
                self.averages[name] = np.array(p.data, np.result_type(kind, p.dtype) if p.dtype.kind == "c" else kind)
            else:
                average += rate.astype(average.dtype) * (p.data - average)

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        self.update()

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the averages in a block, and its own weights again at the end.

        Parameters without an average, before the first step, keep their values. Do not train in the block.
        """
        kept: list[tuple[Parameter, Any]] = []
        try:
            for name, p in self.model.params().items():
                if name in self.averages:
                    kept.append((p, p.data.copy()))
                    assign(p, self.averages[name])
            yield
        finally:
            for p, array in kept:
                assign(p, array)

    def copy_to(self, model: Layer) -> None:
        """Give a model the averages for good: another one with parameters of the same names, or the same."""
        if not isinstance(model, Layer):
            raise TypeError(f"copy_to takes a Layer, but got {describe(model)}")
        model.load_state_dict({name: array.copy() for name, array in self.averages.items()}, strict=False)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the averages and of the number of steps."""
        return {"steps": self.steps.copy(), "averages": {name: a.copy() for name, a in self.averages.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load a result of `state_dict`.

        Raises
        ------
        ValueError
            If it is of a model with parameters of other names or shapes.
        """
        if not isinstance(state, Mapping) or set(state) != {"steps", "averages"}:
            raise ValueError(f"load_state_dict takes what state_dict of an EMA gave, but got {describe(state)}")
        shapes = {name: p.shape for name, p in self.model.params().items() if p.data is not None}
        for name, array in state["averages"].items():
            if shapes.get(name, np.shape(array)) != np.shape(array) or name not in self.model.params():
                raise ValueError(
                    f"the averages to load must be of the model's parameters, but {name!r} has the shape "
                    f"{np.shape(array)}, and the model {shapes.get(name, 'no parameter of this name')}"
                )
        self.averages = {name: np.array(array) for name, array in state["averages"].items()}
        self.steps = np.array(state["steps"])


def assign(p: Parameter, array: Any) -> None:
    """Write new values, in place where possible: compiled functions and optimizers know the array."""
    if p.data.flags.writeable:
        np.copyto(p.data, array, casting="same_kind")
        p.data = p.data  # so that backward of graphs recorded before raises
    else:
        p.data = array.astype(p.dtype)
