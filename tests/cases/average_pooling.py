"""Cases for wengert.functions.average_pooling."""

from tests.cases import Case, normal
from wengert.functions.average_pooling import average_pool1d, average_pool2d, average_pool3d

CASES = [
    Case(average_pool1d, lambda x: average_pool1d(x, 2), (normal(2, 2, 5),), exact=False),
    Case(average_pool1d, lambda x: average_pool1d(x, 3, 1, 1), (normal(1, 2, 6),), exact=False),
    Case(average_pool2d, lambda x: average_pool2d(x, 2), (normal(2, 2, 4, 4),), exact=False),
    Case(average_pool2d, lambda x: average_pool2d(x, 4), (normal(2, 2, 4, 4),), exact=False),
    Case(average_pool2d, lambda x: average_pool2d(x, 3, 2, 1, True, False), (normal(1, 2, 4, 5),), exact=False),
    Case(average_pool2d, lambda x: average_pool2d(x, 3, 2, 1, True), (normal(1, 2, 4, 5),), exact=False),
    Case(average_pool2d, lambda x: average_pool2d(x, 2), (normal(0, 2, 4, 4),), exact=False),
    Case(average_pool3d, lambda x: average_pool3d(x, (2, 1, 2), (1, 1, 2)), (normal(1, 2, 3, 2, 4),), exact=False),
]
