"""The code cells of every page under docs/ that runs: in order, in one namespace, without Jupyter."""

import ast
import contextlib
import importlib.util
import io
import os
import re
import sys
import tempfile
import traceback
import unittest
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from tests.table_snapshot import TableSnapshot

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for page in (ROOT / "docs").rglob("*.md")
    if "file_format: mystnb" in page.read_text("utf-8").partition("\n# ")[0]
)
CELL = re.compile(r"^(`{3,})\{code-cell\}[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
NEEDED = ["llvmlite", "matplotlib", "safetensors", "scipy", "sklearn", "tqdm"]
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


class Cell(NamedTuple):
    """The program of a cell, the line where it begins, and its tags."""

    code: str
    line: int
    tags: frozenset[str]


def cells(text: str) -> list[Cell]:
    """Collect the cells of a page: options are lines like ``:tags: [hide-cell]``, or between ``---``."""
    found = []
    for match in CELL.finditer(text):
        body, options = match[2], []
        if body.startswith("---\n"):
            head, _, body = body[4:].partition("---\n")
            options = head.splitlines()
        while re.match(r":[\w-]+:", body):
            option, _, body = body.partition("\n")
            options.append(option)
        tags = re.findall(r"[\w-]+", " ".join(o.partition("tags:")[2] for o in options if "tags:" in o))
        line = text.count("\n", 0, match.end(2) - len(body)) + 1
        found.append(Cell(body, line, frozenset(tags)))
    return found


def run(cell: Cell, name: str, names: dict[str, Any]) -> None:
    """Run a cell as a notebook does: the value of an expression at its end is shown."""
    # (Line numbers of errors are those of the page.)
    tree = ast.parse("\n" * (cell.line - 1) + cell.code, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    if last is not None:
        shown = eval(compile(ast.Expression(last.value), name, "eval"), names)
        for how in ("_repr_svg_", "_repr_html_", "__repr__"):
            if callable(show := getattr(shown, how, None)):
                show()
                break


@unittest.skipIf(MISSING, f"needs {', '.join(MISSING)}: pip install wengert[all]")
class PagesTest(unittest.TestCase):
    def setUp(self) -> None:
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(folder.name)  # as the site runs them
        environment = os.environ.get("MPLBACKEND")
        os.environ["MPLBACKEND"] = "agg"
        self.addCleanup(os.environ.__setitem__ if environment else os.environ.pop, "MPLBACKEND", environment or "agg")

    def test_every_page_runs(self) -> None:
        self.assertGreater(len(PAGES), 0)
        count = 0
        for page in PAGES:
            name = page.relative_to(ROOT).as_posix()
            programs = cells(page.read_text("utf-8"))
            count += len(programs)
            with self.subTest(f"{name}: {len(programs)} cells, {count} with those of the pages before"):
                self.assertGreater(len(programs), 0)
                try:
                    self.run_page(programs, str(page))
                finally:
                    if pyplot := sys.modules.get("matplotlib.pyplot"):
                        pyplot.close("all")

    def run_page(self, programs: list[Cell], name: str) -> None:
        names: dict[str, Any] = {"__name__": "__main__"}
        for cell in programs:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
                warnings.catch_warnings(),
            ):
                if "raises-exception" in cell.tags:
                    with self.assertRaises(Exception, msg=f"{name}:{cell.line} is to raise"):  # noqa: B017 (the page shows which)
                        run(cell, name, names)
                else:
                    run(cell, name, names)


class CellsTest(unittest.TestCase):
    def test_options_and_lines(self) -> None:
        page = (
            "```{code-cell}\nx = 1\n```\n\n```{code-cell} python\n:tags: [hide-cell, raises-exception]\n\n1 / 0\n```\n"
        )
        first, second = cells(page)
        self.assertEqual((first.code, first.line, first.tags), ("x = 1\n", 2, frozenset()))
        self.assertEqual((second.code.strip(), second.tags), ("1 / 0", {"hide-cell", "raises-exception"}))
        [third] = cells("```{code-cell}\n---\ntags: [hide-cell]\n---\ny = 2\n```\n")
        self.assertEqual((third.code, third.line, third.tags), ("y = 2\n", 5, {"hide-cell"}))

    def test_lines_of_errors_are_those_of_the_page(self) -> None:
        [cell] = cells("# Title\n\n```{code-cell}\nx = 1\n1 / 0\n```\n")
        try:
            run(cell, "page.md", {})
        except ZeroDivisionError as error:  # (assertRaises drops the traceback)
            frame = traceback.extract_tb(error.__traceback__)[-1]
        self.assertEqual((frame.filename, frame.lineno), ("page.md", 5))


if __name__ == "__main__":
    unittest.main()
