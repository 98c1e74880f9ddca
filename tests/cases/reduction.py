"""Cases for wengert.functions.reduction."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, away, complex_array, normal, positive


def with_nans(a: np.ndarray, *places: Any) -> np.ndarray:
    """Put NaN where `places` are."""
    a = a.copy()
    for place in places:
        a[place] = np.nan
    return a


def over_axes(
    function: Any, array: Callable[..., Any], *options: dict[str, Any], first: tuple[Any, ...] = ()
) -> list[Case]:
    """Each way to name axes, then each of `options` on a matrix; 0-d, and one element.

    The function is called as ``function(a, *first, axis=..., ...)``.
    """
    ways: list[dict[str, Any]] = [
        {},
        {"axis": 0},
        {"axis": -1},
        {"axis": (0, -1)},
        {"axis": (-2, 0)},
        {"axis": ()},
        {"axis": 1, "keepdims": True},
        {"axis": (2, 0), "keepdims": True},
        {"keepdims": True},
    ]
    if array in (nan_array, nan_positive):
        ways.remove({"axis": ()})  # which leaves a NaN alone
    return [
        *(Case(function, lambda a, way=way: function(a, *first, **way), (array(2, 3, 4),)) for way in ways),
        *(Case(function, lambda a, way=way: function(a, *first, **way), (array(3, 4),)) for way in options),
        Case(function, lambda a: function(a, *first), (array(),)),
        Case(function, lambda a: function(a, *first, axis=1), (array(3, 1),)),
        Case(function, lambda a: function(a, *first, axis=0, keepdims=1), (array(4),)),
    ]


def nan_array(*shape: int) -> np.ndarray:
    """Distinct numbers, and NaN as the first and the last where the last axis is longer than 1."""
    a = away(*shape)
    if shape and shape[-1] > 1:
        a.flat[0] = a.flat[-1] = np.nan
    return a


def nan_positive(*shape: int) -> np.ndarray:
    a = nan_array(*shape)
    return np.where(np.isnan(a), a, positive(*shape))


MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, False, False]])
ROW = np.array([True, False, True, True])
ZEROS = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.5], [1.2, -0.7, 0.4]])

CASES = [
    *over_axes(np.sum, normal, {"where": MASK}, {"where": ROW, "axis": 0}, {"initial": 2.0, "axis": 1}),
    *over_axes(np.nansum, nan_array, {"where": MASK}, {"where": ROW, "axis": 0}, {"initial": 2.0, "axis": 1}),
    *over_axes(
        np.mean, normal, {"where": MASK}, {"where": MASK, "axis": 0}, {"where": ROW, "axis": 1, "keepdims": True}
    ),
    *over_axes(np.nanmean, nan_array, {"where": MASK}, {"where": ROW, "axis": 1}),
    *(
        case
        for function, initial in ((np.max, -9.0), (np.amax, 0.35), (np.nanmax, -9.0), (np.min, 9.0), (np.amin, -0.35))
        for case in over_axes(
            function,
            away,
            {"initial": initial, "axis": 0},
            {"initial": initial, "where": MASK},
            {"initial": initial, "where": ROW, "axis": 1},
        )
    ),
    *over_axes(np.nanmin, nan_array, {"initial": 9.0, "where": MASK, "axis": 1}),
    *over_axes(np.ptp, away),
    *over_axes(np.prod, positive, {"where": MASK}, {"where": MASK, "axis": 0, "initial": 2.0}, {"initial": 3.0}),
    *over_axes(np.nanprod, nan_positive, {"where": MASK, "axis": 1}, {"initial": 3.0}),
    # zeros: none, one and several in a product
    *(Case(np.prod, lambda a, axis=axis: np.prod(a, axis), (ZEROS,), order=3) for axis in (None, 0, 1, (0, 1), ())),
    Case(np.prod, lambda a: np.prod(a, axis=(0, 2)), (np.stack([ZEROS, ZEROS + 1]),)),
    Case(np.prod, lambda a: np.prod(a, axis=1, where=a != 0, initial=2.0), (ZEROS[2:],)),
    Case(np.prod, lambda a: np.prod(a, axis=1, initial=0.0), (ZEROS,)),
    Case(np.prod, lambda a: np.prod(a, 0, where=ZEROS != 0), (ZEROS + 0.0,), order=2),
    Case(np.nanprod, lambda a: np.nanprod(a, axis=-1), (with_nans(ZEROS, (0, 1), (2, 2)),)),
    # complex
    *(
        Case(f, lambda a, f=f: f(a, axis=-1), (complex_array(2, 3),))
        for f in (np.sum, np.mean, np.prod, np.max, np.min)
    ),
    *(
        Case(f, lambda a, f=f: f(a), (with_nans(complex_array(2, 3), (0, 1)),))
        for f in (np.nansum, np.nanmean, np.nanprod, np.nanmax, np.nanmin)
    ),
    Case(np.prod, np.prod, (complex_array(3) * np.array([1, 0, 1]),)),
    # dtypes
    *(
        Case(f, lambda a, f=f: f(a, dtype=np.float32), (positive(2, 3),), rtol=1e-3, eps=0.05, single=False)
        for f in (np.sum, np.mean)
    ),
    *(Case(f, lambda a, f=f: f(a, axis=0, dtype=np.complex128), (positive(2, 3),)) for f in (np.sum, np.mean, np.prod)),
    # empty
    *(Case(f, lambda a, f=f: f(a, axis=0), (normal(0, 3),)) for f in (np.sum, np.nansum, np.prod, np.nanprod)),
    *(
        Case(f, lambda a, f=f: f(a, axis=1), (normal(0, 3),))
        for f in (np.sum, np.mean, np.prod, np.max, np.min, np.ptp)
    ),
    *(Case(f, lambda a, f=f: f(a, axis=0, initial=1.0), (normal(0, 3),)) for f in (np.max, np.min)),
]
