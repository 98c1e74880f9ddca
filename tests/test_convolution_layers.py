"""Convolutions, plain and transposed: PyTorch's numbers, the errors, the memory, and the layers."""

import importlib.util
import itertools
import unittest
import warnings
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert import Variable
from wengert.functions import convolution_kernels
from wengert.functions._convolution import conv1d, conv2d, conv3d
from wengert.functions.transposed_convolution import conv_transpose1d, conv_transpose2d, conv_transpose3d
from wengert.layers import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = unittest.skipIf(not HAS_TORCH, "needs torch: pip install torch==2.13.0")
DIRECT = (conv1d, conv2d, conv3d)
TRANSPOSED = (conv_transpose1d, conv_transpose2d, conv_transpose3d)
TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}

Grid = Iterator[tuple[int, tuple[int, ...], dict[str, Any], tuple[int, int, int]]]


def grid() -> Grid:
    """Dimensions, kernel, settings, and (input channels, output channels, groups)."""
    kernels = ((1, 1, 1), (3, 2, 1), (2, 3, 2))
    strides = ((1, 1, 1), (2, 2, 2), (3, 1, 2))
    paddings = ((0, 0, 0), (1, 1, 1), (2, 0, 1))
    dilations = ((1, 1, 1), (2, 1, 2))
    channels = ((2, 3, 1), (4, 6, 2), (3, 6, 3))
    for ndim, *chosen, sizes in itertools.product((1, 2, 3), kernels, strides, paddings, dilations, channels):
        kernel, stride, padding, dilation = (c[:ndim] for c in chosen)
        yield ndim, kernel, {"stride": stride, "padding": padding, "dilation": dilation}, sizes


