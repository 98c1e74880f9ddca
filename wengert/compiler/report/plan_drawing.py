"""The graph of a plan as a picture: its kernels, what they read and write, and what is in them."""

from __future__ import annotations

import re

from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.capture.templates import outputs_in
from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Node
from wengert.compiler.guards.replay import Replay
from wengert.compiler.report.plan_report import CompiledFunction, amount, plan_of, shortened, user_lines
from wengert.compiler.schedule.plan_line import PlanLine
from wengert.compiler.targets.cpu.program import Plan
from wengert.drawing.graph import HEAD, escaped
from wengert.drawing.picture import Drawing

__all__ = ["picture"]

DETAILED = 60  # values; of more, kernels are drawn as wholes
MOST_NAMES = 8  # on one node
MOST_KERNELS = 100  # of more, only arguments and what is returned are drawn beside them
PRODUCT, LOOPS, ROUTINE, CALL = "#f8cfc4", "#cfe0fb", "#e3d3f5", "#f3f3f3"
COLOURS = {"product": PRODUCT, "loops": LOOPS, "kernel": ROUTINE, "call": CALL}
INPUT, RESULT = (
    'shape="box", style="rounded,filled", fillcolor="#fbdf9d"',
    'shape="box", style="rounded,filled", fillcolor="#cdebc8"',
)


def picture(compiled: CompiledFunction) -> Drawing:
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
                        self.arrows[f"  {source} -> {self.of[node]};"] = None
        self.outside(lines)
        head = HEAD.replace("graph_of_values", "plan")
        if len(lines) > MOST_KERNELS:  # (Graphviz would take minutes for more and for curves)
            head += '  graph [splines="line", nslimit="2", nslimit1="2", mclimit="0.2"];\n'
        text = "\n".join((head + "\n".join(self.nodes), *self.arrows, "}"))
        return Drawing(text, inside if detailed else len(lines), self.values)

    def kernels(self) -> list[PlanLine]:
        """What is drawn: kernels and calls; not guards, nor what is calculated for them or of single numbers only."""
        graph = self.plan.graph
        lines = [x for x in self.plan.descriptions if x.kind != "guard" and x.what != "of all threads"]
        needed = {root_of(x)[0] for x in (*graph.results, *(new for _, new in graph.assignments))}
        kept = []
        for line in reversed(lines):
            if line.kind == "call" or any(node in needed or node.op in ("assign", "update") for node in line.nodes):
                kept.append(line)
                needed |= {root_of(x)[0] for node in line.nodes for x in node.operands}
        large = [line for line in kept if any(node.size > 1 for node in line.nodes) or line.kind == "call"]
        return (large or kept)[::-1]

    def kernel(self, i: int, line: PlanLine) -> None:
        """A kernel as one box."""
        parts = [f"{line.name}: {shortened(line.what)}" if line.kind != "call" else called(line.nodes[0])]
        if line.kind != "call":
            flops = f", {amount(line.flops, '')} flops" if line.flops else ""
            parts.append(f"{line.shape}; {amount(line.moved, 'B')}{flops}")
        parts.append(user_lines(line.nodes))
        self.nodes.append(f'  k{i} [{label_of(parts)}, shape="box", fillcolor="{COLOURS[line.kind]}"];')
        self.of |= dict.fromkeys(line.nodes, f"k{i}")

    def group(self, i: int, line: PlanLine) -> None:
        """A kernel as a box around what it computes."""
        title = f"{line.name}  {user_lines(line.nodes)}".strip()
        colour = COLOURS[line.kind]
        self.nodes += [
            f"  subgraph cluster_{i} {{",
            f'    graph [{label_of([title])}, style="rounded,filled", color="#a0a0a0", fillcolor="{colour}60", '
            'fontname="Helvetica,Arial,sans-serif", fontsize="10", labeljust="l"];',
        ]
        for j, node in enumerate(x for x in line.nodes if x.op != "assign"):
            name = self.of[node] = f"k{i}_{j}"
            parts = [word(node), "" if node.shape is None else form(node)]
            self.nodes.append(f'    {name} [{label_of(parts)}, shape="box", fillcolor="{colour}"];')
        self.nodes.append("  }")

    def outside(self, lines: list[PlanLine]) -> None:
        """What is read, returned and assigned: what goes to the same places, or comes from one, is one node."""
        readers: dict[Node, dict[str, None]] = {}
        for line in lines:
            for node in line.nodes:
                for x in node.operands if node in self.of else ():
                    root = root_of(x)[0]
                    if root.op == "input" and (root.size > 1 or line.kind == "call"):
                        readers.setdefault(root, {})[self.of[node]] = None
        together: dict[tuple[str, ...], list[str]] = {}
        few = len(lines) <= MOST_KERNELS
        for root, names in readers.items():
            if not few and not self.is_argument(root):
                continue
            together.setdefault(tuple(names), []).append(f"{self.path(root)} {form(root)}")
        for i, (targets, texts) in enumerate(together.items()):
            self.ellipse(f"x{i}", texts, INPUT)
            self.arrows |= dict.fromkeys(f"  x{i} -> {target};" for target in targets)
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
        made: dict[str, list[str]] = {}
        for text, x in ends:
            source = self.of.get(x) or self.of.get(root_of(x)[0])
            if source is not None:
                made.setdefault(source, []).append(f"{text} {form(x)}")
        for i, (source, texts) in enumerate(made.items()):
            self.ellipse(f"y{i}", texts, RESULT)
            self.arrows[f"  {source} -> y{i};"] = None

    def ellipse(self, name: str, texts: list[str], colours: str) -> None:
        """Arrays of the program."""
        texts = [re.sub(r"\[\w+ of shape [^]]*\]", "[...]", text) for text in texts]
        shown = texts if len(texts) <= MOST_NAMES else [*texts[: MOST_NAMES - 1], f"... ({len(texts)} arrays)"]
        self.nodes.append(f"  {name} [{label_of(shown)}, {colours}];")
        self.values += len(texts)

    def is_argument(self, node: Node) -> bool:
        place = self.replay.trace.sources[node.settings["place"]].location
        return place is not None and place.argument

    def path(self, node: Node) -> str:
        """Where in the program an input comes from."""
        source = self.replay.trace.sources[node.settings["place"]]
        place = source.location or (source.fixed[0][0] if source.fixed else None)
        return "an array" if place is None else place.path


def label_of(parts: list[str]) -> str:
    return 'label="' + "\\n".join(escaped(part) for part in parts if part) + '"'


def form(node: Node) -> str:
    return f"{node.dtype}{list(node.shape or ())}"


def word(node: Node) -> str:
    """What a value is computed by."""
    if "ufunc" in node.settings:
        return str(node.settings["ufunc"].__name__) + ("" if node.op == "elementwise" else f" {node.op}")
    if node.op == "kernel":
        return str(node.settings["kernel"].name)
    return (
        called(node)
        if node.op in ("call", "random")
        else {"convert": "convert", "select": "where"}.get(node.op, node.op)
    )


def called(node: Node) -> str:
    """The function of a call of Python."""
    function = node.settings.get("function")
    return f"Python: {getattr(function, '__name__', None) or function or node.op}"
