"""Libraries in processes of their own, measured in turns: no one's threads or garbage meet another's."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

__all__ = ["Contestant"]

ROOT = Path(__file__).resolve().parent.parent


class Contestant:
    """A process that has made one step of work, and does and times it when asked.

    `module` has a function `make(work)` that returns the step: a function of no arguments, which does
    the work once and returns a number (the loss) to compare.
    """

    def __init__(self, name: str, module: str, work: str, threads: int) -> None:
        self.name = name
        environment = os.environ | {
            key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.turns", module, work],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        made = self._answer()
        self.making, self.first, self.loss = made["making"], made["first"], made["loss"]

    def run(self, times: int) -> list[float]:
        """Do the work so many times; return the seconds of each."""
        return list(self._ask(times)["seconds"])

    def peak(self) -> float:
        """The most memory it has had resident, in MB."""
        return float(self._ask(0)["peak"])

    def last_loss(self) -> float:
        """What the latest step returned."""
        return float(self._ask(0)["loss"])

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def _ask(self, times: int) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{times}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name} ended with {self.process.wait()}; see its error above")
        return dict(json.loads(line))


def serve(module: str, work: str) -> None:
    """Make the step, do it once, and then as often as each line of the input says."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    start = perf_counter()
    step = importlib.import_module(module).make(work)
    made = perf_counter()
    loss = float(step())
    answer: dict[str, Any] = {"making": made - start, "first": perf_counter() - made, "loss": loss}
    print(json.dumps(answer), file=answers, flush=True)
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = perf_counter()
            loss = float(step())
            seconds.append(perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
        print(json.dumps({"seconds": seconds, "loss": loss, "peak": peak}), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
