"""The process of a contestant: requests and answers are lines of JSON."""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from benchmarks import resident
from benchmarks.numbers import digest, number
from benchmarks.turns import TRACEBACKS

__all__ = ["Server"]

LONGEST = 160  # letters of a reason


class Server:
    """Makes and times one step at a time, on request."""

    def __init__(self) -> None:
        self.step: Callable[[], Any] | None = None
        self.result: Any = None
        self.before: float | None = None

    def prepare(self, module: str, work: str) -> dict[str, Any]:
        """Import the library; what is resident then is no part of the work's memory."""
        maker = importlib.import_module(module)
        if hasattr(maker, "prepare"):
            maker.prepare(work)
        self.before = resident.now()
        return {}

    def make(self, module: str, work: str, checks: int) -> dict[str, Any]:
        """Make a step, call it, and as often again as is wanted to compare what it computes."""
        self.step = self.result = None
        gc.collect()
        maker = importlib.import_module(module)
        assert self.before is not None
        resident.forget()
        start = perf_counter()
        self.step = maker.make(work)
        made = perf_counter()
        self.result = self.step()
        end = perf_counter()
        memory = resident.most() - self.before
        numbers = [digest(self.result)]
        first = number(self.result)
        for _ in range(checks - 1):
            self.result = self.step()
            numbers.append(digest(self.result))
        times = {"making": made - start, "first": end - made}
        return times | {"loss": first, "numbers": numbers, "memory": memory}

    def run(self, times: int, batch: int) -> dict[str, Any]:
        """Time the step; the most memory is that of these calls."""
        step = self.step
        assert step is not None and self.before is not None
        if times:
            gc.collect()  # earlier garbage must not count in the timing
            resident.forget()
        seconds = []
        for _ in range(times):
            start = perf_counter()
            for _ in range(batch):
                self.result = step()
            seconds.append((perf_counter() - start) / batch)
        memory = resident.most() - self.before
        return {"seconds": seconds, "loss": number(self.result), "memory": memory, "peak": resident.peak()}

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Handle a request; a failure is an answer too."""
        try:
            if "prepare" in request:
                module, work = request["prepare"]
                return self.prepare(module, work)
            if "make" in request:
                module, work = request["make"]
                return self.make(module, work, request["checks"])
            return self.run(request["run"], request["batch"])
        except Exception as error:  # noqa: BLE001  (a library may fail in any way)
            if os.environ.get(TRACEBACKS):
                import traceback

                traceback.print_exc()
            return {"failure": reason(error)}


def reason(error: BaseException) -> str:
    """Describe an exception in one line."""
    text = " ".join(str(error).split())
    if not isinstance(error, NotImplementedError):  # (those that the benchmarks raise speak for themselves)
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # keep the output of libraries out of the answers
    server = Server()
    for line in sys.stdin:
        print(json.dumps(server.answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
