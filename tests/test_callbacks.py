"""Callbacks that come with the library: moving averages, early stopping, best weights, CSV, TensorBoard; and arrays."""

import csv
import importlib.util
import struct
import tempfile
import unittest
import unittest.mock
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.trainer_cases import BATCHES, T, X, line, make, mean_squared, values
from wengert.datasets import ArrayDataset, DataLoader
from wengert.layers import BatchNorm, Linear, Sequential, load_weights
from wengert.optimizers import SGD, Adam
from wengert.training import EMA, BestWeights, Callback, CSVLogger, EarlyStopping, TensorBoard, Trainer

HAS_FILES = importlib.util.find_spec("safetensors") is not None


class Scripted(Callback):
    """Puts given numbers into the history."""

    def __init__(self, *numbers: float) -> None:
        self.numbers = numbers

    def on_epoch_end(self, trainer: Any, row: dict[str, Any]) -> None:
        row["score"] = self.numbers[min(trainer.epoch, len(self.numbers)) - 1]


class EMATest(unittest.TestCase):
    def test_the_averages_are_those_computed_by_hand(self) -> None:
        for dtype in (np.float64, np.float32, np.float16):
            for warm_up in (False, True):
                model = Linear(3, 1).astype(dtype)
                ema = EMA(model, 0.9, warm_up=warm_up)
                rng, expected = np.random.default_rng(0), np.zeros((1, 3))
                for n in range(1, 30):
                    model.weight.data = rng.standard_normal((1, 3)).astype(dtype)
                    ema.update()
                    decay = min(0.9, (1 + n) / (10 + n)) if warm_up else 0.9
                    now = model.weight.data.astype(float)
                    expected = now if n == 1 else decay * expected + (1 - decay) * now
                found = ema.averages["weight"]
                self.assertEqual(found.dtype, np.float64 if dtype is np.float64 else np.float32)
                np.testing.assert_allclose(found, expected, 1e-12 if dtype is np.float64 else 1e-4)
                self.assertEqual(int(ema.steps), 29)

    def test_in_a_trainer(self) -> None:
        trainer = make()
        ema = EMA(trainer.model, 0.5)
        trainer.callbacks.append(ema)
        trainer.fit(BATCHES, epochs=3)
        self.assertEqual(int(ema.steps), 12)
        own = values(trainer)
        before = trainer.evaluate(BATCHES)
        with ema.applied():
            np.testing.assert_array_equal(values(trainer), np.concatenate([a.ravel() for a in ema.averages.values()]))
            self.assertNotEqual(trainer.evaluate(BATCHES), before)
            self.assertEqual(trainer.predict(X).shape, (20, 1))
        np.testing.assert_array_equal(values(trainer), own)
        self.assertEqual(trainer.evaluate(BATCHES), before)
        with self.assertRaises(KeyError), ema.applied():
            raise KeyError
        np.testing.assert_array_equal(values(trainer), own)
        other = line()
        ema.copy_to(other)
        np.testing.assert_array_equal(other.weight.data, ema.averages["weight"])
        other.weight.data[...] = 7
        self.assertFalse(np.any(ema.averages["weight"] == 7))

    def test_compiled_steps_run_on_after_the_averages_were_applied(self) -> None:
        found = []
        for compile in (False, True):
            trainer = make(compile=compile)
            ema = EMA(trainer.model, 0.9)
            trainer.callbacks.append(ema)
            for _ in range(4):
                trainer.fit(BATCHES, epochs=1)
                with ema.applied():
                    trainer.evaluate(BATCHES)
            found.append((values(trainer), ema.averages["weight"]))
        np.testing.assert_allclose(found[0][0], found[1][0], 1e-9)
        np.testing.assert_allclose(found[0][1], found[1][1], 1e-9)

    @unittest.skipUnless(importlib.util.find_spec("llvmlite"), "no llvmlite")
    def test_in_a_compiled_step(self) -> None:
        found = []
        for compile in (False, True):
            model = line().astype(np.float32)
            optimizer, ema = SGD(model, 0.1), EMA(model, 0.99)

            def step(x: Any, t: Any, model: Any = model, optimizer: Any = optimizer, ema: Any = ema) -> Any:
                loss = mean_squared(model(x), t)
                optimizer.cleargrads()
                loss.backward()
                optimizer.update()
                ema.update()
                return loss

            f: Any = wengert.compile(step) if compile else step
            x, t = X.astype(np.float32), T.astype(np.float32)
            for _ in range(8):
                f(x, t)
            found.append(ema)
            if compile:
                self.assertEqual(len(f.plans), 1)
        self.assertEqual(int(found[0].steps), int(found[1].steps))
        np.testing.assert_allclose(found[0].averages["weight"], found[1].averages["weight"], 1e-5)

    def test_state(self) -> None:
        model = line()
        ema = EMA(model, 0.5)
        for _ in range(3):
            model.weight.data = model.weight.data + 1
            ema.update()
        state = ema.state_dict()
        again = EMA(line(), 0.5)
        again.load_state_dict(state)
        ema.update()
        self.assertEqual(int(again.steps), 3)
        np.testing.assert_array_equal(again.averages["weight"], state["averages"]["weight"])
        self.assertFalse(np.array_equal(again.averages["weight"], ema.averages["weight"]))
        for wrong, pattern in (
            ({"steps": 1, "averages": {"w": np.ones(3)}}, "'w' has the shape .* no parameter of this name"),
            (
                {"steps": 1, "averages": {"weight": np.ones(3)}},
                r"'weight' has the shape \(3,\), and the model \(1, 3\)",
            ),
            ({}, "takes what state_dict of an EMA gave"),
        ):
            with self.assertRaisesRegex(ValueError, pattern):
                again.load_state_dict(wrong)
        for arguments, error in (((3,), TypeError), ((model, 1.0), ValueError), ((model, "a"), TypeError)):
            with self.assertRaises(error):
                EMA(*arguments)
        with self.assertRaisesRegex(TypeError, "copy_to takes a Layer"):
            ema.copy_to(3)  # type: ignore[arg-type]

    @unittest.skipUnless(HAS_FILES, "no safetensors")
    def test_a_resumed_run_has_the_same_averages(self) -> None:
        def run(epochs: int, path: Path) -> EMA:
            wengert.seed(0)
            model = Sequential(Linear(3, 4), BatchNorm(4), np.tanh, Linear(4, 1))
            ema = EMA(model, 0.9)
            trainer = Trainer(model, Adam(model, 0.01), mean_squared, callbacks=[ema], progress=False)
            trainer.fit(X.astype(np.float32), T.astype(np.float32), epochs=epochs, batch_size=6, checkpoint=path)
            return ema

        with tempfile.TemporaryDirectory() as folder:
            whole = run(4, Path(folder, "a.safetensors"))
            run(2, Path(folder, "b.safetensors"))
            resumed = run(4, Path(folder, "b.safetensors"))
        self.assertEqual(int(resumed.steps), int(whole.steps))
        for name, array in whole.averages.items():
            np.testing.assert_array_equal(resumed.averages[name], array)


