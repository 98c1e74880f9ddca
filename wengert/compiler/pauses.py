"""When a function whose calls each need another plan runs eagerly for a while, and when plans are tried again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wengert.compiler.targets.cpu.native_guard import RUNS

if TYPE_CHECKING:
    from wengert.compiler.guards.replay import Replay

__all__ = ["MOST_MISSES", "MOST_NUMBERS", "MOST_PLANS", "Pauses"]

MOST_PLANS = 16
MOST_MISSES = 32  # calls in a row that no plan was there for
MOST_NUMBERS = 4  # guards of a number that fail in a row
FIRST_PAUSE, LONGEST_PAUSE = 128, 2**16  # calls


class Pauses:
    """Counts the calls for which plans were made in vain.

    Attributes
    ----------
    left : int
        The number of calls until plans are made again; 0 where they are made.
    guards : Counter
        By line, the guards that have failed.
    """

    def __init__(self) -> None:
        self.left = 0
        self.misses = 0
        self.length = FIRST_PAUSE
        self.runs = 0  # of fast paths, at the last miss
        self.guards: Counter[str] = Counter()
        self.numbers: Counter[str] = Counter()  # of them, those of numbers, since a plan ran last

    def hit(self) -> None:
        """Note that a plan was there."""
        self.misses, self.left, self.length = 0, 0, FIRST_PAUSE
        if self.numbers:
            self.numbers.clear()

    def missed(self, plans: list[Replay]) -> bool:
        """Note that a plan had to be made; whether it is time for a pause."""
        runs = sum(0 if plan.fast_path is None else int(plan.fast_path.table[RUNS]) for plan in plans)
        if runs != self.runs:
            self.runs = runs
            self.hit()
        self.misses += 1
        return self.misses >= MOST_MISSES

    def failed(self, line: str, is_number: bool) -> bool:
        """Note that a guard has failed; whether it is time for a pause."""
        self.guards[line] += 1
        self.numbers[line] += is_number
        return is_number and self.numbers[line] >= MOST_NUMBERS

    def begin(self) -> None:
        """Begin a pause; each is longer than the one before, unless a plan runs in between."""
        self.left, self.length = self.length, min(2 * self.length, LONGEST_PAUSE)
        self.misses = MOST_MISSES // 2
        self.numbers.clear()
