"""Cases for wengert.functions.counting."""

import numpy as np

from tests.cases import Case, normal

PLACES = np.array([3, 0, 0, 5, 3])

CASES = [
    Case(np.bincount, lambda w: np.bincount(PLACES, w), (normal(5),)),
    Case(np.bincount, lambda w: np.bincount(PLACES, weights=w, minlength=9), (normal(5),)),
    Case(np.bincount, lambda w: np.bincount([1, 0], w, 2), (normal(2),)),
    Case(np.bincount, lambda w: np.bincount(np.zeros(0, int), w, minlength=3), (normal(0),)),
]
