"""All tests, on all cores: ``python -W error -m tests``. Only some modules: ``python -m tests test_shape test_audit``.

``python -m unittest discover tests/`` runs the same tests one after the other. Here each process takes the next module
as soon as it has finished one. What failed is printed at once, and the last lines are those of unittest.
``--durations`` lists the modules that took longest.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
# Those that take longest begin first, so that none of them is alone at the end.
LONGEST = ["test_singular_sets", "test_derivatives", "test_writing_random", "test_torture", "test_singular_arguments"]
LONGEST += ["test_tails", "test_writing_programs", "test_examples", "test_compile_checkpoint", "test_compile_programs"]


class Outcome(NamedTuple):
    """What one module's tests gave."""

    module: str
    run: int = 0
    skipped: int = 0
    failures: int = 0
    errors: int = 0
    expected_failures: int = 0
    unexpected_successes: int = 0
    text: str = ""  # of what failed
    seconds: float = 0.0


def modules(names: list[str], folder: Path = HERE) -> list[str]:
    """The modules to run, longest first."""
    found = names or sorted(path.stem for path in folder.glob("test_*.py"))
    return sorted(found, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))


def run_module(name: str, package: str) -> Outcome:
    """Run the tests of one module in this process."""
    start = time.perf_counter()
    stream = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromName(f"{package}.{name}")
    result = unittest.TextTestRunner(stream, verbosity=0).run(suite)
    return Outcome(
        name,
        result.testsRun,
        len(result.skipped),
        len(result.failures),
        len(result.errors),
        len(result.expectedFailures),
        len(result.unexpectedSuccesses),
        "" if result.wasSuccessful() else stream.getvalue(),
        time.perf_counter() - start,
    )


def work(package: str) -> None:
    """Run the modules that are named on standard input, and answer with a line for each."""
    # What tests print, also the processes that they start, goes to the standard error stream.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            print(json.dumps(run_module(line.strip(), package)), file=answers, flush=True)


def outcomes_of(waiting: Iterator[str], package: str, report: Any) -> None:
    """Have one process run modules until none is waiting."""
    command = [sys.executable, *(f"-W{option}" for option in sys.warnoptions), "-m", "tests", "--worker", package]
    process: subprocess.Popen[str] | None = None
    try:
        for name in waiting:
            if process is None:
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(name + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if answer:
                report(Outcome(*json.loads(answer)))
            else:  # the process has ended within this module
                report(Outcome(name, errors=1, text=f"ERROR: {name}: its process ended with {process.wait()}\n"))
                process = None
    finally:
        if process is not None:
            process.communicate()  # (the end of its input ends it)


class Modules:
    """Modules that wait, handed to one process at a time."""

    def __init__(self, names: list[str]) -> None:
        self.names = iter(names)
        self.lock = threading.Lock()

    def __iter__(self) -> Modules:
        return self

    def __next__(self) -> str:
        with self.lock:
            return next(self.names)


def summary(outcomes: list[Outcome], seconds: float) -> str:
    """The closing lines, as unittest writes them."""
    totals = {name: sum(getattr(o, name) for o in outcomes) for name in Outcome._fields[1:-2]}
    failed = any(totals[name] for name in ("failures", "errors", "unexpected_successes"))
    counts = ", ".join(
        f"{name.replace('_', ' ')}={totals[name]}"
        for name in ("failures", "errors", "skipped", "expected_failures", "unexpected_successes")
        if totals[name]
    )
    ran = f"Ran {totals['run']} test{'' if totals['run'] == 1 else 's'} in {seconds:.3f}s"
    return f"{'-' * 70}\n{ran}\n\n{'FAILED' if failed else 'OK'}{f' ({counts})' if counts else ''}"


def main(arguments: list[str], processes: int, package: str = "tests", folder: Path = HERE) -> int:
    """Run all modules, or those that are named; return the exit status."""
    start = time.perf_counter()
    outcomes: list[Outcome] = []
    lock = threading.Lock()

    def report(outcome: Outcome) -> None:
        with lock:
            outcomes.append(outcome)
            if outcome.text:
                print(outcome.text, file=sys.stderr, flush=True)
            if sys.stderr.isatty():
                print(f"{outcome.seconds:7.1f} s  {outcome.module}", file=sys.stderr, flush=True)

    waiting = Modules(modules(arguments, folder))
    threads = [threading.Thread(target=outcomes_of, args=(waiting, package, report)) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if "--durations" in sys.argv:
        for outcome in sorted(outcomes, key=lambda o: -o.seconds)[:30]:
            print(f"{outcome.seconds:7.1f} s  {outcome.module}", file=sys.stderr)
    print(summary(outcomes, time.perf_counter() - start), file=sys.stderr, flush=True)
    return int(any(o.text for o in outcomes) or not outcomes)


if __name__ == "__main__":
    if "--worker" in sys.argv:
        work(sys.argv[-1])
    else:
        sys.exit(main([name for name in sys.argv[1:] if not name.startswith("-")], os.cpu_count() or 1))
