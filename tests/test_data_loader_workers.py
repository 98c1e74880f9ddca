"""DataLoader: threads, worker processes and signals."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.loader_cases import Failing, Images, LoaderTest, add_noise, batches
from tests.torture.interrupts import processes_of
from wengert.datasets import ArrayDataset, DataLoader, Dataset, Mapped, Subset
from wengert.datasets.transforms import Compose, OneHot, RandomCrop, RandomErasing, RandomHorizontalFlip
from wengert.functions import randomness

ROOT = Path(__file__).resolve().parent.parent


class Nested(Dataset):
    """Each example reads another loader to its end."""

    def __len__(self) -> int:
        return 4

    def example(self, index: int) -> Any:
        return sum(batch.sum() for batch in DataLoader(np.arange(6.0), batch_size=2, workers=1))


class OddError(Exception):
    """It cannot be made again from its message."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class FailingOddly(Images):
    def example(self, index: int) -> Any:
        if index == 20:
            raise OddError(1, 2)
        return super().example(index)


class Exiting(Images):
    def example(self, index: int) -> Any:
        if index == 20:
            os._exit(7)
        return super().example(index)


class Killed(Images):
    def example(self, index: int) -> Any:
        if index == 20:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().example(index)


class Slow(Images):
    def example(self, index: int) -> Any:
        time.sleep(30 if index else 0)
        return super().example(index)


class Global(Images):
    """Draws from the global generators, as old code does."""

    def example(self, index: int) -> Any:
        return np.array([np.random.random(), randomness.generator().random()])  # noqa: NPY002


