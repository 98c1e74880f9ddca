"""The cache of compiled code: a second process compiles nothing, and damaged files are never loaded."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

try:
    import llvmlite.binding
    import scipy.linalg.cython_blas  # noqa: F401

    from wengert.compiler.targets.llvm import jit
except ImportError:
    raise unittest.SkipTest("llvmlite and SciPy are not installed") from None

import wengert
from wengert.compiler.targets.llvm import object_cache

PROGRAM = """
import numpy as np, wengert
from wengert.compiler.targets.llvm import jit
from wengert.functions import relu, softmax_cross_entropy
from wengert.layers import Linear, Sequential
from wengert.optimizers import Adam

wengert.seed(0)
model = Sequential(Linear(6, 5), relu, Linear(5, 3))
optimizer = Adam(model)
x, t = np.random.default_rng(1).normal(size=(7, 6)).astype(np.float32), np.arange(7) % 3

@wengert.compile
def step():
    loss = softmax_cross_entropy(model(x), t)
    model.cleargrads()
    loss.backward()
    optimizer.update()
    return float(loss)

losses = [step() for _ in range(5)]
assert step.given_up is None and step.plans[0].run is not None
print(*losses, jit.counts["compiled"], jit.counts["loaded"])
"""


class CacheCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name) / "code"
        changed = mock.patch.dict(os.environ, WENGERT_CACHE=str(self.folder))
        changed.start()
        self.addCleanup(changed.stop)

    def counted(self, text: str, kernels: Any = None) -> tuple[Any, int, int]:
        """Build a module; return how many were compiled, and how many loaded."""
        before = dict(jit.counts)
        made = jit.Module(text, kernels)
        return made, *(jit.counts[key] - before[key] for key in ("compiled", "loaded"))  # type: ignore[return-value]

    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())


def text_of(number: int) -> str:
    """A module with a function that returns a number."""
    return f"define i64 @f() {{\n  ret i64 {number}\n}}\n"


def value(module: Any) -> int:
    import ctypes

    return int(ctypes.CFUNCTYPE(ctypes.c_int64)(module.address("f"))())


class ProcessTest(CacheCase):
    def outcome(self, **environment: str) -> tuple[list[str], int, int]:
        found = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(found.returncode, 0, found.stderr)
        *losses, compiled, loaded = found.stdout.split()
        return losses, int(compiled), int(loaded)

    def test_a_second_process_compiles_nothing(self) -> None:
        losses, compiled, loaded = self.outcome()
        self.assertGreater(compiled, 0)
        self.assertEqual(loaded, 0)
        self.assertEqual(self.outcome(), (losses, 0, compiled))

    def test_several_processes_at_the_same_time(self) -> None:
        programs = [
            subprocess.Popen([sys.executable, "-c", PROGRAM], env=os.environ, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        found = [p.communicate(timeout=120)[0].split() for p in programs]
        self.assertEqual([p.returncode for p in programs], [0, 0, 0])
        self.assertTrue(all(f[:5] == found[0][:5] for f in found))
        self.assertEqual([p for p in self.files() if p.suffix != ".code"], [])
        self.assertEqual(self.outcome()[1], 0)

    def test_an_empty_name_switches_it_off(self) -> None:
        losses, compiled, _ = self.outcome(WENGERT_CACHE="")
        self.assertEqual(self.outcome(WENGERT_CACHE=""), (losses, compiled, 0))
        self.assertFalse(self.folder.exists())

    def test_addresses_are_none_of_the_code(self) -> None:
        """Addresses differ in each process: symbols are bound when code is loaded."""
        made: list[str] = []
        init = jit.Module.__init__

        def noted(self: Any, text: str, kernels: Any = None) -> None:
            init(self, text, kernels)
            made.append(self.text)

        a = np.random.default_rng(0).normal(size=(20, 30))
        f = wengert.compile(lambda x: np.tanh(x @ a) + np.sort(x[:, :1], 0))
        with mock.patch.object(jit.Module, "__init__", noted):
            for _ in range(3):
                f(a.T[:, :20].copy())
        self.assertIsNone(f.given_up)
        self.assertTrue(made)
        for text in made:
            self.assertNotIn("inttoptr", text)


class FilesTest(CacheCase):
    def test_it_is_loaded(self) -> None:
        self.assertEqual(self.counted(text_of(3))[1:], (1, 0))
        module, *found = self.counted(text_of(3))
        self.assertEqual(found, [0, 1])
        self.assertEqual(value(module), 3)

    def test_what_it_is_made_of_is_its_name(self) -> None:
        self.counted(text_of(3))
        changes: list[Any] = [
            mock.patch.object(jit, "PIPELINE", "another"),
            mock.patch.object(wengert, "__version__", "9.9"),
            mock.patch.object(llvmlite, "__version__", "9.9"),
            mock.patch.object(llvmlite.binding, "llvm_version_info", (1, 2, 3)),
            mock.patch.object(llvmlite.binding, "get_host_cpu_name", lambda: "generic"),
        ]
        for change in changes:
            with change, self.subTest(change.attribute):
                self.assertEqual(self.counted(text_of(3))[1:], (1, 0))
                self.assertEqual(self.counted(text_of(3))[1:], (0, 1))
        self.assertEqual(self.counted(text_of(4))[1:], (1, 0))
        self.assertEqual(object_cache.key_of("ab", "c"), object_cache.key_of("ab", "c"))
        self.assertNotEqual(object_cache.key_of("ab", "c"), object_cache.key_of("a", "bc"))

    def test_broken_files_are_made_anew(self) -> None:
        self.counted(text_of(3))
        (path,) = self.files()
        whole = path.read_bytes()
        other = whole[:-1] + bytes([whole[-1] ^ 1])
        for broken in (b"", whole[:10], whole[:32], whole[:-5], whole + b"x", other, b"\0" * len(whole)):
            path.write_bytes(broken)
            module, *found = self.counted(text_of(3))
            self.assertEqual(found, [1, 0])
            self.assertEqual(value(module), 3)
            self.assertEqual(path.read_bytes(), whole)

    def test_the_code_of_another_key(self) -> None:
        self.counted(text_of(3))
        (path,) = self.files()
        self.counted(text_of(4))
        (other,) = (p for p in self.files() if p != path)
        path.write_bytes(other.read_bytes())
        module, *found = self.counted(text_of(3))
        self.assertEqual((found, value(module)), ([1, 0], 3))

    def test_folders_that_cannot_be_written(self) -> None:
        blocked = self.folder.parent / "file"
        blocked.write_text("")
        for place in (blocked, blocked / "below"):
            with mock.patch.dict(os.environ, WENGERT_CACHE=str(place)):
                module, *found = self.counted(text_of(5))
                self.assertEqual((found, value(module)), ([1, 0], 5))
        with mock.patch("os.replace", side_effect=OSError("full")):
            self.assertEqual(value(self.counted(text_of(6))[0]), 6)
        self.assertEqual(self.files(), [], "an unfinished file was left")

    @unittest.skipIf(sys.platform == "win32", "rights of files are those of POSIX")
    def test_code_that_others_may_have_written(self) -> None:
        self.counted(text_of(3))
        (path,) = self.files()
        path.chmod(0o666)
        self.assertEqual(self.counted(text_of(3))[1:], (1, 0))
        self.assertEqual(path.stat().st_mode & 0o077, 0)
        other = mock.patch("os.geteuid", lambda: path.stat().st_uid + 1)
        with other, self.assertWarnsRegex(RuntimeWarning, "belongs to another user"):
            self.assertIsNone(object_cache.load(path.stem))

    def test_the_size_is_bounded(self) -> None:
        self.folder.mkdir(0o700)
        keys = [object_cache.key_of(str(i)) for i in range(7)]
        for i, key in enumerate(keys[:6]):
            object_cache.store(key, bytes([i + 1]) * 1000)
            os.utime(self.folder / f"{key}.code", (1000 + i, 1000 + i))
        self.assertEqual(object_cache.load(keys[0]), b"\1" * 1000)  # (it is the most recently used one now)
        with mock.patch.object(object_cache, "LIMIT", 3 * 1032):
            object_cache.store(keys[6], b"n" * 1000)
            object_cache.store(keys[3], b"n" * 4000)  # (more than there may be)
        self.assertEqual({p.stem for p in self.files()}, {keys[0], keys[5], keys[6]})

    def test_what_others_left_unfinished(self) -> None:
        self.folder.mkdir(0o700)
        key = object_cache.key_of("a")
        ours = f"{key}.{'0' * 16}.part"
        names = {ours: 1e5, f"{key}.{'1' * 16}.part": 5, "film.part": 1e6, "note.txt": 1e6, f"{key}.part": 1e6}
        for name, age in names.items():
            path = self.folder / name
            path.write_text("")
            path.chmod(0o600)
            now = path.stat().st_mtime
            os.utime(path, (now - age, now - age))
        object_cache.store(key, b"code")
        self.assertEqual({p.name for p in self.files()}, {f"{key}.code", *names} - {ours})

    def test_where_it_is(self) -> None:
        here = {"XDG_CACHE_HOME": "/x", "LOCALAPPDATA": "/y", "HOME": "/h", "USERPROFILE": "/h"}
        with mock.patch.dict(os.environ, here):
            del os.environ["WENGERT_CACHE"]
            for platform, place in (("linux", "/x"), ("win32", "/y"), ("darwin", "/h/Library/Caches")):
                with mock.patch("sys.platform", platform):
                    self.assertEqual(object_cache.folder(), Path(place) / "wengert" / "compiled")
            os.environ["WENGERT_CACHE"] = os.path.join("~", "code")
            self.assertEqual(object_cache.folder(), Path("/h/code"))
            os.environ["WENGERT_CACHE"] = ""
            self.assertIsNone(object_cache.folder())

    def test_after_a_fork(self) -> None:
        if "fork" not in multiprocessing.get_all_start_methods():
            self.skipTest("no fork here")
        self.counted(text_of(3))
        child = os.fork()
        if child == 0:
            module, *found = self.counted(text_of(3))
            os._exit(0 if (found, value(module)) == ([0, 1], 3) else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class KernelsTest(CacheCase):
    """A kernel that a living module has is not compiled again."""

    CALLING = """
