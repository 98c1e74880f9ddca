"""What users of PyTorch, JAX and DeZero type: it works, or an error says what to write."""

import importlib
import inspect
import pickle
import pydoc
import re
import unittest
from typing import Any

import numpy as np

import wengert
import wengert.functions as F
from wengert import Parameter, Variable
from wengert.checks import peer_modules, peer_names
from wengert.functions import mse
from wengert.layers import Layer, Linear
from wengert.models import MLP
from wengert.optimizers import SGD, Adam

X = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]


class DeZeroTest(unittest.TestCase):
    def test_params_are_parameters(self) -> None:
        model = MLP(4, 1)
        np.sum(model(X)).backward()
        grads = {name: p.grad for name, p in model.params().items()}
        before = {name: p.data.copy() for name, p in model.params().items()}
        for p in model.params():
            p.data -= 0.5 * p.grad
        for name, p in model.params().items():
            np.testing.assert_allclose(p.data, before[name] - 0.5 * grads[name], 1e-6)
        for p in model.params():
            p.cleargrad()
            self.assertIsNone(p.grad)
            p.grad = np.zeros_like(p.data)
            p.requires_grad = False
            self.assertFalse(p.requires_grad)
        self.assertEqual([p.requires_grad for p in model.params().values()], [False] * 4)

    def test_they_are_names_too(self) -> None:
        layer = Linear(3, 2)
        params = layer.params()
        self.assertEqual(list(params), ["weight", "bias"])
        self.assertIs(type(params), dict)
        self.assertEqual(params, {"weight": layer.weight, "bias": layer.bias})
        self.assertEqual([type(name) for name in pickle.loads(pickle.dumps(params))], [str, str])
        self.assertEqual(dict(params), {"weight": layer.weight, "bias": layer.bias})
        self.assertEqual([params[name] for name in params], [layer.weight, layer.bias])
        self.assertEqual(repr(sorted(params)), "['bias', 'weight']")
        self.assertEqual({**params}, dict(params.items()))
        with self.assertRaisesRegex(AttributeError, "names, and 'weight' has no attribute 'shape_of'; write"):
            next(iter(params)).shape_of  # noqa: B018
        optimizer = SGD(list(params), 0.1)
        self.assertEqual(optimizer.groups[0].params, [layer.weight, layer.bias])

    def test_setup(self) -> None:
        with self.assertRaisesRegex(TypeError, r"SGD\(model, 0\.1\), not SGD\(0\.1\)\.setup\(model\)"):
            SGD(0.1).setup(Linear(2, 2))
        with self.assertRaisesRegex(AttributeError, "made for its model"):
            SGD(Linear(2, 2), 0.1).setup(Linear(2, 2))

    def test_functions(self) -> None:
        for name in ("tanh", "reshape", "sum", "matmul", "exp", "sin", "transpose", "broadcast_to", "max", "clip"):
            self.assertIs(getattr(F, name), getattr(np, name))
        self.assertEqual(F.sigmoid(0.0), 0.5)
        for name in ("mean_squared_error", "softmax_cross_entropy_simple", "sum_to", "get_item", "linear_simple"):
            with self.assertRaisesRegex(AttributeError, f"no attribute '{name}'; write "):
                getattr(F, name)
        with self.assertRaisesRegex(AttributeError, "no attribute 'nonsense'$"):
            F.nonsense  # noqa: B018

    def test_a_loop_of_the_book(self) -> None:
        wengert.seed(0)
        model = MLP(10, 1)
        losses = []
        for _ in range(200):
            loss = F.mse(model(X), X**2)
            model.cleargrads()
            loss.backward()
            for p in model.params():
                p.data -= 0.2 * p.grad
            losses.append(loss.item())
        self.assertLess(losses[-1], losses[0] / 5)


