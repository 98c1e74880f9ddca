"""A run: rows in order, saved after each, within a time budget."""

from __future__ import annotations

import datetime
import math
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from benchmarks import machine
from benchmarks.catalogue import Row
from benchmarks.figures import shown
from benchmarks.machine import Calm
from benchmarks.measuring import Settings, Stage
from benchmarks.peers import COMPILED, OURS, Peer, missing, version
from benchmarks.record import Record, Result, Run, ratio
from benchmarks.targets import verdicts

__all__ = ["Options", "run"]


@dataclass(frozen=True)
class Options:
    """The options of the command line. `budget` and `patience` are seconds."""

    threads: int
    budget: float
    patience: float
    hurry: bool
    limit: float
    output: Path | None
    line: str = ""
    peers: tuple[Peer, ...] = field(default=())


def run(rows: list[Row], options: Options, record: Record | None = None) -> Record:
    """Measure rows; the record is saved after each, and what is in it already stays."""
    record = Record() if record is None else record
    ends = monotonic() + options.budget
    reasons = {peer.name: reason for peer in options.peers if (reason := missing(peer))}
    there = [peer for peer in options.peers if peer.name not in reasons]
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    versions = {peer.name: version(peer) for peer in there}
    this = Run(now, machine.describe(), versions, machine.commit(), options.threads, options.line, dict(reasons))
    record.runs.append(this)
    introduce(this)
    cache = tempfile.mkdtemp(prefix="benchmarks-")
    calm = Calm(options.threads, options.patience)
    for _ in range(5):
        calm.look()
    stage = Stage(Settings(options.threads, cache, options.hurry, options.limit), calm, ends, reasons)
    try:
        for number, row in enumerate(rows):
            if monotonic() > ends:
                this.left_out |= {row.name: "the time of the run was up" for row in rows[number:]}
                print(f"the time of the run was up: {len(rows) - number} rows are left out", file=sys.stderr)
                break
            if stage.waiting and (not row.together or row.group != rows[number - 1].group):
                stage.close()
            result = stage.measure(row, list(options.peers))
            result.run = len(record.runs) - 1
            record.rows.pop(row.name, None)
            record.rows[row.name] = result
            show(row, result, record)
            if options.output is not None:
                record.save(options.output)
    finally:
        stage.close()
        shutil.rmtree(cache, ignore_errors=True)
    if options.output is not None:
        record.save(options.output)
    return record


def introduce(this: Run) -> None:
    """Say what is measured, and where."""
    where = this.machine
    print(f"{where['processor']}, {where['cores']} cores, Python {where['python']}, NumPy {where['numpy']}; ", end="")
    print(f"{this.threads} threads each; commit {this.commit or 'unknown'}")
    print("measured:", ", ".join(f"{name} {number}" for name, number in this.versions.items()))
    for name, reason in this.left_out.items():
        print(f"not measured: {name}: {reason}")
    print(flush=True)


def show(row: Row, result: Result, record: Record) -> None:
    """Print a row."""
    print(f"{row.name}  {row.title}")
    ours = OURS if OURS in result.entries else COMPILED
    base = result.entries.get(ours)
    for name, entry in result.entries.items():
        if entry.failure:
            if name not in record.runs[result.run].left_out:
                print(f"  {name:<17}{'-':>10}  {entry.failure}")
            continue
        spread = f"+-{50 * entry.spread:.0f} %" if len(entry.values) > 1 else ""
        line = f"  {name:<17}{shown(entry.median, result.unit):>10}{spread:>9}"
        if base is not None and base.values and name != ours:
            line += f"  {ratio(entry.values, base.values):8.3g} of wengert's"
        else:
            line += " " * 21
        if result.unit == "s" and not row.returned and entry.beginning is not None:
            line += f"   first {shown(entry.beginning, 's')}"
            line += f", {entry.memory:.0f} MB" if entry.memory is not None and not math.isnan(entry.memory) else ""
        print(line.rstrip())
    for verdict in verdicts(record, lambda target: target.row == row.name):
        found = "" if math.isnan(verdict.found) else f": {verdict.found:.3g} (at most {verdict.target.most:g})"
        print(f"  {verdict.word}: {verdict.target.what}{found}")
    for flag in result.flags:
        print(f"  ! {flag}")
    print(flush=True)
