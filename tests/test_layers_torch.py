"""Layers beside PyTorch's: the same outputs and gradients with the same weights."""

import importlib.util
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.functions import gelu, relu
from wengert.functions._attention import attention
from wengert.functions._embedding import embedding
from wengert.functions.normalization import batch_norm, group_norm, layer_norm, rms_norm
from wengert.layers import (
    BatchNorm,
    Dropout,
    Embedding,
    Flatten,
    GroupNorm,
    InstanceNorm,
    Layer,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    RMSNorm,
    Sequential,
    TransformerBlock,
)

HAS_TORCH = importlib.util.find_spec("torch") is not None
if HAS_TORCH:
    import torch
    from torch.nn import functional

RNG = np.random.default_rng(0)
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


def normal(*shape: int) -> Any:
    return np.random.default_rng(shape).normal(size=shape)


@unittest.skipIf(not HAS_TORCH, "needs torch: pip install torch==2.13.0")
class BesideTorch(unittest.TestCase):
    def setUp(self) -> None:
        wengert.seed(0)
        if HAS_TORCH:
            torch.manual_seed(0)

    def assert_close(self, ours: Any, theirs: Any, dtype: Any, what: str) -> None:
        ours = ours.data if isinstance(ours, Variable) else ours
        theirs = theirs.detach().numpy()
        self.assertEqual((ours.shape, ours.dtype), (theirs.shape, theirs.dtype), what)
        scale = max(1.0, float(np.max(np.abs(theirs), initial=0)))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=what)

    def check(
        self,
        make: Callable[[Any], Layer],
        make_theirs: Callable[[], Any],
        *shapes: tuple[int, ...],
        call: Callable[..., Any] = lambda layer, *xs: layer(*xs),
        call_theirs: Callable[..., Any] | None = None,
        tests: bool = True,
    ) -> None:
        """Compare a layer with theirs that has its state: outputs, gradients, buffers; in training, in testing."""
        for dtype in (np.float32, np.float64):
            ours = make(dtype)
            theirs = make_theirs().to(getattr(torch, np.dtype(dtype).name))
            arrays = [3 * normal(*shape).astype(dtype) + 1 for shape in shapes]
            with wengert.no_grad(), wengert.test_mode():
                call(ours, *arrays)  # lazy sizes
            state = {name: torch.from_numpy(array) for name, array in self.moved(ours).items()}
            theirs.load_state_dict(state)
            for training in (True, False) if tests else (True,):
                with self.subTest(layer=ours.label(), dtype=dtype.__name__, training=training):
                    xs = [Variable(a) for a in arrays]
                    them = [torch.from_numpy(a).requires_grad_() for a in arrays]
                    theirs.train(training)
                    ours.cleargrads()
                    theirs.zero_grad()
                    with wengert.train_mode() if training else wengert.test_mode():
                        y = call(ours, *xs)
                    z = (call_theirs or call)(theirs, *them)
                    self.assert_close(y, z, dtype, "output")
                    gy = normal(*y.shape).astype(dtype)
                    y.grad = gy
                    y.backward()
                    z.backward(torch.from_numpy(gy))
                    for i, (x, t) in enumerate(zip(xs, them, strict=True)):
                        self.assert_close(x.grad, t.grad, dtype, f"gradient of input {i}")
                    found = ours.params()
                    self.assertEqual(list(found), [name for name, _ in theirs.named_parameters()])
                    for name, p in theirs.named_parameters():
                        self.assert_close(found[name].grad, p.grad, dtype, name)
                    buffers = ours.buffers()
                    self.assertEqual(list(buffers), [name for name, _ in theirs.named_buffers()])
                    for name, b in theirs.named_buffers():
                        self.assert_close(buffers[name], b, dtype, name)

    def moved(self, layer: Layer) -> Any:
        """The state, its parameters moved off the 0 and 1 that they begin with."""
        for p in layer.params().values():
            p.data = p.data + 0.1 * normal(*p.shape).astype(p.dtype)
        return layer.state_dict()


