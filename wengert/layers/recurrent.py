"""Recurrent layers over sequences (RNN, LSTM, GRU), and their cells for one step (RNNCell, LSTMCell, GRUCell)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.functions._dropout import dropout
from wengert.functions.contraction import array
from wengert.functions.recurrent import NONLINEARITIES
from wengert.functions.recurrent_gru import gru
from wengert.functions.recurrent_lstm import lstm
from wengert.functions.recurrent_rnn import rnn
from wengert.layers.initializers import uniform
from wengert.layers.layer import Layer

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]


class Recurrent(Layer):
    """What the layers and the cells share: weights, and the handling of states."""

    function: ClassVar[Any]
    gates = 1
    states: tuple[str, ...] = ("h",)

    in_size: int | None
    hidden_size: int
    bias: bool
    dtype: np.dtype[Any]

    def _set(self, in_size: int | None, hidden_size: int | None, bias: bool, dtype: Any) -> None:
        kind = type(self).__name__
        if hidden_size is None:
            in_size, hidden_size = None, in_size
        self.in_size = None if in_size is None else options.size(in_size, "in_size", kind)
        self.hidden_size = options.size(hidden_size, "hidden_size", kind)
        self.bias = options.flag(bias, "bias", kind)
        self.dtype = options.dtype(dtype, "dtype", kind)

    def _places(self) -> Iterator[tuple[str, int | None]]:
        """Yield the suffix of the names of each set of weights, and the size of its input."""
        yield "", self.in_size

    def _shapes(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Yield the names and shapes of all weights, in PyTorch's order."""
        rows = self.gates * self.hidden_size
        for end, width in self._places():
            yield f"weight_ih{end}", (rows, width)
            yield f"weight_hh{end}", (rows, self.hidden_size)
            if self.bias:
                yield f"bias_ih{end}", (rows,)
                yield f"bias_hh{end}", (rows,)

    def _declare(self) -> None:
        for name, _ in self._shapes():
            setattr(self, name, Parameter(None))
        if self.in_size is not None:
            self._make(self.in_size)

    def _make(self, in_size: int) -> None:
        """Make the lazy weights: uniform between -1 / sqrt(hidden) and 1 / sqrt(hidden)."""
        self.in_size = in_size
        draw = uniform(1 / math.sqrt(self.hidden_size))
        for name, shape in self._shapes():
            parameter = getattr(self, name)
            if parameter.data is None:
                parameter.data = draw(shape, self.dtype)

    def _weights(self, end: str) -> tuple[Any, ...]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if self.bias else ("weight_ih", "weight_hh")
        return tuple(getattr(self, name + end) for name in names)

    def _check_input(self, x: Any, axes: str, ndim: int) -> Any:
        """Return x as an array, checked; make the weights if they are lazy."""
        x = array(x)
        if x.ndim != ndim or (self.in_size is not None and x.shape[-1] != self.in_size):
            wanted = "in_size" if self.in_size is None else self.in_size
            raise ValueError(f"{self.label()} takes x of shape ({axes}, {wanted}), but got {describe(x)}")
        if any(p.data is None for p in self._weights_all()):
            self._make(x.shape[-1])
        return x

    def _weights_all(self) -> Iterator[Parameter]:
        return (getattr(self, name) for name, _ in self._shapes())

    def _check_state(self, state: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """Return the states as a tuple, with None for each that is not given."""
        if state is None:
            return (None,) * len(self.states)
        if len(self.states) == 1:
            found: tuple[Any, ...] = (array(state),)
        elif isinstance(state, (tuple, list)) and len(state) == len(self.states):
            found = tuple(None if each is None else array(each) for each in state)
        else:
            raise TypeError(f"{self.label()} takes a state of two arrays, (h, c), but got {describe(state)}")
        for name, each in zip(self.states, found, strict=True):
            if each is not None and each.shape != shape:
                raise ValueError(f"{self.label()} takes {name} of shape {shape} here, but got {describe(each)}")
        return found

    def _run(self, x: Any, states: tuple[Any, ...], end: str, **options: Any) -> Any:
        """Return the outputs for a sequence (length, batch, width), and the final states."""
        return self.function(x, *states, *self._weights(end), **options)

    def loaded(self) -> None:
        """Infer the size of the input from the weights; raise for weights of other shapes."""
        first = next(iter(self._weights_all())).data
        if self.in_size is None and first is not None and first.ndim == 2:
            self.in_size = first.shape[1]
        wrong = [
            f"{name} of shape ({', '.join('any' if n is None else str(n) for n in shape)}), but got {data.shape}"
            for name, shape in self._shapes()
            if (data := getattr(self, name).data) is not None
            and (data.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, data.shape, strict=True)))
        ]
        if wrong:
            raise ValueError(f"{self.label()} takes {'; '.join(wrong)}; make the layer with the sizes of the state")

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        return f"{type(self).__name__}({self.in_size}, {self.hidden_size}{''.join(self._options())})"

    def _options(self) -> Iterator[str]:
        if not self.bias:
            yield ", bias=False"


