"""What the cases of scipy.special share."""

from typing import Any

import numpy as np

from tests.cases import Case, positive

__all__ = ["SMALL", "UNIT", "A", "B", "by", "of"]

UNIT = np.asarray(0.1 + 0.8 * (positive(2, 3) - 0.5) / 1.5)  # between 0.1 and 0.9
A, B = positive(2, 3), np.asarray(0.6 + positive(3, seed=1))
SMALL = np.array([0.0, 1e-8, -1e-4, 0.15, -0.25])


def of(ufunc: Any, *points: Any, order: int = 2, **kwargs: Any) -> list[Case]:
    """Calls with respect to all arguments."""
    return [Case(ufunc, ufunc, p if isinstance(p, tuple) else (p,), order=order, **kwargs) for p in points]


def by(ufunc: Any, places: tuple[int, ...], *args: Any, order: int = 2, **kwargs: Any) -> Case:
    """A call with respect to the arguments in some places; the others are constants."""

    def call(*xs: Any) -> Any:
        filled = list(args)
        for place, x in zip(places, xs, strict=True):
            filled[place] = x
        return ufunc(*filled)

    return Case(ufunc, call, tuple(args[place] for place in places), order=order, **kwargs)
