"""Memory that the system refuses: MemoryError says so, nothing is changed by half, and the process goes on as before.

A child limits its address space to what it has and a little more, does something that needs about as much as there is,
lifts the limit, and does it again: then the result is the right one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.torture.children import in_child
from tests.torture.outcome import Outcome, Tally, rounds
from tests.torture.training_run import RULES
from wengert.functions import relu, softmax_cross_entropy
from wengert.layers import Linear, Sequential
from wengert.layers.weights import load_weights, save_weights
from wengert.optimizers import SGD, Adafactor, AdaGrad, Adam, Lion, Nesterov, RMSprop
from wengert.training import Trainer, load_run, save_run

__all__ = ["run"]

MEGABYTE = 1 << 20
TRIES, FEW = 12, 2  # of one child


def run(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Refuse memory to many operations, in children."""
    tests: list[tuple[str, Callable[..., int]]] = [
        ("no memory: forward and backward", eager_gradients),
        ("no memory: a step of an optimizer", optimizer_steps),
        ("no memory: saving and loading", files),
        ("no memory: a trainer's steps", trained),
        ("no memory: calls of a plan", plans_that_run),
        ("no memory: a plan that is made", plans_that_are_made),
        ("no memory: threads that are started", threads_that_start),
    ]
    for name, function in tests:
        tally = Tally(name)
        for number in rounds(seed, 0 if short else seconds / len(tests)):
            tally.attempt(number, in_child, function, number, FEW if short else TRIES, str(folder))
        yield tally.outcome()


@contextlib.contextmanager
def limited(extra: int) -> Iterator[None]:
    """Let this process have so many bytes more than it has now. (What glibc keeps for later goes back before.)"""
    library = ctypes.CDLL(None)
    library.mallopt(-3, MEGABYTE // 4)  # M_MMAP_THRESHOLD: what is larger is asked of the system each time
    library.malloc_trim(ctypes.c_size_t(0))
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + extra, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def refused(extra: float, function: Callable[[], Any]) -> bool:
    """Call a function with little memory; whether that was refused, by a MemoryError."""
    try:
        with limited(int(extra)):
            function()
    except MemoryError:
        return True
    return False


def counted(found: list[bool]) -> int:
    """How many tries there were; of many, some must have been refused."""
    if len(found) >= TRIES and not any(found):
        raise AssertionError("memory was never refused")
    return len(found)


def same(found: Any, expected: Any, what: str) -> None:
    for name in expected:
        if found[name].tobytes() != expected[name].tobytes():
            raise AssertionError(f"{name} {what}")


def eager_gradients(seed: int, tries: int, folder: str) -> int:
    """In a child: a loss of large arrays, its gradient, and a Hessian times a vector."""
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(600, 600))
    p = wengert.Parameter(w)

    def step() -> Any:
        p.cleargrad()
        loss = np.sum(np.tanh(p @ w) * np.exp(-p * p))
        loss.backward()
        return p.grad

    def product() -> Any:
        return wengert.hvp(lambda x: np.sum(np.sin(x) * x), (w,), (w,))[0]

    expected, other = step().copy(), product()
    found = []
    for _ in range(tries):
        found.append(refused(rng.uniform(0, 30 * MEGABYTE), step))
        if p.grad is not None and not np.array_equal(p.grad, expected):
            raise AssertionError("a gradient is there, and is not the right one")
        found.append(refused(rng.uniform(0, 30 * MEGABYTE), product))
        if not (np.array_equal(step(), expected) and np.array_equal(product(), other)):
            raise AssertionError("the gradient afterwards differs")
    if p.data.tobytes() != w.tobytes() or (p * 1.0).creator is None:
        raise AssertionError("a parameter, or the mode, is another one")
    return counted(found)


def net() -> Any:
    return Sequential(Linear(1200, 1000), relu, Linear(1000, 700), relu, Linear(700, 10))


def optimizer_steps(seed: int, tries: int, folder: str) -> int:
    """In a child: the first and later steps of optimizers: all of a step is done, or nothing of it."""
    rng = np.random.default_rng(seed)
    rules = [*RULES, SGD, AdaGrad, Nesterov, RMSprop, Lion, Adafactor]
    rule = rules[seed % len(rules)]
    found = []
    for number in range(tries):
        wengert.seed(seed)
        ours, theirs = net(), net()
        theirs.load_state_dict(ours.state_dict())
        optimizers = [rule(each, 0.01) for each in (ours, theirs)]
        for each in (ours, theirs):
            for name, parameter in each.params().items():
                parameter.grad = np.random.default_rng(len(name)).normal(size=parameter.shape).astype(np.float32)
        if number % 2:
            for each in optimizers:
                each.update()
        before = {**ours.state_dict(), **optimizers[0].state_dict()}
        found.append(refused(rng.uniform(0, 14 * MEGABYTE), optimizers[0].update))
        if found[-1]:
            after = {**ours.state_dict(), **optimizers[0].state_dict()}
            same(after, before, f"was changed by a step of {rule.__name__} that was refused memory")
            optimizers[0].update()
        optimizers[1].update()
        same(ours.state_dict(), theirs.state_dict(), f"differs after the step of {rule.__name__} that was made again")
    return len(found)


