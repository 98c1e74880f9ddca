"""rnn: a sequence through one layer of plain recurrent units."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.custom.registration import dispatched
from wengert.functions.activation import relu
from wengert.functions.recurrent import (
    Recurrence,
    active_steps,
    bias_of,
    check_arguments,
    check_nonlinearity,
    initial,
    walk,
    without_padding,
)

__all__ = ["rnn"]


@dispatched
def rnn(
    x: Any,
    h: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    nonlinearity: str = "tanh",
    lengths: Any = None,
    reverse: bool = False,
) -> Any:
    """Run a sequence through a layer of plain recurrent units (Elman, 1990).

    In each step, ``h = tanh(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh)``.

    Parameters
    ----------
    x : array of shape (length, batch, width)
    h : array of shape (batch, hidden), or None
        The state to start from; None for zeros.
    weight_ih, weight_hh : array of shape (hidden, width) and (hidden, hidden)
    bias_ih, bias_hh : array of shape (hidden,), or None
    nonlinearity : "tanh" or "relu"
    lengths : array of integers, of shape (batch,), optional
        The length of each sequence. Beyond it the outputs are 0 and the state stays; `x` is not read there.
    reverse : bool
        Process each sequence from its end to its beginning.

    Returns
    -------
    outputs : array of shape (length, batch, hidden)
        The state after each step.
    h : array of shape (batch, hidden)
        After the last step.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, or arrays do not hold real numbers.

    Notes
    -----
    Elman, Finding structure in time, 1990, https://doi.org/10.1207/s15516709cog1402_1.

    Examples
    --------
    >>> import numpy as np
    >>> outputs, h = rnn(np.ones((2, 1, 1)), None, np.ones((1, 1)), np.ones((1, 1)), nonlinearity="relu")
    >>> outputs.ravel(), h
    (array([1., 2.]), array([[2.]]))
    """
    check_nonlinearity("rnn", nonlinearity)
    sizes = check_arguments("rnn", 1, x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
    x, active = without_padding("rnn", x, lengths)
    inputs = x @ weight_ih.T
    for bias in (bias_ih, bias_hh):
        inputs = inputs if bias is None else inputs + bias
    function = np.tanh if nonlinearity == "tanh" else relu

    def step(inputs: Any, h: Any) -> tuple[Any]:
        return (function(inputs + h @ weight_hh.T),)

    return walk("rnn", step, inputs, (initial(h, sizes),), active, reverse)


class Rnn(Recurrence, function=rnn, by="x h weight_ih weight_hh bias_ih bias_hh"):
    """A call of `rnn`."""

    def forward(
        self,
        x: Any,
        h: Any,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any,
        bias_hh: Any,
        nonlinearity: str,
        lengths: Any,
        reverse: bool,
    ) -> Any:
        check_nonlinearity("rnn", nonlinearity)
        sizes = check_arguments("rnn", 1, x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
        length, batch, _, n, dtype = sizes
        self.begin(x, active_steps("rnn", lengths, length, batch), reverse, sizes)
        self.weights, self.nonlinearity = (weight_ih, weight_hh), nonlinearity
        # The state before each step and after the last, transposed.
        self.workspaces = workspaces = np.empty((length + 1, n, batch), dtype)
        self.project(weight_ih, bias_of(bias_ih, n) + bias_of(bias_hh, n), workspaces[1:])
        weight_hh = np.ascontiguousarray(weight_hh, dtype)
        self.states[0] = 0 if h is None else h
        workspaces[0] = self.states[0].T
        recurrent = np.empty((n, batch), dtype)
        tanh = nonlinearity == "tanh"
        for before, state, idle in zip(workspaces[:-1], workspaces[1:], self.idle, strict=True):
            np.matmul(weight_hh, before, recurrent)
            np.add(state, recurrent, state)
            if tanh:
                np.tanh(state, state)
            else:
                np.maximum(state, 0, out=state)
            if idle is not None:
                np.copyto(state, before, where=idle)
        np.copyto(self.states[1:], np.swapaxes(workspaces[1:], 1, 2))
        return self.in_order(), self.states[-1].copy()

    def backward(self, gy: Any, gh: Any) -> Any:
        length, batch, _, n, dtype = self.sizes
        weight_ih, weight_hh = self.weights
        grad_sums = np.empty((n, length, batch), dtype)
        grad_sum = np.empty((n, batch), dtype)
        gh = np.array(gh.T, order="C")
        tanh = self.nonlinearity == "tanh"
        steps = zip(self.workspaces[1:], self.idle, self.incoming(gy), np.swapaxes(grad_sums, 0, 1), strict=True)
        for state, idle, incoming, found in reversed(list(steps)):
            np.add(gh, incoming, gh)
            if tanh:
                np.multiply(state, state, grad_sum)
                np.subtract(1, grad_sum, grad_sum)
                np.multiply(grad_sum, gh, grad_sum)
            else:
                np.copyto(grad_sum, 0)
                np.copyto(grad_sum, gh, where=state > 0)  # not a product: 0 even where the gradient is NaN
            if idle is None:
                np.matmul(weight_hh.T, grad_sum, gh)
            else:
                np.copyto(grad_sum, 0, where=idle)
                np.copyto(gh, np.matmul(weight_hh.T, grad_sum), where=~idle)
            np.copyto(found, grad_sum)
        grad_sums = grad_sums.reshape(n, length * batch)
        needs = self.needs
        gx = self.input_gradient(grad_sums, weight_ih) if needs[0] else None
        grad_weight_ih, grad_bias = (
            self.input_weight_gradients(grad_sums) if any(needs[i] for i in (2, 4, 5)) else (None, None)
        )
        grad_weight_hh = self.state_weight_gradient(grad_sums) if needs[3] else None
        return gx, gh.T, grad_weight_ih, grad_weight_hh, grad_bias, grad_bias
