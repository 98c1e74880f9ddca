"""Named blocks of Markdown, written from a record."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks.figures import shown
from benchmarks.growing import exponent
from benchmarks.networks.data import TITLES
from benchmarks.peers import COMPILED, OURS
from benchmarks.problems.single_functions import FUNCTIONS, SIZES
from benchmarks.record import Record
from benchmarks.report.select import among, figure, geometric, names_of, title
from benchmarks.report.tables import first_calls, grid, medians, memories, ratios
from benchmarks.targets import verdicts

__all__ = ["BLOCKS"]

NOTHING = ["Not measured."]


def short(record: Record) -> Callable[[str], str]:
    """Return a function that labels a row: what its title says before the colon."""

    def label(name: str) -> str:
        text = record.rows[name].title.replace(" and its gradient", "").removesuffix(", each")
        text = text.removesuffix(": a step with Adam").removesuffix(": gradient")
        return text.replace("log-likelihood of ", "")

    return label


def machine(record: Record) -> list[str]:
    """Say where, when and with what the rows were measured."""
    lines = []
    for number, run in enumerate(record.runs):
        rows = [result for result in record.rows.values() if result.run == number]
        where = run.machine
        versions = ", ".join(f"{name} {text}" for name, text in run.versions.items() if not name.endswith("-compiled"))
        flagged = sum(bool(result.flags) for result in rows)
        lines += [
            f"Measured {run.date[:10]} on {where['processor']}, {where['cores']} cores, {where['memory GB']} GB, "
            f"{where['system']}, Python {where['python']}; {run.threads} threads each; commit `{run.commit}`: "
            f"{len(rows)} rows, of which {flagged} on a machine that was busy, or with quartiles far apart "
            f"(marked ?). Versions: {versions}."
        ]
        if run.left_out:
            why = "; ".join(f"{name}: {reason}" for name, reason in run.left_out.items())
            lines.append(f"Not measured: {why}.")
        lines.append("")
    return lines[:-1]


def targets(record: Record) -> list[str]:
    """List each target, and whether it was met."""
    rows = []
    for verdict in verdicts(record):
        found = "–" if math.isnan(verdict.found) else f"{verdict.found:.3g}"
        word = f"**{verdict.word}**" if verdict.word == "missed" else verdict.word
        rows.append([verdict.target.what, f"{verdict.target.most:g}", found, word])
    return grid(["target: Wengert's figure, to the fastest of PyTorch and JAX or as said", "at most", "is", ""], rows)


def chains(record: Record) -> list[str]:
    names = names_of(record, "chain")
    label = short(record)
    return [*medians(record, names, label), "", *ratios(record, names, label), "", *first_calls(record, names, label)]


def networks(record: Record) -> list[str]:
    names, label = names_of(record, "network"), short(record)
    parts = [medians(record, names, label), ratios(record, names, label), first_calls(record, names, label)]
    return [line for part in parts for line in [*part, ""]][:-1]


def memory(record: Record) -> list[str]:
    names = [
        name for name in (*names_of(record, "network"), "memory/chain") if name in record.rows
    ]  # fmt: skip
    lines = memories(record, names, short(record))
    if "memory/leak" in record.rows:
        result = record.rows["memory/leak"]
        lines += ["", f"Wengert, {result.title}: {shown(figure(record, 'memory/leak', OURS), 'MB')}."]
    return lines


def start(record: Record) -> list[str]:
    names = [name for name in ("start/import", "start/size") if name in record.rows]
    lines = medians(record, names, lambda name: record.rows[name].title)
    if "start/core" in record.rows:
        lines += ["", f"Of Wengert, what derivatives need: {shown(figure(record, 'start/core', OURS), 'MB')}."]
    return lines


def derivatives(record: Record) -> list[str]:
    names = [name for topic in ("rosenbrock", "likelihood", "ode") for name in names_of(record, topic)]
    label = short(record)
    return [*medians(record, names, label), "", *ratios(record, names, label), "", *first_calls(record, names, label)]


def functions(record: Record) -> list[str]:
    """Summarise by geometric means, then each function."""
    names = names_of(record, "function")
    if not names:
        return NOTHING
    peers = [peer for peer in among(record, names) if peer != OURS]
    kinds = [(kind, size) for kind in ("forward", "gradient") for size in SIZES]
    rows = []
    for kind, size in kinds:
        here = [f"function/{name}/{size}/{kind}" for name in FUNCTIONS]
        means = [geometric(record, here, peer) for peer in peers]
        rows.append([f"{kind}, size {size:,}", "1", *("–" if math.isnan(m) else f"{m:.3g}" for m in means)])
    lines = grid(["geometric mean, Wengert = 1", "Wengert", *map(title, peers)], rows)
    for kind, size in kinds:
        here = [n for name in FUNCTIONS if (n := f"function/{name}/{size}/{kind}") in record.rows]
        if here:
            body = medians(record, here, lambda name: name.split("/")[1])
            lines += ["", "<details>", f"<summary>{kind}, size {size:,}</summary>", "", *body, "", "</details>"]
    return lines


def growth(record: Record) -> list[str]:
    """Show the exponents of the upper half of the sizes."""
    peers = among(record, names_of(record, "growth"))
    rows = []
    for family, what in (("length", "length of the graph"), ("batch", "batch"), ("width", "width")):
        for kind, figures in (("time", "values"), ("memory", "memory")):
            found = [exponent(record, f"growth/{family}", peer, figures) for peer in peers]
            rows.append([f"{kind} by {what}", *("–" if math.isnan(e) else f"{e:.2f}" for e in found)])
    return grid(["exponent", *map(title, peers)], rows) if peers else NOTHING


def writes(record: Record) -> list[str]:
    """Show medians, and the geometric means of the ratios to those of Wengert compiled."""
    lines: list[str] = []
    for kind in ("gradient", "forward", "fill"):
        names = names_of(record, f"writes/{kind}")
        if not names:
            continue
        means = [(title(peer), geometric(record, names, peer, COMPILED)) for peer in among(record, names)]
        text = ", ".join(f"{name} {mean:.3g}" for name, mean in means if not math.isnan(mean))
        lines += [*medians(record, names, lambda name: name.split("/")[-1]), ""]
        lines += [f"Geometric means, {title(COMPILED)} = 1: {text}.", ""] if text else []
    return lines[:-1] or NOTHING


def loops(record: Record) -> list[str]:
    """Show times of replays, of eager loops over compiled steps, and of first calls; and memory."""
    lines: list[str] = []
    for kind, table in (("steady", medians), ("calls", medians), ("first", medians), ("memory", memories)):
        if names := names_of(record, f"loops/{kind}"):
            lines += [*table(record, names, short(record)), ""]
    return lines[:-1] or NOTHING


def properties(record: Record) -> list[str]:
    names = [*names_of(record, "coverage")]
    lines = medians(record, names, lambda name: record.rows[name].title) if names else list(NOTHING)
    cost = figure(record, "protection/chain", OURS)
    if not math.isnan(cost):
        lines += ["", f"That results are read-only makes the chain {100 * (cost - 1):+.1f} % slower."]
    return lines


def summary(record: Record) -> list[str]:
    """The rows of the README."""
    wanted = {
        "chain/1": "900 scalar operations, each",
        "chain/100000": "the same on 100,000 elements",
        **{
            f"network/{work.replace(' ', '-')}": f"{text.split(',')[0]}, a training step"
            for work, text in TITLES.items()
        },
        "likelihood/mixture": "likelihood of Gaussians, gradient",
        "rosenbrock/hessian/100": "Hessian of Rosenbrock's function of 100",
        "start/import": "import",
        "start/size": "installed beside NumPy",
        "coverage/unchanged": "of 303 NumPy calls differentiated, the program as it is",
        "coverage/own": "the same, in a namespace of its own",
    }
    names = [name for name in wanted if name in record.rows]
    if not names:
        return NOTHING
    peers = [
        p for p in (OURS, COMPILED, "torch", "torch-compiled", "jax", "autograd", "mygrad") if p in among(record, names)
    ]
    rows = []
    for name in names:
        unit = record.rows[name].unit
        cells = [shown(figure(record, name, peer), unit).replace("-", "–", 1) for peer in peers]
        rows.append([wanted[name] + (" ?" if record.rows[name].flags else ""), *cells])
    run = record.runs[record.rows[names[0]].run]
    where = f"{run.machine['processor']}, {run.threads} threads each, commit `{run.commit}`, {run.date[:10]}"
    return [*grid(["", *map(title, peers)], rows), "", f"({where}; medians; – : not possible, or not measured)"]


BLOCKS: dict[str, Callable[[Record], list[str]]] = {
    "summary": summary,
    "machine": machine,
    "targets": targets,
    "chains": chains,
    "networks": networks,
    "memory": memory,
    "start": start,
    "derivatives": derivatives,
    "functions": functions,
    "growth": growth,
    "writes": writes,
    "loops": loops,
    "properties": properties,
}