class RecurrentLayer(Recurrent):
    """What RNN, LSTM and GRU share: stacked layers, in one direction or both."""

    dropout: float = options.option(options.real, 0, 1)
    batch_first: bool = options.option(options.flag)

    def __init__(
        self,
        in_size: int | None,
        hidden_size: int | None = None,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self._set(in_size, hidden_size, bias, dtype)
        kind = type(self).__name__
        self.depth = options.integer(layers, "layers", kind, 1, options.MOST_LAYERS)
        self.bidirectional = options.flag(bidirectional, "bidirectional", kind)
        self.dropout = dropout
        self.batch_first = batch_first
        self._declare()

    def _places(self) -> Iterator[tuple[str, int | None]]:
        directions = 2 if self.bidirectional else 1
        for k in range(self.depth):
            for end in ("", "_reverse")[:directions]:
                yield f"_l{k}{end}", self.in_size if k == 0 else directions * self.hidden_size

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> Any:
        """Compute the outputs of the last layer, and the final state of every layer."""
        x = self._check_input(x, "batch, length" if self.batch_first else "length, batch", 3)
        if self.batch_first:
            x = np.swapaxes(x, 0, 1)
        ends = [end for end, _ in self._places()]
        starts = self._check_state(state, (len(ends), x.shape[1], self.hidden_size))
        directions = 2 if self.bidirectional else 1
        last: list[tuple[Any, ...]] = []
        for k in range(self.depth):
            if k and self.dropout and self.training:
                x = dropout(x, self.dropout)
            outputs = []
            for i in range(k * directions, (k + 1) * directions):
                start = tuple(None if each is None else each[i] for each in starts)
                y, *after = self._run(x, start, ends[i], lengths=lengths, reverse=i % directions == 1)
                outputs.append(y)
                last.append(tuple(after))
            x = outputs[0] if directions == 1 else np.concatenate(outputs, axis=2)
        if self.batch_first:
            x = np.swapaxes(x, 0, 1)
        after = [each[0][np.newaxis] if len(each) == 1 else np.stack(each) for each in zip(*last, strict=True)]
        return x, after[0] if len(after) == 1 else tuple(after)

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`."""
        products = sum(math.prod(p.shape) for p in self._weights_all() if p.ndim == 2)
        return int(x.shape[0]) * int(x.shape[1]) * products

    def _options(self) -> Iterator[str]:
        if self.depth > 1:
            yield f", layers={self.depth}"
        if self.bidirectional:
            yield ", bidirectional=True"
        if self.dropout:
            yield f", dropout={self.dropout}"
        yield from super()._options()
        if not self.batch_first:
            yield ", batch_first=False"


class Plain(Recurrent):
    """What RNN and RNNCell share: the choice of the nonlinearity."""

    function = staticmethod(rnn)
    nonlinearity: str = options.option(options.choice, NONLINEARITIES)

    def _run(self, x: Any, states: tuple[Any, ...], end: str, **options: Any) -> Any:
        return super()._run(x, states, end, nonlinearity=self.nonlinearity, **options)

    def _options(self) -> Iterator[str]:
        yield from super()._options()
        if self.nonlinearity != "tanh":
            yield f", nonlinearity={self.nonlinearity!r}"


class RNN(Plain, RecurrentLayer):
    """Layers of plain recurrent units over sequences: see `wengert.functions.rnn`.

    Parameters
    ----------
    in_size : int, optional
        Features per step; inferred from the first input if omitted: ``RNN(128)``.
    hidden_size : int
        Units of each layer and direction.
    layers : int
        The number of stacked layers.
    bidirectional : bool
        Whether to process each sequence in both directions. Their outputs are concatenated.
    dropout : float
        Rate of dropout between the layers, in training; with one layer there is none.
    bias : bool
    batch_first : bool
        Whether inputs and outputs are (batch, length, size), else (length, batch, size) (PyTorch's default). States are
        (layers * directions, batch, hidden_size) in either case.
    dtype : float32 or float64
    nonlinearity : "tanh" or "relu"

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ... : Parameter
        Names and layouts are PyTorch's: ``l0`` is the first layer.

    Raises
    ------
    ValueError
        When called with an x or a state of another size.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = RNN(3, 5)
    >>> outputs, h = layer(np.ones((2, 7, 3), np.float32))
    >>> outputs.shape, h.shape
    ((2, 7, 5), (1, 2, 5))
    """

    def __init__(
        self,
        in_size: int | None,
        hidden_size: int | None = None,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = True,
        dtype: Any = np.float32,
        nonlinearity: str = "tanh",
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(in_size, hidden_size, layers, bidirectional, dropout, bias, batch_first, dtype)


class LSTM(RecurrentLayer):
    """Layers of long short-term memory over sequences: see `wengert.functions.lstm`.

    ``outputs, (h, c) = lstm(x, state=None, lengths=None)``: `outputs` are those of the last layer at each step; h and
    c, of shape (layers * directions, batch, hidden_size), are the final states, which may be passed to the next call.
    With `lengths`, one for each sequence of a padded batch and in any order, outputs beyond the end of a sequence are
    0, and the state is that at its end.

    Parameters
    ----------
    in_size : int, optional
        Features per step; inferred from the first input if omitted: ``LSTM(128)``.
    hidden_size : int
        Units of each layer and direction.
    layers, bidirectional, dropout, bias, batch_first, dtype
        As in `RNN`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ... : Parameter
        Names and layouts are PyTorch's: the rows of the gates i, f, g, o.

    Raises
    ------
    ValueError
        When called with an x or a state of another size.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = LSTM(3, 5, layers=2, bidirectional=True)
    >>> outputs, (h, c) = layer(np.ones((2, 7, 3), np.float32), lengths=[7, 4])
    >>> outputs.shape, h.shape, c.shape
    ((2, 7, 10), (4, 2, 5), (4, 2, 5))
    """

    function = staticmethod(lstm)
    gates = 4
    states = ("h", "c")


class GRU(RecurrentLayer):
    """Layers of gated recurrent units over sequences: see `wengert.functions.gru`.

    Parameters, results and errors are those of `RNN`; the weights have the rows of the gates r, z, n.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = GRU(5)
    >>> outputs, h = layer(np.ones((2, 7, 3), np.float32))
    >>> layer
    GRU(3, 5)
    """

    function = staticmethod(gru)
    gates = 3


class Cell(Recurrent):
    """What the cells share: one step of one layer."""

    def __init__(
        self, in_size: int | None, hidden_size: int | None = None, bias: bool = True, dtype: Any = np.float32
    ) -> None:
        self._set(in_size, hidden_size, bias, dtype)
        self._declare()

    def forward(self, x: Any, state: Any = None) -> Any:
        """Compute the state after one step."""
        x = self._check_input(x, "batch", 2)
        start = self._check_state(state, (x.shape[0], self.hidden_size))
        _, *after = self._run(x[np.newaxis], start, "")
        return after[0] if len(after) == 1 else tuple(after)

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`."""
        return int(x.shape[0]) * self.gates * self.hidden_size * (int(x.shape[1]) + self.hidden_size)


class RNNCell(Plain, Cell):
    """One step of plain recurrent units: ``h = cell(x, h)``, x of shape (batch, in_size), h (batch, hidden_size).

    Parameters
    ----------
    in_size : int, optional
        Inferred from the first input if omitted: ``RNNCell(128)``.
    hidden_size : int
    bias : bool
    dtype : float32 or float64
    nonlinearity : "tanh" or "relu"

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter

    Examples
    --------
    >>> import numpy as np, wengert
    >>> cell, h = RNNCell(3, 5), None
    >>> for x in np.ones((7, 2, 3), np.float32):
    ...     h = cell(x, h)
    >>> h.shape
    (2, 5)
    """

    def __init__(
        self,
        in_size: int | None,
        hidden_size: int | None = None,
        bias: bool = True,
        dtype: Any = np.float32,
        nonlinearity: str = "tanh",
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(in_size, hidden_size, bias, dtype)


class LSTMCell(Cell):
    """One step of long short-term memory: ``h, c = cell(x, (h, c))``. The rest is as in `RNNCell`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> h, c = LSTMCell(3, 5)(np.ones((2, 3), np.float32))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    function = staticmethod(lstm)
    gates = 4
    states = ("h", "c")


class GRUCell(Cell):
    """One step of gated recurrent units: ``h = cell(x, h)``. The rest is as in `RNNCell`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> GRUCell(3, 5)(np.ones((2, 3), np.float32)).shape
    (2, 5)
    """

    function = staticmethod(gru)
    gates = 3
