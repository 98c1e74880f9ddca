"""Cases for wengert.functions._linear."""

import numpy as np

from tests.cases import Case, complex_array, normal
from wengert.functions._linear import linear

CASES = [
    Case(linear, linear, (normal(4, 3), normal(2, 3), normal(2)), exact=False),
    Case(linear, linear, (normal(2, 4, 3), normal(5, 3)), exact=False),
    Case(linear, lambda x, w, b: linear(x, w, bias=b), (normal(3), normal(2, 3), normal(2)), exact=False),
    Case(linear, lambda x: linear(x, normal(2, 3), normal(2)), (normal(4, 3, seed=1),), exact=False, single=False),
    Case(linear, lambda b: linear(normal(4, 3), normal(2, 3), b), (normal(2),), exact=False, single=False),
    Case(linear, lambda w: linear([[1, 2, 3]], w), (normal(2, 3),), exact=False),
    Case(linear, linear, (complex_array(2, 3), complex_array(2, 3, seed=3), complex_array(2)), exact=False),
    Case(linear, linear, (normal(0, 3), normal(2, 3), normal(2)), exact=False),
    Case(linear, linear, (normal(4, 0), np.zeros((2, 0)), normal(2)), exact=False),
    Case(linear, linear, (normal(2, 0, 3), normal(0, 3)), exact=False),
]
