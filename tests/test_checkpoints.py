"""Whole runs in files: a resumed run equals an uninterrupted one to the bit."""

import errno
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert.core.variable import Parameter
from wengert.datasets.data_loader import DataLoader
from wengert.datasets.dataset import ArrayDataset
from wengert.functions._dropout import dropout
from wengert.functions.randomness import generator, seed
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.layers.normalization import BatchNorm
from wengert.layers.weights import load_weights, read_metadata, read_weights, save_weights, write_arrays
from wengert.optimizers.adam import Adam, AdamW
from wengert.optimizers.plateau import ReduceOnPlateau
from wengert.optimizers.schedules import CosineDecay, LinearDecay
from wengert.optimizers.sgd import SGD, Momentum
from wengert.training import Callback, Trainer, load_run, save_run
from wengert.training.tree import pack, unpack

ROOT = Path(__file__).resolve().parent.parent
X = np.random.default_rng(0).normal(size=(52, 6)).astype(np.float32)
T = np.random.default_rng(1).normal(size=(52, 2)).astype(np.float32)


class Net(Layer):
    """All that has a state: lazy sizes, running means, random numbers of the process and of its own."""

    def __init__(self) -> None:
        self.first, self.norm, self.last = Linear(8), BatchNorm(8), Linear(8, 2)
        self.noise = np.random.default_rng(3)

    def forward(self, x: Any) -> Any:
        h = np.tanh(self.norm(self.first(x)))
        if self.training:
            h = h + self.noise.normal(size=h.shape).astype(np.float32) / 10
        return self.last(dropout(h, 0.3))


