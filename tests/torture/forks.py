"""Forks during compiled work: the child works, gives equal results, and does not wait."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.testing  # (before any fork: a lock of Python that a thread holds while it imports is never free again)

import wengert
from tests.torture.children import in_child
from tests.torture.outcome import Outcome, Tally, rounds
from tests.torture.training_run import Choices, digest, make

__all__ = ["run"]

PATIENCE = 20  # seconds after which a child of a fork waits for what never comes
RNG = np.random.default_rng(0)
A, W = RNG.normal(size=(1500, 120)).astype(np.float32), RNG.normal(size=(120, 120)).astype(np.float32)


def step(x: Any, w: Any) -> Any:
    """Enough work for several threads, among it products of matrices, which BLAS does."""
    y = np.tanh(x @ w)
    y = (y - np.sum(y, axis=0) / len(y)) @ w
    return np.sum(np.exp(-y * y), axis=1)


def run(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Fork in several situations, in children that have just begun."""
    tests: list[tuple[str, Callable[[int], int]]] = [
        ("fork while the threads of a plan run", forked_while_running),
        ("fork inside of a thread that is not the main one", forked_in_a_thread),
        ("fork while another thread compiles", forked_while_compiling),
        ("fork while other threads make their first call", forked_at_first_calls),
        ("fork inside of a call that a plan makes", forked_in_a_call),
        ("fork while a compiled run is trained", forked_while_training),
        ("multiprocessing: fork, forkserver, spawn", in_worker_processes),
    ]
    for name, function in tests:
        tally = Tally(name)
        for number in rounds(seed, 0 if short else seconds / len(tests)):
            tally.attempt(number, in_child, function, number)
        yield tally.outcome()


def fork(work: Callable[[], Any]) -> int:
    """Start a child by a bare fork, which does some work; it is gone after a while in any case."""
    child = os.fork()
    if child:
        return child
    try:
        be_patient()
        work()
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  (the parent sees the code)
        os.write(2, f"in a child of a fork: {type(error).__name__}: {error}\n".encode())
        os._exit(1)


def be_patient() -> None:
    """Let this process end after a while, and say then where it is."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(PATIENCE)


def check_ended(children: list[int]) -> int:
    """Wait for children; how many they were."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        waited = ", which waited for what never came" if -signal.SIGALRM in codes else ""
        raise AssertionError(f"children of forks ended with {codes}{waited}")
    return len(codes)


def compiled_step(threads: int) -> tuple[Any, Any]:
    """A compiled function with a plan, and what it gives."""
    wengert.set_num_threads(threads)
    compiled = wengert.compile(step)
    for _ in range(4):
        found = compiled(A, W)
    if compiled.given_up is not None:
        raise AssertionError(compiled.given_up)
    return compiled, found


def check_step(compiled: Any, expected: Any, times: int = 3) -> None:
    for _ in range(times):
        if not np.array_equal(compiled(A, W), expected):
            raise AssertionError("the child's result differs")


def check_new_function(seed: int) -> None:
    """Compile something that was not compiled before."""
    compiled = wengert.compile(lambda x: np.sum(np.tanh(x * seed) @ W, axis=1))
    for _ in range(4):
        found = compiled(A[: 20 + seed % 50])
    np.testing.assert_allclose(found, np.sum(np.tanh(A[: 20 + seed % 50] * seed) @ W, axis=1), rtol=1e-3, atol=1e-3)
    if compiled.given_up is not None:
        raise AssertionError(compiled.given_up)


class Busy:
    """Threads that do something again and again; an error in one is raised at the end."""

    def __init__(self, work: Callable[[int], Any], count: int = 1) -> None:
        self.over = threading.Event()
        self.errors: list[BaseException] = []
        self.threads = [threading.Thread(target=self._run, args=(work, i)) for i in range(count)]

    def _run(self, work: Callable[[int], Any], index: int) -> None:
        number = index
        try:
            while not self.over.is_set():
                work(number)
                number += len(self.threads)
        except BaseException as error:  # noqa: BLE001  (raised in the main thread)
            self.errors.append(error)

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.errors:
            raise self.errors[0]


