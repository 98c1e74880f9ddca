"""Every example in the documentation: docstrings of all modules, README.md and docs/."""

import contextlib
import doctest
import importlib.util
import inspect
import io
import pkgutil
import re
import types
import unittest
from pathlib import Path
from typing import Any

import wengert
from tests.table_snapshot import TableSnapshot

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"wengert.sklearn": "sklearn", "wengert.onnx": "onnx"}  # those that an optional package is needed for
ABSENT = tuple(name for name, package in PACKAGES.items() if importlib.util.find_spec(package) is None)
MODULES = ["wengert", *(m.name for m in pkgutil.walk_packages(wengert.__path__, "wengert."))]
MODULES = [name for name in MODULES if not name.startswith(ABSENT)]


class Finder(doctest.DocTestFinder):
    """A finder that sees behind decorators: `no_grad` was made in contextlib, and is ours."""

    def _from_module(self, module: types.ModuleType | None, object: object) -> bool:
        if str(getattr(object, "__module__", "")).startswith("wengert.scipy.") and hasattr(object, "__wrapped__"):
            return False  # (SciPy's examples, of arrays)
        unwrapped = inspect.unwrap(object) if callable(object) else object
        return bool(super()._from_module(module, unwrapped))  # type: ignore[misc]


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None) -> unittest.TestSuite:
    table = TableSnapshot()
    around: Any = {"setUp": lambda test: table.save(), "tearDown": lambda test: table.restore()}
    for name in MODULES:
        tests.addTests(doctest.DocTestSuite(importlib.import_module(name), test_finder=Finder(), **around))
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if page.exists():
            tests.addTests(doctest.DocFileSuite(str(page), module_relative=False, encoding="utf-8", **around))
    return tests


NEEDED = ["llvmlite", "matplotlib", "safetensors", "scipy", "sklearn", "tqdm"]
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]


@unittest.skipIf(MISSING, f"needs {', '.join(MISSING)}: pip install wengert[all]")
class PagesTest(unittest.TestCase):
    def printed_by(self, page: str) -> str:
        """What the programs of a page print, run one after the other."""
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)
        text = (ROOT / page).read_text(encoding="utf-8")
        programs = re.findall(r"```(?:python|\{code-cell\})\n(.*?)```", text, re.DOTALL)
        self.assertGreaterEqual(len(programs), 2)
        names: dict[str, Any] = {}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            for program in programs:
                exec(program, names)
        return printed.getvalue()

    def test_readme(self) -> None:
        self.assertRegex(self.printed_by("README.md"), r"the sine, to 0\.0\d+\n6.0 2.0")

    def test_training(self) -> None:
        self.assertRegex(self.printed_by("docs/training.md"), r"^0.weight .*4.layer.bias\ndigraph")

    def test_compile(self) -> None:
        printed = self.printed_by("docs/compile.md")
        self.assertRegex(printed, r"(?s)^step: one plan, for x float32\[32, 64\].* 0 calls of Python")
        self.assertRegex(printed, r"\n2 plans\nhistogram is not compiled, and runs eagerly: .*line \d+, in histogram")
        self.assertRegex(printed, r"(?s)A call took .*<Drawing of")


class ExamplesTest(unittest.TestCase):
    def test_examples_behind_decorators_are_found(self) -> None:
        found = {t.name for t in Finder().find(importlib.import_module("wengert.custom.modes")) if t.examples}
        self.assertIn("wengert.custom.modes.no_grad", found)

    def test_every_public_name_has_an_example(self) -> None:
        missing = []
        for name in wengert.__all__:
            public = getattr(wengert, name)
            if inspect.ismodule(public):  # (whose own names are examined where they are)
                continue
            # A class made from a line of the table is explained by that line, an error where it is raised.
            if isinstance(public, type) and issubclass(public, (wengert.core.elementwise.Elementwise, Exception)):
                continue
            if ">>>" not in (inspect.getdoc(public) or ""):
                missing.append(name)
        self.assertEqual(missing, [], "public names whose docstring has no example")

    def test_every_public_class_for_training_has_an_example(self) -> None:
        missing = []
        for room in (wengert.layers, wengert.optimizers, wengert.datasets):
            for name in room.__all__:
                # (A pooling layer of one and of three axes is that of two.)
                public = getattr(room, re.sub(r"Pool[13]d$", "Pool2d", name))
                if isinstance(public, type) and ">>>" not in (inspect.getdoc(public) or ""):
                    missing.append(name)
        self.assertEqual(missing, [], "public classes whose docstring has no example")


if __name__ == "__main__":
    unittest.main()
