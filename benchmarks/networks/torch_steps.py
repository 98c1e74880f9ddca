"""The workloads in PyTorch, eager; with the prefix "compiled ", under torch.compile."""

import os
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.networks.data import GPT, MLPS, RATE, batch, weights

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


class LSTM(nn.Module):  # type: ignore[misc]
    """The last output of an LSTM, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(32, 128, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])


class Projection(nn.Module):  # type: ignore[misc]
    """GPT-2's linear layer, of weight (in, out)."""

    def __init__(self, size: int, out: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.zeros(size, out)), nn.Parameter(torch.zeros(out))

    def forward(self, x: Any) -> Any:
        return torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_attn, self.c_proj = Projection(width, 3 * width), Projection(width, width)

    def forward(self, x: Any) -> Any:
        n, length, width = x.shape
        parts = self.c_attn(x).split(width, dim=2)
        q, k, v = (p.view(n, length, GPT["heads"], -1).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(n, length, width))


class Feedforward(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc, self.c_proj = Projection(width, 4 * width), Projection(4 * width, width)

    def forward(self, x: Any) -> Any:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(width), Attention(width)
        self.ln_2, self.mlp = nn.LayerNorm(width), Feedforward(width)

    def forward(self, x: Any) -> Any:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):  # type: ignore[misc]
    """GPT-2's layout; the last layer is the embedding's weight."""

    def __init__(self) -> None:
        super().__init__()
        width = GPT["width"]
        self.wte, self.wpe = nn.Embedding(GPT["vocabulary"], width), nn.Embedding(GPT["length"], width)
        self.h = nn.ModuleList(Block(width) for _ in range(GPT["layers"]))
        self.ln_f = nn.LayerNorm(width)

    def forward(self, tokens: Any) -> Any:
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1]))
        for block in self.h:
            x = block(x)
        return F.linear(self.ln_f(x), self.wte.weight).flatten(0, 1)


def network(work: str) -> Any:
    if work in MLPS:
        sizes = MLPS[work][0]
        steps = [step for pair in pairwise(sizes) for step in (nn.Linear(*pair), nn.ReLU())]
        return nn.Sequential(*steps[:-1])
    if work == "cnn":
        first = [nn.Conv2d(1, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*first, nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10))
    return LSTM() if work == "lstm" else Transformer()


def make(work: str) -> Callable[[], float]:
    """Return a step of training: forward, backward and Adam; it returns the loss."""
    compiled = work.startswith("compiled ")
    work = work.removeprefix("compiled ")
    model = network(work)
    parameters = dict(model.named_parameters())
    arrays = weights((name, tuple(p.shape)) for name, p in parameters.items())
    model.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    x, t = map(torch.tensor, batch(work))
    t = t.flatten()
    if compiled:
        model = torch.compile(model)

    def step() -> float:
        loss = F.cross_entropy(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step
