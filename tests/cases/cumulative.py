"""Cases for wengert.functions.cumulative."""

import numpy as np

from tests.cases import Case, complex_array, normal, positive
from tests.cases.reduction import ZEROS, nan_array, with_nans
from wengert.arrays.newer_numpy import cumulative_prod, cumulative_sum

RUNNING = (np.cumsum, np.cumprod, np.nancumsum, np.nancumprod)
STANDARD = (cumulative_sum, cumulative_prod)
COORDINATES = np.array([0.0, 0.7, 1.1, 2.0, 2.6])

CASES = [
    *(Case(f, f, (x,)) for f in RUNNING for x in (normal(2, 3), normal(), normal(1), normal(0), complex_array(4))),
    *(Case(f, lambda a, f=f, axis=axis: f(a, axis), (normal(2, 3, 4),)) for f in RUNNING for axis in (0, 1, -1)),
    *(Case(f, lambda a, f=f, axis=axis: f(a, axis=axis), (normal(0, 3),)) for f in RUNNING for axis in (0, 1)),
    *(
        Case(f, lambda a, f=f, axis=axis: f(a, axis), (nan_array(3, 4),))
        for f in (np.nancumsum, np.nancumprod)
        for axis in (None, 0, -1)
    ),
    *(Case(f, f, (x,)) for f in STANDARD for x in (normal(3), complex_array(3), normal(1))),
    *(
        Case(f, lambda x, f=f, axis=axis, first=first: f(x, axis=axis, include_initial=first), (normal(2, 3),))
        for f in STANDARD
        for axis in (0, -1)
        for first in (False, True)
    ),
    *(Case(f, lambda a, f=f: f(a, axis=0, dtype=np.complex128), (normal(3, 2),)) for f in (np.cumsum, np.cumprod)),
    # products with zeros, to third order
    *(Case(np.cumprod, lambda a, axis=axis: np.cumprod(a, axis), (ZEROS,), order=3) for axis in (None, 0, 1)),
    Case(np.cumprod, np.cumprod, (np.array([1.5, 0.0, -2.0, 0.5, 3.0, 1.1, 0.0]),), order=3),
    Case(np.cumprod, np.cumprod, (complex_array(5) * np.array([1, 1, 0, 1, 1]),)),
    Case(np.nancumprod, np.nancumprod, (with_nans(ZEROS, (0, 1), (2, 2)),)),
    Case(cumulative_prod, lambda x: cumulative_prod(x, axis=1, include_initial=True), (ZEROS,)),
    # differences
    *(
        Case(np.diff, lambda a, n=n, axis=axis: np.diff(a, n, axis), (normal(3, 4),))
        for n in (0, 1, 2, 3, 5)
        for axis in (0, -1)
    ),
    Case(np.diff, np.diff, (complex_array(4),)),
    Case(np.diff, np.diff, (normal(0),)),
    Case(np.diff, np.diff, (normal(0, 3),)),
    Case(np.diff, lambda a: np.diff(a, axis=0), (normal(0, 3),)),
    *(
        Case(np.diff, lambda a, p, q, n=n: np.diff(a, n, 1, p, q), (normal(2, 3), normal(2, 2, seed=1), normal(2, 1)))
        for n in (0, 1, 2, 3, 7)
    ),
    *(
        Case(
            np.diff,
            lambda a, p, q, n=n: np.diff(a, n, -2, prepend=p, append=q),
            (normal(2, 3), normal(), normal(seed=1)),
        )
        for n in (0, 1, 2, 3)
    ),
    Case(np.diff, lambda a: np.diff(a, prepend=0, append=[[1.0, 2.0], [3.0, 4.0]]), (normal(2, 3),)),
    Case(np.diff, lambda p: np.diff(np.ones((2, 3)), append=p), (normal(2, 2),), single=False),
    *(Case(np.ediff1d, np.ediff1d, (x,)) for x in (normal(4), normal(2, 3), normal(1), normal(0), complex_array(3))),
    Case(np.ediff1d, np.ediff1d, (normal(2, 3), normal(2), normal(1, 2))),
    Case(np.ediff1d, lambda ary: np.ediff1d(ary, to_end=[1, 2], to_begin=-9.0), (normal(4),)),
    # integrals
    *(
        Case(np.trapezoid, lambda y, axis=axis: np.trapezoid(y, dx=0.5, axis=axis), (normal(3, 4),))
        for axis in (0, -1, 1)
    ),
    *(
        Case(np.trapezoid, lambda y, x, axis=axis: np.trapezoid(y, x, axis=axis), (normal(4, 4), normal(4)))
        for axis in (0, -1)
    ),
    Case(np.trapezoid, lambda y, x: np.trapezoid(y, x, axis=0), (normal(3, 4), normal(3, 4, seed=1))),
    Case(np.trapezoid, lambda y: np.trapezoid(y, [0.0, 1.0, 3.0]), (normal(3),), exact=False),
    Case(np.trapezoid, np.trapezoid, (complex_array(3),)),
    Case(np.trapezoid, np.trapezoid, (normal(1),)),
    # slopes
    *(
        Case(
            np.gradient,
            lambda f, order=order, axis=axis: np.gradient(f, axis=axis, edge_order=order),
            (normal(3, 4),),
            exact=False,
        )
        for order in (1, 2)
        for axis in (None, 0, -1, (1, 0))
    ),
    *(
        Case(
            np.gradient,
            lambda f, h, order=order: np.gradient(f, h, edge_order=order),
            (normal(3, 4), positive()),
            exact=False,
        )
        for order in (1, 2)
    ),
    *(
        Case(
            np.gradient,
            lambda f, x, order=order: np.gradient(f, x, axis=0, edge_order=order),
            (normal(5, 2), COORDINATES),
            exact=False,
        )
        for order in (1, 2)
    ),
    *(
        Case(
            np.gradient,
            lambda f, h, x, order=order: np.gradient(f, h, x, edge_order=order),
            (normal(3, 5), positive(), COORDINATES),
            exact=False,
        )
        for order in (1, 2)
    ),
    Case(np.gradient, lambda f: np.gradient(f, 2.0, [0, 1, 2, 4], axis=(-1, 0)), (normal(4, 3),), exact=False),
    # equal steps, which NumPy takes for a scalar: the derivative is by each coordinate all the same
    Case(np.gradient, lambda f, x: np.gradient(f, x, edge_order=2), (normal(4), np.arange(4.0)), exact=False),
    Case(np.gradient, np.gradient, (normal(2),), exact=False),
    Case(np.gradient, np.gradient, (complex_array(4),), exact=False),
]
