"""Cases for wengert.functions.transposed_convolution."""

from tests.cases import Case, complex_array, normal
from wengert.functions.transposed_convolution import conv_transpose1d, conv_transpose2d, conv_transpose3d

CASES = [
    Case(conv_transpose1d, conv_transpose1d, (normal(2, 2, 3), normal(2, 3, 2), normal(3)), exact=False),
    Case(conv_transpose1d, conv_transpose1d, (complex_array(1, 2, 3), complex_array(2, 1, 2)), exact=False),
    Case(
        conv_transpose1d,
        lambda x, w: conv_transpose1d(x, w, None, 3, 1, 2, 2),
        (normal(1, 2, 3), normal(2, 2, 2)),
        exact=False,
    ),
    Case(
        conv_transpose2d,
        lambda x, w, b: conv_transpose2d(x, w, b, stride=(2, 1), padding=(1, 0), output_padding=(1, 0)),
        (normal(1, 2, 2, 3), normal(2, 2, 3, 2), normal(2)),
        exact=False,
    ),
    Case(
        conv_transpose2d,
        lambda x, w: conv_transpose2d(x, w, groups=2, dilation=2),
        (normal(1, 2, 2, 2), normal(2, 1, 2, 2)),
        exact=False,
    ),
    Case(
        conv_transpose3d,
        lambda x, w, b: conv_transpose3d(x, w, b, stride=2),
        (normal(1, 2, 2, 1, 2), normal(2, 1, 1, 2, 2), normal(1)),
        exact=False,
    ),
]
