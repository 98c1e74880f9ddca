"""The page of promises names tests and themes that exist, and all the themes."""

import ast
import re
import unittest
from pathlib import Path

from tests.torture.table import THEMES

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def classes_of(module: str) -> dict[str, ast.ClassDef]:
    """The classes of a test module, which may need what is not installed here."""
    path = ROOT / "tests" / f"{module}.py"
    if not path.exists():
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


class PageTest(unittest.TestCase):
    def test_the_tests_exist(self) -> None:
        named = re.findall(r"`(test_\w+)\.(\w+)`", PAGE)
        self.assertGreater(len(named), 25)
        for module, name in named:
            with self.subTest(f"{module}.{name}"):
                found = classes_of(module)
                self.assertIn(name, found)
                methods = [each.name for each in found[name].body if isinstance(each, ast.FunctionDef)]
                self.assertTrue(any(each.startswith("test") for each in methods))
        self.assertEqual(classes_of("test_nowhere"), {})

    def test_the_themes_exist_and_all_are_named(self) -> None:
        self.assertEqual(set(re.findall(r"theme `(\w+)`", PAGE)), set(THEMES))


if __name__ == "__main__":
    unittest.main()
