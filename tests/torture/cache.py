"""Attacks on the machine code that is kept on disk, by another user who may write somewhere on the way to it.

Each attack is given a new folder, prepares it as the other user would, lets a process of the victim compile one
function, and returns whether it succeeded: whether the attacker's code was run, the process hung or ended, or a file
was changed or removed that is none of the cache's. The victim is root, the other user 65534.
"""

import ctypes
import os
import signal
import stat
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from wengert.compiler.targets.llvm import jit, object_cache

__all__ = ["ATTACKS", "is_possible", "succeeded"]

OTHER = 65534
SECONDS = 10  # after which a process of the victim hangs
RIGHT, TAKEN = 3, 66  # what the victim's function returns, and what the attacker's does
TEXT = "define i64 @f() {{\n  ret i64 {}\n}}\n"


def is_possible() -> bool:
    """Whether two users can be played here."""
    return hasattr(os, "fork") and os.geteuid() == 0


def succeeded(attack: Callable[[Path], bool]) -> bool:
    """Run an attack in a new folder, which lies in one that is sticky and everybody's, as ``/tmp`` is."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o1777)
        folder = Path(place, "code")
        with mock.patch.dict(os.environ, WENGERT_CACHE=str(folder)):
            return attack(folder)


# What the attacks are made of


def outcome(work: Callable[[], int], user: int | None = None) -> int | None:
    """What a child exits with, as another user if one is given; None if it hangs or is killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
        child = os.fork()
    if child == 0:
        try:
            signal.alarm(SECONDS)
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os._exit(work())
        except BaseException:  # noqa: BLE001
            os._exit(99)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def as_other(work: Callable[[], Any]) -> None:
    """Let the other user do something."""
    if outcome(lambda: 0 * bool(work()), OTHER) != 0:
        raise RuntimeError("the other user could not prepare the attack")


def compiled() -> int:
    """What the function returns that the victim compiles, as all programs do: it is loaded if it is there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that nothing is kept
        module = jit.Module(TEXT.format(RIGHT))
    return int(ctypes.CFUNCTYPE(ctypes.c_int64)(module.address("f"))())


def victim_is_harmed() -> bool:
    """Whether a process of the victim does anything else than to compile its function."""
    return outcome(compiled) != RIGHT


def forged() -> tuple[str, bytes]:
    """The name of the file that the victim will look for, and code of the attacker's with the right checksum."""
    keys: list[str] = []
    none = mock.patch.multiple(object_cache, load=keys.append, store=lambda key, data: None)  # (append returns None)
    with none:
        jit.object_code(TEXT.format(RIGHT))
        code = jit.object_code(TEXT.format(TAKEN))
    return keys[0] + object_cache.ENDING, object_cache.checksum_of(keys[0], code) + code


def made(folder: Path, mode: int, owner: int = 0) -> Path:
    folder.mkdir()
    os.chown(folder, owner, owner)
    folder.chmod(mode)
    return folder


def download_of_the_victim(folder: Path) -> Path:
    """A folder of the victim with an archive that it has unpacked: its own file, the attacker's content."""
    name, content = forged()
    place = made(folder.with_name("unpacked"), 0o755)
    (place / name).write_bytes(content)
    (place / name).chmod(0o600)
    return place / name


# The attacks


def file_of_the_attacker(folder: Path) -> bool:
    """The attacker's file, in a folder that everybody may write to."""
    name, content = forged()
    made(folder, 0o777)
    as_other(lambda: (folder / name).write_bytes(content))
    return victim_is_harmed()


def link_to_a_file_of_the_victim(folder: Path) -> bool:
    made(folder, 0o777)
    target = download_of_the_victim(folder)
    as_other(lambda: os.symlink(target, folder / target.name))
    return victim_is_harmed()


def hard_link_to_a_file_of_the_victim(folder: Path) -> bool:
    """As root would make it: a system that protects hard links does not let the attacker."""
    made(folder, 0o777)
    target = download_of_the_victim(folder)
    os.link(target, folder / target.name)
    return victim_is_harmed()


def hard_link_in_a_folder_of_the_victim(folder: Path) -> bool:
    made(folder, 0o700)
    target = download_of_the_victim(folder)
    os.link(target, folder / target.name)
    return victim_is_harmed()


def pipe(folder: Path) -> bool:
    """A pipe without a writer, under the name of the file."""
    name, _ = forged()
    made(folder, 0o777)
    as_other(lambda: os.mkfifo(folder / name))
    return victim_is_harmed()


def pipe_in_a_folder_of_the_victim(folder: Path) -> bool:
    name, _ = forged()
    made(folder, 0o700)
    os.mkfifo(folder / name)
    return victim_is_harmed()


