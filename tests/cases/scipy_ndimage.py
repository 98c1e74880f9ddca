"""Cases for `wengert.scipy.ndimage`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, complex_array, normal

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import ndimage as n

    def of(function: Any, *args: Any, **settings: Any) -> Case:
        fields = set(Case._fields) - {"order"}  # (that of the function)
        options = {name: settings.pop(name) for name in list(settings) if name not in fields}
        return Case(function, lambda *xs: function(*xs, **options), args, **{"exact": False, **settings})

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, **settings})

    X, W3, W4, W = normal(4, 5), normal(3), normal(4), normal(3, 2)
    VOLUME = normal(3, 2, 4)
    INSIDE = np.random.default_rng(3).uniform(0.1, 2.9, (2, 5))
    PLACES = np.array([[0.4, 1.3, -0.7, 4.2], [0.3, 2.6, 1.2, 5.3]])
    MODES = ("reflect", "mirror", "constant", "nearest", "wrap")
    TURN = np.array([[0.9, 0.23], [-0.11, 1.13]])
    FOOT = np.array([[1, 0, 1], [0, 1, 0]], bool)

    CASES += [
        *(of(n.correlate1d, X, W3, mode=m, cval=0.7) for m in MODES),
        of(n.convolve1d, X, W4, axis=0, origin=-1),
        of(n.correlate1d, complex_array(5), complex_array(3, seed=1)),
        of(n.convolve1d, complex_array(5), complex_array(2, seed=1)),
        of(n.correlate, X, W, mode="constant", cval=0.3),
        of(n.correlate, X, complex_array(3, 2)),
        of(n.convolve, X, W, mode="mirror", origin=(1, -1)),
        of(n.convolve, X, complex_array(3, 2)),
        of(n.gaussian_filter1d, X, np.asarray(0.7)),
        of(n.gaussian_filter1d, X, np.asarray(1.7), order=3, single=False),
        of(n.gaussian_filter, X, sigma=(0.7, 1.1), order=(0, 1)),
        of(n.gaussian_filter, X, sigma=1.0, axes=(1,), radius=2, mode="wrap"),
        of(n.gaussian_laplace, X, sigma=0.8),
        of(n.gaussian_gradient_magnitude, X, sigma=0.8, single=False),
        of(n.uniform_filter, X, size=(3, 4), origin=(1, 0)),
        of(n.uniform_filter1d, X, size=4, axis=0),
        of(n.sobel, VOLUME, axis=0),
        of(n.prewitt, X),
        of(n.laplace, VOLUME, mode="constant", cval=0.3),
        of(n.laplace, np.zeros((0, 3))),
        of(n.maximum_filter, X, size=(2, 3)),
        of(n.minimum_filter, X, footprint=FOOT, origin=(0, 1)),
        of(n.maximum_filter1d, X, size=3, axis=0),
        of(n.minimum_filter1d, X, size=2, mode="wrap"),
        of(n.median_filter, X, size=3),
        of(n.rank_filter, X, rank=-2, size=3),
        by(n.percentile_filter, lambda x: n.percentile_filter(x, 30, size=(2, 3)), X),
        *(of(n.spline_filter1d, X, order=o, axis=0, mode=m) for o, m in ((1, "mirror"), (3, "mirror"), (4, "reflect"))),
        *(of(n.spline_filter1d, normal(70), mode=m, order=3) for m in ("mirror", "reflect", "grid-wrap")),
        of(n.spline_filter, X),
        of(n.spline_filter, complex_array(3, 4), output=complex),
        *(of(n.map_coordinates, X, INSIDE, order=o, mode="nearest", single=False) for o in (0, 1, 2, 3, 5)),
        *(
            of(n.map_coordinates, X, PLACES, order=o, mode=m, cval=0.4, single=False)
            for o, m in (
                (3, "constant"),
                (3, "mirror"),
                (3, "reflect"),
                (3, "grid-wrap"),
                (1, "wrap"),
                (1, "grid-constant"),
            )
        ),
        of(n.map_coordinates, X, INSIDE, prefilter=False),
        of(n.map_coordinates, complex_array(3, 4), INSIDE[:, :2] / 2, single=False),
        of(n.map_coordinates, VOLUME, np.full((3, 2), 0.7), order=1),
        of(n.map_coordinates, X, np.zeros((2, 0))),
        of(n.shift, X, np.array([0.3, -1.2]), single=False),
        of(n.shift, X, np.array([0.3, -1.2]), order=1, mode="nearest", single=False),
        by(n.zoom, lambda x: n.zoom(x, (1.6, 0.7), mode="nearest"), X),
        by(n.zoom, lambda x: n.zoom(x, 2, order=1, mode="reflect", grid_mode=True), X),
        of(n.affine_transform, X, TURN, np.array([0.23, 0.41]), single=False),
        of(n.affine_transform, X, np.array([0.93, 0.81]), order=1, single=False),
        by(
            n.affine_transform,
            lambda x: n.affine_transform(x, [[0.9, 0.2, 0.1], [-0.1, 1.1, 0.3]], output_shape=(3, 4)),
            X,
        ),
        of(n.rotate, X, np.asarray(23.0), single=False),
        of(n.rotate, VOLUME, angle=23.0, axes=(0, 2), order=1, reshape=False),
    ]
