"""The reference has every public name, and the docstrings have numpydoc's form."""

import functools
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import typing
import unittest
from pathlib import Path

import wengert

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"


def listed() -> set[str]:
    """The names in the tables of the reference, in full."""
    names = set()
    for page in REFERENCE.glob("*.rst"):
        module = ""
        for line in page.read_text("utf-8").splitlines():
            if found := re.match(r"\.\. currentmodule:: (\S+)", line):
                module = found[1]
            elif found := re.fullmatch(r"   (\w[\w.]*)", line):
                names.add(f"{module}.{found[1]}")
    return names


def resolved(name: str) -> object:
    """The object of a full name."""
    first, *parts = name.split(".")
    return functools.reduce(getattr, parts, importlib.import_module(first))


def packages() -> list[str]:
    """The public packages: those that `wengert` names, and the modules they name."""
    found, names = [], ["wengert"]
    while names:
        name = names.pop()
        found.append(name)
        module = importlib.import_module(name)
        names += [f"{name}.{n}" for n in module.__all__ if inspect.ismodule(getattr(module, n)) and n != "scipy"]
    return found


class ReferenceTest(unittest.TestCase):
    def test_every_public_name_is_in_the_reference(self) -> None:
        found = {id(resolved(name)) for name in listed()}
        for package in packages():
            module = importlib.import_module(package)
            public = {f"{package}.{n}": getattr(module, n) for n in module.__all__}
            with self.subTest(package):
                missing = [name for name, value in public.items() if id(value) not in found and not elsewhere(value)]
                self.assertEqual(missing, [], f"list them in a page of {REFERENCE}")

    def test_every_name_of_the_reference_is_there(self) -> None:
        for name in sorted(listed()):
            with self.subTest(name):
                self.assertTrue(inspect.getdoc(resolved(name)), "has no docstring")

    def test_every_package_has_a_page(self) -> None:
        index = (REFERENCE / "index.md").read_text("utf-8")
        for name in wengert.__all__:
            if inspect.ismodule(getattr(wengert, name)):
                self.assertIn(f"[`wengert.{name}`]", index)


def elsewhere(value: object) -> bool:
    """Whether a public value has no entry: a module has a page, and an alias of a type none."""
    return inspect.ismodule(value) or typing.get_origin(value) is not None


@unittest.skipIf(importlib.util.find_spec("numpydoc") is None, "needs numpydoc: pip install wengert[docs]")
class ValidationTest(unittest.TestCase):
    def test_docstrings_are_valid(self) -> None:
        command = [sys.executable, str(ROOT / "docs" / "validate_docstrings.py")]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^\d{3,} docstrings, 0 errors\n$")


if __name__ == "__main__":
    unittest.main()