def folder_under_the_name_of_the_file(folder: Path) -> bool:
    name, _ = forged()
    made(folder, 0o700)
    (folder / name).mkdir()
    return victim_is_harmed()


def endless_file(folder: Path) -> bool:
    """A file that is longer than memory, and takes no space on the disk."""
    name, _ = forged()
    made(folder, 0o700)
    with open(folder / name, "wb") as file:
        file.truncate(1 << 43)
    return victim_is_harmed()


def folder_of_the_attacker(folder: Path) -> bool:
    """The attacker was the first to make the folder in ``/tmp``."""
    name, content = forged()

    def prepare() -> None:
        folder.mkdir()
        (folder / name).write_bytes(content)

    as_other(prepare)
    return victim_is_harmed()


def link_in_place_of_the_folder(folder: Path) -> bool:
    """A link in ``/tmp`` to where the victim has unpacked an archive."""
    target = download_of_the_victim(folder)
    as_other(lambda: os.symlink(target.parent, folder))
    return victim_is_harmed()


def folder_above(folder: Path) -> bool:
    """Everybody may write to the folder above: the victim's is exchanged."""
    target = download_of_the_victim(folder)
    above = made(folder.with_name("above"), 0o777)
    own = made(above / "code", 0o700)

    def exchange() -> None:
        own.rename(above / "gone")
        os.symlink(target.parent, own)

    as_other(exchange)
    with mock.patch.dict(os.environ, WENGERT_CACHE=str(own)):
        return victim_is_harmed()


def folder_far_above(folder: Path) -> bool:
    """The same, two folders higher, where it is the attacker's own."""
    target = download_of_the_victim(folder)
    above = made(folder.with_name("above"), 0o755, OTHER)
    own = made(made(above / "a", 0o755) / "code", 0o700)

    def exchange() -> None:
        (above / "a").rename(above / "gone")
        (above / "a").mkdir()
        os.symlink(target.parent, own)

    as_other(exchange)
    with mock.patch.dict(os.environ, WENGERT_CACHE=str(own)):
        return victim_is_harmed()


def exchanged_again_and_again(folder: Path) -> bool:
    """The folder is the victim's at one moment, and the attacker's link at the next."""
    target = download_of_the_victim(folder)
    above = made(folder.with_name("above"), 0o777)
    own = made(above / "code", 0o700)
    (above / "link").symlink_to(target.parent)
    over = threading.Event()

    def exchange() -> None:
        while not over.is_set():
            own.rename(above / "gone")
            (above / "link").rename(own)
            own.rename(above / "link")
            (above / "gone").rename(own)

    attacker = threading.Thread(target=exchange)
    attacker.start()
    try:
        key = target.name.removesuffix(object_cache.ENDING)
        with mock.patch.dict(os.environ, WENGERT_CACHE=str(own)), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return any(object_cache.load(key) is not None for _ in range(500))
    finally:
        over.set()
        attacker.join()


def file_that_a_link_points_to(folder: Path) -> bool:
    """The victim's own file is written to, through a link under the name of what it will keep."""
    name, _ = forged()
    made(folder, 0o777)
    precious = folder.with_name("precious")
    precious.write_text("precious")
    as_other(lambda: os.symlink(precious, folder / name))
    outcome(compiled)
    return precious.read_text() != "precious"


def files_of_the_victim(folder: Path) -> bool:
    """A folder with other files of the victim: unfinished downloads, and what is named like code."""
    made(folder, 0o700)
    names = ["film.part", "a.code", "tmpabcdefgh.part"]
    for name in names:
        (folder / name).write_bytes(bytes(100))
        os.utime(folder / name, (time.time() - 1e6,) * 2)
    with mock.patch.object(object_cache, "LIMIT", 5000):
        harmed = victim_is_harmed()
    return harmed or not all((folder / name).exists() for name in names)


def files_that_others_can_read(folder: Path) -> bool:
    """What the victim writes with an open umask is changed by the attacker."""
    before = os.umask(0)
    try:
        outcome(compiled)
    finally:
        os.umask(before)
    found = [folder, *folder.iterdir()]
    return len(found) < 2 or any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in found)


ATTACKS: list[Callable[[Path], bool]] = [
    file_of_the_attacker,
    link_to_a_file_of_the_victim,
    hard_link_to_a_file_of_the_victim,
    hard_link_in_a_folder_of_the_victim,
    pipe,
    pipe_in_a_folder_of_the_victim,
    folder_under_the_name_of_the_file,
    endless_file,
    folder_of_the_attacker,
    link_in_place_of_the_folder,
    folder_above,
    folder_far_above,
    exchanged_again_and_again,
    file_that_a_link_points_to,
    files_of_the_victim,
    files_that_others_can_read,
]
