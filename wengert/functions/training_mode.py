"""Whether layers train: the state that a block of code sets, of its context alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["is_training", "test_mode", "train_mode", "training"]

training: ContextVar[bool] = ContextVar("wengert.training", default=True)


@contextmanager
def test_mode() -> Iterator[None]:
    """Use layers as they are used after training: no dropout, running averages as they are.

    Works as a ``with`` block and as a decorator. Recording goes on (see `no_grad`).

    Examples
    --------
    >>> import numpy as np, wengert
    >>> with wengert.test_mode():
    ...     wengert.functions.dropout(np.ones(3), 0.9)
    array([1., 1., 1.])
    """
    with _trained(False):
        yield


@contextmanager
def train_mode() -> Iterator[None]:
    """Use layers as in training, inside a `test_mode` block. It is what holds outside of all blocks.

    Examples
    --------
    >>> import wengert
    >>> with wengert.test_mode(), wengert.train_mode():
    ...     wengert.is_training()
    True
    """
    with _trained(True):
        yield


def is_training() -> bool:
    """Whether layers train: True, but in a `test_mode` block.

    Examples
    --------
    >>> import wengert
    >>> wengert.is_training()
    True
    """
    return training.get()


@contextmanager
def _trained(on: bool) -> Iterator[None]:
    token = training.set(on)
    try:
        yield
    finally:
        training.reset(token)
