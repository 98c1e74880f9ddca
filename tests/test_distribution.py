"""What is released: one version, and archives that are looked into (`make dist-check` builds and installs them)."""

import re
import tempfile
import unittest
import zipfile
from pathlib import Path

import wengert
from tests.distribution import check_wheel

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = [p for p in (ROOT / "wengert").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
METADATA = """Metadata-Version: 2.4
Name: wengert
Version: 0.1.0
Summary: s
License-Expression: MIT
Requires-Python: >=3.11
Description-Content-Type: text/markdown
Requires-Dist: numpy>=2.0
Requires-Dist: scipy>=1.14; extra == 'scipy'
"""


class VersionTest(unittest.TestCase):
    def test_the_citation_names_the_version(self) -> None:
        found = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
        assert found is not None
        self.assertEqual(found[1], wengert.__version__)

    def test_the_changelog_has_the_version(self) -> None:
        self.assertIn(f"## {wengert.__version__}", (ROOT / "CHANGELOG.md").read_text())


class WheelTest(unittest.TestCase):
    def check(self, files: dict[str, str], left_out: str = "") -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "wengert-0.1.0-py3-none-any.whl")
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
                for source in PACKAGE:
                    name = source.relative_to(ROOT).as_posix()
                    if name != left_out:
                        wheel.write(source, name)
                for name, text in files.items():
                    wheel.writestr(name, text)
            return check_wheel(path)

    def test_a_whole_wheel_passes(self) -> None:
        self.assertEqual(self.check({"wengert-0.1.0.dist-info/METADATA": METADATA}), "0.1.0")

    def test_faults_are_found(self) -> None:
        info = "wengert-0.1.0.dist-info/METADATA"
        for files, left_out, message in (
            ({info: METADATA}, "wengert/py.typed", r"lacks \['wengert/py.typed'\]"),
            ({info: METADATA, "tests/__init__.py": ""}, "", r"must hold wengert/ alone, but holds \['tests"),
            ({info: METADATA, "wengert/a.so": ""}, "", "must hold sources alone"),
            ({info: METADATA.replace("Summary: s\n", "")}, "", "lacks Summary"),
            ({info: METADATA + "Requires-Dist: scipy\n"}, "", "must need NumPy alone"),
        ):
            with self.subTest(message), self.assertRaisesRegex(SystemExit, message):
                self.check(files, left_out)


if __name__ == "__main__":
    unittest.main()
