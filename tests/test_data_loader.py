"""DataLoader: the same batches whoever makes them; nothing hangs, nothing stays behind."""

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
from tests.torture.interrupts import processes_of
from wengert.datasets import ArrayDataset, DataLoader, Dataset, Mapped, Subset, collate
from wengert.datasets.transforms import Compose, OneHot, RandomCrop, RandomErasing, RandomHorizontalFlip
from wengert.functions import randomness

ROOT = Path(__file__).resolve().parent.parent


class Nested(Dataset):
    """Each example reads another loader to its end."""

    def __len__(self) -> int:
        return 4

    def example(self, index: int) -> Any:
        return sum(batch.sum() for batch in DataLoader(np.arange(6.0), batch_size=2, workers=1))


class Images(Dataset):
    """Examples made one by one: large enough together that workers use shared memory."""

    def __init__(self, length: int = 50, side: int = 32) -> None:
        self.length = length
        self.side = side

    def __len__(self) -> int:
        return self.length

    def example(self, index: int) -> Any:
        image = np.arange(self.side**2, dtype=np.float32).reshape(1, self.side, self.side)
        return image / self.side**2 + index, index % 10


class Failing(Images):
    def example(self, index: int) -> Any:
        if index == 20:
            raise EOFError("the file of this image is cut off")  # (a pipe raises such, too)
        return super().example(index)


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


def add_noise(example: Any, rng: np.random.Generator) -> Any:
    x, t = example
    return x + rng.random(x.shape, np.float32), t


def as_dict(examples: list[Any]) -> Any:
    return {"x": np.stack([x for x, _ in examples]), "t": [t for _, t in examples]}


def batches(loader: Any) -> list[Any]:
    return list(loader)


def ours() -> list[str]:
    """Name what a loader has running."""
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("wengert-data")]
    return threads + [process.name for process in multiprocessing.active_children() if process.name == "wengert-data"]


class LoaderTest(unittest.TestCase):
    def assert_same(self, found: list[Any], wanted: list[Any]) -> None:
        self.assertEqual(len(found), len(wanted))
        for one, other in zip(found, wanted, strict=True):
            self.assertEqual(len(one), len(other))
            for a, b in zip(one, other, strict=True):
                self.assertEqual((a.dtype, a.shape), (b.dtype, b.shape))
                np.testing.assert_array_equal(a, b)


