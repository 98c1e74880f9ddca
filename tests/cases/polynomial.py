"""Cases for wengert.functions.polynomial."""

from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive
from wengert.functions.polynomial import characteristic_polynomial

TRIANGLE = np.array([[1.0, 2.0, 0.5], [0.0, 1.0, 3.0], [0.0, 0.0, 1.0]])  # one eigenvalue, thrice, and defective


def of_two(function: Any) -> list[Case]:
    """Polynomials of equal and unequal length, real and complex, lists and numbers."""
    pairs = [(normal(3), normal(3, seed=1)), (normal(2), normal(4)), (normal(4), normal(2)), (normal(), normal(3))]
    return [
        *(Case(function, function, pair) for pair in pairs),
        Case(function, function, (complex_array(3), complex_array(2))),
        Case(function, function, (normal(3), complex_array(2))),
        Case(function, lambda p: function(p, [1.0, 2.0]), (normal(3),)),
        Case(function, lambda p: function([1, 2, 3], p), (normal(2),)),
        Case(function, lambda p: function(p, p), (normal(3),)),
    ]


CASES = [
    Case(np.polyval, np.polyval, (normal(4), normal(2, 3))),
    Case(np.polyval, np.polyval, (normal(1), normal(2))),
    Case(np.polyval, np.polyval, (normal(3), normal())),
    Case(np.polyval, np.polyval, (normal(3), normal(0))),
    Case(np.polyval, np.polyval, (normal(3, 2), normal(4, 2))),
    Case(np.polyval, np.polyval, (complex_array(3), normal(2))),
    Case(np.polyval, np.polyval, (normal(3), complex_array(2))),
    Case(np.polyval, lambda p: np.polyval(p, [1.0, 2.0]), (normal(3),)),
    Case(np.polyval, lambda p: np.polyval(p, 2.0), (normal(3),), single=False),
    Case(np.polyval, lambda x: np.polyval([1.0, 0.0, 2.0], x), (normal(3),)),
    *(case for function in (np.polyadd, np.polysub, np.polymul) for case in of_two(function)),
    Case(np.polymul, lambda p: np.polymul([0.0, 0.0, 2.0, 1.0], p), (normal(3),)),
    # The remainder's length hangs on what is nearly 0: rounded otherwise in single precision.
    Case(np.polydiv, np.polydiv, (normal(5), away(3)), single=False),
    Case(np.polydiv, np.polydiv, (normal(3), away(3)), single=False),
    Case(np.polydiv, np.polydiv, (complex_array(4), complex_array(2)), single=False, exact=False),
    Case(np.polydiv, np.polydiv, (normal(4), complex_array(2)), single=False, exact=False),
    Case(np.polydiv, lambda u: np.polydiv(u, [2.0, 1.0]), (normal(4),), single=False),
    Case(np.polydiv, lambda v: np.polydiv([2.0, 1.0, 3.0], v), (away(2),), single=False),
    Case(np.polydiv, lambda u, v: np.polydiv(u, v)[0], (normal(5), away(3))),
    Case(np.polydiv, lambda u, v: np.polydiv(u, v)[1], (normal(2), away(3))),
    *(Case(np.polyder, lambda p, m=m: np.polyder(p, m), (normal(4),)) for m in (0, 1, 2, 3)),
    Case(np.polyder, np.polyder, (complex_array(3),)),
    Case(np.polyder, np.polyder, (normal(1),)),
    *(Case(np.polyint, lambda p, m=m: np.polyint(p, m), (normal(3),)) for m in (0, 1, 2)),
    Case(np.polyint, lambda p: np.polyint(p, 2, 3.0), (normal(2),)),
    Case(np.polyint, lambda p, k: np.polyint(p, 2, k), (normal(2), normal(2))),
    Case(np.polyint, lambda p, k: np.polyint(p, 2, k), (normal(2), normal(1)), single=False),
    Case(np.polyint, lambda p: np.polyint(p, k=[3.0]), (complex_array(2),)),
    Case(np.polyint, lambda p, k: np.polyint(p, 2, [1.0, k]), (normal(2), normal())),
    *(
        Case(np.vander, lambda x, n=n, up=up: np.vander(x, n, up), (normal(3),))
        for n in (None, 0, 1, 2, 5)
        for up in (False, True)
    ),
    Case(np.vander, np.vander, (complex_array(3),)),
    Case(np.vander, np.vander, (normal(0),)),
    Case(np.vander, lambda x: np.vander(x, 3), (np.array([0.0, 1.0]),)),
    *(Case(np.poly, np.poly, (x,)) for x in (normal(1), normal(3), complex_array(3))),
    *(
        Case(f, f, (a,), exact=False)
        for f in (np.poly, characteristic_polynomial)
        for a in (normal(1, 1), normal(3, 3), normal(4, 4), complex_array(3, 3))
    ),
    Case(np.poly, lambda a: np.poly(a + TRIANGLE), (np.zeros((3, 3)),), exact=False, rtol=1e-4, single=False),
    Case(np.roots, np.roots, (np.array([1.0, -6.0, 11.0, -6.0]),), eps=3e-4),
    Case(np.roots, np.roots, (np.array([2.0, 1.0, 3.0, 1.0, 2.0]),)),
    Case(np.roots, np.roots, (complex_array(4),)),
    Case(np.roots, np.roots, (normal(2),)),
    Case(np.roots, np.roots, (normal(1),)),
    Case(np.polyfit, lambda x, y: np.polyfit(x, y, 2), (away(6), normal(6)), exact=False),
    Case(np.polyfit, lambda x, y: np.polyfit(x, y, 1), (away(5), normal(5, 2)), exact=False),
    Case(np.polyfit, lambda x, y: np.polyfit(x, y, 0), (away(3), normal(3)), exact=False),
    Case(np.polyfit, lambda x, y, w: np.polyfit(x, y, 1, w=w), (away(5), normal(5), positive(5)), exact=False),
    Case(np.polyfit, lambda y, w: np.polyfit([0, 1, 2, 3], y, 1, w=w), (normal(4, 2), positive(4)), exact=False),
    Case(np.polyfit, lambda y: np.polyfit([0, 1, 2, 3], y, 1), (complex_array(4),), exact=False),
    Case(np.polyfit, lambda x, y: np.polyfit(x, y, 1, cov=True), (away(5), normal(5)), exact=False),
    Case(np.polyfit, lambda x, y: np.polyfit(x, y, 1, cov=True), (away(5), normal(5, 2)), exact=False),
    Case(np.polyfit, lambda x, y: np.polyfit(x, y, 1, cov="unscaled"), (away(5), normal(5, 2)), exact=False),
]
