"""A small training run with all that has a state, made from a few choices; and everything of it, as text to compare."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.test_checkpoints import Net, T, X, mean_squared, without_seconds
from wengert.datasets.data_loader import DataLoader
from wengert.datasets.dataset import ArrayDataset
from wengert.functions.randomness import generator
from wengert.layers import weights
from wengert.optimizers import Adam, AdamW, Momentum
from wengert.optimizers.schedules import CosineDecay
from wengert.training import Trainer

__all__ = ["INTERRUPTED", "Choices", "choices", "digest", "make", "train", "train_and_exit"]

INTERRUPTED = 3  # the exit code of a run that Ctrl-C has ended

RULES = (Adam, AdamW, Momentum)


@dataclass(frozen=True)
class Choices:
    """What one run is like."""

    compiled: bool
    rule: int = 0
    every: int | str = 1
    threads: int = 0
    accumulate: int = 1
    ballast: int = 0  # numbers in a buffer, which make the file larger
    epochs: int = 3


def choices(seed: int, compiled: bool, ballast: int = 0) -> Choices:
    """Draw a run. There are few of them, so that each uninterrupted one is trained once."""
    rng = np.random.default_rng(seed)
    every = (1, 2, "epoch")[rng.integers(3)] if not ballast else 1
    kinds = [(0, 0, 1), (1, 2, 1), (2, 0, 3)]
    rule, threads, accumulate = kinds[rng.integers(len(kinds))]
    return Choices(compiled, rule, every, threads, accumulate, ballast)


class WithBallast(Net):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.ballast = np.arange(size, dtype=np.float32)


def make(chosen: Choices) -> tuple[Trainer, Any, Any]:
    """The trainer of a run, and what it reads."""
    model = WithBallast(chosen.ballast) if chosen.ballast else Net()
    optimizer = RULES[chosen.rule](model, 0.01)
    trainer = Trainer(
        model,
        optimizer,
        mean_squared,
        metrics={"error": lambda y, t: float(np.abs(y - t).mean())},
        schedule=CosineDecay(optimizer, 40),
        clip_norm=1.0,
        accumulate=chosen.accumulate,
        progress=False,
        compile=chosen.compiled,
    )
    train = DataLoader(ArrayDataset(X, T), batch_size=7, shuffle=True, threads=chosen.threads)
    return trainer, train, DataLoader(ArrayDataset(X[:20], T[:20]), batch_size=8)


def digest(trainer: Trainer) -> dict[str, str]:
    """All of a run: parameters and buffers, the optimizer's state, the history, random numbers."""

    def of(arrays: dict[str, Any]) -> str:
        found = hashlib.sha256()
        for name, array in sorted(arrays.items()):
            found.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
        return found.hexdigest()

    noise = trainer.model.noise.bit_generator.state  # type: ignore[attr-defined]
    return {
        "parameters": of(trainer.model.state_dict()),
        "optimizer": of(trainer.optimizer.state_dict()),
        "history": json.dumps(without_seconds(trainer.history)),
        "best": json.dumps(trainer.best),
        "random numbers": json.dumps([generator().bit_generator.state, noise]),
    }


def train(chosen: Choices, path: str, answer: str, number: int) -> int:
    """Train to the end, from the checkpoint at `path` if there is one; write the digest to `answer`. The exit code."""
    fresh = not os.path.exists(path)
    wengert.seed(0 if fresh else 100 + number)  # what is loaded has its own
    trainer, train_loader, valid_loader = make(chosen)
    trainer.fit(train_loader, valid_loader, chosen.epochs, patience=2, checkpoint=path, every=chosen.every)
    sys.setprofile(None)
    if trainer.interrupted:
        return INTERRUPTED
    Path(answer).write_text(json.dumps(digest(trainer)))
    return 0


def train_and_exit(chosen: Choices, path: str, answer: str, number: int, fatal: int | None) -> None:
    """Train in a process that kills itself at the so manieth event while a checkpoint is written, or is interrupted.

    A file beside `answer` says that Ctrl-C may come.
    """
    try:
        Path(answer).with_suffix(".ready").touch()
        if fatal is not None:
            die_while_saving(fatal)
        os._exit(train(chosen, path, answer, number))  # (at once: no handler of Ctrl-C is there any more)
    except KeyboardInterrupt:  # before fit, after it, or the second one
        os._exit(INTERRUPTED)


def die_while_saving(number: int) -> None:
    """Kill this process at a call, or a return, that a save makes: any function of Python, NumPy or the system."""
    left = [number]
    code = weights.write_arrays.__code__
    inside = [0]

    def looking(frame: Any, event: str, argument: Any) -> None:
        if frame.f_code is code and event in ("call", "return"):
            inside[0] += 1 if event == "call" else -1
        if inside[0]:
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    sys.setprofile(looking)
