"""Charts of a record, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from benchmarks.networks.data import TITLES
from benchmarks.peers import COMPILED, OURS
from benchmarks.problems.single_functions import FUNCTIONS, SIZES
from benchmarks.record import Record, ratio
from benchmarks.report.panels import bars, dots, lines
from benchmarks.report.select import among, figure, measured, names_of, title
from benchmarks.report.style import COLOURS, WENGERT, by_seconds, log_marks, plain_axes, styled

__all__ = ["CHARTS", "draw"]

Grid = Sequence[Sequence[Callable[[Any], None]]]


def panelled(panels: Grid, width: float, height: float) -> Figure:
    """Draw panels in rows, each so wide and so high, in inches."""
    columns = max(map(len, panels))
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.04)
    made = Figure(figsize=(width * columns, height * len(panels)), layout=layout)
    grid = made.subplots(len(panels), columns, squeeze=False)
    for row, axes in zip(panels, grid, strict=True):
        for draw, each in zip(row, axes, strict=False):
            draw(each)
        for each in axes[len(row) :]:
            each.set_visible(False)
    return made


def rows_of(panels: Sequence[Callable[[Any], None]], columns: int) -> Grid:
    return [panels[i : i + columns] for i in range(0, len(panels), columns)]


def panel(draw: Callable[..., None], *given: Any, **options: Any) -> Callable[[Any], None]:
    return lambda axes: draw(axes, *given, **options)


def networks(record: Record) -> Figure | None:
    names = names_of(record, "network")
    peers = among(record, names)
    headings = {f"network/{work.replace(' ', '-')}": text for work, text in TITLES.items()}
    panels = [panel(dots, record, name, peers, headings[name]) for name in names]
    return panelled(rows_of(panels, 2), 4.6, 0.55 + 0.24 * len(peers)) if names else None


def chains(record: Record) -> Figure | None:
    names = names_of(record, "chain")
    peers = among(record, names)
    headings = {"chain/1": "Size 1: time of one operation", "chain/100000": "Size 100,000: time of one operation"}
    panels = [panel(dots, record, name, peers, headings[name]) for name in names]
    if "chain/1" in names:
        panels.append(panel(dots, record, "chain/1", peers, "Size 1: first call", what="beginning"))
    return panelled([panels], 3.7, 0.7 + 0.26 * len(peers)) if names else None


def memory(record: Record) -> Figure | None:
    headings = {
        "network/cnn": "CNN: a training step",
        "network/gpt": "GPT: a training step",
        "memory/chain": "Chain of 90 operations on 1,000,000",
    }
    names = [name for name in headings if name in record.rows and among(record, [name])]
    panels = []
    for name in names:
        values = {peer: figure(record, name, peer, "memory") for peer in among(record, [name])}
        panels.append(panel(bars, values, headings[name], "MB"))
    return panelled([panels], 3.7, 2.9) if names else None


def start(record: Record) -> Figure | None:
    panels = []
    if "start/import" in record.rows:
        values = {p: figure(record, "start/import", p) for p in among(record, ["start/import"])}
        panels.append(panel(bars, values, "Import", "s"))
    if "start/size" in record.rows:
        peers = [p for p in among(record, ["start/size"]) if p != "numpy"]
        panels.append(panel(dots, record, "start/size", peers, "Installed beside NumPy, MB"))
    return panelled([panels], 4.6, 2.6) if panels else None


def derivatives(record: Record) -> Figure | None:
    panels = []
    for kind in ("jacobian", "hessian"):
        names = names_of(record, f"rosenbrock/{kind}")
        if names:
            heading = f"Rosenbrock's {kind.capitalize()}, by size"
            panels.append(panel(lines, record, f"rosenbrock/{kind}", among(record, names), heading))
    headings = {
        "likelihood/logistic": "Logistic regression, gradient",
        "likelihood/mixture": "Mixture of Gaussians, gradient",
        "ode/runge-kutta": "Runge-Kutta fit, gradient",
    }
    for name, heading in headings.items():
        if name in record.rows and (peers := among(record, [name])):
            panels.append(panel(dots, record, name, peers, heading))
    return panelled(rows_of(panels, 2), 4.6, 2.8) if panels else None


def functions(record: Record, kind: str = "gradient") -> Figure | None:
    names = [f"function/{name}/{size}/{kind}" for size in SIZES for name in FUNCTIONS]
    peers = among(record, [name for name in names if name in record.rows])
    measured_sizes = [size for size in SIZES if any(f"/{size}/" in name and name in record.rows for name in names)]
    panels = [panel(cloud, record, size, kind, peers) for size in measured_sizes]
    return panelled([panels], 3.9, 5.4) if peers else None


def cloud(axes: Any, record: Record, size: int, kind: str, peers: Sequence[str]) -> None:
    """Draw all functions at one size: a dot for each peer."""
    axes.set_title(f"Size {size:,}")
    for peer in peers[::-1]:
        points = [(figure(record, f"function/{name}/{size}/{kind}", peer), i) for i, name in enumerate(FUNCTIONS)]
        points = [(value, place) for value, place in points if not math.isnan(value)]
        ours = peer.startswith("wengert")
        x, y = zip(*points, strict=True) if points else ((), ())
        style = {"s": 52 if ours else 24, "zorder": 4 if ours else 3, "edgecolor": "white", "linewidth": 0.5}
        axes.scatter(x, y, color=COLOURS[peer], label=title(peer), **style)
    axes.set_xscale("log")
    axes.set_ylim(len(FUNCTIONS) - 0.4, -0.6)
    axes.set_yticks(range(len(FUNCTIONS)), list(FUNCTIONS))
    axes.tick_params(axis="y", length=0)
    log_marks(axes.xaxis, *axes.get_xlim())
    by_seconds(axes.xaxis)
    if not axes.figure.legends:
        handles, labels = axes.get_legend_handles_labels()
        axes.figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=len(peers), fontsize=8.5)


def growth(record: Record) -> Figure | None:
    families = {"length": "Length of the graph", "batch": "Batch", "width": "Width"}
    panels = []
    for what, unit in (("values", "time"), ("memory", "memory, MB")):
        row = []
        for family, heading in families.items():
            names = names_of(record, f"growth/{family}")
            if names:
                given = (record, f"growth/{family}", among(record, names), f"{heading}: {unit}")
                row.append(panel(lines, *given, what=what))
        panels.append(row)
    return panelled(panels, 3.7, 3.1) if panels[0] else None


def overview(record: Record) -> Figure | None:
    """Draw how many times as fast as the fastest peer Wengert is, at its best."""
    wanted = {
        "chain/1": "chain of 900 operations, size 1",
        "chain/100000": "the same, size 100,000",
        **{f"network/{work.replace(' ', '-')}": text.split(",")[0] + ", step" for work, text in TITLES.items()},
        "likelihood/logistic": "logistic regression, gradient",
        "likelihood/mixture": "mixture of Gaussians, gradient",
        "ode/runge-kutta": "Runge-Kutta fit, gradient",
        "rosenbrock/hessian/100": "Hessian of Rosenbrock's function",
    }
    points = [(text, found) for name, text in wanted.items() if (found := times_as_fast(record, name)) > 0]
    if not points:
        return None
    return panelled([[panel(against_best, points)]], 7.6, 0.9 + 0.27 * len(points))


def times_as_fast(record: Record, name: str) -> float:
    """Return how many times as fast as the fastest peer our faster way is; not a number, where one lacks."""
    ours = [peer for peer in (OURS, COMPILED) if measured(record, peer, name)]
    others = [peer for peer in among(record, [name] if name in record.rows else []) if peer not in (OURS, COMPILED)]
    if not ours or not others:
        return math.nan
    best, rival = (min(some, key=lambda peer: figure(record, name, peer)) for some in (ours, others))
    entries = record.rows[name].entries
    return ratio(entries[rival].values, entries[best].values)


def against_best(axes: Any, points: Sequence[tuple[str, float]]) -> None:
    values = [value for _, value in points]
    axes.set_title("Wengert, times as fast as the fastest peer")
    plain_axes(axes)
    axes.set_xscale("log")
    low, high = min(0.5, min(values) / 1.3), max(2.0, max(values) * 1.5)
    axes.set_xlim(low, high)
    axes.set_ylim(len(points) - 0.4, -0.6)
    axes.set_yticks(range(len(points)), [text for text, _ in points])
    axes.axvline(1.0, color="#2b2d31", linewidth=1.1)
    for place, value in enumerate(values):
        axes.barh(place, value - 1, left=1.0, height=0.6, color=WENGERT)
        shift, side = (5, "left") if value >= 1 else (-5, "right")
        axes.annotate(f"{value:.2g}", (value, place), (shift, 0), textcoords="offset points", va="center", ha=side)
    marks = [mark for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= mark <= high]
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


CHARTS: dict[str, Callable[[Record], Figure | None]] = {
    "overview": overview,
    "networks": networks,
    "chain": chains,
    "memory": memory,
    "start": start,
    "derivatives": derivatives,
    "functions": functions,
    "functions-forward": lambda record: functions(record, "forward"),
    "growth": growth,
}


def draw(record: Record, folder: Path, ending: str = "svg") -> list[Path]:
    """Draw what a record has figures for; return the files."""
    mpl.use("agg")
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with styled():
        for name, make in CHARTS.items():
            made = make(record)
            if made is not None:
                paths.append(folder / f"{name}.{ending}")
                metadata = {"Date": None} if ending == "svg" else None  # the same figures make the same file
                made.savefig(paths[-1], dpi=110, metadata=metadata)
    return paths
