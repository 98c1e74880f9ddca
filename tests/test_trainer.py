"""Trainer: numbers, history, early stopping, Ctrl-C."""

import csv
import importlib.util
import io
import os
import signal
import sys
import tempfile
import threading
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.trainer_cases import BATCHES, T, X, by_hand, line, make, mean_squared, values
from wengert.datasets.data_loader import DataLoader
from wengert.datasets.dataset import ArrayDataset
from wengert.functions.randomness import generator, seed
from wengert.layers.layer import Layer
from wengert.layers.linear import Linear
from wengert.optimizers.adam import Adam
from wengert.optimizers.plateau import ReduceOnPlateau
from wengert.optimizers.schedule import WarmUp
from wengert.optimizers.schedules import ExponentialDecay
from wengert.optimizers.sgd import SGD
from wengert.training import Callback, Trainer, plot_history, save_history


class NumbersTest(unittest.TestCase):
    def test_the_steps_are_those_made_by_hand(self) -> None:
        trainer = make()
        history = trainer.fit(BATCHES, epochs=2)
        expected, losses = by_hand(BATCHES * 2)
        np.testing.assert_allclose(values(trainer), expected, rtol=1e-12)
        sizes = np.array([6, 6, 6, 2])
        for number, row in enumerate(history):
            mean = np.average(losses[4 * number : 4 * number + 4], weights=sizes)
            self.assertAlmostEqual(row["loss"], mean, places=12)
        self.assertEqual([(row["epoch"], row["step"]) for row in history], [(1, 4), (2, 8)])
        self.assertEqual(list(history[0]), ["epoch", "step", "loss", "learning_rate", "seconds"])
        self.assertEqual((trainer.epoch, trainer.steps, trainer.interrupted, trainer.best), (2, 8, False, None))

    def test_clipping(self) -> None:
        trainer = make(clip_norm=0.5)
        trainer.fit(BATCHES)
        np.testing.assert_allclose(values(trainer), by_hand(BATCHES, limit=0.5)[0], rtol=1e-5)

    def test_accumulated_gradients_are_those_of_the_large_batch(self) -> None:
        for accumulate in (2, 3, 4, 7):
            trainer = make(accumulate=accumulate)
            trainer.fit(BATCHES)
            large = [
                tuple(np.concatenate(part) for part in zip(*BATCHES[i : i + accumulate], strict=True))
                for i in range(0, 4, accumulate)
            ]
            np.testing.assert_allclose(values(trainer), by_hand(large)[0], rtol=1e-12)
            self.assertEqual(trainer.steps, len(large))
        clipped = make(accumulate=4, clip_norm=0.5)
        clipped.fit(BATCHES)
        np.testing.assert_allclose(values(clipped), by_hand([(X, T)], limit=0.5)[0], rtol=1e-5)

    def test_accumulation_in_float32_and_after_a_fit_that_was_left(self) -> None:
        layer = line().astype(np.float32)
        trainer = make(model=layer, accumulate=4)
        batches = [(x.astype(np.float32), t.astype(np.float32)) for x, t in BATCHES]
        with self.assertRaises(TypeError):
            trainer.fit([*batches[:2], None])
        trainer.run.__init__()  # as new
        trainer.fit(batches)
        np.testing.assert_allclose(values(trainer), by_hand([(X, T)])[0], rtol=1e-5)
        self.assertEqual(layer.weight.grad.dtype, np.float32)

    def test_fit_again_trains_on(self) -> None:
        trainer = make()
        trainer.fit(BATCHES, epochs=2)
        trainer.fit(BATCHES, epochs=3)
        np.testing.assert_allclose(values(trainer), by_hand(BATCHES * 5)[0], rtol=1e-12)
        self.assertEqual([row["epoch"] for row in trainer.history], [1, 2, 3, 4, 5])
        self.assertEqual(trainer.fit(BATCHES, epochs=0), trainer.history)

    def test_gradients_from_before_are_forgotten(self) -> None:
        trainer = make()
        for p in trainer.model.params().values():
            p.grad = np.full(p.shape, 1e6)
        trainer.fit(BATCHES)
        np.testing.assert_allclose(values(trainer), by_hand(BATCHES)[0], rtol=1e-12)

    def test_metrics_and_validation(self) -> None:
        def worst(y: Any, t: Any) -> Any:
            self.assertIs(type(y), np.ndarray)
            return np.abs(y - t).max()

        trainer = make(metrics={"worst": worst})
        (row,) = trainer.fit(BATCHES, valid=BATCHES)
        self.assertEqual(
            list(row), ["epoch", "step", "loss", "worst", "valid_loss", "valid_worst", "learning_rate", "seconds"]
        )
        found = trainer.evaluate(BATCHES)
        self.assertEqual(found, {"loss": row["valid_loss"], "worst": row["valid_worst"]})
        self.assertAlmostEqual(found["loss"], float(mean_squared(trainer.predict(X), T)), places=12)

    def test_modes(self) -> None:
        seen = []

        class Watches(Linear):
            def forward(self, x: Any) -> Any:
                y = super().forward(x)
                seen.append((self.training, y.creator is not None))
                return y

        model = Watches(3, 1)
        trainer = make(model=model)
        with wengert.no_grad(), wengert.test_mode():
            trainer.fit(BATCHES[:1], BATCHES[:1])
        trainer.predict(X)
        self.assertEqual(seen, [(True, True), (False, False), (False, False)])
        self.assertTrue(wengert.is_training())

    def test_schedules(self) -> None:
        model = line()
        optimizer = SGD(model, 0.1)
        schedule = ExponentialDecay(optimizer, 0.5)
        trainer = Trainer(model, optimizer, mean_squared, schedule=schedule, accumulate=2, progress=False)
        (row,) = trainer.fit(BATCHES)
        self.assertAlmostEqual(row["learning_rate"], 0.1 * 0.5**2)  # an update, not a batch, is a step
        for wrap in (lambda s: s, lambda s: WarmUp(s, 1, start=0.5)):
            model = line()
            optimizer = SGD(model, 1e-9)
            plateau = wrap(ReduceOnPlateau(optimizer, 0.1, patience=0, smallest_change=0.0))
            trainer = Trainer(model, optimizer, mean_squared, schedule=plateau, progress=False)
            trainer.fit(BATCHES, BATCHES, epochs=5, monitor="valid_loss")
            self.assertLess(trainer.history[-1]["learning_rate"], 1e-9)
        with self.assertRaisesRegex(ValueError, "fit is to monitor 'valid_f1', but the history has: epoch, step, loss"):
            trainer.fit(BATCHES, monitor="valid_f1")

    def test_several_inputs(self) -> None:
        class Sum(Layer):
            def __init__(self) -> None:
                self.line = line()

            def forward(self, x: Any, more: Any) -> Any:
                return self.line(x + more), more

        trainer = make(model=Sum(), loss=lambda y, t: mean_squared(y[0], t))
        trainer.fit([(X / 2, X / 2, T)])
        np.testing.assert_allclose(values(trainer), by_hand([(X, T)])[0], rtol=1e-12)
        y, more = trainer.predict([(X[:5], X[:5], T[:5]), (X[5:], X[5:], T[5:])])
        self.assertEqual((y.shape, more.shape), ((20, 1), (20, 3)))
        np.testing.assert_array_equal(trainer.predict([(X, X)], targets=False)[1], X)

    def test_predict(self) -> None:
        trainer = make()
        expected = trainer.model(X).data
        for data in (X, BATCHES, DataLoader(ArrayDataset(X), 7), [x for x, _ in BATCHES]):
            np.testing.assert_allclose(trainer.predict(data, batch_size=7), expected, rtol=1e-12)
        self.assertEqual(trainer.predict(X[:0]).shape, (0, 1))
        with self.assertRaisesRegex(ValueError, "batch_size of predict must be an integer of at least 1"):
            trainer.predict(X, batch_size=0)
        with self.assertRaisesRegex(ValueError, "nothing to predict from: list has no batch"):
            trainer.predict([])

    def test_it_learns_from_a_loader_and_repeats_itself(self) -> None:
        def losses() -> list[float]:
            seed(3)
            model = Linear(1)
            trainer = Trainer(model, Adam(model, 0.1), mean_squared, progress=False)
            loader = DataLoader(ArrayDataset(X.astype(np.float32), T.astype(np.float32)), 5, shuffle=True)
            return [row["loss"] for row in trainer.fit(loader, epochs=60)]

        first = losses()
        self.assertLess(first[-1], 1e-3)
        self.assertEqual(losses(), first)


