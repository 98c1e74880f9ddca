"""The plan report: a table of the kernels of a plan."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wengert.compiler.capture.object_graph import name_of
from wengert.compiler.graph.graph import Node
from wengert.compiler.guards.conditions import ArrayForm
from wengert.compiler.guards.replay import Replay
from wengert.compiler.kernels.ir_printer import printed
from wengert.compiler.schedule.plan_line import PlanLine
from wengert.compiler.targets.cpu.program import Plan
from wengert.drawing.bars import Bar, bars_svg
from wengert.drawing.picture import Drawing
from wengert.drawing.svg import scrolled

if TYPE_CHECKING:
    from wengert.compiler.report.profile import Profile

__all__ = ["CompiledFunction", "Report", "plan_of", "report_with", "user_lines"]

WIDEST = 40  # characters of the operations of a kernel
FEWEST = 3  # consecutive guards that are shown as one line


class CompiledFunction(Protocol):
    """The attributes of a `Compiled` that reports use."""

    function: Any
    runner: Any
    plans: list[Replay]
    profiles: dict[Replay, Any]
    given_up: str | None
    last_failure: str | None
    recorded: Any

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

    def _build(self, plan: Replay) -> bool:
        """Compile a plan; return whether that has succeeded."""

    def _prefer(self, plan: Replay) -> None:
        """Move a plan to the front."""


class Report:
    """The plan of a compiled function: ``print(step.plan)`` shows it, and a notebook shows it as a picture.

    Attributes
    ----------
    text : str
    lines : list
        The steps of the plan, in order: name, shape, bytes, flops. Empty where there is no plan.
    python_calls : tuple of str
        The names of the calls that the plan leaves to Python, each once: empty where all of it is native.
    profile : object or None
        The measurements of ``step.profile(...)``: ``seconds`` of a call, and of each line.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.compiler.targets.cpu.runner import interpreted
    >>> step = wengert.compile(lambda x: np.sum(np.exp(x) * x), runner=interpreted)
    >>> print(step.plan)
    <lambda> has no plan yet, because it was not called: two calls are traced, and the third is compiled.
    """

    def __init__(
        self,
        text: str,
        plan: Plan | None = None,
        profile: Profile | None = None,
        rows: Sequence[Row] = (),
        drawn: Callable[[], Drawing] | None = None,
    ) -> None:
        self.text, self.profile = text, profile
        self._rows, self._drawn = rows, drawn
        self.lines: list[PlanLine] = plan.descriptions if plan is not None else []
        self.forms = plan.forms if plan is not None else {}
        called = [line.nodes[-1] for line in self.lines if line.kind == "call"]
        self.python_calls = tuple(dict.fromkeys(called_name(node) for node in called if node.op != "tuple_get"))

    def kernel(self, name: str) -> str:
        """The code of a kernel, for ``print(step.plan.kernel("k0"))``: its loops, loads, arithmetic and stores.

        Raises
        ------
        KeyError
            If no kernel of the plan has this name, or it is a call of BLAS.
        """
        if name in self.forms:
            return printed(self.forms[name]())
        if any(line.name == name for line in self.lines):
            raise KeyError(f"{name} is code that the compiler has not made: a product calls BLAS; ask for another step")
        known = ", ".join(self.forms) or "none"
        raise KeyError(f"the plan has no kernel {name!r}; name one of its kernels: {known}")

    @property
    def svg(self) -> str:
        """A bar for each step, as SVG: its time where the plan was profiled, or else the bytes that it moves."""
        return bars_of(self._rows, self.profile)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str | None:
        """Show bars, the drawing of the plan and the table on a page; None where there is no plan."""
        if not self._rows or self._drawn is None:
            return None
        drawing = self._drawn()._repr_html_() or "<p>The plan is too large to be drawn here.</p>"
        heading = "<br>".join(map(escape, self.text.splitlines()[:2]))
        return (
            f"<p>{heading}</p>\n{scrolled(self.svg)}\n"
            f"<details open><summary>Kernels and values</summary>{drawing}</details>\n"
            f"<details><summary>Table</summary><pre>{escape(self.text)}</pre></details>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show the plan in a notebook."""
        page = self._repr_html_()
        return {"text/plain": self.text} if page is None else {"text/plain": self.text, "text/html": page}


class Row(NamedTuple):
    """The cells of a line of the table."""

    name: str
    what: str
    shape: str = ""
    moved: int = 0
    flops: int = 0
    threads: int = 0
    line: str = ""
    seconds: float = 0.0
    rate: str = ""
    share: str = ""  # of the roofline
    kind: str = "call"


