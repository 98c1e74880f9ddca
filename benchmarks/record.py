"""The measurements as a JSON file: rows of several runs, each with the machine that it was measured on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

__all__ = ["Entry", "Record", "Result", "Run", "quartiles", "ratio"]

FORMAT = 1


@dataclass
class Entry:
    """The measurements of one peer in a row.

    `values` has one figure for each round, in the row's unit. `first` is the seconds of the first call, and
    `making` those before it; `memory` the MB that the step takes over the bare library, at most, `first_memory`
    the same with the first call, `peak` the whole process. Where there are no values, `failure` says why.
    """

    values: list[float] = field(default_factory=list)
    first: float | None = None
    making: float | None = None
    memory: float | None = None
    first_memory: float | None = None
    peak: float | None = None
    failure: str = ""
    note: str = ""

    @property
    def median(self) -> float:
        return median(self.values) if self.values else math.nan

    @property
    def beginning(self) -> float | None:
        """The seconds until the first call has returned, the import left out."""
        return None if self.first is None else self.first + (self.making or 0.0)

    @property
    def spread(self) -> float:
        """The distance of the quartiles, as a share of the median."""
        low, high = quartiles(self.values)
        return (high - low) / self.median if self.values and self.median else 0.0


@dataclass
class Result:
    """A row: its figures by the names of the peers, and how busy the machine was.

    `calm` are the seconds of a fixed piece of work before and after the row, `calmest` the least of them in
    the whole run; `flags` say what makes the figures doubtful.
    """

    title: str
    unit: str
    run: int
    entries: dict[str, Entry]
    calm: list[float] = field(default_factory=list)
    calmest: float = 0.0
    flags: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Run:
    """Where, when and with what rows were measured."""

    date: str
    machine: dict[str, Any]
    versions: dict[str, str]
    commit: str
    threads: int
    options: str = ""
    left_out: dict[str, str] = field(default_factory=dict)  # rows, peers: why


@dataclass
class Record:
    """The rows by their names, in order."""

    runs: list[Run] = field(default_factory=list)
    rows: dict[str, Result] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the file atomically; runs without rows are dropped."""
        used = sorted({result.run for result in self.rows.values()} | {len(self.runs) - 1} - {-1})
        number = {old: new for new, old in enumerate(used)}
        rows = {name: asdict(result) | {"run": number[result.run]} for name, result in self.rows.items()}
        content = {"format": FORMAT, "runs": [asdict(self.runs[i]) for i in used], "rows": rows}
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".part")
        beside.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        os.replace(beside, path)

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read a file that was saved."""
        content = json.loads(path.read_text("utf-8"))
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            found = content.get("format") if isinstance(content, dict) else type(content).__name__
            raise ValueError(f"{path} must be a record of benchmarks of format {FORMAT}, but its format is {found!r}")
        rows = {}
        for name, row in content["rows"].items():
            entries = {peer: Entry(**entry) for peer, entry in row.pop("entries").items()}
            rows[name] = Result(entries=entries, **row)
        return cls([Run(**run) for run in content["runs"]], rows)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first quartile and the third."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (math.nan, math.nan)
    cuts = quantiles(values, n=4, method="inclusive")
    return cuts[0], cuts[2]


def ratio(mine: Sequence[float], other: Sequence[float]) -> float:
    """Return the median of the ratios round by round: what slows a whole round slows both sides of it."""
    ratios = [a / b for a, b in zip(mine, other, strict=False) if b]
    return median(ratios) if ratios else math.nan
