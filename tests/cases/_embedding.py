"""Cases for wengert.functions._embedding."""

import numpy as np

from tests.cases import Case, complex_array, normal
from wengert.functions._embedding import embedding

MANY = np.array([[0, 3, 3], [1, 0, 3]])

CASES = [
    Case(embedding, lambda w: embedding(MANY, w), (normal(4, 2),)),
    Case(embedding, lambda w: embedding([40, 7, 40], w), (normal(50, 2),)),
    Case(embedding, lambda w: embedding(np.uint8(1), w), (normal(4, 2),)),
    Case(embedding, lambda w: embedding([], w), (normal(4, 2),)),
    Case(embedding, lambda w: embedding(MANY, w), (complex_array(4, 2),)),
    Case(embedding, lambda w: embedding(MANY, w), (np.zeros((4, 0)),)),
]
