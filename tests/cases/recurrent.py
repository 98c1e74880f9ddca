"""Cases for wengert.functions.recurrent_rnn, recurrent_lstm and recurrent_gru."""

from typing import Any

import numpy as np

from tests.cases import Case, normal
from wengert.functions.recurrent_gru import gru
from wengert.functions.recurrent_lstm import lstm
from wengert.functions.recurrent_rnn import rnn

LENGTHS = np.array([3, 1])


def weights(gates: int, width: int, hidden: int) -> list[np.ndarray]:
    rows = gates * hidden
    return [0.7 * normal(*shape, seed=7) for shape in ((rows, width), (rows, hidden), (rows,))]


def cases(function: Any, gates: int, states: int, **options: Any) -> list[Case]:
    """Calls with everything and with little; with nothing in the sequence or the batch; with ends, either way."""

    def case(length: int, batch: int, width: int, hidden: int, order: int = 1, **more: Any) -> Case:
        def call(*args: Any) -> Any:
            return function(*args, **options, **more)

        ih, hh, bias = weights(gates, width, hidden)
        start = [normal(batch, hidden, seed=2 + k) for k in range(states)]
        return Case(
            function, call, (normal(length, batch, width), *start, ih, hh, bias, bias[::-1]), order=order, exact=False
        )

    def without(x: Any, *args: Any) -> Any:
        return function(x, *[None] * states, *args, **options)

    return [
        case(3, 2, 2, 2),
        case(2, 2, 1, 2, order=2),
        case(1, 3, 1, 1),
        case(0, 3, 2, 1),
        case(2, 0, 2, 1),
        case(3, 2, 1, 1, lengths=LENGTHS),
        case(3, 2, 1, 1, lengths=LENGTHS, reverse=True, order=2),
        Case(function, without, (normal(2, 2, 1), *weights(gates, 1, 1)[:2]), exact=False, order=1),
    ]


CASES = [
    *cases(rnn, 1, 1),
    *cases(rnn, 1, 1, nonlinearity="relu"),
    *cases(lstm, 4, 2),
    *cases(gru, 3, 1),
]
