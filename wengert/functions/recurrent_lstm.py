"""lstm: a sequence through one layer of long short-term memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.custom.registration import dispatched
from wengert.functions.activation import sigmoid
from wengert.functions.recurrent import (
    Recurrence,
    active_steps,
    bias_of,
    check_arguments,
    initial,
    walk,
    without_padding,
)

__all__ = ["lstm"]


@dispatched
def lstm(
    x: Any,
    h: Any,
    c: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    lengths: Any = None,
    reverse: bool = False,
) -> Any:
    """Run a sequence through a layer of long short-term memory (Hochreiter and Schmidhuber, 1997).

    In each step, ``i, f, g, o = split(x[t] @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh, 4)``, then
    ``c = sigmoid(f) c + sigmoid(i) tanh(g)`` and ``h = sigmoid(o) tanh(c)``.

    Parameters
    ----------
    x : array of shape (length, batch, width)
    h, c : array of shape (batch, hidden), or None
        The state and the cells to start from; None for zeros.
    weight_ih, weight_hh : array of shape (4 hidden, width) and (4 hidden, hidden)
        The rows of the gates i, f, g, o, in this order.
    bias_ih, bias_hh : array of shape (4 hidden,), or None
    lengths : array of integers, of shape (batch,), optional
        The length of each sequence. Beyond it the outputs are 0 and the state stays; `x` is not read there.
    reverse : bool
        Process each sequence from its end to its beginning.

    Returns
    -------
    outputs : array of shape (length, batch, hidden)
        The state after each step.
    h, c : array of shape (batch, hidden)
        After the last step.

    Raises
    ------
    ValueError, TypeError
        If shapes do not match, or arrays do not hold real numbers.

    Notes
    -----
    Hochreiter and Schmidhuber, Long short-term memory, 1997, https://doi.org/10.1162/neco.1997.9.8.1735;
    with the forget gate of Gers et al., 2000.

    Examples
    --------
    >>> import numpy as np
    >>> x, weight = np.ones((2, 1, 1)), np.ones((4, 1))
    >>> outputs, h, c = lstm(x, None, None, weight, weight)
    >>> outputs.ravel().round(3), h.round(3), c.round(3)
    (array([0.37 , 0.651]), array([[0.651]]), array([[1.144]]))
    """
    sizes = check_arguments("lstm", 4, x, {"h": h, "c": c}, weight_ih, weight_hh, bias_ih, bias_hh)
    x, active = without_padding("lstm", x, lengths)
    gates = x @ weight_ih.T
    for bias in (bias_ih, bias_hh):
        gates = gates if bias is None else gates + bias

    def step(gates: Any, h: Any, c: Any) -> tuple[Any, Any]:
        i, f, g, o = np.split(gates + h @ weight_hh.T, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return walk("lstm", step, gates, (initial(h, sizes), initial(c, sizes)), active, reverse)


class Lstm(Recurrence, function=lstm, by="x h c weight_ih weight_hh bias_ih bias_hh"):
    """A call of `lstm`.

    The blocks of a step's workspace: the gates i, f, o, g, then the cells before the step, then tanh of the cells after
    it. So the sigmoids are contiguous, and (i, f) * (g, c) is one product.
    """

    def forward(
        self,
        x: Any,
        h: Any,
        c: Any,
        weight_ih: Any,
        weight_hh: Any,
        bias_ih: Any,
        bias_hh: Any,
        lengths: Any,
        reverse: bool,
    ) -> Any:
        sizes = check_arguments("lstm", 4, x, {"h": h, "c": c}, weight_ih, weight_hh, bias_ih, bias_hh)
        length, batch, _, n, dtype = sizes
        self.begin(x, active_steps("lstm", lengths, length, batch), reverse, sizes)
        self.weights = weight_ih, weight_hh
        self.workspaces = workspaces = np.empty((length + 1, 6 * n, batch), dtype)
        bias = bias_of(bias_ih, 4 * n) + bias_of(bias_hh, 4 * n)
        self.project(arranged(weight_ih, n), arranged(bias, n), workspaces[:-1, : 4 * n])
        weight = arranged(weight_hh, n).astype(dtype, copy=False)
        states = self.states
        states[0] = 0 if h is None else h
        state = np.array(states[0].T, order="C")  # always a copy, even where it is contiguous already
        workspaces[0, 4 * n : 5 * n] = 0 if c is None else c.T
        recurrent = np.empty((4 * n, batch), dtype)
        pair = np.empty((2 * n, batch), dtype)
        first, second = pair[:n], pair[n:]
        outputs = np.swapaxes(states[1:], 1, 2)
        with np.errstate(over="ignore"):  # exp overflows for a closed gate: its sigmoid is 0
            for workspace, after, idle, output in zip(
                workspaces[:-1], workspaces[1:, 4 * n : 5 * n], self.idle, outputs, strict=True
            ):
                gates, sigmoids, cells = workspace[: 4 * n], workspace[: 3 * n], workspace[5 * n :]
                tanh = workspace[3 * n : 4 * n]
                np.matmul(weight, state, recurrent)
                np.add(gates, recurrent, gates)
                np.exp(sigmoids, sigmoids)
                np.add(sigmoids, 1, sigmoids)
                np.reciprocal(sigmoids, sigmoids)
                np.tanh(tanh, tanh)
                np.multiply(workspace[: 2 * n], workspace[3 * n : 5 * n], pair)
                np.add(first, second, after)
                np.tanh(after, cells)
                if idle is None:
                    np.multiply(workspace[2 * n : 3 * n], cells, state)
                else:
                    np.copyto(after, workspace[4 * n : 5 * n], where=idle)
                    np.multiply(workspace[2 * n : 3 * n], cells, state, where=~idle)
                np.copyto(output, state)
        return self.in_order(), states[-1].copy(), workspaces[-1, 4 * n : 5 * n].T.copy()

    def backward(self, gy: Any, gh: Any, gc: Any) -> Any:
        length, batch, _, n, dtype = self.sizes
        weight_ih, weight_hh = self.weights
        grad_gates = np.empty((4 * n, length, batch), dtype)  # i, f, g, o, as the weights have them
        gates = np.empty((4 * n, batch), dtype)
        slopes = np.empty((3 * n, batch), dtype)
        work = np.empty((n, batch), dtype)
        gh, gc = np.array(gh.T, order="C"), np.array(gc.T, order="C")
        grad_i_f, grad_g, grad_o = gates[: 2 * n].reshape(2, n, batch), gates[2 * n : 3 * n], gates[3 * n :]
        slopes_i_f, slope_o = slopes[: 2 * n], slopes[2 * n :]
        steps = zip(self.workspaces[:-1], self.idle, self.incoming(gy), np.swapaxes(grad_gates, 0, 1), strict=True)
        for workspace, idle, incoming, found in reversed(list(steps)):
            sigmoids, cells = workspace[: 3 * n], workspace[5 * n :]
            i, o, g = workspace[:n], workspace[2 * n : 3 * n], workspace[3 * n : 4 * n]
            np.add(gh, incoming, gh)
            before = None if idle is None else (gh.copy(), gc.copy())
            np.multiply(sigmoids, sigmoids, slopes)
            np.subtract(sigmoids, slopes, slopes)
            np.multiply(gh, cells, grad_o)
            np.multiply(grad_o, slope_o, grad_o)
            np.multiply(gh, o, gh)  # with respect to tanh(c)
            np.multiply(cells, cells, work)
            np.multiply(work, gh, work)
            np.add(gc, gh, gc)
            np.subtract(gc, work, gc)
            np.multiply(slopes_i_f, workspace[3 * n : 5 * n], slopes_i_f)
            np.multiply(slopes_i_f.reshape(2, n, batch), gc, grad_i_f)
            np.multiply(g, g, work)
            np.subtract(1, work, work)
            np.multiply(work, i, work)
            np.multiply(work, gc, grad_g)
            np.multiply(gc, workspace[n : 2 * n], gc)
            if idle is not None:
                np.copyto(gates, 0, where=idle)
            np.copyto(found, gates)
            np.matmul(weight_hh.T, gates, gh)
            if before is not None:
                np.copyto(gh, before[0], where=idle)
                np.copyto(gc, before[1], where=idle)
        grad_gates = grad_gates.reshape(4 * n, length * batch)
        needs = self.needs
        gx = self.input_gradient(grad_gates, weight_ih) if needs[0] else None
        grad_weight_ih, grad_bias = (
            self.input_weight_gradients(grad_gates) if any(needs[i] for i in (3, 5, 6)) else (None, None)
        )
        grad_weight_hh = self.state_weight_gradient(grad_gates) if needs[4] else None
        return gx, gh.T, gc.T, grad_weight_ih, grad_weight_hh, grad_bias, grad_bias


def arranged(weight: Any, n: int) -> Any:
    """Return the rows of the gates i, f, g, o as -i, -f, -o, g: sigmoid(i) is computed from exp(-i)."""
    found = np.concatenate((weight[: 2 * n], weight[3 * n :], weight[2 * n : 3 * n]))
    np.negative(found[: 3 * n], found[: 3 * n])
    return found
