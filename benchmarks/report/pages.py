"""Pages whose figures are written from a record, between markers that are comments."""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmarks.record import Record
from benchmarks.report.blocks import BLOCKS

__all__ = ["filled", "write"]

MARKED = re.compile(r"<!-- measured: (?P<name>[\w-]+) -->\n.*?<!-- end -->", re.DOTALL)

# What is drawn of a block.
CHARTS_OF = {
    "summary": {"overview": "Wengert's time beside that of the fastest peer"},
    "chains": {"chain": "Time of an operation, and first calls"},
    "networks": {"networks": "Time of a training step"},
    "memory": {"memory": "Peaks of memory"},
    "derivatives": {"derivatives": "Times of derivatives"},
    "functions": {"functions": "Time of a call and its gradient"},
    "growth": {"growth": "Time and memory by size, on log axes"},
    "start": {"start": "Time of the import, and size"},
}


def filled(text: str, record: Record, charts: str = "") -> str:
    """Return a page with its blocks written anew: all between ``<!-- measured: NAME -->`` and ``<!-- end -->``.

    Each begins with its charts, where `charts` says in which folder they lie, as seen from the page.
    """

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in BLOCKS:
            raise ValueError(f"a page wants what is measured of {name!r}; there are {', '.join(BLOCKS)}")
        shown = [f"![{title}]({charts}/{chart}.svg)\n" for chart, title in CHARTS_OF.get(name, {}).items() if charts]
        lines = "\n".join([*shown, *BLOCKS[name](record)])
        return f"<!-- measured: {name} -->\n\n{lines}\n\n<!-- end -->"

    return MARKED.sub(block, text)


def write(page: Path, record: Record, charts: Path | None = None) -> bool:
    """Write a page's blocks anew, with the charts of a folder; return whether it changed."""
    text = page.read_text("utf-8")
    place = "" if charts is None else os.path.relpath(charts, page.resolve().parent).replace(os.sep, "/")
    new = filled(text, record, place)
    if new != text:
        page.write_text(new, "utf-8")
    return new != text
