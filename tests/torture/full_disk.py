"""A disk that is full while something is saved: the old file stays whole, nothing is left beside it, an error says so.

The disk is a small one in memory, mounted where the system lets a process have mounts of its own, which go with it. A
limit on the size of files, and errors at each single call that a save makes, need no such right.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.torture.children import ChildError, in_child
from tests.torture.outcome import Outcome, Tally, rounds
from tests.torture.training_run import Choices, digest, make
from wengert.layers import weights
from wengert.layers.weights import save_weights
from wengert.training import load_run, save_history, save_run

__all__ = ["run"]

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000  # of unshare(2)
TRIES = 30
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def run(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Save to full disks, in children."""
    share = 0 if short else seconds / 4
    place = folder / "disk"
    place.mkdir()
    try:
        in_child(mount_small_disk, str(place))
        refusal = ""
    except ChildError as error:
        refusal = f"not tried: no small disk may be mounted here ({error})"
    for name, function, needs_disk in (
        ("a full disk: checkpoint, weights, history", saved_to_full_disk, True),
        ("a full disk: compiling, with the cache on it", compiled_on_full_disk, True),
        ("files that may not grow: checkpoint, weights, history", saved_below_a_limit, False),
        ("an error of the disk at each call of a save", saved_with_errors, False),
    ):
        tally = Tally(name)
        if needs_disk and refusal:
            tally.note = refusal
        else:
            for number in rounds(seed, share):
                tally.attempt(number, in_child, function, number, str(place))
        yield tally.outcome()
    for left in place.iterdir():
        left.unlink()
    place.rmdir()


def mount_small_disk(place: str, size: int = 1 << 20) -> None:
    """In a child: mount a disk in memory, which this process alone sees."""
    if not sys.platform.startswith("linux"):
        raise OSError("only Linux has mounts of a process")
    library = ctypes.CDLL(None, use_errno=True)
    spaces = NEW_MOUNTS if os.geteuid() == 0 else NEW_MOUNTS | NEW_USER
    private = 1 << 18 | 1 << 14  # MS_PRIVATE, MS_REC: invisible to other processes
    calls = (
        lambda: library.unshare(spaces),
        lambda: library.mount(b"none", b"/", None, private, None),
        lambda: library.mount(b"none", os.fsencode(place), b"tmpfs", 0, f"size={size},mode=700".encode()),
    )
    for call in calls:
        if call() != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def savers(place: str, seed: int) -> list[tuple[Path, Callable[[Path], Any], Callable[[Path], Any]]]:
    """What is saved: where, how, and how it is looked at."""
    wengert.seed(seed)
    trainer, train, valid = make(Choices(compiled=False, ballast=40_000))
    trainer.fit(train, valid, epochs=1)

    def loaded(path: Path) -> Any:
        other, _, _ = make(Choices(compiled=False, ballast=40_000))
        load_run(path, other)
        return digest(other)

    return [
        (Path(place, "run.safetensors"), lambda path: save_run(path, trainer), loaded),
        (Path(place, "net.safetensors"), lambda path: save_weights(trainer.model, path), Path.read_bytes),
        (Path(place, "history.csv"), lambda path: save_history(trainer.history * 50, path), Path.read_bytes),
    ]


def fill(place: str, left: int) -> Path:
    """Fill the disk but for so many bytes."""
    filling = Path(place, "filling")
    free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
    filling.write_bytes(bytes(max(free - left, 0)))
    return filling


def attempted(path: Path, save: Callable[[Path], Any]) -> bool:
    """Try to save; whether it was refused, by an error for a full disk. The old file is whole."""
    before = path.read_bytes() if path.exists() else None
    beside = sorted(os.listdir(path.parent))
    try:
        save(path)
    except OSError as error:
        if error.errno not in FULL:
            raise
    else:
        return False
    if (path.read_bytes() if path.exists() else None) != before:
        raise AssertionError(f"{path.name} is not the old one after an error")
    if sorted(os.listdir(path.parent)) != beside:
        raise AssertionError(f"an error has left {sorted(set(os.listdir(path.parent)) - set(beside))}")
    return True


