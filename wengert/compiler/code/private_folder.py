"""A folder that nobody but this user writes to, and the files in it: for what is run as code.

The demands are those that OpenSSH makes of the files it trusts. The folder is this user's, and others have no right to
write to it; each folder above it, and each symbolic link on the way, is this user's or root's, and others have no right
to write there either, unless it is sticky, as ``/tmp`` is: what is in it can be renamed and removed by its owner alone.

The way is walked from the root, one name at a time. Each folder is opened first and looked at then, and the next name
is looked up in what was opened; files are opened in the folder that was looked at. So nothing can be exchanged between
the look and the use.

Windows has neither rights of this kind nor descriptors of folders: there a folder is as safe as its access control
list. The one that is taken by default is in the user's profile, which other users cannot write to.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Folder", "UnsafeFolder", "is_private", "opened"]

HAS_OWNERS = hasattr(os, "geteuid")
HAS_DESCRIPTORS = (
    HAS_OWNERS
    and hasattr(os, "O_NOFOLLOW")
    and {os.open, os.stat, os.mkdir, os.readlink, os.unlink, os.rename} <= os.supports_dir_fd
    and {os.scandir, os.utime} <= os.supports_fd
)
DIRECTORY = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
SEARCH = getattr(os, "O_PATH", getattr(os, "O_SEARCH", os.O_RDONLY)) | DIRECTORY  # needs no right to list it
# A link is not followed, and a pipe or a device that lies there is not waited for.
CAREFULLY = sum({getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY")})
WRITABLE = stat.S_IWGRP | stat.S_IWOTH  # by others than the owner
MOST_LINKS = 40  # on the way, as Linux has it


class UnsafeFolder(Exception):
    """Others than this user could put files into a folder, or another folder into its place."""


class Folder:
    """An open folder; `handle` is its descriptor, None where there are none."""

    def __init__(self, path: str, handle: int | None) -> None:
        self.path, self.handle = path, handle

    def at(self, name: str) -> str:
        return name if self.handle is not None else os.path.join(self.path, name)

    def open(self, name: str, flags: int) -> int:
        """Open a file, or with O_CREAT | O_EXCL make one that is this user's alone."""
        return os.open(self.at(name), flags | CAREFULLY, 0o600, dir_fd=self.handle)

    def replace(self, name: str, other: str) -> None:
        """Rename a file; one that has the other name is gone."""
        os.replace(self.at(name), self.at(other), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def unlink(self, name: str) -> None:
        os.unlink(self.at(name), dir_fd=self.handle)

    def names(self) -> list[str]:
        return os.listdir(self.path if self.handle is None else self.handle)

    def status(self, name: str) -> os.stat_result:
        """What a name stands for: a link itself, not where it points to."""
        return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)


def is_private(status: os.stat_result) -> bool:
    """Whether it is a file that this user alone can have written, under this name alone."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if not HAS_OWNERS:
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & WRITABLE and status.st_nlink <= 1


@contextmanager
def opened(path: Path, make: bool = False) -> Iterator[Folder]:
    """Open a folder while a block runs; `make` it and those above it where they are missing, for this user alone.

    Raises
    ------
    UnsafeFolder
        If others could write to it, or could have put it there.
    OSError
        If it is not there, or cannot be opened.
    """
    whole = os.path.join(os.getcwd(), path)  # (not normalised: what ".." is depends on links)
    if not HAS_DESCRIPTORS:
        if make:
            os.makedirs(whole, 0o700, exist_ok=True)
        yield Folder(whole, None)
        return
    above = walked(whole, make)
    try:
        check_folder(os.fstat(above), whole, mine=True)
        handle = os.open(".", os.O_RDONLY | DIRECTORY, dir_fd=above)  # (to list it, more than to search it is needed)
    finally:
        os.close(above)
    try:
        yield Folder(whole, handle)
    finally:
        os.close(handle)


def walked(whole: str, make: bool) -> int:
    """The descriptor of a folder, all on the way to which is safe."""
    handle, where, links = os.open("/", SEARCH), "/", 0
    left = whole.split("/")[::-1]
    try:
        check_folder(os.fstat(handle), where)
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            found = os.path.normpath(os.path.join(where, name))
            status = looked_up(name, handle, make)
            if stat.S_ISLNK(status.st_mode):
                check_owner(status, found)  # (its owner alone could exchange it, see `check_folder`)
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), whole)
                target = os.readlink(name, dir_fd=handle)
                left += target.split("/")[::-1]
                if not target.startswith("/"):
                    continue
                name = found = "/"
            below = os.open(name, SEARCH, dir_fd=handle)
            os.close(handle)
            handle, where = below, found
            check_folder(os.fstat(handle), where)
    except BaseException:
        os.close(handle)
        raise
    return handle


def looked_up(name: str, handle: int, make: bool) -> os.stat_result:
    """What a name stands for in a folder; a folder is made where there is nothing."""
    try:
        return os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # another process was first; whose it is, is looked at
        os.mkdir(name, 0o700, dir_fd=handle)
    return os.stat(name, dir_fd=handle, follow_symlinks=False)


def check_owner(status: os.stat_result, where: str, mine: bool = False) -> None:
    if status.st_uid != os.geteuid() and (mine or status.st_uid != 0):
        raise UnsafeFolder(f"{where} belongs to another user (its uid is {status.st_uid}, yours {os.geteuid()})")


def check_folder(status: os.stat_result, where: str, mine: bool = False) -> None:
    """Raise unless what is in a folder is what its owners put there; with `mine`, unless this user alone writes to it.

    In a sticky folder others may make new names, but not touch those of this user and root: of these alone is the next
    name on the way, or the walk ends there.
    """
    check_owner(status, where, mine)
    if status.st_mode & WRITABLE and (mine or not status.st_mode & stat.S_ISVTX):
        raise UnsafeFolder(f"other users may write to {where} (take that right from them: chmod go-w {where})")