class PyTorchTest(unittest.TestCase):
    def compare(self, ours: Any, theirs: Any, arrays: list[Any], settings: dict[str, Any]) -> None:
        import torch

        dtype = arrays[0].dtype.type
        variables = [Variable(a) for a in arrays]
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        y, expected = ours(*variables, **settings), theirs(*tensors, **settings)
        self.assertEqual((y.shape, y.dtype), (tuple(expected.shape), dtype))
        gy = np.random.default_rng(1).standard_normal(y.shape).astype(dtype)
        np.sum(y * gy).backward()
        expected.backward(torch.tensor(gy))
        found = [y.data, ours(*arrays, **settings), *(v.grad for v in variables)]
        wanted = [expected.detach().numpy()] * 2 + [t.grad.numpy() for t in tensors]
        for a, b in zip(found, wanted, strict=True):
            self.assertEqual(a.dtype, dtype)
            scale = max(1.0, float(np.abs(b).max(initial=0)))
            np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=TOLERANCE[dtype])

    @needs_torch
    def test_convolution(self) -> None:
        import torch.nn.functional as reference

        rng = np.random.default_rng(0)
        for i, (ndim, kernel, settings, (channels, outputs, groups)) in enumerate(grid()):
            shapes = [(2, channels, *(7, 6, 5)[:ndim]), (outputs, channels // groups, *kernel), (outputs,)]
            arrays = [rng.standard_normal(s).astype([np.float64, np.float32][i % 2]) for s in shapes]
            with self.subTest(ndim=ndim, kernel=kernel, groups=groups, **settings):
                theirs = getattr(reference, f"conv{ndim}d")
                self.compare(DIRECT[ndim - 1], theirs, arrays, {**settings, "groups": groups})

    @needs_torch
    def test_same_padding(self) -> None:
        import torch.nn.functional as reference

        rng = np.random.default_rng(0)
        for kernel, dilation in itertools.product((1, 2, 3, 4), (1, 2)):
            arrays = [rng.standard_normal(s) for s in ((2, 2, 9, 8), (3, 2, kernel, kernel), (3,))]
            with self.subTest(kernel=kernel, dilation=dilation), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # PyTorch warns of a copy of its own
                self.compare(conv2d, reference.conv2d, arrays, {"padding": "same", "dilation": dilation})

    @needs_torch
    def test_transposed_convolution(self) -> None:
        import torch.nn.functional as reference

        rng = np.random.default_rng(0)
        for i, (ndim, kernel, settings, (channels, outputs, groups)) in enumerate(grid()):
            shapes = [(2, channels, *(4, 3, 5)[:ndim]), (channels, outputs // groups, *kernel), (outputs,)]
            arrays = [rng.standard_normal(s).astype([np.float64, np.float32][i % 2]) for s in shapes]
            extra = min(i % 3, *(max(s, d) - 1 for s, d in zip(settings["stride"], settings["dilation"], strict=True)))
            sizes = [
                (n - 1) * s - 2 * p + d * (k - 1) + 1 + extra
                for n, s, p, d, k in zip(
                    (4, 3, 5), settings["stride"], settings["padding"], settings["dilation"], kernel, strict=False
                )
            ]
            if min(sizes) < 1:
                continue
            with self.subTest(ndim=ndim, kernel=kernel, groups=groups, extra=extra, **settings):
                theirs = getattr(reference, f"conv_transpose{ndim}d")
                more = {**settings, "groups": groups, "output_padding": extra}
                self.compare(TRANSPOSED[ndim - 1], theirs, arrays, more)

    @needs_torch
    def test_in_parts(self) -> None:
        import torch.nn.functional as reference

        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal(s) for s in ((5, 4, 6, 6), (4, 4, 3, 3), (4,))]
        with mock.patch.object(convolution_kernels, "COLUMN_BYTES", 2 * 4 * 9 * 49 * 8):
            self.compare(conv2d, reference.conv2d, arrays, {"padding": 1})
            self.compare(conv_transpose2d, reference.conv_transpose2d, arrays, {"padding": 1, "stride": 2})
        arrays = [rng.standard_normal(s) for s in ((5, 4, 6, 6), (8, 1, 3, 3), (8,))]
        with mock.patch.object(convolution_kernels, "BLOCK_BYTES", 1):
            self.compare(conv2d, reference.conv2d, arrays, {"padding": 1, "groups": 4})

    @needs_torch
    def test_layers_take_pytorchs_weights(self) -> None:
        import torch

        for ours, theirs, sizes in (
            (Conv1d(2, 4, 3, padding="same"), torch.nn.Conv1d(2, 4, 3, padding="same"), (9,)),
            (Conv2d(2, 4, 3, stride=2, groups=2), torch.nn.Conv2d(2, 4, 3, stride=2, groups=2), (9, 8)),
            (Conv3d(2, 4, 2, bias=False), torch.nn.Conv3d(2, 4, 2, bias=False), (4, 3, 5)),
            (ConvTranspose1d(2, 4, 3, stride=2), torch.nn.ConvTranspose1d(2, 4, 3, stride=2), (5,)),
            (
                ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
                torch.nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
                (5, 4),
            ),
            (ConvTranspose3d(2, 4, 2, dilation=2), torch.nn.ConvTranspose3d(2, 4, 2, dilation=2), (3, 2, 2)),
        ):
            with self.subTest(ours.label()):
                ours.load_state_dict({name: p.detach().numpy() for name, p in theirs.state_dict().items()})
                x = np.random.default_rng(0).standard_normal((2, 2, *sizes)).astype(np.float32)
                np.testing.assert_allclose(ours(x).data, theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)


class ArrayTest(unittest.TestCase):
    def test_empty_batch(self) -> None:
        for f, shape, groups in (
            (conv2d, (4, 2, 3, 3), 1),
            (conv2d, (4, 1, 3, 3), 2),
            (conv2d, (2, 1, 1, 1), 2),
            (conv_transpose2d, (2, 4, 3, 3), 1),
            (conv_transpose2d, (2, 2, 3, 3), 2),
            (conv_transpose2d, (2, 1, 3, 3), 2),
        ):
            with self.subTest(f=f.__name__, shape=shape, groups=groups):
                x, weight = Variable(np.ones((0, 2, 5, 5), np.float32)), Variable(np.ones(shape, np.float32))
                y = f(x, weight, groups=groups)
                outputs = shape[0] if f is conv2d else shape[1] * groups
                np.sum(y).backward()
                self.assertEqual((y.shape[:2], x.grad.shape), ((0, outputs), x.shape))
                np.testing.assert_array_equal(weight.grad, np.zeros(shape))

    def test_mixed_dtypes_are_promoted(self) -> None:
        x, weight = Variable(np.ones((1, 1, 3, 3), np.float32)), Variable(np.ones((1, 1, 2, 2)))
        y = conv2d(x, weight)
        y.backward()
        self.assertEqual((y.dtype, x.grad.dtype, weight.grad.dtype), (np.float64, np.float32, np.float64))
        self.assertEqual(conv2d(np.ones((1, 1, 3, 3), int), np.ones((1, 1, 2, 2), int)).dtype, int)

    def test_views_are_unchanged(self) -> None:
        wide = np.random.default_rng(0).standard_normal((2, 6, 5, 3)).astype(np.float32)
        view = wide[:, ::2].transpose(0, 3, 1, 2)
        view.setflags(write=False)
        weight = np.random.default_rng(1).standard_normal((2, 3, 2, 2)).astype(np.float32)
        a, b = Variable(view), Variable(np.ascontiguousarray(view))
        y, z = (conv2d(v, weight, padding=1) for v in (a, b))
        np.testing.assert_array_equal(y.data, z.data)
        np.sum(y * y).backward()
        np.sum(z * z).backward()
        np.testing.assert_array_equal(a.grad, b.grad)

    def test_backward_twice_gives_the_same(self) -> None:
        x, weight = Variable(np.ones((2, 2, 4, 4))), Variable(np.ones((2, 2, 3, 3)))
        y = conv2d(x, weight, padding=1)
        y.backward()
        first = (x.grad.copy(), weight.grad.copy())
        x.cleargrad()
        weight.cleargrad()
        y.backward()
        np.testing.assert_array_equal(first[0], x.grad)
        np.testing.assert_array_equal(first[1], weight.grad)

    def test_places_that_no_window_sees_have_no_gradient(self) -> None:
        x = Variable(np.ones((1, 1, 6)))
        conv1d(x, np.ones((1, 1, 1)), stride=4).backward()
        np.testing.assert_array_equal(x.grad[0, 0], [1, 0, 0, 0, 1, 0])
        x.cleargrad()
        conv1d(x, np.ones((1, 1, 2)), stride=3).backward()
        np.testing.assert_array_equal(x.grad[0, 0], [1, 1, 0, 1, 1, 0])

    def test_not_a_number_stays_in_its_windows(self) -> None:
        x = np.zeros((2, 1, 5))
        x[0, 0, 4] = np.nan  # at the end of a line, where the next image begins
        y = conv1d(Variable(x), np.ones((1, 1, 3)), padding=1).data
        np.testing.assert_array_equal(np.isnan(y), [[[0, 0, 0, 1, 1]], [[0, 0, 0, 0, 0]]])

    def test_written_input_is_detected(self) -> None:
        x, weight = Variable(np.ones((1, 1, 3))), wengert.Parameter(np.ones((1, 1, 2)))
        y = conv1d(x, weight)
        weight.data -= 1.0
        with self.assertRaisesRegex(ValueError, "Conv1d"):
            y.backward()


class ErrorTest(unittest.TestCase):
    def check(self, message: str, f: Any, x: Any, weight: Any, *args: Any, kind: Any = ValueError, **kw: Any) -> None:
        for wrap in (np.asarray, Variable):
            with self.subTest(message, wrap=wrap.__name__), self.assertRaisesRegex(kind, message):
                f(wrap(np.ones(x)), wrap(np.ones(weight)), *args, **kw)

    def test_shapes(self) -> None:
        self.check(r"4 axes \(batch, channels, height, width\).*\(2, 5, 5\).*newaxis", conv2d, (2, 5, 5), (1, 2, 3, 3))
        self.check(r"weight of 4 axes.*\(1, 2, 3\)", conv2d, (1, 2, 5, 5), (1, 2, 3))
        self.check(r"takes 3 channels.*but got 2.*axis 1", conv2d, (1, 2, 5, 5), (1, 3, 3, 3))
        self.check(r"bias of conv2d.*shape \(4,\).*\(3,\)", conv2d, (1, 2, 5, 5), (4, 2, 3, 3), np.ones(3))
        self.check(r"must fit.*\(3, 3\).*\(2, 5\).*larger", conv2d, (1, 2, 2, 5), (1, 2, 3, 3))
        self.check(r"\(3,\) dilated by \(2,\)", conv1d, (1, 2, 4), (1, 2, 3), dilation=2)
        self.check(r"takes 3 channels.*but got 2", conv_transpose1d, (1, 2, 5), (3, 1, 3))
        self.check(r"output of conv_transpose1d.*gives -1", conv_transpose1d, (1, 2, 2), (2, 1, 2), padding=2)

    def test_settings(self) -> None:
        x, weight = (1, 2, 5, 5), (3, 2, 3, 3)
        self.check(r"stride of conv2d must be an integer of at least 1, .*but got int 0", conv2d, x, weight, stride=0)
        self.check(r"padding of conv2d must be .* at least 0, .*but got int -1", conv2d, x, weight, padding=-1)
        self.check(r"dilation of conv2d must be .* at least 1, .*\(1, 0\)", conv2d, x, weight, dilation=(1, 0))
        self.check(r"stride of conv2d must be .*a tuple of 2 .*\(1, 1, 1\)", conv2d, x, weight, stride=(1, 1, 1))
        self.check(r"stride of conv2d must be an integer .*1.5", conv2d, x, weight, stride=1.5, kind=TypeError)
        self.check(r'"same".*needs stride 1.*\(2, 2\)', conv2d, x, weight, stride=2, padding="same")
        self.check(r"\"same\" or \"valid\".*'full'", conv2d, x, weight, padding="full")
        self.check(r"3 channels \(axis 0.*2 groups", conv2d, (1, 4, 5, 5), weight, groups=2)
        self.check(r"groups of conv2d must be an integer of at least 1", conv2d, x, weight, groups=0)
        self.check(r"output padding.*smaller.*but got 1", conv_transpose2d, x, (2, 1, 3, 3), output_padding=1)
        self.check(r"numbers as its padding", conv_transpose2d, x, (2, 1, 3, 3), padding="same", kind=TypeError)
        self.check(r"3 channels \(axis 0.*2 groups", conv_transpose2d, x, weight, groups=2)


class LayerTest(unittest.TestCase):
    def test_lazy_channels(self) -> None:
        for layer in (Conv2d(4, 3, padding=1), ConvTranspose2d(4, 3, padding=1)):
            self.assertIsNone(layer.weight.data)
            self.assertEqual(layer(np.ones((1, 2, 5, 5), np.float32)).shape, (1, 4, 5, 5))
            self.assertEqual(layer.in_channels, 2)
            fresh = type(layer)(4, 3, padding=1)
            fresh.load_state_dict(layer.state_dict())
            self.assertEqual((fresh.in_channels, fresh.label()), (2, layer.label()))
        with self.assertRaisesRegex(ValueError, "takes a parameter of shape"):
            Conv2d(5, 3).load_state_dict({"weight": np.ones((4, 2, 3, 3)), "bias": np.ones(5)})
        depthwise = Conv2d(4, 3, groups=2)
        depthwise.load_state_dict({"weight": np.ones((4, 1, 3, 3)), "bias": np.ones(4)})
        self.assertEqual(depthwise.in_channels, 2)

    def test_labels(self) -> None:
        self.assertEqual(repr(Conv2d(1, 16, 3, padding=1)), "Conv2d(1, 16, kernel=3, stride=1, padding=1)")
        self.assertEqual(
            repr(Conv2d(2, 4, (3, 1), padding="same", dilation=2, groups=2, bias=False)),
            "Conv2d(2, 4, kernel=(3, 1), stride=1, padding='same', dilation=2, groups=2, bias=False)",
        )
        self.assertEqual(
            repr(ConvTranspose1d(2, 4, 3, stride=2, output_padding=1)),
            "ConvTranspose1d(2, 4, kernel=3, stride=2, padding=0, output_padding=1)",
        )

    def test_initialization(self) -> None:
        wengert.seed(0)
        layer = Conv2d(8, 64, 5)
        for p in (layer.weight, layer.bias):
            bound = 1 / np.sqrt(8 * 25)
            self.assertEqual(p.dtype, np.float32)
            self.assertTrue(0.9 * bound < np.abs(p.data).max() <= bound)
        layer = Conv2d(8, 4, 3, initializer=lambda shape, dtype: np.full(shape, 2, dtype), dtype=np.float64)
        self.assertEqual((layer.weight.dtype, float(layer.weight.data.max())), (np.float64, 2.0))
        np.testing.assert_array_equal(layer.bias.data, 0)

    def test_multiply_adds(self) -> None:
        x = np.ones((2, 4, 8, 8), np.float32)
        layer = Conv2d(4, 6, 3, groups=2)
        self.assertEqual(layer.multiply_adds(x, layer(x)), 2 * 6 * 36 * 2 * 9)
        back = ConvTranspose2d(4, 6, 3, groups=2)
        self.assertEqual(back.multiply_adds(x, back(x)), 2 * 4 * 64 * 3 * 9)

    def test_errors(self) -> None:
        layer = Conv2d(3, 4, 3)
        with self.assertRaisesRegex(ValueError, r"Conv2d\(3, 4, .*\(batch, 3, height, width\).*\(1, 2, 5, 5\).*axis 1"):
            layer(np.ones((1, 2, 5, 5)))
        with self.assertRaisesRegex(ValueError, r"Conv2d\(3, 4, .*\(3, 5, 5\).*expand_dims"):
            layer(np.ones((3, 5, 5)))
        with self.assertRaisesRegex(ValueError, "input channels of Conv2d must divide.*3 channels and 2 groups"):
            Conv2d(3, 4, 3, groups=2)
        with self.assertRaisesRegex(ValueError, "input channels of Conv2d must divide.*3 channels and 2 groups"):
            Conv2d(4, 3, groups=2)(np.ones((1, 3, 5, 5)))
        with self.assertRaisesRegex(ValueError, "output channels of ConvTranspose1d must divide"):
            ConvTranspose1d(2, 3, 3, groups=2)
        with self.assertRaisesRegex(ValueError, "needs stride 1"):
            Conv2d(3, 4, 3, stride=2, padding="same")
        with self.assertRaisesRegex(ValueError, "kernel of Conv2d must be an integer of at least"):
            Conv2d(3, 4, 0)
        with self.assertRaisesRegex(ValueError, "out_channels of Conv2d must be an integer of at least 1"):
            Conv2d(3, 0, 3)
        with self.assertRaisesRegex(TypeError, r"Conv2d\(in, out, kernel\)"):
            Conv2d(3)


if __name__ == "__main__":
    unittest.main()
