"""Training that is killed or interrupted, and goes on: it ends, to the bit, as a run that was never stopped."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.torture.children import ChildError, in_child, python, start
from tests.torture.outcome import Outcome, Tally, rounds
from tests.torture.training_run import INTERRUPTED, Choices, choices, train, train_and_exit
from wengert.layers.weights import read_arrays

__all__ = ["run"]

WAYS = (
    "kill {} training at random moments",
    "kill {} training while a file is written",
    "kill {} training at each call of a save",
    "Ctrl-C, once or twice, in {} training",
)
MOST, FEW = 5, 2  # kills of one run
LONGEST = 60.0  # seconds that a run may take


def run(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """End eager and compiled training in several ways."""
    whole: dict[Choices, Any] = {}
    for compiled in (False, True):
        kind = "compiled" if compiled else "eager"
        for way in WAYS:
            if short and compiled and way not in WAYS[2:]:
                continue
            most = FEW if short else MOST
            ballast = 300_000 if way == WAYS[1] else 0
            tally = Tally(way.format(kind))
            for number in rounds(seed, seconds / 9):
                tally.attempt(number, killed_run, number, way, choices(number, compiled, ballast), most, folder, whole)
            yield tally.outcome()
    if not short:
        tally = Tally("kill interpreters that train, with nothing in the cache")
        for number in rounds(seed, seconds / 9):
            tally.attempt(number, killed_interpreter, number, folder, whole)
        yield tally.outcome()


def uninterrupted(chosen: Choices, folder: Path, whole: dict[Choices, Any]) -> tuple[dict[str, str], float]:
    """The digest of an uninterrupted run, and how long it takes."""
    if chosen not in whole:
        answer = folder / "answer"
        in_child(train, chosen, str(folder / "whole.safetensors"), str(answer), 0)
        os.unlink(folder / "whole.safetensors")
        started = time.perf_counter()
        in_child(train, chosen, str(folder / "whole.safetensors"), str(answer), 0)
        whole[chosen] = json.loads(answer.read_text()), time.perf_counter() - started
        os.unlink(folder / "whole.safetensors")
        os.unlink(answer)
    found: tuple[dict[str, str], float] = whole[chosen]
    return found


def killed_run(seed: int, way: str, chosen: Choices, most: int, folder: Path, whole: dict[Choices, Any]) -> int:
    """Kill a run a few times, let it end, and compare; how many kills there were."""
    rng = np.random.default_rng(seed)
    expected, duration = uninterrupted(chosen, folder, whole)
    place, answer = folder / "killed", folder / "answer"
    place.mkdir()
    path = place / "run.safetensors"
    kills = 0
    try:
        for number in range(50):
            fatal = int(rng.integers(1, 400)) if way == WAYS[2] and kills < most else None
            child = start(train_and_exit, chosen, str(path), str(answer), number, fatal)
            if kills < most and way == WAYS[0]:
                child.join(rng.uniform(0, 1.1 * duration))
                child.kill()
            elif kills < most and way == WAYS[1]:
                kill_at_sight(child, place, int(rng.integers(1, 4)), rng.uniform(0, 0.004))
            elif kills < most and way == WAYS[3]:
                interrupt(child, answer.with_suffix(".ready"), rng.uniform(0, duration), rng.integers(1, 3))
            child.join(LONGEST)
            if child.exitcode is None:
                child.kill()
                child.join()
                raise ChildError(f"the run did not end within {LONGEST:g} seconds after {kills} kills")
            if child.exitcode == 0:
                break
            if child.exitcode != (INTERRUPTED if way == WAYS[3] else -signal.SIGKILL):
                raise ChildError(f"the run ended with {child.exitcode} after {kills} kills")
            kills += 1
            check_whole(path)
        compare(answer, expected, f"after {kills} kills of {chosen}")
        beside = sorted(os.listdir(place))
        if beside != ["run.safetensors"]:
            raise AssertionError(f"killed processes have left {beside}")
    finally:
        for left in (*place.iterdir(), answer, answer.with_suffix(".ready")):
            left.unlink(missing_ok=True)
        place.rmdir()
    return max(kills, 1)


def kill_at_sight(child: Any, place: Path, count: int, delay: float) -> None:
    """Kill a child that writes its so manieth file, a moment after it is there."""
    seen: set[str] = set()
    until = time.perf_counter() + LONGEST
    while child.exitcode is None and time.perf_counter() < until:
        seen |= {name for name in os.listdir(place) if name.endswith(".part")}
        if len(seen) >= count:
            time.sleep(delay)
            child.kill()
            return


def interrupt(child: Any, ready: Path, delay: float, times: int) -> None:
    """Send Ctrl-C to a child that is ready for it, after a while."""
    until = time.perf_counter() + LONGEST
    while child.exitcode is None and not ready.exists() and time.perf_counter() < until:
        time.sleep(0.001)
    child.join(delay)
    for _ in range(times):
        if child.exitcode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGINT)
            child.join(0.01)
    ready.unlink(missing_ok=True)


def check_whole(path: Path) -> None:
    """What a kill leaves is no checkpoint, or a whole one."""
    if path.exists() and "run" not in read_arrays(path, "a trial")[1]:
        raise AssertionError("a kill left a checkpoint without a run")


def compare(answer: Path, expected: dict[str, str], when: str) -> None:
    found = json.loads(answer.read_text())
    differ = [name for name in expected if found[name] != expected[name]]
    if differ:
        raise AssertionError(f"{', '.join(differ)} differ from the uninterrupted run's {when}")


# (SIGALRM ends a process as SIGKILL does, where it is not handled.)
PROGRAM = """
import signal, sys
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[4]))
from tests.torture.training_run import Choices, train
train(Choices(compiled=True, every=1), sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def killed_interpreter(seed: int, folder: Path, whole: dict[Choices, Any]) -> int:
    """The same in interpreters that share nothing, not even the cache of machine code."""
    rng = np.random.default_rng(seed)
    expected, _ = uninterrupted(Choices(compiled=True, every=1), folder, whole)
    path, answer = folder / "fresh.safetensors", folder / "answer"
    kills = 0
    try:
        for number in range(4):
            after = str(rng.uniform(0.3, 2.5)) if number < 3 else "0"
            arguments = (str(path), str(answer), str(number), after)
            try:
                python("-c", PROGRAM, *arguments, cache=folder / f"cache-{number}", timeout=LONGEST)
            except ChildError as error:
                if f"ended with {-signal.SIGALRM}" not in str(error):
                    raise
                kills += 1
                check_whole(path)
                continue
            break
        compare(answer, expected, f"after {kills} kills of interpreters")
    finally:
        for left in (path, answer):
            left.unlink(missing_ok=True)
    return max(kills, 1)