class Growing(Images):
    """Batches become larger, and then do not fit where the first was put."""

    def example(self, index: int) -> Any:
        return np.full((1 + index // 10, 100, 100), index)


def ours() -> list[str]:
    """Name what a loader has running."""
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("wengert-data")]
    return threads + [process.name for process in multiprocessing.active_children() if process.name == "wengert-data"]


class AheadTest(LoaderTest):
    def setUp(self) -> None:
        self.addCleanup(lambda: self.assertEqual(ours(), [], "threads and processes are left behind"))

    def test_same_batches_from_threads_and_workers(self) -> None:
        augmented = Compose(RandomCrop(32, padding=4), RandomHorizontalFlip(), RandomErasing(), OneHot(10))
        for transform in (None, augmented):
            options: Any = {"shuffle": True, "seed": 3, "transform": transform}
            here = DataLoader(Images(), 8, **options)
            wanted = batches(here) + batches(here)
            for ahead in ({"threads": 1}, {"threads": 3, "prefetch": 1}, {"workers": 1}, {"workers": 3, "prefetch": 1}):
                loader = DataLoader(Images(), 8, **options, **ahead)
                self.assert_same(batches(loader) + batches(loader), wanted)

    def test_more_workers_than_batches(self) -> None:
        self.assertEqual(len(batches(DataLoader(Images(3), 2, workers=8))), 2)

    def test_batches_of_workers_may_be_written_and_kept(self) -> None:
        found = []
        for x, _ in DataLoader(Images(80), 8, workers=2):  # more batches than slots of shared memory
            x += 1000
            found.append(x)
        for number, x in enumerate(found):
            np.testing.assert_array_equal(x[:, 0, 0, 0], 1000 + np.arange(8 * number, 8 * number + 8))

    def test_batches_that_grow(self) -> None:
        found = batches(DataLoader(Growing(40), 10, workers=2))
        self.assertEqual([x.shape for x in found], [(10, 1 + i, 100, 100) for i in range(4)])
        np.testing.assert_array_equal(found[3][:, 3, 99, 99], np.arange(30, 40))

    def test_without_shared_memory(self) -> None:
        wanted = batches(DataLoader(Images(), 8))
        with mock.patch("wengert.datasets.worker_processes.shared_memory", lambda size: None):
            self.assert_same(batches(DataLoader(Images(), 8, workers=2)), wanted)

    def test_by_every_start_method(self) -> None:
        wanted = batches(DataLoader(Images(40), 8, shuffle=True, seed=1, transform=add_noise))
        for method in ("spawn", default_method()):
            context = multiprocessing.get_context(method)
            with mock.patch("wengert.datasets.worker_processes.start_context", lambda context=context: context):
                loader = DataLoader(Images(40), 8, shuffle=True, seed=1, transform=add_noise, workers=2)
                self.assert_same(batches(loader), wanted)
                self.assertEqual(ours(), [])

    def test_global_generators_differ_between_workers_and_repeat_between_runs(self) -> None:
        first = np.concatenate(batches(DataLoader(Global(16), 4, seed=0, workers=2)))
        again = np.concatenate(batches(DataLoader(Global(16), 4, seed=0, workers=2)))
        np.testing.assert_array_equal(first, again)
        self.assertEqual(len(np.unique(first)), 32)

    def test_an_error_in_a_worker_is_raised_with_its_traceback(self) -> None:
        for dataset, kind in ((Failing(), EOFError), (FailingOddly(), RuntimeError)):
            found = 0
            with self.assertRaises(kind) as caught:
                for _ in DataLoader(dataset, 8, workers=2):
                    found += 1
            self.assertEqual(found, 2, "the batches before it were given")
            notes = "\n".join(caught.exception.__notes__)
            for part in (r"worker process \d+", "in example\n", "while making example 20 of", "raise"):
                self.assertRegex(notes, part)
            self.assertEqual(ours(), [])
        self.assertRegex(str(caught.exception), r"OddError in worker process \d+ of a DataLoader")
        self.assertIn("1 and 2", notes)

    def test_a_worker_that_dies_is_an_error(self) -> None:
        cases: list[tuple[Any, str]] = [(Exiting(), r"worker process \d+ of a DataLoader died with exit code 7")]
        if hasattr(signal, "SIGKILL"):
            cases.append((Killed(), r"worker process \d+ .* died with exit code -9 \(SIGKILL\); .* memory runs out"))
        for dataset, message in cases:
            with self.assertRaisesRegex(RuntimeError, message):
                batches(DataLoader(dataset, 8, workers=2))
            self.assertEqual(ours(), [])

    def test_a_worker_killed_from_outside_while_it_waits(self) -> None:
        loader = iter(DataLoader(Images(200), 4, workers=2))
        next(loader)
        for process in multiprocessing.active_children():
            process.kill()
        with self.assertRaisesRegex(RuntimeError, r"worker process \d+ .* died"):
            for _ in loader:
                pass

    def test_workers_in_workers(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "a worker process cannot have workers of its own; .* threads"):
            list(DataLoader(Nested(), batch_size=2, workers=1))

    def test_what_cannot_be_pickled(self) -> None:
        with self.assertRaisesRegex(TypeError, "through pickle, which failed: .*lambda.*or use threads"):
            batches(DataLoader(Mapped(Images(), lambda example: example), 8, workers=1))

    def test_leaving_early_stops_all(self) -> None:
        for ahead in ({"threads": 2}, {"workers": 2}):
            for _ in DataLoader(Images(), 4, **ahead):
                break
            self.assertEqual(ours(), [])
            with self.assertRaises(ZeroDivisionError):
                for _ in DataLoader(Images(), 4, **ahead):
                    raise ZeroDivisionError
            self.assertEqual(ours(), [])
            iterator = iter(DataLoader(Images(), 4, **ahead))
            next(iterator)
            self.assertNotEqual(ours(), [])
            del iterator
            gc.collect()
            self.assertEqual(ours(), [])

    def test_leaving_does_not_wait_for_slow_workers(self) -> None:
        start = time.monotonic()
        for _ in DataLoader(Slow(8), 1, workers=2):
            break
        self.assertLess(time.monotonic() - start, 10)

    def test_threads_are_in_the_modes_of_the_loop(self) -> None:
        def recorded(example: Any) -> Any:
            x = wengert.Variable(np.ones(2))
            return np.array((x * 2).creator is None)

        with wengert.no_grad():
            self.assertTrue(np.all(batches(DataLoader(range(4), 4, transform=recorded, threads=2))[0]))
        self.assertFalse(np.any(batches(DataLoader(range(4), 4, transform=recorded, threads=2))[0]))

    def test_subsets_and_arrays_in_workers(self) -> None:
        data = Subset(ArrayDataset(np.arange(60.0).reshape(30, 2), np.arange(30)), range(5, 25))
        self.assert_same(batches(DataLoader(data, 3, workers=2)), batches(DataLoader(data, 3)))


def default_method() -> Any:
    return "forkserver" if sys.platform == "linux" else "spawn"


PROGRAM = """
import signal, sys, time
import numpy as np
from tests.test_data_loader import Images
from wengert.datasets import DataLoader

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("ready", flush=True)
    for x, t in DataLoader(Images(100000), 8, workers=2):
        print("batch", flush=True)
        time.sleep({pause})
"""


@unittest.skipIf(sys.platform == "win32", "signals and /proc as on Linux")
class SignalsTest(unittest.TestCase):
    def start(self, pause: float) -> Any:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(pause=pause)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=ROOT,
        )
        self.assertEqual(program.stdout.readline(), "ready\n")  # type: ignore[union-attr]
        self.assertEqual(program.stdout.readline(), "batch\n")  # type: ignore[union-attr]
        return program

    def assert_session_ends(self, session: int) -> None:
        """All processes of a session end: its workers, and what multiprocessing starts beside them."""
        deadline = time.monotonic() + 10
        while (left := processes_of(session)) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(left, [])

    @unittest.skipUnless(Path("/proc/self/stat").exists(), "reads /proc")
    def test_ctrl_c_stops_the_workers(self) -> None:
        program = self.start(0.01)
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does: to all of them
        _, errors = program.communicate(timeout=20)
        self.assertIn("KeyboardInterrupt", errors)
        self.assertNotIn("wengert-data", errors, "workers say nothing")
        self.assert_session_ends(program.pid)

    @unittest.skipUnless(Path("/proc/self/stat").exists(), "reads /proc")
    def test_workers_end_when_the_parent_is_killed(self) -> None:
        program = self.start(0.01)
        program.kill()
        program.communicate(timeout=20)
        self.assert_session_ends(program.pid)

    def test_script_without_guard_is_reported(self) -> None:
        """By every way to start workers that imports the script: else it would run again in each of them."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        programs = {}
        for method in ("spawn", "forkserver", None):
            chosen = "if True:"
            if method is not None:
                chosen = f"import multiprocessing; multiprocessing.set_start_method('{method}', force=True)\nif True:"
            source = PROGRAM.replace('if __name__ == "__main__":', chosen).format(pause=0)
            path = ROOT / "tests" / f"unguarded_program_{method}.py"
            path.write_text(source.replace("100000", "100"), encoding="utf-8")
            self.addCleanup(path.unlink)
            programs[method] = subprocess.Popen(
                [sys.executable, str(path)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=ROOT,
            )
        for method, program in programs.items():
            with self.subTest(method):
                _, errors = program.communicate(timeout=60)
                self.assertEqual(program.returncode, 1)
                self.assertRegex(errors, r'RuntimeError: (a )?worker process.*died.*`if __name__ == "__main__":`')
