"""The mean of gradients over all ranks, in buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from wengert.parallel.ranks import MPI

__all__ = ["Buckets"]

MEGABYTE = 2**20


class Bucket:
    """Gradients that are reduced in one operation: one flat array, and the view of it for each parameter."""

    def __init__(self, params: Sequence[Any], dtype: Any) -> None:
        self.params = list(params)
        self.flat = np.zeros(sum(p.data.size for p in params), dtype)
        ends = np.cumsum([p.data.size for p in params]).tolist()
        self.views = [
            self.flat[end - p.data.size : end].reshape(p.data.shape) for p, end in zip(params, ends, strict=True)
        ]
        self.number_of = {p: number for number, p in enumerate(self.params)}
        self.request: Any = None


class Buckets:
    """Sums the gradients of parameters over all ranks; each rank has weighted its own already.

    All parameters have a place, those without a gradient too, so that the operations are alike on all ranks. A
    gradient is then a view of its bucket, and valid until the next step.
    """

    def __init__(self, ranks: MPI) -> None:
        self.ranks = ranks
        self.form: Any = None
        self.buckets: list[Bucket] = []
        self.place: dict[Any, int] = {}  # the number of the bucket, by parameter
        self.begin()

    def prepare(self, params: Sequence[Any]) -> None:
        """Make the buckets, unless they are those of these parameters."""
        form = [(id(p), p.data.shape, p.data.dtype) for p in params]
        if form == self.form:
            return
        self.form = form
        groups: list[tuple[list[Any], Any]] = []
        filled = 0
        for p in reversed(params):  # those of the last layers come first in backward
            dtype = np.promote_types(p.data.dtype, np.float32)
            if not groups or groups[-1][1] != dtype or filled + p.data.nbytes > self.ranks.bucket * MEGABYTE:
                groups.append(([], dtype))
                filled = 0
            groups[-1][0].append(p)
            filled += p.data.nbytes
        self.buckets = [Bucket(members, dtype) for members, dtype in groups]
        self.place = {p: number for number, bucket in enumerate(self.buckets) for p in bucket.params}

    def begin(self) -> None:
        """Begin a step: nothing is reduced."""
        self.abandon()
        self.started = 0
        self.stale = False  # whether gradients were changed after they were reduced
        self.walk: Any = None
        self.left = [len(bucket.params) for bucket in self.buckets]

    def abandon(self) -> None:
        """Wait for operations whose results a failed step does not need."""
        for bucket in self.buckets:
            if bucket.request is not None:
                self.ranks.wait(bucket.request)
                bucket.request = None

    def complete(self, p: Any, gradient: Any) -> None:
        """Take the complete gradient of a parameter; begin to reduce its bucket if it was the last, and its turn."""
        number = self.place[p]
        bucket = self.buckets[number]
        np.copyto(bucket.views[bucket.number_of[p]], gradient)
        self.left[number] -= 1
        while self.started < len(self.buckets) and not self.left[self.started]:
            # (all ranks begin the buckets in the same order)
            ahead = self.buckets[self.started]
            ahead.request = self.ranks.start_sum(ahead.flat)
            self.started += 1
        for ahead in self.buckets[: self.started]:
            if ahead.request is not None:
                ahead.request.Test()  # without a call from time to time nothing is sent

    def start(self) -> None:
        """Begin to reduce the buckets that are not begun yet, with the gradients of their parameters."""
        for bucket in self.buckets[self.started :]:
            for p, view in zip(bucket.params, bucket.views, strict=True):
                if p.grad is None:
                    view.fill(0)
                else:
                    np.copyto(view, p.grad)
            bucket.request = self.ranks.start_sum(bucket.flat)
        self.started = len(self.buckets)

    def finish(self, present: Any, params: Sequence[Any], stale: bool) -> None:
        """Write the sums into the gradients of the parameters that have one on any rank.

        `stale` says that gradients on any rank were changed after they were reduced: they are reduced again.
        """
        self.start()
        self.abandon()
        if stale:
            self.started = 0
            self.start()
            self.abandon()
        kept = {p for p, there in zip(params, present, strict=True) if there}
        for bucket in self.buckets:
            for p, view in zip(bucket.params, bucket.views, strict=True):
                if p in kept:
                    p.grad = view if view.dtype == p.data.dtype else view.astype(p.data.dtype)
