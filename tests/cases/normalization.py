"""Cases for wengert.functions.normalization."""

from typing import Any

import numpy as np

from tests.cases import Case, normal, positive
from wengert.functions.normalization import batch_norm, group_norm, layer_norm, rms_norm

IMAGES, ROWS = normal(2, 4, 3, 2), normal(5, 4)
W, B = positive(4), normal(4, seed=1)


def bent(y: Any) -> Any:
    """Standardized numbers have sums that do not move: their squares times others do."""
    factors = np.linspace(-1, 2, int(np.prod(y.shape))).reshape(y.shape).astype(y.dtype)
    return factors * y


def statistics(x: Any, weight: Any) -> Any:
    y, mean, variance = batch_norm(x, weight, statistics=True)
    return np.sum(bent(y)) + np.sum(bent(mean * variance)) + np.sum(mean)


CASES = [
    Case(batch_norm, lambda x, w, b: bent(batch_norm(x, w, b)), (IMAGES, W, B), exact=False),
    Case(batch_norm, lambda x, w, b: bent(batch_norm(x, w, b, epsilon=0.1)), (ROWS, W, B), exact=False),
    Case(batch_norm, lambda x: bent(batch_norm(x)), (ROWS,), exact=False),
    Case(batch_norm, lambda x, b: bent(batch_norm(x, bias=b)), (normal(3, 4, 2), B), exact=False),
    Case(batch_norm, lambda w: bent(batch_norm(ROWS, w)), (W,), exact=False, single=False),
    Case(batch_norm, lambda x, w, b, m, v: bent(batch_norm(x, w, b, m, v)), (IMAGES, W, B, B, W), exact=False),
    Case(batch_norm, lambda x: batch_norm(x, W, B, B, W), (normal(0, 4, 2),), exact=False, single=False),
    Case(batch_norm, statistics, (IMAGES, W), exact=False),
    Case(batch_norm, lambda x: batch_norm(x, statistics=True)[2], (ROWS,), exact=False),
    Case(layer_norm, lambda x, w, b: bent(layer_norm(x, w, b)), (normal(2, 3, 4), W, B), exact=False),
    Case(layer_norm, lambda x, w, b: bent(layer_norm(x, w, b)), (IMAGES, positive(3, 2), normal(3, 2)), exact=False),
    Case(layer_norm, lambda x: bent(layer_norm(x, ndim=2)), (normal(2, 3, 4),), exact=False),
    Case(layer_norm, lambda x, b: bent(layer_norm(x, bias=b, epsilon=0.1)), (ROWS, B), exact=False),
    Case(layer_norm, lambda x, w: bent(layer_norm(x, w)), (normal(4), W), exact=False),
    Case(layer_norm, lambda w, b: bent(layer_norm(ROWS, w, b)), (W, B), exact=False, single=False),
    Case(layer_norm, layer_norm, (normal(0, 4), W, B), exact=False),
    Case(rms_norm, lambda x, w: bent(rms_norm(x, w)), (normal(2, 3, 4), W), exact=False),
    Case(rms_norm, lambda x: bent(rms_norm(x, epsilon=0.1, ndim=2)), (normal(2, 3, 4),), exact=False),
    Case(rms_norm, lambda w: bent(rms_norm(ROWS, w)), (W,), exact=False, single=False),
    Case(group_norm, lambda x, w, b: bent(group_norm(x, 2, w, b)), (IMAGES, W, B), exact=False),
    Case(group_norm, lambda x, w: bent(group_norm(x, 4, w)), (IMAGES, W), exact=False),  # instances
    Case(group_norm, lambda x, b: bent(group_norm(x, 1, bias=b)), (ROWS, B), exact=False),
    Case(group_norm, lambda x: bent(group_norm(x, 2)), (ROWS,), exact=False),
    Case(group_norm, lambda x: group_norm(x, 2, W, B), (normal(0, 4, 3),), exact=False, single=False),
]
