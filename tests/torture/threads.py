"""Many threads that compile the first functions of a process at once, in any number of processes.

A race of this kind ends in a crash of the process, in some of them only: so each attempt is a process of its own.
"""

import collections
import os
import subprocess
import sys
import tempfile

__all__ = ["first_functions_of_processes"]

THREADS = 8
CALLS = 1000
TIMEOUT = 300  # seconds for a process; one that takes longer hangs

CHILD = """
import sys, threading
import numpy as np
import wengert

threads, calls = map(int, sys.argv[1:])
barrier = threading.Barrier(threads)
failures = []

def work(index):
    try:
        k = np.arange(4.0) + index
        f = wengert.compile(lambda a: np.sum(a * k))
        a = np.ones(4)
        barrier.wait()
        for i in range(calls):
            a[0] = i
            found, wanted = float(f(a)), float(np.sum(a * k))
            if found != wanted:
                raise AssertionError(f"call {i} gave {found} in place of {wanted}")
        if f.given_up is not None:
            raise AssertionError(f.given_up)
    except BaseException as error:
        failures.append(f"{type(error).__name__}: {error}")
        barrier.abort()

workers = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(*failures, sep="\\n", file=sys.stderr)
sys.exit(1 if failures else 0)
"""


def first_functions_of_processes(
    processes: int, threads: int = THREADS, calls: int = CALLS, at_once: int = 2
) -> collections.Counter[str]:
    """Run so many processes, in which threads compile the first functions at once and call them.

    Parameters
    ----------
    processes : int
    threads, calls : int
        Of each process, and of each thread.
    at_once : int
        How many processes run at the same time.

    Returns
    -------
    collections.Counter
        How many processes ended how: ``"right"``, ``"signal 11"``, ``"hang"``, or the first line of what failed.

    Examples
    --------
    >>> first_functions_of_processes(1, threads=2, calls=10)
    Counter({'right': 1})
    """
    found: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {"WENGERT_CACHE": cache}
        for first in range(0, processes, at_once):
            running = [
                subprocess.Popen(
                    [sys.executable, "-c", CHILD, str(threads), str(calls)],
                    env=environment,
                    stderr=subprocess.PIPE,
                    text=True,
                )
                for _ in range(min(at_once, processes - first))
            ]
            found.update(outcome(process) for process in running)
    return found


def outcome(process: subprocess.Popen[str]) -> str:
    """How a process ended."""
    try:
        _, said = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "hang"
    if process.returncode < 0:
        return f"signal {-process.returncode}"
    return "right" if process.returncode == 0 else (said.strip().splitlines() or [f"exit {process.returncode}"])[0]
