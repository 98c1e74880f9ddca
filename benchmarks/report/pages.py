"""Pages whose figures are written from a record, between markers that are comments."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.record import Record
from benchmarks.report.blocks import BLOCKS

__all__ = ["filled", "write"]

MARKED = re.compile(r"<!-- measured: (?P<name>[\w-]+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str, record: Record) -> str:
    """Return a page with its blocks written anew: all between ``<!-- measured: NAME -->`` and ``<!-- end -->``."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in BLOCKS:
            raise ValueError(f"a page wants what is measured of {name!r}; there are {', '.join(BLOCKS)}")
        lines = "\n".join(BLOCKS[name](record))
        return f"<!-- measured: {name} -->\n\n{lines}\n\n<!-- end -->"

    return MARKED.sub(block, text)


def write(page: Path, record: Record) -> bool:
    """Write a page's blocks anew; return whether it changed."""
    text = page.read_text("utf-8")
    new = filled(text, record)
    if new != text:
        page.write_text(new, "utf-8")
    return new != text