def saved_to_full_disk(seed: int, place: str) -> int:
    """In a child: save with space that may or may not suffice."""
    mount_small_disk(place)
    rng = np.random.default_rng(seed)
    refused = 0
    for path, save, look in savers(place, seed):
        for number in range(TRIES):
            size = 240_000 if path.suffix == ".safetensors" else 8_000
            if number == 0 and seed % 2:
                save(path)
            filling = fill(place, int(rng.integers(size)))
            refused += attempted(path, save)
            filling.unlink()
        save(path)  # there is space again
        look(path)
        path.unlink()
    if not refused:
        raise AssertionError("the disk was never full")
    return 3 * TRIES


def saved_below_a_limit(seed: int, place: str) -> int:
    """In a child: save where a file may have so many bytes only."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    rng = np.random.default_rng(seed)
    refused = 0
    for path, save, look in savers(place, seed):
        save(path)
        size, hard = path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        for _ in range(TRIES):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(rng.integers(size)), hard))
            refused += attempted(path, save)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        save(path)
        look(path)
        path.unlink()
    if refused != 3 * TRIES:
        raise AssertionError(f"{refused} of {3 * TRIES} files were refused")
    return refused


def saved_with_errors(seed: int, place: str) -> int:
    """In a child: an error at the first call of a save to the system or a library, at the second one, and so on."""
    tried = 0
    for path, save, look in savers(place, seed):
        save(path)
        look(path)
        for number in range(200):
            left = [number]

            def failing(frame: Any, event: str, argument: Any, left: list[int] = left) -> None:
                if event == "c_call" and frame.f_code.co_filename == weights.__file__ and inside_of_replacing(frame):
                    left[0] -= 1
                    if left[0] == -1:
                        sys.setprofile(None)
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            before = path.read_bytes()
            try:
                sys.setprofile(failing)
                save(path)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            finally:
                sys.setprofile(None)
            tried += 1
            if left[0] >= 0:
                break  # it makes no more calls
            if path.suffix == ".csv" and path.read_bytes() != before:
                raise AssertionError(f"the history is another one after an error at call {number}")
            look(path)
            left_over = [name for name in os.listdir(place) if name.endswith(".part")]
            if left_over:
                raise AssertionError(f"an error at call {number} has left {left_over}")
        path.unlink()
    if tried < 30:
        raise AssertionError(f"only {tried} calls were seen")
    return tried


def inside_of_replacing(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code is weights.replace_file.__code__:
            return True
        frame = frame.f_back
    return False


def compiled_on_full_disk(seed: int, place: str) -> int:
    """In a child: compile with a full disk for the cache: results are the same, and nothing unfinished is left."""
    mount_small_disk(place)
    os.environ["WENGERT_CACHE"] = place
    rng = np.random.default_rng(seed)
    filling = fill(place, int(rng.integers(12_000)))
    for number in range(10):
        numbers = rng.normal(size=(8, 9 + number))
        compiled = wengert.compile(lambda x: np.sum(np.tanh(x) * np.exp(-x * x), axis=1) + len(x[0]))
        for _ in range(4):
            found = compiled(numbers)
        if compiled.given_up is not None or not np.allclose(
            found, np.sum(np.tanh(numbers) * np.exp(-numbers * numbers), axis=1) + len(numbers[0]), rtol=1e-9
        ):
            raise AssertionError(f"the result differs, or it was given up: {compiled.given_up}")
    kept = [name for name in os.listdir(place) if name != filling.name]
    left_over = [name for name in kept if name.endswith(".part")]
    if left_over:
        raise AssertionError(f"a full disk has left {left_over}")
    if len(kept) >= 10:
        raise AssertionError(f"the disk was not full: it has {kept}")
    return 10
