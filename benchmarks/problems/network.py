"""A step of training: forward, backward and Adam."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.networks.data import MLPS

__all__ = ["make"]

STEPS = {name: f"benchmarks.networks.{name}_steps" for name in ("wengert", "torch", "jax", "tinygrad", "dezero")}


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make the step of a network."""
    work, name = row.replace("-", " "), peer.removesuffix("-compiled")
    compiled = "compiled " if name != peer else ""
    if name in STEPS:
        step: Callable[[], Any] = importlib.import_module(STEPS[name]).make(compiled + work)
        return step
    if work not in MLPS:
        raise NotImplementedError(f"{name} has no such layers")
    from benchmarks.networks.plain_steps import make

    return make(peer, work)
