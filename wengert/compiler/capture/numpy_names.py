"""What stands for names of NumPy in the program while a call is traced, beside the functions that make arrays.

These take an ndarray of what they are given (`as_strided`, `vectorize`), or draw from the one generator of the process
(the functions of ``np.random``), and would not ask a traced array.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np
from numpy.lib import stride_tricks

from wengert.arrays.level import TRACED, level_of
from wengert.compiler.capture.creation import as_arrays
from wengert.functions.randomness import generator_shown
from wengert.writes.stand_ins import NUMPY, stand_for

__all__ = ["GLOBAL", "Vectorized", "vectorized"]

GLOBAL: Any = np.random.mtrand._rand
AS_STRIDED = stride_tricks.as_strided


class Random(ModuleType):
    """What the program finds as ``np.random``."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(np.random, name)
        shown = generator_shown.get()
        if shown is None or getattr(found, "__self__", None) is not GLOBAL:
            return found
        return getattr(shown(GLOBAL), name)


def drawing(name: str, function: Any) -> Any:
    """What stands for a function of ``np.random`` that the program has by its own name."""

    @functools.wraps(function)
    def draw(*args: Any, **kwargs: Any) -> Any:
        shown = generator_shown.get()
        return (function if shown is None else getattr(shown(GLOBAL), name))(*args, **kwargs)

    return draw


@functools.wraps(AS_STRIDED)
def as_strided(x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True) -> Any:
    if level_of(x) != TRACED:
        return AS_STRIDED(x, shape, strides, subok, writeable)
    return x.tape.call(AS_STRIDED, (x, shape, strides), {"writeable": writeable})


class Vectorized(np.vectorize):
    """An np.vectorize that calls its function for each element of traced arrays."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        traced = [x for x in args if level_of(x) == TRACED]
        if not traced or kwargs or self.signature is not None or self.excluded or traced[0].tape.off:
            return super().__call__(*args, **kwargs)
        shape = np.broadcast_shapes(*map(np.shape, args))
        arrays = [np.broadcast_to(as_arrays(x), shape) for x in args]
        if 0 in shape:
            return super().__call__(*args)
        places = np.ndindex(*shape)
        found = [self.pyfunc(*(a[place].item() for a in arrays)) for place in places]
        if isinstance(found[0], tuple):
            return tuple(self.joined([row[i] for row in found], shape, i) for i in range(len(found[0])))
        return self.joined(found, shape, 0)

    def joined(self, values: list[Any], shape: tuple[int, ...], number: int) -> Any:
        """The array of one of the results; the first one says of which dtype, as for NumPy."""
        dtype = (
            np.dtype(self.otypes[number]) if self.otypes else np.asarray(getattr(values[0], "value", values[0])).dtype
        )
        parts = [x.as_array() if level_of(x) == TRACED else np.asarray(x) for x in values]
        return np.reshape(np.stack([x if x.dtype == dtype else x.astype(dtype) for x in parts]), shape)


def vectorized(value: Any) -> Vectorized:
    """The one that stands for an np.vectorize of the program."""
    found = Vectorized.__new__(Vectorized)
    found.__dict__.update(value.__dict__)
    return found


class Members(ModuleType):
    """A module that has everything from another but what is set here."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__, module.__doc__)
        self.__dict__["module"] = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


TRICKS, LIBRARY = Members(stride_tricks), Members(np.lib)
TRICKS.__dict__["as_strided"], LIBRARY.__dict__["stride_tricks"] = as_strided, TRICKS
for _name, _value in (
    ("random", Random("numpy.random", np.random.__doc__)),
    ("lib", LIBRARY),
    ("vectorize", Vectorized),
):
    stand_for(getattr(np, _name), _value)
    setattr(NUMPY, _name, _value)
for _name, _value in vars(np.random).items():
    if getattr(_value, "__self__", None) is GLOBAL:
        stand_for(_value, drawing(_name, _value))
stand_for(stride_tricks, TRICKS)
stand_for(AS_STRIDED, as_strided)
