"""Backward that reduces the gradients of a bucket over all ranks while it still computes the others."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from wengert.arrays.ownership import take_exclusive
from wengert.core.backprop import Walk, propagate
from wengert.core.node import Node
from wengert.core.variable import Variable, note_of
from wengert.parallel.buckets import Buckets

__all__ = ["overlapped_backward"]


class OverlappedWalk(Walk):
    """A walk that tells the buckets when the gradient of a parameter is complete."""

    def __init__(self, *args: Any, buckets: Buckets, awaited: Counter[Any], **settings: Any) -> None:
        self.buckets, self.awaited = buckets, awaited
        super().__init__(*args, **settings)
        buckets.walk = self

    def add(self, edges: Any, gxs: Any, f: Any) -> None:
        """Add gradients, and start the buckets that are complete by them."""
        super().add(edges, gxs, f)
        if f is None or self.differentiable:
            return
        awaited = self.awaited
        for edge in edges:
            left = awaited.get(edge) if isinstance(edge, Variable) else None
            if left is not None:
                awaited[edge] = left - 1
                if left == 1 and type(gx := self.gradients.get(edge)) is np.ndarray:
                    self.buckets.complete(edge, gx)


def overlapped_backward(loss: Any, buckets: Buckets) -> None:
    """Do what ``loss.backward()`` does for a loss whose gradients are not to be added to others."""
    gy = loss.grad if loss.grad is not None else np.ones((), loss.dtype)
    root = loss.creator
    settings = {"kind": OverlappedWalk, "buckets": buckets, "awaited": consumers(root, buckets.place)}
    leaves = propagate([loss], [gy], False, None, **settings)
    for x in leaves:
        root.check_form(x)
    walk = buckets.walk
    buckets.stale |= bool(walk.singular or walk.unchecked or walk.differentiable)
    buckets.walk = None
    for x in list(leaves):
        gx = take_exclusive(leaves, x)
        x.grad = gx if x.grad is None else x.grad + gx


def consumers(root: Any, params: Any) -> Counter[Any]:
    """Count the calls in a graph that take each of some parameters: its gradient is complete when all are walked."""
    found: Counter[Any] = Counter()
    maker: Any
    seen, ahead = {root}, [root]
    edge: Any
    while ahead:
        for edge in ahead.pop()._edges:
            if isinstance(edge, Node):
                maker = edge
            elif isinstance(edge, Variable):
                maker = edge.creator
            else:
                continue  # an array
            if maker is None:
                if edge in params and not note_of(edge, "hooks"):
                    found[edge] += 1
            elif maker not in seen:
                seen.add(maker)
                ahead.append(maker)
    return found
