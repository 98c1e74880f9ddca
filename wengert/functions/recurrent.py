"""What recurrent networks share: the loop over a sequence, forward and backward through time.

A definition loops in differentiable NumPy, step by step (`walk`). The fused classes do the same on arrays laid out for
speed: in processing order, and transposed, (units, batch), so that each gate is one contiguous block and a step takes
few calls (`Recurrence`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.functions.contraction import array
from wengert.functions.fused import Fused

__all__ = [
    "NONLINEARITIES", "Recurrence", "active_steps", "bias_of", "check_arguments", "check_nonlinearity", "initial",
    "walk", "without_padding",
]  # fmt: skip

NONLINEARITIES = ("tanh", "relu")  # of `rnn`


class Sizes(NamedTuple):
    """The sizes of a sequence, and the dtype of its results."""

    length: int
    batch: int
    width: int
    hidden: int
    dtype: np.dtype[Any]


def check_arguments(
    name: str, gates: int, x: Any, states: dict[str, Any], weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any
) -> Sizes:
    """Return the sizes; raise unless all shapes match. Weights and biases have `gates` blocks of rows."""
    weights = {"weight_ih": weight_ih, "weight_hh": weight_hh, "bias_ih": bias_ih, "bias_hh": bias_hh}
    given = {"x": x, **states, **weights}
    given = {k: v for k, v in given.items() if v is not None or k in ("x", "weight_ih", "weight_hh")}
    for what, value in given.items():
        if getattr(value, "dtype", None) is None or value.dtype.kind not in "biuf":
            raise TypeError(
                f"{name} takes an array of real numbers as {what}, but got {describe(value)}; convert it first"
            )
    if x.ndim != 3:
        raise ValueError(f"{name} takes x of shape (length, batch, width), but got {describe(x)}; reshape it")
    length, batch, width = x.shape
    if weight_hh.ndim != 2 or weight_hh.shape[0] != gates * weight_hh.shape[1]:
        raise ValueError(
            f"{name} takes weight_hh of shape ({gates} * hidden, hidden), but got {describe(weight_hh)}; "
            "its columns are the units that the state has"
        )
    hidden = weight_hh.shape[1]
    wanted = {"weight_ih": (gates * hidden, width), "bias_ih": (gates * hidden,), "bias_hh": (gates * hidden,)}
    wanted |= dict.fromkeys(states, (batch, hidden))
    for what, shape in wanted.items():
        if what in given and given[what].shape != shape:
            raise ValueError(
                f"{name} takes {what} of shape {shape} with x of shape {x.shape} and weight_hh of shape "
                f"{weight_hh.shape}, but got {describe(given[what])}"
            )
    dtype = np.result_type(*(value.dtype for value in given.values()))
    return Sizes(length, batch, width, hidden, dtype if dtype.kind == "f" else np.dtype(np.float64))


def active_steps(name: str, lengths: Any, length: int, batch: int) -> Any:
    """Return a mask (length, batch) of the steps within each sequence; None where all have the full length."""
    if lengths is None:
        return None
    lengths = array(lengths)
    if lengths.dtype.kind not in "iu" and lengths.size:
        raise TypeError(f"{name} takes lengths as integers, but got {describe(lengths)}; convert it to int")
    if lengths.shape != (batch,):
        raise ValueError(f"{name} takes one length for each of {batch} sequences, but got {describe(lengths)}")
    wrong = (lengths < 0) | (lengths > length)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(f"{name} takes lengths from 0 to {length}, that of x, but lengths[{i}] is {lengths[i]}")
    if (lengths == length).all():
        return None
    return np.arange(length)[:, None] < lengths


def without_padding(name: str, x: Any, lengths: Any) -> tuple[Any, Any]:
    """Return x with zeros beyond the end of each sequence, and the mask of `active_steps`."""
    active = active_steps(name, lengths, *x.shape[:2])
    return x if active is None else np.where(active[:, :, None], x, 0), active


def check_nonlinearity(name: str, nonlinearity: Any) -> None:
    """Raise unless `rnn` supports the nonlinearity."""
    options.choice(nonlinearity, "nonlinearity", name, NONLINEARITIES)


def initial(state: Any, sizes: Sizes) -> Any:
    """Return the initial state: zeros where none is given."""
    if state is None:
        return np.zeros((sizes.batch, sizes.hidden), sizes.dtype)
    return state if state.dtype == sizes.dtype else state.astype(sizes.dtype)


def walk(
    name: str, step: Callable[..., tuple[Any, ...]], x: Any, states: tuple[Any, ...], active: Any, reverse: bool
) -> tuple[Any, ...]:
    """Call ``step(x[t], *states)`` for every t; return the outputs (the first of the states at each t) and last states.

    Where a sequence has ended its states stay, and its output is 0.
    """
    options.flag(reverse, "reverse", name)
    outputs: list[Any] = [None] * x.shape[0]
    for t in range(x.shape[0])[:: -1 if reverse else 1]:
        after = step(x[t], *states)
        outputs[t] = after[0]
        if active is not None:
            here = active[t][:, None]
            outputs[t] = np.where(here, after[0], 0)
            after = tuple(np.where(here, new, old) for new, old in zip(after, states, strict=True))
        states = after
    if outputs:
        return (np.stack(outputs), *states)
    return (np.zeros((0, *states[0].shape), states[0].dtype), *map(np.positive, states))  # (copies)


class Recurrence(Fused):
    """What the fused classes share: input products before the loop, weight gradients after it, for all steps at once.

    Attributes
    ----------
    sequence : array of shape (length, batch, width + 1)
        The input in processing order, and a column of ones for the bias.
    states : array of shape (length + 1, batch, hidden)
        The state before each step, and after the last.
    idle : list
        For each step a mask of the sequences that have ended, or None where none has.
    """

    as_one = True

    sizes: Sizes
    sequence: Any
    states: Any
    idle: list[Any]
    active: Any
    reverse: bool

    def begin(self, x: Any, active: Any, reverse: bool, sizes: Sizes) -> None:
        """Lay out the sequence in processing order."""
        length, batch, width, hidden, dtype = sizes
        options.flag(reverse, "reverse", self.function.__name__)
        self.sizes, self.active, self.reverse = sizes, active, reverse
        if active is not None:
            active = active[::-1] if reverse else active
        self.idle = [None] * length if active is None else [None if row.all() else ~row for row in active]
        self.sequence = np.empty((length, batch, width + 1), dtype)
        self.sequence[:, :, :width] = x[::-1] if reverse else x
        self.sequence[:, :, width] = 1
        if active is not None:  # values beyond the end of a sequence are arbitrary
            self.sequence[~active] = 0
        states = np.empty((length + 1, batch, hidden), dtype)
        self.states = states[::-1] if reverse else states  # so that outputs need no reordering

    def project(self, weight: Any, bias: Any, out: Any) -> None:
        """Write the products of inputs and weights of all steps into `out`, of shape (length, rows, batch)."""
        np.matmul(np.concatenate((weight, bias[:, None]), axis=1), np.swapaxes(self.sequence, 1, 2), out)

    def in_order(self) -> Any:
        """Return the states after each step as the outputs, in the order of the sequence."""
        y = self.states[1:][::-1] if self.reverse else self.states[1:]
        return y if self.active is None else np.where(self.active[:, :, None], y, 0)

    def incoming(self, gy: Any) -> Any:
        """Return the gradient with respect to the outputs in processing order, transposed as the states are."""
        if self.active is not None:
            gy = np.where(self.active[:, :, None], gy, 0)
        return np.swapaxes(gy[::-1] if self.reverse else gy, 1, 2)

    def input_gradient(self, gates: Any, weight: Any) -> Any:
        """Return the gradient with respect to x, from that of the gates, of shape (rows, length * batch)."""
        length, batch, width, _, _ = self.sizes
        gx = np.matmul(gates.T, weight).reshape(length, batch, width)
        return gx[::-1] if self.reverse else gx

    def input_weight_gradients(self, gates: Any) -> tuple[Any, Any]:
        """Return the gradients with respect to weight_ih and its bias."""
        width = self.sizes.width
        found = np.matmul(gates, self.sequence.reshape(-1, width + 1))
        return found[:, :width], found[:, width]

    def state_weight_gradient(self, gates: Any) -> Any:
        """Return the gradient with respect to weight_hh."""
        return np.matmul(gates, self.states[:-1].reshape(-1, self.sizes.hidden))


def bias_of(bias: Any, rows: int) -> Any:
    """Return a bias, or for None zeros, of a dtype that does not affect promotion."""
    return np.zeros(rows, np.int8) if bias is None else bias
