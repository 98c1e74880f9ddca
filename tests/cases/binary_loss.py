"""Cases for wengert.functions.binary_loss."""

from typing import Any

import numpy as np

from tests.cases import Case, away, normal
from wengert.functions import binary_loss as F

P = np.random.default_rng(0).uniform(0.1, 0.9, (2, 3))
T = np.random.default_rng(1).uniform(0.1, 0.9, (2, 3))
SIGNS = np.array([[1, -1, 1], [-1, -1, 1]])
WEIGHT = np.array([0.5, 1.0, 2.0])
REDUCTIONS = ("mean", "sum", "none")


def case(function: Any, *args: Any, **kwargs: Any) -> Case:
    return Case(function, lambda y, t: function(y, t, **kwargs), args, exact=False)


CASES = [
    *(case(F.sigmoid_cross_entropy, 3 * normal(2, 3), T, reduction=r) for r in REDUCTIONS),
    *(case(F.sigmoid_cross_entropy, normal(2, 3), T, reduction=r, weight=WEIGHT) for r in REDUCTIONS),
    *(case(F.sigmoid_cross_entropy, 3 * normal(2, 3), T, reduction=r, pos_weight=WEIGHT) for r in REDUCTIONS),
    case(F.sigmoid_cross_entropy, normal(2, 3), T, weight=2.0, pos_weight=WEIGHT),
    case(F.sigmoid_cross_entropy, normal(2, 3), np.array(0.25)),
    case(F.sigmoid_cross_entropy, normal(), np.array(0.25)),
    case(F.sigmoid_cross_entropy, normal(0), normal(0), reduction="sum"),
    case(F.sigmoid_cross_entropy, np.array([-800.0, 20.0, 800.0]), np.array([0.5, 0.25, 0.5]), reduction="none"),
    *(case(F.binary_cross_entropy, P, T, reduction=r) for r in REDUCTIONS),
    case(F.binary_cross_entropy, P, T, weight=WEIGHT),
    case(F.binary_cross_entropy, P, np.array(0.25)),
    case(F.binary_cross_entropy, normal(0), normal(0), reduction="sum"),
    *(Case(F.hinge, lambda y, r=r: F.hinge(y, SIGNS, reduction=r), (3 * away(2, 3),)) for r in REDUCTIONS),
    Case(F.hinge, lambda y: F.hinge(y, SIGNS, margin=0.2), (3 * away(2, 3),)),
    Case(F.hinge, lambda y: F.hinge(y, 1), (away(2, 3),)),
]
