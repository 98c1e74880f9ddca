"""The state of an optimizer in shards over ranks (ZeRO, stage 1): each updates its parameters, and sends them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.optimizers.optimizer import Optimizer
from wengert.parallel import MPI

__all__ = ["Shards", "check_shards"]


def check_shards(optimizer: Any) -> None:
    """Raise ValueError unless an optimizer updates each parameter by itself."""
    if not isinstance(optimizer, Optimizer) or type(optimizer).update is not Optimizer.update:
        raise ValueError(
            f"MPI(shard_optimizer=True) takes an optimizer that updates each parameter by itself, as Adam, but got "
            f"{describe(optimizer)}; write shard_optimizer=False"
        )
    if optimizer.clip_norm is not None:
        raise ValueError(
            "with MPI(shard_optimizer=True) an optimizer knows the gradients of its shard only, so that it cannot clip "
            "by their global norm; write Trainer(..., clip_norm=1) instead of the optimizer's clip_norm"
        )


class Shards:
    """Which rank updates which parameters: those of a rank have about as many numbers as those of any other.

    Besides the reduction of the gradients, each update sends every parameter once to all ranks.
    """

    def __init__(self, ranks: MPI, optimizer: Optimizer) -> None:
        self.ranks, self.optimizer = ranks, optimizer
        self.form: Any = None
        self.owned: list[list[Any]] = []

    def prepare(self) -> None:
        """Give each parameter to the rank that has fewest so far, the largest first."""
        params = [p for group in self.optimizer.groups for p in group.params if p.data is not None]
        form = [(id(p), p.data.shape) for p in params]
        if form != self.form:
            self.form = form
            self.owned = [[] for _ in range(self.ranks.size)]
            held = [0] * self.ranks.size
            for p in sorted(params, key=lambda p: -p.data.size):  # (stable: alike on all ranks)
                rank = held.index(min(held))
                self.owned[rank].append(p)
                held[rank] += p.data.size
        mine = set(self.owned[self.ranks.rank])
        for p in [p for p in self.optimizer.states if p not in mine]:
            self.optimizer.forget(p)

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """Inside the block the optimizer sees the gradients of this rank's parameters; then all get the others'."""
        self.prepare()
        with Uninterrupted(joins=True):
            hidden = [(p, p.grad) for rank, each in enumerate(self.owned) if rank != self.ranks.rank for p in each]
            for p, _ in hidden:
                p.grad = None
            try:
                yield
            finally:
                for p, gradient in hidden:
                    p.grad = gradient
            self.exchange()

    def exchange(self) -> None:
        """Write the parameters of each rank into those of all."""
        for rank, params in enumerate(self.owned):
            params = [p for p in params if p.grad is not None]
            if not params:
                continue
            data = np.concatenate([np.ascontiguousarray(p.data).reshape(-1).view(np.uint8) for p in params])
            self.ranks.broadcast_array(data, rank)
            if rank != self.ranks.rank:
                at = 0
                for p in params:
                    part = data[at : at + p.data.nbytes].view(p.data.dtype).reshape(p.data.shape)
                    at += p.data.nbytes
                    if p.data.flags.writeable:
                        p.data[...] = part
                    else:
                        p.data = part.copy()

    def whole(self) -> dict[str, Any]:
        """Return the state of the optimizer, of all shards; called by all ranks."""
        found: dict[str, Any] = {}
        for state in reversed(self.ranks.gather(self.optimizer.state_dict())):
            found |= state
        return found
