"""A folder that only this user can write to, for files that are executed.

The requirements are those of OpenSSH for files that it trusts. The folder must belong to this user, and must not be
writable by others; each parent folder, and each symbolic link on the path, must belong to this user or root, and must
not be writable by others, unless it is sticky, as ``/tmp`` is: its entries can be renamed and removed by their owners
only.

The path is resolved from the root, one component at a time. Each folder is opened first and checked then, and the next
component is looked up relative to its descriptor; files are opened relative to the checked folder. So nothing can be
exchanged between check and use.

Windows has neither such permissions nor descriptors of folders: there a folder is as safe as its access control list.
The default one is in the user's profile, which other users cannot write to.
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
SEARCH = getattr(os, "O_PATH", getattr(os, "O_SEARCH", os.O_RDONLY)) | DIRECTORY  # without read permission
# Links are not followed, and opening a pipe or a device does not block.
CAREFULLY = sum({getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY")})
WRITABLE = stat.S_IWGRP | stat.S_IWOTH  # by users other than the owner
MOST_LINKS = 40  # on the way, as Linux has it


class UnsafeFolder(Exception):
    """Other users could create files in a folder, or replace the folder."""


class Folder:
    """An open folder; `handle` is its descriptor, None where there are none."""

    def __init__(self, path: str, handle: int | None) -> None:
        self.path, self.handle = path, handle

    def at(self, name: str) -> str:
        return name if self.handle is not None else os.path.join(self.path, name)

    def open(self, name: str, flags: int) -> int:
        """Open a file; with O_CREAT | O_EXCL create one that is private to this user."""
        return os.open(self.at(name), flags | CAREFULLY, 0o600, dir_fd=self.handle)

    def replace(self, name: str, other: str) -> None:
        """Rename a file, and replace one with the new name."""
        os.replace(self.at(name), self.at(other), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def unlink(self, name: str) -> None:
        os.unlink(self.at(name), dir_fd=self.handle)

    def names(self) -> list[str]:
        return os.listdir(self.path if self.handle is None else self.handle)

    def status(self, name: str) -> os.stat_result:
        """The status of an entry, without following links."""
        return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)


def is_private(status: os.stat_result) -> bool:
    """Whether it is a regular file that only this user can have written, without other hard links."""
    if not stat.S_ISREG(status.st_mode):
        return False
    if not HAS_OWNERS:
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & WRITABLE and status.st_nlink <= 1


@contextmanager
def opened(path: Path, make: bool = False) -> Iterator[Folder]:
    """Open a folder while a block runs; with `make`, create it and missing parents, private to this user.

    Raises
    ------
    UnsafeFolder
        If other users could write to it, or replace it.
    OSError
        If it does not exist, or cannot be opened.
    """
    full = os.path.join(os.getcwd(), path)  # (not normalized: ".." depends on links)
    if not HAS_DESCRIPTORS:
        if make:
            os.makedirs(full, 0o700, exist_ok=True)
        yield Folder(full, None)
        return
    above = open_safely(full, make)
    try:
        check_folder(os.fstat(above), full, mine=True)
        handle = os.open(".", os.O_RDONLY | DIRECTORY, dir_fd=above)  # (listing requires read permission)
    finally:
        os.close(above)
    try:
        yield Folder(full, handle)
    finally:
        os.close(handle)


def open_safely(full: str, make: bool) -> int:
    """Open a folder, and check all components of its path; return its descriptor."""
    handle, where, links = os.open("/", SEARCH), "/", 0
    components = full.split("/")[::-1]
    try:
        check_folder(os.fstat(handle), where)
        while components:
            name = components.pop()
            if name in ("", "."):
                continue
            found = os.path.normpath(os.path.join(where, name))
            status = status_of(name, handle, make)
            if stat.S_ISLNK(status.st_mode):
                check_owner(status, found)  # (only its owner could replace it, see `check_folder`)
                links += 1
                if links > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), full)
                target = os.readlink(name, dir_fd=handle)
                components += target.split("/")[::-1]
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


def status_of(name: str, handle: int, make: bool) -> os.stat_result:
    """The status of an entry of a folder; with `make`, a missing one is created as a folder."""
    try:
        return os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # another process was first; its owner is checked
        os.mkdir(name, 0o700, dir_fd=handle)
    return os.stat(name, dir_fd=handle, follow_symlinks=False)


def check_owner(status: os.stat_result, where: str, mine: bool = False) -> None:
    if status.st_uid != os.geteuid() and (mine or status.st_uid != 0):
        raise UnsafeFolder(f"{where} belongs to another user (its uid is {status.st_uid}, yours {os.geteuid()})")


def check_folder(status: os.stat_result, where: str, mine: bool = False) -> None:
    """Raise if other users could replace entries of a folder; with `mine`, if other users can write to it.

    In a sticky folder others may create entries, but cannot replace those of this user and root, and the next component
    must be one of these.
    """
    check_owner(status, where, mine)
    if status.st_mode & WRITABLE and (mine or not status.st_mode & stat.S_ISVTX):
        raise UnsafeFolder(f"other users may write to {where} (take that right from them: chmod go-w {where})")