class LayersTest(BesideTorch):
    def test_linear(self) -> None:
        for shape in ((4, 3), (3,), (2, 5, 3), (0, 3)):
            self.check(lambda d: Linear(3, 2, dtype=d), lambda: torch.nn.Linear(3, 2), shape)
        self.check(lambda d: Linear(2, bias=False, dtype=d), lambda: torch.nn.Linear(3, 2, bias=False), (4, 3))

    def test_batch_norm(self) -> None:
        for kind, shape in (
            ("BatchNorm1d", (5, 3)),
            ("BatchNorm1d", (2, 3, 4)),
            ("BatchNorm2d", (4, 3, 5, 2)),
            ("BatchNorm3d", (2, 3, 2, 3, 2)),
        ):
            theirs = getattr(torch.nn, kind)
            self.check(lambda d: BatchNorm(dtype=d), lambda c=theirs: c(3), shape)
            self.check(
                lambda d: BatchNorm(3, 1e-3, None, dtype=d),
                lambda c=theirs: c(3, eps=1e-3, momentum=None),
                shape,
            )
            self.check(lambda d: BatchNorm(3, affine=False, dtype=d), lambda c=theirs: c(3, affine=False), shape)

    def test_running_averages_of_several_steps(self) -> None:
        for momentum in (0.3, None):
            ours = BatchNorm(3, momentum=momentum, dtype=np.float64)
            theirs = torch.nn.BatchNorm1d(3, momentum=momentum).double()
            running = ours.running_mean
            for step in range(4):
                x = normal(6, 3, step + 1).transpose(0, 2, 1).reshape(-1, 3)
                ours(x)
                theirs(torch.from_numpy(x))
            self.assertIs(ours.running_mean, running, "buffers are written in place")
            for name, b in theirs.named_buffers():
                self.assert_close(ours.buffers()[name], b, np.float64, name)

    def test_layer_norm(self) -> None:
        self.check(lambda d: LayerNorm(dtype=d), lambda: torch.nn.LayerNorm(4), (2, 3, 4))
        self.check(lambda d: LayerNorm((3, 4), 0.1, dtype=d), lambda: torch.nn.LayerNorm((3, 4), 0.1), (2, 3, 4))
        self.check(lambda d: LayerNorm(4, bias=False, dtype=d), lambda: torch.nn.LayerNorm(4, bias=False), (5, 4))
        self.check(
            lambda d: LayerNorm(4, affine=False, dtype=d),
            lambda: torch.nn.LayerNorm(4, elementwise_affine=False),
            (5, 4),
        )

    def test_rms_norm(self) -> None:
        self.check(lambda d: RMSNorm(dtype=d), lambda: torch.nn.RMSNorm(4), (2, 3, 4))
        self.check(lambda d: RMSNorm((3, 4), 0.1, dtype=d), lambda: torch.nn.RMSNorm((3, 4), 0.1), (2, 3, 4))

    def test_group_and_instance_norm(self) -> None:
        for shape in ((2, 6), (2, 6, 5), (2, 6, 3, 4)):
            self.check(lambda d: GroupNorm(3, dtype=d), lambda: torch.nn.GroupNorm(3, 6), shape)
            self.check(lambda d: GroupNorm(1, 6, 0.1, False, d), lambda: torch.nn.GroupNorm(1, 6, 0.1, False), shape)
        self.check(lambda d: InstanceNorm(dtype=d), lambda: torch.nn.InstanceNorm1d(6), (2, 6, 5))
        self.check(
            lambda d: InstanceNorm(6, affine=True, dtype=d),
            lambda: torch.nn.InstanceNorm2d(6, affine=True),
            (2, 6, 5, 3),
        )

    def test_embedding(self) -> None:
        indices = np.array([[0, 3, 3], [1, 0, 6]])
        for padding in (None, 3, -1):
            self.check(
                lambda d, p=padding: Embedding(7, 4, p, dtype=d),
                lambda p=padding: torch.nn.Embedding(7, 4, p),
                call=lambda layer: layer(indices),
                call_theirs=lambda layer: layer(torch.from_numpy(indices)),
            )

    def test_multi_head_attention(self) -> None:
        def theirs(bias: bool = True) -> Any:
            return torch.nn.MultiheadAttention(8, 2, bias=bias, batch_first=True)

        blocked = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
        for bias in (True, False):
            self.check(
                lambda d, b=bias: MultiHeadAttention(8, 2, bias=b, dtype=d),
                lambda b=bias: theirs(b),
                (3, 5, 8),
                call_theirs=lambda layer, x: layer(x, x, x)[0],
            )
        self.check(
            lambda d: MultiHeadAttention(8, 2, dtype=d),
            theirs,
            (3, 5, 8),
            call=lambda layer, x: layer(x, causal=True),
            call_theirs=lambda layer, x: layer(x, x, x, attn_mask=blocked)[0],
        )
        self.check(
            lambda d: MultiHeadAttention(8, 2, dtype=d),
            theirs,
            (5, 8),
            call=lambda layer, x: layer(x, mask=~blocked.numpy()),
            call_theirs=lambda layer, x: layer(x, x, x, attn_mask=blocked)[0],
        )
        for shapes in (((3, 5, 8), (3, 4, 8)), ((3, 5, 8), (3, 4, 8), (3, 4, 8))):
            self.check(
                lambda d: MultiHeadAttention(8, 2, dtype=d),
                theirs,
                *shapes,
                call_theirs=lambda layer, q, k, v=None: layer(q, k, k if v is None else v)[0],
            )

    def test_masks_of_examples(self) -> None:
        left_out = torch.tensor([[False, False, True, True], [False] * 4, [False, True, False, False]])
        added = normal(3, 5, 4)
        self.check(
            lambda d: MultiHeadAttention(8, 2, dtype=d),
            lambda: torch.nn.MultiheadAttention(8, 2, batch_first=True),
            (3, 5, 8),
            (3, 4, 8),
            call=lambda layer, q, k: layer(q, k, mask=~left_out.numpy()[:, None]),
            call_theirs=lambda layer, q, k: layer(q, k, k, key_padding_mask=left_out)[0],
        )
        self.check(
            lambda d: MultiHeadAttention(8, 2, dtype=d),
            lambda: torch.nn.MultiheadAttention(8, 2, batch_first=True),
            (3, 5, 8),
            (3, 4, 8),
            call=lambda layer, q, k: layer(q, k, mask=added.astype(layer.dtype)),
            call_theirs=lambda layer, q, k: layer(
                q, k, k, attn_mask=torch.from_numpy(added).to(q.dtype).repeat_interleave(2, 0)
            )[0],
        )

    def test_weights_of_attention(self) -> None:
        ours = MultiHeadAttention(8, 2, dtype=np.float64)
        theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
        theirs.load_state_dict({k: torch.from_numpy(v) for k, v in self.moved(ours).items()})
        x = normal(2, 3, 8)
        y, weights = ours(x, return_weights=True)
        z, expected = theirs(*[torch.from_numpy(x)] * 3, average_attn_weights=False)
        self.assert_close(y, z, np.float64, "output")
        self.assert_close(weights, expected, np.float64, "weights")

    def test_transformer_block(self) -> None:
        blocked = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
        for norm_first in (True, False):
            for ours, theirs in ((gelu, "gelu"), (relu, "relu")):
                self.check(
                    lambda d, f=ours, n=norm_first: TransformerBlock(8, 2, 12, norm_first=n, activation=f, dtype=d),
                    lambda f=theirs, n=norm_first: torch.nn.TransformerEncoderLayer(
                        8, 2, 12, 0.0, f, batch_first=True, norm_first=n
                    ),
                    (3, 5, 8),
                )
        self.check(
            lambda d: TransformerBlock(8, 2, causal=True, dtype=d),
            lambda: torch.nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True),
            (3, 5, 8),
            call_theirs=lambda layer, x: layer(x, src_mask=blocked),
        )

    def test_sequential(self) -> None:
        self.check(
            lambda d: Sequential(
                Flatten(), Linear(5, dtype=d), BatchNorm(dtype=d), relu, Dropout(0.0), Linear(2, dtype=d)
            ),
            lambda: torch.nn.Sequential(
                torch.nn.Flatten(),
                torch.nn.Linear(12, 5),
                torch.nn.BatchNorm1d(5),
                torch.nn.ReLU(),
                torch.nn.Dropout(0.0),
                torch.nn.Linear(5, 2),
            ),
            (6, 3, 4),
        )


