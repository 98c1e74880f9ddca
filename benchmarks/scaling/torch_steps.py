"""The same steps in PyTorch, by DistributedDataParallel over gloo: ``python -m benchmarks.scaling.torch_steps``."""

from __future__ import annotations

import json
import os
import socket
from time import perf_counter
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as processes
from torch.nn.parallel import DistributedDataParallel

from benchmarks.networks.data import batch

__all__: list[str] = []

STEPS, SKIPPED = 60, 10


def model_of(work: str) -> Any:
    from torch.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

    if work == "mlp":
        return Sequential(Linear(784, 256), ReLU(), Linear(256, 10))
    first = [Conv2d(1, 16, 3), ReLU(), MaxPool2d(2), Conv2d(16, 32, 3), ReLU(), MaxPool2d(2)]
    return Sequential(*first, Flatten(), Linear(800, 128), ReLU(), Linear(128, 10))


def step(work: str, rank: int, ranks: int) -> float:
    torch.manual_seed(0)
    model = model_of(work)
    model = DistributedDataParallel(model) if ranks > 1 else model
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    x, t = batch(work)
    share = slice(rank * len(x) // ranks, (rank + 1) * len(x) // ranks)
    x, t = torch.tensor(x[share]), torch.tensor(t[share])
    times = []
    for _ in range(STEPS):
        started = perf_counter()
        loss = torch.nn.functional.cross_entropy(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        times.append(perf_counter() - started)
    return float(np.median(np.sort(times[SKIPPED:])[: (STEPS - SKIPPED) // 2]))


def work(rank: int, ranks: int, place: int) -> None:
    torch.set_num_threads(1)
    if ranks > 1:
        address = f"tcp://127.0.0.1:{place}"
        torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=ranks)
    found = {"ranks": ranks, **{name: step(name, rank, ranks) for name in ("mlp", "cnn")}}
    if rank == 0:
        print(json.dumps(found), flush=True)
    if ranks > 1:
        torch.distributed.destroy_process_group()


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    work(0, 1, 0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = free.getsockname()[1]
    processes.spawn(work, args=(2, place), nprocs=2)


if __name__ == "__main__":
    main()
