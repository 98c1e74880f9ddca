"""The plan of the body of a loop: its steps and its memory, if native code can run all of it."""

from __future__ import annotations

from collections.abc import Callable

from wengert.compiler.graph.build import root_of, with_operands
from wengert.compiler.graph.graph import Graph, Node, TooManyValues, VerificationError
from wengert.compiler.graph.loop import PARTS, Loop, is_effect, with_layouts
from wengert.compiler.graph.ufuncs import is_native
from wengert.compiler.passes.legalize import legalize
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.passes.unroll import unrolled
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step, runs_natively
from wengert.compiler.schedule.memory_plan import MemoryPlan
from wengert.compiler.schedule.partition import time_of_group, time_of_step
from wengert.compiler.schedule.rematerialize import schedule

__all__ = ["LoopPlan", "has_guards", "time_of", "with_native_loops"]


MOST_VALUES = 200_000  # that are not in loops: LLVM takes about half a millisecond for each


class LoopPlan:
    """The steps of the body of a loop, on one thread, and the memory of its values.

    Attributes
    ----------
    graph : Graph
        The body, legalized.
    memory : MemoryPlan
    moved : list of (int, int)
        The inputs and results whose address moves with each step, by their slots, and the bytes by which it does.
    """

    def __init__(self, loop: Loop, is_simple_guard: Callable[[Node], bool]) -> None:
        self.loop = loop
        body = loop.body
        self.graph, steps = schedule(with_native_loops(body, is_simple_guard))
        self.memory = MemoryPlan(self.graph, steps, lambda step: 1)
        self.time = loop.count * sum(time_of(step) for step in steps)
        memory = self.memory
        self.moved = []
        for i, (node, advance) in enumerate(zip(body.inputs, loop.advances, strict=False)):
            self.moved.append((memory.input_slots + i, advance * node.dtype.itemsize))
        for i, (node, stacked) in enumerate(zip(self.graph.results, loop.stacked, strict=True)):
            self.moved.append((memory.result_slots + i, stacked * node.size * node.dtype.itemsize))

    def is_native(self, is_simple_guard: Callable[[Node], bool]) -> bool:
        """Whether native code can run all of it, and reads no element of a carried array that it must not."""
        for step in self.memory.steps:
            if isinstance(step, OpaqueStep) and not (
                is_simple_guard(step.node) if step.node.op == "guard" else runs_natively(step.node)
            ):
                return False
        inputs = self.loop.body.inputs
        if not all(is_native(x.dtype) for x in inputs) or not all(x.size for x in inputs[: self.loop.carried]):
            return False
        # Of an array that moves, parts alone may be read and written: a copy of all of it would leave its memory.
        places = self.memory.places
        for into, new in self.graph.assignments:
            root = root_of(new)[0]
            if into.settings["place"] == PARTS and (root not in places or places[root][0] is not places[into][0]):
                return False
        return True


def with_native_loops(graph: Graph, is_simple_guard: Callable[[Node], bool]) -> Graph:
    """A graph legalized, with plans of its loops: others than native ones are unrolled."""
    while True:
        graph = laid_out(graph)
        refused = {
            node.settings["loop"]
            for node in graph
            if node.op == "loop" and not plan_body(node.settings["loop"], is_simple_guard)
        }
        if not refused:
            break
        graph = simplify(unrolled(graph, refused.__contains__))
    if len(graph.nodes) > MOST_VALUES:
        raise TooManyValues(f"{MOST_VALUES:,}")
    # (Values come shortly before their first users: what lies in between is stored.)
    graph = laid_out(legalize(Graph(graph.inputs, graph.results, graph.assignments, graph.effects)))
    for node in graph:
        if node.op == "loop" and not plan_body(node.settings["loop"], is_simple_guard):
            raise VerificationError(f"{node.text()} has no native code in the layout of its operands")
    return graph


def laid_out(graph: Graph) -> Graph:
    """The graph with loops that read their operands as these lie in memory."""
    if all(node.op != "loop" for node in graph):
        return graph

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        again = with_operands(node, operands)
        return with_layouts(again) if again.op == "loop" else again

    return graph.replaced(change)


def plan_body(loop: Loop, is_simple_guard: Callable[[Node], bool]) -> bool:
    """Plan the body of a loop; return whether native code can run it."""
    if loop.plan is not None:
        return bool(loop.plan)
    loop.plan = False
    inside = [node.settings["loop"] for node in laid_out(loop.body) if node.op == "loop"]
    if not all(plan_body(each, is_simple_guard) for each in inside):
        return False
    try:
        plan = LoopPlan(loop, is_simple_guard)
    except (NotImplementedError, VerificationError):
        return False
    if plan.is_native(is_simple_guard):
        loop.plan = plan
    return bool(loop.plan)


def time_of(step: Step) -> float:
    """Estimated time of a step on one thread, in nanoseconds."""
    if isinstance(step, FusionGroup):
        return time_of_group(step)
    assert isinstance(step, OpaqueStep)
    return float(step.node.settings["loop"].plan.time) if step.node.op == "loop" else time_of_step(step)


def has_guards(step: Step) -> bool:
    """Whether a step is a loop that may be left early."""
    return isinstance(step, OpaqueStep) and step.node.op == "loop" and is_effect(step.node)
