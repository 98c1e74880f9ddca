"""Trainer: subclasses and callbacks."""

import importlib.util
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

from tests.trainer_cases import BATCHES, T, X, by_hand, line, make, mean_squared, values
from wengert.core.variable import Variable
from wengert.optimizers.lbfgs import LBFGS
from wengert.training import Callback, Trainer


class SubclassTest(unittest.TestCase):
    def test_compute(self) -> None:
        class Reconstruction(Trainer):
            def compute(self, batch: Any) -> Any:
                (x,) = batch
                y = self.model(x)
                return np.mean((y - x[:, :1]) ** 2), {"size": float(len(x))}

        trainer = make(kind=Reconstruction, loss=None)
        (row,) = trainer.fit([(X[:15],), (X[15:],)], [(X,)])
        self.assertEqual((row["size"], row["valid_size"]), ((15 * 15 + 5 * 5) / 20, 20.0))

    def test_what_compute_may_return(self) -> None:
        def fit(found: Callable[..., Any]) -> Trainer:
            trainer = make(kind=type("Own", (Trainer,), {"compute": lambda self, batch: found(self.model(batch[0]))}))
            trainer.fit(BATCHES, BATCHES)
            return trainer

        (row,) = fit(lambda y: np.mean(y**2)).history
        self.assertIn("valid_loss", row)
        (row,) = fit(lambda y: (np.mean(y**2), {"level": np.mean(y)})).history  # a Variable is not kept
        self.assertEqual((type(row["level"]), type(row["valid_level"])), (float, float))
        for found in (lambda y: (np.mean(y), 1.0), lambda y: (np.mean(y), {}, {})):
            with self.assertRaisesRegex(TypeError, r"compute must return a loss, or \(loss, {name: number}\), but got"):
                fit(found)
        with self.assertRaisesRegex(ValueError, r"'level' must be one real number, but got Variable of shape \(6, 1\)"):
            fit(lambda y: (np.mean(y), {"level": y}))

    def test_two_optimizers(self) -> None:
        class Adversaries(Trainer):
            def step(self, batch: Any) -> Any:
                found = {}
                for name, sign in (("judging", -1.0), ("loss", 1.0)):
                    value = sign * mean_squared(self.model(batch[0]), batch[1])
                    self.model.cleargrads()
                    value.backward()
                    self.optimizer.update()
                    found[name] = float(value)
                return found

        (row,) = make(kind=Adversaries).fit(BATCHES)
        self.assertLess(row["judging"], 0)
        self.assertGreater(row["loss"], -row["judging"])  # it has gone up, and then down

    def test_step(self) -> None:
        class Adversaries(Trainer):
            def step(self, batch: Any) -> Any:
                return {"loss": Variable(np.array(1.0)), "judging": np.float32(0.5)}

        trainer = make(kind=Adversaries)
        (row,) = trainer.fit(BATCHES)
        self.assertEqual((row["loss"], row["judging"], row["step"]), (1.0, 0.5, 4))

    @unittest.skipIf(importlib.util.find_spec("scipy") is None, "needs SciPy: pip install wengert[scipy]")
    def test_an_optimizer_that_asks_for_the_loss(self) -> None:
        class WithClosure(Trainer):
            def step(self, batch: Any) -> dict[str, float]:
                return {"loss": self.optimizer.update(lambda: self.compute(batch)[0])}

        model = line()
        trainer = WithClosure(model, LBFGS(model), mean_squared, progress=False)
        trainer.fit([(X, T)], [(X, T)], epochs=3)
        self.assertLess(trainer.history[-1]["valid_loss"], 1e-10)
        self.assertNotIn("learning_rate", trainer.history[-1])
        with self.assertRaisesRegex(TypeError, r"LBFGS evaluates the loss several times .* optimizer.update\(lambda"):
            Trainer(model, LBFGS(model), mean_squared, progress=False).fit([(X, T)])

    def test_a_step_that_adds_to_trainers_own(self) -> None:
        class Noisy(Trainer):
            def step(self, batch: Any) -> Any:
                return super().step((batch[0] * 1.0, batch[1]))

        trainer = make(kind=Noisy, accumulate=4)
        trainer.fit(BATCHES)
        np.testing.assert_allclose(values(trainer), by_hand([(X, T)])[0], rtol=1e-12)

    def test_what_a_step_must_return(self) -> None:
        for returned in (None, 0.5, {}, {"judging": 1.0}):
            with mock.patch.object(Trainer, "step", lambda self, batch, r=returned: r):
                trainer = make(kind=type("Own", (Trainer,), {"step": lambda self, batch, r=returned: r}))
                with self.assertRaisesRegex(TypeError, 'step must return a dict with "loss"'):
                    trainer.fit(BATCHES)
        trainer = make(kind=type("Own", (Trainer,), {"step": lambda self, batch: {"loss": np.nan}}))
        with self.assertRaisesRegex(FloatingPointError, "loss is nan, .* may have been updated by step"):
            trainer.fit(BATCHES)


class CallbackTest(unittest.TestCase):
    def test_the_turns(self) -> None:
        turns: list[Any] = []

        class Notes(Callback):
            def on_fit_start(self, trainer: Trainer) -> None:
                turns.append("fit")

            def on_epoch_start(self, trainer: Trainer) -> None:
                turns.append("epoch")

            def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
                turns.append(trainer.steps)
                assert values["loss"] > 0 and trainer.model.weight.grad is not None

            def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
                turns.append((trainer.epoch, row is trainer.history[-1]))

            def on_fit_end(self, trainer: Trainer) -> None:
                turns.append("end")

        trainer = make(callbacks=[Notes()])
        trainer.fit(BATCHES[:2], epochs=2)
        self.assertEqual(turns, ["fit", "epoch", 1, 2, (1, True), "epoch", 3, 4, (2, True), "end"])
        turns.clear()
        with self.assertRaises(TypeError):
            trainer.fit([1])
        self.assertEqual(turns, ["fit", "epoch", "end"])

    def test_a_column_of_ones_own_can_be_monitored(self) -> None:
        class Adds(Callback):
            def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
                row["size"] = float(np.abs(trainer.model.weight.data).sum())

        trainer = make(callbacks=[Adds()])
        trainer.fit(BATCHES, epochs=3, patience=1, monitor="size")
        self.assertEqual(trainer.best, {"epoch": 1, "value": trainer.history[0]["size"]})
        self.assertEqual(trainer.epoch, 2)

    def test_stop_after_an_epoch(self) -> None:
        class Stop(Callback):
            def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
                trainer.stop()

        trainer = make(callbacks=[Stop()])
        trainer.fit(BATCHES, epochs=5)
        self.assertEqual((trainer.epoch, trainer.interrupted), (1, False))
