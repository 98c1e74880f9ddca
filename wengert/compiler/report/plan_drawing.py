"""The drawing of a plan: its kernels, the values in them, and the arrays that they read and write."""

from __future__ import annotations

import re

from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.capture.templates import outputs_in
from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Node
from wengert.compiler.guards.replay import Replay
from wengert.compiler.report.plan_report import (
    CompiledFunction,
    Report,
    amount,
    plan_of,
    report_with,
    shortened,
    user_lines,
)
from wengert.compiler.schedule.plan_line import COMBINES, PlanLine
from wengert.compiler.targets.cpu.program import Plan
from wengert.drawing.diagram import Box, Diagram, Group
from wengert.drawing.picture import Drawing

__all__ = ["draw", "report"]

DETAILED = 60  # values: in larger plans, kernels are drawn as single boxes
MOST_NAMES = 8  # on a node
MOST_KERNELS = 100  # in larger plans, no state is drawn except arguments and results


def draw(compiled: CompiledFunction) -> Drawing:
    """Draw the last used plan.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    replay = plan_of(compiled)
    if isinstance(replay, str):
        raise RuntimeError(f"there is no graph to draw: {replay}")
    plan = getattr(replay.run, "__self__", None)
    if not isinstance(plan, Plan):
        raise RuntimeError(f"there is no plan to draw: {name_of(compiled.function)} is run by {compiled.runner!r}")
    return draw_plan(plan, replay)


def report(compiled: CompiledFunction) -> Report:
    """Describe the last used plan, with its drawing; or say why there is none."""
    return report_with(compiled, draw_plan)


def draw_plan(plan: Plan, replay: Replay) -> Drawing:
    """Draw a plan."""
    return PlanDrawing(plan, replay).drawing()


class PlanDrawing:
    """The nodes and edges of a drawing."""

    def __init__(self, plan: Plan, replay: Replay) -> None:
        self.plan, self.replay = plan, replay
        self.boxes: list[Box] = []
        self.groups: dict[str, Group] = {}
        self.arrows: dict[tuple[str, str], None] = {}
        self.of: dict[Node, str] = {}  # the drawn node that computes each value
        self.values = 0

    def drawing(self) -> Drawing:
        lines = self.kernels()
        inside = sum(len(line.nodes) for line in lines)
        detailed = inside <= DETAILED
        for i, line in enumerate(lines):
            self.group(i, line) if detailed else self.kernel(i, line)
        for line in lines:
            for node in line.nodes:
                for x in node.operands if node in self.of else ():
                    source = self.of.get(x) or self.of.get(root_of(x)[0])
                    if source is not None and source != self.of[node]:
                        self.arrows[source, self.of[node]] = None
        self.outside(lines)
        diagram = Diagram("plan", self.boxes, list(self.arrows), self.groups, curved=len(lines) <= MOST_KERNELS)
        return Drawing(diagram, inside if detailed else len(lines), self.values)

    def kernels(self) -> list[PlanLine]:
        """The kernels and calls to draw: without guards and their operands, and without kernels of single numbers."""
        graph = self.plan.graph
        lines = [x for x in self.plan.descriptions if x.kind != "guard" and x.what != COMBINES]
        needed = {root_of(x)[0] for x in (*graph.results, *(new for _, new in graph.assignments))}
        kept = []
        for line in reversed(lines):
            if line.kind == "call" or any(node in needed or node.op in ("assign", "update") for node in line.nodes):
                kept.append(line)
                needed |= {root_of(x)[0] for node in line.nodes for x in node.operands}
        large = [line for line in kept if any(node.size > 1 for node in line.nodes) or line.kind == "call"]
        return (large or kept)[::-1]

    def kernel(self, i: int, line: PlanLine) -> None:
        """Draw a kernel as a box."""
        parts = [f"{line.name}: {shortened(line.what)}" if line.kind != "call" else function_name(line.nodes[0])]
        if line.kind != "call":
            flops = f", {amount(line.flops, '')} flops" if line.flops else ""
            parts.append(f"{line.shape}; {amount(line.moved, 'B')}{flops}")
        parts.append(user_lines(line.nodes))
        self.boxes.append(Box(f"k{i}", tuple(filter(None, parts)), line.kind))
        self.of |= dict.fromkeys(line.nodes, f"k{i}")

    def group(self, i: int, line: PlanLine) -> None:
        """Draw a kernel as a box around its values."""
        self.groups[f"g{i}"] = Group(f"{line.name}  {user_lines(line.nodes)}".strip(), line.kind)
        for j, node in enumerate(x for x in line.nodes if x.op != "assign"):
            name = self.of[node] = f"k{i}_{j}"
            parts = [operation_name(node), "" if node.shape is None else dtype_and_shape(node)]
            self.boxes.append(Box(name, tuple(filter(None, parts)), line.kind, group=f"g{i}"))

    def outside(self, lines: list[PlanLine]) -> None:
        """Draw inputs, results and assignments: arrays with the same readers, or from the same kernel, are merged."""
        readers: dict[Node, dict[str, None]] = {}
        for line in lines:
            for node in line.nodes:
                for x in node.operands if node in self.of else ():
                    root = root_of(x)[0]
                    if root.op == "input" and (root.size > 1 or line.kind == "call"):
                        readers.setdefault(root, {})[self.of[node]] = None
        by_readers: dict[tuple[str, ...], list[str]] = {}
        few = len(lines) <= MOST_KERNELS
        for root, names in readers.items():
            if not few and not self.is_argument(root):
                continue
            by_readers.setdefault(tuple(names), []).append(f"{self.path(root)} {dtype_and_shape(root)}")
        for i, (targets, texts) in enumerate(by_readers.items()):
            self.arrays(f"x{i}", texts, "input")
            self.arrows |= dict.fromkeys((f"x{i}", target) for target in targets)
        graph = self.plan.graph
        titles = {
            out.number: f"{s.location.path} =" for s in self.replay.trace.stored for out in outputs_in(s.template)
        }
        titles |= {out.number: "returned" for out in outputs_in(self.replay.trace.result)}
        ends = [(titles.get(i, "result"), x) for i, x in enumerate(graph.results)]
        if few:
            ends += [(f"{self.path(into)} =", new) for into, new in graph.assignments]
        else:
            ends = [(text, x) for text, x in ends if text == "returned"]
        by_source: dict[str, list[str]] = {}
        for text, x in ends:
            source = self.of.get(x) or self.of.get(root_of(x)[0])
            if source is not None:
                by_source.setdefault(source, []).append(f"{text} {dtype_and_shape(x)}")
        for i, (source, texts) in enumerate(by_source.items()):
            self.arrays(f"y{i}", texts, "output")
            self.arrows[source, f"y{i}"] = None

    def arrays(self, name: str, texts: list[str], kind: str) -> None:
        """Draw arrays of the user's program."""
        texts = [re.sub(r"\[\w+ of shape [^]]*\]", "[...]", text) for text in texts]
        shown = texts if len(texts) <= MOST_NAMES else [*texts[: MOST_NAMES - 1], f"... ({len(texts)} arrays)"]
        self.boxes.append(Box(name, tuple(shown), kind))
        self.values += len(texts)

    def is_argument(self, node: Node) -> bool:
        place = self.replay.trace.sources[node.settings["place"]].location
        return place is not None and place.argument

    def path(self, node: Node) -> str:
        """The path of an input in the user's program."""
        source = self.replay.trace.sources[node.settings["place"]]
        place = source.location or (source.fixed[0][0] if source.fixed else None)
        return "an array" if place is None else place.path


def dtype_and_shape(node: Node) -> str:
    return f"{node.dtype}{list(node.shape or ())}"


def operation_name(node: Node) -> str:
    """The name of the operation of a node."""
    if "ufunc" in node.settings:
        return str(node.settings["ufunc"].__name__) + ("" if node.op == "elementwise" else f" {node.op}")
    if node.op == "kernel":
        return str(node.settings["kernel"].name)
    return (
        function_name(node)
        if node.op in ("call", "random")
        else {"convert": "convert", "select": "where"}.get(node.op, node.op)
    )


def function_name(node: Node) -> str:
    """The name of the function of a call."""
    function = node.settings.get("function")
    return f"Python: {getattr(function, '__name__', None) or function or node.op}"
