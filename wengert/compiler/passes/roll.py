"""Rolling: the periodic parts of a traced program become loops, so that a step is planned and compiled once.

A program is traced as one sequence of operations; a `for` of Python appears as operations that repeat themselves.
Where each step reads values in the same way (its own, those of the step before, the element `i` of an array), the
sequence is a loop: its body is a graph of one step. Loops within loops are found from the inside out.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from wengert.compiler.graph.build import convert, root_of
from wengert.compiler.graph.graph import EFFECTS, Graph, Node, c_strides
from wengert.compiler.graph.loop import PARTS, Loop, carried_output, is_effect, loop_outputs
from wengert.compiler.graph.verify import verify
from wengert.compiler.passes.loop_body import LoopBody, Source, Wanted, viewed
from wengert.compiler.passes.periods import Stretch, stretches
from wengert.compiler.passes.sequence import Layout, Sequence
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.passes.steps import NotALoop, Steps, parts_of, steps_of

__all__ = ["roll"]


def roll(graph: Graph) -> Graph:
    """Replace the periodic parts of a graph by loops."""
    known: dict[Hashable, Loop | None] = {}
    while (found := Rolling(graph, known).rolled()) is not None:
        graph = found
        verify(graph)
    return graph


class Rolling:
    """One round: loops that do not overlap."""

    def __init__(self, graph: Graph, known: dict[Hashable, Loop | None]) -> None:
        self.graph, self.known = graph, known
        self.sequence = Sequence(graph)
        self.new: list[Node | None] = [None] * len(self.sequence.nodes)
        self.views: dict[Hashable, Node] = {}
        self.effects: list[Node] = []

    def rolled(self) -> Graph | None:
        """The graph with loops; None if there are none."""
        any_loop, at = False, 0
        # (What a loop reads of one before it moves evenly only after that one was made a loop.)
        for whole in stretches(self.sequence.keys, self.sequence.weights):
            for stretch in self.parts(whole):
                try:
                    steps = steps_of(self.sequence, stretch._replace(start=max(stretch.start, at)))
                    body = LoopBody(self.sequence, steps)
                    loop, sources, places = self.loop(body, steps)
                except NotALoop:
                    continue
                self.copy(at, steps.start)
                at = steps.stop
                starts = tuple(body.memory.start(value) for value, _ in body.carries)
                node = Node("loop", tuple(map(self.of_source, sources)), {"loop": loop, "starts": starts})
                node.run = self.sequence.nodes[steps.start].run
                self.add(node, places)
                any_loop = True
        if not any_loop:
            return None
        self.copy(at, len(self.sequence.nodes))
        count = len(self.graph.results)
        first = int(self.sequence.first[len(self.sequence.nodes)])
        ends = [self.operand(first + i) for i in range(count + len(self.graph.assignments))]
        assignments = [(into, x) for (into, _), x in zip(self.graph.assignments, ends[count:], strict=True)]
        return Graph(self.graph.inputs, ends[:count], assignments, self.effects, as_written=True)

    def parts(self, stretch: Stretch) -> list[Stretch]:
        """The parts of a periodic part that may be loops."""
        nodes = self.sequence.nodes[stretch.start : stretch.start + stretch.period]
        if any(node.op in ("call", "random", "tuple_get") for node in nodes):
            return []  # (Python computes them)
        return parts_of(self.sequence, stretch)

    def loop(self, body: LoopBody, steps: Steps) -> tuple[Loop, list[Source], dict[int, tuple[int, Layout, int]]]:
        """The loop of a body, the sources of its operands, and of each use elsewhere: the output, layout and offset."""
        last = steps.times - 1
        final = {(value, steps.times - back): i for i, (value, back) in enumerate(body.carries)}
        uses: list[tuple[int, Wanted, int]] = []
        places: dict[int, tuple[int, Layout, int]] = {}
        for at in self.sequence.uses(steps.start, steps.stop).tolist():
            step, value = divmod(int(self.sequence.roots[at]) - steps.start, steps.period)
            if (value, step) in final:
                places[at] = final[value, step], self.sequence.layouts[at], int(self.sequence.offsets[at])
            elif (carried := body.unwritten(at, value)) is not None:
                places[at] = carried, self.sequence.layouts[at], int(self.sequence.offsets[at])
            else:
                uses.append((at, body.wanted(at, value, step), step))
        early = {want for _, want, step in uses if step != last}
        wanted: dict[Wanted, int] = {}
        for at, want, step in uses:
            layout, offset = self.sequence.layouts[at], int(self.sequence.offsets[at])
            node = body.original(want.value)
            want = want._replace(stacked=want in early)
            index = len(body.carries) + wanted.setdefault(want, len(wanted))
            shape = node.shape or ()
            if want.part is not None:
                assert want.part[0] is not None
                shape, offset = want.part[0][0], 0
                layout = shape, c_strides(shape)
            elif layout is None:
                layout, offset = (shape, node.strides or ()), 0
            if want.stacked:
                offset += step * int(np.prod(shape, dtype=int))
            places[at] = index, layout, offset
        graph, sources = body.graph(list(wanted))
        key = tuple(body.key)
        if key not in self.known:
            memory = body.memory
            advances = tuple(memory.move(value) for value, _ in body.carries)
            written = tuple(memory.written(value) for value, _ in body.carries)
            stepped = tuple(source.length > 0 for source in sources[len(advances) :])
            graph = simplify(graph)
            stacked = tuple(want.stacked for want in wanted)
            loop = Loop(steps.times, graph, advances, written, stepped, stacked, key)
            self.known[key] = loop if reads_parts_alone(graph) else None
        found = self.known[key]
        if found is None:
            raise NotALoop("all of an array is read of which steps write parts")
        return found, sources, places

    def add(self, node: Node, places: dict[int, tuple[int, Layout, int]]) -> None:
        """Add a loop, and let the uses of its values elsewhere read its outputs."""
        loop = node.settings["loop"]
        node.line = loop.body.nodes[-1].line
        if is_effect(node):
            self.effects.append(node)
        outputs = loop_outputs(node)
        for at, (index, layout, offset) in places.items():
            if layout is not None and self.sequence.is_base(at):  # (what is written to must own its memory)
                copy = convert(viewed(outputs[index], layout, offset), line=node.line)
                self.sequence.roots[at], self.sequence.layouts[at] = self.sequence.other(copy), None
            else:
                self.sequence.roots[at] = self.sequence.other(outputs[index])
                self.sequence.layouts[at], self.sequence.offsets[at] = layout, offset

    def copy(self, start: int, stop: int) -> None:
        """Copy the operations from `start` to before `stop`."""
        first = self.sequence.first
        for i in range(start, stop):
            node = self.sequence.nodes[i]
            operands = [self.operand(at) for at in range(int(first[i]), int(first[i + 1]))]
            if node.op == "update" and operands[0].op == "view":
                operands[0] = convert(operands[0], line=node.line)  # (the root of an update must own its memory)
            new = self.new[i] = node.copy(tuple(operands))
            if node.op in EFFECTS:
                self.effects.append(new)

    def operand(self, at: int) -> Node:
        """An operand of the sequence, in the new graph."""
        layout = self.sequence.layouts[at]
        offset = 0 if layout is None else int(self.sequence.offsets[at])
        return self.of_source(Source(int(self.sequence.roots[at]), layout, offset))

    def of_source(self, source: Source) -> Node:
        if source.values is not None:
            array = source.values
            return Node("constant", (), {"array": array}, array.shape, array.dtype)
        base = self.new[source.number] if source.number >= 0 else self.sequence.value(source.number)
        assert base is not None
        layout, offset = source.layout, source.offset
        if source.length:
            assert layout is not None
            layout = (source.length, *layout[0]), (source.by, *layout[1])
        if layout is None or (layout == (base.shape, base.strides) and not offset):
            return base
        key = base, layout, offset
        if key not in self.views:
            self.views[key] = viewed(base, layout, offset)
        return self.views[key]


def reads_parts_alone(body: Graph) -> bool:
    """Whether nothing reads all of an array of which the steps write parts."""
    moving = {node for node in body.inputs if node.settings["place"] == PARTS}
    for node in body.nodes:
        base = node.operands[0] if node.op == "update" else carried_output(node)
        if base is not None and root_of(base)[0] in moving:
            moving.add(node)
        carried = node.settings["loop"].carried if node.op == "loop" else 1 if node.op == "update" else 0
        if node.op not in ("view", "output") and any(x in moving for x in node.operands[carried:]):
            return False
    return not any(x in moving for x in body.results)
