"""The chain ``y = sin(y) * x + y`` in wengert and in each peer: three operations a step, and its gradient."""

import importlib.metadata
import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["OURS", "Peer", "installed"]

Gradient = Callable[[np.ndarray], Any]  # from the value of x to the gradient of sum(y) by x


class Peer(NamedTuple):
    """A library, and a function that makes its gradient of a chain of so many steps."""

    name: str
    module: str
    make: Callable[[int], Gradient]
    target: float | None  # the most that wengert's time may be of the peer's, in the chain of scalars

    @property
    def version(self) -> str:
        return importlib.metadata.version(self.name)


def wengert_chain(steps: int) -> Gradient:
    from wengert import Variable

    def gradient(value: np.ndarray) -> Any:
        x = Variable(value)
        y: Any = x
        for _ in range(steps):
            y = np.sin(y) * x + y
        y.backward()
        return x.grad

    return gradient


def torch_chain(steps: int) -> Gradient:
    import torch

    torch.set_num_threads(2)

    def gradient(value: np.ndarray) -> Any:
        x = torch.tensor(value, requires_grad=True)
        ones = torch.ones_like(x)
        y = x
        for _ in range(steps):
            y = torch.sin(y) * x + y
        y.backward(ones)
        return x.grad

    return gradient


def mygrad_chain(steps: int) -> Gradient:
    import mygrad

    def gradient(value: np.ndarray) -> Any:
        x = mygrad.tensor(value)
        y = x
        for _ in range(steps):
            y = mygrad.sin(y) * x + y
        y.backward()
        return x.grad

    return gradient


def autograd_chain(steps: int) -> Gradient:
    import autograd.numpy as anp
    from autograd import elementwise_grad

    def chain(x: Any) -> Any:
        y = x
        for _ in range(steps):
            y = anp.sin(y) * x + y
        return y

    return elementwise_grad(chain)  # type: ignore[no-any-return]


def jax_chain(steps: int) -> Gradient:
    import jax

    jax.config.update("jax_enable_x64", True)

    def total(x: Any) -> Any:
        y = x
        for _ in range(steps):
            y = jax.numpy.sin(y) * x + y
        return y.sum()

    compiled = jax.jit(jax.grad(total))
    return lambda value: compiled(value).block_until_ready()


OURS = Peer("wengert", "wengert", wengert_chain, None)
PEERS = [
    Peer("torch", "torch", torch_chain, 0.6),
    Peer("mygrad", "mygrad", mygrad_chain, 0.25),
    Peer("autograd", "autograd", autograd_chain, 0.25),
    Peer("jax", "jax", jax_chain, None),  # compiled before it runs: another kind of thing
]


def installed() -> list[Peer]:
    """Return the peers that can be imported here."""
    return [peer for peer in PEERS if importlib.util.find_spec(peer.module) is not None]