class BatchesTest(LoaderTest):
    def test_in_order(self) -> None:
        loader = DataLoader(ArrayDataset(np.arange(10), np.arange(10.0) / 2), 4)
        found = batches(loader)
        self.assertEqual([x.tolist() for x, _ in found], [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
        np.testing.assert_array_equal(found[1][1], [2, 2.5, 3, 3.5])
        self.assertEqual(len(loader), 3)
        self.assertEqual(loader.batch_size, 4)

    def test_length(self) -> None:
        for n in (1, 3, 4, 5, 8):
            for drop_last in (False, True):
                if n < 4 and drop_last:
                    continue
                loader = DataLoader(range(n), 4, drop_last=drop_last)
                self.assertEqual(len(loader), len(batches(loader)))
                self.assertEqual(sum(map(len, loader)), n // 4 * 4 if drop_last else n)

    def test_shuffled_differently_in_each_epoch_and_all_there(self) -> None:
        loader = DataLoader(range(100), 7, shuffle=True, seed=1)
        epochs = [np.concatenate(batches(loader)) for _ in range(3)]
        for epoch in epochs:
            np.testing.assert_array_equal(np.sort(epoch), np.arange(100))
        self.assertEqual(len({tuple(epoch) for epoch in epochs}), 3)
        again = DataLoader(range(100), 7, shuffle=True, seed=1)
        np.testing.assert_array_equal(np.concatenate(batches(again)), epochs[0])
        other = DataLoader(range(100), 7, shuffle=True, seed=2)
        self.assertFalse(np.array_equal(np.concatenate(batches(other)), epochs[0]))

    def test_seed_is_drawn_only_where_it_is_needed(self) -> None:
        state = randomness.generator().bit_generator.state
        self.addCleanup(setattr, randomness.generator().bit_generator, "state", state)
        randomness.seed(5)
        before = randomness.generator().bit_generator.state
        DataLoader(range(9))
        DataLoader(range(9), shuffle=True, seed=3)
        self.assertEqual(randomness.generator().bit_generator.state, before)
        first = DataLoader(range(9), shuffle=True)
        self.assertNotEqual(first.seed, DataLoader(range(9), shuffle=True).seed)
        randomness.seed(5)
        self.assertEqual(first.seed, DataLoader(range(9), shuffle=True).seed)

    def test_any_sequence(self) -> None:
        self.assertEqual([b.tolist() for b in DataLoader([5, 6, 7], 2)], [[5, 6], [7]])
        np.testing.assert_array_equal(batches(DataLoader(np.eye(3), 2))[1], [[0, 0, 1]])
        np.testing.assert_array_equal(batches(DataLoader([(1, 2.5)], 2))[0][1], [2.5])

    def test_collate(self) -> None:
        loader = DataLoader(Images(3), 2, collate=as_dict)
        self.assertEqual(batches(loader)[1]["t"], [2])

    def test_batches_of_an_array_dataset_do_not_share_its_memory(self) -> None:
        x = np.zeros((8, 2))
        for (batch,) in DataLoader(ArrayDataset(x), 4):
            batch += 1
        self.assertEqual(x.sum(), 0)

    def test_transform_with_and_without_generator(self) -> None:
        def scaled(example: Any, scale: float = 2.0) -> Any:
            return example * scale  # the second parameter is not for a generator

        def drawn(example: Any, rng: Any = None) -> Any:
            return rng.random()

        self.assertEqual(batches(DataLoader([1.0, 2.0], 2, transform=scaled))[0].tolist(), [2, 4])
        self.assertEqual(batches(DataLoader([1.0], 1, transform=lambda example: -example))[0].tolist(), [-1])
        self.assertNotEqual(*batches(DataLoader([1.0, 1.0], 2, seed=0, transform=drawn))[0])
        self.assertNotEqual(*batches(DataLoader([1.0, 1.0], 2, seed=0, transform=lambda e, r: r.random()))[0])

    def test_random_numbers_of_an_example_depend_on_seed_epoch_and_index_alone(self) -> None:
        def drawn(example: Any, rng: Any) -> Any:
            return example, rng.random()

        def numbers(loader: DataLoader) -> dict[int, float]:
            return {int(i): float(u) for x, us in loader for i, u in zip(x, us, strict=True)}

        plain = DataLoader(range(30), 7, seed=4, transform=drawn)
        shuffled = DataLoader(range(30), 4, seed=4, shuffle=True, transform=drawn)
        first = numbers(plain)
        self.assertEqual(first, numbers(shuffled))
        second = numbers(plain)
        self.assertEqual(second, numbers(shuffled))
        other = numbers(DataLoader(range(30), 7, seed=5, transform=drawn))
        self.assertEqual(len({*first.values(), *second.values(), *other.values()}), 90)

    def test_generators_of_examples_are_philox_of_seed_epoch_and_index(self) -> None:
        (drawn,) = DataLoader(range(5), 5, seed=6, transform=lambda example, rng: rng.random(3))
        key = np.random.SeedSequence(6, spawn_key=(1,)).generate_state(2, np.uint64)
        for index in range(5):
            wanted = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, index, 0])).random(3)
            np.testing.assert_array_equal(drawn[index], wanted)

    def test_an_error_names_the_example(self) -> None:
        for options in ({}, {"threads": 2}, {"transform": add_noise, "seed": 0}):
            with self.assertRaisesRegex(EOFError, "cut off") as caught:
                batches(DataLoader(Failing(), 8, **options))
            self.assertIn("while making example 20 of Failing", caught.exception.__notes__)

    def test_masked_arrays_are_refused(self) -> None:
        masked = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], [[True, False], [False, False]])
        for pattern, make in (
            (r"argument 1 is a masked array; fill", lambda: ArrayDataset(np.zeros(2), masked)),
            (r"a batch is made of arrays, but example 0 is a masked array; fill", lambda: collate(list(masked))),
            ("DataLoader takes a data set, but this is a masked array; fill", lambda: DataLoader(masked)),
        ):
            with self.subTest(pattern), self.assertRaisesRegex(TypeError, pattern):
                make()

    def test_wrong_arguments(self) -> None:
        data = range(9)
        for arguments, options, kind, message in (
            (({0: 1},), {}, TypeError, "takes a data set, with __len__ and __getitem__, but got dict"),
            ((np.array(1.0),), {}, TypeError, r"with __len__ and __getitem__, but got ndarray of shape \(\)"),
            (([],), {}, ValueError, "empty data set: list has no examples"),
            ((ArrayDataset(np.zeros((0, 3))),), {}, ValueError, "empty data set: ArrayDataset"),
            ((data, 0), {}, ValueError, "batch_size of DataLoader must be an integer of at least 1, but got int 0"),
            ((data, -3), {}, ValueError, "batch_size of DataLoader must be an integer of at least 1, but got int -3"),
            ((data, 2.0), {}, TypeError, "batch_size of DataLoader must be an integer .*, but got float 2.0"),
            ((data, True), {}, TypeError, "batch_size of DataLoader must be an integer .*, but got bool True"),
            ((data, 10), {"drop_last": True}, ValueError, "9 examples do not fill a batch of 10, and drop_last=True"),
            ((data,), {"threads": -1}, ValueError, "threads of DataLoader must be an integer .*, but got int -1"),
            ((data,), {"workers": 1.5}, TypeError, "workers of DataLoader must be an integer .*, but got float 1.5"),
            ((data,), {"threads": 1, "workers": 1}, ValueError, "threads or workers, not both"),
            ((data,), {"prefetch": 0}, ValueError, "prefetch of DataLoader must be an integer .*, but got int 0"),
            ((data,), {"transform": 3}, TypeError, "transform of DataLoader must be a function, but got int 3"),
            ((data,), {"collate": "x"}, TypeError, "collate of DataLoader must be a function, but got str 'x'"),
            ((data,), {"seed": -1}, ValueError, "seed of DataLoader must be an integer .*, but got int -1"),
            ((data,), {"seed": 2**64}, ValueError, "seed of DataLoader must be an integer .*, but got an int"),
            ((data,), {"seed": 0.5}, TypeError, "seed of DataLoader must be an integer .*, but got float 0.5"),
            (((np.ones(3), np.ones(3)),), {}, TypeError, r"got tuple; write ArrayDataset\(x, t\)"),
            ((iter(data),), {}, TypeError, "with __len__ and __getitem__, but got range_iterator"),
        ):
            with self.subTest(message=message), self.assertRaisesRegex(kind, message):
                DataLoader(*arguments, **options)

    def test_shapes_that_differ(self) -> None:
        data = [(np.zeros(2 + (i == 5)), i) for i in range(8)]
        with self.assertRaisesRegex(ValueError, r"example 4\[0\] has \(2,\), but example 5\[0\] has \(3,\)"):
            batches(DataLoader(data, 4))


