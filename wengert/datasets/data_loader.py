"""Batches of a data set, epoch after epoch."""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.datasets.batch_maker import BatchMaker, bounds
from wengert.datasets.dataset import check_dataset
from wengert.datasets.worker_processes import from_workers
from wengert.datasets.worker_threads import from_threads
from wengert.functions.randomness import generator

__all__ = ["DataLoader"]

MOST_AT_ONCE = 1024  # threads or processes: more are useless on any machine, and systems begin to refuse them


class DataLoader:
    """Iterate over a data set in batches: each iteration is an epoch.

    The batches of epoch `e` depend on the seed and on `e` alone, to the bit: not on the number of threads or workers,
    nor on whether the program was stopped and resumed in between.

    Breaking out of a loop stops its threads and workers, and the next loop begins a new epoch. To resume at the same
    batch, in this or another process, load the state.

    Parameters
    ----------
    dataset : Dataset or sequence
        Anything with a length that is indexed by integers. Without a custom transform and collate, an `ArrayDataset`
        makes each batch in one operation.
    batch_size : int
    shuffle : bool
        Whether to use a new random order in each epoch.
    seed : int, optional
        Less than ``2**64``. By default drawn from `wengert.generator` at construction, if anything is random.
    drop_last : bool
        Whether to drop a last batch that is not full.
    collate : callable, optional
        Makes a batch from a list of examples; by default `wengert.datasets.collate`.
    transform : callable, optional
        ``transform(example)`` or ``transform(example, rng)``: called for each example, with a generator that depends on
        the seed, the epoch and the index of the example.
    threads, workers : int
        Prefetch batches in threads or in processes. Threads share memory and start at once: for reading files, and for
        NumPy on large arrays (breaking out of a loop waits for the batches in progress). Worker processes are for
        Python transforms that take longer than the training step; the data set is copied to them when an iteration
        starts, and a script needs ``if __name__ == "__main__":``. They use the start method "forkserver" on Linux and
        "spawn" elsewhere, regardless of `multiprocessing.set_start_method`: a plain fork copies locks that other
        threads hold.
    prefetch : int
        The number of batches that each thread or worker prepares ahead, within the epoch.

    Attributes
    ----------
    epoch : int
        The number of the epoch, from 0; one more after each full iteration.
    position : int
        The number of batches of this epoch that were yielded.

    Raises
    ------
    ValueError
        If the data set is empty, or has no full batch with `drop_last`.
    RuntimeError
        While iterating, if a worker process dies.

    Notes
    -----
    An exception in a thread or worker is raised in the loop, with the index of the example and the worker's traceback
    as notes. Not thread-safe.

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
            # only where it is needed: a loader without randomness does not advance the generator
            random = shuffle or transform is not None or self.workers
            seed = int(generator().integers(2**63)) if random else 0
        self._maker = BatchMaker(dataset, batch_size, shuffle, seed, drop_last, collate, transform)
        if len(self) == 0:
            raise ValueError(
                f"DataLoader has no batch: {len(dataset)} examples do not fill a batch of {batch_size}, and "
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
        """The seed of the orders and of the transforms' generators."""
        return self._maker.seed

    def reseed(self, seed: int) -> None:
        """Draw the orders and the transforms' generators from another seed."""
        self._maker.seed, self._order = options.integer(seed, "seed", "DataLoader", 0, 2**64 - 1), None

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._maker)

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self._begin(self._maker)
        return found

    def parts(self, number: int, of: int) -> Iterator[tuple[Any, int, int]]:
        """Iterate over one part of each batch; yield it with its number of examples and that of the whole batch.

        The batches are the same for all parts, which are as equal as they can be. A part of a batch that has fewer
        examples than there are parts may be counted as 0: it is then the first example, which another part has too.

        Examples
        --------
        >>> import numpy as np
        >>> from wengert.datasets import ArrayDataset
        >>> loader = DataLoader(ArrayDataset(np.arange(6)), batch_size=4)
        >>> list(loader.parts(1, 2))
        [((array([2, 3]),), 2, 4), ((array([5]),), 1, 2)]
        """
        of = options.size(of, "of", "DataLoader.parts")
        number = options.integer(number, "number", "DataLoader.parts", 0, of - 1)
        maker = copy(self._maker)
        maker.part = (number, of)
        batches = self._begin(maker)
        return self._with_sizes(batches, self.position, number, of)

    def _with_sizes(self, batches: Any, first: int, number: int, of: int) -> Iterator[tuple[Any, int, int]]:
        try:
            for index, batch in enumerate(batches, first):
                size = min(self.batch_size, self._maker.length - index * self.batch_size)
                yield batch, bounds(size, number, of)[2], size
        finally:
            batches.close()

    def _begin(self, maker: BatchMaker) -> Any:
        # Changed now, not when the first batch is requested: two iterators are two epochs.
        if self.position and not self._resumes:
            self.epoch, self.position = self.epoch + 1, 0
        self._resumes = False
        self._latest = token = object()
        return self._iterate(maker, token, self.epoch, self.position)

    def _iterate(self, maker: BatchMaker, token: object, epoch: int, position: int) -> Iterator[Any]:
        batches = self._batches(maker, epoch, position)
        try:
            for number, batch in enumerate(batches, position + 1):
                if self._latest is token:  # an older iterator continues, but no longer moves the loader's position
                    self.position = number
                yield batch
        finally:
            batches.close()
        if self._latest is token:
            self.epoch, self.position = epoch + 1, 0

    def _batches(self, maker: BatchMaker, epoch: int, first: int) -> Any:
        if first >= len(self):
            return self._from_here(maker, epoch, first)  # none left: a state saved after the last batch
        if self.workers:
            return from_workers(maker, epoch, first, self.workers, self.prefetch)
        if self.threads:
            return from_threads(maker, epoch, first, self.threads, self.prefetch)
        return self._from_here(maker, epoch, first)

    def _from_here(self, maker: BatchMaker, epoch: int, first: int) -> Iterator[Any]:
        order = maker.order(epoch)
        for number in range(first, len(self)):
            yield maker.make(number, epoch, order)

    def state_dict(self) -> dict[str, Any]:
        """Return the position of the loader, as arrays; load it to resume with the next batch.

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
        if self._order is None:
            self._order = self._order_state()
        state |= self._order
        return state

    def _order_state(self) -> dict[str, Any]:
        """Return the read-only part of the state, which determines the batches."""
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
        """Resume from the state of a loader: its seed, epoch and position.

        Raises
        ------
        ValueError
            If names are missing or unexpected, or the state is of different batches: of another size, in another order,
            or of a data set of another length. The loader is then unchanged.
        """
        mine = {name: int(value) for name, value in self.state_dict().items()}
        if not hasattr(state, "keys") or set(state) != set(mine):
            got = sorted(state) if hasattr(state, "keys") else describe(state)
            raise ValueError(f"the state of a DataLoader has the names {sorted(mine)}, but got {got}")
        found = {
            name: int(options.flag(np.asarray(value)[()], name, "the state of a DataLoader"))
            if name in ("shuffle", "drop_last")
            else options.seed(value, name, "the state of a DataLoader")
            for name, value in state.items()
        }
        if found["position"]:
            for name in ("examples", "batch_size", "shuffle", "drop_last"):
                if found[name] != mine[name]:
                    raise ValueError(
                        f"this state is at batch {found['position']} of an epoch with {name} = {found[name]}, but the "
                        f"loader has {name} = {mine[name]}: the batches differ"
                    )
        if found["position"] > len(self) or found["seed"] >= 2**64:
            raise ValueError(f"not a state of a DataLoader of {len(self)} batches: {found}")
        self._maker.seed, self._order = found["seed"], None
        self.epoch, self.position = found["epoch"], found["position"]
        self._resumes = True
        self._latest = None  # earlier iterators no longer move the position

    def __repr__(self) -> str:
        maker = self._maker
        return (
            f"DataLoader({type(maker.dataset).__name__} of {maker.length} examples, {len(self)} batches of "
            f"{maker.batch_size}, shuffle={maker.shuffle}, epoch={self.epoch}, position={self.position})"
        )
