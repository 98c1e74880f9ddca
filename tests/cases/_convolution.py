"""Cases for wengert.functions._convolution."""

from tests.cases import Case, complex_array, normal
from wengert.functions._convolution import conv1d, conv2d, conv3d

CASES = [
    Case(conv1d, conv1d, (normal(2, 2, 5), normal(3, 2, 3), normal(3)), exact=False),
    Case(conv1d, lambda x, w: conv1d(x, w, None, 2, 1, 2), (normal(1, 2, 6), normal(2, 2, 2)), exact=False),
    Case(conv1d, lambda x, w: conv1d(x, w, padding="same"), (normal(2, 1, 4), normal(1, 1, 2)), exact=False),
    Case(conv1d, conv1d, (complex_array(1, 2, 4), complex_array(2, 2, 2), complex_array(2)), exact=False),
    Case(conv1d, conv1d, (normal(1, 1, 4), complex_array(2, 1, 2)), exact=False),
    Case(conv2d, conv2d, (normal(2, 2, 4, 3), normal(2, 2, 2, 3), normal(2)), exact=False),
    Case(conv2d, conv2d, (normal(0, 2, 4, 3), normal(2, 2, 2, 3), normal(2)), exact=False),
    Case(
        conv2d,
        lambda x, w, b: conv2d(x, w, b, stride=(2, 1), padding=(1, 0), groups=2),
        (normal(1, 4, 3, 4), normal(2, 2, 3, 2), normal(2)),
        exact=False,
    ),
    Case(conv2d, lambda x, w: conv2d(x, w, groups=2), (normal(2, 2, 3, 3), normal(4, 1, 2, 2)), exact=False),
    Case(conv2d, conv2d, (normal(2, 3, 2, 2), normal(2, 3, 1, 1)), exact=False),
    Case(conv2d, conv2d, (normal(1, 1, 12, 12), normal(1, 1, 1, 1)), exact=False),
    Case(conv2d, lambda x: conv2d(x, x, padding=1), (normal(2, 2, 2, 2),), exact=False),
    Case(
        conv3d,
        lambda x, w, b: conv3d(x, w, b, stride=(1, 2, 1), padding="valid", dilation=(2, 1, 1)),
        (normal(1, 2, 3, 3, 2), normal(2, 2, 2, 1, 2), normal(2)),
        exact=False,
    ),
]
