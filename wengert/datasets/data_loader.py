"""Batches of a data set, epoch after epoch."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets.batch_making import BatchMaker
from wengert.datasets.dataset import check_dataset
from wengert.datasets.worker_processes import from_workers
from wengert.datasets.worker_threads import from_threads
from wengert.functions.randomness import generator

__all__ = ["DataLoader"]

MOST_AT_ONCE = 1024  # threads or processes: more than any machine has use for, and systems begin to refuse them


class DataLoader:
    """Iterate over a data set in batches: each iteration is an epoch.

    The batches of epoch `e` are a function of the seed and of `e` alone, to the bit: whatever the
    number of threads or workers, and whether or not the program was stopped and resumed in between.

    A loop that is left early stops what it had started, and the next one begins a new epoch. To go on
    where it was left (in another process, or in this one) load its state.

    Parameters
    ----------
    dataset : Dataset or sequence
        Anything with a length that is indexed by whole numbers. Without a transform and a collate of
        your own, an `ArrayDataset` gives whole batches at once.
    batch_size : int
    shuffle : bool
        A new order in each epoch.
    seed : int, optional
        Less than ``2**64``. Without one, `wengert.functions.randomness.generator` draws it, now, if
        anything is to be random.
    drop_last : bool
        Leave out a last batch that is not full.
    collate : callable, optional
        Makes a batch of a list of examples; by default `wengert.datasets.collate`.
    transform : callable, optional
        ``transform(example)`` or ``transform(example, rng)``: called for each example, with a generator
        of its own, made from the seed, the epoch and the index of the example.
    threads, workers : int
        Prepare batches ahead, in threads or in processes. Threads share memory and start at once:
        right for reading files, and for NumPy on large arrays (a loop that is left waits for the batches
        they are at). Worker processes are for transforms in
        Python that take longer than the training step; the data set is copied to them when an
        iteration starts, and a script needs ``if __name__ == "__main__":``. They start by the method
        "forkserver" on Linux and "spawn" elsewhere, whatever `multiprocessing.set_start_method` was
        told: a plain fork copies locks that other threads hold.
    prefetch : int
        How many batches each thread or worker prepares ahead; as far as the epoch goes.

    Attributes
    ----------
    epoch : int
        The number of the epoch, from 0; one more after each full iteration.
    position : int
        How many batches of this epoch have been given.

    Raises
    ------
    ValueError
        If the data set is empty, or no batch is full and the last is dropped.
    RuntimeError
        While iterating, if a worker process dies.

    Notes
    -----
    What goes wrong in a thread or worker is raised where the loop is, with the index of the example and
    the worker's traceback as notes. A loader is for one thread at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert.datasets import ArrayDataset
    >>> loader = DataLoader(ArrayDataset(np.arange(5.0), np.arange(5)), batch_size=2, shuffle=True, seed=0)
    >>> for x, t in loader:
    ...     print(x, t)
    [1. 0.] [1 0]
    [2. 3.] [2 3]
    [4.] [4]
    >>> loader.epoch, len(loader)
    (1, 3)
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 32,
        *,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
        collate: Callable[[Any], Any] | None = None,
        transform: Callable[..., Any] | None = None,
        threads: int = 0,
        workers: int = 0,
        prefetch: int = 2,
    ) -> None:
        check_dataset(dataset, "DataLoader")
        batch_size = options.integer(batch_size, "batch_size", "DataLoader", 1)
        self.threads = options.integer(threads, "threads", "DataLoader", 0, MOST_AT_ONCE)
        self.workers = options.integer(workers, "workers", "DataLoader", 0, MOST_AT_ONCE)
        self.prefetch = options.size(prefetch, "prefetch", "DataLoader")
        if threads and workers:
            raise ValueError(f"DataLoader takes threads or workers, not both, but got {threads} and {workers}")
        collate = None if collate is None else options.function(collate, "collate", "DataLoader")
        transform = None if transform is None else options.function(transform, "transform", "DataLoader")
        shuffle = options.flag(shuffle, "shuffle", "DataLoader")
        drop_last = options.flag(drop_last, "drop_last", "DataLoader")
        if seed is not None:
            seed = options.integer(seed, "seed", "DataLoader", 0, 2**64 - 1)
        if len(dataset) == 0:
            raise ValueError(
                f"DataLoader got an empty data set: {describe(dataset)} has no examples to make batches of"
            )
        if seed is None:
            # only where it is needed: a loader that draws nothing leaves the stream of random numbers as it was
            random = shuffle or transform is not None or self.workers
            seed = int(generator().integers(2**63)) if random else 0
        self._maker = BatchMaker(dataset, batch_size, shuffle, seed, drop_last, collate, transform)
        if len(self) == 0:
            raise ValueError(
                f"DataLoader has no batch to give: {len(dataset)} examples do not fill a batch of {batch_size}, and "
                f"drop_last=True; take a smaller batch_size"
            )
        self.epoch = 0
        self.position = 0
        self._resumes = False
        self._latest: object = None
        self._order: dict[str, Any] | None = None

    @property
    def dataset(self) -> Any:
        return self._maker.dataset

    @property
    def batch_size(self) -> int:
        return self._maker.batch_size

    @property
    def seed(self) -> int:
        """What the orders and the transforms' generators are made from."""
        return self._maker.seed

    def __len__(self) -> int:
        """Count the batches of an epoch."""
        return len(self._maker)

    def __iter__(self) -> Iterator[Any]:
        # What is changed now, and not when the first batch is asked for: two iterators are two epochs.
        if self.position and not self._resumes:
            self.epoch, self.position = self.epoch + 1, 0
        self._resumes = False
        self._latest = token = object()
        return self._iterate(token, self.epoch, self.position)

    def _iterate(self, token: object, epoch: int, position: int) -> Iterator[Any]:
        batches = self._batches(epoch, position)
        try:
            for number, batch in enumerate(batches, position + 1):
                if self._latest is token:  # an older iterator goes on, and has no say in where the loader is
                    self.position = number
                yield batch
        finally:
            batches.close()
        if self._latest is token:
            self.epoch, self.position = epoch + 1, 0

    def _batches(self, epoch: int, first: int) -> Any:
        if first >= len(self):
            return self._from_here(epoch, first)  # none: a state of after the last batch
        if self.workers:
            return from_workers(self._maker, epoch, first, self.workers, self.prefetch)
        if self.threads:
            return from_threads(self._maker, epoch, first, self.threads, self.prefetch)
        return self._from_here(epoch, first)

    def _from_here(self, epoch: int, first: int) -> Iterator[Any]:
        order = self._maker.order(epoch)
        for number in range(first, len(self)):
            yield self._maker.make(number, epoch, order)

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader is, as arrays: load it to go on with the very next batch.

        Examples
        --------
        >>> import numpy as np
        >>> from wengert.datasets import ArrayDataset
        >>> loader = DataLoader(ArrayDataset(np.arange(6)), batch_size=2, shuffle=True, seed=0)
        >>> for batch in loader:
        ...     state = loader.state_dict()
        ...     break
        >>> loader.load_state_dict(state)
        >>> len(list(loader))
        2
        """
        state = {"epoch": np.array(self.epoch, np.int64), "position": np.array(self.position, np.int64)}
        if self._order is None or self._order["seed"] != self._maker.seed:
            self._order = self._order_state()
        state |= self._order
        return state

    def _order_state(self) -> dict[str, Any]:
        """Return that part of the state which says what batches there are; it is read-only."""
        maker = self._maker
        state: dict[str, Any] = {
            "examples": np.array(maker.length, np.int64),
            "batch_size": np.array(maker.batch_size, np.int64),
            "seed": np.array(maker.seed, np.uint64),
            "shuffle": np.array(maker.shuffle),
            "drop_last": np.array(maker.drop_last),
        }
        for array in state.values():
            array.flags.writeable = False
        return state

    def load_state_dict(self, state: Any) -> None:
        """Go on from the state of a loader: its seed, its epoch, its position.

        Raises
        ------
        ValueError
            If names are missing or unexpected, or the position is one among other batches: of another
            size, in another order, or of a data set of another length. The loader stays as it was.
        """
        names = set(self.state_dict())
        if not hasattr(state, "keys") or set(state) != names:
            got = sorted(state) if hasattr(state, "keys") else describe(state)
            raise ValueError(f"the state of a DataLoader has the names {sorted(names)}, but got {got}")
        found = {
            name: int(options.flag(np.asarray(value)[()], name, "the state of a DataLoader"))
            if name in ("shuffle", "drop_last")
            else options.seed(value, name, "the state of a DataLoader")
            for name, value in state.items()
        }
        maker = self._maker
        mine = {name: int(value) for name, value in self.state_dict().items()}
        if found["position"]:
            for name in ("examples", "batch_size", "shuffle", "drop_last"):
                if found[name] != mine[name]:
                    raise ValueError(
                        f"this state is at batch {found['position']} of an epoch with {name} = {found[name]}, but the "
                        f"loader has {name} = {mine[name]}: its batches are others"
                    )
        if found["epoch"] < 0 or not 0 <= found["position"] <= len(self) or not 0 <= found["seed"] < 2**64:
            raise ValueError(f"no state of a DataLoader of {len(self)} batches: {found}")
        maker.seed = found["seed"]
        self.epoch, self.position = found["epoch"], found["position"]
        self._resumes = True
        self._latest = None  # an iterator of before goes on without a say

    def __repr__(self) -> str:
        maker = self._maker
        return (
            f"DataLoader({type(maker.dataset).__name__} of {maker.length} examples, {len(self)} batches of "
            f"{maker.batch_size}, shuffle={maker.shuffle}, epoch={self.epoch}, position={self.position})"
        )
