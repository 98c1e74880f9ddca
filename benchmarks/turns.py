"""Libraries in separate processes, measured alternately, so that threads and garbage of one do not affect another."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "TRACEBACKS", "Contestant", "Failed"]

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# XLA and tinygrad count the processors themselves, unless these say how many there are.
PROCESSORS = ("NPROC", "NUM_CPU_THREADS")
TRACEBACKS = "BENCHMARKS_TRACEBACK"  # set it to see what goes wrong in a process
TO_END = 20.0  # seconds that a process has to end by itself
TO_IMPORT = 90.0  # and to import its library, at least


class Failed(RuntimeError):
    """A contestant cannot run a workload: the reason, in one line."""


class Contestant:
    """A process that has made one step of work, and does and times it when asked.

    `module` has a function `make(work)` that returns the step: a function of no arguments, which does
    the work once and returns what it computed, finished: a number, arrays, or tuples of them. It may
    have a function `prepare(work)` too, which imports the library: this is no part of the times, nor
    of the memory. What the process does within `limit` seconds counts, each answer by itself; a process
    that takes longer is ended. Where the step is made `later`, `make` is to be called: libraries may be imported
    at the same time, while nothing is measured.

    Attributes
    ----------
    making, first : float
        The seconds that `make` took, and the first call of the step.
    loss : float
        The first number that the first call returned.
    numbers : list
        What the first `checks` calls returned, each digested by `benchmarks.numbers`.
    """

    making: float
    first: float
    loss: float
    numbers: list[Any]
    first_memory: float

    def __init__(
        self,
        name: str,
        module: str,
        work: str,
        threads: int,
        *,
        checks: int = 1,
        limit: float | None = None,
        environment: Mapping[str, str] | None = None,
        later: bool = False,
    ) -> None:
        self.name, self.module, self.limit = name, module, limit
        given = dict.fromkeys((*THREADS, *PROCESSORS), str(threads))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get(TRACEBACKS) else subprocess.DEVNULL,  # compilers print
            text=True,
            cwd=ROOT,
            env={**os.environ, **given, **(environment or {})},
            start_new_session=True,  # its children are ended with it
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.ready = False
        self._tell({"prepare": [module, work]})
        if not later:
            try:
                self.make(work, checks)
            except Failed:
                self.close()
                raise

    def prepare(self) -> None:
        """Wait until the library is imported."""
        if not self.ready:
            self._answer(None if self.limit is None else max(self.limit, TO_IMPORT), " to be imported")
            self.ready = True

    def make(self, work: str, checks: int = 1) -> None:
        """Make the step of another work, in the same process; the one before is let go."""
        self.prepare()
        made = self._ask({"make": [self.module, work], "checks": checks}, " for the first calls")
        self.making, self.first, self.first_memory = made["making"], made["first"], made["memory"]
        self.numbers, self.loss = made["numbers"], made["loss"]

    def run(self, times: int, batch: int = 1) -> list[float]:
        """Do the work `times` times `batch` times; return the seconds of one, for each of the `times`."""
        return list(self._ask({"run": times, "batch": batch})["seconds"])

    def value(self) -> float:
        """Do the work once; return the number that it returned."""
        return float(self._ask({"run": 1, "batch": 1})["loss"])

    def memory(self) -> float:
        """The most memory resident during the latest `run`, in MB, over that before any work was made."""
        return float(self._ask({"run": 0, "batch": 1})["memory"])

    def peak(self) -> float:
        """The most memory that the process has had resident, in MB."""
        return float(self._ask({"run": 0, "batch": 1})["peak"])

    def close(self) -> None:
        """End the process and its children."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(TO_END)
        except subprocess.TimeoutExpired:
            self._kill()
        self.process.stdout.close()

    def _kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait(TO_END)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError, OSError):  # closed meanwhile
            for line in self.process.stdout:
                self.lines.put(line)
        self.lines.put("")

    def _ask(self, request: dict[str, Any], what: str = "") -> dict[str, Any]:
        self._tell(request)
        return self._answer(self.limit, what)

    def _tell(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: reading its answer reports that
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def _answer(self, limit: float | None, what: str) -> dict[str, Any]:
        try:
            line = self.lines.get(timeout=limit)
        except queue.Empty:
            self._kill()
            raise Failed(f"more than {limit:.0f} s{what}") from None
        if not line:
            self.lines.put("")  # for later requests
            raise Failed(f"its process ended with {self.process.wait(TO_END)}")
        answer = dict(json.loads(line))
        if "failure" in answer:
            raise Failed(str(answer["failure"]))
        return answer