class ResumeTest(LoaderTest):
    def loader(self, **options: Any) -> DataLoader:
        return DataLoader(Images(25), 4, shuffle=True, transform=add_noise, **options)

    def test_resumed_anywhere_equals_uninterrupted(self) -> None:
        whole = self.loader(seed=9)
        wanted = batches(whole) + batches(whole)
        for stop in range(15):
            first = self.loader(seed=9)
            found: list[Any] = []
            while len(found) < stop:
                for batch in first:
                    found.append(batch)
                    if len(found) == stop:
                        break
            second = self.loader(seed=1234)
            second.load_state_dict(first.state_dict())
            while second.epoch < 2:
                found += batches(second)
            self.assert_same(found, wanted)

    def test_resumed_by_threads_and_workers(self) -> None:
        whole = batches(self.loader(seed=9))
        for options in ({"threads": 2}, {"workers": 2}):
            first = self.loader(seed=9)
            for number, _ in enumerate(first):
                if number == 2:
                    break
            second = self.loader(seed=0, **options)
            second.load_state_dict(first.state_dict())
            self.assert_same(batches(second), whole[3:])
            self.assertEqual((second.epoch, second.position), (1, 0))

    def test_state_is_arrays_and_survives_a_file(self) -> None:
        loader = self.loader(seed=2**64 - 1)
        next(iter(loader))
        state = loader.state_dict()
        self.assertEqual({type(value) for value in state.values()}, {np.ndarray})
        self.assertEqual((int(state["seed"]), int(state["position"])), (2**64 - 1, 1))
        other = self.loader(seed=0)
        other.load_state_dict({name: np.array([value]).reshape(()) for name, value in state.items()})
        self.assertEqual((other.seed, other.epoch, other.position), (2**64 - 1, 0, 1))

    def test_counting(self) -> None:
        loader = DataLoader(range(6), 2)
        seen = [(loader.epoch, loader.position) for _ in range(2) for _ in loader]
        self.assertEqual(seen, [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)])
        self.assertEqual((loader.epoch, loader.position), (2, 0))

    def test_loop_after_one_that_was_left_is_a_new_and_whole_epoch(self) -> None:
        loader = DataLoader(range(40), 4, shuffle=True, seed=0)
        peeked = next(iter(loader))
        found = np.concatenate(batches(loader))
        self.assertEqual(sorted(found), list(range(40)))
        self.assertFalse(np.array_equal(found[:4], peeked))
        self.assertEqual((loader.epoch, loader.position), (2, 0))

    def test_goes_on_in_the_same_process(self) -> None:
        loader = DataLoader(range(6), 2)
        next(iter(loader))
        loader.load_state_dict(loader.state_dict())
        self.assertEqual([b.tolist() for b in loader], [[2, 3], [4, 5]])
        self.assertEqual([b.tolist() for b in loader], [[0, 1], [2, 3], [4, 5]])

    def test_two_iterators_at_once(self) -> None:
        loader = DataLoader(range(6), 2, shuffle=True, seed=0)
        for one, other in zip(loader, loader, strict=True):
            self.assertEqual(len(one), len(other))
        loader = DataLoader(range(6), 2)
        self.assertEqual(len([0 for _ in loader for _ in loader]), 9)

    def test_wrong_states(self) -> None:
        loader = DataLoader(range(20), 4, seed=0)
        next(iter(loader))
        state = loader.state_dict()
        for other, message in (
            (DataLoader(range(20), 5), "batch_size = 4, but the loader has batch_size = 5"),
            (DataLoader(range(21), 4), "examples = 20, but the loader has examples = 21"),
            (DataLoader(range(20), 4, shuffle=True), "shuffle = 0, but the loader has shuffle = 1"),
            (DataLoader(range(20), 4, drop_last=True), "drop_last = 0, but the loader has drop_last = 1"),
        ):
            with self.assertRaisesRegex(ValueError, f"at batch 1 of an epoch with {message}"):
                other.load_state_dict(state)
            self.assertEqual((other.epoch, other.position), (0, 0))
        other.load_state_dict(DataLoader(range(20), 5, seed=0).state_dict())  # between epochs, sizes may change
        with self.assertRaisesRegex(ValueError, r"has the names \['batch_size', .* but got \['epoch'\]"):
            loader.load_state_dict({"epoch": 1})
        with self.assertRaisesRegex(ValueError, "not a state of a DataLoader of 5 batches"):
            loader.load_state_dict(state | {"position": np.array(6)})


class AheadTest(LoaderTest):
    def setUp(self) -> None:
        self.addCleanup(lambda: self.assertEqual(ours(), [], "threads and processes are left behind"))

    def test_same_batches_whoever_makes_them(self) -> None:
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

    def test_script_without_guard_is_told(self) -> None:
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


if __name__ == "__main__":
    unittest.main()
