"""Files in a folder that other users may write to: no link of theirs is followed, and no pipe is waited for.

Who may write to a folder can exchange the data in it. But they cannot make this user write to another file by a link
that lies under a name which is known beforehand, nor hang the program.
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
    """Open the descriptor of a file that lies in this very place, whoever it belongs to.

    Raises
    ------
    OSError
        If it is a link, or no file; the note says what to do.
    """
    try:
        handle = os.open(path, flags | NO_LINK | WITHOUT_WAITING, 0o666)
    except OSError as error:
        if os.path.islink(path):
            error.add_note(f"{path} is a link, which is not followed here: remove it")
        raise
    return _checked(handle, path)


def open_file(path: Path) -> BufferedReader:
    """Open a file to read it; a link to one is one."""
    return os.fdopen(_checked(os.open(path, os.O_RDONLY | WITHOUT_WAITING), path), "rb")


def open_own_file(path: Path) -> BufferedWriter:
    """Open a file to append to it, or make it: this user's, which has no other name."""
    handle = open_here(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if not _is_own(os.fstat(handle)):
        os.close(handle)
        raise PermissionError(f"{path} belongs to another user, or is a file of yours with another name: remove it")
    return os.fdopen(handle, "ab")


def remove_foreign(path: Path) -> None:
    """Remove what lies under a name of ours unless it is a file of this user: a link, a pipe, what others began."""
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