define i64 @f() {
  %r = alloca i64
  call void @kernel_a(ptr %r)
  %v = load i64, ptr %r
  ret i64 %v
}
"""

    def kernel(self, number: int) -> str:
        return f"(ptr %p) {{\n  store i64 {number}, ptr %p\n  ret void\n}}\n"

    def test_it_is_called_where_it_is(self) -> None:
        first = jit.Module(self.CALLING, {"kernel_a": self.kernel(7)})
        second = jit.Module(self.CALLING + "\n", {"kernel_a": self.kernel(7)})
        self.assertEqual(second.needs, [first])
        self.assertIn("store i64 7", second.text)
        del first  # (the second one needs it)
        self.assertEqual(value(second), 7)

    def test_it_is_gone_with_its_module(self) -> None:
        first = jit.Module(self.CALLING, {"kernel_a": self.kernel(7)})
        self.assertEqual(value(first), 7)
        del first
        second = jit.Module(self.CALLING, {"kernel_a": self.kernel(8)})
        self.assertEqual(second.needs, [])
        self.assertEqual(value(second), 8)

    def test_another_batch(self) -> None:
        """The kernels of the optimizer do not depend on the batch size."""
        model = wengert.layers.Linear(30, 20)
        optimizer = wengert.optimizers.Adam(model)

        def step(x: Any) -> Any:
            loss = np.sum(np.tanh(model(x)))
            model.cleargrads()
            loss.backward()
            optimizer.update()
            return loss.data

        c = wengert.compile(step)
        for batch in (8, 8, 8, 8, 5, 5):
            c(np.ones((batch, 30)))
        self.assertIsNone(c.given_up)
        newer, older = (plan.run.__self__.module for plan in c.plans if plan.run is not None)
        self.assertIn(older, newer.needs)
