"""checkpoint: recompute intermediate values in backward instead of storing them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, overload
from weakref import ref

import numpy as np

from wengert.arrays.batches import running
from wengert.checks.errors import GraphError, describe
from wengert.core.backprop import Walk
from wengert.core.function import Function
from wengert.core.mode import Mode, changed, current_mode
from wengert.core.node import next_number, watch_writes
from wengert.core.variable import Variable, array_of, attach
from wengert.custom.dependence import outside
from wengert.custom.recomputation import count_run, recomputing
from wengert.functions.randomness import process_generator
from wengert.functions.training_mode import is_training, test_mode, train_mode
from wengert.singular.replay import key_of
from wengert.transforms.containers import leaves, rebuild
from wengert.transforms.rerun import InitialState, active_run
from wengert.writes.memory import oldest
from wengert.writes.written import frozen, present

__all__ = ["checkpoint"]


P = ParamSpec("P")
R = TypeVar("R")


@overload
def checkpoint(f: np.ufunc) -> Callable[..., Any]: ...


@overload
def checkpoint(f: Callable[P, R]) -> Callable[P, R]: ...


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that computes the same as `f` without storing its intermediate values.

    It keeps only the arguments, and `backward` runs `f` again: less memory, more time. In a chain of checkpointed
    parts, the intermediate values of one part at a time are in memory.

    Parameters
    ----------
    f : callable
        Takes and returns Variables, or nested containers with them. It must compute the same when it runs again:
        numbers from `wengert.generator` (dropout) are reproduced; numbers from other generators must be drawn before,
        and passed as arguments. The arrays, numbers and random generators of a Layer that it calls are restored for the
        second run and again after it: running averages count each batch once. Other side effects (printing) happen
        twice. (A call in which a Layer makes its lazy parameters stores everything.)

    Returns
    -------
    callable
        Takes the arguments of `f`. Gradients are exact, of any order, with respect to the arguments and everything that
        `f` closes over (Parameters too).

    Raises
    ------
    TypeError
        If `f` is not callable.
    GraphError
        In `backward`, if `f` returns other values when it runs again, or if the data of a Variable that it takes was
        assigned since.

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
        count_run()
        args, kwargs = frozen(args), frozen(kwargs)
        floor = next_number()
        before = InitialState(process_generator().bit_generator, active_run.get())
        token, age = active_run.set(before), oldest.set(floor)
        try:
            # Recorded only to find its dependencies; this graph is freed on return.
            result = present(f(*args, **kwargs))
        finally:
            active_run.reset(token)
            oldest.reset(age)
        roots = [y for _, y in leaves(result) if isinstance(y, Variable)]
        edges = outside(roots, floor)
        if not edges or before.makes:  # the initial values of parameters are drawn only once: store everything
            return result
        call = Checkpoint()
        call._number, call._edges = next_number(), tuple(edges)
        call.again = functools.partial(f, *args, **kwargs)
        call.levels = running.get()
        call.mode, call.training = mode, is_training()
        before.finished()
        call.before = before
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

    __slots__ = ("again", "before", "levels", "mode", "sizes", "training")

    again: Callable[[], Any]
    mode: Mode
    training: bool
    before: InitialState
    levels: Any  # the vmaps that it was called under
    sizes: list[float]

    def kept_output(self, position: int) -> Any:
        return None

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        return self._kept  # type: ignore[no-any-return]

    def pull(self, gys: Any, differentiable: bool) -> Any:
        for x in self._edges:
            self.check_unchanged(x)
        with self.before.again(), recomputing():  # the walk too: graphs refer to the arrays of layers
            roots, floor = self._run_again()
            walk = Walk(differentiable, roots, gys if self.has_several_outputs else (gys,), call=self)
            walk.run(None, current_mode.get().debug, floor)
        return [walk.gradients.get(key_of(edge)) for edge in self._edges]

    def _run_again(self) -> tuple[list[Variable], int]:
        """Return the results, and the number of the last call recorded before their graph."""
        token = current_mode.set(changed(self.mode, record=True))
        floor = next_number()
        age = oldest.set(floor)
        under = running.set(self.levels)
        try:
            with self.before.drawing_again(), train_mode() if self.training else test_mode():
                roots = [y for _, y in leaves(present(self.again())) if isinstance(y, Variable)]
        finally:
            running.reset(under)
            oldest.reset(age)
            current_mode.reset(token)
        sizes = [_size(y) for y in roots]
        if len(sizes) != len(self.sizes) or not np.allclose(sizes, self.sizes, rtol=1e-4, atol=0, equal_nan=True):
            raise GraphError(
                "a function under checkpoint must compute the same when backward runs it again, but its results "
                "differ; draw random numbers before the call and pass them as arguments"
            )
        return roots, floor


def _size(y: Variable) -> float:
    if not isinstance(array_of(y), np.ndarray):  # another array type, whose values may be unknown while it is traced
        return float(y.size)
    return float(np.sum(np.abs(array_of(y))))
