"""Frozen parameters: no gradient, no update, no weight decay; eagerly and compiled, and after a checkpoint."""

import copy
import importlib.util
import pickle
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import Layer, Parameter, Variable
from wengert.functions import mse
from wengert.layers import LSTM, BatchNorm, Conv2d, Embedding, LayerNorm, Linear, Sequential, functional_call
from wengert.optimizers import LBFGS, SGD, AdaDelta, Adafactor, Adam, AdamW, Lion, Momentum
from wengert.training import Callback, Trainer, load_run, save_run

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 3)).astype(np.float32)
T = RNG.standard_normal((8, 2)).astype(np.float32)


def network() -> Any:
    wengert.seed(0)
    return Sequential(Linear(3, 4), np.tanh, BatchNorm(4), Linear(4, 2))


class FreezingTest(unittest.TestCase):
    def test_no_gradient(self) -> None:
        model = network()
        mse(model(X), T).backward()
        self.assertIs(model[0].freeze(), model[0])
        self.assertIsNone(model[0].weight.grad, "an old gradient is forgotten")
        model.cleargrads()
        mse(model(X), T).backward()
        self.assertEqual([n for n, p in model.params().items() if p.grad is None], ["0.weight", "0.bias"])
        expected = model[3].weight.grad
        model.unfreeze().cleargrads()
        mse(model(X), T).backward()
        self.assertEqual([n for n, p in model.params().items() if p.grad is None], [])
        np.testing.assert_array_equal(model[3].weight.grad, expected)

    def test_in_every_kind_of_layer(self) -> None:
        for layer, x in (
            (Linear(3, 2), X),
            (Conv2d(1, 2, 2), np.ones((1, 1, 4, 4), np.float32)),
            (Embedding(5, 3), np.array([0, 1])),
            (LSTM(3, 2), X[:, None]),
            (LayerNorm(3), X),
            (BatchNorm(3), X),
        ):
            with self.subTest(type(layer).__name__):
                layer(x)
                names = list(layer.params())
                layer.params()[names[0]].requires_grad = False
                y = layer(x)
                y = y[0] if isinstance(y, tuple) else y
                np.sum(y * y).backward(create_graph=True)
                self.assertEqual([n for n, p in layer.params().items() if p.grad is None], names[:1])
                y = layer.freeze()(x)
                y = y[0] if isinstance(y, tuple) else y
                self.assertIsInstance(y, Variable)
                layer.cleargrads()
                np.sum(y * y).backward()
                self.assertEqual([n for n, p in layer.params().items() if p.grad is not None], [])

    def test_the_input_of_frozen_layers_gets_its_gradient(self) -> None:
        layer = Linear(3, 2).astype(np.float64)
        point = X[:2].astype(float)
        expected = wengert.hessian(lambda x: np.sum(np.sin(layer(x))))(point).data
        layer.freeze()
        np.testing.assert_allclose(wengert.hessian(lambda x: np.sum(np.sin(layer(x))))(point).data, expected)
        x = Variable(point)
        np.sum(layer(x)).backward()
        np.testing.assert_allclose(x.grad, np.tile(layer.weight.data.sum(0), (2, 1)))

    def test_operators_and_numpy(self) -> None:
        p, q = Parameter(np.array([1.0, 2.0])), Parameter(np.array([3.0, 4.0]))
        p.requires_grad = False
        np.sum(p * q + np.exp(p) + np.dot(p, q)).backward()
        self.assertIsNone(p.grad)
        np.testing.assert_array_equal(q.grad, 3 * p.data)
        self.assertEqual(float(np.sum(p)), 3.0)
        np.testing.assert_array_equal(np.from_dlpack(p), p.data)

    def test_what_is_differentiated_by_name_is(self) -> None:
        layer = Linear(3, 2).freeze()
        gx = wengert.grad(lambda p: np.sum(functional_call(layer, p, X) ** 2))({"weight": layer.weight.data})
        self.assertGreater(float(np.abs(gx["weight"]).sum()), 0)
        p = Parameter(np.array([1.0, 2.0])).requires_grad_(False)
        np.testing.assert_array_equal(wengert.grad(lambda v: np.sum(v**2))(p).data, [2.0, 4.0])

    def test_optimizers_leave_them_alone(self) -> None:
        for make in (SGD, Momentum, Adam, AdamW, Lion, Adafactor, AdaDelta):
            model = network()
            optimizer = make(model, 0.1)
            if "weight_decay" in optimizer.groups[0].options:
                optimizer.groups[0].weight_decay = 0.1
            kept: Any = None
            for k in range(6):
                if k == 2:
                    kept = model[0].freeze().weight.data.copy()
                optimizer.cleargrads()
                mse(model(X), T).backward()
                before = model[3].weight.data.copy()
                optimizer.update()
                with self.subTest(make.__name__, step=k):
                    self.assertFalse(np.array_equal(before, model[3].weight.data))
                    if kept is not None and k < 5:
                        np.testing.assert_array_equal(model[0].weight.data, kept)
                if k == 4:
                    model[0].unfreeze()
            self.assertFalse(np.array_equal(model[0].weight.data, kept), make.__name__)

    def test_lbfgs(self) -> None:
        model = network().eval()
        kept = model[0].freeze().weight.data.copy()
        optimizer = LBFGS(model)
        optimizer.update(lambda: mse(model(X), T))
        np.testing.assert_array_equal(model[0].weight.data, kept)

    def test_lazy_copied_and_pickled(self) -> None:
        layer = Linear(2).freeze()
        layer(X)
        self.assertEqual(layer.weight.shape, (2, 3))
        for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), copy.copy(layer)):
            self.assertEqual([p.requires_grad for p in again.params().values()], [False, False])
            self.assertTrue(all(isinstance(p, Parameter) for p in again.params().values()))

    def test_refusals(self) -> None:
        p = Parameter(np.ones(2)).requires_grad_(False)
        with self.assertRaisesRegex(ValueError, "is frozen and has no gradient; set p.requires_grad = True"):
            p.grad = np.ones(2)
        p.grad = None
        x = Variable(np.ones(2))
        x.requires_grad = True
        self.assertTrue(x.requires_grad)
        with self.assertRaisesRegex(TypeError, r"a Parameter can be frozen; use x\.detach\(\)"):
            x.requires_grad = False
        self.assertFalse(x.detach().requires_grad)
        with self.assertRaisesRegex(TypeError, r"Variable\(x\.data\)"):
            x.detach().requires_grad = True
        with self.assertRaisesRegex(TypeError, "requires_grad .*True or False"):
            p.requires_grad = 0  # type: ignore[assignment]
        with self.assertRaisesRegex(AttributeError, "'freeze' of Layer is a method"):
            Layer().freeze = 1  # type: ignore[assignment,method-assign]

    def test_summary(self) -> None:
        model = network()
        model[0].freeze()
        self.assertIn("136 bytes of parameters, 16 of them frozen; input (8, 3)", str(model.summary(X)))
        self.assertEqual(model.summary(X).frozen, 16)


