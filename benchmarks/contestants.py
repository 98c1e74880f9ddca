"""The steps of all rows for all peers, as made in the peers' processes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.libraries.library import library

__all__ = ["MODULE", "make", "prepare", "work_of"]

MODULE = "benchmarks.contestants"
# The module that makes the steps of each topic: `make(peer, rest of the row's name)`.
PROBLEMS = {
    "chain": "chain",
    "network": "network",
    "memory": "memory",
    "function": "single_functions",
    "rosenbrock": "rosenbrock",
    "likelihood": "likelihood",
    "ode": "ode",
    "growth": "growth",
    "start": "start",
    "protection": "protection",
    "coverage": "coverage",
    "writes": "writes",
    "loops": "loops",
    "plain": "plain",
}


def work_of(peer: str, row: str) -> str:
    """Return the specification of a step for a process."""
    return f"{peer} {row}"


def prepare(work: str) -> None:
    """Import the library, with its compiler."""
    peer, row = work.split(maxsplit=1)
    if not row.startswith(("start/", "coverage/")):
        library(peer)


def make(work: str) -> Callable[[], Any]:
    """Make the step of a peer and a row, as in ``"jax chain/1"``."""
    peer, row = work.split(maxsplit=1)
    topic, rest = row.split("/", 1)
    problem = importlib.import_module(f"benchmarks.problems.{PROBLEMS[topic]}")
    step: Callable[[], Any] = problem.make(peer, rest)
    return step
