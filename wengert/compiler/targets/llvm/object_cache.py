"""The cache of object code on disk: what one process has compiled, the next one loads.

Any number of processes may read and write concurrently: files are written atomically, by renaming, and named by the
hash of all inputs of the compiler. A truncated or damaged file has another checksum, and is replaced. Where the folder
cannot be written to, nothing is cached.

What is loaded is executed. So files are read and written only in a folder that only this user can write to, and only
if they themselves belong to this user (see `private_folder`); otherwise nothing is cached, and a warning says why. The
checksum is no protection against malice: it detects damage (a full disk, a truncated or misnamed file), but anybody
can compute it. A file is the checksum, followed by the code; at most `LIMIT` bytes are read, and nothing is unpickled.
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

from wengert.compiler.targets.llvm.private_folder import Folder, UnsafeFolder, is_private, opened

__all__ = ["folder", "key_of", "load", "store"]

LIMIT = 256 << 20  # bytes of all files; the least recently used ones are removed
ABANDONED = 3600  # seconds after which an unfinished file is removed
CHECKSUM = 32  # bytes, at the beginning of each file
ENDING = ".code"
# Our file names: other files in the folder are not touched.
FINISHED = re.compile(r"[0-9a-f]{40}\.code")
UNFINISHED = re.compile(r"[0-9a-f]{40}\.[0-9a-f]{16}\.part")
warned: set[str] = set()  # folders


def folder() -> Path | None:
    """Return the folder of compiled code: ``WENGERT_CACHE``, or the system's cache folder; None if caching is off.

    That is ``~/.cache/wengert/compiled`` (or in ``XDG_CACHE_HOME``), ``~/Library/Caches/wengert/compiled`` on macOS,
    and ``%LOCALAPPDATA%\\wengert\\compiled`` on Windows. With an empty ``WENGERT_CACHE`` nothing is cached.

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
    """A hash of strings, which are delimited."""
    found = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode()
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


def load(key: str) -> bytes | None:
    """The code of a key; None if there is none, or if it is damaged."""
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
    """The code in the file of a key, if that belongs to this user and is intact."""
    handle = place.open(key + ENDING, os.O_RDONLY)
    try:
        status = os.fstat(handle)
        if not is_private(status) or not CHECKSUM < status.st_size <= LIMIT:
            return None
        with open(handle, "rb", closefd=False) as file:
            content = file.read(status.st_size + 1)
        if len(content) != status.st_size or content[:CHECKSUM] != checksum_of(key, content[CHECKSUM:]):
            return None
        with suppress(OSError):  # (the time of last use)
            os.utime(handle if os.utime in os.supports_fd else place.at(key + ENDING))
        return content[CHECKSUM:]
    finally:
        os.close(handle)


def store(key: str, data: bytes) -> None:
    """Write code to the cache, if that is possible."""
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
    """Write the file of a key atomically."""
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
    """Warn once that nothing is cached in a folder."""
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
    """Remove the least recently used files until the others fit into `LIMIT`."""
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
    size = sum(nbytes for _, nbytes, _ in files)
    for _, nbytes, name in sorted(files):
        if size <= LIMIT:
            break
        with suppress(OSError):
            place.unlink(name)
        size -= nbytes
