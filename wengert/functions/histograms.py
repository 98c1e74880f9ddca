"""Derivatives of histograms.

Counts are piecewise constant, with respect to the data and the edges. What has a derivative is a sum of weights, with
respect to these, and a density, with respect to the edges too.
"""

from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.lists import stacked
from wengert.arrays.newer_numpy import unstack
from wengert.arrays.table import plain
from wengert.custom.registration import composition, refused
from wengert.functions.contraction import array
from wengert.functions.indexing import scatter
from wengert.functions.reduction import converted


def check_edges(name: str, data: Any, edges: Any, limits: Any) -> None:
    """Raise TypeError if the edges of the bins would follow from data that is a Variable."""
    if level_of(data) == RECORDED and (isinstance(edges, str) or (np.ndim(plain(edges)) == 0 and limits is None)):
        raise TypeError(
            f"the edges of {name} would be computed from a Variable and leave the graph; give them, as in "
            "np.histogram(x, np.histogram_bin_edges(x.data, bins)), or leave the graph: x.data, x.detach()"
        )


def given_edges(bins: Any, found: Any) -> Any:
    """The edges as they were given, if by a Variable, else as NumPy has found them."""
    return bins if level_of(bins) == RECORDED and bins.ndim else found


def heights_of(columns: list[Any], edges: Any, weights: Any) -> Any:
    """Add up the weights of the points in each bin; the last bin has its upper edge."""
    inside: Any = np.True_
    places = []
    for x, bounds in zip(columns, edges, strict=True):
        inside = inside & (bounds[0] <= x) & (x <= bounds[-1])
        places.append(np.minimum(np.searchsorted(bounds, x, "right") - 1, len(bounds) - 2))
    index = tuple(place[inside] for place in places)
    return scatter(weights[inside], index, tuple(len(bounds) - 1 for bounds in edges))


def density_of(heights: Any, edges: Any) -> Any:
    """Divide the heights by their sum, and by the lengths of the bins along each axis."""
    density = heights / np.sum(heights)
    for i, bounds in enumerate(edges):
        widths = converted(np.diff(bounds), float)
        density = density / np.reshape(widths, [-1 if i == j else 1 for j in range(len(edges))])
    return density


@composition(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    check_edges("np.histogram", a, bins, range)
    a = plain(a)
    if level_of(bins) != RECORDED and level_of(weights) != RECORDED:
        return np.histogram(a, bins, range, density, weights)
    heights, found = np.histogram(a, plain(bins), range, None, plain(weights))
    if level_of(weights) == RECORDED:
        heights = heights_of([np.ravel(a)], [found], np.ravel(weights))
    edges = given_edges(bins, found)
    return (density_of(heights, [edges]) if density else heights), edges


@composition(np.histogramdd)
def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if isinstance(sample, (list, tuple)) and sample and np.ndim(stacked(sample[0])) == 1:  # of coordinates
        columns = list(sample)
    else:
        columns = list(unstack(sample, axis=1)) if np.ndim(sample) == 2 else [sample]
    weights = stacked(weights)
    each = list(map(stacked, bins)) if isinstance(bins, (list, tuple)) or np.ndim(bins) else [bins] * len(columns)
    limits = [None] * len(columns) if range is None else range
    for column, wanted, limit in zip(columns, each, limits, strict=False):  # (NumPy checks how many there are)
        check_edges("np.histogramdd", column, wanted, limit)
    columns = [array(plain(column)) for column in columns]
    heights, found = np.histogramdd(plain(sample), plain(bins), range, None, plain(weights))
    if level_of(weights) == RECORDED:
        heights = heights_of(columns, found, converted(weights, float))  # (in which NumPy adds up here)
    edges = tuple(given_edges(wanted, e) for wanted, e in zip(each, found, strict=True))
    return (density_of(heights, edges) if density else heights), edges


@composition(np.histogram2d)
def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if (isinstance(bins, (list, tuple)) or np.ndim(bins)) and len(bins) not in (1, 2):  # the edges of both
        bins = [stacked(bins)] * 2
    heights, edges = np.histogramdd([x, y], bins, range, density, weights)
    return heights, edges[0], edges[1]


refused(np.histogram_bin_edges, instead="np.histogram_bin_edges(x.data)")
