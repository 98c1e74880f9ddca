"""The ranks of an MPI job, and what they compute together."""

from __future__ import annotations

import os
import sys
import time
import traceback
from typing import Any

import numpy as np

from wengert.checks import options
from wengert.checks.extras import needed

__all__ = ["MPI"]

PATIENT = 500  # polls before a waiting rank sleeps between two
NAP = 2e-4  # seconds
ANNOUNCED = 1.0  # seconds of waiting after which a rank tells the others at which operation it waits
TAG = 77


class MPI:
    """All ranks of the job, as `Trainer(..., parallel=MPI())` takes them.

    Parameters
    ----------
    timeout : float
        Seconds that a rank waits for the others. After that it ends the job, and names the ranks that have not come.
    bucket : float
        Megabytes of gradients that are reduced in one operation.
    check_every : int
        After this number of updates the parameters of all ranks are compared.
    shard_optimizer : bool
        Whether each rank keeps the state of the optimizer for its share of the parameters only (ZeRO, stage 1).
        Checkpoints are whole.
    share_batch_statistics : bool
        Whether `BatchNorm` takes mean and variance over the batch of all ranks. By default over the rank's part; the
        running averages of all ranks are then averaged at the end of each epoch. Not with ``compile=True``.

    Attributes
    ----------
    rank, size : int
        The number of this rank, from 0, and of all.

    Raises
    ------
    ImportError
        If mpi4py is not installed, or finds no MPI.

    Notes
    -----
    All ranks must call what is collective alike: `Trainer.fit` and `Trainer.evaluate`. An exception that nothing
    catches ends the whole job, after its traceback is printed. Not thread-safe.
    """

    def __init__(
        self,
        *,
        timeout: float = 300.0,
        bucket: float = 4.0,
        check_every: int = 100,
        shard_optimizer: bool = False,
        share_batch_statistics: bool = False,
    ) -> None:
        self.timeout = options.real(timeout, "timeout", "MPI", above=0)
        self.bucket = options.real(bucket, "bucket", "MPI", above=0)
        self.check_every = options.integer(check_every, "check_every", "MPI", 1)
        self.shard_optimizer = options.flag(shard_optimizer, "shard_optimizer", "MPI")
        self.share_batch_statistics = options.flag(share_batch_statistics, "share_batch_statistics", "MPI")
        needed("mpi4py", "mpi", "training on several ranks")
        from mpi4py import MPI as mpi

        self._mpi: Any = mpi
        self._comm: Any = mpi.COMM_WORLD.Dup()
        self._gradients: Any = mpi.COMM_WORLD.Dup()  # their own: ranks may begin a bucket before or after another sum
        self._side: Any = mpi.COMM_WORLD.Dup()  # for announcements of waiting ranks
        self.rank = int(self._comm.Get_rank())
        self.size = int(self._comm.Get_size())
        self.operations = 0  # collective ones so far: the same number is the same operation on all ranks
        self.bytes = 0  # of the gradients reduced
        self._sent: list[Any] = []
        if self.size > 1:
            end_all_on_errors(self)

    def __repr__(self) -> str:
        return f"MPI(rank {self.rank} of {self.size})"

    # Collective operations: called by all ranks in the same order

    def start_sum(self, array: Any) -> Any:
        """Begin to replace a contiguous array by its sum over all ranks; `wait` for what is returned."""
        self.bytes += array.nbytes
        return self._gradients.Iallreduce(self._mpi.IN_PLACE, array)

    def sum(self, array: Any) -> Any:
        """Return the sum of an array over all ranks."""
        total = np.array(array, order="C")
        self.wait(self._comm.Iallreduce(self._mpi.IN_PLACE, total))
        return total

    def any(self, flag: bool) -> bool:
        """Return whether `flag` holds on any rank."""
        return bool(self.sum(np.array([flag], np.float64))[0])

    def broadcast_array(self, array: Any, root: int = 0) -> None:
        """Write the array of a rank into those of the others, in place."""
        self.wait(self._comm.Ibcast(array.reshape(-1).view(np.uint8), root))

    def broadcast(self, value: Any) -> Any:
        """Return the object of rank 0 on all ranks; it is pickled."""
        pickle = self._mpi.pickle
        data = pickle.dumps(value) if self.rank == 0 else b""
        size = np.array([len(data)], np.int64)
        self.wait(self._comm.Ibcast(size, 0))
        buffer = np.frombuffer(data, np.uint8).copy() if self.rank == 0 else np.empty(int(size[0]), np.uint8)
        self.wait(self._comm.Ibcast(buffer, 0))
        return value if self.rank == 0 else pickle.loads(buffer.tobytes())

    def gather(self, value: Any) -> list[Any]:
        """Return the objects of all ranks, in their order, on all ranks; they are pickled."""
        pickle = self._mpi.pickle
        data = np.frombuffer(pickle.dumps(value), np.uint8)
        sizes = np.zeros(self.size, np.int64)
        sizes[self.rank] = len(data)
        sizes = self.sum(sizes)
        buffer = np.empty(int(sizes.sum()), np.uint8)
        self.wait(self._comm.Iallgatherv(data, (buffer, sizes.tolist())))
        ends = np.cumsum(sizes)
        return [pickle.loads(buffer[end - size : end].tobytes()) for end, size in zip(ends, sizes, strict=True)]

    def wait(self, request: Any) -> None:
        """Wait until an operation is done; end the job if that takes longer than the time-out."""
        self.operations += 1
        for turn in range(PATIENT):
            if request.Test():
                return
            if turn > 20:
                os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)  # another rank may share this core
        self._wait_long(request)

    def _wait_long(self, request: Any) -> None:
        started, announced = time.monotonic(), False
        while not request.Test():
            waited = time.monotonic() - started
            if not announced and waited > min(ANNOUNCED, self.timeout / 4):
                announced = True
                self._announce()
            if waited > self.timeout:
                self.end(self._late(waited))
            time.sleep(NAP)

    def _announce(self) -> None:
        here = np.array([self.operations], np.int64)
        self._sent += [self._side.Isend(here, other, TAG) for other in range(self.size) if other != self.rank]

    def _late(self, waited: float) -> str:
        """Return which ranks do not wait at the operation at which this one does."""
        here = {self.rank}
        mpi, message = self._mpi, np.zeros(1, np.int64)
        status = mpi.Status()
        while self._side.Iprobe(mpi.ANY_SOURCE, TAG, status):
            self._side.Recv(message, status.Get_source(), TAG)
            if message[0] == self.operations:
                here.add(status.Get_source())
        missing = [str(rank) for rank in range(self.size) if rank not in here]
        who = f"rank{'s' if len(missing) > 1 else ''} {', '.join(missing)}" if missing else "a rank"
        return (
            f"rank {self.rank} has waited {waited:.0f} seconds at operation {self.operations} for {who}, which "
            f"hangs, or has not called what the others have: call fit and evaluate on all ranks alike, or give more "
            f"time: MPI(timeout={10 * self.timeout:g})"
        )

    def end(self, message: str) -> None:
        """Write a message to standard error, and end all ranks of the job."""
        sys.stdout.flush()
        os.write(2, f"wengert: {message}\n".encode())
        time.sleep(0.2)  # the launcher forwards the message before it ends the ranks
        self._mpi.COMM_WORLD.Abort(1)


def end_all_on_errors(ranks: MPI) -> None:
    """Let an exception that nothing catches end the job: the other ranks would wait for this one forever."""
    before = sys.excepthook
    if getattr(before, "ends_all", False):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        ranks.end(f"rank {ranks.rank} of {ranks.size} ends the job:\n{text}")

    hook.ends_all = True  # type: ignore[attr-defined]
    sys.excepthook = hook