def files(seed: int, tries: int, folder: str) -> int:
    """In a child: weights and checkpoints that are saved and loaded."""
    rng = np.random.default_rng(seed)
    wengert.seed(seed)
    model, other = net(), net()
    trainers = [Trainer(each, Adam(each), softmax_cross_entropy, progress=False) for each in (model, other)]
    place = Path(folder, f"memory-{os.getpid()}")
    path = place / "saved"
    kinds: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (lambda: save_weights(model, path), lambda: load_weights(other, path)),
        (lambda: save_run(path, trainers[0]), lambda: load_run(path, trainers[1])),
    ]
    place.mkdir()
    found = []
    try:
        for number in range(tries):
            save, load = kinds[number % 2]
            path.unlink(missing_ok=True)
            save()
            content = path.read_bytes()
            found.append(refused(rng.uniform(0, 30 * MEGABYTE), save))
            if found[-1] and (path.read_bytes() != content or len(os.listdir(place)) != 1):
                raise AssertionError("a save that was refused memory has changed the file, or left another")
            other.load_state_dict({name: array + 1 for name, array in model.state_dict().items()})
            before = other.state_dict()
            found.append(refused(rng.uniform(0, 30 * MEGABYTE), load))
            if found[-1]:
                same(other.state_dict(), before, "was changed by a file whose loading was refused memory")
            load()
            same(other.state_dict(), model.state_dict(), "is not what the file has")
    finally:
        shutil.rmtree(place)
    return counted(found)


def trained(seed: int, tries: int, folder: str) -> int:
    """In a child: a fit that is refused memory, and goes on: no step is done by half."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 1200)).astype(np.float32)
    batches = [(x[i : i + 100], np.arange(100) % 10) for i in range(0, 600, 100)]

    def trainer_of(model: Any) -> Trainer:
        rule = RULES[seed // 2 % 3]
        return Trainer(model, rule(model, 0.001), softmax_cross_entropy, progress=False, compile=bool(seed % 2))

    # OpenBLAS and LLVM end the process where they are refused what they take first.
    wengert.set_num_threads(1)
    trainer_of(net()).fit(batches)
    model = net()
    trainer = trainer_of(model)
    optimizer = trainer.optimizer
    found = []
    while trainer.epoch < 2:
        extra = rng.uniform(0, (8 if trainer.steps else 30) * MEGABYTE) if len(found) < tries else 1 << 32
        found.append(refused(extra, lambda: trainer.fit(batches, epochs=2)))
        counts = {int(state["step"]) for state in optimizer.states.values()}
        if counts - {trainer.steps} and not (trainer.steps == 0 and counts == {0}):
            raise AssertionError(f"after {trainer.steps} steps the optimizer has counted {counts}")
    compiled = trainer.compiled
    if compiled is not None and (compiled._gradients.given_up or compiled._update.given_up):
        raise AssertionError(f"the step is compiled no more: {compiled._gradients.given_up}")
    return counted(found)


def work(x: Any) -> Any:
    """What needs memory between its steps, and for its result."""
    y = x
    for number in range(6):
        y = np.tanh(y + np.sum(y, axis=number % 2, keepdims=True)) @ x
    return np.sort(y, axis=0)[::2] + y[::2]


def plans_that_run(seed: int, tries: int, folder: str) -> int:
    """In a child: a plan whose results and calls of NumPy need memory."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 600))
    counter = np.zeros(1)

    def counting(x: Any) -> Any:
        nonlocal counter
        found = work(x)
        counter += 1
        return found

    compiled = wengert.compile(counting)
    for _ in range(4):
        expected = compiled(x).copy()
    found = []
    for _ in range(tries):
        before = counter.copy()
        answers: list[Any] = []
        found.append(refused(rng.uniform(0, 8 * MEGABYTE), lambda: answers.append(compiled(x))))  # noqa: B023
        if counter[0] != before[0] + len(answers):
            raise AssertionError("the state was changed by half")
        if answers and not np.allclose(answers[0], expected, rtol=1e-9):
            raise AssertionError("the result with little memory differs")
        if not np.allclose(compiled(x), expected, rtol=1e-9):
            raise AssertionError("the result afterwards differs")
    if compiled.given_up is not None:
        raise AssertionError(f"it is compiled no more: {compiled.given_up}")
    return counted(found)


def plans_that_are_made(seed: int, tries: int, folder: str) -> int:
    """In a child: a plan for whose arrays there is no memory when it is made."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4_000, 1_000))  # 32 MB: much beside what LLVM takes, which aborts the process

    def rows(x: Any) -> Any:
        y = np.tanh(x)
        z = np.flip(y, axis=1) + np.cumsum(y, axis=0)
        return np.sum(np.cumsum(z * y, axis=0) * z)

    first = wengert.compile(rows)
    for _ in range(4):
        first(x[:3])
    expected = float(rows(x))
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("error", wengert.CompileWarning)
        for _ in range(-(-tries // 4)):
            compiled = wengert.compile(rows)
            answers: list[Any] = [compiled(x), compiled(x)]
            found.append(refused(rng.uniform(36, 110) * MEGABYTE, lambda: answers.append(compiled(x))))  # noqa: B023
            answers += [compiled(x), compiled(x)]
            np.testing.assert_allclose([float(each) for each in answers], expected, rtol=1e-9)
            if compiled.given_up is not None or not any(plan.run for plan in compiled.plans):
                raise AssertionError(f"it is compiled no more: {compiled.given_up}")
    return len(found)


def threads_that_start(seed: int, tries: int, folder: str) -> int:
    """In a child: a plan whose threads the system refuses: it runs on the calling one, and on them later."""
    wengert.set_num_threads(3)
    x = np.random.default_rng(seed).normal(size=(2000, 100))
    compiled = wengert.compile(lambda x: np.sum(np.tanh(np.tanh(x) * np.exp(-x * x)), axis=1))
    for _ in range(2):
        expected = compiled(x)
    compiled.plan  # noqa: B018  (it is made now, with all the memory that this takes)
    for _ in range(5):
        with limited(6 * MEGABYTE):  # less than a thread's stack
            found = compiled(x)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    for _ in range(3):
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-9)
    from wengert.compiler.plans import threads

    threads.stop()  # as at the end of the program
    return 5
