"""Kinks, bounds and ties of the functions of neural networks."""

from typing import Any

import numpy as np

from tests.singular_cases import alone, at_number, whole
from wengert import functions as F


def windows(name: str) -> Any:
    """A call of max pooling of a vector of two equal elements, as one window."""
    adaptive, ndim = "adaptive" in name, int(name[-2])
    shape, size = (1, 1, *[1] * (ndim - 1), 2), (*[1] * (ndim - 1), 1 if adaptive else 2)
    return lambda x: getattr(F, name[2:])(x.reshape(shape), size if ndim > 1 else size[0])


CASES = [
    *alone("F.relu", "0", 0.0, 0, 0),
    *alone("F.relu", "0", -0.0, 0, 0),
    *at_number("F.relu", "0", lambda f, x: f(x) ** 2, 0.0, 0, None),
    *at_number("F.relu F.leaky_relu", "0", lambda f, x: f(np.square(x)), 0.0, 0, None),
    *at_number("F.mae", "0", lambda f, x: f(x, 0 * x), 0.0, 0, 0),
    *at_number("F.mae", "0", lambda f, x: f(x, 0 * x) ** 2, 0.0, 0, 2),
    *alone("F.leaky_relu", "0", 0.0, 0.01, 0),
    *at_number("F.elu", "0", lambda f, x: f(x, 2.0), 0.0, 2, 2),
    *alone("F.selu", "0", 0.0, 1.7580993408473766, 1.7580993408473766),
    *alone("F.celu", "0", 0.0, 1, 1),
    *alone("F.softsign", "0", 0.0, 1, 0),
    *at_number("F.softsign", "0", lambda f, x: f(x) ** 2, 0.0, 0, 2),
    *alone("F.relu6", "the bounds", 0.0, 0, 0),
    *alone("F.relu6", "the bounds", 6.0, 0, 0),
    *alone("F.hardtanh", "the bounds", 1.0, 0, 0),
    *alone("F.hard_sigmoid", "the bounds", 3.0, 0, 0),
    *alone("F.hard_swish", "the bounds", -3.0, 0, 0),
    *at_number("F.hinge", "the margin", lambda f, x: f(x, np.array([1])), 1.0, 0, 0),
    whole(
        *("F.cosine_embedding_loss", "the margin"),
        *(lambda x: F.cosine_embedding_loss(x, np.array([[0.0, 1.0]], x.dtype), np.array([-1])), [[1.0, 0.0]], 0, None),
        half=False,
    ),
    *at_number("F.huber", "a difference of delta", lambda f, x: f(x, 0 * x), 1.0, 1, 1),
    *at_number("F.gaussian_nll", "a variance of epsilon", lambda f, x: f(0 * x, 0 * x, x, epsilon=1.0), 1.0, 0.5, None),
    *at_number("F.kl_div", "q = 0", lambda f, x: f(np.log(np.full(1, 0.5, x.dtype)), x), 0.0, None, None),
    *at_number("F.binary_cross_entropy", "probabilities 0 and 1", lambda f, x: f(x, x * 0), 0.0, 1, 1),
    *at_number("F.binary_cross_entropy", "probabilities 0 and 1", lambda f, x: f(x, x * 0 + 1), 1.0, -1, 1),
    whole(
        *("F.cosine_similarity", "a norm of epsilon"),
        *(lambda x: F.cosine_similarity(x, np.array([3.0, 4.0], x.dtype), epsilon=0.5), [0.0, 0.0], [1.2, 1.6], 0),
    ),
    whole("F.clip_by_norm", "the norm that is clipped to", lambda x: F.clip_by_norm(x, 5.0), [3.0, 4.0], None, None),
    whole("F.clip_by_norm", "the norm that is clipped to", lambda x: F.clip_by_norm(x, 5.0), [0.0, 0.0], 1, 0),
    *(
        whole(name, "equal elements of a window", windows(name), [2.0, 2.0], [1, 0], 0)
        for name in (f"F.{kind}max_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3))
    ),
    # -inf in what has a softmax or a mask: no gradient, and no NaN beside it
    *(
        whole(name, None, lambda x, f=f: f(x) ** 2 / 2, [0.0, -np.inf, 0.0], first, None, half=False)
        for name, f, first in (
            ("F.softmax", lambda x: F.softmax(x) * np.array([1.0, 0, 0], x.dtype), [0.125, 0, -0.125]),
            ("F.logsumexp", F.logsumexp, np.log(2) * np.array([0.5, 0, 0.5])),
        )
    ),
    whole("F.sigmoid", None, F.sigmoid, [-np.inf, 0.0, np.inf], [0, 0.25, 0], 0),
]