class FromEpochOne(Callback):
    """Freezes the first layer when an epoch is done."""

    def on_epoch_end(self, trainer: Any, row: dict[str, Any]) -> None:
        trainer.model[0].freeze()


class TrainerTest(unittest.TestCase):
    def trained(self, compile: bool = False, accumulate: int = 1) -> Any:
        model = network()
        trainer = Trainer(model, AdamW(model, 0.05), mse, progress=False, compile=compile, clip_norm=1.0,
                          accumulate=accumulate, callbacks=[FromEpochOne()])  # fmt: skip
        kept = []
        for _ in range(3):
            trainer.fit([(X[:4], T[:4]), (X[4:], T[4:])], epochs=1)
            kept.append(model[0].weight.data.copy())
        np.testing.assert_array_equal(kept[0], kept[2])
        return model

    @unittest.skipUnless(importlib.util.find_spec("llvmlite"), "no llvmlite")
    def test_compiled_steps_notice(self) -> None:
        eager, compiled = self.trained(), self.trained(compile=True)
        for name, p in eager.params().items():
            np.testing.assert_allclose(p.data, compiled.params()[name].data, 1e-4, 1e-6)

    def test_accumulated(self) -> None:
        self.trained(accumulate=2)

    @unittest.skipUnless(importlib.util.find_spec("safetensors"), "no safetensors")
    def test_checkpoints_know(self) -> None:
        def made() -> Any:
            model = network()
            return Trainer(model, Adam(model, 0.05), mse, progress=False)

        first, second = made(), made()
        first.model[0].freeze()
        first.fit([(X, T)], epochs=1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run.safetensors")
            save_run(path, first)
            second.model[3].freeze()
            load_run(path, second)
        self.assertEqual([n for n, p in second.model.params().items() if not p.requires_grad], ["0.weight", "0.bias"])


@unittest.skipUnless(importlib.util.find_spec("llvmlite"), "no llvmlite")
class CompiledTest(unittest.TestCase):
    def test_a_step_of_ones_own(self) -> None:
        def run(compile: bool) -> tuple[list[float], Any]:
            model = network()
            optimizer = AdamW(model, 0.05)

            def step() -> Any:
                loss = mse(model(X), T)
                optimizer.cleargrads()
                loss.backward()
                optimizer.update()
                return loss

            f: Any = wengert.compile(step) if compile else step
            losses: list[float] = []
            kept: Any = None
            for k in range(12):
                if k == 4:
                    kept = model[0].freeze().weight.data.copy()
                if k == 8:
                    np.testing.assert_array_equal(model[0].weight.data, kept)
                    model[0].unfreeze()
                losses.append(float(f()))
            self.assertFalse(np.array_equal(model[0].weight.data, kept))
            return losses, f

        expected, _ = run(False)
        found, f = run(True)
        np.testing.assert_allclose(found, expected, 1e-4)
        self.assertGreaterEqual(len(f.plans), 2)


if __name__ == "__main__":
    unittest.main()
