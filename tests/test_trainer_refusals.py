"""Trainer: bad arguments and non-finite numbers."""

import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.trainer_cases import BATCHES, T, X, by_hand, line, make, mean_squared, values
from wengert.core.variable import Parameter, Variable
from wengert.layers.layer import Layer
from wengert.optimizers.schedules import ExponentialDecay
from wengert.optimizers.sgd import SGD
from wengert.training import Callback, Trainer


class RefusalTest(unittest.TestCase):
    def refused(self, error: type[Exception], pattern: str, train: Any = BATCHES, **options: Any) -> Trainer:
        trainer = make(**options)
        before = values(trainer)
        with self.assertRaisesRegex(error, pattern):
            trainer.fit(train)
        np.testing.assert_array_equal(values(trainer), before)
        return trainer

    def test_nan_stops_before_the_parameters_are_updated(self) -> None:
        bad = [(X, T), (X, T), (np.full_like(X, np.nan), T), (X, T)]
        trainer = make()
        pattern = (
            r"the loss is nan, at epoch 2, step 7 \(batch 3 of the epoch\); the parameters are unchanged by it. "
            r"Lower the learning rate \(now 0.1\), clip the gradients \(clip_norm=1\), .* wengert.debug\(\)"
        )
        trainer.fit([(X, T)] * 4)
        with self.assertRaisesRegex(FloatingPointError, pattern):
            trainer.fit(bad)
        np.testing.assert_allclose(values(trainer), by_hand([(X, T)] * 6)[0], rtol=1e-12)
        self.assertTrue(trainer.history[-1]["partial"])
        self.refused(FloatingPointError, "the loss is inf, at epoch 1", loss=lambda y, t: mean_squared(y, t) + np.inf)

    def test_a_gradient_that_is_not_finite(self) -> None:
        def loss(y: Any, t: Any) -> Any:
            with np.errstate(all="ignore"):
                return np.sum(np.sqrt(y * 0)) + mean_squared(y, t)

        for batch, options in ((1, {}), (1, {"clip_norm": 1.0}), (2, {"accumulate": 2})):
            pattern = rf"gradient of 'weight' is not finite, at epoch 1, step 1 \(batch {batch} of the epoch\)"
            with np.errstate(all="ignore"):
                self.refused(FloatingPointError, pattern, loss=loss, **options)

    def test_a_large_gradient_is_finite(self) -> None:
        model = Layer()
        model.p = Parameter(np.zeros(4, np.float16))
        model.forward = lambda x: model.p  # type: ignore[method-assign]
        trainer = make(1e-6, model=model, loss=lambda y, t: np.sum(y * np.float16(60000)))
        trainer.fit([(X, T)])  # the sum of the gradients is over the range of float16
        self.assertEqual(trainer.steps, 1)

    def test_nothing_to_train_on(self) -> None:
        self.refused(ValueError, "there is nothing to train on: list has no batch", [])
        with self.assertRaisesRegex(ValueError, "there is nothing to evaluate on: list has no batch"):
            make().evaluate([])
        with self.assertRaisesRegex(ValueError, "there is nothing to evaluate on: list has no batch"):
            make().fit(BATCHES, [])

    def test_losses(self) -> None:
        pattern = r"the loss must be one real number, but got Variable of shape \(6, 1\) .* np.mean"
        self.refused(ValueError, pattern, loss=lambda y, t: (y - t) ** 2)
        for loss in (lambda y, t: float(mean_squared(y, t)), wengert.no_grad()(lambda y, t: mean_squared(y, t))):
            self.refused(ValueError, "the loss must have a graph, but is", loss=loss)
        self.refused(ValueError, "the loss must be one real number, but got NoneType", loss=lambda y, t: None)
        self.refused(TypeError, "this Trainer has no loss", loss=None)
        trainer = Trainer(line(), SGD(line()), mean_squared, progress=False)
        with self.assertRaisesRegex(
            ValueError, "no parameter of the optimizer got a gradient; was it made for another"
        ):
            trainer.fit(BATCHES)
        pattern = r"the metric 'f' must be one real number, but got ndarray of shape \(6, 1\)"
        self.refused(ValueError, pattern, metrics={"f": lambda y, t: y})

    def test_batches(self) -> None:
        self.refused(TypeError, "a batch must be a tuple .* but got ndarray of shape", [X])
        self.refused(TypeError, "a batch must be a tuple .* but got a tuple of 1", [(X,)])
        self.refused(TypeError, "is read once for each epoch, but got generator", (b for b in BATCHES))
        self.refused(ValueError, "first axes of one length", (X, T[1:]))
        for thing in (X, None, 3, {"x": X}, "x"):
            self.refused(TypeError, "what fit trains on must be batches, as from a DataLoader", thing)
        with self.assertRaisesRegex(TypeError, "what evaluate reads must be batches"):
            make().evaluate(X)

    def test_what_it_is_made_of(self) -> None:
        model = line()
        optimizer = SGD(model)
        of_class: dict[str, Any] = {"schedule": ExponentialDecay}
        of_another: dict[str, Any] = {"schedule": ExponentialDecay(SGD(model), 0.5)}
        one_callback: dict[str, Any] = {"callbacks": Callback()}
        for error, pattern, args, options in (
            (TypeError, "takes a Layer as its model, but got function", (mean_squared, optimizer, mean_squared), {}),
            (TypeError, "takes an optimizer, as Adam", (model, 0.1, mean_squared), {}),
            (TypeError, "loss of a Trainer must be a function, but got str 'mse'", (model, optimizer, "mse"), {}),
            (TypeError, "metrics must be a dict", (model, optimizer, None), {"metrics": [len]}),
            (ValueError, "cannot be named 'valid_x'", (model, optimizer, None), {"metrics": {"valid_x": len}}),
            (ValueError, "cannot be named 'loss'", (model, optimizer, None), {"metrics": {"loss": len}}),
            (TypeError, "but got the class Callback", (model, optimizer, None), {"callbacks": [Callback]}),
            (TypeError, "takes a schedule", (model, optimizer, None), {"schedule": 0.1}),
            (TypeError, "schedule, as Expon.* got the class ExponentialDecay", (model, optimizer, None), of_class),
            (ValueError, "of the Trainer's optimizer, but got Expon.*of another", (model, optimizer, None), of_another),
            (TypeError, "takes an optimizer, as Adam.model., but got the class SGD", (model, SGD, mean_squared), {}),
            (TypeError, "callbacks must be a list, .* but got Callback", (model, optimizer, None), one_callback),
            (TypeError, "callbacks must be a list, .* but got NoneType", (model, optimizer, None), {"callbacks": None}),
            (
                ValueError,
                "accumulate of Trainer must be an integer of at least 1, but got int 0",
                (model, optimizer, None),
                {"accumulate": 0},
            ),
            (TypeError, "accumulate of Trainer must be an integer", (model, optimizer, None), {"accumulate": 1.5}),
            (ValueError, "clip_norm of Trainer must be a", (model, optimizer, None), {"clip_norm": 0}),
        ):
            with self.subTest(pattern), self.assertRaisesRegex(error, pattern):
                Trainer(*args, **options)  # type: ignore[arg-type]

    def test_what_fit_takes(self) -> None:
        for error, pattern, options in (
            (TypeError, "epochs of fit must be an integer of at least 0, but got float 1.0", {"epochs": 1.0}),
            (ValueError, "epochs of fit must be an integer of at least 0, but got int -1", {"epochs": -1}),
            (ValueError, "patience of fit must be an integer of at least 1, but got int 0", {"patience": 0}),
            (TypeError, 'every, if it is not "epoch", of fit must be an integer of at least 1', {"every": "step"}),
        ):
            with self.subTest(pattern), self.assertRaisesRegex(error, pattern):
                make().fit(BATCHES, **options)
        with self.assertRaisesRegex(TypeError, r"second argument of fit .* but got 5; write fit\(train, epochs=5\)"):
            make().fit(BATCHES, 5)

    @unittest.skipIf(importlib.util.find_spec("safetensors") is None, "needs safetensors: pip install wengert[train]")
    def test_where_a_checkpoint_cannot_be_is_said_before_the_first_step(self) -> None:
        trainer = make()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "file").touch()
            for error, pattern, path in (
                (
                    FileNotFoundError,
                    "the folder of the checkpoint .*none/run.safetensors.* does not exist; create it",
                    "none",
                ),
                (NotADirectoryError, "the folder of the checkpoint .*file/run.safetensors.* is a file", "file"),
            ):
                with self.subTest(path), self.assertRaisesRegex(error, pattern):
                    trainer.fit(BATCHES, checkpoint=Path(folder, path, "run.safetensors"))
            for resume in (True, False):
                with self.assertRaisesRegex(IsADirectoryError, "must be a file, but .* is a folder; write .*run"):
                    trainer.fit(BATCHES, checkpoint=folder, resume=resume)
            with (
                mock.patch("os.access", return_value=False),
                self.assertRaisesRegex(PermissionError, "the folder of the checkpoint .* cannot be written to"),
            ):
                trainer.fit(BATCHES, checkpoint=Path(folder, "run.safetensors"))
        with self.assertRaisesRegex(TypeError, "checkpoint of fit must be a path, but got bool True"):
            trainer.fit(BATCHES, checkpoint=True)  # type: ignore[arg-type]
        with (
            mock.patch.dict(sys.modules, {"safetensors": None}),
            self.assertRaisesRegex(ImportError, "needs safetensors"),
        ):
            trainer.fit(BATCHES, checkpoint="run.safetensors")
        self.assertEqual(trainer.steps, 0)

    def test_what_predict_takes_and_a_model_gives(self) -> None:
        trainer = make()
        np.testing.assert_array_equal(trainer.predict(Variable(X)), trainer.predict(X))
        with self.assertRaisesRegex(ValueError, "first axis counts the examples, but got ndarray of shape ()"):
            trainer.predict(np.array(1.0))
        with self.assertRaisesRegex(TypeError, "predict reads an array, .* but got a list of lists; make it an array"):
            trainer.predict(X.tolist())

        class Gives(Layer):
            def __init__(self, give: Any) -> None:
                self.give = give

            def forward(self, x: Any) -> Any:
                return self.give(x)

        named = make(model=Gives(lambda x: {"y": x, "more": (x, x)})).predict(X, batch_size=6)
        np.testing.assert_array_equal(named["y"], X)
        np.testing.assert_array_equal(named["more"][1], X)
        with self.assertRaisesRegex(
            ValueError, r"must return arrays whose first axis counts .* but returned .* shape \(\)"
        ):
            make(model=Gives(np.mean)).predict(X)
