"""Models beside PyTorch programs with the same weights: outputs, gradients, buffers."""

import importlib.util
import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Layer
from wengert.functions.classification_loss import softmax_cross_entropy
from wengert.models.gpt import GPT
from wengert.models.lenet import LeNet
from wengert.models.lstm_classifier import LSTMClassifier
from wengert.models.resnet import BasicBlock, Bottleneck, ResNet
from wengert.models.vgg import VGG16

TORCH = importlib.util.find_spec("torch") is not None
if TORCH:
    import torch

    from tests import torch_models

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


@unittest.skipIf(not TORCH, "needs torch: pip install torch==2.13.0")
class ParityTest(unittest.TestCase):
    def setUp(self) -> None:
        torch.set_num_threads(1)

    def compare(self, ours: Layer, theirs: Any, inputs: list[Any], classes: int, dtype: Any, **kwargs: Any) -> None:
        """Compare in training mode, then in test mode."""
        torch.manual_seed(0)
        rng = np.random.default_rng(0)
        theirs = theirs.to(torch.float32 if dtype is np.float32 else torch.float64)
        state = {}
        for name, tensor in theirs.state_dict().items():
            if tensor.is_floating_point():
                # (Weights of the size that networks have, also where PyTorch begins with zeros or ones.)
                scale = 1 / np.sqrt(max(1, tensor[0].numel())) if tensor.ndim > 1 else 0.2
                values = scale * rng.standard_normal(tensor.shape) + (tensor.ndim == 1 and "bias" not in name)
                tensor.copy_(torch.from_numpy(np.abs(values) if name.endswith("running_var") else values))
            state[name] = tensor.numpy().copy()
        ours.load_state_dict(state)
        self.assertEqual(list(ours.params()), [name for name, _ in theirs.named_parameters()])
        for training in (True, False):
            theirs.train(training)
            with wengert.train_mode() if training else wengert.test_mode():
                y = ours(*inputs, **kwargs)
            z = theirs(*(torch.from_numpy(x) for x in inputs), **{k: torch.from_numpy(v) for k, v in kwargs.items()})
            self.assertEqual(y.dtype, dtype)
            t = rng.integers(0, classes, z.shape[:-1])
            ours.cleargrads()
            theirs.zero_grad()
            softmax_cross_entropy(np.reshape(y, (-1, classes)), t.ravel()).backward()
            torch.nn.functional.cross_entropy(z.reshape(-1, classes), torch.from_numpy(t.ravel())).backward()
            self.assert_near(y.data, z.detach().numpy(), dtype, f"output, training={training}")
            parameters = dict(theirs.named_parameters())
            for name, p in ours.params().items():
                self.assert_near(p.grad, parameters[name].grad.numpy(), dtype, f"{name}, training={training}")
        for name, buffer in theirs.named_buffers():
            self.assert_near(ours.state_dict()[name], buffer.numpy(), dtype, name)

    def assert_near(self, ours: Any, theirs: Any, dtype: Any, what: str) -> None:
        """As near as `dtype` can be asked to be, by the size of the array's own numbers."""
        self.assertEqual(ours.shape, theirs.shape, what)
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        error = float(np.abs(ours - theirs).max(initial=0)) / scale
        self.assertLess(error, TOLERANCE[dtype], what)

    def both(self, make: Any, theirs: Any, inputs: Any, classes: int, **kwargs: Any) -> None:
        for dtype in (np.float32, np.float64):
            with self.subTest(dtype=dtype.__name__):
                arrays = [x if x.dtype.kind == "i" else x.astype(dtype) for x in inputs]
                self.compare(make(dtype), theirs(), arrays, classes, dtype, **kwargs)

    def test_lenet(self) -> None:
        x = np.random.default_rng(1).standard_normal((5, 2, 12, 12))
        self.both(
            lambda dtype: LeNet(7, width=4, hidden=9, dtype=dtype), lambda: torch_models.LeNet(2, 7, 4, 9, 12), [x], 7
        )

    def test_resnet_of_basic_blocks(self) -> None:
        x = np.random.default_rng(2).standard_normal((4, 3, 64, 64))
        self.both(
            lambda dtype: ResNet(BasicBlock, (1, 2, 1, 1), 5, width=2, dtype=dtype),
            lambda: torch_models.ResNet(torch_models.BasicBlock, (1, 2, 1, 1), 5, 2, False),
            [x],
            5,
        )

    def test_resnet_of_bottlenecks_for_small_images(self) -> None:
        x = np.random.default_rng(3).standard_normal((4, 3, 16, 16))
        self.both(
            lambda dtype: ResNet(Bottleneck, (2, 1, 1, 1), 5, width=2, small_images=True, dtype=dtype),
            lambda: torch_models.ResNet(torch_models.Bottleneck, (2, 1, 1, 1), 5, 2, True),
            [x],
            5,
        )

    def test_vgg16(self) -> None:
        x = np.random.default_rng(4).standard_normal((2, 3, 32, 32))
        self.both(
            lambda dtype: VGG16(5, width=2, hidden=11, dropout=0.0, dtype=dtype),
            lambda: without_dropout(torch_models.VGG16(5, 2, 11)),
            [x],
            5,
        )

    def test_gpt(self) -> None:
        x = np.random.default_rng(5).integers(0, 13, (3, 7))
        self.both(
            lambda dtype: GPT(13, length=9, width=8, layers=2, heads=2, dropout=0.0, dtype=dtype),
            lambda: torch_models.GPT(13, 9, 8, 2, 2),
            [x],
            13,
        )

    def test_lstm_classifier(self) -> None:
        x = np.random.default_rng(6).integers(0, 11, (3, 6))
        self.both(
            lambda dtype: LSTMClassifier(
                4, hidden=5, layers=2, bidirectional=True, vocabulary=11, width=3, dtype=dtype
            ),
            lambda: torch_models.LSTMClassifier(11, 3, 5, 2, 4),
            [x],
            4,
            lengths=np.array([6, 2, 4]),
        )


def without_dropout(model: Any) -> Any:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


if __name__ == "__main__":
    unittest.main()
