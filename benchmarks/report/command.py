"""``python -m benchmarks report FILE``: draw the charts, write the tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.record import Record
from benchmarks.report.pages import write
from benchmarks.targets import verdicts
from benchmarks.turns import ROOT

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Read a record; write what is made of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks report", description=__doc__)
    parser.add_argument("file", type=Path, help="a record of measurements")
    parser.add_argument("--pages", nargs="*", type=Path, default=[ROOT / "README.md", ROOT / "docs" / "benchmarks.md"])
    parser.add_argument("--charts", type=Path, default=ROOT / "docs" / "charts", help="the folder for charts")
    parser.add_argument("--no-charts", action="store_true", help="write the tables alone; needs no matplotlib")
    given = parser.parse_args(arguments)
    try:
        record = Record.load(given.file)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    charts = None if given.no_charts else given.charts.resolve()
    if charts is not None:
        from benchmarks.report.charts import draw

        for path in draw(record, charts):
            print(f"drawn: {path}")
    for page in given.pages:
        print(f"{'written' if write(page, record, charts) else 'as it was'}: {page}")
    words = [verdict.word for verdict in verdicts(record)]
    print(
        f"targets: {words.count('met')} met, {words.count('missed')} missed, {words.count('not measured')} not measured"
    )
    return 0
