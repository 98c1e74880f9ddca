"""Exceptions and Ctrl-C at any line of a training run: it is continued to the same numbers, or refuses to go on."""

import linecache
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import wengert
from wengert.datasets import ArrayDataset, DataLoader
from wengert.layers import BatchNorm, Dropout, Linear, Sequential
from wengert.optimizers import LBFGS, SGD, Adafactor, Adam, ExponentialDecay, ReduceOnPlateau
from wengert.training import Callback, Trainer, load_run, save_run

__all__ = ["VARIANTS", "interrupt_steps"]

EPOCHS = 3
CALL = "self.call("  # of callbacks, in wengert/training/_fit.py
PLACE = [""]  # where the last run was interrupted
# Where an exception would not come from in earnest: it would take the handler of the signal away.
UNTOUCHED = ("interrupts.py", "signal.py", "enum.py", "contextlib.py", "interrupted_steps.py")


class Average(Callback):
    """A running average of the weights, as a callback keeps it that has a state; and draws random numbers."""

    def __init__(self) -> None:
        self.sum: Any = np.zeros(())
        self.calls = np.zeros(3, np.int64)

    def on_epoch_start(self, trainer: Trainer) -> None:
        self.calls[0] += 1

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        self.calls[1] += 1
        self.sum = self.sum * 0.9 + wengert.generator().random() + values["loss"]

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        self.calls[2] += 1

    def state_dict(self) -> dict[str, Any]:
        return {"sum": np.array(self.sum), "calls": self.calls.copy()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum, self.calls = np.array(state["sum"]), np.array(state["calls"])


class TwoUpdates(Trainer):
    """A step of its own, with two updates by two optimizers of the same model."""

    other: Any = None

    def step(self, batch: Any) -> dict[str, float]:
        found = 0.0
        for optimizer in (self.optimizer, self.other):
            x, t = batch
            loss = self.loss(self.model(x), t)  # type: ignore[misc]
            self.model.cleargrads()
            loss.backward()
            optimizer.update()
            found = float(loss)
        return {"loss": found}


class Searching(Trainer):
    """Steps by a line search."""

    def step(self, batch: Any) -> dict[str, float]:
        x, t = batch
        return {"loss": self.optimizer.update(lambda: self.loss(self.model(x), t))}  # type: ignore[misc]


def squared(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


def model_of(dropped: bool = True) -> Sequential:
    """Return a model whose parameters are made in the first step, with buffers and random numbers."""
    return Sequential(Linear(5), BatchNorm(), *([Dropout(0.3)] if dropped else []), np.tanh, Linear(1))


def with_adam(**options: Any) -> Trainer:
    model = model_of()
    optimizer = Adam(model, 0.01)
    schedule = ExponentialDecay(optimizer, 0.95)
    return Trainer(
        model, optimizer, squared, schedule=schedule, callbacks=[Average()], progress=False, clip_norm=1, **options
    )


def with_plateau() -> Trainer:
    model = model_of()
    optimizer = Adafactor(model, 0.01)
    return Trainer(model, optimizer, squared, schedule=ReduceOnPlateau(optimizer, patience=0), progress=False)


def with_two() -> Trainer:
    model = model_of()
    trainer = TwoUpdates(model, SGD(model, 0.01, momentum=0.5), squared, progress=False, callbacks=[Average()])
    trainer.other = Adam(model, 0.001)
    return trainer


def with_search() -> Trainer:
    model = model_of(dropped=False)
    return Searching(model, LBFGS(model, max_iterations=2), squared, progress=False)


VARIANTS: dict[str, Callable[[], Trainer]] = {
    "eager": with_adam,
    "accumulating": lambda: with_adam(accumulate=2),
    "compiled": lambda: with_adam(compile=True),
    "plateau": with_plateau,
    "two updates": with_two,
    "line search": with_search,
}


class Break:
    """Counts the lines that are run, in all frames; at line `at` it calls `action`."""

    def __init__(self, at: int | None, action: Callable[[], None], spared: tuple[str, ...] = ()) -> None:
        self.at, self.action, self.spared, self.lines = at, action, spared, 0

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if self.spared and (name.endswith(self.spared) or spared(frame)):
            return None
        if event == "line" and not (self.spared and CALL in linecache.getline(name, frame.f_lineno)):
            self.lines += 1
            if self.lines == self.at:
                sys.settrace(None)
                PLACE[:] = [f"{name}:{frame.f_lineno}"]
                self.action()
                return None
        return self.trace

    def run(self, work: Callable[[], Any]) -> None:
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            work()
        finally:
            sys.settrace(before)


def spared(frame: FrameType | None) -> bool:
    """Whether an exception has another meaning here.

    The compiler takes it as a reason to run eagerly, with other roundings; that of a callback is the program's own.
    """
    while frame is not None:
        code = frame.f_code
        if "/wengert/compiler/" in code.co_filename or (code.co_name == "call" and "_fit.py" in code.co_filename):
            return True
        frame = frame.f_back
    return False


def interrupt_twice() -> None:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    raise MemoryError("in the midst of it")


def interrupt_steps(rounds: int, seed: int = 0, variants: tuple[str, ...] = tuple(VARIANTS)) -> Counter[str]:
    """Break off training runs at random lines, by Ctrl-C twice or an exception, and go on with each.

    Returns
    -------
    Counter
        "rounds"; "interrupted"; "refused": a run that would not go on after an exception, and said so; and what must
        be 0: "swallowed": Ctrl-C had no effect, "refused after Ctrl-C", "different": other numbers at the end.
    """
    draw = random.Random(seed)
    found = dict.fromkeys(("rounds", "interrupted", "refused", "swallowed", "refused after Ctrl-C", "different"), 0)
    counts = Counter(found)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for number in range(rounds):
            name = variants[number % len(variants)]
            counts["rounds"] += 1
            action = fail if draw.random() < 0.4 else interrupt_twice
            trouble = broken_run(name, action, draw.random(), resumed=draw.random() < 0.4)
            counts.update(trouble)
            if {"swallowed", "refused after Ctrl-C", "different"} & set(trouble):
                print(f"round {number} of seed {seed}: {name}, {action.__name__} at {PLACE[-1]}: {trouble}")
    finally:
        signal.signal(signal.SIGINT, before)
    return counts


def fitted(trainer: Trainer, loaders: tuple[Any, Any], path: Path | None = None) -> None:
    trainer.fit(*loaders, epochs=EPOCHS, patience=2, checkpoint=path)


def loaders_of() -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    data = ArrayDataset(draw.normal(size=(22, 3)).astype(np.float32), draw.normal(size=(22, 1)).astype(np.float32))
    return DataLoader(data, 5, shuffle=True, seed=1), DataLoader(data, 8, shuffle=True, seed=2, drop_last=True)


def made(name: str) -> Trainer:
    wengert.seed(0)
    return VARIANTS[name]()


WANTED: dict[str, tuple[Any, list[int]]] = {}


def wanted(name: str) -> tuple[Any, list[int]]:
    """Return how an uninterrupted run ends, and how many lines it takes."""
    if name not in WANTED:
        fitted(made(name), loaders_of())  # what is imported, and made once, at a first time
        lines = []
        for spared in ((), UNTOUCHED):
            trainer, loaders = made(name), loaders_of()
            counting = Break(None, fail, spared)
            counting.run(partial(fitted, trainer, loaders))
            lines.append(counting.lines)
        WANTED[name] = (ending(trainer, loaders), lines)
    return WANTED[name]


def broken_run(name: str, action: Callable[[], None], share: float, resumed: bool) -> list[str]:
    """Break a run off after a share of its lines, go on, and name what went wrong."""
    end, lines = wanted(name)
    trainer, loaders = made(name), loaders_of()
    lines = lines[action is fail]
    breaking = Break(1 + int(share * lines), action, UNTOUCHED if action is fail else ())
    try:
        breaking.run(partial(fitted, trainer, loaders))
    except (KeyboardInterrupt, MemoryError):
        notes = ["interrupted"]
    else:
        if breaking.lines < 1 + int(share * lines):
            return []  # (it takes fewer lines this time)
        notes = [] if trainer.interrupted else ["swallowed"]
    try:
        if resumed and name != "two updates":  # whose other optimizer is not saved
            trainer, loaders = loaded_again(name, trainer)
        for _ in range(2):  # a second call finds nothing more to do, where the first has finished
            if trainer.epoch < EPOCHS or trainer.run.unfinished:
                fitted(trainer, loaders)
    except RuntimeError as error:
        if "has interrupted" not in str(error) and "was interrupted" not in str(error):
            raise
        return [*notes, "refused" if action is fail else "refused after Ctrl-C"]
    return notes if same(ending(trainer, loaders), end) else [*notes, "different"]


def loaded_again(name: str, trainer: Trainer) -> tuple[Trainer, tuple[Any, Any]]:
    """Save a run, and load it into another trainer."""
    if any(p.data is None for p in trainer.model.params().values()):
        return trainer, (trainer.train_loader, trainer.valid_loader) if trainer.train_loader else loaders_of()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.safetensors")
        save_run(path, trainer)
        again = made(name)
        again.model(np.ones((2, 3), np.float32))
        load_run(path, again)
    return again, loaders_of()


def ending(trainer: Trainer, loaders: tuple[Any, Any]) -> dict[str, Any]:
    """Return all that a run has come to."""
    found = {"random": wengert.generator().bit_generator.state, "steps": trainer.steps, "best": trainer.best}
    found["history"] = [{k: v for k, v in row.items() if k != "seconds"} for row in trainer.history]
    states = [trainer.model, trainer.optimizer, trainer.schedule, *trainer.callbacks, *loaders]
    for number, each in enumerate(states):
        if each is not None:
            found |= {f"{number}.{key}": value.tolist() for key, value in each.state_dict().items()}
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return repr(one) == repr(other)


if __name__ == "__main__":
    for chosen in VARIANTS:
        print(chosen, dict(interrupt_steps(int(sys.argv[1]), int(sys.argv[2]), (chosen,))), flush=True)
