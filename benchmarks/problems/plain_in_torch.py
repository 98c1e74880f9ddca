"""The programs of `benchmarks.problems.plain` as one writes them in PyTorch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.libraries.library import Step
from benchmarks.networks.data import RATE

__all__ = ["make"]

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def mlp(parameters: Any, x: Any, labels: Any) -> Any:
    for w, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = torch.relu(torch.addmm(b, x, w))
    return F.cross_entropy(torch.addmm(parameters[-1], x, parameters[-2]), labels)


def cnn(parameters: Any, x: Any, labels: Any) -> Any:
    first, second, w, b = parameters
    x = x.permute(0, 3, 1, 2)
    x = F.max_pool2d(torch.relu(F.conv2d(x, first.permute(3, 2, 0, 1))), 2)
    x = torch.relu(F.conv2d(x, second.permute(3, 2, 0, 1))).permute(0, 2, 3, 1)
    return F.cross_entropy(torch.addmm(b, x.flatten(1), w), labels)


def rnn(parameters: Any, xs: Any) -> Any:
    w, u, b = parameters
    h = xs.new_zeros(xs.shape[1], len(u))
    for x in xs:
        h = torch.tanh(x @ w + h @ u + b)
    return torch.mean(h**2)


def lstm(parameters: Any, xs: Any) -> Any:
    w, u, b = parameters
    h = c = xs.new_zeros(xs.shape[1], len(u))
    for x in xs:
        enter, forget, new, out = (x @ w + h @ u + b).chunk(4, 1)[0:4]
        c = torch.sigmoid(enter) * c + torch.sigmoid(forget) * torch.tanh(new)
        h = torch.sigmoid(out) * torch.tanh(c)
    return torch.mean(h**2)


def attention(parameters: Any, x: Any) -> Any:
    into, out, first, second = parameters
    n, length, width = x.shape
    q, k, v = (z.view(n, length, 4, -1).transpose(1, 2) for z in (F.layer_norm(x, (width,)) @ into).chunk(3, -1))
    heads = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + heads.transpose(1, 2).reshape(x.shape) @ out
    x = x + F.gelu(F.layer_norm(x, (width,)) @ first, approximate="tanh") @ second
    return torch.mean(x**2)


LOSSES: dict[str, Callable[..., Any]] = {
    "small-mlp": mlp,
    "mlp": mlp,
    "large-mlp": mlp,
    "cnn": cnn,
    "rnn": rnn,
    "lstm": lstm,
    "attention": attention,
}


def make(name: str, parameters: Any, data: Any, trained: bool) -> Step:
    """Make the value and the gradients of a loss, or a step of Adam with them."""
    loss, weights = LOSSES[name], [torch.tensor(p, requires_grad=True) for p in parameters]
    given = [torch.tensor(x) for x in data]
    optimizer = torch.optim.Adam(weights, RATE, eps=1e-8)

    def step() -> Any:
        y = loss(weights, *given)
        if not trained:
            return y.detach(), torch.autograd.grad(y, weights)
        optimizer.zero_grad()
        y.backward()
        optimizer.step()
        return y.detach()

    return step
