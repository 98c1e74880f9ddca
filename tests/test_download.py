"""Downloads from a server of our own, which also misbehaves; and the sets that are downloaded."""

import contextlib
import gzip
import hashlib
import http.server
import io
import multiprocessing
import os
import re
import socket
import struct
import tarfile
import tempfile
import threading
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from wengert.datasets import CIFAR10, MNIST, FashionMNIST, TinyShakespeare, cache_folder, download, read_idx
from wengert.datasets.cifar import read_cifar10

CONTENT = np.random.default_rng(0).bytes(700_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
WRONG = "0" * 64


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives `server.files`; the first part of the path says how badly."""

    def do_GET(self) -> None:
        server: Any = self.server
        _, manner, name = self.path.split("/", 2)
        start = self.headers.get("Range")
        server.asked.append((manner, name, start))
        content = server.files.get(name)
        if content is None or manner == "missing":
            self.send_error(404, "Not Found")
            return
        if manner == "gone" and start:  # the range is beyond the end
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first = 0
        if start and manner != "norange":
            first = int(re.fullmatch(r"bytes=(\d+)-", start)[1])  # type: ignore[index]
            if first >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            shift = 1 if manner == "shifted" else 0
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first + shift}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if manner == "oddlength":
            self.send_header("Content-Length", "\u00b2")  # a digit, and no number
        elif manner != "nolength":
            self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        body = content[first:]
        if manner == "breaks":  # each time after a third of what there is
            body = body[: len(content) // 3]
        elif manner == "cut":
            body = body[: max(0, len(content) // 2 - first)]
        elif manner == "slow":
            server.release.wait(10)
        elif manner == "silent":
            body = body[:1000]
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            if manner == "silent":
                self.wfile.flush()
                server.release.wait(10)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class DownloadTest(unittest.TestCase):
    def setUp(self) -> None:
        self.server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.files = {"file.bin": CONTENT}
        self.server.asked = []
        self.server.release = threading.Event()
        self.server.daemon_threads = False
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.release.set)
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name, "new", "cache")

    def url(self, manner: str = "ok", name: str = "file.bin") -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{manner}/{name}"

    def get(self, *manners: str, **options: Any) -> Path:
        options = {"sha256": SHA256, "timeout": 5} | options
        return download([self.url(manner) for manner in manners], self.folder, **options)

    def part(self, content: bytes) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "file.bin.part"
        path.write_bytes(content)
        return path

    def assert_whole(self, path: Path) -> None:
        self.assertEqual(path, self.folder / "file.bin")
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(os.listdir(self.folder), ["file.bin"], "nothing else is left")

    def test_whole(self) -> None:
        for options in ({}, {"sha256": SHA256.upper()}, {"sha256": None, "md5": hashlib.md5(CONTENT).hexdigest()}):
            self.assert_whole(self.get("ok", **options))
            self.assertEqual(len(self.server.asked), 1)
            self.get("missing", **options)  # the file exists: no request
            self.assertEqual(len(self.server.asked), 1)
            self.server.asked.clear()
            (self.folder / "file.bin").unlink()

    def test_without_checksum_and_without_length(self) -> None:
        self.assert_whole(self.get("ok", sha256=None))
        (self.folder / "file.bin").unlink()
        self.assert_whole(self.get("nolength"))

    def test_length_that_is_no_number(self) -> None:
        self.assert_whole(self.get("oddlength"))

    def test_resumes_a_part(self) -> None:
        self.part(CONTENT[:100_000])
        self.assert_whole(self.get("ok"))
        self.assertEqual(self.server.asked, [("ok", "file.bin", "bytes=100000-")])

    def test_part_that_is_whole(self) -> None:
        self.part(CONTENT)
        self.assert_whole(self.get("ok"))

    def test_part_that_is_too_long(self) -> None:
        self.part(CONTENT + b"more")
        self.assert_whole(self.get("ok"))

    def test_part_of_something_else(self) -> None:
        self.part(b"x" * 1000)
        self.assert_whole(self.get("ok"))

    def test_server_that_without_ranges(self) -> None:
        self.part(CONTENT[:100_000])
        self.assert_whole(self.get("norange"))

    def test_server_that_gives_another_range(self) -> None:
        self.part(CONTENT[:100_000])
        with self.assertRaisesRegex(ConnectionError, "asked for the file from byte 100000, but sent it from 100001"):
            self.get("shifted")
        self.assert_whole(self.get("shifted", "ok"))

    def test_server_that_disconnects_is_asked_for_the_rest(self) -> None:
        self.server.files["file.bin"] = CONTENT[:699_999]
        path = self.get("breaks", sha256=hashlib.sha256(CONTENT[:699_999]).hexdigest())
        self.assertEqual(path.read_bytes(), CONTENT[:699_999])
        self.assertEqual([start for _, _, start in self.server.asked], [None, "bytes=233333-", "bytes=466666-"])

    def test_truncated(self) -> None:
        with self.assertRaisesRegex(ConnectionError, "broke after 350000 of 700000 bytes"):
            self.get("cut")
        self.assertEqual(os.listdir(self.folder), ["file.bin.part"])
        self.assert_whole(self.get("ok"))  # and the next call goes on
        self.assertEqual(self.server.asked[-1], ("ok", "file.bin", "bytes=350000-"))

    def test_next_url_resumes_where_the_first_disconnected(self) -> None:
        self.assert_whole(self.get("cut", "ok"))
        self.assertEqual(self.server.asked[-1], ("ok", "file.bin", "bytes=350000-"))

    def test_without_checksum_two_urls_are_not_mixed(self) -> None:
        self.assert_whole(self.get("cut", "ok", sha256=None))
        self.assertEqual(self.server.asked[-1], ("ok", "file.bin", None))

    def test_mirrors_in_turn(self) -> None:
        self.server.files["other.bin"] = b"an error page"
        urls = [self.url("missing"), self.url("ok", "other.bin"), self.url("ok")]
        self.assert_whole(download(urls, self.folder, sha256=SHA256, name="file.bin"))

    def test_wrong_content(self) -> None:
        self.server.files["file.bin"] = b"an error page"
        found = hashlib.sha256(b"an error page").hexdigest()
        with self.assertRaisesRegex(ValueError, rf"its sha256 is {found}, but should be {SHA256}"):
            self.get("ok")
        self.assertEqual(os.listdir(self.folder), [])

    def test_not_found_names_all_that_helps(self) -> None:
        with self.assertRaises(ConnectionError) as caught:
            self.get("missing", "missing")
        message = str(caught.exception)
        self.assertEqual(message.count(f"{self.url('missing')}: HTTP 404 Not Found"), 2)
        for part in (f"put it into {self.folder} as file.bin", "WENGERT_DATA", "run this again"):
            self.assertIn(part, message)
        self.assertEqual(os.listdir(self.folder), [])

    def test_offline(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with self.assertRaisesRegex(
            ConnectionError, rf"http://127.0.0.1:{port}/a.bin: no connection: .*\n.*put it into"
        ):
            download(f"http://127.0.0.1:{port}/a.bin", self.folder, sha256=SHA256)
        with self.assertRaisesRegex(ConnectionError, "no-such-host.invalid/a.bin: no connection"):
            download("http://no-such-host.invalid/a.bin", self.folder, sha256=SHA256)

    def test_server_that_stops_responding(self) -> None:
        for manner in ("slow", "silent"):
            self.server.files["file.bin"] = CONTENT
            with self.assertRaisesRegex(ConnectionError, "no answer in time"):
                self.get(manner, timeout=0.2)

    def test_file_that_is_there_is_checked(self) -> None:
        self.folder.mkdir(parents=True)
        path = self.folder / "file.bin"
        path.write_bytes(b"damaged")
        message = rf"file.bin is not the expected file: its sha256 is \w+, but should be {SHA256}; delete it"
        with self.assertRaisesRegex(ValueError, message):
            self.get("ok")
        self.assertEqual(path.read_bytes(), b"damaged")  # it is the user's to delete
        self.assertEqual(self.server.asked, [])

    def test_full_disk_is_not_a_failure_of_the_url(self) -> None:
        def full(*arguments: Any, **options: Any) -> Iterator[bytes]:
            yield CONTENT[:10]
            raise OSError(28, "No space left on device")

        with (
            mock.patch("wengert.datasets._download._blocks", full),
            self.assertRaisesRegex(OSError, "No space left"),
        ):
            self.get("ok", "ok")
        self.assertEqual(len(self.server.asked), 1)
        self.assertEqual(os.listdir(self.folder), ["file.bin.part"])

    def test_many_threads_at_once(self) -> None:
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(self.get("slow"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        self.server.release.set()
        for thread in threads:
            thread.join()
        self.assertEqual(len(found), 4)
        self.assert_whole(found[0])
        self.assertEqual(len(self.server.asked), 1, "one downloads, the others wait")

    def test_many_processes_at_once(self) -> None:
        context = multiprocessing.get_context("spawn")
        arguments = (self.url("slow"), str(self.folder), SHA256)
        processes = [context.Process(target=download_in_process, args=arguments) for _ in range(3)]
        for process in processes:
            process.start()
        while not self.server.asked:
            threading.Event().wait(0.02)
        self.server.release.set()
        for process in processes:
            process.join(30)
            self.assertEqual(process.exitcode, 0)
            process.close()
        self.assert_whole(self.folder / "file.bin")
        self.assertEqual(len(self.server.asked), 1)

    def test_killed_process_leaves_a_part_and_no_lock(self) -> None:
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=download_in_process, args=(self.url("silent"), str(self.folder), SHA256))
        process.start()
        part = self.folder / "file.bin.part"
        while not (part.exists() and self.server.asked):
            threading.Event().wait(0.02)
        process.kill()
        process.join()
        process.close()
        self.server.release.set()
        self.assertFalse((self.folder / "file.bin").exists())
        self.assert_whole(self.get("ok"))

    def test_urls_that_cannot_be_asked(self) -> None:
        for url in (self.url(name="\u00e9.bin"), "http://a..b/x", self.url(name="a b")):
            with self.subTest(url), self.assertRaisesRegex(ConnectionError, "could not be downloaded:\n.*: the conn"):
                download(url, self.folder, sha256=SHA256)

    def test_wrong_arguments(self) -> None:
        for arguments, options, message in (
            (("file:///etc/passwd",), {}, "URLs that begin with http:// or https://, but got 'file:"),
            (([],), {}, "one or more URLs, but got none"),
            ((self.url(),), {"sha256": "12"}, "sha256 has 64 hexadecimal digits, but got '12'"),
            ((self.url(),), {"md5": "z" * 32}, "md5 has 32 hexadecimal digits"),
            ((self.url(),), {"sha256": SHA256, "md5": "0" * 32}, "sha256 or md5, not both"),
            (("http://a.b/",), {}, "the name of a file, but got ''; give name="),
            (("http://a.b/..",), {}, r"the name of a file, but got '\.\.'"),
            (("http://a.b/x",), {"name": "../x"}, r"the name of a file, but got '\.\./x'"),
            (("http://a.b/%00",), {}, "the name of a file"),
            (("http://[::1/x",), {}, r"URLs that begin with http.*, but got 'http://\[::1/x'"),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(ValueError, message):
                download(*arguments, self.folder, **options)

    def test_folder_that_cannot_be_made(self) -> None:
        self.folder.parent.mkdir(parents=True)
        self.folder.write_text("a file")
        with self.assertRaises(OSError) as caught:
            self.get("ok")
        self.assertIn("WENGERT_DATA", caught.exception.__notes__[0])

    def test_mnist(self) -> None:
        rng = np.random.default_rng(0)
        for cls in (MNIST, FashionMNIST):
            sums = {}
            arrays = {}
            for start, n in (("train", 20), ("t10k", 7)):
                arrays[start] = (
                    rng.integers(256, size=(n, 28, 28), dtype=np.uint8),
                    rng.integers(10, size=n, dtype=np.uint8),
                )
                for kind, array in zip(("images-idx3", "labels-idx1"), arrays[start], strict=True):
                    name = f"{start}-{kind}-ubyte.gz"
                    self.server.files[name] = gzip.compress(idx(array))
                    sums[name] = hashlib.sha256(self.server.files[name]).hexdigest()
            self.assertEqual(sums.keys(), cls.sha256.keys())
            with (
                mock.patch.object(cls, "mirrors", (self.url("missing", ""), self.url("ok", ""))),
                mock.patch.object(cls, "sha256", sums),
                mock.patch.dict(os.environ, WENGERT_DATA=str(self.folder)),
            ):
                train, test = cls(train=True), cls(train=False)
            self.assertTrue((self.folder / cls.name / "t10k-labels-idx1-ubyte.gz").is_file())
            for dataset, start in ((train, "train"), (test, "t10k")):
                images, labels = arrays[start]
                x, t = dataset[:]
                self.assertEqual((x.dtype, t.dtype), (np.float32, np.int64))
                np.testing.assert_array_equal(x, images[:, None].astype(np.float32) / np.float32(255))
                np.testing.assert_array_equal(t, labels)
        self.assertEqual(len(FashionMNIST.classes), 10)

    def test_cifar10(self) -> None:
        archive, images, labels = cifar(30)
        self.server.files["cifar-10-binary.tar.gz"] = archive
        with (
            mock.patch.object(CIFAR10, "urls", (self.url("ok", "cifar-10-binary.tar.gz"),)),
            mock.patch.object(CIFAR10, "sha256", hashlib.sha256(archive).hexdigest()),
        ):
            train, test = CIFAR10(folder=self.folder), CIFAR10(train=False, folder=self.folder)
        self.assertEqual((len(train), len(test), train[0][0].shape), (25, 5, (3, 32, 32)))
        np.testing.assert_array_equal(np.concatenate([train.images, test.images]), images)
        np.testing.assert_array_equal(np.concatenate([train[:][1], test[:][1]]), labels)

    def test_tiny_shakespeare(self) -> None:
        text = "First Citizen:\nBefore we proceed any further, hear me speak.\n"
        self.server.files["input.txt"] = text.encode()
        with (
            mock.patch.object(TinyShakespeare, "urls", (self.url("ok", "input.txt"),)),
            mock.patch.object(TinyShakespeare, "sha256", hashlib.sha256(text.encode()).hexdigest()),
        ):
            dataset = TinyShakespeare(length=8, folder=self.folder)
        self.assertEqual(dataset.decode(dataset[0][1]), "irst Cit")
        train, _ = dataset.split(0.5)
        self.assertEqual(train.decode(train.indices), text[:30])


def download_in_process(url: str, folder: str, sha256: str) -> None:
    download(url, folder, sha256=sha256, timeout=20)


class CacheFolderTest(unittest.TestCase):
    def test_by_variable_and_by_platform(self) -> None:
        with mock.patch.dict(os.environ, WENGERT_DATA=os.path.join("~", "data")):
            self.assertEqual(cache_folder(), Path.home() / "data")
        with mock.patch.dict(os.environ, WENGERT_DATA="", XDG_CACHE_HOME="/x", LOCALAPPDATA="/y"):
            for platform, wanted in (
                ("linux", Path("/x/wengert")),
                ("darwin", Path.home() / "Library" / "Caches" / "wengert"),
                ("win32", Path("/y/wengert")),
            ):
                with mock.patch("wengert.datasets._download.sys.platform", platform):
                    self.assertEqual(cache_folder(), wanted)


class ChecksumsTest(unittest.TestCase):
    def test_known_checksums_are_well_formed(self) -> None:
        sums = [*MNIST.sha256.values(), *FashionMNIST.sha256.values(), CIFAR10.sha256, TinyShakespeare.sha256]
        self.assertEqual(len(set(sums)), 10)
        for each in sums:
            self.assertRegex(each, r"\A[0-9a-f]{64}\Z")


def idx(array: Any) -> bytes:
    kinds = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, kinds[array.dtype.str[1:]], array.ndim, *array.shape)
    return head + np.asarray(array, array.dtype.newbyteorder(">")).tobytes()


def cifar(n: int, leave_out: str = "", cut: int = 0, labels_to: int = 10) -> tuple[bytes, Any, Any]:
    """Return an archive like that of CIFAR-10, with a sixth of `n` images in each file, and what is in it."""
    rng = np.random.default_rng(1)
    images = rng.integers(256, size=(n, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(labels_to, size=n, dtype=np.uint8)
    labels[-1] = labels_to - 1
    records = np.concatenate([labels[:, None], images.reshape(n, -1)], axis=1)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for name, part in reversed(list(zip(names, np.split(records, 6), strict=True))):  # in any order
            if name != leave_out:
                member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                content = part.tobytes()[: part.nbytes - cut]
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return memory.getvalue(), images, labels


class FormatsTest(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = Path(temporary.name, "file")

    def write(self, content: bytes) -> Path:
        self.path.write_bytes(content)
        return self.path

    def test_idx_of_every_kind(self) -> None:
        for kind in ("u1", "i1", "i2", "i4", "f4", "f8"):
            for shape in ((), (5,), (2, 3, 4), (0, 3)):
                array = np.asarray(np.arange(np.prod(shape)).reshape(shape) * 3 - 1, kind)
                for content in (idx(array), gzip.compress(idx(array))):
                    found = read_idx(self.write(content))
                    self.assertEqual((found.shape, found.dtype), (shape, np.dtype(kind)))
                    self.assertTrue(found.dtype.isnative)
                    np.testing.assert_array_equal(found, array)

    def test_idx_that_is_damaged(self) -> None:
        good = idx(np.arange(12, dtype=np.uint8).reshape(3, 4))
        packed = gzip.compress(good)
        for content, message in (
            (b"", r"is not an IDX file: it begins with b''"),
            (b"<html>", "is not an IDX file: it begins with b'<htm'"),
            (b"\0\0\x07\x01" + bytes(8), "is not an IDX file"),
            (good[:9], "is truncated in its header"),
            (good[:-1], r"should have 12 bytes for an array of shape \(3, 4\), but has 11"),
            (good + b"x", "should have 12 bytes .* but has more"),
            (idx(np.zeros(1, np.uint8)).replace(b"\0\0\0\1", b"\xff" * 4), r"should have 4294967295 bytes"),
            (packed[: len(packed) // 2], "is damaged, and cannot be decompressed"),
            (packed[:-6] + b"wrong!", "is damaged, and cannot be decompressed"),
            (packed[:12] + b"\xff" * 9 + packed[21:], "is damaged, and cannot be decompressed"),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(ValueError, message):
                read_idx(self.write(content))

    def test_mnist_whose_files_do_not_match(self) -> None:
        files = {"images": np.zeros((3, 2, 2), np.uint8), "labels": np.zeros(4, np.uint8)}
        for kind, array in files.items():
            (self.path.parent / kind).write_bytes(idx(array))
        with (
            mock.patch.object(MNIST, "_file", lambda self, name, folder: folder / name.split("-")[1]),
            self.assertRaisesRegex(ValueError, r"MNIST has an image for each label, .* \(3, 2, 2\) .* \(4,\)"),
        ):
            MNIST(folder=self.path.parent)

    def test_cifar_that_is_damaged(self) -> None:
        whole = cifar(6)[0]
        for content, train, message in (
            (
                cifar(6, leave_out="data_batch_3.bin")[0],
                True,
                "not the binary version of CIFAR-10: it has no data_batch_3",
            ),
            (cifar(6, leave_out="test_batch.bin")[0], False, "it has no test_batch.bin"),
            (cifar(6, cut=1)[0], True, r"data_batch_5.bin in .* has 3072 bytes, but should have a multiple of 3073"),
            (cifar(6, labels_to=11)[0], False, "test_batch.bin in .* has labels above 9"),
            (b"not an archive", True, "is damaged, and cannot be unpacked"),
            (whole[: len(whole) // 2], True, "is damaged, and cannot be unpacked"),
            (b"", True, "is damaged, and cannot be unpacked"),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(ValueError, message):
                read_cifar10(self.write(content), train)
        self.assertEqual(len(read_cifar10(self.write(cifar(6, leave_out="test_batch.bin")[0]), True)[0]), 5)


if __name__ == "__main__":
    unittest.main()
