"""The body of a rolled loop: one step as a graph, and where the operands of the loop come from."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import convert
from wengert.compiler.graph.graph import Graph, Node, c_strides, reach_of
from wengert.compiler.graph.loop import CARRIED, PARTS, is_effect
from wengert.compiler.passes.sequence import Layout, Sequence, numbers_of
from wengert.compiler.passes.simplify import settings_key
from wengert.compiler.passes.step_memory import StepMemory
from wengert.compiler.passes.steps import Column, NotALoop, Steps

__all__ = ["LoopBody", "Source", "Wanted"]


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
    nodes : list of Node
        Its operations.
    carries : dict of (int, int) to Node
        The carried values, by the operation that computes them, and how many steps before.
    others : dict of key to (Node, Source)
        The other inputs, and constants.
    """

    def __init__(self, sequence: Sequence, steps: Steps) -> None:
        self.sequence, self.steps = sequence, steps
        self.first = int(sequence.first[steps.start])
        self.width = len(steps.columns)
        self.nodes: list[Node] = []
        self.carries: dict[tuple[int, int], Node] = {}
        self.sources: dict[tuple[int, int], Source] = {}
        self.others: dict[Hashable, tuple[Node, Source]] = {}
        self.key: list[Hashable] = [steps.times]
        self.memory = StepMemory(sequence, steps)
        self.original, self.reads = self.memory.original, self.memory.reads
        self.find_carried()
        for value in range(steps.period):
            self.nodes.append(self.node(value))

    # Inputs

    def find_carried(self) -> None:
        """Make an input of each value that a later step reads."""
        longest: dict[int, int] = {}
        for c, column in enumerate(self.steps.columns):
            if column.kind == "step" and column.back and c not in self.memory.apart:
                longest[column.value] = max(longest.get(column.value, 0), column.back)
        for value, most in sorted(longest.items()):
            for back in range(1, most + 1):
                node = self.original(value)
                if node.dtype is None:
                    raise NotALoop("what is carried is no array")
                place = PARTS if self.memory.reads_parts(value) else CARRIED
                carry = Node("input", (), {"place": place}, node.shape, node.dtype, node.strides, node.weak, node.line)
                self.carries[value, back] = carry
        for c, column in enumerate(self.steps.columns):
            if column.kind != "step" or c in self.memory.apart:
                continue
            for step in range(column.back):
                source = self.source(c, step)
                if source.layout is not None and column.layout is not None:
                    source = source._replace(layout=None, offset=0)  # (a view of the value before: of the same root)
                if (
                    source.layout is None
                    and self.sequence.value(source.number).shape != self.original(column.value).shape
                ):
                    raise NotALoop("a value before the loop has another shape")
                known = self.sources.setdefault((column.value, column.back - step), source)
                if known != source:
                    raise NotALoop("a value before the loop is two values")
        for value, back in self.carries:
            if (value, back) not in self.sources or (self.memory.move(value) and back > 1):
                raise NotALoop("it is not known what a value was before the loop")
            if self.memory.reads_parts(value) and self.sources[value, back].layout is not None:
                raise NotALoop("a part of an array is written to at places that move")

    def source(self, column: int, step: int = 0) -> Source:
        at = self.first + step * self.width + column
        layout, root = self.sequence.layouts[at], int(self.sequence.roots[at])
        # (An operand whose memory is written to has the offset of what is written.)
        return Source(root, layout, 0 if layout is None else int(self.sequence.offsets[at]))

    def operand(self, c: int) -> Node:
        """An operand of an operation of the body."""
        column, layout = self.steps.columns[c], self.steps.columns[c].layout
        if c in self.memory.apart:
            column = column._replace(kind="same", value=self.number_before(column.value))
        if column.kind == "step":
            base = self.carries[column.value, column.back] if column.back else self.nodes[column.value]
            self.key.append((column.value, column.back, self.memory.relative(column), column.by, layout))
            return viewed(base, layout, self.memory.relative(column))
        if column.kind == "constants":
            return self.constants(c, layout, column.offset, column.by)
        root = self.sequence.value(column.value)
        if root.op == "constant" and not column.by:
            self.key.append(("constant", settings_key(root), column.offset, layout))
            base = self.others.setdefault(column.value, (root.copy(()), Source(column.value, None, 0)))[0]
            return viewed(base, layout, column.offset)
        self.key.append(("other", column.by, layout, root.shape, root.strides if layout is None else None))
        if layout is None:
            if column.by:
                raise NotALoop("an array that the loop does not make is written to at places that move")
            return self.input((column.value,), Source(column.value, None, 0), root.shape, root)
        source = Source(column.value, layout, column.offset)
        if column.by:
            source = source._replace(by=column.by, length=self.steps.times)
        return self.input(tuple(source[:4]), source, layout[0], root, layout[1])

    def number_before(self, value: int) -> int:
        """The number of what was in the memory of an operation before the loop."""
        groups = self.memory.groups
        found = [source for (v, back), source in self.sources.items() if back == 1 and groups[v] == groups[value]]
        if not found or found[0].layout is not None:
            raise NotALoop("it is not known what an array was before the loop")
        return found[0].number

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
        numbers = self.sequence.roots[self.first + c :: self.width][: self.steps.times].tolist()
        found = [self.sequence.value(number) for number in numbers]
        self.key.append(("constants", offset, layout, *map(settings_key, found)))
        array = np.stack([node.settings["array"] for node in found])
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
        operands = tuple(self.operand(c) for c in self.reads(value))
        again = old.copy(operands)
        self.key.append(self.sequence.forms[self.sequence.keys[self.steps.start + value]])
        self.key.append(numbers_of(old))
        if old.op == "update":
            offset = self.memory.relative(self.steps.columns[self.reads(value)[0]])
            again.settings = {**old.settings, "offset": offset}
        elif old.op == "loop":
            columns = [self.steps.columns[c] for c in self.reads(value)[: len(old.settings["starts"])]]
            again.settings = {**old.settings, "starts": tuple(map(self.memory.relative, columns))}
            self.key.append(again.settings["starts"])
        elif numbers_of(old) is not None:
            self.insert_numbers(value, again)
        return again

    def insert_numbers(self, value: int, node: Node) -> None:
        """Let the numbers that differ from step to step be operands."""
        steps = range(self.steps.times)
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
            if place >= len(self.carries):
                node.settings = {"place": place}
        assignments = [
            (carry, self.nodes[value] if back == 1 else self.carries[value, back - 1])
            for (value, back), carry in self.carries.items()
        ]
        effects = [node for node in self.nodes if is_effect(node)]
        self.key.append(tuple(wanted))
        sources = [self.sources[key] for key in self.carries] + [source for _, source in others]
        return Graph(inputs, results, assignments, effects), sources

    def is_carried(self, value: int) -> bool:
        """Whether an operation writes to an array that is carried from step to step."""
        groups = self.memory.groups
        return self.memory.bases[value] is not None and groups[value] in {groups[v] for v, _ in self.carries}

    def wanted(self, at: int, value: int, step: int) -> Wanted:
        """What a use of a value elsewhere, of that of a step, wants: it is the operand `at` of the sequence."""
        layout, memory = self.sequence.layouts[at], self.memory
        offset = int(self.sequence.offsets[at]) - step * memory.move(value) - memory.start(value)
        if not self.is_carried(value) or (layout is None and not memory.reads_parts(value)):
            return Wanted(value, True)
        if layout is None:
            raise NotALoop("all of an array is read that is written to at places that move")
        # (All steps give this part of their own value, though that of one is wanted.)
        bottom, top = reach_of(self.original(value).shape or (), self.original(value).strides or ())
        low, high = (0, 0) if 0 in layout[0] else reach_of(*layout)
        if offset + low < bottom:
            raise NotALoop("a part of an array is read that lies before all that a step reads and writes")
        for other in (0, self.steps.times - 1):
            first = int(self.sequence.offsets[at]) + (other - step) * memory.move(value)
            if first + low < bottom or first + high > top:
                raise NotALoop("a part of an array is read that other steps do not have")
        return Wanted(value, True, (layout, offset))

    def unwritten(self, at: int, value: int) -> int | None:
        """The carried value that shows what a use elsewhere of a value reads, as no step writes to it."""
        layout, groups = self.sequence.layouts[at], self.memory.groups
        column = Column("step", value, 0, int(self.sequence.offsets[at]), 0, layout)
        if layout is None or not self.memory.is_apart(column, layout):
            return None
        found = (i for i, (v, back) in enumerate(self.carries) if back == 1 and groups[v] == groups[value])
        return next(found, None)


def viewed(base: Node, layout: Layout, offset: int) -> Node:
    """A view of a value."""
    if layout is None:
        return base
    shape, strides = layout
    return Node("view", (base,), {"offset": offset, "strides": strides}, shape, base.dtype, line=base.line)
