"""checkpoint: compute again instead of keeping."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from wengert.core.backprop import Walk
from wengert.core.errors import GraphError, describe
from wengert.core.function import Function
from wengert.core.mode import Mode, changed, current_mode
from wengert.core.node import maker_of, next_number, watch_writes
from wengert.core.variable import Variable, array_of, attach
from wengert.functions.randomness import generator
from wengert.functions.training_mode import is_training, test_mode, train_mode
from wengert.transforms.containers import leaves, rebuild
from wengert.transforms.dependence import outside

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make the function that computes the same as `f`, and keeps nothing of the way there.

    For `backward` it keeps only the arguments, and runs `f` once more: memory for time. In a chain
    of checkpointed parts, the intermediate values of one part at a time are in memory.

    Parameters
    ----------
    f : callable
        Takes and returns Variables, or nested containers with them. It must compute the same when
        it runs again: what it draws from `wengert.generator` (dropout) is drawn again as it was; what
        it draws from elsewhere is to be drawn before, and given as an argument. What else it does
        (printing, counting) happens again.

    Returns
    -------
    callable
        Takes what `f` takes. Gradients are exact, of any order, by the arguments and by all that
        `f` closes over (Parameters too).

    Raises
    ------
    TypeError
        If `f` is not callable.
    GraphError
        By `backward`, if `f` gives other values when it runs again, or if the data of a Variable
        that it takes was assigned since.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import checkpoint, grad
    >>> layer = checkpoint(lambda x: np.tanh(np.exp(np.sin(x))))
    >>> grad(layer)(0.5) == grad(lambda x: np.tanh(np.exp(np.sin(x))))(0.5)
    np.True_
    """
    if not callable(f):
        raise TypeError(f"checkpoint takes a function, but got {describe(f)}; write checkpoint(f)(x)")

    @functools.wraps(f, updated=())
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        mode = current_mode.get()
        if not mode.record:
            return f(*args, **kwargs)
        floor = next_number()
        stream = generator().bit_generator
        state = stream.state
        # Recorded, to learn what it depends on; that graph goes when this returns.
        result = f(*args, **kwargs)
        roots = [y for _, y in leaves(result) if isinstance(y, Variable)]
        edges = outside(roots, floor)
        if not edges:
            return result
        call = Checkpoint()
        call._number, call._edges = next_number(), tuple(edges)
        call.again = functools.partial(f, *args, **kwargs)
        call.mode, call.training = mode, is_training()
        call.drawn = state if stream.state != state else None
        call.sizes = [_size(y) for y in roots]
        call._kept = [(y.shape, y.dtype) for y in roots]
        outputs = [watch_writes(attach(call, array_of(y))) for y in roots]
        if len(outputs) > 1:
            call._outputs = tuple(ref(y) for y in outputs)
        made = iter(outputs)
        return rebuild(result, [next(made) if isinstance(y, Variable) else y for _, y in leaves(result)])

    return checkpointed


class Checkpoint(Function):
    """A call of a function under `checkpoint`."""

    __slots__ = ("again", "drawn", "mode", "sizes", "training")

    again: Callable[[], Any]
    mode: Mode
    training: bool
    drawn: Any  # the state of the random numbers before the call, where it drew some
    sizes: list[float]

    def kept_output(self, position: int) -> Any:
        return None

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        return self._kept  # type: ignore[no-any-return]

    def pull(self, gys: Any, differentiable: bool) -> Any:
        for x in self._edges:
            self.check_unchanged(x)
        token = current_mode.set(changed(self.mode, record=True))
        stream = generator().bit_generator
        now = stream.state
        try:
            floor = next_number()
            if self.drawn is not None:
                stream.state = self.drawn
            with train_mode() if self.training else test_mode():
                roots = [y for _, y in leaves(self.again()) if isinstance(y, Variable)]
        finally:
            current_mode.reset(token)
            if self.drawn is not None:
                stream.state = now
        sizes = [_size(y) for y in roots]
        if len(sizes) != len(self.sizes) or not np.allclose(sizes, self.sizes, rtol=1e-4, atol=0, equal_nan=True):
            raise GraphError(
                "a function under checkpoint must compute the same when backward runs it again, but its results "
                "differ; draw random numbers before the call and give them as arguments"
            )
        walk = Walk(differentiable)
        walk.add(roots, gys if self.has_several_outputs else (gys,), self)
        walk.run(None, current_mode.get().debug, floor)
        return [walk.gradients.get(_key(edge)) for edge in self._edges]


def _key(edge: Any) -> Any:
    """Return what a walk keeps the gradient by an edge under."""
    f = maker_of(edge)
    return edge if f is None or f.has_several_outputs else f._number


def _size(y: Variable) -> float:
    if not isinstance(array_of(y), np.ndarray):  # of another kind, which may not know its numbers yet
        return float(y.size)
    return float(np.sum(np.abs(array_of(y))))