def forked_while_running(seed: int) -> int:
    """In a child: fork while a thread runs a plan on two threads."""
    rng = np.random.default_rng(seed)
    compiled, expected = compiled_step(2)
    children = []
    with Busy(lambda number: compiled(A, W)):
        for number in range(6):
            time.sleep(rng.uniform(0, 0.01))
            children.append(fork(lambda: (check_step(compiled, expected), check_new_function(seed + 1))))
            if number % 3 == 2:
                children.append(fork(lambda: check_ended([fork(lambda: check_step(compiled, expected))])))
    check_step(compiled, expected)
    return check_ended(children)


def forked_in_a_thread(seed: int) -> int:
    compiled, expected = compiled_step(2)
    counts: list[int] = []

    def work(number: int) -> None:
        check_step(compiled, expected, 1)
        if len(counts) < 6:
            counts.append(check_ended([fork(lambda: (check_step(compiled, expected), check_new_function(seed + 1)))]))
        else:
            busy.over.set()

    with Busy(work, 2) as busy:
        for thread in busy.threads:
            thread.join()
    return len(counts)


def forked_while_compiling(seed: int) -> int:
    """In a child: fork while a thread is traced, or in LLVM, at a random moment."""
    os.environ["WENGERT_CACHE"] = ""  # so that it is LLVM that works
    rng = np.random.default_rng(seed)
    compiled, expected = compiled_step(2)
    children = []
    with Busy(lambda number: check_new_function(1000 * seed + number + 1)):
        for _ in range(6):
            time.sleep(rng.uniform(0, 0.15))
            children.append(fork(lambda: (check_step(compiled, expected), check_new_function(7))))
    return check_ended(children)


def forked_at_first_calls(seed: int) -> int:
    """In a child: fork while other threads compile for the first time in the process."""
    rng = np.random.default_rng(seed)
    children = []
    with Busy(lambda number: check_new_function(1000 * seed + number + 1), 2):
        for _ in range(3):
            time.sleep(rng.uniform(0, 0.1))
            children.append(fork(lambda: check_new_function(7)))
    return check_ended(children)


def forked_in_a_call(seed: int) -> int:
    """In a child: a function of Python that a plan calls forks, and both go on with the plan."""
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()  # (what is in queues is nothing that a plan depends on)
    forked: queue.SimpleQueue[int] = queue.SimpleQueue()
    wengert.set_num_threads(2)

    @wengert.dispatched
    def forks(x: Any) -> Any:
        if not asked.empty():
            asked.get()
            forked.put(os.fork())
        return np.sort(x, axis=0)

    compiled = wengert.compile(lambda x, w: step(forks(np.tanh(x @ w)), w))
    for _ in range(4):
        expected = compiled(A, W)
    children = []
    for _ in range(4):
        asked.put(None)
        found = compiled(A, W)
        child = forked.get()
        if child == 0:
            be_patient()
            os._exit(0 if all(np.array_equal(x, expected) for x in (found, compiled(A, W))) else 1)
        children.append(child)
        if not np.array_equal(found, expected):
            raise AssertionError("the parent's result differs")
    return check_ended(children)


def forked_while_training(seed: int) -> int:
    """In a child: a callback forks, and the child trains on; all end with the same numbers."""
    wengert.seed(seed)
    trainer, train, valid = make(Choices(compiled=True))
    children: list[int] = []
    answers: list[int] = []
    mine: list[int] = []

    class Forks(wengert.training.Callback):
        def on_step(self, trainer: Any, values: dict[str, float]) -> None:
            if mine or trainer.steps not in (2, 7, 11):
                return
            read, write = os.pipe()
            child = os.fork()
            if child:
                os.close(write)
                children.append(child)
                answers.append(read)
            else:
                be_patient()
                mine.append(write)

    trainer.callbacks.append(Forks())
    trainer.fit(train, valid, epochs=2)
    found = repr(sorted(digest(trainer).items())).encode()
    if mine:
        os.write(mine[0], found)
        os._exit(0)
    for read in answers:
        with os.fdopen(read, "rb") as file:
            if file.read() != found:
                raise AssertionError("a run that was forked ends with other numbers")
    return check_ended(children)


def in_worker_processes(seed: int) -> int:
    """In a child: processes of all kinds, given a compiled function, and calling one by its name."""
    compiled, expected = compiled_step(2)
    tried = 0
    for method in ("fork", "forkserver", "spawn"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = pool.map(module_step, [A, A, A]) + pool.starmap(compiled, [(A, W)] * 3)
        for each in found:
            np.testing.assert_allclose(each, expected, rtol=1e-4)
            tried += 1
    return tried


@wengert.compile
def module_step(x: Any) -> Any:
    return step(x, W)