class PyTorchTest(unittest.TestCase):
    def test_what_works(self) -> None:
        model = Linear(1, 1)
        loss = mse(model(X), X)
        loss.backward()
        self.assertEqual((loss.item(), loss.shape), (float(loss.data), ()))
        self.assertIsNone(loss.detach().creator)
        self.assertEqual(list(model.state_dict()), ["weight", "bias"])
        self.assertIs(model.eval(), model)
        self.assertIs(model.train(), model)
        self.assertTrue(model.training)
        self.assertFalse(model.train(False).training)
        self.assertIs(model.weight.requires_grad_(False), model.weight)
        self.assertFalse(model.weight.requires_grad)

    def test_what_is_advised(self) -> None:
        x, layer, optimizer = Variable(np.ones(2)), Linear(2, 2), Adam(Linear(2, 2))
        for thing, name, instead in (
            (x, "numpy", "x.data"),
            (x, "zero_grad", r"x\.cleargrad\(\)"),
            (x, "grad_fn", r"x\.creator"),
            (x, "unsqueeze", "np.expand_dims"),
            (layer, "parameters", r"layer\.params\(\)\.values\(\)"),
            (layer, "zero_grad", r"layer\.cleargrads\(\)"),
            (layer, "to", r"layer\.astype"),
            (optimizer, "step", r"optimizer\.update\(\)"),
            (optimizer, "zero_grad", r"optimizer\.cleargrads\(\)"),
        ):
            with self.subTest(name):
                pattern = f"{type(thing).__name__} has no attribute '{name}'; write {instead}"
                with self.assertRaisesRegex(AttributeError, pattern):
                    getattr(thing, name)
                self.assertFalse(hasattr(thing, name) or hasattr(type(thing), name))
        with self.assertRaisesRegex(TypeError, "no option 'lr'; write learning_rate="):
            SGD(layer, lr=0.1)

    def test_names_of_modules(self) -> None:
        for module, name, instead in (
            (wengert, "tensor", r"wengert\.Variable"),
            (wengert, "jit", r"wengert\.compile"),
            (wengert.layers, "ReLU", r"wengert\.functions\.relu"),
            (wengert.layers, "ModuleList", "a list"),
            (wengert.optimizers, "StepLR", "StepDecay"),
        ):
            with self.assertRaisesRegex(AttributeError, f"no attribute '{name}'; write .*{instead}"):
                getattr(module, name)
        for package in ("", ".layers", ".optimizers"):
            with self.assertRaisesRegex(AttributeError, "has no attribute 'nonsense'$"):
                importlib.import_module(f"wengert{package}").nonsense  # noqa: B018

    def test_own_attributes_of_these_names(self) -> None:
        class Net(Layer):
            def __init__(self) -> None:
                self.to = Linear(1, 2)
                self.half = Parameter(np.ones(1))

            def parameters(self) -> int:
                return 7

            def forward(self, x: Any) -> Any:
                return self.to(x)

        net = Net()
        self.assertEqual((net(X).shape, net.parameters()), ((8, 2), 7))
        self.assertEqual(sorted(net.params()), ["half", "to.bias", "to.weight"])


class AdviceTest(unittest.TestCase):
    def test_no_name_that_is_there_is_advised_against(self) -> None:
        for kind, names in ((Variable, peer_names.OF_VARIABLES), (Layer, peer_names.OF_LAYERS)):
            there = [n for n in names if not isinstance(inspect.getattr_static(kind, n), peer_names.Advised)]
            self.assertEqual(there, [])
        for module, names in peer_modules.MODULES.items():
            self.assertEqual([name for name in names if name in importlib.import_module(module).__all__], [])

    def test_what_is_advised_is_there(self) -> None:
        texts = [*peer_names.OF_VARIABLES.values(), *peer_names.OF_LAYERS.values(), *peer_modules.FUNCTIONS.values()]
        texts += [*peer_modules.TOP.values(), *peer_modules.LAYERS.values()]
        for text in texts:
            for name in re.findall(r"\b(?:wengert|np)(?:\.\w+)+", text):
                with self.subTest(name):
                    found: Any = np if name.startswith("np") else wengert
                    for part in name.split(".")[1:]:
                        found = getattr(found, part)
        for name in peer_modules.OPTIMIZERS.values():
            if name[0].isupper() and " " not in name:
                self.assertTrue(hasattr(wengert.optimizers, name), name)

    def test_help_says_what_to_write(self) -> None:
        text = pydoc.render_doc(Variable, renderer=pydoc.plaintext)
        self.assertRegex(text, r"unsqueeze\n \|      Not here: write np\.expand_dims\(x, axis\)")


if __name__ == "__main__":
    unittest.main()
