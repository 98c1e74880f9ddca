"""Cases for wengert.functions.classification_loss."""

from typing import Any

import numpy as np

from tests.cases import Case, normal
from wengert.functions import classification_loss as F
from wengert.functions.exponential_sums import softmax

T = np.array([2, 0, 1, 2])
IMAGES = np.random.default_rng(0).integers(0, 3, (2, 2, 2))
WEIGHT = np.array([0.5, 1.0, 2.0])
Q = softmax(normal(4, 3, seed=1))


def indices(function: Any, y: Any, t: Any, **kwargs: Any) -> Case:
    return Case(function, lambda y: function(y, t, **kwargs), (y,), exact=False)


def probabilities(**kwargs: Any) -> Case:
    return Case(
        F.softmax_cross_entropy,
        lambda y, t: F.softmax_cross_entropy(y, t, **kwargs),
        (normal(4, 3), Q),
        exact=False,
    )


CASES = [
    *(
        indices(f, normal(4, 3), T, **options)
        for f in (F.nll_loss, F.softmax_cross_entropy)
        for options in (
            {},
            {"reduction": "sum"},
            {"reduction": "none"},
            {"weight": WEIGHT},
            {"weight": WEIGHT, "reduction": "none"},
            {"ignore_index": 2},
            {"ignore_index": 0, "weight": WEIGHT},
        )
    ),
    *(
        indices(F.softmax_cross_entropy, normal(4, 3), T, label_smoothing=0.2, **options)
        for options in ({}, {"weight": WEIGHT}, {"ignore_index": 2}, {"ignore_index": 0, "weight": WEIGHT})
    ),
    *(
        case
        for f in (F.nll_loss, F.softmax_cross_entropy)
        for case in (
            indices(f, 3 * normal(2, 3, 2, 2), IMAGES, axis=1),
            indices(f, normal(3, 4), T, axis=0, reduction="none"),
            indices(f, normal(2, 2, 2, 3), IMAGES, weight=WEIGHT),
            indices(f, normal(3), np.array(1)),
            indices(f, normal(0, 3), np.zeros(0, int), reduction="sum"),
            indices(f, normal(0, 3), np.zeros(0, int), reduction="none"),
        )
    ),
    *(
        probabilities(**options)
        for options in (
            {},
            {"reduction": "sum"},
            {"reduction": "none"},
            {"weight": WEIGHT},
            {"label_smoothing": 0.1},
            {"label_smoothing": 0.1, "weight": WEIGHT},
        )
    ),
    Case(
        F.softmax_cross_entropy,
        lambda y, t: F.softmax_cross_entropy(y, t, axis=1, reduction="none"),
        (normal(2, 3, 2), softmax(normal(2, 3, 2, seed=1), 1)),
        exact=False,
    ),
    Case(F.softmax_cross_entropy, lambda t: F.softmax_cross_entropy(normal(4, 3), t), (Q,), exact=False, single=False),
]
