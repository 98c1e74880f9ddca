"""A trainer on several ranks: what they do alike, and the part of each batch that each has."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from wengert.checks.errors import describe
from wengert.core.variable import Variable
from wengert.datasets.batch_maker import bounds
from wengert.datasets.data_loader import DataLoader
from wengert.functions.randomness import generator
from wengert.layers.layer import Layer
from wengert.layers.normalization import batch_sums
from wengert.parallel import MPI, launched
from wengert.parallel.batch_statistics import SumOverRanks
from wengert.parallel.buckets import Buckets
from wengert.parallel.overlap import overlapped_backward
from wengert.training.batches import size_of
from wengert.training.checkpoints import load_run, save_run
from wengert.training.run import own_generators, random_state, set_random_state
from wengert.training.shards import Shards, check_shards

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["Together", "together"]

MARK = 2**16  # marks of sets of parameters are below this: their sums over ranks are exact


def together(parallel: Any, trainer: Trainer) -> Together | None:
    """Return how a trainer acts together with other ranks; None where it is alone."""
    if isinstance(parallel, str) and parallel == "auto":
        parallel = MPI() if launched() else None
    if parallel is None:
        return None
    if not isinstance(parallel, MPI):
        raise TypeError(f'parallel must be "auto", None or wengert.parallel.MPI(), but got {describe(parallel)}')
    return Together(parallel, trainer) if parallel.size > 1 else None


class Together:
    """What the ranks of a trainer do together.

    Attributes
    ----------
    share, total : int
        The examples of this rank in the present batch, and those of all.
    asked : bool
        Whether Ctrl-C was pressed on any rank, as all of them know it after a step.
    """

    def __init__(self, ranks: MPI, trainer: Trainer) -> None:
        self.ranks = ranks
        self.trainer = trainer
        self.buckets = Buckets(ranks)
        self.share = self.total = 1
        self.asked = self.stopping = self.stale = self.differ = False
        self.present: Any = None
        self.interrupts: Any = None
        self.shards: Shards | None = None
        if ranks.shard_optimizer:
            check_shards(trainer.optimizer)
            self.shards = Shards(ranks, trainer.optimizer)

    # Batches

    def parts(self, loader: Any) -> Iterator[Any]:
        """Yield this rank's part of each batch."""
        rank, size = self.ranks.rank, self.ranks.size
        if isinstance(loader, DataLoader):
            for batch, share, total in loader.parts(rank, size):
                self.share, self.total = share, total
                yield batch
            return
        for batch in loader:
            whole = size_of(batch)
            first, end, share = bounds(whole, rank, size)
            part = cut(batch, whole, first, end)
            self.share, self.total = share, whole
            yield part

    # Steps

    @contextlib.contextmanager
    def forward_together(self) -> Iterator[None]:
        """Inside the block BatchNorm sums over all ranks, where that is wanted."""
        token = batch_sums.set((self.total_of, int(self.share > 0))) if self.ranks.share_batch_statistics else None
        try:
            yield
        finally:
            if token is not None:
                batch_sums.reset(token)

    def total_of(self, x: Any) -> Any:
        """Return the sum of an array or a Variable over all ranks."""
        return SumOverRanks(self.ranks)(x) if isinstance(x, Variable) else self.ranks.sum(x)

    def updating(self) -> Any:
        """Return the block in which the optimizer makes its update."""
        return contextlib.nullcontext() if self.shards is None else self.shards.updating()

    def optimizer_state(self) -> Any:
        """Return the whole state of the optimizer; called by all ranks."""
        return self.trainer.optimizer.state_dict() if self.shards is None else self.shards.whole()

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """Inside the block this rank draws random numbers of its own; after it, all have the same state again."""
        model = self.trainer.model
        if any(p.data is None for p in model.params().values()):  # which are drawn alike
            yield
            return
        key = int(generator().integers(2**63))
        before = random_state(model)
        for number, each in enumerate([generator(), *own_generators(model).values()]):
            bits: Any = each.bit_generator
            bits.state = type(bits)(np.random.SeedSequence(key, spawn_key=(self.ranks.rank, number))).state
        try:
            yield
        finally:
            set_random_state(model, before)

    def params(self) -> list[Any]:
        """Return the parameters whose gradients are reduced."""
        groups = getattr(self.trainer.optimizer, "groups", None)
        found = self.trainer.model.params().values() if groups is None else [p for g in groups for p in g.params]
        return [p for p in found if p.requires_grad and p.data is not None]

    def agree(self, values: dict[str, float]) -> dict[str, float]:
        """Return the means of values over the batch of all ranks.

        With the same operation all learn whether any rank is to stop, and whether their gradients are of the same
        parameters, and valid.
        """
        asked = bool(self.interrupts is not None and self.interrupts.asked)
        weight = self.share / self.total
        self.present = np.array([p.grad is not None for p in self.params()])
        mark = float(crc32(self.present.tobytes()) % MARK)
        flags = [asked, self.trainer.stopping, self.buckets.stale, mark, mark * mark]
        with np.errstate(all="ignore"):
            numbers = np.array([*flags, *(value * weight for value in values.values())], np.float64)
            asked, stopping, stale, marks, squares, *means = self.ranks.sum(numbers).tolist()
        self.asked, self.stopping, self.stale = bool(asked), bool(stopping), bool(stale)
        self.differ = self.ranks.size * squares != marks * marks
        return dict(zip(values, means, strict=True))

    def backward(self, loss: Any) -> None:
        """Do what ``loss.backward()`` does, and reduce the gradients of a bucket as soon as they are complete."""
        self.buckets.prepare(self.params())
        self.buckets.begin()
        overlapped_backward(loss, self.buckets)

    def average(self) -> None:
        """Write the sums of the weighted gradients of all ranks into the parameters."""
        params, present = self.params(), self.present
        if self.differ:  # on some ranks parameters have a gradient that on others have none
            present = self.ranks.sum(present.astype(np.int64)) > 0
        self.buckets.prepare(params)
        self.buckets.finish(present, params, self.stale)
        self.buckets.begin()

    # The whole run

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """End the job where this rank exits within the block, which no hook of Python's tells of."""
        try:
            yield
        except SystemExit as error:
            self.ranks.end(f"rank {self.ranks.rank} of {self.ranks.size} exits with {error.code!r}")
            raise

    def start(self, loaders: list[Any]) -> None:
        """Give all ranks the state of rank 0."""
        trainer, ranks = self.trainer, self.ranks
        state = None
        optimizer = self.optimizer_state()
        if ranks.rank == 0:
            state = {
                "model": made(trainer.model),
                "optimizer": optimizer,
                "random": random_state(trainer.model),
                "run": trainer.run,
                "seeds": [each.seed if isinstance(each, DataLoader) else None for each in loaders],
            }
        state = ranks.broadcast(state)
        if ranks.rank:
            trainer.model.load_state_dict(state["model"], strict=False)
            trainer.optimizer.load_state_dict(state["optimizer"])
            set_random_state(trainer.model, state["random"])
            trainer.run = state["run"]
            for loader, seed in zip(loaders, state["seeds"], strict=True):
                if seed is not None:
                    loader.reseed(seed)
        self.check()

    def check(self) -> None:
        """Raise RuntimeError unless the parameters of all ranks are equal, to the bit."""
        named = {name: p.data for name, p in self.trainer.model.params().items() if p.data is not None}
        marks = {name: crc32(np.ascontiguousarray(array).data) for name, array in named.items() if array.size}
        whole = float(crc32(repr(marks).encode()) % MARK)
        total, squares = self.ranks.sum(np.array([whole, whole * whole])).tolist()
        if self.ranks.size * squares == total * total:
            return
        found = self.ranks.gather(marks)
        name = next((n for n in found[0] if any(each.get(n) != found[0][n] for each in found)), "their names")
        others = [str(rank) for rank, each in enumerate(found) if each.get(name) != found[0].get(name)]
        raise RuntimeError(
            f"the parameters of all ranks must be equal, but {name!r} of rank {', '.join(others)} is not that of rank "
            "0; change parameters on all ranks alike, and let no layer depend on the rank"
        )

    def share_buffers(self) -> None:
        """Replace the buffers of floating-point numbers, as running averages, by their mean over all ranks."""
        for array in Layer.buffers(self.trainer.model).values():
            if array.dtype.kind == "f" and array.size:
                array[...] = self.ranks.sum(array.astype(np.float64)) / self.ranks.size

    def load(self, path: str | os.PathLike[str], found: bool) -> bool:
        """Load the run in a file of rank 0, where there is one, on all ranks; return whether there was."""
        data = self.ranks.broadcast(_content(path) if found and self.ranks.rank == 0 else None)
        if data is None:
            return False
        if self.ranks.rank == 0:
            load_run(path, self.trainer)
            return True
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, os.path.basename(path))
            with open(copy, "wb") as file:
                file.write(data)
            load_run(copy, self.trainer)
        return True

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save the run, by rank 0."""
        state = self.optimizer_state()
        if self.ranks.rank == 0:
            save_run(path, self.trainer, optimizer=state)

    def totals(self, sums: dict[str, list[float]]) -> dict[str, list[float]]:
        """Return sums over batches, of all ranks."""
        total = self.ranks.sum(np.array([sums[name] for name in sums], np.float64))
        return dict(zip(sums, total.tolist(), strict=True))


def made(model: Layer) -> dict[str, Any]:
    """Return the arrays of a model that are made already."""
    found = {name: p.data for name, p in model.params().items() if p.data is not None}
    return found | {name: array for name, array in Layer.buffers(model).items() if array.size}


def _content(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def cut(batch: Any, whole: int, first: int, end: int) -> Any:
    """Return some examples of a batch; what has no first axis stays."""
    shape = getattr(batch, "shape", None)
    if shape is not None:
        if len(shape) and shape[0] != whole:
            raise ValueError(
                f"to be shared by ranks, the arrays of a batch must have as many examples as its first, {whole}, but "
                f"got {describe(batch)}; give a DataLoader, or put what is not for each example elsewhere"
            )
        return batch[first:end] if len(shape) else batch
    if isinstance(batch, dict):
        return {name: cut(each, whole, first, end) for name, each in batch.items()}
    if isinstance(batch, (tuple, list)):
        return type(batch)(cut(each, whole, first, end) for each in batch)
    return batch
