"""Cached code is executed: it is loaded only where no other user can have written it."""

import os
import tempfile
import unittest
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

try:
    import llvmlite.binding  # noqa: F401
    import scipy.linalg.cython_blas  # noqa: F401
except ImportError:
    raise unittest.SkipTest("llvmlite and SciPy are not installed") from None

import wengert
from tests.torture import cache
from wengert.compiler.targets.llvm import object_cache, private_folder
from wengert.compiler.targets.llvm.private_folder import UnsafeFolder, opened

KEY = object_cache.key_of("a")


@unittest.skipUnless(private_folder.HAS_DESCRIPTORS, "rights of folders are those of POSIX")
class PlaceCase(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.place = Path(temporary.name).resolve()
        before = os.umask(0o022)
        self.addCleanup(os.umask, before)
        known = mock.patch.object(object_cache, "warned", set())
        known.start()
        self.addCleanup(known.stop)

    def cache_in(self, folder: Any) -> Any:
        return mock.patch.dict(os.environ, WENGERT_CACHE=str(folder))


class FolderTest(PlaceCase):
    def test_it_is_made_for_this_user_alone(self) -> None:
        os.umask(0)
        with opened(self.place / "a" / "b", make=True):
            pass
        for folder in (self.place / "a", self.place / "a" / "b"):
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700)

    def test_what_is_missing_is_made_only_when_asked(self) -> None:
        with self.assertRaises(FileNotFoundError), opened(self.place / "a"):
            pass
        self.assertEqual(list(self.place.iterdir()), [])

    def test_rights_of_others(self) -> None:
        folder = self.place / "a" / "b"
        folder.mkdir(parents=True)
        cases = [(folder, 0o777), (folder, 0o720), (folder, 0o1777), (folder, 0o702), (folder.parent, 0o775)]
        for changed, mode in cases:
            before = changed.stat().st_mode & 0o7777
            changed.chmod(mode)
            with self.subTest(folder=changed.name, mode=oct(mode)):
                message = f"other users may write to {changed} .*chmod go-w {changed}"
                with self.assertRaisesRegex(UnsafeFolder, message), opened(folder):
                    pass
            changed.chmod(before)
        folder.parent.chmod(0o1777)  # as /tmp is
        with opened(folder) as found:
            self.assertEqual(found.names(), [])

    def test_folders_and_links_of_others(self) -> None:
        folder = self.place / "a"
        folder.mkdir()
        (self.place / "link").symlink_to(folder)
        for path in (folder, self.place / "link"):
            other = mock.patch("os.geteuid", lambda: os.getuid() + 1)
            with other, self.assertRaisesRegex(UnsafeFolder, "belongs to another user"), opened(path):
                pass

    def test_links_of_ones_own(self) -> None:
        """A folder for caches is often a link to a larger disk."""
        real = self.place / "disk" / "code"
        real.mkdir(parents=True)
        (self.place / "whole").symlink_to(real)
        (self.place / "up").symlink_to("disk/../disk")
        (self.place / "again").symlink_to("up")
        here = os.getcwd()
        os.chdir(self.place)
        try:
            for path in ("whole", "up/code", "again/./code", self.place / "again" / "code", "disk//code/../code"):
                with opened(Path(path)) as found, self.subTest(path=path):
                    assert found.handle is not None
                    self.assertTrue(os.path.samestat(os.fstat(found.handle), real.stat()))
        finally:
            os.chdir(here)

    def test_links_in_a_circle(self) -> None:
        (self.place / "a").symlink_to("b")
        (self.place / "b").symlink_to("a")
        with self.assertRaises(OSError), opened(self.place / "a" / "c"):
            pass

    def test_what_is_no_folder(self) -> None:
        (self.place / "file").write_text("")
        os.mkfifo(self.place / "pipe")
        for name in ("file", "pipe"):
            with self.assertRaises(NotADirectoryError), opened(self.place / name, make=True):
                pass

    def test_descriptors_are_closed(self) -> None:
        if not os.path.isdir("/proc/self/fd"):
            self.skipTest("descriptors are counted in /proc")
        (self.place / "open").mkdir()
        (self.place / "open").chmod(0o777)
        (self.place / "kept").mkdir()
        before = len(os.listdir("/proc/self/fd"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for name in ("open", "kept", "missing/"):
                with self.cache_in(self.place / name):
                    for _ in range(3):
                        object_cache.load(KEY)
                        object_cache.store(KEY, b"code")
                        object_cache.load(KEY)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_where_there_are_no_descriptors(self) -> None:
        """As on Windows: by paths."""
        with mock.patch.object(private_folder, "HAS_DESCRIPTORS", False), self.cache_in(self.place / "a" / "b"):
            self.assertIsNone(object_cache.load(KEY))
            object_cache.store(KEY, b"code")
            self.assertEqual(object_cache.load(KEY), b"code")
            self.assertEqual(os.listdir(self.place / "a" / "b"), [f"{KEY}.code"])


class WarningTest(PlaceCase):
    def test_one_warning_says_why_and_what_to_do(self) -> None:
        folder = self.place / "open"
        folder.mkdir()
        folder.chmod(0o777)
        with self.cache_in(folder), warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            for _ in range(3):
                self.assertIsNone(object_cache.load(KEY))
                object_cache.store(KEY, b"code")
        self.assertEqual([w.category for w in found], [RuntimeWarning])
        said = str(found[0].message)
        self.assertRegex(said, f"not kept in {folder}, .*may write to {folder} .*chmod go-w .*WENGERT_CACHE")
        self.assertEqual(list(folder.iterdir()), [])
        with self.cache_in(""), warnings.catch_warnings():
            warnings.simplefilter("error")
            object_cache.store(KEY, b"code")

    def test_warnings_that_are_errors(self) -> None:
        """The user sees the warning itself, not a defect of the compiler; and the next call is compiled."""
        folder = self.place / "open"
        folder.mkdir()
        folder.chmod(0o777)
        f = wengert.compile(lambda a: np.sum(a * 12.5 - a))
        a = np.arange(3.0)
        with self.cache_in(folder), warnings.catch_warnings():
            warnings.simplefilter("error")
            f(a), f(a)
            with self.assertRaisesRegex(RuntimeWarning, "chmod go-w"):
                f(a)
            self.assertEqual(f(a), np.sum(a * 12.5 - a))
        self.assertIsNone(f.given_up)
        self.assertIsNotNone(f.plans[0].run)


@unittest.skipUnless(cache.is_possible(), "only root can play another user")
class AttacksTest(unittest.TestCase):
    def test_none_succeeds(self) -> None:
        for attack in cache.ATTACKS:
            with self.subTest(attack.__name__):
                self.assertFalse(cache.succeeded(attack))

    def test_they_would_succeed_without_the_checks(self) -> None:
        private = mock.patch.object(object_cache, "is_private", lambda status: True)
        unchecked = mock.patch.multiple(private_folder, check_folder=mock.DEFAULT, check_owner=mock.DEFAULT)
        with private, unchecked:
            for attack in (cache.file_of_the_attacker, cache.link_in_place_of_the_folder, cache.folder_above):
                with self.subTest(attack.__name__):
                    self.assertTrue(cache.succeeded(attack))


if __name__ == "__main__":
    unittest.main()
