"""Cases for wengert.functions.fft."""

from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal

NORMS = (None, "backward", "ortho", "forward")


def along_one_axis(function: Any, of: Any) -> list[Case]:
    """Every length, axis and norm; `of` makes the numbers."""
    lengths = [Case(function, lambda a, n=n: function(a, n), (of(5),)) for n in (1, 2, 3, 5, 8)]
    norms = [Case(function, lambda a, m=m, n=n: function(a, n, norm=m), (of(2, 4),)) for m in NORMS for n in (3, 7)]
    axes = [Case(function, lambda a, i=i: function(a, axis=i), (of(3, 4, 2),)) for i in (0, 1, -3)]
    others = [
        Case(function, lambda a: function(a, n=6, axis=0, norm="ortho"), (of(4, 3),)),
        Case(function, function, (of(0, 4),)),
        Case(function, function, (of(2),)),
    ]
    return [*lengths, *norms, *axes, *others]


def over_axes(function: Any, of: Any) -> list[Case]:
    """Every kind of axes and lengths; `of` makes the numbers."""
    settings: list[dict[str, Any]] = [
        {},
        {"axes": (-1,), "norm": "forward"},
        {"axes": (1, 0)},
        {"axes": [2, 0]},
        {"axes": (-3, -1), "s": (2, 4)},
        {"axes": (0, 2), "s": (5, 6), "norm": "ortho"},
        {"axes": (0, 1), "s": (-1, 3)},
        {"axes": (1, 0), "s": (3, -1), "norm": "forward"},
        {"axes": (1, 2, 0), "s": (5, 2, 4)},
        {"axes": (1, 1)},
        {"axes": (0, 2, 0)},
        {"axes": (2, 2), "s": (5, 4), "norm": "forward"},
    ]
    cases = [Case(function, lambda a, k=k: function(a, **k), (of(3, 4, 3),)) for k in settings]
    empty = Case(function, lambda a: function(a, axes=(1, 2)), (of(0, 3, 2),))
    return [*cases, empty, Case(function, function, (of(4, 3),))]


ONE_AXIS = (np.fft.fft, np.fft.ifft, np.fft.irfft, np.fft.hfft)
SEVERAL_AXES = (np.fft.fftn, np.fft.ifftn, np.fft.irfftn, np.fft.fft2, np.fft.ifft2, np.fft.irfft2)
SHIFTS = (np.fft.fftshift, np.fft.ifftshift)
AXES = (None, 0, 1, -1, (0,), (0, 1), (-1, 0), (1, 1))

CASES = [
    *(case for function in ONE_AXIS for of in (normal, complex_array) for case in along_one_axis(function, of)),
    *(case for function in (np.fft.rfft, np.fft.ihfft) for case in along_one_axis(function, normal)),
    *(case for function in SEVERAL_AXES for of in (normal, complex_array) for case in over_axes(function, of)),
    *(case for function in (np.fft.rfftn, np.fft.rfft2) for case in over_axes(function, normal)),
    *(Case(f, lambda x, f=f, i=i: f(x, i), (normal(4, 3),)) for f in SHIFTS for i in AXES),
    *(Case(f, f, (x,)) for f in SHIFTS for x in (complex_array(5), normal(0), normal(2, 3, 5))),
]