class EarlyStoppingTest(unittest.TestCase):
    def fit(self, results: list[float], **options: Any) -> Trainer:
        given = iter(results)

        class Given(Trainer):
            def compute(self, batch: Any) -> Any:
                loss, found = super().compute(batch)
                return loss, ({**found, "score": next(given)} if not wengert.is_training() else found)

        trainer = make(kind=Given)
        weights = []

        class Keep(Callback):
            def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
                weights.append(values(trainer))

        trainer.callbacks.append(Keep())
        trainer.fit(BATCHES, [(X, T)], epochs=len(results), monitor="valid_score", **options)
        np.testing.assert_array_equal(values(trainer), weights[trainer.best["epoch"] - 1])
        return trainer

    def test_it_stops_and_goes_back(self) -> None:
        trainer = self.fit([3, 2, 1, 1, 2, 0, 0], patience=2)
        self.assertEqual((trainer.epoch, trainer.best), (5, {"epoch": 3, "value": 1.0}))

    def test_it_goes_back_at_the_end_too(self) -> None:
        trainer = self.fit([3, 1, 2], patience=np.inf)
        self.assertEqual((trainer.epoch, trainer.best["epoch"]), (3, 2))

    def test_larger_is_better(self) -> None:
        trainer = self.fit([1, 2, 1, 1, 3], patience=2, larger_is_better=True)
        self.assertEqual((trainer.epoch, trainer.best["epoch"]), (4, 2))

    def test_by_default_the_loss(self) -> None:
        trainer = make()
        trainer.fit(BATCHES, epochs=3, patience=1)
        self.assertEqual(trainer.best, {"epoch": 3, "value": trainer.history[-1]["loss"]})

    def test_nan(self) -> None:
        with self.assertRaisesRegex(FloatingPointError, "the value that early stopping monitors is nan after epoch 1"):
            self.fit([float("nan")], patience=1)


