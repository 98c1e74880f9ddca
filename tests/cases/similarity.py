"""Cases for wengert.functions.similarity."""

from typing import Any

import numpy as np

from tests.cases import Case, away, normal
from wengert.functions import similarity as F


def case(function: Any, *args: Any, **kwargs: Any) -> Case:
    return Case(function, lambda *args: function(*args, **kwargs), args, exact=False)


def embedding(**kwargs: Any) -> Case:
    t = np.array([1, -1, -1, 1, -1])
    return Case(
        F.cosine_embedding_loss,
        lambda a, b: F.cosine_embedding_loss(a, b, t, **kwargs),
        (normal(5, 3), normal(5, 3, seed=1)),
        exact=False,
    )


CASES = [
    case(F.cosine_similarity, normal(2, 3), normal(2, 3, seed=1)),
    case(F.cosine_similarity, normal(2, 3), normal(2, 3, seed=1), axis=0),
    case(F.cosine_similarity, normal(2, 1, 3), normal(1, 4, 3)),
    case(F.cosine_similarity, normal(2, 3), normal(3)),
    case(F.cosine_similarity, normal(3), normal(3, seed=1), epsilon=10.0),
    case(F.cosine_similarity, normal(0, 3), normal(0, 3)),
    embedding(),
    embedding(margin=-0.3),
    embedding(reduction="sum"),
    embedding(reduction="none"),
    *(case(F.clip_by_norm, away(2, 3), limit) for limit in (0.5, 100.0)),
    *(case(F.clip_by_norm, away(2, 3), 0.9, axis=axis) for axis in (0, -1, (0, 1))),
    case(F.clip_by_norm, np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0, axis=1),
    case(F.clip_by_norm, normal(), 0.01),
    case(F.clip_by_norm, normal(0, 2), 1.0, axis=0),
]
