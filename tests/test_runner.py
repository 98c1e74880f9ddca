"""The runner of `make test`: what it counts and reports is what the modules' tests gave."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from tests.__main__ import Outcome, modules, summary

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "test_good": """
        import unittest
        class Good(unittest.TestCase):
            def test_one(self):
                print("printed by a test")
            @unittest.skip("why not")
            def test_two(self): ...
        """,
    "test_wrong": """
        import unittest
        class Wrong(unittest.TestCase):
            def test_sum(self):
                self.assertEqual(1 + 1, 3)
        """,
    "test_ends": """
        import os, unittest
        class Ends(unittest.TestCase):
            def test_it(self):
                os._exit(7)
        """,
}


class TestRunner(unittest.TestCase):
    def run_these(self, *names: str) -> subprocess.CompletedProcess[str]:
        """Run modules in a folder of their own, beside a copy of the runner."""
        with tempfile.TemporaryDirectory() as folder:
            tests = Path(folder, "tests")
            tests.mkdir()
            (tests / "__init__.py").touch()
            (tests / "__main__.py").write_text((ROOT / "tests" / "__main__.py").read_text("utf-8"), "utf-8")
            for name in names:
                (tests / f"{name}.py").write_text(textwrap.dedent(MODULES[name]), "utf-8")
            command = [sys.executable, "-W", "error", "-m", "tests"]
            return subprocess.run(
                command, cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""}
            )

    def test_all_good(self) -> None:
        done = self.run_these("test_good")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"Ran 2 tests in [\d.]+s\n\nOK \(skipped=1\)\n$")
        self.assertEqual(done.stdout, "")  # what tests print is no answer

    def test_what_fails_is_reported(self) -> None:
        done = self.run_these("test_good", "test_wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAIL: test_sum", done.stderr)
        self.assertRegex(done.stderr, r"Ran 3 tests in [\d.]+s\n\nFAILED \(failures=1, skipped=1\)\n$")

    def test_a_process_that_ends_is_an_error_and_the_others_run(self) -> None:
        done = self.run_these("test_ends", "test_good", "test_wrong")
        self.assertEqual(done.returncode, 1)
        self.assertIn("ERROR: test_ends: its process ended with 7", done.stderr)
        self.assertRegex(done.stderr, r"FAILED \(failures=1, errors=1, skipped=1\)\n$")

    def test_no_tests_are_no_success(self) -> None:
        self.assertEqual(self.run_these().returncode, 1)

    def test_all_modules_of_this_folder_are_run(self) -> None:
        self.assertEqual(set(modules([])), {path.stem for path in (ROOT / "tests").glob("test_*.py")})
        self.assertIn("Ran 5 tests", summary([Outcome("a", 2), Outcome("b", 3)], 1.0))


if __name__ == "__main__":
    unittest.main()
