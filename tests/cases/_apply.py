"""Cases for wengert.functions._apply."""

from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, normal

MASK = np.array([True, False, True])


def outer(line: Any) -> Any:
    return line[:2, None] * line


CASES = [
    Case(np.apply_along_axis, lambda x: np.apply_along_axis(lambda v: v[0] * v, 1, x), (normal(2, 3, 2),)),
    Case(np.apply_along_axis, lambda x: np.apply_along_axis(np.sum, -1, x), (normal(2, 3),), exact=False),
    Case(np.apply_along_axis, lambda x: np.apply_along_axis(outer, 0, x), (normal(3, 2),)),
    Case(np.apply_along_axis, lambda x: np.apply_along_axis(outer, axis=1, arr=x), (complex_array(2, 3, 2),)),
    Case(np.apply_along_axis, lambda x: np.apply_along_axis(lambda v, a, b=0: v * a + b, 0, x, 2.0, b=1), (normal(3),)),
    Case(np.apply_over_axes, lambda x: np.apply_over_axes(np.sum, x, (0, -1)), (normal(2, 3, 2),)),
    Case(np.apply_over_axes, lambda x: np.apply_over_axes(np.cumsum, x, 1), (complex_array(2, 3),)),
    Case(
        np.piecewise,
        lambda x: np.piecewise(x, [x < 0, x > 0.5], [lambda v: v * v, lambda v: np.sum(v) * v, 3.0]),
        (away(2, 3),),
    ),
    Case(np.piecewise, lambda x: np.piecewise(x, x > 0, [np.sin, lambda v: 0 * v]), (normal(4),)),
    Case(np.piecewise, lambda x: np.piecewise(x, [x > 0, x > 0.4], [2, lambda v, a: a * v], 3.0), (away(4),)),
    Case(np.piecewise, lambda x: np.piecewise(x, [x > -9], [np.square]), (normal(),)),
    Case(np.piecewise, lambda x: np.piecewise(x, [MASK, ~MASK], [np.exp, np.sin]), (complex_array(3),)),
]