class FunctionsTest(BesideTorch):
    def compare(self, ours: Any, theirs: Any, *arrays: Any) -> None:
        for dtype in (np.float32, np.float64):
            given = [a.astype(dtype) for a in arrays]
            xs, them = [Variable(a) for a in given], [torch.from_numpy(a).requires_grad_() for a in given]
            y, z = ours(*xs), theirs(*them)
            self.assert_close(y, z, dtype, "output")
            y.grad = normal(*y.shape).astype(dtype)
            z.backward(torch.from_numpy(y.grad.copy()))
            y.backward()
            for i, (x, t) in enumerate(zip(xs, them, strict=True)):
                self.assert_close(x.grad, t.grad, dtype, f"gradient of argument {i}")

    def test_attention(self) -> None:
        sdpa = functional.scaled_dot_product_attention
        q, k, v = normal(2, 3, 5, 4), normal(2, 3, 6, 4), normal(2, 3, 6, 2)
        mask = RNG.random((5, 6)) < 0.6
        mask[:, 0] = True
        self.compare(attention, sdpa, q, k, v)
        self.compare(
            lambda *x: attention(*x, causal=True), lambda *x: sdpa(*x, is_causal=True), q, k[:, :, :5], v[:, :, :5]
        )
        self.compare(lambda *x: attention(*x, mask), lambda *x: sdpa(*x, torch.from_numpy(mask)), q, k, v)
        self.compare(attention, sdpa, q, k, v, normal(5, 6))
        self.compare(lambda *x: attention(*x, scale=0.3), lambda *x: sdpa(*x, scale=0.3), q, k, v)

    def test_attention_to_nothing_is_zero(self) -> None:
        mask = np.array([[True, False], [False, False]])
        q, k, v = normal(2, 3), normal(2, 3) + 1, normal(2, 4)
        self.compare(
            lambda *x: attention(*x, mask),
            lambda *x: functional.scaled_dot_product_attention(*x, torch.from_numpy(mask)),
            q,
            k,
            v,
        )
        self.assertTrue(np.all(attention(q, k, v, mask)[1] == 0))

    def test_norms(self) -> None:
        x, w, b = normal(3, 4, 5), normal(4) + 2, normal(4)
        self.compare(batch_norm, lambda x, w, b: functional.batch_norm(x, None, None, w, b, True), x, w, b)
        self.compare(
            lambda x, w, b, m, v: batch_norm(x, w, b, m, np.square(v)),
            lambda x, w, b, m, v: (x - m[:, None]) / torch.sqrt(v[:, None] ** 2 + 1e-5) * w[:, None] + b[:, None],
            x,
            w,
            b,
            normal(4),
            normal(4) + 3,
        )
        self.compare(lambda *a: group_norm(a[0], 2, *a[1:]), lambda *a: functional.group_norm(a[0], 2, *a[1:]), x, w, b)
        self.compare(
            layer_norm, lambda x, w, b: functional.layer_norm(x, (4, 5), w, b), x, normal(4, 5) + 2, normal(4, 5)
        )
        self.compare(rms_norm, lambda x, w: functional.rms_norm(x, (5,), w), x, normal(5))

    def test_layer_norm_far_from_zero_is_as_near_as_theirs(self) -> None:
        x = (normal(4, 64) + 1000).astype(np.float32)
        exact = layer_norm(x.astype(np.float64))
        ours = np.max(np.abs(layer_norm(Variable(x)).data - exact))
        theirs = np.max(np.abs(functional.layer_norm(torch.from_numpy(x), (64,)).numpy() - exact))
        self.assertLess(ours, max(2 * theirs, 1e-4))  # half the last digit of 1000 is 3e-5

    def test_embedding_of_many_rows(self) -> None:
        indices = RNG.integers(0, 500, (4, 30))
        self.compare(
            lambda w: embedding(indices, w),
            lambda w: functional.embedding(torch.from_numpy(indices), w),
            normal(500, 3),
        )
        self.compare(
            lambda w: embedding(indices % 7, w),
            lambda w: functional.embedding(torch.from_numpy(indices % 7), w),
            normal(7, 3),
        )


if __name__ == "__main__":
    unittest.main()
