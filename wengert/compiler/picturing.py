"""The graph of a plan as a picture: its kernels, what they read and write, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wengert.compiler.build import root_of
from wengert.compiler.graph import Graph, Node
from wengert.compiler.members import name_of
from wengert.compiler.plan import Plan
from wengert.compiler.plan_line import WORDS, PlanLine
from wengert.compiler.replay import Replay
from wengert.compiler.seeing import amount, plan_of, shortened, user_lines
from wengert.drawing.graph import HEAD, escaped
from wengert.drawing.picture import Drawing

if TYPE_CHECKING:
    from wengert.compiler.compiled import Compiled

__all__ = ["picture"]

DETAILED = 120  # values; of more, kernels are drawn as wholes
PRODUCT, LOOPS, ROUTINE, CALL = "#f8cfc4", "#cfe0fb", "#e3d3f5", "#f3f3f3"
COLOURS = {"product": PRODUCT, "loops": LOOPS, "routine": ROUTINE, "call": CALL}
INPUT, RESULT = 'shape="ellipse", fillcolor="#fbdf9d"', 'shape="ellipse", fillcolor="#cdebc8"'


def picture(compiled: Compiled[..., Any]) -> Drawing:
    """Draw the plan that was used last.

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
    return Sheet(plan, replay).drawing()


class Sheet:
    """What is drawn so far."""

    def __init__(self, plan: Plan, replay: Replay) -> None:
        self.plan, self.replay = plan, replay
        self.nodes: list[str] = []
        self.arrows: dict[str, None] = {}
        self.of: dict[Node, str] = {}  # where each value is made
        self.inputs = 0

    def drawing(self) -> Drawing:
        graph, lines = self.plan.graph, self.kernels()
        values = sum(len(line.nodes) for line in lines)
        detailed = values <= DETAILED
        for i, line in enumerate(lines):
            self.group(i, line) if detailed else self.kernel(i, line)
        for line in lines:
            for node in line.nodes:
                for x in node.operands:
                    self.arrow(x, self.of[node])
        self.outside(graph)
        head = HEAD.replace("graph_of_values", "plan")
        text = "\n".join((head + "\n".join(self.nodes), *self.arrows, "}"))
        return Drawing(text, values if detailed else len(lines), self.inputs)

    def kernels(self) -> list[PlanLine]:
        """The kernels and calls; without guards, and without kernels of single numbers that only these read."""
        lines = [x for x in self.plan.descriptions if x.kind != "guard" and x.what != "of all threads"]
        needed = set(self.plan.graph.results) | {new for _, new in self.plan.graph.assignments}
        kept = []
        for line in reversed(lines):
            if any(node in needed or node.op == "assign" for node in line.nodes) or line.kind == "call":
                kept.append(line)
                needed |= {root_of(x)[0] for node in line.nodes for x in node.operands} | {
                    x for node in line.nodes for x in node.operands
                }
        return kept[::-1]

    def kernel(self, i: int, line: PlanLine) -> None:
        """A kernel as one box."""
        name = f"k{i}"
        parts = [f"{line.name}: {shortened(line.what)}" if line.kind != "call" else called(line.nodes[0])]
        if line.kind != "call":
            flops = f", {amount(line.flops, '')} flops" if line.flops else ""
            parts.append(f"{line.shape}; {amount(line.moved, 'B')}{flops}")
        parts.append(user_lines(line.nodes))
        label = "\\n".join(escaped(part) for part in parts if part)
        self.nodes.append(f'  {name} [label="{label}", shape="box", fillcolor="{COLOURS[line.kind]}"];')
        self.of |= dict.fromkeys(line.nodes, name)

    def group(self, i: int, line: PlanLine) -> None:
        """A kernel as a box around what it computes."""
        title = escaped(f"{line.name}  {user_lines(line.nodes)}".strip())
        colour = COLOURS[line.kind]
        lines = [
            f"  subgraph cluster_{i} {{",
            f'    graph [label="{title}", style="rounded,filled", color="#a0a0a0", fillcolor="{colour}40", '
            'fontname="Helvetica,Arial,sans-serif", fontsize="10", labeljust="l"];',
        ]
        for j, node in enumerate(line.nodes):
            name = self.of[node] = f"k{i}_{j}"
            shape = "" if node.shape is None else f"\\n{node.shape} {node.dtype}"
            lines.append(f'    {name} [label="{escaped(word(node))}{shape}", shape="box", fillcolor="{colour}"];')
        self.nodes += [*lines, "  }"]

    def arrow(self, x: Node, target: str) -> None:
        root = root_of(x)[0]
        source = self.of.get(x) or self.of.get(root)
        if source is None and root.op == "input":
            source = self.input(root)
        if source is not None and source != target:
            self.arrows[f"  {source} -> {target};"] = None

    def input(self, node: Node) -> str:
        """An array that is read."""
        name = self.of[node] = f"x{self.inputs}"
        self.inputs += 1
        label = f"{escaped(self.path(node))}\\n{node.shape} {node.dtype}"
        self.nodes.append(f'  {name} [label="{label}", {INPUT}];')
        return name

    def path(self, node: Node) -> str:
        """Where in the program an input comes from."""
        source = self.replay.trace.sources[node.settings["place"]]
        place = source.place or (source.fixed[0][0] if source.fixed else None)
        return "" if place is None else place.path

    def outside(self, graph: Graph) -> None:
        """What is returned, and what is assigned."""
        ends = [(f"result {i}" if len(graph.results) > 1 else "result", x) for i, x in enumerate(graph.results)]
        ends += [(f"{self.path(into)} =", new) for into, new in graph.assignments]
        for i, (label, node) in enumerate(ends):
            source = self.of.get(node) or self.of.get(root_of(node)[0])
            if source is None:
                continue
            self.nodes.append(f'  y{i} [label="{escaped(label)}\\n{node.shape} {node.dtype}", {RESULT}];')
            self.arrows[f"  {source} -> y{i};"] = None


def word(node: Node) -> str:
    """What a value is computed by."""
    if "ufunc" in node.settings:
        return str(node.settings["ufunc"].__name__) + ("" if node.op == "map" else f" {node.op}")
    if node.op == "routine":
        return str(node.settings["routine"].name)
    return called(node) if node.op in ("call", "draw") else WORDS.get(node.op, "") or node.op


def called(node: Node) -> str:
    """The function of a call of Python."""
    function = node.settings.get("function")
    return f"Python: {getattr(function, '__name__', None) or function or node.op}"
