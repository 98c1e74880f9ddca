"""When a function whose calls each need another plan runs eagerly for a while, and when plans are tried again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.compiler.targets.cpu.native_guard import RUNS

if TYPE_CHECKING:
    from wengert.compiler.graph.graph import Node
    from wengert.compiler.guards.replay import Replay

__all__ = ["MOST_MISSES", "MOST_NUMBERS", "MOST_PLANS", "Pauses"]

MOST_PLANS = 16
MOST_MISSES = 32  # calls that no plan was there for
REPAID = 1 / 16  # of such a call, by each that a plan was there for
MOST_NUMBERS = 8  # those of them in which a guard of a number has failed
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
        self.misses: float = 0
        self.length = FIRST_PAUSE
        self.runs = 0  # of fast paths, at the last miss
        self.guards: Counter[str] = Counter()
        self.number: Any = None  # a guard of a number that has failed in this call
        self.numbers = 0  # calls in a row in which one has

    def hit(self) -> None:
        """Note that a plan was there."""
        self.misses = max(self.misses - REPAID, 0)
        self.numbers, self.number = 0, None
        if self.misses < MOST_MISSES // 4:
            self.length = FIRST_PAUSE

    def missed(self, plans: list[Replay]) -> bool:
        """Note that a plan had to be made; whether it is time for a pause."""
        runs = sum(0 if plan.fast_path is None else int(plan.fast_path.table[RUNS]) for plan in plans)
        if runs != self.runs:
            self.misses -= REPAID * max(runs - self.runs, 0)
            self.runs = runs
            self.hit()
        self.misses += 1
        self.numbers = self.numbers + 1 if self.number else 0
        return self.misses >= MOST_MISSES or self.numbers >= MOST_NUMBERS

    def failed(self, guard: Node) -> None:
        """Note that a guard has failed."""
        self.guards[guard.line] += 1
        value = guard.settings.get("value")
        if isinstance(value, (float, int, np.ndarray)) and type(value) is not bool:
            self.number = guard

    def begin(self) -> None:
        """Begin a pause; each is longer than the one before, unless a plan runs in between."""
        self.left, self.length = self.length, min(2 * self.length, LONGEST_PAUSE)
        self.misses = MOST_MISSES // 2
        self.numbers = MOST_NUMBERS // 2
