"""The memories of the steps of a loop: which values of a step share one, and how what is read and written moves."""

from __future__ import annotations

from wengert.compiler.graph.graph import Node, reach_of
from wengert.compiler.graph.loop import PARTS, Written
from wengert.compiler.graph.regions import meet, region
from wengert.compiler.passes.sequence import Sequence
from wengert.compiler.passes.steps import Column, NotALoop, Steps

__all__ = ["StepMemory"]


class StepMemory:
    """The memories that a step writes to.

    Attributes
    ----------
    groups : list of int
        For each operation of a step a number, which is the same for values that share a memory: those before and
        after an update, or a loop.
    moves : dict of int to int
        For each memory that is written to: by how many elements the places move with each step.
    apart : set of int
        The operands that read of such a memory what no step writes to: what was there before the loop.
    """

    def __init__(self, sequence: Sequence, steps: Steps) -> None:
        self.sequence, self.steps = sequence, steps
        self.first = int(sequence.first[steps.start])
        self.bases = [self.base_of(value) for value in range(steps.period)]
        self.groups = list(range(steps.period))
        self.moves: dict[int, int] = {}
        self.writes: dict[int, list[tuple[Written, int]]] = {}  # of each memory, with the move
        self.join()
        self.check()
        self.starts = self.find_starts()

    def original(self, value: int, step: int = -1) -> Node:
        """The operation at a step."""
        step %= self.steps.times
        return self.sequence.nodes[self.steps.start + step * self.steps.period + value]

    def reads(self, value: int) -> range:
        """The columns of the operands of an operation."""
        first = self.sequence.first
        begin = int(first[self.steps.start + value]) - self.first
        return range(begin, int(first[self.steps.start + value + 1]) - self.first)

    def base_of(self, value: int) -> int | None:
        """The column of the operand whose memory an operation writes to, or an output of a loop lies in."""
        node = self.original(value)
        if node.op == "update":
            return self.reads(value)[0]
        if node.op != "output":
            return None
        index, column = node.settings["index"], self.steps.columns[self.reads(value)[0]]
        if column.kind != "step" or column.back:
            raise NotALoop("a step reads what a loop of another step gives")
        carried = self.original(column.value).settings["loop"].carried
        return self.reads(column.value)[index] if index < carried else None

    def written_by(self, value: int) -> list[Written]:
        """The places that an operation writes to in its memory."""
        node, base = self.original(value), self.bases[value]
        assert base is not None
        offset = self.steps.columns[base].offset
        if node.op == "update":
            return [(offset, node.settings["shape"], node.settings["strides"])]
        index, loop = node.settings["index"], self.original(self.steps.columns[self.reads(value)[0]].value)
        return [(offset + at, shape, by) for at, shape, by in loop.settings["loop"].written[index]]

    def join(self) -> None:
        """Find the groups, and how each moves."""
        for value, base in enumerate(self.bases):
            if base is None:
                continue
            column = self.steps.columns[base]
            if column.kind == "step":
                old, new = self.groups[column.value], self.groups[value]
                self.groups = [old if group == new else group for group in self.groups]
        for value, base in enumerate(self.bases):
            if base is not None:
                by, group = self.steps.columns[base].by, self.groups[value]
                if self.moves.setdefault(group, by) != by:
                    raise NotALoop("an array is written to at places that move differently")
                self.writes.setdefault(group, []).extend((each, by) for each in self.written_by(value))
        self.fresh = {self.groups[value] for value, base in enumerate(self.bases) if base is None}

    def move(self, value: int) -> int:
        """By how many elements the places move at which the memory of an operation is written to."""
        return self.moves.get(self.groups[value], 0)

    def start(self, value: int) -> int:
        """Where the places begin, in the first step."""
        return self.starts.get(self.groups[value], 0)

    def written(self, value: int) -> list[Written]:
        """The places of its memory that all steps write to, counted from where they begin; none if that is all."""
        count, start = self.steps.times, self.start(value)
        if self.groups[value] in self.fresh:
            return []
        found = self.writes.get(self.groups[value], [])
        return [(offset - start, (count, *shape), (by, *strides)) for (offset, shape, strides), by in found]

    def relative(self, column: Column) -> int:
        """The offset of an operand from where the places in its memory begin."""
        return column.offset - (self.start(column.value) if column.kind == "step" else 0)

    # Reads

    def check(self) -> None:
        """Find the operands that read what no step writes to; raise NotALoop for others that move differently."""
        self.apart: set[int] = set()
        bases = {base for base in self.bases if base is not None}
        for c, column in enumerate(self.steps.columns):
            if column.kind != "step" or column.by == self.move(column.value):
                continue
            layout = column.layout
            if c in bases or layout is None or not self.is_apart(column, layout):
                raise NotALoop("an array is read at places that move otherwise than the writes to it")
            self.apart.add(c)
        for value, base in enumerate(self.bases):
            if self.move(value) and (base is None or self.steps.columns[base].kind != "step"):
                raise NotALoop("an array that is new at each step is written to at places that move")

    def is_apart(self, column: Column, layout: tuple[tuple[int, ...], tuple[int, ...]]) -> bool:
        """Whether all that an operand reads, in all steps, is apart from all that they write."""
        count = self.steps.times
        read = region(column.offset, (count, *layout[0]), (column.by, *layout[1]))
        if self.groups[column.value] in self.fresh:
            return False
        found = self.writes.get(self.groups[column.value], [])
        written = [region(at, (count, *shape), (by, *strides)) for (at, shape, strides), by in found]
        return bool(written) and not any(meet(read, each) for each in written)

    def find_starts(self) -> dict[int, int]:
        """For memories of which steps read and write parts alone: the first element of these."""
        starts: dict[int, int] = {}
        whole = set(self.fresh)
        bases = {base: value for value, base in enumerate(self.bases) if base is not None}
        for c, column in enumerate(self.steps.columns):
            if column.kind != "step" or c in self.apart:
                continue
            group, layout = self.groups[column.value], column.layout
            if column.back > 1 or (layout is None and (c not in bases or not self.writes_parts(bases[c]))):
                whole.add(group)
            elif layout is None:
                low = min(offset + lowest(shape, strides) for offset, shape, strides in self.written_by(bases[c]))
                starts[group] = min(starts.get(group, low), low, column.offset)
            else:
                low = column.offset + lowest(*layout)
                starts[group] = min(starts.get(group, low), low)
        carried = {self.groups[c.value] for c in self.steps.columns if c.kind == "step" and c.back}
        self.parts = {group for group in starts if group in carried and group not in whole and group in self.moves}
        return {group: starts[group] for group in self.parts}

    def writes_parts(self, value: int) -> bool:
        """Whether an operation, an update or an output of a loop, reads and writes parts alone of its memory."""
        node = self.original(value)
        if node.op == "update":
            return True
        loop = self.original(self.steps.columns[self.reads(value)[0]].value).settings["loop"]
        return bool(loop.body.inputs[node.settings["index"]].settings["place"] == PARTS)

    def reads_parts(self, value: int) -> bool:
        """Whether steps read and write parts alone of the memory of an operation."""
        return self.groups[value] in self.parts


def lowest(shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """The first element of a view, from its offset on; of one without elements, the offset."""
    return 0 if 0 in shape else reach_of(shape, strides)[0]
