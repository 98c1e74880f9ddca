"""Cases for wengert.functions.regression_loss."""

from typing import Any

import numpy as np

from tests.cases import Case, away, normal, positive
from wengert.functions import regression_loss as F
from wengert.functions.exponential_sums import log_softmax, softmax

REDUCTIONS = ("mean", "sum", "none")
Q = softmax(normal(2, 3, seed=1))


def case(function: Any, *args: Any, **kwargs: Any) -> Case:
    return Case(function, lambda *args: function(*args, **kwargs), args, exact=False)


CASES = [
    *(
        case(f, 3 * away(2, 3), away(2, 3, seed=1) / 100, reduction=r)
        for f in (F.mse, F.mae, F.huber)
        for r in REDUCTIONS
    ),
    *(case(f, away(2, 3), np.array(0.01)) for f in (F.mse, F.mae, F.huber)),
    *(case(f, np.array(0.3), np.array(0.01)) for f in (F.mse, F.mae, F.huber)),
    *(case(f, normal(2, 0), normal(2, 0), reduction="sum") for f in (F.mse, F.mae, F.huber)),
    case(F.huber, 3 * away(2, 3), away(2, 3, seed=1) / 100, delta=0.4),
    *(case(F.gaussian_nll, normal(2, 3), normal(2, 3, seed=1), positive(2, 3), reduction=r) for r in REDUCTIONS),
    case(F.gaussian_nll, normal(2, 3), normal(2, 3, seed=1), positive(3), full=True),
    case(F.gaussian_nll, normal(2, 3), normal(2, 3, seed=1), positive(2, 1)),
    case(F.gaussian_nll, normal(2, 3), np.array(0.3), positive()),
    *(case(F.kl_div, log_softmax(normal(2, 3)), Q, reduction=r) for r in ("batchmean", *REDUCTIONS)),
    *(case(F.kl_div, log_softmax(normal(2, 3)), np.log(Q), log_target=True, reduction=r) for r in REDUCTIONS),
    case(F.kl_div, log_softmax(normal(2, 3)), np.array(0.5)),
    case(F.kl_div, normal(), np.array(0.5), reduction="batchmean"),
    case(F.kl_div, normal(0, 3), normal(0, 3), reduction="sum"),
]
