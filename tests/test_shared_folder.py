"""Folders that other users may write to: links and pipes of theirs under names that are known beforehand."""

import contextlib
import hashlib
import http.server
import multiprocessing
import os
import tempfile
import threading
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.test_download import CONTENT, Handler
from wengert.datasets import _download, download
from wengert.datasets.file_lock import only_one
from wengert.layers.weights import replace_file

SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = 65534
is_posix = unittest.skipUnless(hasattr(os, "mkfifo"), "links and pipes of POSIX")
is_root = unittest.skipUnless(hasattr(os, "geteuid") and os.geteuid() == 0, "only root can give files to others")


class SharedCase(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name, "shared")
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.precious = Path(temporary.name, "precious")
        self.precious.write_text("precious")

    def hangs(self, work: Any) -> bool:
        """Whether a process that does something does not come to its end."""
        child = multiprocessing.get_context("fork").Process(target=work)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
            child.start()
        child.join(10)
        if child.is_alive():
            child.kill()
            child.join()
            return True
        return False


@is_posix
class DownloadTest(SharedCase):
    def setUp(self) -> None:
        super().setUp()
        self.server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.files, self.server.asked = {"file.bin": CONTENT}, []
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.file, self.part = self.folder / "file.bin", self.folder / "file.bin.part"

    def get(self) -> Path:
        url = f"http://127.0.0.1:{self.server.server_port}/ok/file.bin"
        return download(url, self.folder, sha256=SHA256, timeout=5)

    def assert_whole(self) -> None:
        self.assertEqual(self.get().read_bytes(), CONTENT)
        self.assertEqual(os.listdir(self.folder), ["file.bin"])
        self.assertFalse(self.file.is_symlink())
        self.assertEqual(self.precious.read_text(), "precious")

    def test_a_link_in_place_of_what_is_unfinished(self) -> None:
        self.part.symlink_to(self.precious)
        self.assert_whole()

    def test_a_hard_link_in_place_of_what_is_unfinished(self) -> None:
        os.link(self.precious, self.part)
        self.assert_whole()

    def test_a_pipe_in_place_of_what_is_unfinished(self) -> None:
        os.mkfifo(self.part)
        self.assertFalse(self.hangs(self.get))
        self.assert_whole()

    @is_root
    def test_what_another_user_has_begun(self) -> None:
        self.part.write_bytes(CONTENT[:1000])
        os.chown(self.part, OTHER, OTHER)
        self.assert_whole()
        self.assertEqual([start for *_, start in self.server.asked], [None], "it is begun anew")
        self.assertEqual(self.file.stat().st_uid, 0)

    def test_a_link_that_comes_later(self) -> None:
        """Between two looks."""

        def late(part: Path) -> None:
            part.symlink_to(self.precious)

        with mock.patch.object(_download, "remove_foreign", late), self.assertRaises(OSError) as caught:
            self.get()
        self.assertIn(f"{self.part} is a link, which is not followed here: remove it", caught.exception.__notes__)
        self.assertEqual(self.precious.read_text(), "precious")

    def test_what_is_no_file(self) -> None:
        os.mkfifo(self.file)

        def refused() -> None:
            with contextlib.suppress(ValueError):
                self.get()

        self.assertFalse(self.hangs(refused))
        with self.assertRaisesRegex(ValueError, "file.bin is not a file; remove it"):
            self.get()

    def test_a_file_of_ones_own_elsewhere(self) -> None:
        """Sets are often kept on a larger disk."""
        self.precious.write_bytes(CONTENT)
        self.file.symlink_to(self.precious)
        self.assertEqual(self.get(), self.file)
        self.assertEqual(self.server.asked, [])

    def test_the_place_for_caches_is_made_for_this_user_alone(self) -> None:
        url = f"http://127.0.0.1:{self.server.server_port}/ok/file.bin"
        home = self.folder / "home"
        home.mkdir()
        before = os.umask(0)
        try:
            with mock.patch.dict(os.environ, HOME=str(home), XDG_CACHE_HOME=str(home / "cache")):
                os.environ.pop("WENGERT_DATA", None)
                found = download(url, sha256=SHA256)
            download(url, self.folder / "other", sha256=SHA256)
        finally:
            os.umask(before)
        modes = [folder.stat().st_mode & 0o777 for folder in (found.parent, found.parent.parent, self.folder / "other")]
        self.assertEqual(modes, [0o700, 0o700, 0o777])


@is_posix
class LockTest(SharedCase):
    def locked(self) -> Iterator[None]:
        with only_one(self.folder / "a.lock"):
            yield

    def test_a_link(self) -> None:
        for target in (self.precious, self.precious.with_name("missing")):
            (self.folder / "a.lock").symlink_to(target)
            with self.assertRaises(OSError) as caught:
                list(self.locked())
            self.assertIn("is a link, which is not followed here: remove it", "".join(caught.exception.__notes__))
            self.assertEqual(os.listdir(self.precious.parent).count("missing"), 0)
            (self.folder / "a.lock").unlink()

    def test_a_pipe(self) -> None:
        os.mkfifo(self.folder / "a.lock")
        with self.assertRaisesRegex(OSError, "a.lock is not a file: remove it"):
            list(self.locked())
        self.assertEqual(os.listdir(self.folder), ["a.lock"])


@is_posix
class SavingTest(SharedCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "model.safetensors"

    @is_root
    def test_a_link_of_another_user(self) -> None:
        self.path.symlink_to(self.precious)
        os.lchown(self.path, OTHER, OTHER)
        with self.assertRaisesRegex(PermissionError, "is a link of another user, which is not followed when saving"):
            replace_file(self.path, b"new")
        self.assertEqual(self.precious.read_text(), "precious")
        self.assertEqual(os.listdir(self.folder), ["model.safetensors"])

    def test_a_link_of_ones_own(self) -> None:
        self.path.symlink_to(self.precious)
        replace_file(self.path, b"new")
        self.assertTrue(self.path.is_symlink())
        self.assertEqual(self.precious.read_bytes(), b"new")

    def test_the_unfinished_file_is_exchanged(self) -> None:
        """The rights of the old file are given to what was written, not to what lies under its name by then."""
        self.path.write_bytes(b"old")
        self.path.chmod(0o666)
        self.precious.chmod(0o600)
        fsync = os.fsync

        def exchanged(handle: int) -> None:
            for name in os.listdir(self.folder):
                if name.endswith(".part"):
                    (self.folder / name).unlink()
                    (self.folder / name).symlink_to(self.precious)
            fsync(handle)

        with mock.patch("os.fsync", exchanged):
            replace_file(self.path, b"new")
        self.assertEqual(self.precious.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.precious.read_text(), "precious")


if __name__ == "__main__":
    unittest.main()
