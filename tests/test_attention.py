"""Attention: masks, what may be seen, what is dropped, and what is refused."""

import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.functions._attention import attention, attention_weights, packed_attention
from wengert.layers import MultiHeadAttention, Sequential, TransformerBlock

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return np.asarray(RNG.normal(size=shape))


Q, K, V = normal(2, 3, 4), normal(2, 5, 4), normal(2, 5, 6)


class FunctionsTest(unittest.TestCase):
    def test_weights_sum_to_one_and_average_the_values(self) -> None:
        weights = attention_weights(Variable(Q), K)
        np.testing.assert_allclose(np.sum(weights.data, -1), 1)
        np.testing.assert_allclose(attention(Variable(Q), K, V).data, weights.data @ V)

    def test_masked_values_are_not_seen(self) -> None:
        mask = np.ones((3, 5), bool)
        mask[:, 2] = False
        k, v = K.copy(), V.copy()
        k[:, 2], v[:, 2] = 1e3, -1e3
        for arrays in ((Q, K, V), (Variable(Q), K, V)):
            y = attention(*arrays, mask)
            z = attention(arrays[0], k, v, mask)
            np.testing.assert_allclose(getattr(y, "data", y), getattr(z, "data", z))
        gone = np.delete(K, 2, 1), np.delete(V, 2, 1)
        np.testing.assert_allclose(attention(Variable(Q), K, V, mask).data, attention(Q, *gone))

    def test_masks_of_booleans_and_of_numbers_agree(self) -> None:
        mask = RNG.random((3, 5)) < 0.5
        mask[:, 0] = True
        added = np.where(mask, 0.0, -np.inf)
        for f in (attention, lambda q, k, v, m: attention_weights(q, k, m)):
            np.testing.assert_allclose(f(Variable(Q), K, V, mask).data, f(Variable(Q), K, V, added).data)

    def test_causal_is_the_mask_below_the_diagonal(self) -> None:
        mask = np.tri(3, 5, dtype=bool)
        np.testing.assert_allclose(
            attention(Variable(Q), K, V, causal=True).data, attention(Variable(Q), K, V, mask).data
        )

    def test_nothing_to_attend_to(self) -> None:
        mask = np.zeros((3, 5), bool)
        q, k, v = (Variable(a) for a in (Q, K, V))
        y = attention(q, k, v, mask)
        np.testing.assert_array_equal(y.data, 0)
        y.backward()
        for x in (q, k, v):
            np.testing.assert_array_equal(x.grad, 0)
        np.testing.assert_array_equal(attention(Variable(Q), K[:, :0], V[:, :0]).data, np.zeros((2, 3, 6)))

    def test_large_scores_do_not_overflow(self) -> None:
        for q in (1e4 * Q, Variable(1e4 * Q)):
            y = attention(q, 1e4 * K, V)
            self.assertTrue(np.all(np.isfinite(getattr(y, "data", y))))

    def test_packed_is_attention_of_the_parts(self) -> None:
        qkv = normal(2, 5, 24)
        parts = [p.reshape(2, 5, 4, 2).swapaxes(1, 2) for p in np.split(qkv, 3, -1)]
        expected = attention(*parts, causal=True).swapaxes(1, 2).reshape(2, 5, 8)
        np.testing.assert_allclose(packed_attention(Variable(qkv), 4, causal=True).data, expected)
        np.testing.assert_allclose(packed_attention(qkv, 4, causal=True), expected)

    def test_dtypes(self) -> None:
        q, k, v = (Variable(a.astype(np.float32)) for a in (Q, K, V))
        mask = Variable(normal(3, 5))
        y = attention(q, k, v, mask)
        self.assertEqual((y.dtype, attention(q, k, v).dtype), (np.float64, np.float32))
        y.backward()
        self.assertEqual([x.grad.dtype for x in (q, k, v, mask)], [np.float32] * 3 + [np.float64])

    def test_refusals(self) -> None:
        q, packed = Variable(Q), Variable(normal(3, 12))
        for call, error, message in (
            (
                lambda: attention(q, K[..., :3], V),
                ValueError,
                r"k \(..., keys, width\), but got ndarray of shape \(2, 3, 4\)",
            ),
            (lambda: attention(q, K, V[:, :4]), ValueError, "one value for each key"),
            (lambda: attention(Variable(Q[0, 0]), K, V), ValueError, r"takes q \(..., length, width\)"),
            (lambda: attention(q, K, V, np.ones((3, 5), int)), TypeError, "mask of attention is of booleans.*astype"),
            (
                lambda: attention(q, K, V, np.ones((3, 4), bool)),
                ValueError,
                r"shape of the scores, \(2, 3, 5\), but got",
            ),
            (lambda: attention(q, K, V, np.ones((1, 2, 3, 5), bool)), ValueError, "must broadcast to the shape"),
            (lambda: attention(Variable(Q + 0j), K, V), TypeError, "attention takes real numbers"),
            (lambda: packed_attention(packed, 3), ValueError, r"with 3 heads takes \(..., length, 3 width\)"),
            (lambda: packed_attention(packed, 0), ValueError, "heads of packed_attention must be .* 1, but got int 0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()


class BatchesTest(unittest.TestCase):
    def test_of_different_shapes(self) -> None:
        q, other = np.ones((2, 3, 4)), np.ones((5, 3, 4))
        for f in (lambda: attention(q, other, other), lambda: attention(Variable(q), other, other)):
            with self.assertRaisesRegex(ValueError, "axes before the last two.*broadcast, but got"):
                f()
        for v in (other, Variable(other)):
            with self.assertRaisesRegex(ValueError, "axes before the last two.*broadcast, but got"):
                attention(q, q, v)


class HiddenKeysTest(unittest.TestCase):
    def test_what_is_behind_a_query_may_be_anything(self) -> None:
        q, k, v = np.ones((3, 2)), np.ones((3, 2)), np.arange(3.0)[:, None]
        k[2] = np.nan
        for y in (attention(q, k, v, causal=True), attention(Variable(q), k, v, causal=True).data):
            np.testing.assert_array_equal(y, [[0], [0.5], [np.nan]])


class MultiHeadAttentionTest(unittest.TestCase):
    def setUp(self) -> None:
        wengert.seed(0)
        self.layer = MultiHeadAttention(8, 2, dtype=np.float64)
        self.x = normal(2, 5, 8)

    def test_equivalent_calls_agree(self) -> None:
        y = self.layer(self.x).data
        np.testing.assert_allclose(self.layer(self.x, self.x).data, y)
        np.testing.assert_allclose(self.layer(self.x, self.x, self.x).data, y)
        z, weights = self.layer(self.x, return_weights=True)
        np.testing.assert_allclose(z.data, y)
        self.assertEqual(weights.shape, (2, 2, 5, 5))

    def test_a_mask_of_as_many_examples_as_heads_is_one_of_examples(self) -> None:
        mask = np.ones((2, 5, 5), bool)
        mask[1, :, 0] = False
        y = self.layer(self.x, mask=mask).data
        np.testing.assert_allclose(y[0], self.layer(self.x[0]).data)
        np.testing.assert_allclose(y[1], self.layer(self.x[1], mask=mask[1]).data)
        np.testing.assert_allclose(self.layer(self.x, mask=mask[:, None]).data, y)
        np.testing.assert_allclose(self.layer(self.x, mask=mask[:, :1]).data, y)

    def test_causal_does_not_see_the_future(self) -> None:
        later = self.x.copy()
        later[:, 3:] += 1
        y, z = self.layer(self.x, causal=True).data, self.layer(later, causal=True).data
        np.testing.assert_allclose(y[:, :3], z[:, :3])
        self.assertGreater(np.min(np.abs(y - z)[:, 3:].max(-1)), 1e-3)

    def test_dropout_of_weights_in_training_only(self) -> None:
        layer = MultiHeadAttention(8, 2, dropout=0.5, dtype=np.float64)
        self.assertGreater(np.max(np.abs(layer(self.x).data - layer(self.x).data)), 1e-3)
        with wengert.test_mode():
            expected = layer(self.x).data
            np.testing.assert_array_equal(layer(self.x).data, expected)
        layer.eval()
        np.testing.assert_array_equal(layer(self.x).data, expected)
        layer.train()
        mean = np.mean([layer(self.x).data for _ in range(3000)], 0)
        np.testing.assert_allclose(mean, expected, atol=0.05)

    def test_gradients(self) -> None:
        def f(x: Any, w: Any) -> Any:
            layer = MultiHeadAttention(8, 2, dtype=np.float64)
            layer.in_proj_weight.data = self.layer.in_proj_weight.data
            layer.out_proj.weight.data = self.layer.out_proj.weight.data
            return layer(x, w, causal=True)

        wengert.check_grad(f, self.x[:1, :3], self.x[1:, :3])

    def test_refusals(self) -> None:
        for call, message in (
            (lambda: MultiHeadAttention(8, 3), "a width that is a multiple of its heads=3, but got width=8"),
            (lambda: MultiHeadAttention(8, 0), "heads of MultiHeadAttention must be an integer of at least 1"),
            (lambda: MultiHeadAttention(8, 2, dropout=2), "dropout of MultiHeadAttention must be a"),
            (
                lambda: self.layer(normal(2, 5, 7)),
                r"MultiHeadAttention\(8, heads=2\) takes q of shape \(batch, length, 8\)",
            ),
            (lambda: self.layer(self.x, normal(2, 5, 7)), "takes k of shape"),
            (lambda: self.layer(self.x, self.x, self.x[:, :4]), "one value for each key"),
            (
                lambda: self.layer(self.x, mask=np.ones(5, bool)),
                r"takes a mask \(length, keys\), \(batch, length, keys\)",
            ),
            (lambda: self.layer(self.x, mask=np.ones((4, 4), bool)), "must broadcast to the shape of the scores"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                call()
        other = MultiHeadAttention(16, 2)
        with self.assertRaisesRegex(ValueError, r"in_proj_weight has the shape \(24, 8\), but got \(48, 16\)"):
            self.layer.load_state_dict(other.state_dict())


class TransformerBlockTest(unittest.TestCase):
    def test_causal_by_default_of_the_block(self) -> None:
        block, x = TransformerBlock(8, 2, causal=True, dtype=np.float64), normal(2, 5, 8)
        later = x.copy()
        later[:, 3:, 0] += 1
        np.testing.assert_allclose(block(x).data[:, :3], block(later).data[:, :3])
        self.assertGreater(np.max(np.abs(block(x, causal=False).data - block(later, causal=False).data)[:, 0]), 1e-6)

    def test_dropout(self) -> None:
        block, x = TransformerBlock(8, 2, dropout=0.3), normal(2, 5, 8).astype(np.float32)
        self.assertGreater(np.max(np.abs(block(x).data - block(x).data)), 1e-3)
        block.eval()
        np.testing.assert_array_equal(block(x).data, block(x).data)

    def test_representation(self) -> None:
        blocks = Sequential(*[TransformerBlock(8, 2, 12, 0.1, False, causal=True) for _ in range(2)])
        self.assertEqual(
            blocks[0].label(), "TransformerBlock(8, heads=2, hidden=12, dropout=0.1, norm_first=False, causal=True)"
        )
        self.assertIn("    self_attn: MultiHeadAttention", repr(blocks))
        self.assertIn("1.self_attn.out_proj.weight", blocks.params())
        with self.assertRaisesRegex(TypeError, "activation of TransformerBlock must be a function, but got str"):
            TransformerBlock(8, 2, activation="relu")


if __name__ == "__main__":
    unittest.main()
