"""gru: a sequence through one layer of gated recurrent units."""

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

__all__ = ["gru"]


@dispatched
def gru(
    x: Any,
    h: Any,
    weight_ih: Any,
    weight_hh: Any,
    bias_ih: Any = None,
    bias_hh: Any = None,
    lengths: Any = None,
    reverse: bool = False,
) -> Any:
    """Run a sequence through a layer of gated recurrent units (Cho et al., 2014).

    In each step, with ``r, z, n = split(x[t] @ weight_ih.T + bias_ih, 3)`` and
    ``hr, hz, hn = split(h @ weight_hh.T + bias_hh, 3)``: ``z = sigmoid(z + hz)``, and
    ``h = (1 - z) tanh(n + sigmoid(r + hr) hn) + z h``.

    Parameters
    ----------
    x : array of shape (length, batch, width)
    h : array of shape (batch, hidden), or None
        The state to start from; None for zeros.
    weight_ih, weight_hh : array of shape (3 hidden, width) and (3 hidden, hidden)
        The rows of the reset gate r, the update gate z and the new state n, in this order.
    bias_ih, bias_hh : array of shape (3 hidden,), or None
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
    Cho et al., Learning phrase representations using RNN encoder-decoder, 2014, https://arxiv.org/abs/1406.1078.
    The reset gate is applied after the product with weight_hh, as in cuDNN and PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> weight = np.ones((3, 1))
    >>> outputs, h = gru(np.ones((2, 1, 1)), None, weight, weight)
    >>> outputs.ravel().round(3), h.round(3)
    (array([0.205, 0.347]), array([[0.347]]))
    """
    sizes = check_arguments("gru", 3, x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
    x, active = without_padding("gru", x, lengths)
    inputs = x @ weight_ih.T
    if bias_ih is not None:
        inputs = inputs + bias_ih

    def step(inputs: Any, h: Any) -> tuple[Any]:
        from_state = h @ weight_hh.T
        if bias_hh is not None:
            from_state = from_state + bias_hh
        (r, z, n), (hr, hz, hn) = np.split(inputs, 3, axis=1), np.split(from_state, 3, axis=1)
        z = sigmoid(z + hz)
        n = np.tanh(n + sigmoid(r + hr) * hn)
        return (n + z * (h - n),)

    return walk("gru", step, inputs, (initial(h, sizes),), active, reverse)


class Gru(Recurrence, function=gru, by="x h weight_ih weight_hh bias_ih bias_hh"):
    """A call of `gru`.

    The blocks of a step's workspace: r, z, n, then the contribution of the state to n.
    """

    def forward(
        self, x: Any, h: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any, lengths: Any, reverse: bool
    ) -> Any:
        sizes = check_arguments("gru", 3, x, {"h": h}, weight_ih, weight_hh, bias_ih, bias_hh)
        length, batch, _, n, dtype = sizes
        self.begin(x, active_steps("gru", lengths, length, batch), reverse, sizes)
        self.weights = weight_ih, weight_hh
        self.workspaces = workspaces = np.empty((length, 4 * n, batch), dtype)
        self.project(gates_negated(weight_ih, n), gates_negated(bias_of(bias_ih, 3 * n), n), workspaces[:, : 3 * n])
        # The states, transposed, above a row of ones for the bias.
        self.transposed_states = transposed_states = np.ones((length + 1, n + 1, batch), dtype)
        weight = np.empty((3 * n, n + 1), dtype)
        weight[:, :n], weight[:, n] = weight_hh, bias_of(bias_hh, 3 * n)
        weight = gates_negated(weight, n)
        self.states[0] = 0 if h is None else h
        transposed_states[0, :n] = self.states[0].T
        from_state = np.empty((3 * n, batch), dtype)
        work = np.empty((n, batch), dtype)
        steps = zip(
            workspaces,
            transposed_states[:-1],
            transposed_states[:-1, :n],
            transposed_states[1:, :n],
            self.idle,
            strict=True,
        )
        with np.errstate(over="ignore"):  # exp overflows for a closed gate: its sigmoid is 0
            for workspace, augmented, before, after, idle in steps:
                gates, new, new_from_state = workspace[: 2 * n], workspace[2 * n : 3 * n], workspace[3 * n :]
                np.matmul(weight, augmented, from_state)
                np.add(gates, from_state[: 2 * n], gates)
                np.exp(gates, gates)
                np.add(gates, 1, gates)
                np.reciprocal(gates, gates)
                np.copyto(new_from_state, from_state[2 * n :])
                np.multiply(workspace[:n], new_from_state, work)
                np.add(new, work, new)
                np.tanh(new, new)
                np.subtract(before, new, work)
                np.multiply(work, workspace[n : 2 * n], work)
                np.add(new, work, after)
                if idle is not None:
                    np.copyto(after, before, where=idle)
        np.copyto(self.states[1:], np.swapaxes(transposed_states[1:, :n], 1, 2))
        return self.in_order(), self.states[-1].copy()

    def backward(self, gy: Any, gh: Any) -> Any:
        length, batch, _, n, dtype = self.sizes
        weight_ih, weight_hh = self.weights
        # Gradients with respect to n, r, z, and the contribution of the state to n: the first three blocks are for the
        # input weights, the last three for the state weights.
        grad_sums = np.empty((4 * n, length, batch), dtype)
        grad_sum = np.empty((4 * n, batch), dtype)
        grad_new, grad_r, grad_z, grad_new_of_state = (
            grad_sum[:n],
            grad_sum[n : 2 * n],
            grad_sum[2 * n : 3 * n],
            grad_sum[3 * n :],
        )
        grad_gates, grad_state = grad_sum[n : 3 * n], grad_sum[n:]
        slopes = np.empty((2 * n, batch), dtype)
        work = np.empty((n, batch), dtype)
        gh = np.array(gh.T, order="C")
        steps = zip(
            self.workspaces,
            self.transposed_states[:-1, :n],
            self.idle,
            self.incoming(gy),
            np.swapaxes(grad_sums, 0, 1),
            strict=True,
        )
        for workspace, before, idle, incoming, found in reversed(list(steps)):
            gates, r, z, new = workspace[: 2 * n], workspace[:n], workspace[n : 2 * n], workspace[2 * n : 3 * n]
            np.add(gh, incoming, gh)
            held = None if idle is None else gh.copy()
            np.multiply(gates, gates, slopes)
            np.subtract(gates, slopes, slopes)
            np.subtract(before, new, grad_z)
            np.multiply(grad_z, gh, grad_z)
            np.multiply(gh, z, work)
            np.subtract(gh, work, grad_r)  # with respect to the new state, temporarily
            np.copyto(gh, work)
            np.multiply(new, new, work)
            np.subtract(1, work, work)
            np.multiply(grad_r, work, grad_new)
            np.multiply(grad_new, workspace[3 * n :], grad_r)
            np.multiply(grad_new, r, grad_new_of_state)
            np.multiply(grad_gates, slopes, grad_gates)
            if idle is not None:
                np.copyto(grad_sum, 0, where=idle)
            np.copyto(found, grad_sum)
            np.matmul(weight_hh.T, grad_state, work)
            np.add(gh, work, gh)
            if held is not None:
                np.copyto(gh, held, where=idle)
        grad_sums = grad_sums.reshape(4 * n, length * batch)
        grad_inputs, grad_states = grad_sums[: 3 * n], grad_sums[n:]
        needs = self.needs
        gx = grad_weight_ih = grad_weight_hh = grad_bias_ih = grad_bias_hh = None
        if needs[0]:
            gx = self.input_gradient(grad_inputs, np.concatenate((weight_ih[2 * n :], weight_ih[: 2 * n])))
        if needs[2] or needs[4]:
            grad_weight_ih, grad_bias_ih = (
                np.concatenate((g[n:], g[:n])) for g in self.input_weight_gradients(grad_inputs)
            )
        if needs[3]:
            grad_weight_hh = self.state_weight_gradient(grad_states)
        if needs[5]:
            grad_bias_hh = np.sum(grad_states, axis=1)
        return gx, gh.T, grad_weight_ih, grad_weight_hh, grad_bias_ih, grad_bias_hh


def gates_negated(weight: Any, n: int) -> Any:
    """Return the rows r, z, n as -r, -z, n: sigmoid(r) is computed from exp(-r)."""
    found = weight.copy()
    np.negative(found[: 2 * n], found[: 2 * n])
    return found