class MonitorTest(unittest.TestCase):
    def test_early_stopping(self) -> None:
        for numbers, options, stops, best in (
            ([3.0, 2.0, 2.5, 2.5, 1.0], {}, 4, 2),
            ([3.0, 2.0, 1.95, 1.91, 1.0], {"least_change": 0.1}, 4, 2),
            ([1.0, 2.0, 1.5, 1.0], {"larger_is_better": True}, 4, 2),
            ([np.nan, np.nan, 3.0], {}, 2, None),
        ):
            stopping = EarlyStopping(2, "score", **options)
            trainer = make(callbacks=[Scripted(*numbers), stopping])
            trainer.fit(BATCHES, epochs=20)
            self.assertEqual((trainer.epoch, stopping.epoch), (stops, best))
            trainer.fit(BATCHES, epochs=1)  # another fit starts over
            self.assertEqual(
                (trainer.epoch, stopping.epoch), (stops + 1, None if np.isnan(numbers[0]) and stops < 2 else stops + 1)
            )

    def test_by_the_loss(self) -> None:
        stopping = EarlyStopping(1, least_change=1e-3)
        trainer = make(callbacks=[stopping])
        trainer.fit(BATCHES, BATCHES, epochs=200)
        self.assertLess(trainer.epoch, 200)
        self.assertEqual(stopping.value, trainer.history[-2]["valid_loss"])

    def test_best_weights(self) -> None:
        best = BestWeights(monitor="score", larger_is_better=True)
        trainer = make(callbacks=[Scripted(1.0, 3.0, 2.0), best])
        kept = []
        for _ in range(1):
            trainer.fit(BATCHES, epochs=2)
            kept.append(values(trainer))
        with self.assertRaisesRegex(ValueError, "no best weights yet"):
            BestWeights().restore(trainer.model)
        trainer = make(callbacks=[Scripted(1.0, 3.0, 2.0), best])
        trainer.fit(BATCHES, epochs=3)
        self.assertEqual((best.value, best.epoch), (3.0, 2))
        self.assertFalse(np.array_equal(values(trainer), kept[0]))
        best.restore(trainer.model)
        np.testing.assert_array_equal(values(trainer), kept[0])
        with self.assertRaisesRegex(TypeError, "restore takes a Layer"):
            best.restore(3)  # type: ignore[arg-type]

    @unittest.skipUnless(HAS_FILES, "no safetensors")
    def test_files_and_resumed_runs(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path, run = Path(folder, "best.safetensors"), Path(folder, "run.safetensors")

            def made() -> tuple[Trainer, BestWeights, EarlyStopping]:
                best, stopping = BestWeights(path, "score"), EarlyStopping(2, "score")
                return make(callbacks=[Scripted(3.0, 1.0, 2.0, 2.0, 0.0), best, stopping]), best, stopping

            trainer, best, _ = made()
            trainer.fit(BATCHES, epochs=3, checkpoint=run)
            model = line()
            load_weights(model, path)
            assert best.weights is not None
            np.testing.assert_array_equal(model.weight.data, best.weights["weight"])
            again, best, stopping = made()
            again.fit(BATCHES, epochs=10, checkpoint=run)
            self.assertEqual((again.epoch, best.epoch, stopping.waited), (4, 2, 2))
            third, best, _ = made()
            third.fit(BATCHES, epochs=10, checkpoint=run)
            self.assertEqual(third.epoch, 4, "it has stopped")
            assert best.weights is not None
            np.testing.assert_array_equal(model.weight.data, best.weights["weight"])

    def test_refusals(self) -> None:
        with self.assertRaisesRegex(
            ValueError, "EarlyStopping is to monitor 'score', but the history has: epoch, step"
        ):
            make(callbacks=[EarlyStopping(2, "score")]).fit(BATCHES)
        for call in (lambda: EarlyStopping(0), lambda: EarlyStopping(1, least_change=-1.0)):
            with self.assertRaises(ValueError):
                call()
        for call in (lambda: EarlyStopping(1, 3), lambda: BestWeights(3), lambda: CSVLogger(3)):  # type: ignore
            with self.assertRaises(TypeError):
                call()


def scalars_of(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Read the scalars from event files: records of protobuf messages, each with its length."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(folder.iterdir()):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += 16 + length
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
                else:
                    found.setdefault(value.tag, []).append((event.step, np.nan))
    return found


class LoggerTest(unittest.TestCase):
    def test_csv(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "log.csv")
            trainer = make(callbacks=[CSVLogger(path)])
            trainer.fit(BATCHES, epochs=1)
            trainer.fit(BATCHES, BATCHES, epochs=1)
            rows = list(csv.DictReader(path.read_text().splitlines()))
        self.assertEqual([row["epoch"] for row in rows], ["1", "2"])
        self.assertEqual([float(row["loss"]) for row in rows], [row["loss"] for row in trainer.history])
        self.assertEqual(rows[0]["valid_loss"], "")

    @unittest.skipUnless(importlib.util.find_spec("tensorboardX"), "no tensorboardX")
    def test_tensorboard(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name, "run")
            trainer = make(
                callbacks=[TensorBoard(folder, every=2, histograms=True)],
                metrics={"mae": lambda y, t: abs(y - t).mean()},
            )
            trainer.fit(BATCHES, BATCHES, epochs=2)
            found = scalars_of(folder)
            self.assertEqual([step for step, _ in found["loss"]], [4, 8])
            np.testing.assert_allclose(
                [v for _, v in found["valid_loss"]], [row["valid_loss"] for row in trainer.history], 1e-6
            )
            self.assertEqual([step for step, _ in found["step/loss"]], [2, 4, 6, 8])
            self.assertTrue(
                {"mae", "valid_mae", "learning_rate", "seconds", "step/mae", "weight", "bias"} <= set(found)
            )
            trainer.fit(BATCHES, epochs=1)
            self.assertEqual([step for step, _ in scalars_of(folder)["loss"]], [4, 8, 12])

    def test_without_tensorboardx(self) -> None:
        absent = unittest.mock.patch("importlib.import_module", side_effect=ModuleNotFoundError(name="tensorboardX"))
        with absent, self.assertRaisesRegex(ImportError, r"TensorBoard needs tensorboardX; .*wengert\[tensorboard\]"):
            TensorBoard("runs")


class ArraysTest(unittest.TestCase):
    def test_fit_takes_arrays(self) -> None:
        def trained(*data: Any, **options: Any) -> Any:
            wengert.seed(0)
            trainer = make()
            trainer.fit(*data, epochs=2, **options)
            return values(trainer)

        wengert.seed(0)
        trainer = make()
        trainer.fit(DataLoader(ArrayDataset(X, T), 6, shuffle=True), epochs=2)
        expected = values(trainer)
        np.testing.assert_array_equal(trained(X, T, batch_size=6), expected)
        np.testing.assert_array_equal(trained((X, T), batch_size=6), expected)
        np.testing.assert_array_equal(trained(ArrayDataset(X, T), batch_size=6), expected)
        np.testing.assert_array_equal(trained((X, T), (X, T), batch_size=6), expected)
        np.testing.assert_array_equal(trained(X, T, batch_size=6, shuffle=False), trained(BATCHES))
        if importlib.util.find_spec("pandas"):
            import pandas

            np.testing.assert_array_equal(trained(pandas.DataFrame(X), pandas.DataFrame(T), batch_size=6), expected)

    def test_evaluate_and_predict(self) -> None:
        trainer = make()
        expected = trainer.evaluate([(X, T)])
        for found in (trainer.evaluate(X, T), trainer.evaluate((X, T)), trainer.evaluate(ArrayDataset(X, T))):
            self.assertEqual(found, expected)
        self.assertAlmostEqual(trainer.evaluate(X, T, batch_size=7)["loss"], expected["loss"])

        class Table:
            def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
                return X

        np.testing.assert_array_equal(trainer.predict(Table()), trainer.predict(X))
        np.testing.assert_allclose(trainer.evaluate(Table(), T)["loss"], expected["loss"])

    def test_refusals(self) -> None:
        trainer = make()
        with self.assertRaisesRegex(
            TypeError, r"must be batches, .* or arrays of inputs and targets, .*write \(x, t\)"
        ):
            trainer.fit(X)
        with self.assertRaisesRegex(ValueError, "batch_size of fit must be"):
            trainer.fit(X, T, batch_size=0)
        with self.assertRaisesRegex(TypeError, "what fit validates on must be batches"):
            trainer.fit(BATCHES, X)


if __name__ == "__main__":
    unittest.main()
