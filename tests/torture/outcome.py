"""What a test of the trial found, and how its tries are counted."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Outcome", "Tally", "described", "rounds"]


def described(error: BaseException) -> str:
    """An error, and the line that raised it."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"


@dataclass
class Outcome:
    """One line of the report."""

    name: str
    tried: int
    failed: int
    note: str = ""  # of the first failure, with the seed that repeats it; or why nothing was tried
    seconds: float | None = None


class Tally:
    """Counts the tries of one test; an exception in `attempt` is a failure, and does not end the test."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tried = self.failed = 0
        self.note = ""
        self.started = time.perf_counter()

    def attempt(self, seed: int, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function that returns how many tries it made (None for one), or raises."""
        try:
            found = function(*args)
        except Exception as error:  # noqa: BLE001  (it is the failure that is looked for)
            self.fail(seed, described(error))
            self.tried += 1
            return None
        self.tried += found if type(found) is int else 1
        return found

    def fail(self, seed: int, text: str, times: int = 1) -> None:
        """Count a failure, as many times as it was found; the first one is told."""
        self.failed += times
        if times and not self.note:
            self.note = f"--seed {seed}: {text}"

    def outcome(self) -> Outcome:
        return Outcome(self.name, self.tried, self.failed, self.note, time.perf_counter() - self.started)


def rounds(seed: int, seconds: float, least: int = 1, most: int | None = None) -> Iterator[int]:
    """The seeds of a test's tries: from `seed` on, until the time is over; at least and at most so many."""
    until = time.perf_counter() + seconds
    number = 0
    while number < least or (time.perf_counter() < until and (most is None or number < most)):
        yield seed + number
        number += 1