def report_with(compiled: CompiledFunction, draw_plan: Callable[[Plan, Replay], Drawing]) -> Report:
    """Describe the last used plan, or say why there is none; `draw_plan` draws it where the picture is asked for."""
    replay = plan_of(compiled)
    if isinstance(replay, str):
        return Report(replay)
    plan = getattr(replay.run, "__self__", None)
    if not isinstance(plan, Plan):  # (of another runner)
        return Report(f"{name_of(compiled.function)}: {heading(compiled, replay)}\n{replay.trace.graph}")
    measured = compiled.profiles.get(replay)
    rows = rows_of(plan, measured)
    files = {name for row in rows for name in re.findall(r"(\S+):", row.line)}
    where = ""
    if len(files) == 1:  # (then it is named in the heading)
        rows = [row._replace(line=row.line.partition(":")[2]) for row in rows]
        where = f"; lines of {files.pop()}"
    head = f"{name_of(compiled.function)}: {heading(compiled, replay)}\n  {sizes(plan)}{where}"
    parts = [head, table(rows, measured, plan.threads)]
    if measured is not None:
        parts.append(measured.note())
    return Report("\n".join(parts), plan, measured, rows, partial(draw_plan, plan, replay))


def plan_of(compiled: CompiledFunction) -> Replay | str:
    """The last used plan, compiled; or a message why there is none."""
    name = name_of(compiled.function)
    if compiled.given_up is not None:
        return f"{name} is not compiled, and runs eagerly: {compiled.given_up}"
    replay: Replay | None = next((p for p in (*compiled.plans, *compiled.recorded.plans) if p.confirmed), None)
    if replay is None:
        if compiled.last_failure is not None:
            return (
                f"{name} has no plan yet, because its last call could not be compiled: {compiled.last_failure}. "
                "The next calls are traced, too."
            )
        called = "was called once" if compiled.plans or compiled.recorded.kinds else "was not called"
        return f"{name} has no plan yet, because it {called}: two calls are traced, and the third is compiled."
    if replay.run is None and not compiled._build(replay):
        return f"{name} is not compiled, and runs eagerly: {compiled.given_up}"
    return replay


def heading(compiled: CompiledFunction, replay: Replay) -> str:
    """The plan's position among the plans, and the arguments that it is for."""
    plans = [p for p in (*compiled.plans, *compiled.recorded.plans) if p.confirmed]
    which = "one plan" if len(plans) == 1 else f"of {len(plans)} plans, the one that was used last"
    forms = [str(guard) for guard in replay.guards if isinstance(guard, ArrayForm) and guard.location.argument]
    listed = ", ".join(forms[:4]) + (", ..." if len(forms) > 4 else "")
    mode = "train mode" if replay.settings[1] else "test mode"
    return f"{which}, for {listed + '; ' if listed else ''}{mode}"


def sizes(plan: Plan) -> str:
    """The numbers of kernels, guards and calls, the memory, and the number of threads."""
    kinds = Counter("kernel" if x.kind not in ("call", "guard") else x.kind for x in plan.descriptions)
    code = len({x.name for x in plan.descriptions if x.kind not in ("call", "guard")})
    used = [count(kinds["kernel"], "kernel") + (f" ({code} different)" if code != kinds["kernel"] else "")]
    if kinds["guard"]:
        used.append(count(kinds["guard"], "guard"))
    used.append(count(kinds["call"], "call") + " of Python")
    return f"{', '.join(used)}; {amount(plan.arena.nbytes, 'B')} of memory; {count(plan.threads, 'thread')}"


def rows_of(plan: Plan, measured: Profile | None) -> list[Row]:
    """A row per step; consecutive guards, with the small kernels between them, are merged into one row."""
    rows: list[Row] = []
    waiting: list[tuple[PlanLine, float]] = []

    def flush() -> None:
        guards = sum(line.kind == "guard" for line, _ in waiting)
        if guards < FEWEST:
            rows.extend(row_of(line, seconds, plan, measured) for line, seconds in waiting)
        else:
            what = count(guards, "guard")
            if guards < len(waiting):
                what += f" and {count(len(waiting) - guards, 'kernel')} of one number"
            nodes = [node for line, _ in waiting for node in line.nodes]
            rows.append(Row("guards", what, line=user_lines(nodes), seconds=sum(s for _, s in waiting)))
        waiting.clear()

    for i, line in enumerate(plan.descriptions):
        seconds = 0.0 if measured is None else measured.of_lines[i]
        if line.kind == "guard" or (line.kind == "loops" and line.shape == "1"):
            waiting.append((line, seconds))
            continue
        flush()
        rows.append(row_of(line, seconds, plan, measured))
    flush()
    return rows


def row_of(line: PlanLine, seconds: float, plan: Plan, measured: Profile | None) -> Row:
    node = line.nodes[-1]
    where = user_lines(line.nodes)
    if line.kind == "guard":
        return Row("guard", f"must be {node.settings['value']!r}"[:WIDEST], line=where, seconds=seconds)
    if line.kind == "call":
        what = called_name(node)
        shape = "" if node.shape is None else "x".join(map(str, node.shape))
        return Row("Python", what[:WIDEST], shape, line=where, seconds=seconds)
    rate, share = ("", "") if measured is None else measured.rate(line, seconds)
    threads = plan.threads if line.shared else 1
    return Row(
        line.name, shortened(line.what), line.shape, line.moved, line.flops, threads, where, seconds, rate, share,
        line.kind,
    )  # fmt: skip


