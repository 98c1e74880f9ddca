"""Ctrl-C at random moments: it comes out once and promptly, and nothing is left behind."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from wengert.datasets import DataLoader, Dataset

__all__ = ["interrupt_loaders", "processes_of"]

ROOT = Path(__file__).resolve().parent.parent.parent
# How batches are made in a round; short epochs, so that starts and ends of workers are hit too.
LOADERS: tuple[dict[str, Any], ...] = (
    {"workers": 2},
    {"workers": 1, "prefetch": 8},
    {"threads": 3},
    {"threads": 1, "prefetch": 100},
)
PATIENCE = 20.0  # seconds until a Ctrl-C counts as swallowed


class Slowly(Dataset):
    """Examples that take a while, of a size that goes through shared memory in batches of 8."""

    def __len__(self) -> int:
        return 48

    def example(self, index: int) -> Any:
        import numpy as np

        time.sleep(0.0005)
        return np.full((64, 64), index, np.float32), index


def interrupt_loaders(rounds: int, seed: int = 0) -> Counter[str]:
    """Interrupt programs that iterate over a `DataLoader`, each at a random moment; count what went wrong.

    In half of the rounds the signal goes to all processes of the program, as from a terminal; else to it alone.

    Returns
    -------
    Counter
        "rounds"; "swallowed": no KeyboardInterrupt came out in time; "noisy": something was printed, a second
        interrupt among others; "left": rounds with threads, children, zombies or other processes left behind.
    """
    draw = random.Random(seed)
    counts = Counter({"rounds": 0, "swallowed": 0, "noisy": 0, "left": 0})
    for number in range(rounds):
        counts["rounds"] += 1
        counts.update(
            interrupted_program(number % len(LOADERS), draw.uniform(0, 1.5), to_all=number // len(LOADERS) % 2 == 0)
        )
    return counts


def interrupted_program(kind: int, delay: float, to_all: bool) -> list[str]:
    """Run one program, interrupt it after a delay, and name what went wrong."""
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.interrupts", str(kind)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=ROOT,
    )
    assert program.stdout is not None
    trouble = []
    try:
        assert program.stdout.readline() == "ready\n"
        time.sleep(delay)
        (os.killpg if to_all else os.kill)(program.pid, signal.SIGINT)
        try:
            output, errors = program.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            trouble.append("swallowed")
        else:
            if "interrupted\n" not in output:
                trouble.append("swallowed")
            if errors or program.returncode:
                trouble.append("noisy")
                print(f"loader {LOADERS[kind]}, after {delay:.4f} s:\n{errors}")
            if "nothing left\n" not in output or not ends(program.pid):
                trouble.append("left")
                print(f"loader {LOADERS[kind]}, after {delay:.4f} s:\n{output}{processes_of(program.pid)}")
    finally:
        for pid in processes_of(program.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        program.kill()
        program.communicate()
    return trouble


def ends(session: int) -> bool:
    """Whether all processes of a session end in time."""
    deadline = time.monotonic() + PATIENCE
    while processes_of(session):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_of(session: int) -> list[int]:
    """Return the processes of a session that have not ended."""
    return [pid for pid, state, _, its in processes() if its == session and state != "Z"]


def processes() -> list[tuple[int, str, int, int]]:
    """Return the number, state, parent and session of every process, as /proc has them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, _, session = stat.read_text().rpartition(")")[2].split()[:4]
            found.append((int(stat.parent.name), state, int(parent), int(session)))
    return found


def program(kind: int) -> None:
    """Iterate until interrupted; then say whether anything is left."""
    import multiprocessing
    import threading

    signal.signal(signal.SIGINT, signal.default_int_handler)  # where a shell's background has it ignored
    loader = DataLoader(Slowly(), 8, **LOADERS[kind])
    print("ready", flush=True)
    try:
        while True:
            for _ in loader:
                pass
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    zombies = [pid for pid, state, parent, _ in processes() if state == "Z" and parent == os.getpid()]
    left = [*multiprocessing.active_children(), *threading.enumerate()[1:], *zombies]
    print(left or "nothing left", flush=True)


if __name__ == "__main__":
    program(int(sys.argv[1]))
