"""Cases for wengert.functions.max_pooling."""

from tests.cases import Case, away
from wengert.functions.max_pooling import max_pool1d, max_pool2d, max_pool3d

CASES = [
    Case(max_pool1d, lambda x: max_pool1d(x, 2), (away(2, 2, 5),)),
    Case(max_pool1d, lambda x: max_pool1d(x, 3, 1, 1, 2), (away(1, 2, 6),)),
    Case(max_pool2d, lambda x: max_pool2d(x, 2), (away(2, 2, 4, 4),)),
    Case(max_pool2d, lambda x: max_pool2d(x, 3, 2, 1), (away(1, 2, 5, 4),)),
    Case(max_pool2d, lambda x: max_pool2d(x, (1, 3), ceil_mode=True), (away(1, 1, 3, 4),)),
    Case(max_pool2d, lambda x: max_pool2d(x, 1), (away(1, 1, 3, 2),)),
    Case(max_pool2d, lambda x: max_pool2d(x, 2), (away(0, 2, 4, 4),)),
    Case(max_pool3d, lambda x: max_pool3d(x, (2, 1, 2), (1, 1, 2)), (away(1, 2, 3, 2, 4),)),
]