def mean_squared(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


class Shuffled:
    """Batches that know no place, and draw from the stream that the layers draw from."""

    def __iter__(self) -> Any:
        order = generator().permutation(len(X))
        for start in range(0, len(X), 7):
            yield X[order[start : start + 7]], T[order[start : start + 7]]


def loaders(kind: str) -> Any:
    if kind == "iterable":
        return Shuffled()
    threads = 2 if kind == "threads" else 0
    return DataLoader(ArrayDataset(X, T), batch_size=7, shuffle=True, threads=threads)


def make(kind: str = "loader", callbacks: Any = (), rule: Any = Adam, accumulate: int = 1) -> tuple[Trainer, Any, Any]:
    model = Net()
    optimizer = rule(model, 0.01)
    schedule = CosineDecay(optimizer, 40)
    trainer = Trainer(
        model,
        optimizer,
        mean_squared,
        metrics={"error": lambda y, t: float(np.abs(y - t).mean())},
        schedule=schedule,
        clip_norm=1.0,
        accumulate=accumulate,
        callbacks=callbacks,
        progress=False,
    )
    return trainer, loaders(kind), DataLoader(ArrayDataset(X[:20], T[:20]), batch_size=8)


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.at = step

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        if trainer.steps == self.at:
            trainer.stop()


def without_seconds(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@unittest.skipIf(importlib.util.find_spec("safetensors") is None, "needs safetensors: pip install wengert[train]")
class InAFolder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "run.safetensors"

    def assert_same(self, one: Trainer, other: Trainer) -> None:
        for ours, theirs in ((one.model, other.model), (one.optimizer, other.optimizer)):
            found, expected = ours.state_dict(), theirs.state_dict()
            self.assertEqual(set(found), set(expected))
            for name, array in found.items():
                self.assertEqual(array.tobytes(), expected[name].tobytes(), name)
        self.assertEqual(without_seconds(one.history), without_seconds(other.history))
        self.assertEqual((one.epoch, one.steps, one.best), (other.epoch, other.steps, other.best))


class ResumeTest(InAFolder):
    def check(self, stops: list[int], kind: str = "loader", **options: Any) -> None:
        seed(0)
        whole, train, valid = make(kind, **options)
        whole.fit(train, valid, epochs=4, patience=3)
        self.assertEqual(whole.epoch, 4)
        after = generator().random(3)
        seed(0)
        for number, stop in enumerate([*stops, 10**9]):
            if number:
                seed(100 + number)  # as in a fresh process
            trainer, train, valid = make(kind, callbacks=[StopAt(stop)], **options)
            trainer.fit(train, valid, epochs=4, patience=3, checkpoint=self.path)
            if stop < 10**9:
                self.assertEqual(trainer.steps, stop)
                self.assertTrue(trainer.history[-1].get("partial"))
        self.assert_same(trainer, whole)
        np.testing.assert_array_equal(generator().random(3), after)

    def test_in_mid_epoch(self) -> None:
        self.check([3, 11, 19, 27])

    def test_at_the_first_step_and_at_the_end_of_an_epoch(self) -> None:
        self.check([1, 8, 16, 32])

    def test_with_momentum(self) -> None:
        self.check([10], rule=Momentum)

    def test_with_threads(self) -> None:
        self.check([11, 13], kind="threads")

    def test_batches_without_a_position(self) -> None:
        self.check([3, 11], kind="iterable")

    def test_with_accumulated_gradients(self) -> None:
        self.check([2, 5, 9], accumulate=3)

    def test_within_one_process(self) -> None:
        for kind in ("loader", "iterable"):
            seed(0)
            whole, train, valid = make(kind)
            whole.fit(train, valid, epochs=3)
            seed(0)
            trainer, train, valid = make(kind, callbacks=[StopAt(5), StopAt(13)])
            for steps, rows in ((5, 1), (13, 2), (24, 3)):
                trainer.fit(train, valid, epochs=3)
                self.assertEqual((trainer.steps, len(trainer.history)), (steps, rows))
            self.assert_same(trainer, whole)

    def test_saved_by_hand_and_loaded_by_hand(self) -> None:
        seed(0)
        whole, train, valid = make()
        whole.fit(train, valid, epochs=3)
        seed(0)
        trainer, train, valid = make(callbacks=[StopAt(12)])
        trainer.fit(train, valid, epochs=3)
        save_run(self.path, trainer)
        other, train, valid = make()
        load_run(self.path, other)
        save_run(self.path, other)  # before it has gone on
        third, train, valid = make()
        load_run(self.path, third)
        generator().random(17)
        third.fit(train, valid, epochs=3)
        self.assert_same(third, whole)

    def test_every_so_many_steps(self) -> None:
        seed(0)
        whole, train, valid = make()
        whole.fit(train, valid, epochs=3)
        seed(0)

        class Dies(Callback):
            def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
                if trainer.steps == 13:
                    raise MemoryError("as if killed")

        trainer, train, valid = make(callbacks=[Dies()])
        with self.assertRaisesRegex(MemoryError, "as if killed"):
            trainer.fit(train, valid, epochs=3, checkpoint=self.path, every=5)
        trainer, train, valid = make()
        load_run(self.path, trainer)
        self.assertEqual((trainer.steps, trainer.epoch), (10, 1))
        trainer.fit(train, valid, epochs=3, checkpoint=self.path, every=5)
        self.assert_same(trainer, whole)
        again, train, valid = make()
        again.fit(train, valid, epochs=3, checkpoint=self.path)
        self.assert_same(again, whole)

    def test_a_plateau_and_a_callback_with_a_state(self) -> None:
        class Counts(Callback):
            def __init__(self) -> None:
                self.calls = 0

            def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
                self.calls += 1
                row["calls"] = self.calls

            def state_dict(self) -> dict[str, Any]:
                return {"calls": self.calls}

            def load_state_dict(self, state: dict[str, Any]) -> None:
                self.calls = state["calls"]

        def build(*callbacks: Callback) -> Trainer:
            model = Net()
            optimizer = SGD(model, 0.1)
            schedule = ReduceOnPlateau(optimizer, 0.5, patience=0, threshold=0.5)
            return Trainer(
                model, optimizer, mean_squared, schedule=schedule, callbacks=[*callbacks, Counts()], progress=False
            )

        seed(0)
        whole = build()
        whole.fit(loaders("loader"), epochs=5)
        self.assertLess(whole.history[-1]["learning_rate"], 0.1)
        seed(0)
        build(StopAt(20)).fit(loaders("loader"), epochs=5, checkpoint=self.path)
        trainer = build()
        trainer.fit(loaders("loader"), epochs=5, checkpoint=self.path)
        self.assert_same(trainer, whole)
        self.assertEqual([row["calls"] for row in trainer.history], [1, 2, 3, 4, 5])

    def test_a_finished_run_is_not_trained_again_but_can_be_made_longer(self) -> None:
        seed(0)
        whole, train, valid = make()
        whole.fit(train, valid, epochs=3, patience=np.inf, checkpoint=self.path)
        same, train, valid = make()
        same.fit(train, valid, epochs=3, patience=np.inf, checkpoint=self.path)
        self.assert_same(same, whole)
        longer, train, valid = make()
        longer.fit(train, valid, epochs=4, checkpoint=self.path)
        self.assertEqual(longer.epoch, 4)
        anew, train, valid = make()
        anew.fit(train, valid, epochs=1, checkpoint=self.path, resume=False)
        self.assertEqual(anew.epoch, 1)

    def test_in_fresh_processes(self) -> None:
        script = """
            import sys, hashlib
            import wengert
            from tests.test_checkpoints import StopAt, make
            wengert.seed(int(sys.argv[1]))
            trainer, train, valid = make(callbacks=[StopAt(int(sys.argv[2]))])
            trainer.fit(train, valid, epochs=2, checkpoint=sys.argv[3] or None)
            numbers = b"".join(a.tobytes() for a in trainer.model.state_dict().values())
            print(trainer.steps, hashlib.sha256(numbers).hexdigest(), [row["loss"].hex() for row in trainer.history])
        """

        def python(*args: Any) -> str:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", textwrap.dedent(script), *map(str, args)]
            run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
            self.assertEqual(run.returncode, 0, run.stderr)
            return run.stdout

        whole = python(5, -1, "")
        self.assertEqual(python(5, -1, ""), whole, "same seed, same numbers")
        self.assertNotEqual(python(6, -1, ""), whole)
        self.assertTrue(python(5, 11, self.path).startswith("11 "))
        self.assertEqual(python(77, -1, self.path), whole)


class FileTest(InAFolder):
    def test_what_is_in_it(self) -> None:
        trainer, train, valid = make()
        trainer.fit(train, valid, epochs=1, checkpoint=self.path)
        arrays = read_weights(self.path)
        self.assertLessEqual({"model.first.weight", "optimizer.state.first.weight.step"}, set(arrays))
        self.assertIn("bit_generator", json.dumps(json.loads(read_metadata(self.path)["run"])["random"]))
        net = Net()
        load_weights(net, self.path, {"model.": "", "optimizer.": None, "run.": None})
        np.testing.assert_array_equal(net.last.weight.data, trainer.model.last.weight.data)
        self.assertEqual(os.listdir(self.folder), ["run.safetensors"])

    def test_a_full_disk_keeps_the_old_one(self) -> None:
        trainer, train, valid = make()
        trainer.fit(train, valid, epochs=1, checkpoint=self.path)
        before = self.path.read_bytes()
        full = OSError(errno.ENOSPC, "No space left on device")
        with (
            mock.patch("wengert.layers.weights.os.fsync", side_effect=full),
            self.assertRaisesRegex(OSError, "No space left"),
        ):
            trainer.fit(train, valid, epochs=1, checkpoint=self.path)
        self.assertEqual(self.path.read_bytes(), before)
        self.assertEqual(os.listdir(self.folder), ["run.safetensors"])

    def test_files_that_are_no_run(self) -> None:
        trainer, _, _ = make()
        trainer.model(X)
        save_weights(trainer.model, self.path)
        with self.assertRaisesRegex(ValueError, r"run.safetensors has 9 arrays, but no run; .* load_weights\(model"):
            load_run(self.path, trainer)
        write_arrays(self.path, {}, {"run": "{}", "wengert": "9"}, "a test")
        with self.assertRaisesRegex(ValueError, "saved in version 9 of the format of runs, but this is for version 1"):
            load_run(self.path, trainer)
        for text in (
            "{",
            "[]",
            "{}",
            "3",
            '{"run": {}}',
            '{"run": {"epoch": {"__array__": "x"}}}',
            '{"run": {"other": 1}}',
        ):
            write_arrays(self.path, {}, {"run": text, "wengert": "1"}, "a test")
            with self.subTest(text), self.assertRaisesRegex(ValueError, "the run in .*run.safetensors is damaged"):
                load_run(self.path, trainer)
        self.path.write_bytes(b"")
        with self.assertRaisesRegex(ValueError, "run.safetensors is not a complete safetensors file: it is empty"):
            trainer.fit(loaders("loader"), checkpoint=self.path)
        with self.assertRaises(FileNotFoundError):
            load_run(self.folder / "none", trainer)
        with self.assertRaisesRegex(TypeError, r"load_run takes \(path, trainer\), but got Net as the trainer"):
            load_run(self.path, trainer.model)  # type: ignore[arg-type]

    def test_of_another_model_or_optimizer_changes_nothing(self) -> None:
        trainer, train, valid = make()
        trainer.fit(train, valid, epochs=1, checkpoint=self.path)
        other = Net()
        other.last = Linear(8, 3)
        with self.assertRaisesRegex(ValueError, r"last.weight has the shape \(3, 8\), but got \(2, 8\)") as caught:
            adam = Adam(other)
            schedule = CosineDecay(adam, 40)
            Trainer(other, adam, mean_squared, schedule=schedule, progress=False).fit(train, checkpoint=self.path)
        self.assertRegex(caught.exception.__notes__[-1], "read from .*run.safetensors; .* resume=False")
        other = Net()
        other(X)
        before = other.state_dict()
        with self.assertRaisesRegex(ValueError, "the run was made with Adam as its optimizer, but the trainer has SGD"):
            load_run(self.path, Trainer(other, SGD(other), mean_squared, progress=False))
        with self.assertRaisesRegex(ValueError, "made with Adam as its optimizer, but the trainer has AdamW"):
            load_run(self.path, Trainer(other, AdamW(other), mean_squared, progress=False))
        with self.assertRaisesRegex(ValueError, "made with CosineDecay as its schedule, but the trainer has None"):
            load_run(self.path, Trainer(other, Adam(other), mean_squared, progress=False))
        adam = Adam(other)
        schedule = LinearDecay(adam, 5)
        with self.assertRaisesRegex(ValueError, "CosineDecay as its schedule, but the trainer has LinearDecay"):
            load_run(self.path, Trainer(other, adam, mean_squared, schedule=schedule, progress=False))
        for name, array in other.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    def test_a_callback_that_does_not_take_its_state_changes_nothing(self) -> None:
        class Forgets(Callback):
            def state_dict(self) -> Any:
                return {"seen": 3}

            def load_state_dict(self, state: Any) -> None:
                raise KeyError("unseen")

        trainer, train, valid = make(callbacks=[Forgets()])
        trainer.fit(train, valid, epochs=1, checkpoint=self.path)
        seed(5)
        other, _, _ = make(callbacks=[Forgets()])
        other.model(X)
        before = [thing.state_dict() for thing in (other.model, other.optimizer, other.schedule)]
        drawn = generator().bit_generator.state
        with self.assertRaisesRegex(KeyError, "unseen"):
            load_run(self.path, other)
        after = [thing.state_dict() for thing in (other.model, other.optimizer, other.schedule)]
        np.testing.assert_equal(after, before)
        self.assertEqual((other.steps, generator().bit_generator.state), (0, drawn))

    def test_a_loader_of_other_data(self) -> None:
        trainer, train, valid = make(callbacks=[StopAt(3)])
        trainer.fit(train, valid, epochs=1, checkpoint=self.path)
        trainer, _, _ = make()
        other = DataLoader(ArrayDataset(X[:30], T[:30]), batch_size=7, shuffle=True)
        with self.assertRaisesRegex(ValueError, "examples = 52, but the loader has examples = 30"):
            trainer.fit(other, valid, epochs=1, checkpoint=self.path)

    def test_other_callbacks(self) -> None:
        class Remembers(Callback):
            def state_dict(self) -> Any:
                return {"seen": object()}

            def load_state_dict(self, state: Any) -> None: ...

        trainer, train, _ = make()
        trainer.fit(train, checkpoint=self.path)
        trainer, train, _ = make(callbacks=[Remembers()])
        with self.assertRaisesRegex(
            ValueError, r"made with \[\] as its callbacks with a state, but the trainer has \['Remembers'\]"
        ):
            load_run(self.path, trainer)
        with self.assertRaisesRegex(TypeError, r"a state consists of arrays, .* but run.callbacks.0.seen is object"):
            trainer.fit(train, checkpoint=self.path, resume=False)


class TreeTest(unittest.TestCase):
    def test_round_trip(self) -> None:
        big = np.random.default_rng(0).bit_generator.state
        old = np.random.Generator(np.random.MT19937(0)).bit_generator.state  # with an array
        tree = {"big": big, "old": old, "list": [1, 2.5, None, True, "x", [np.array(3)]], "e": {}}
        tree["odd"] = [float("inf"), 0.1 + 0.2, -0.0]
        arrays: dict[str, Any] = {}
        found = unpack(json.loads(json.dumps(pack(tree, "t", arrays))), arrays)
        np.testing.assert_equal(found, tree)
        for kind in (np.random.PCG64, np.random.MT19937):
            bits = kind()
            bits.state = found["big" if kind is np.random.PCG64 else "old"]
            self.assertEqual(np.random.Generator(bits).random(), np.random.Generator(kind(0)).random())

    def test_unsupported_types(self) -> None:
        for tree, place in (({"a": [object()]}, "t.a.0 is object"), ({1: 2}, "t is dict"), ({1j}, "t is set")):
            with self.assertRaisesRegex(TypeError, f"a state consists of .* but {place}"):
                pack(tree, "t", {})
        with self.assertRaisesRegex(ValueError, "t.a has the key '__array__', which stands for arrays; rename it"):
            pack({"a": {"__array__": "b"}}, "t", {})
        with self.assertRaisesRegex(ValueError, "two arrays of a state are both called 't.a.b'"):
            pack({"a": {"b": np.zeros(1)}, "a.b": np.zeros(1)}, "t", {})


class LazyTest(InAFolder):
    def test_a_parameter_that_is_not_made_yet_cannot_be_saved(self) -> None:
        trainer, _, _ = make()
        self.assertIsInstance(trainer.model.first.weight, Parameter)
        with self.assertRaisesRegex(ValueError, "no values yet for first.weight"):
            save_run(self.path, trainer)
        self.assertEqual(os.listdir(self.folder), [])
        self.assertTrue(wengert.is_training())


if __name__ == "__main__":
    unittest.main()
