"""The page of promises names tests and themes that exist, and all the themes."""

import re
import unittest
from pathlib import Path

from tests.test_contributing import class_names
from tests.torture.table import THEMES

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


class PageTest(unittest.TestCase):
    def test_the_tests_exist(self) -> None:
        named = re.findall(r"`(test_\w+)\.(\w+)`", PAGE)
        self.assertGreater(len(named), 25)
        for module, name in named:
            with self.subTest(f"{module}.{name}"):
                methods = class_names(f"tests.{module}")
                self.assertTrue(any(each.startswith(f"{name}.test") for each in methods), methods)
        self.assertEqual(class_names("tests.test_nowhere"), set())

    def test_the_themes_exist_and_all_are_named(self) -> None:
        self.assertEqual(set(re.findall(r"theme `(\w+)`", PAGE)), set(THEMES))


if __name__ == "__main__":
    unittest.main()
