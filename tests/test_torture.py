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

from tests.torture.interrupts import ends, processes_of
from tests.torture.outcome import Tally, rounds

ROOT = Path(__file__).resolve().parent.parent
# (Misuse is sampled by `test_misuse`.)
THEMES = ["kills", "damage", "full_disk", "forks", "memory", "cache", "threads", "interrupts"]
MISSING = [name for name in ("llvmlite", "safetensors", "scipy") if importlib.util.find_spec(name) is None]


def described(pid: int) -> str:
    """A process, as /proc tells of it: its number, what it runs, its state and what it waits for."""
    told = [str(pid)]
    for name in ("cmdline", "stat", "wchan", "syscall"):
        with contextlib.suppress(OSError):
            told.append(Path("/proc", str(pid), name).read_text().replace("\0", " ")[:200])
    return "  ".join(told)


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

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the trial. (It writes to a file: of a pipe, the end comes when the last process that holds it ends.)"""
        self.printed = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed below)
        self.addCleanup(self.printed.close)
        program = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.torture", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.folder)},
            stdout=self.printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.addCleanup(program.wait)
        self.addCleanup(self.end, program.pid)
        return program

    def said(self, program: subprocess.Popen[bytes], seconds: float) -> str:
        """What the trial has printed when it ends; where it is, and its processes, if it does not end in time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(seconds)
        if program.poll() is None:
            running = "\n".join(map(described, processes_of(program.pid)))
            program.send_signal(signal.SIGABRT)  # faulthandler writes where each thread is
            program.wait(10)
            self.printed.seek(0)
            self.fail(f"the trial has not ended after {seconds:g} seconds\n{self.printed.read()}\n{running}")
        self.printed.seek(0)
        return self.printed.read()

    def end(self, session: int) -> None:
        for pid in processes_of(session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def test_the_short_form_passes_and_leaves_nothing(self) -> None:
        program = self.start(*THEMES, "--short")
        said = self.said(program, 300)
        self.assertEqual(program.returncode, 0, said)
        self.assertRegex(said, r"[\d,]+ tried, 0 failed, in \d+ s\n$")
        self.assertEqual(os.listdir(self.folder), [], said)
        self.assertTrue(ends(program.pid), [described(pid) for pid in processes_of(program.pid)])

    def test_a_trial_that_is_ended_leaves_nothing(self) -> None:
        program = self.start("kills", "--minutes", "5")
        until = time.monotonic() + 60
        while not list(self.folder.glob("wengert-torture-*/killed")) and time.monotonic() < until:
            time.sleep(0.05)
        program.terminate()
        said = self.said(program, 60)
        self.assertEqual(program.returncode, 128 + signal.SIGTERM, said)
        self.assertEqual(os.listdir(self.folder), [], said)

    def test_an_unknown_theme(self) -> None:
        program = self.start("floods")
        said = self.said(program, 60)
        self.assertEqual(program.returncode, 2)
        self.assertIn("there is no theme 'floods'; there are kills, damage", said)


if __name__ == "__main__":
    unittest.main()
