"""The body of a rolled loop: one step as a graph, and where the operands of the loop come from."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import convert
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.loop import CARRIED
from wengert.compiler.passes.sequence import Layout, Sequence, numbers_of
from wengert.compiler.passes.simplify import settings_key
from wengert.compiler.passes.steps import Column, NotALoop, Steps

__all__ = ["LoopBody", "Source", "Wanted"]

MOST_PARTS = 16  # parts of written arrays that are kept of each step


class Source(NamedTuple):
    """Where an operand of a loop comes from: an operand of the sequence, or constants of all steps.

    `length` is that of a first axis along which the steps move by `by` elements; 0 where all steps read the same.
    """

    number: int
    layout: Layout
    offset: int
    by: int = 0
    length: int = 0
    values: Any = None


class Wanted(NamedTuple):
    """A value of the loop that is used elsewhere: of one operation, at all steps, or at the last.

    `part` is the layout and the offset of the elements that are kept of an array which later steps write to.
    """

    value: int
    stacked: bool
    part: tuple[Layout, int] | None = None


class LoopBody:
    """The graph of one step.

    Attributes
    ----------
    inputs : dict of key to (Node, Source)
        The carried values first.
    """

    def __init__(self, sequence: Sequence, steps: Steps) -> None:
        self.sequence, self.steps = sequence, steps
        self.first = int(sequence.first[steps.start])
        self.width = len(steps.columns)
        self.nodes: list[Node] = []
        self.carries: dict[tuple[int, int], Node] = {}  # by operation, and how many steps before
        self.sources: dict[tuple[int, int], Source] = {}
        self.others: dict[Hashable, tuple[Node, Source]] = {}
        self.key: list[Hashable] = [steps.count]
        self.groups = self.written_together()
        self.moves = self.moves_of_groups()
        self.check()
        self.find_carried()
        for value in range(steps.period):
            self.nodes.append(self.node(value))

    # What is written

    def reads(self, value: int) -> range:
        """The columns of the operands of an operation."""
        first = self.sequence.first
        begin = int(first[self.steps.start + value]) - self.first
        return range(begin, int(first[self.steps.start + value + 1]) - self.first)

    def original(self, value: int, step: int = -1) -> Node:
        """The operation at a step."""
        step %= self.steps.count
        return self.sequence.nodes[self.steps.start + step * self.steps.period + value]

    def written_together(self) -> list[int]:
        """For each operation, a number that is the same for all values of one memory: the writes of a chain."""
        groups = list(range(self.steps.period))
        for value in range(self.steps.period):
            if self.original(value).op == "update":
                column = self.steps.columns[self.reads(value)[0]]
                if column.kind == "step":
                    old, new = groups[column.value], groups[value]
                    groups = [old if g == new else g for g in groups] if old != new else groups
        return groups

    def moves_of_groups(self) -> dict[int, int]:
        """By how many elements the writes to each memory move with each step."""
        moves: dict[int, int] = {}
        for value in range(self.steps.period):
            if self.original(value).op != "update":
                continue
            by = self.steps.columns[self.reads(value)[0]].by
            if moves.setdefault(self.groups[value], by) != by:
                raise NotALoop("an array is written to at places that move differently")
        return moves

    def move(self, value: int) -> int:
        return self.moves.get(self.groups[value], 0)

    def check(self) -> None:
        """Raise NotALoop where an array is read at places that move otherwise than what is written to it."""
        for column in self.steps.columns:
            if column.kind == "step" and column.by != self.move(column.value):
                raise NotALoop("an array is read at places that move otherwise than the writes to it")
        for value in range(self.steps.period):
            if self.move(value):
                operand = self.steps.columns[self.reads(value)[0]] if self.reads(value) else None
                if self.original(value).op != "update" or operand is None or operand.kind != "step":
                    raise NotALoop("an array that is new at each step is written to at places that move")

    # Inputs

    def find_carried(self) -> None:
        """Make an input of each value that a later step reads."""
        longest: dict[int, int] = {}
        for column in self.steps.columns:
            if column.kind == "step" and column.back:
                longest[column.value] = max(longest.get(column.value, 0), column.back)
        for value, most in sorted(longest.items()):
            for back in range(1, most + 1):
                node = self.original(value)
                if node.dtype is None:
                    raise NotALoop("what is carried is no array")
                carry = Node("input", (), {"place": CARRIED}, node.shape, node.dtype, node.strides, node.weak, node.line)
                self.carries[value, back] = carry
        for c, column in enumerate(self.steps.columns):
            if column.kind != "step":
                continue
            for step in range(column.back):
                source = self.source(c, step)
                if source.layout is not None and self.sequence.layouts[self.first + c] is not None:
                    source = source._replace(layout=None, offset=0)  # (a view of the value before: of the same root)
                if source.layout is None and self.sequence.value(source.number).shape != self.original(column.value).shape:
                    raise NotALoop("a value before the loop has another shape")
                known = self.sources.setdefault((column.value, column.back - step), source)
                if known != source:
                    raise NotALoop("a value before the loop is two values")
        for value, back in self.carries:
            if (value, back) not in self.sources or (self.move(value) and back > 1):
                raise NotALoop("it is not known what a value was before the loop")
            if self.move(value) and self.sources[value, back].layout is not None:
                raise NotALoop("a part of an array is written to at places that move")

    def source(self, column: int, step: int = 0) -> Source:
        at = self.first + step * self.width + column
        layout, root = self.sequence.layouts[at], int(self.sequence.roots[at])
        offset = int(self.sequence.offsets[at])
        value = self.steps.columns[column].value
        if layout is None:  # (the first operand of an update has the offset of the update)
            offset = 0
        elif self.steps.columns[column].kind == "step" and self.move(value):
            offset = 0
        return Source(root, layout, offset)

    def operand(self, c: int, node: Node, j: int) -> Node:
        """An operand of an operation of the body."""
        column, layout = self.steps.columns[c], self.sequence.layouts[self.first + c]
        if column.kind == "step":
            base = self.carries[column.value, column.back] if column.back else self.nodes[column.value]
            self.key.append((column.value, column.back, column.offset, layout))
            return viewed(base, layout, column.offset)
        if column.kind == "constants":
            return self.constants(c, layout, column.offset, column.by)
        root = self.sequence.value(column.value)
        if root.op == "constant" and not column.by:
            self.key.append(("constant", settings_key(root), column.offset, layout))
            base = self.others.setdefault(column.value, (root.copy(()), Source(column.value, None, 0)))[0]
            return viewed(base, layout, column.offset)
        self.key.append(("other", column.offset, column.by, layout, root.shape, root.strides))
        if not column.by:
            base = self.input((column.value,), Source(column.value, None, 0), root.shape, root)
            return viewed(base, layout, column.offset)
        if layout is None:
            raise NotALoop("an array that the loop does not make is written to at places that move")
        moving = Source(column.value, layout, column.offset, column.by, self.steps.count)
        return self.input(tuple(moving[:4]), moving, layout[0], root, layout[1])

    def input(
        self, key: Hashable, source: Source, shape: Any, like: Node, strides: tuple[int, ...] | None = None
    ) -> Node:
        """An input that is not carried."""
        if key not in self.others:
            strides = like.strides if strides is None else strides
            node = Node("input", (), {"place": None}, shape, like.dtype, strides, like.weak, like.line)
            self.others[key] = node, source
        self.key.append(list(self.others).index(key))
        return self.others[key][0]

    def constants(self, c: int, layout: Layout, offset: int, by: int) -> Node:
        """An input that takes the constants of all steps."""
        if by:
            raise NotALoop("constants differ in value and place")
        numbers = self.sequence.roots[self.first + c :: self.width][: self.steps.count].tolist()
        found = [self.sequence.value(number) for number in numbers]
        self.key.append(("constants", offset, layout, *map(settings_key, found)))
        array = np.stack([np.ascontiguousarray(node.settings["array"]) for node in found])
        base = self.stepped(("constants", *numbers), array, found[0])
        return viewed(base, layout, offset)

    def stepped(self, key: Hashable, array: np.ndarray, like: Node) -> Node:
        """An input that is a part of an array at each step."""
        shape = array.shape[1:]
        source = Source(0, (shape, c_strides(shape)), 0, int(np.prod(shape, dtype=int)), len(array), array)
        like = Node("constant", (), None, shape, array.dtype, line=like.line)
        return self.input(key, source, shape, like)

    # Operations

    def node(self, value: int) -> Node:
        """An operation of the body."""
        old = self.original(value)
        operands = tuple(self.operand(c, old, j) for j, c in enumerate(self.reads(value)))
        again = old.copy(operands)
        self.key.append(int(self.sequence.keys[self.steps.start + value]))
        self.key.append(numbers_of(old))
        if old.op == "update":
            offset = self.steps.columns[self.reads(value)[0]].offset
            again.settings = {**old.settings, "offset": offset}
        elif numbers_of(old) is not None:
            self.insert_numbers(value, again)
        return again

    def insert_numbers(self, value: int, node: Node) -> None:
        """Let the numbers that differ from step to step be operands."""
        steps = range(self.steps.count)
        all_numbers = [self.original(value, step).settings["numbers"] for step in steps]
        if len({numbers_of(self.original(value, step)) for step in steps}) == 1:
            return
        numbers: list[Any] = list(node.settings["numbers"])
        remaining = iter(node.operands)
        operands: list[Node] = []
        dtypes = node.settings.get("dtypes") or (np.dtype(bool), node.dtype, node.dtype)
        for i, number in enumerate(numbers):
            if number is None:
                operands.append(next(remaining))
                continue
            column = np.array([each[i] for each in all_numbers], dtypes[i])
            self.key.append(column.tobytes())
            if column.tobytes() != column[:1].tobytes() * len(column):
                operands.append(self.stepped(("numbers", value, i), column, node))
                numbers[i] = None
        node.operands = tuple(operands)
        node.settings = {**node.settings, "numbers": tuple(numbers)}

    # Results

    def graph(self, wanted: list[Wanted]) -> tuple[Graph, list[Source]]:
        """The body with these results, and the sources of its inputs."""
        results = []
        for value, _, part in wanted:
            node = self.nodes[value]
            if part is not None:
                node = viewed(node, *part)
            results.append(convert(node, line=node.line) if self.is_carried(value) else node)
        others = [(node, source) for node, source in self.others.values() if node.op == "input"]
        inputs = [*self.carries.values(), *(node for node, _ in others)]
        for place, node in enumerate(inputs):
            node.settings = {"place": CARRIED if place < len(self.carries) else place}
        assignments = [
            (carry, self.nodes[value] if back == 1 else self.carries[value, back - 1])
            for (value, back), carry in self.carries.items()
        ]
        effects = [node for node in self.nodes if node.op in ("guard", "random") or has_effects(node)]
        self.key.append(tuple(wanted))
        sources = [self.sources[key] for key in self.carries] + [source for _, source in others]
        return Graph(inputs, results, assignments, effects), sources

    def is_carried(self, value: int) -> bool:
        """Whether an operation writes to an array that is carried from step to step."""
        memories = {self.groups[v] for v, _ in self.carries}
        return self.original(value).op == "update" and self.groups[value] in memories

    def wanted(self, at: int, value: int, step: int) -> Wanted:
        """What a use of a value elsewhere, of that of a step, wants: it is the operand `at` of the sequence."""
        layout, offset = self.sequence.layouts[at], int(self.sequence.offsets[at]) - step * self.move(value)
        if not self.is_carried(value) or (layout is None and not self.move(value)):
            return Wanted(value, True)
        if layout is None:
            raise NotALoop("all of an array is read that is written to at places that move")
        return Wanted(value, True, (layout, offset))


def has_effects(node: Node) -> bool:
    """Whether a node is a loop with effects."""
    return node.op == "loop" and bool(node.settings["loop"].body.effects)


def viewed(base: Node, layout: Layout, offset: int) -> Node:
    """A view of a value."""
    if layout is None:
        return base
    shape, strides = layout
    return Node("view", (base,), {"offset": offset, "strides": strides}, shape, base.dtype, line=base.line)
