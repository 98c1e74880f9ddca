"""Files in a folder that other users can write to: their links are not followed, and pipes are not waited for.

Anyone who can write to a folder can replace the data in it. But they cannot make this user write to another file
through a link with a predictable name, nor hang the program.
"""

import contextlib
import os
import stat
from io import BufferedReader, BufferedWriter
from pathlib import Path

__all__ = ["open_file", "open_here", "open_own_file", "remove_foreign"]

WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def open_here(path: Path, flags: int) -> int:
    """Open a regular file without following links, whoever owns it.

    Raises
    ------
    OSError
        If it is a link, or not a file; a note says what to do.
    """
    try:
        handle = os.open(path, flags | NO_LINK | WITHOUT_WAITING, 0o666)
    except OSError as error:
        if os.path.islink(path):
            error.add_note(f"{path} is a link, which is not followed here: remove it")
        raise
    return _checked(handle, path)


def open_file(path: Path) -> BufferedReader:
    """Open a file for reading; links are followed."""
    return os.fdopen(_checked(os.open(path, os.O_RDONLY | WITHOUT_WAITING), path), "rb")


def open_own_file(path: Path) -> BufferedWriter:
    """Open or create a file for appending, which must belong to this user and have no other hard link."""
    handle = open_here(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if not _is_own(os.fstat(handle)):
        os.close(handle)
        raise PermissionError(f"{path} belongs to another user, or has another hard link: remove it")
    return os.fdopen(handle, "ab")


def remove_foreign(path: Path) -> None:
    """Remove the file at a path unless it is a regular file of this user: a link, a pipe, a file of another user."""
    with contextlib.suppress(FileNotFoundError):
        if not _is_own(os.lstat(path)):
            path.unlink()


def _checked(handle: int, path: Path) -> int:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is not a file: remove it")
    return handle


def _is_own(status: os.stat_result) -> bool:
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        return False
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