class InterruptTest(unittest.TestCase):
    def setUp(self) -> None:
        # (a shell starts what runs in its background with the signal ignored)
        self.before = signal.default_int_handler
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, self.before))

    def tearDown(self) -> None:
        self.assertIs(signal.getsignal(signal.SIGINT), self.before)

    def loss(self, at: int, times: int = 1) -> Callable[..., Any]:
        calls = [0]

        def loss(y: Any, t: Any) -> Any:
            calls[0] += 1
            if calls[0] == at:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
            return mean_squared(y, t)

        return loss

    def test_the_step_is_finished_and_the_next_fit_goes_on(self) -> None:
        for at, steps in ((1, 1), (6, 6), (8, 8)):
            trainer = make(loss=self.loss(at))
            history = trainer.fit(BATCHES, epochs=3)
            self.assertTrue(trainer.interrupted)
            self.assertEqual(trainer.steps, steps)
            self.assertTrue(history[-1]["partial"])
            self.assertIn("loss", history[-1])
            np.testing.assert_allclose(values(trainer), by_hand((BATCHES * 3)[:steps])[0], rtol=1e-12)
            trainer.fit(BATCHES, epochs=3)
            self.assertFalse(trainer.interrupted)
            self.assertEqual([row["epoch"] for row in trainer.history], [1, 2, 3])
            self.assertNotIn("partial", trainer.history[-1])
            np.testing.assert_allclose(values(trainer), by_hand(BATCHES * 3)[0], rtol=1e-12)

    def test_all_batches_of_a_step_are_gathered_first(self) -> None:
        trainer = make(loss=self.loss(1), accumulate=4)
        trainer.fit(BATCHES)
        np.testing.assert_allclose(values(trainer), by_hand([(X, T)])[0], rtol=1e-12)

    def test_in_validation(self) -> None:
        def valid() -> Any:  # which examples are left out depends on the loader's count of epochs
            return DataLoader(ArrayDataset(X, T), 6, shuffle=True, seed=1, drop_last=True)

        trainer = make(loss=self.loss(6))  # the second batch of the first validation
        loader = valid()
        trainer.fit(BATCHES, loader, epochs=2)
        self.assertTrue(trainer.interrupted)
        self.assertEqual((trainer.epoch, trainer.steps, trainer.history[-1]["partial"]), (0, 4, True))
        trainer.fit(BATCHES, loader, epochs=2)
        whole = make()
        whole.fit(BATCHES, valid(), epochs=2)
        for row, expected in zip(trainer.history, whole.history, strict=True):
            self.assertEqual((row["loss"], row["valid_loss"]), (expected["loss"], expected["valid_loss"]))

    def test_validation_leaves_random_numbers_and_its_loader_as_they_were(self) -> None:
        class Noisy(Linear):  # also in test mode, as what draws samples
            def forward(self, x: Any) -> Any:
                return super().forward(x) + generator().normal(size=(len(x), 1)) / 10

        def noisy(**options: Any) -> Trainer:
            return make(model=Noisy(3, 1, dtype=np.float64), **options)

        def valid() -> Any:
            return DataLoader(ArrayDataset(X, T), 6, shuffle=True, seed=1, drop_last=True)

        def bad_metric(y: Any, t: Any) -> float:
            if not wengert.is_training():
                raise KeyError("a trouble")
            return 1.0

        seed(0)
        without = noisy()
        without.fit(BATCHES, epochs=2)
        seed(0)
        validated = noisy()
        validated.fit(BATCHES, valid(), epochs=2)
        np.testing.assert_array_equal(values(validated), values(without))
        seed(0)
        left, loader = noisy(), valid()
        left.loss = self.loss(6)  # Ctrl-C in the second batch of the first validation
        left.fit(BATCHES, loader, epochs=2)
        self.assertTrue(left.interrupted)
        left.fit(BATCHES, loader, epochs=2)
        self.assertEqual(left.history[0]["valid_loss"], validated.history[0]["valid_loss"])
        self.assertEqual(left.history[1]["valid_loss"], validated.history[1]["valid_loss"])
        seed(0)
        failed, loader = noisy(metrics={"bad": bad_metric}), valid()
        with self.assertRaisesRegex(KeyError, "a trouble"):
            failed.fit(BATCHES, loader, epochs=2)
        self.assertTrue(wengert.is_training())
        failed.metrics = {}
        failed.fit(BATCHES, loader, epochs=2)
        self.assertEqual(failed.history[1]["valid_loss"], validated.history[1]["valid_loss"])

    def test_twice_raises_at_once(self) -> None:
        trainer = make(loss=self.loss(2, times=2))
        with self.assertRaises(KeyboardInterrupt):
            trainer.fit(BATCHES)
        self.assertEqual(trainer.steps, 1)

    def test_in_another_thread_nothing_is_touched(self) -> None:
        trainer = make()
        seen = []
        with mock.patch("signal.signal", side_effect=lambda *args: seen.append(args)):
            thread = threading.Thread(target=trainer.fit, args=(BATCHES,))
            thread.start()
            thread.join()
        self.assertEqual((trainer.epoch, seen), (1, []))

    def test_a_program_that_ignores_it(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            trainer = make(loss=self.loss(2))
            trainer.fit(BATCHES)
            self.assertIs(signal.getsignal(signal.SIGINT), signal.SIG_IGN)
        finally:
            signal.signal(signal.SIGINT, self.before)
        self.assertEqual((trainer.epoch, trainer.interrupted), (1, False))

    def test_the_handler_comes_back_after_an_error(self) -> None:
        with self.assertRaises(TypeError):
            make().fit([1])  # and see tearDown


class ProgressTest(unittest.TestCase):
    @unittest.skipIf(importlib.util.find_spec("tqdm") is None, "needs tqdm: pip install wengert[train]")
    def test_a_bar_for_each_epoch(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
            with mock.patch.object(sys, "stderr", stream):
                make(progress=True, metrics={"size": lambda y, t: len(y)}).fit(BATCHES, BATCHES, epochs=2)
            text = stream.getvalue()
            if shown:
                self.assertRegex(text, r"epoch 1/2: 100%.* 4/4 .*batch/s, loss=[\d.]+/[\d.]+, size=5.6/5.6, rate=0.1")
                self.assertRegex(text, r"epoch 2/2: 100%.* rate=0.1")
            else:
                self.assertEqual(text, "")

    def test_without_tqdm(self) -> None:
        with mock.patch.dict(sys.modules, {"tqdm": None, "tqdm.auto": None}):
            make().fit(BATCHES)
            pattern = r"progress bar \(or pass progress=False\) needs tqdm; .* pip install wengert\[train\]"
            with self.assertRaisesRegex(ImportError, pattern):
                make(progress=True).fit(BATCHES)


class HistoryTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_as_csv(self) -> None:
        trainer = make()
        trainer.fit(BATCHES, epochs=2)
        trainer.history.append({"epoch": 3, "loss": 0.1 + 0.2, "note": 'a, "b"\nc'})
        trainer.save_history(self.folder / "history.csv")
        with open(self.folder / "history.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(list(rows[0]), ["epoch", "step", "loss", "learning_rate", "seconds", "note"])
        self.assertEqual([float(row["loss"]) for row in rows], [row["loss"] for row in trainer.history])
        self.assertEqual((rows[0]["note"], rows[2]["note"], rows[2]["step"]), ("", 'a, "b"\nc', ""))
        self.assertEqual(os.listdir(self.folder), ["history.csv"])
        save_history([], self.folder / "empty.csv")

    @unittest.skipIf(importlib.util.find_spec("matplotlib") is None, "needs matplotlib: pip install wengert[train]")
    def test_as_a_picture(self) -> None:
        trainer = make(metrics={"worst": lambda y, t: float(np.abs(y - t).max())})
        with self.assertRaisesRegex(ValueError, "there is nothing to plot, because the history is empty; call fit"):
            trainer.plot()
        trainer.fit(BATCHES, BATCHES, epochs=12, patience=np.inf)
        figure = trainer.plot(self.folder / "history.png")
        self.assertEqual((self.folder / "history.png").read_bytes()[:4], b"\x89PNG")
        loss, worst = figure.axes
        self.assertEqual([each.get_title(loc="left") for each in figure.axes], ["loss", "worst"])
        np.testing.assert_array_equal(loss.lines[0].get_ydata(), [row["loss"] for row in trainer.history])
        np.testing.assert_array_equal(worst.lines[1].get_ydata(), [row["valid_worst"] for row in trainer.history])
        self.assertEqual(loss.get_yscale(), "log")
        self.assertEqual(
            [text.get_text() for text in loss.get_legend().get_texts()], ["training", "validation", "best"]
        )
        one = plot_history([{"epoch": 1, "loss": 2.0}], self.folder / "one.svg")
        self.assertIsNone(one.axes[0].get_legend())
        many = {f"of_{number}": 0.5 for number in range(6)}
        odd = plot_history([{"epoch": 1, "loss": 2.0, "note": "a callback's", "list": [1, 2], **many}])
        self.assertEqual([axes.get_title(loc="left") for axes in odd.axes if axes.axison][:2], ["loss", "of 0"])
        self.assertEqual(sum(axes.axison for axes in odd.axes), 7)
        self.assertLess(odd.get_figwidth(), 16)  # seven in a row would be no picture
        self.assertNotIn("matplotlib.pyplot", {name for name in sys.modules if "pyplot" in name} - self.pyplot)

    pyplot = frozenset(name for name in sys.modules if "pyplot" in name)


if __name__ == "__main__":
    unittest.main()
