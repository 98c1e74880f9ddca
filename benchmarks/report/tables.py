"""Tables in Markdown, from a record."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from benchmarks.figures import shown
from benchmarks.peers import OURS
from benchmarks.record import Record
from benchmarks.report.select import among, figure, measured, of_wengert, title

__all__ = ["Reasons", "first_calls", "grid", "medians", "memories", "ratios"]


class Reasons:
    """Why there are dashes: notes below a table, by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def mark(self, text: str) -> str:
        """Return a dash, with the number of its reason."""
        if not text:
            return "–"
        if text not in self.texts:
            self.texts.append(text)
        return f"– ({self.texts.index(text) + 1})"

    def lines(self) -> list[str]:
        """Return the notes."""
        notes = [f"({number}) {text}" for number, text in enumerate(self.texts, 1)]
        return ["", "; ".join(notes).replace("|", "\\|") + "."] if notes else []


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table; what is right of the first column is aligned to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def absent(record: Record, name: str, peer: str, reasons: Reasons) -> str:
    entry = record.rows[name].entries.get(peer)
    return reasons.mark(entry.failure if entry is not None else "")


def table(
    record: Record, names: Sequence[str], label: Callable[[str], str], cell: Callable[[str, str], str], corner: str = ""
) -> list[str]:
    """Return a table of rows by peers; the best of a row is bold where `cell` says so."""
    reasons, peers = Reasons(), among(record, names)
    rows = []
    for name in names:
        doubt = " ?" if record.rows[name].flags else ""
        cells = [
            cell(name, peer) if measured(record, peer, name) else "–" if corner else absent(record, name, peer, reasons)
            for peer in peers
        ]
        rows.append([label(name) + doubt, *cells])
    # (A table with a corner follows one that says the reasons.)
    return [*grid([corner, *map(title, peers)], rows), *([] if corner else reasons.lines())]


def medians(record: Record, names: Sequence[str], label: Callable[[str], str]) -> list[str]:
    """Return medians, each with half the distance of the quartiles; the least of a row is bold."""

    def cell(name: str, peer: str) -> str:
        result = record.rows[name]
        entry = result.entries[peer]
        text = shown(entry.median, result.unit)
        least = min(figure(record, name, other) for other in result.entries if measured(record, other, name))
        text = f"**{text}**" if entry.median == least and result.unit == "s" else text
        return f"{text} ± {50 * entry.spread:.0f} %" if len(entry.values) > 1 else text

    return table(record, names, label, cell)


def ratios(record: Record, names: Sequence[str], label: Callable[[str], str], base: str = OURS) -> list[str]:
    """Return each peer's time, Wengert's being 1."""

    def cell(name: str, peer: str) -> str:
        value = of_wengert(record, name, peer, base)
        return "1" if peer == base else "–" if math.isnan(value) else f"{value:.3g}"

    return table(record, names, label, cell, f"{title(base)} = 1")


def first_calls(record: Record, names: Sequence[str], label: Callable[[str], str]) -> list[str]:
    """Return the seconds of the first calls."""
    return table(
        record, names, label, lambda name, peer: shown(figure(record, name, peer, "beginning"), "s"), "first call"
    )


def memories(record: Record, names: Sequence[str], label: Callable[[str], str]) -> list[str]:
    """Return the peaks of memory, over the bare library; in brackets those with the first call."""

    def cell(name: str, peer: str) -> str:
        value, once = figure(record, name, peer, "memory"), figure(record, name, peer, "first_memory")
        return f"{value:.0f} ({max(value, once):.0f})" if not math.isnan(value) else "–"

    return table(record, names, label, cell, "MB")
