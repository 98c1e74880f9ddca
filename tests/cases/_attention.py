"""Cases for wengert.functions._attention."""

import numpy as np

from tests.cases import Case, normal
from wengert.functions._attention import attention, attention_weights, packed_attention

Q, K, V = normal(2, 3, 4), normal(2, 5, 4, seed=1), normal(2, 5, 2, seed=2)
ALLOWED = np.random.default_rng(0).random((3, 5)) < 0.6
ALLOWED[1] = False
ADDED = normal(3, 5, seed=4)


def weighted(q: np.ndarray, k: np.ndarray, **options: object) -> np.ndarray:
    """Their sum is 1, whatever the arguments: without factors the gradient would be 0."""
    return ADDED.astype(q.dtype) * attention_weights(q, k, **options)


CASES = [
    Case(attention, attention, (Q, K, V), exact=False),
    Case(attention, lambda q, k, v: attention(q, k, v, causal=True), (Q, K, V), exact=False),
    Case(attention, lambda q, k, v: attention(q, k, v, ALLOWED), (Q, K, V), exact=False),
    Case(attention, lambda q, k, v: attention(q, k, v, ALLOWED, True, 0.3), (Q, K, V), exact=False),
    Case(attention, attention, (Q, K, V, ADDED), exact=False),
    Case(attention, attention, (Q, K, V, normal(1, 5, seed=5)), exact=False),
    Case(attention, attention, (normal(3, 4), K, V), exact=False),  # queries for the whole batch
    Case(attention, attention, (normal(2, 1, 3, 2), normal(3, 2, 2), normal(3, 2, 1)), exact=False),
    Case(attention, lambda v: attention(Q, K, v), (V,), exact=False, single=False),
    Case(attention, lambda k: attention(Q, k, V), (K,), exact=False, single=False),
    Case(attention, attention, (normal(2, 0, 4), K, V), exact=False),
    Case(attention, lambda q, k: attention(q, k, np.ones((0, 2))), (normal(3, 4), np.zeros((0, 4))), 1, single=False),
    Case(attention_weights, weighted, (Q, K), exact=False),
    Case(attention_weights, lambda q, k: weighted(q, k, mask=ALLOWED), (Q, K), exact=False),
    Case(attention_weights, lambda q, k, m: weighted(q, k, mask=m, causal=True), (Q, K, ADDED), exact=False),
    Case(packed_attention, lambda x: packed_attention(x, 2), (normal(2, 3, 12),), exact=False),
    Case(packed_attention, lambda x: packed_attention(x, 1, causal=True), (normal(3, 6),), exact=False),
    Case(packed_attention, lambda x, m: packed_attention(x, 2, m), (normal(2, 3, 6), normal(2, 3, 3)), exact=False),
    Case(packed_attention, lambda x: packed_attention(x, 3, ALLOWED[:, :3]), (normal(3, 9),), exact=False),
    Case(packed_attention, lambda x: packed_attention(x, 3), (normal(0, 2, 9),), exact=False),
]
