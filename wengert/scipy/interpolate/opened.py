"""Classes of SciPy that interpolate: SciPy's own for arrays, with Variables a definition in differentiable NumPy."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from wengert.arrays.batches import RUNNING, lifted
from wengert.arrays.lists import stacked
from wengert.functions.scipy_rules import as_array
from wengert.scipy.answers import speakers

__all__ = ["Interpolator", "doubles", "elements", "placed"]


def doubles(value: Any) -> Any:
    """An array, of a list too, in double precision."""
    value = as_array(stacked(value))
    wide = np.result_type(value.dtype, np.float64)
    return value if value.dtype == wide else value.astype(wide)


def elements(values: Any, index: Any) -> Any:
    """``values[index]``, where the index may be an array of each example of a vmap, which an ndarray would not take."""
    return (lifted(values) if RUNNING else values)[index]


def placed(y: Any, ndim: int, axis: int) -> Any:
    """Put the axes of the points, which are the first, in the place of the axis that was interpolated along."""
    order = list(range(y.ndim))
    return np.transpose(y, order[ndim : ndim + axis] + order[:ndim] + order[ndim + axis :]) if axis else y


class Interpolator:
    """A class that is SciPy's for arrays. Subclasses define `build`, with the arguments of SciPy's, and `evaluate`."""

    theirs: ClassVar[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._given = (args, kwargs)
        self._scipy = None
        self._built = False
        if any(True for _ in speakers((*args, *kwargs.values()))):
            self._ready()
        else:
            self._scipy = self.theirs(*args, **kwargs)

    def _ready(self) -> None:
        if not self._built:
            args, kwargs = self._given
            self.build(*args, **kwargs)
            self._built = True

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Compute what is kept."""
        raise NotImplementedError

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Interpolate at points."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Interpolate at points."""
        if self._scipy is not None and not any(True for _ in speakers((*args, *kwargs.values()))):
            return self._scipy(*args, **kwargs)
        self._ready()
        return self.evaluate(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if self._scipy is not None:
            return getattr(self._scipy, name)
        kind = type(self).__name__
        if not hasattr(self.theirs, name):
            raise AttributeError(f"{kind} has no attribute {name!r}")
        raise TypeError(
            f"wengert.scipy.interpolate.{kind}.{name} has no derivative here, and takes no Variables; "
            f"make the {kind} of arrays: x.data, x.detach()"
        )
