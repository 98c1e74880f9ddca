"""The training loop of the estimators: epochs over weighted examples, and when they end."""

from __future__ import annotations

import contextlib
import importlib.util
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert import optimizers
from wengert.checks import options
from wengert.compiler.compiled import compile
from wengert.custom.modes import enable_grad, no_grad
from wengert.functions.randomness import generator
from wengert.functions.training_mode import test_mode, train_mode

__all__ = ["Descent", "Stopping", "optimizer_of", "output_of", "random_numbers"]

COMPILED_FROM = 2000  # steps: with fewer, compiling takes longer than it saves
drawing = threading.RLock()


@contextlib.contextmanager
def random_numbers(seed: int) -> Iterator[None]:
    """Let what Wengert draws (initial values, dropout) follow from `seed`, and restore its generator afterwards.

    Other threads that fit wait: the generator is one for the process.
    """
    with drawing:
        state = generator().bit_generator
        before = state.state
        fresh: Any = np.random.default_rng(seed)
        state.state = fresh.bit_generator.state
        try:
            yield
        finally:
            state.state = before


def optimizer_of(choice: Any, model: Any, learning_rate: float, whose: str) -> Any:
    """Make the optimizer: of the name of a class of `wengert.optimizers`, or by calling what is given."""
    known = {name.lower(): getattr(optimizers, name) for name in OPTIMIZERS}
    if isinstance(choice, str):
        make = known[options.choice(choice.lower(), "optimizer", whose, sorted(known))]
    else:
        make = options.function(choice, "optimizer", whose)
    return make(model, learning_rate)


OPTIMIZERS = ("SGD", "Momentum", "Nesterov", "Adam", "AdamW", "RMSprop", "AdaGrad", "Lion")


def output_of(model: Any, x: Any, batch: int = 4096) -> Any:
    """Compute the output of a model in test mode, as an ndarray, some thousand rows at a time."""
    with no_grad(), test_mode():
        parts = [np.asarray(array_in(model(x[i : i + batch]))) for i in range(0, len(x), batch)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def array_in(y: Any) -> Any:
    """The array of a Variable."""
    return getattr(y, "data", y) if not isinstance(y, np.ndarray) else y


class Descent:
    """Steps of an optimizer along the gradient of a mean loss.

    Parameters
    ----------
    model : Layer
    optimizer : Optimizer
    loss_of : function
        ``(output, target) -> losses``, one for each example.
    alpha : float
        The coefficient of the penalty: alpha / 2 times the sum of the squares of all weights that are matrices.
    compiled : bool
        Whether the step is compiled. The result is the same to rounding.
    """

    def __init__(
        self, model: Any, optimizer: Any, loss_of: Callable[[Any, Any], Any], alpha: float, compiled: bool
    ) -> None:
        def loss(x: Any, t: Any, w: Any) -> Any:
            found = np.sum(loss_of(model(x), t) * w) / np.sum(w)
            if alpha:
                for p in model.params().values():
                    if p.ndim > 1:
                        found = found + alpha / 2 * np.sum(p * p)
            return found

        def step(x: Any, t: Any, w: Any) -> Any:
            found = loss(x, t, w)
            model.cleargrads()
            found.backward()
            optimizer.update()
            model.cleargrads()
            return found.data

        self.model, self.loss = model, loss
        self.step = compile(step) if compiled else step

    def epoch(self, x: Any, t: Any, w: Any, batch: int, order: Any) -> float:
        """Make one pass over the examples in an order; return their mean loss during it."""
        total = 0.0
        with enable_grad(), train_mode():
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                weights = w[chosen]
                weight = weights.sum()
                if weight > 0:
                    total += float(self.step(x[chosen], t[chosen], weights)) * float(weight)
        return total / float(w.sum())

    def evaluate(self, x: Any, t: Any, w: Any) -> float:
        """Return the mean loss in test mode."""
        with no_grad(), test_mode():
            return float(self.loss(x, t, w))


class Stopping:
    """Whether a loss has stopped improving: by less than `tol` over `patience` epochs in turn."""

    def __init__(self, tol: float, patience: int) -> None:
        self.tol, self.patience = tol, patience
        self.best, self.waited = np.inf, 0

    def is_best(self, loss: float) -> bool:
        """Take the loss of an epoch; return whether it is the lowest."""
        found = loss < self.best
        self.waited = 0 if loss < self.best - self.tol else self.waited + 1
        self.best = min(self.best, loss)
        return found

    @property
    def is_over(self) -> bool:
        return self.waited >= self.patience


def is_compiled(choice: Any, steps: int, whose: str) -> bool:
    """Whether to compile the step: as chosen, or for "auto", where that is worth it and possible."""
    if not isinstance(choice, str):
        return options.flag(choice, "compile", whose)
    options.choice(choice, "compile", whose, ("auto",))
    return steps >= COMPILED_FROM and importlib.util.find_spec("llvmlite") is not None
