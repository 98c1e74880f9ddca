"""File locks between processes, which the operating system releases when the holder dies."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from wengert.datasets.shared_folder import open_here

__all__ = ["only_one"]

PAUSE = 0.05  # seconds between two attempts

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a file lock for a block; wait while another process or thread holds it."""
    file = _locked(path)
    try:
        yield
    finally:
        # Unlinked while it is locked: waiters notice that the path is another file now. (Windows cannot unlink an open
        # file: it stays.)
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)


def _locked(path: Path) -> int:
    while True:
        file = open_here(path, os.O_RDWR | os.O_CREAT)
        try:
            _try_lock(file)
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass  # the holder has unlinked it
        except (BlockingIOError, PermissionError):
            time.sleep(PAUSE)
        except OSError:
            return file  # the file system has no locks: proceed without one
        os.close(file)
