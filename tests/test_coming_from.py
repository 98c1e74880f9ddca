"""docs/coming_from: the rows of the tables run, and give what the other library gives where that is installed."""

import contextlib
import importlib.util
import io
import os
import re
import tempfile
import unittest
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests import coming_from_peers
from tests.table_snapshot import TableSnapshot

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "coming_from"
# The page, its package, the names that its left column uses, the fewest rows, and the fewest of them that are
# compared by value.
PAGES = [
    ("pytorch", "torch", coming_from_peers.PYTORCH, 100, 60),
    ("jax", "jax", coming_from_peers.JAX, 50, 45),
    ("autograd", "autograd", coming_from_peers.AUTOGRAD, 30, 20),
    ("dezero", "dezero", coming_from_peers.DEZERO, 70, 25),
]
RANDOM = ("randn", "random.normal")
Row = tuple[list[str], list[str]]


def rows_of(page: str) -> list[Row]:
    """The code of the two first columns of every table of a page."""
    rows = []
    for line in (FOLDER / f"{page}.md").read_text("utf-8").splitlines():
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        if len(cells) == 3 and "`" in cells[0]:
            there, here = (re.findall(r"`([^`]+)`", cell) for cell in cells[:2])
            rows.append((there, here))
    return rows


def preparation(page: str) -> str:
    """The first program of a page, whose names the rows use."""
    found = re.search(r"```\{code-cell\}\n(.*?)```", (FOLDER / f"{page}.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def run(prepared: Any, code: list[str], path: str) -> Any:
    """The value of the last piece of a row, None for a statement."""
    names: dict[str, Any] = {"path": path}
    exec(prepared, names)
    if hasattr(names.get("model"), "parameters") or hasattr(names.get("model"), "params"):
        fill(names["model"])
    for piece in code[:-1]:
        exec(piece, names)
    try:
        last = compile(code[-1], code[-1], "eval")
    except SyntaxError:
        exec(code[-1], names)
        return None
    return eval(last, names)


def fill(model: Any) -> None:
    """Give a model of either library the same weights."""
    ours = isinstance(model, wengert.Layer)
    for p in model.params().values() if ours else model.parameters():
        values = np.linspace(-1.0, 1.0, int(np.prod(p.shape)), dtype=np.float32).reshape(p.shape)
        if ours:
            p.data[...] = values
        else:
            p.data.copy_(type(p.data)(values.tolist()))


def numbers_of(value: Any) -> list[np.ndarray[Any, Any]] | None:
    """The arrays of a result of either library; None where it has none."""
    if isinstance(value, (tuple, list)):
        parts = [numbers_of(part) for part in value]
        return None if None in parts or not parts else [array for part in parts for array in part or []]
    if isinstance(value, dict):
        return numbers_of([value[key] for key in sorted(value)])
    if isinstance(value, wengert.Variable) or type(value).__name__ in ("Variable", "Parameter"):
        value = value.data
    if hasattr(value, "detach"):
        value = value.detach().resolve_conj().numpy()
    if not isinstance(value, (np.ndarray, np.generic, int, float, complex)) and not hasattr(value, "__array__"):
        return None
    array = np.asarray(value)
    return [array] if array.dtype.kind in "biufc" else None


class RowsTest(unittest.TestCase):
    def setUp(self) -> None:
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(wengert.set_num_threads, wengert.get_num_threads())
        self.enterContext(contextlib.redirect_stdout(io.StringIO()))
        self.path = os.path.join(folder.name, "model.safetensors")

    def ours(self, prepared: Any, here: list[str]) -> Any:
        try:
            return run(prepared, here, self.path)
        except ImportError as error:
            if "pip install wengert[" not in str(error) and "No module named 'scipy" not in str(error):
                raise
            raise unittest.SkipTest(str(error)) from error

    def test_what_is_written_here_runs(self) -> None:
        for page, _, _, fewest, _ in PAGES:
            prepared = compile(preparation(page), f"<{page}>", "exec")
            rows = rows_of(page)
            self.assertGreaterEqual(len(rows), fewest, page)
            for there, here in rows:
                with self.subTest(page=page, there=there, here=here):
                    self.assertTrue(here, "a row says what to write here")
                    self.ours(prepared, here)

    def test_it_gives_what_is_given_there(self) -> None:
        for page, package, names, _, fewest in PAGES:
            if importlib.util.find_spec(package) is None:
                with self.subTest(page=page):
                    self.skipTest(f"{package} is not installed")
                continue
            here_prepared = compile(preparation(page), f"<{page}>", "exec")
            there_prepared = compile(names, f"<{package}>", "exec")
            compared = 0
            for there, here in rows_of(page):
                with self.subTest(page=page, there=there, here=here), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # (that other libraries give)
                    theirs = numbers_of(run(there_prepared, there, self.path))
                    ours = numbers_of(self.ours(here_prepared, here))
                    if theirs is None or ours is None or any(word in "".join(there) for word in RANDOM):
                        continue
                    compared += 1
                    self.assertEqual(len(ours), len(theirs))
                    for mine, other in zip(ours, theirs, strict=True):
                        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)
                        self.assertEqual(mine.shape, other.shape)
            self.assertGreaterEqual(compared, fewest, page)


if __name__ == "__main__":
    unittest.main()
