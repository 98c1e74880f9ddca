"""scipy.cluster.vq for Variables: which centre is nearest, and how far it is.

The distance has the derivative 0 where it is 0. Where two centres are as near, the first is chosen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.cluster.vq

from wengert.arrays.lists import stacked
from wengert.arrays.table import plain
from wengert.functions.scipy_rules import as_array
from wengert.scipy.answers import answers, open_names

__all__ = ["vq"]


@answers(scipy.cluster.vq.vq)
def vq(obs: Any, code_book: Any, check_finite: bool = True) -> Any:
    obs, code_book = as_array(stacked(obs)), as_array(stacked(code_book))
    if obs.ndim != code_book.ndim or obs.ndim not in (1, 2):
        raise ValueError("Observation and code_book should have the same rank")
    if obs.ndim == 1:
        obs, code_book = obs[:, None], code_book[:, None]
    if obs.shape[1] != code_book.shape[1]:
        raise ValueError(
            f"observations and centres have one number of coordinates, but got {obs.shape} and {code_book.shape}"
        )
    apart = plain(obs)[:, None] - plain(code_book)
    nearest = np.argmin(np.sum(apart * apart, axis=2), axis=1)
    return nearest, np.linalg.norm(obs - np.take(code_book, nearest, axis=0), axis=1)


__getattr__, __dir__ = open_names(__name__, scipy.cluster.vq, globals())
