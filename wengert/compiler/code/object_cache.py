"""Machine code on disk: what one process has compiled, the next one loads.

Any number of processes may read and write at the same time: a file appears whole, by being renamed, and is known by
the hash of all that it was made of. One that was cut off or changed has another checksum, and is made anew. Where
nothing can be written, nothing is kept.

What is loaded is run. So files are read and written only in a folder that this user alone can write to, and only if
they are this user's alone themselves (see `private_folder`); where others could have put them there, nothing is kept,
and a warning says why. The checksum is no part of that: it finds damage (a full disk, a cut, a file under another's
name), but anybody can compute it. There is nothing else in a file that is believed: it is the checksum, then the code,
to its end; no more of it is read than `LIMIT`, and nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

from wengert.compiler.code.private_folder import Folder, UnsafeFolder, is_private, opened

__all__ = ["folder", "key_of", "load", "store"]

LIMIT = 256 << 20  # bytes of all files; beyond it, those that were used longest ago go
ABANDONED = 3600  # seconds after which an unfinished file is nobody's
CHECKSUM = 32  # bytes, at the beginning of each file
ENDING = ".code"
# Names of ours: nothing else is touched, whatever lies in the folder.
FINISHED = re.compile(r"[0-9a-f]{40}\.code")
UNFINISHED = re.compile(r"[0-9a-f]{40}\.[0-9a-f]{16}\.part")
warned: set[str] = set()  # folders


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
    try:
        with opened(place) as found:
            return read(found, key)
    except UnsafeFolder as unsafe:
        warn(place, str(unsafe))
    except OSError:
        pass
    return None


def read(place: Folder, key: str) -> bytes | None:
    """The code in the file of a key, if that is this user's and whole."""
    handle = place.open(key + ENDING, os.O_RDONLY)
    try:
        status = os.fstat(handle)
        if not is_private(status) or not CHECKSUM < status.st_size <= LIMIT:
            return None
        with open(handle, "rb", closefd=False) as file:
            content = file.read(status.st_size + 1)
        if len(content) != status.st_size or content[:CHECKSUM] != checksum_of(key, content[CHECKSUM:]):
            return None
        with suppress(OSError):  # it was used just now
            os.utime(handle if os.utime in os.supports_fd else place.at(key + ENDING))
        return content[CHECKSUM:]
    finally:
        os.close(handle)


def store(key: str, data: bytes) -> None:
    """Keep code for other processes, if that is possible."""
    place = folder()
    if place is None or CHECKSUM + len(data) > LIMIT:
        return
    try:
        with opened(place, make=True) as found:
            write(found, key, data)
            trim(found)
    except UnsafeFolder as unsafe:
        warn(place, str(unsafe))
    except OSError:
        pass  # a full disk, a folder that cannot be written to, a file that another process has open (Windows)


def write(place: Folder, key: str, data: bytes) -> None:
    """Write the file of a key; it is there when it is whole."""
    unfinished = f"{key}.{secrets.token_hex(8)}.part"
    handle = place.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with open(handle, "wb") as file:
            file.write(checksum_of(key, data) + data)
        place.replace(unfinished, key + ENDING)
    except BaseException:
        with suppress(OSError):
            place.unlink(unfinished)
        raise


def warn(place: Path, why: str) -> None:
    """Say once why nothing is kept in a folder."""
    if str(place) in warned:
        return
    warned.add(str(place))
    warnings.warn(
        f"compiled code is not kept in {place}, where other users could put code of theirs for you to run: {why}. "
        "Or name a folder that is yours alone by the environment variable WENGERT_CACHE; where that is empty, nothing "
        "is kept, and nothing is said.",
        RuntimeWarning,
        stacklevel=2,
    )


def checksum_of(key: str, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=CHECKSUM, key=key.encode()).digest()


def trim(place: Folder) -> None:
    """Remove what was used longest ago, until the rest is small enough."""
    files = []
    for name in place.names():
        finished = FINISHED.fullmatch(name) is not None
        if not finished and not UNFINISHED.fullmatch(name):
            continue
        with suppress(OSError):  # (another process may have removed it)
            status = place.status(name)
            if not is_private(status):
                continue
            if finished:
                files.append((status.st_mtime, status.st_size, name))
            elif time.time() - status.st_mtime > ABANDONED:
                place.unlink(name)
    size = sum(each for _, each, _ in files)
    for _, each, name in sorted(files):
        if size <= LIMIT:
            break
        with suppress(OSError):
            place.unlink(name)
        size -= each
