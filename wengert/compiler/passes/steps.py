"""Steps: whether the periods of a sequence are the steps of a loop, and what each reads of the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.passes.periods import LEAST_STEPS, Stretch, stretches
from wengert.compiler.passes.sequence import Layout, Sequence

__all__ = ["Column", "NotALoop", "Steps", "parts_of", "steps_of"]

FARTHEST = 4  # steps back that a value is carried
LARGE = 64  # elements
LONGEST = 32  # operations of a step that is made of several
CLOSE = 1.25  # what may be carried more than the least, for a loop to begin where it does in the program


class NotALoop(Exception):
    """The periods of a sequence are no steps of a loop."""


class Column(NamedTuple):
    """An operand, at all steps.

    Attributes
    ----------
    kind : str
        `step` for a value of the loop, `same` for one from elsewhere that is the same at each step, `constants` for
        constants that differ.
    value : int
        Of a `step`: which operation of it. Of one that is the `same`: its number in the sequence.
    back : int
        Of how many steps before.
    offset, by : int
        The offset at the first step, and by how much it grows with each.
    layout : Layout
        Of all steps but those that read a value from before the loop.
    """

    kind: str
    value: int
    back: int
    offset: int
    by: int
    layout: Layout


class Steps(NamedTuple):
    """The steps of a loop: the first operation, the operations of a step, the number of steps, and all operands."""

    start: int
    period: int
    times: int
    columns: list[Column]

    @property
    def stop(self) -> int:
        return self.start + self.times * self.period


def parts_of(sequence: Sequence, stretch: Stretch) -> list[Stretch]:
    """The parts of a periodic part in which offsets, too, grow alike from period to period, or periods of these.

    Loops within loops may be one sequence of equal operations, of which the offsets alone show the loops.
    """
    start, period, count = stretch.start, stretch.period, stretch.times
    begin, end = int(sequence.first[start]), int(sequence.first[start + period * count])
    roots = sequence.roots[begin:end].reshape(count, -1)
    offsets = sequence.offsets[begin:end].reshape(count, -1)
    relative = np.where(roots >= start, roots - start - np.arange(count)[:, None] * period, roots)
    relative = np.where(constants_among(sequence, roots), 0, relative)
    changes = np.concatenate([relative[1:], np.diff(offsets, axis=0)], axis=1)
    # (Equal rows have equal sums with random factors; that others have none is checked afterwards.)
    factors = np.random.default_rng(0).integers(1, 1 << 62, changes.shape[1])
    keys = np.unique(changes @ factors, return_inverse=True)[1]
    weights = sequence.weights[start : start + period * (count - 1)].reshape(count - 1, -1).sum(axis=1)
    origins = origins_of(sequence, stretch, np.diff(offsets, axis=0))
    found = []
    for part in stretches(keys, weights):
        first, stop = start + max(part.start - 1, 0) * period, start + (part.stop + 1) * period
        after = np.searchsorted(origins, first)
        origin = int(origins[after]) if after < len(origins) and origins[after] < stop else None
        found.append(Stretch(first, stop, part.period * period, origin))
    return found


def origins_of(sequence: Sequence, stretch: Stretch, changes: np.ndarray) -> np.ndarray:
    """The operations at which offsets jump, where they do not for a period before: there a loop inside begins again."""
    start, period = stretch.start, stretch.period
    row, column = np.nonzero(changes != np.median(changes, axis=0))
    owners = sequence.owners[sequence.first[start] + np.arange(changes.shape[1])] - start
    jumps = np.unique(start + (row + 1) * period + owners[column])
    return jumps[np.diff(jumps, prepend=jumps[:1] - period - 1) >= period]


def steps_of(sequence: Sequence, stretch: Stretch) -> Steps:
    """The longest loop in a periodic part of a sequence.

    Raises
    ------
    NotALoop
    """
    found = cut(sequence, stretch)
    # (Arrays that take turns, as in a stencil with two of them: no step need copy one to the other.)
    large = [c.back for c in found.columns if c.back > 1 and is_large(sequence.nodes[found.start + c.value])]
    turns = max([1, *large])
    factor = turns * unrolling(sequence, found, turns)
    if factor > 1 and found.times // factor >= LEAST_STEPS:
        return cut(sequence, stretch._replace(start=found.start, stop=found.stop, period=factor * stretch.period))
    return found


def unrolling(sequence: Sequence, steps: Steps, turns: int) -> int:
    """How many of the steps, or turns, of a loop are best one step: in a longer one more is fused."""
    weight = int(sequence.weights[steps.start : steps.start + steps.period].sum()) * turns
    # (So many steps remain that the steps of another loop, which reads values of these, can be alike.)
    most = min(LONGEST // max(weight, 1), steps.times // (turns * 2 * LEAST_STEPS))
    if most < 2:
        return 1
    return max(range(most // 2 + 1, most + 1), key=lambda factor: (-(steps.times % (turns * factor)), factor))


def is_large(node: Node) -> bool:
    """Whether to copy a value in each step takes long."""
    return node.op == "update" or node.size >= LARGE


def cut(sequence: Sequence, stretch: Stretch) -> Steps:
    """The longest loop with the period of a part of a sequence."""
    start, period = best_start(sequence, stretch), stretch.period
    count = (stretch.stop - start) // period
    while count >= LEAST_STEPS:
        table = Table(sequence, start, period, count)
        low, high = table.longest()
        if (low, high) == (0, count):
            return Steps(start, period, count, table.columns)
        start, count = start + low * period, high - low
    raise NotALoop("too few steps are alike")


def best_start(sequence: Sequence, stretch: Stretch) -> int:
    """Where to cut the periods so that least is carried from one step to the next."""
    period = stretch.period
    middle = stretch.start + stretch.times // 2 * period
    first = sequence.first
    roots = sequence.roots[first[middle] : first[middle + period]]
    owners = sequence.owners[first[middle] : first[middle + period]]
    inside = (roots >= stretch.start) & (roots < stretch.stop)
    last: dict[int, int] = {}  # of each operation of a step: the distance to its last user
    for value, user in zip(roots[inside].tolist(), owners[inside].tolist(), strict=True):
        last[value % period] = max(last.get(value % period, 0), user - value)
    cost = np.zeros(2 * period + 1)
    for value, distance in last.items():
        node = sequence.nodes[middle + (value - middle) % period]
        # (The outputs of a loop belong to the same step.)
        size = 64 + node.size * node.dtype.itemsize if node.dtype is not None else 1 << 40
        cost[value + 1] += size
        cost[value + min(distance, period) + 1] -= size
    live = np.cumsum(cost)[:-1]
    live = live[:period] + live[period:]
    phases = np.roll(live, -(stretch.start % period))
    if stretch.origin is not None:
        found = (stretch.origin - stretch.start) % period
        if phases[found] <= CLOSE * phases.min():
            return stretch.start + found
    slack = stretch.stop - stretch.start - stretch.times * period
    free = phases[: slack + 1]
    found = int(np.argmin(free))
    if phases.min() < 0.75 * free[found]:
        found = int(np.argmin(phases))
    return stretch.start + found


class Table:
    """The operands of all steps: a row for each step, a column for each operand of one."""

    def __init__(self, sequence: Sequence, start: int, period: int, count: int) -> None:
        begin, end = int(sequence.first[start]), int(sequence.first[start + period * count])
        self.roots = sequence.roots[begin:end].reshape(count, -1)
        self.offsets = sequence.offsets[begin:end].reshape(count, -1)
        self.sequence, self.count = sequence, count
        steps = np.arange(count)[:, None]
        relative = self.roots - start - steps * period
        middle, width = count // 2, self.roots.shape[1]
        self.layouts = sequence.layouts[begin + middle * width : begin + (middle + 1) * width]
        here = (self.roots >= start) & (self.roots < start + period * count)
        inside = here[middle]
        back = np.where(inside, -(relative[middle] // period), 0)
        if (back < 0).any() or (back > FARTHEST).any():
            raise NotALoop("a step needs a value of too long before")
        is_constant = constants_among(sequence, self.roots)
        differ = ~inside & is_constant.all(axis=0) & (self.roots != self.roots[middle]).any(axis=0)
        same = ~inside & ~differ
        self.by = self.offsets[middle] - self.offsets[middle - 1]
        wanted = self.offsets[middle] + (steps - middle) * self.by
        early = steps < back  # where the value is that before the loop
        valid = np.where(inside, relative == relative[middle], np.where(same, self.roots == self.roots[middle], True))
        valid |= early & ~here
        bases = [sequence.is_base(at) for at in range(begin, begin + self.roots.shape[1])]
        whole = np.array([layout is None for layout in self.layouts]) & ~np.array(bases)
        valid &= (self.offsets == wanted) | (early & ~here & whole)
        for step, c in np.argwhere(early[: int(back.max(initial=0))]).tolist():
            if self.layouts[c] not in (None, sequence.layouts[begin + step * width + c]):
                valid[step, c] = False  # (what was before the loop lies otherwise in its memory)
        self.valid = valid
        carried = inside & (back > 0)
        self.fits = (valid | carried) & ((self.offsets == wanted) | (carried & whole))
        self.columns = [
            Column(
                "step" if inside[c] else "same" if same[c] else "constants",
                int(relative[middle, c] % period) if inside[c] else int(self.roots[middle, c]),
                int(back[c]),
                int(wanted[0, c]),
                int(self.by[c]),
                self.layouts[c],
            )
            for c in range(self.roots.shape[1])
        ]

    def longest(self) -> tuple[int, int]:
        """The steps around the middle whose operands are as those of the middle one: the first, and after the last."""
        middle = self.count // 2
        rows: np.ndarray = np.all(self.valid, axis=1)
        low = middle
        while low > 0 and rows[low - 1]:
            low -= 1
        if low > 1 and self.fits[low - 1].all():
            low -= 1  # (at the first step, carried values may come from anywhere; of this table, that is known)
        after = np.flatnonzero(~rows[middle:])
        return low, middle + int(after[0]) if len(after) else self.count


def constants_among(sequence: Sequence, roots: np.ndarray) -> np.ndarray:
    """Which operands are constants."""
    is_constant = np.array([node.op == "constant" and not node.weak for node in sequence.others] or [False])
    return np.where(roots < 0, is_constant[np.maximum(-1 - roots, 0)], False)
