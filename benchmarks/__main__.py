"""Measure Wengert beside its peers, or report what was measured.

``python -m benchmarks`` measures all rows, or those chosen; ``python -m benchmarks report FILE`` draws the
charts and writes the tables.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.catalogue import QUICK, ROWS, chosen
from benchmarks.machine import cores
from benchmarks.peers import DEZERO, NUMBA, NUMPY, OURS, PEERS, Peer
from benchmarks.record import Record
from benchmarks.running import Options, run
from benchmarks.turns import ROOT

__all__ = ["main"]

OUTPUT = ROOT / "output" / "benchmarks.json"
MINUTES, QUICK_MINUTES = 23.5, 1.6
LIMIT, QUICK_LIMIT = 120.0, 8.0  # seconds of a first call
PATIENCE, QUICK_PATIENCE = 60.0, 5.0
SLOW_TO_BEGIN = "torch-compiled"  # left out of a quick run, unless asked for


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n\n")[0])
    made.add_argument("--rows", nargs="+", metavar="ROW", help="names of rows or topics, with * and ?; by default all")
    made.add_argument("--peers", nargs="+", metavar="PEER", help=f"names, with * and ?, beside {OURS}; by default all")
    made.add_argument("--threads", type=int, default=min(2, cores()), help="of each; by default 2")
    made.add_argument("--quick", action="store_true", help="a few rows and short rounds, within two minutes")
    made.add_argument("--minutes", type=float, help=f"to end in; by default {MINUTES:g}")
    made.add_argument("--limit", type=float, help=f"seconds of a first call, at most; by default {LIMIT:g}")
    made.add_argument("--patience", type=float, help="seconds to wait in all for a busy machine; by default 60")
    made.add_argument("--dezero", type=Path, help=f"a checkout of DeZero; by default what {DEZERO} names")
    made.add_argument("--output", type=Path, default=OUTPUT, help="the file to write; with --rows, to add to")
    made.add_argument("--list", action="store_true", help="list the rows and the peers")
    return made


def split(names: list[str] | None) -> list[str]:
    return [name for text in names or () for name in text.replace(",", " ").split()]


def peers_of(patterns: list[str]) -> tuple[Peer, ...]:
    """Return the selected peers; ours come first, and eager Wengert is always included."""
    everyone = (*PEERS, NUMBA)
    known = [peer.name for peer in everyone]
    unknown = [p for p in patterns if p != "none" and not any(fnmatch(name, p) for name in known)]
    if unknown:
        raise ValueError(f"no peer is called {', '.join(unknown)}; there are {', '.join(known)}, and none")
    wanted = [peer for peer in everyone if not patterns or any(fnmatch(peer.name, p) for p in patterns)]
    wanted = wanted if PEERS[0] in wanted else [PEERS[0], *wanted]
    return (*wanted, NUMPY)


def measure(arguments: list[str]) -> int:
    """Measure; the exit status shows whether all peers computed the same."""
    given = parser().parse_args(arguments)
    try:
        patterns = split(given.rows)
        pool = QUICK if given.quick and not patterns else ROWS
        rows = chosen(patterns, pool) if patterns else list(pool)
        named = split(given.peers)
        peers = peers_of(named)
        if given.quick and not named:
            peers = tuple(peer for peer in peers if peer.name != SLOW_TO_BEGIN)
        if given.threads < 1:
            raise ValueError(f"--threads must be at least 1, but is {given.threads}")
        if given.list:
            print(*(f"{row.name:<30}{row.title}" for row in rows), sep="\n")
            print("peers:", *(peer.name for peer in peers))
            return 0
        if given.dezero is not None:
            os.environ[DEZERO] = str(given.dezero.resolve())
        record = Record.load(given.output) if patterns and given.output.exists() else Record()
    except ValueError as error:
        parser().error(str(error))
    minutes, limit, patience = (
        (QUICK_MINUTES, QUICK_LIMIT, QUICK_PATIENCE) if given.quick else (MINUTES, LIMIT, PATIENCE)
    )
    options = Options(
        given.threads,
        60 * (minutes if given.minutes is None else given.minutes),
        patience if given.patience is None else given.patience,
        given.quick,
        limit if given.limit is None else given.limit,
        given.output,
        " ".join(arguments),
        peers,
    )
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(given.threads)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # terminated: keep the measurements so far
    try:
        record = run(rows, options, record)
    except KeyboardInterrupt:
        print(f"interrupted; what was measured is in {given.output}", file=sys.stderr)
        return 130
    print(f"written to {given.output}; charts and tables: python -m benchmarks report {given.output}")
    measured = [record.rows[row.name] for row in rows if row.name in record.rows]
    wrong = [entry for result in measured for entry in result.entries.values() if entry.failure.startswith("WRONG")]
    return 1 if wrong else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["report"]:
        from benchmarks.report.command import main as report

        return report(arguments[1:])
    return measure(arguments)


if __name__ == "__main__":
    sys.exit(main())
