"""Machine code on disk: what one process has compiled, the next one loads.

Any number of processes may read and write at the same time: a file appears whole, by being renamed, and is known by
the hash of all that it was made of. One that was cut off or changed has another checksum, and is made anew. Where
nothing can be written, nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["folder", "key_of", "load", "store"]

LIMIT = 256 << 20  # bytes of all files; beyond it, those that were used longest ago go
ABANDONED = 3600  # seconds after which an unfinished file is nobody's
CHECKSUM = 32  # bytes, at the beginning of each file
ENDING = ".code"


def folder() -> Path | None:
    """Return the folder of compiled code: ``WENGERT_CACHE``, or the system's place for caches; None for none.

    That is ``~/.cache/wengert/compiled`` (or in ``XDG_CACHE_HOME``), ``~/Library/Caches/wengert/compiled`` on macOS,
    and ``%LOCALAPPDATA%\\wengert\\compiled`` on Windows. With an empty ``WENGERT_CACHE`` nothing is kept.

    Examples
    --------
    >>> before = os.environ.get("WENGERT_CACHE")
    >>> os.environ["WENGERT_CACHE"] = "code"
    >>> str(folder())
    'code'
    >>> _ = os.environ.pop("WENGERT_CACHE") if before is None else os.environ.update(WENGERT_CACHE=before)
    """
    chosen = os.environ.get("WENGERT_CACHE")
    if chosen is not None:
        return Path(os.path.expanduser(chosen)) if chosen else None
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        root = "~/Library/Caches"
    else:
        root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    found = Path(os.path.expanduser(root))
    return found / "wengert" / "compiled" if found.is_absolute() else None  # (there may be no home)


def key_of(*parts: str) -> str:
    """The name of what was made of these parts, and of nothing else."""
    found = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode()
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


def load(key: str) -> bytes | None:
    """The code of a key; None if there is none, or none that is whole."""
    place = folder()
    if place is None:
        return None
    path = place / (key + ENDING)
    try:
        with open(path, "rb") as file:
            if not is_ours(os.fstat(file.fileno())):
                return None
            checksum, data = file.read(CHECKSUM), file.read()
    except OSError:
        return None
    if not data or checksum != checksum_of(key, data):
        return None
    with suppress(OSError):  # it was used just now
        os.utime(path)
    return data


def store(key: str, data: bytes) -> None:
    """Keep code for other processes, if that is possible."""
    place = folder()
    if place is None:
        return
    unfinished = None
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(suffix=".part", dir=place)
        with open(handle, "wb") as file:
            file.write(checksum_of(key, data) + data)
        os.replace(unfinished, place / (key + ENDING))
        trim(place)
    except OSError:  # a full disk, a folder that is not ours, a file that another process has open (Windows)
        if unfinished is not None:
            with suppress(OSError):
                os.unlink(unfinished)


def checksum_of(key: str, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=CHECKSUM, key=key.encode()).digest()


def is_ours(status: os.stat_result) -> bool:
    """Whether code was written by this user, and by nobody else: it is going to be run."""
    if sys.platform == "win32":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def trim(place: Path) -> None:
    """Remove what was used longest ago, until the rest is small enough."""
    files = []
    with os.scandir(place) as entries:
        for entry in entries:
            with suppress(OSError):  # (another process may have removed it)
                status = entry.stat()
                if entry.name.endswith(ENDING):
                    files.append((status.st_mtime, status.st_size, entry.path))
                elif entry.name.endswith(".part") and time.time() - status.st_mtime > ABANDONED:
                    os.unlink(entry.path)
    size = sum(each for _, each, _ in files)
    for _, each, path in sorted(files):
        if size <= LIMIT:
            break
        with suppress(OSError):
            os.unlink(path)
        size -= each
