"""Trainer with compile=True: what eager training gives, to rounding, and the same to the bit where it is resumed."""

import importlib.util
import tempfile
import unittest
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import Layer
from wengert.datasets import ArrayDataset, DataLoader
from wengert.functions import dropout, relu
from wengert.layers import BatchNorm, Linear
from wengert.optimizers import Adam
from wengert.optimizers.schedules import CosineDecay
from wengert.training import Callback, Trainer

NEEDED = [name for name in ("llvmlite", "scipy") if importlib.util.find_spec(name) is None]
X = np.random.default_rng(0).normal(size=(38, 5)).astype(np.float32)
T = np.sin(X[:, :1] + X[:, 1:2])


class Net(Layer):
    def __init__(self) -> None:
        self.one, self.norm, self.two = (
            Linear(12, bias=False),
            BatchNorm(),
            Linear(1),
        )  # sizes are found in the first step

    def forward(self, x: Any) -> Any:
        return self.two(dropout(relu(self.norm(self.one(x))), 0.1))


class Penalised(Trainer):
    def compute(self, batch: Any) -> Any:
        x, t = batch
        y = self.model(x)
        return np.mean((y - t) ** 2) + 1e-3 * np.mean(y**2), {"largest": np.max(np.abs(y.data))}


class StopAt(Callback):
    def __init__(self, step: int) -> None:
        self.at = step

    def on_step(self, trainer: Trainer, values: dict[str, float]) -> None:
        if trainer.steps == self.at:
            trainer.stop()


def mean_squared(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


def make(compiled: bool, kind: type[Trainer] = Trainer, **options: Any) -> tuple[Trainer, Any]:
    model = Net()
    optimizer = Adam(model, 0.01)
    own = kind is not Trainer
    trainer = kind(
        model,
        optimizer,
        None if own else mean_squared,
        metrics={} if own else {"error": lambda y, t: float(np.abs(y - t).mean())},
        schedule=CosineDecay(optimizer, 40),
        progress=False,
        compile=compiled,
        **options,
    )
    return trainer, DataLoader(ArrayDataset(X, T), batch_size=8, shuffle=True)  # the last has six


@unittest.skipIf(NEEDED, f"needs {', '.join(NEEDED)}: pip install wengert[compile]")
class CompiledTrainerTest(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def is_compiled(self, trainer: Trainer) -> None:
        assert trainer.compiled is not None
        for step in (trainer.compiled._gradients, trainer.compiled._update):
            self.assertIsNone(step.given_up)
            self.assertTrue(any(p.run is not None for p in step.plans))

    def test_it_trains_as_eager_does(self) -> None:
        for kind, options in (
            (Trainer, {}),
            (Trainer, {"clip_norm": 0.5, "accumulate": 2}),
            (Penalised, {}),
        ):
            with self.subTest(kind=kind.__name__, **options):
                found = []
                for compiled in (False, True):
                    wengert.seed(0)
                    trainer, loader = make(compiled, kind, **options)
                    trainer.fit(loader, epochs=3)
                    found.append((trainer, wengert.generator().random()))
                (eager, after), (ours, ours_after) = found
                self.assertEqual(after, ours_after)
                self.is_compiled(ours)
                for row, expected in zip(ours.history, eager.history, strict=True):
                    for name in set(expected) - {"seconds"}:
                        self.assertAlmostEqual(row[name], expected[name], 4, name)
                expected = eager.model.state_dict()
                for name, array in ours.model.state_dict().items():
                    np.testing.assert_allclose(array, expected[name], rtol=2e-3, atol=2e-4, err_msg=name)

    @unittest.skipIf(importlib.util.find_spec("safetensors") is None, "needs safetensors: pip install wengert[train]")
    def test_a_resumed_run_is_the_same_to_the_bit(self) -> None:
        for options in ({}, {"clip_norm": 0.5, "accumulate": 2}):
            wengert.seed(0)
            whole, loader = make(True, **options)
            whole.fit(loader, epochs=4)
            self.is_compiled(whole)
            for stop in (3, 7):
                with self.subTest(stop=stop, **options), tempfile.TemporaryDirectory() as folder:
                    path = Path(folder, "run.safetensors")
                    wengert.seed(0)
                    first, loader = make(True, callbacks=[StopAt(stop)], **options)
                    first.fit(loader, epochs=4, checkpoint=path)
                    self.assertEqual(first.steps, stop)
                    wengert.seed(5)
                    second, loader = make(True, **options)
                    second.fit(loader, epochs=4, checkpoint=path)
                    for ours, theirs in ((second.model, whole.model), (second.optimizer, whole.optimizer)):
                        expected = theirs.state_dict()
                        for name, array in ours.state_dict().items():
                            self.assertEqual(array.tobytes(), expected[name].tobytes(), name)

    def test_a_loss_that_is_not_finite_changes_nothing(self) -> None:
        wengert.seed(0)
        trainer, loader = make(True)
        trainer.fit(loader, epochs=1)
        before = {name: p.data.copy() for name, p in trainer.model.params().items()}
        for _ in range(3):
            with self.assertRaisesRegex(FloatingPointError, "the loss is nan.*are unchanged by it"):
                trainer.step((np.full_like(X[:8], np.nan), T[:8]))
        for name, p in trainer.model.params().items():
            np.testing.assert_array_equal(p.data, before[name])

    def test_refusals_are_those_of_eager(self) -> None:
        for compiled in (False, True):
            trainer, loader = make(compiled)
            with self.assertRaisesRegex(TypeError, "a batch must be a tuple"):
                trainer.fit([X[:4]], epochs=1)
            trainer.loss = lambda y, t: y
            with self.assertRaisesRegex(ValueError, "the loss must be one real number"):
                make(compiled)[0].__class__(
                    trainer.model, trainer.optimizer, lambda y, t: y, progress=False, compile=compiled
                ).fit(loader, epochs=1)
            with self.assertRaisesRegex(ValueError, "the loss must have a graph"):
                Trainer(
                    trainer.model, trainer.optimizer, lambda y, t: np.mean(y.data), progress=False, compile=compiled
                ).fit(loader, epochs=1)

    def test_a_step_of_its_own_is_not_compiled(self) -> None:
        class Own(Trainer):
            def step(self, batch: Any) -> dict[str, float]:
                return {"loss": 0.0}

        model = Net()
        with self.assertRaisesRegex(ValueError, "compile=True compiles Trainer's step; a subclass that defines step"):
            Own(model, Adam(model, 0.1), mean_squared, compile=True)


if __name__ == "__main__":
    unittest.main()