def bars_of(rows: Sequence[Row], measured: Profile | None) -> str:
    """Draw a bar for each step: of its time where it was measured, else of the bytes that it moves."""
    labels = [f"{row.name}  {row.what}".strip() for row in rows]
    if measured is None:
        title = "bytes that each step of the plan moves"
        bars = [
            Bar(
                label,
                row.moved,
                "  ".join(filter(None, (amount(row.moved, "B") if row.moved else "", line_of(row)))),
                row.kind,
            )
            for label, row in zip(labels, rows, strict=True)
        ]
        return bars_svg(title, bars)
    title = f"time of each step of a call: {time(measured.seconds)} in all (median of {measured.calls})"
    bars = [
        Bar(label, row.seconds, "  ".join(filter(None, share_of(row, measured))), row.kind)
        for label, row in zip(labels, rows, strict=True)
    ]
    around = Row("", "around kernels", seconds=measured.around)
    return bars_svg(title, [*bars, Bar(around.what, around.seconds, "  ".join(share_of(around, measured)[:2]), "call")])


def share_of(row: Row, measured: Profile) -> list[str]:
    """What is written behind a bar of time."""
    peak = f"{row.share} of peak" if row.share else ""
    return [time(row.seconds), f"{row.seconds / measured.seconds:.0%}", peak, line_of(row)]


def line_of(row: Row) -> str:
    """The line of the program: in one file, by its number alone."""
    return row.line if ":" in row.line or not row.line else f"line {row.line}"


def called_name(node: Node) -> str:
    """The name of what Python computes."""
    function = node.settings.get("function")
    return getattr(function, "__name__", None) or str(function or node.op)


def shortened(text: str) -> str:
    """Truncate at a word."""
    if len(text) <= WIDEST:
        return text
    return text[: WIDEST - 4].rpartition(" ")[0] + " ..."


def table(rows: list[Row], measured: Profile | None, threads: int) -> str:
    """Print the rows in columns: numbers are right-aligned, words left-aligned."""
    columns: list[tuple[str, bool, list[str]]] = []

    def column(title: str, cells: list[str], right: bool = True) -> None:
        if any(cells):
            columns.append((title, right, cells))

    if measured is not None:
        rows = [*rows, Row("", "(around kernels, see below)", seconds=measured.around)]
        column("time", [time(r.seconds) for r in rows])
        column("share", [f"{r.seconds / measured.seconds:.1%}" for r in rows])
        column("rate", [r.rate for r in rows])
        column("of peak", [r.share for r in rows])
    column("kernel", [r.name for r in rows], right=False)
    column("computes", [r.what for r in rows], right=False)
    column("shape", [r.shape for r in rows])
    column("moves", [amount(r.moved, "B") if r.moved else "" for r in rows])
    column("flops", [amount(r.flops, "") if r.flops else "" for r in rows])
    if threads > 1:
        column("threads", [str(r.threads) if r.threads else "" for r in rows])
    column("line", [r.line for r in rows], right=False)
    lines = []
    for i in range(-1, len(rows)):
        cells = []
        for title, right, texts in columns:
            width = max(len(title), *map(len, texts))
            text = title if i < 0 else texts[i]
            cells.append(text.rjust(width) if right else text.ljust(width))
        lines.append(("  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def user_lines(nodes: Any) -> str:
    """The lines of the user's program that compute values: ``step.py:9,12``."""
    found: dict[str, set[int]] = {}
    for node in with_bodies(nodes):
        match = re.match(r"(.+), line (\d+), in ", node.line)
        if match:
            found.setdefault(os.path.basename(match[1]), set()).add(int(match[2]))
    parts = []
    for name, numbers in found.items():
        listed = sorted(numbers)
        parts.append(f"{name}:{','.join(map(str, listed[:4]))}{',...' if len(listed) > 4 else ''}")
    return " ".join(parts[:2])


def with_bodies(nodes: Any) -> Iterator[Node]:
    """Nodes, and in place of loops what they repeat."""
    for node in nodes:
        if node.op == "loop":
            yield from with_bodies(node.settings["loop"].body.nodes)
        elif node.op != "output":
            yield node


def amount(number: float, unit: str) -> str:
    """Print a number with three digits and a prefix: 20.5 kB."""
    prefixes = ["", "k", "M", "G", "T"]
    while number >= 999.5 and len(prefixes) > 1:
        number /= 1000
        del prefixes[0]
    prefix = prefixes[0]
    text = f"{number:.0f}" if not prefix or number >= 99.95 else f"{number:.1f}"
    return f"{text} {prefix}{unit}".rstrip()


def time(seconds: float) -> str:
    """Print a duration."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.2f} us" if seconds < 1e-5 else f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
