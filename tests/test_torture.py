"""The short form of `make torture`; and that the trial itself fails where it should, and leaves nothing behind."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from tests.torture.outcome import Tally, rounds

ROOT = Path(__file__).resolve().parent.parent
# (Misuse is sampled by `test_misuse`.)
THEMES = ["kills", "damage", "full_disk", "forks", "memory", "cache", "threads", "interrupts"]
MISSING = [name for name in ("llvmlite", "safetensors", "scipy") if importlib.util.find_spec(name) is None]


class TallyTest(unittest.TestCase):
    def test_failures_are_counted_and_the_first_one_is_reported(self) -> None:
        def work(seed: int) -> int:
            if seed > 5:
                raise ValueError(f"at {seed}")
            return 10

        tally = Tally("a test")
        for seed in rounds(4, 0, least=4):
            tally.attempt(seed, work, seed)
        found = tally.outcome()
        self.assertEqual((found.tried, found.failed), (22, 2))
        self.assertRegex(found.note, r"--seed 6: ValueError: at 6 \(test_torture.py:\d+\)")

    def test_rounds_end(self) -> None:
        self.assertEqual(list(rounds(3, 0)), [3])
        self.assertEqual(list(rounds(3, 1000, most=2)), [3, 4])


@unittest.skipIf(MISSING, f"needs {', '.join(MISSING)}: pip install wengert[all]")
@unittest.skipUnless(sys.platform.startswith("linux"), "needs Linux")
class TrialTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o711)  # as /tmp: another user, who is played, comes through

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.torture", *arguments]
        program = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.addCleanup(program.wait)
        self.addCleanup(self.end, program.pid)
        return program

    def end(self, session: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(session, signal.SIGKILL)

    def test_the_short_form_passes_and_leaves_nothing(self) -> None:
        program = self.start(*THEMES, "--short")
        said, _ = program.communicate(timeout=400)
        self.assertEqual(program.returncode, 0, said)
        self.assertRegex(said, r"[\d,]+ tried, 0 failed, in \d+ s\n$")
        self.assertEqual(os.listdir(self.folder), [], said)

    def test_a_trial_that_is_ended_leaves_nothing(self) -> None:
        program = self.start("kills", "--minutes", "5")
        until = time.monotonic() + 60
        while not list(self.folder.glob("wengert-torture-*/killed")) and time.monotonic() < until:
            time.sleep(0.05)
        program.terminate()
        said, _ = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 128 + signal.SIGTERM, said)
        self.assertEqual(os.listdir(self.folder), [], said)

    def test_an_unknown_theme(self) -> None:
        program = self.start("floods")
        said, _ = program.communicate(timeout=60)
        self.assertEqual(program.returncode, 2)
        self.assertIn("there is no theme 'floods'; there are kills, damage", said)


if __name__ == "__main__":
    unittest.main()
