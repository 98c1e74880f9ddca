"""The reference: NumPy itself, on arrays of objects, each a number that carries its derivatives forward.

So views, aliases, indices and the order of writes are NumPy's. All is computed in double precision.
"""

import functools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

__all__ = ["derivatives", "jet", "reference_numpy"]


def operation(f: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator of numbers; what it does with arrays is NumPy's."""
    return lambda a, b: NotImplemented if isinstance(b, np.ndarray) else f(a, jet(b))


class Jet:
    """A number `v`; `g`, its derivatives with respect to the parameters; `w`, in a direction; `h`, those of `w`."""

    def __init__(self, v: Any, g: Any = 0.0, w: Any = 0.0, h: Any = 0.0) -> None:
        self.v, self.g, self.w, self.h = v, g, w, h

    def chain(self, v: Any, first: Any, second: Any) -> Any:
        return Jet(v, first * self.g, first * self.w, first * self.h + second * self.w * self.g)

    def linear(self, f: Callable[[Any], Any]) -> Any:
        return Jet(f(self.v), f(self.g), f(self.w), f(self.h))

    def __getitem__(self, index: Any) -> Any:
        return np.asarray(self, dtype=object)[index]

    __neg__ = functools.partialmethod(linear, np.negative)
    __lt__ = operation(lambda a, b: a.v < b.v)
    __gt__ = operation(lambda a, b: a.v > b.v)
    __add__ = __radd__ = operation(lambda a, b: Jet(a.v + b.v, a.g + b.g, a.w + b.w, a.h + b.h))
    __sub__ = operation(lambda a, b: a + -b)
    __rsub__ = operation(lambda a, b: b + -a)
    __mul__ = __rmul__ = operation(lambda a, b: product(a, b))
    __truediv__ = operation(lambda a, b: product(a, 1 / b))
    __rtruediv__ = operation(lambda a, b: product(b, a.chain(1 / a.v, -1 / a.v**2, 2 / a.v**3)))
    __pow__ = operation(lambda a, b: product(a, a) if b.v == 2 else NotImplemented)


def jet(x: Any) -> Any:
    x = x[()] if isinstance(x, np.ndarray) else x
    return x if isinstance(x, Jet) else Jet(x)


def product(a: Jet, b: Jet) -> Jet:
    return Jet(a.v * b.v, a.v * b.g + b.v * a.g, a.v * b.w + b.v * a.w, a.v * b.h + b.v * a.h + a.g * b.w + b.g * a.w)


def ufunc(f: Callable[[Jet], Any]) -> Any:
    return np.frompyfunc(lambda x: f(jet(x)), 1, 1)


def constant(make: Callable[..., Any], n: float) -> Any:
    return lambda a, **options: make(a, Jet(n), object)


reference_numpy = SimpleNamespace(**vars(np))  # NumPy, whose floating arrays have elements that are jets or numbers
vars(reference_numpy).update(
    sin=ufunc(lambda x: x.chain(np.sin(x.v), np.cos(x.v), -np.sin(x.v))),
    cos=ufunc(lambda x: x.chain(np.cos(x.v), -np.sin(x.v), -np.cos(x.v))),
    tanh=ufunc(lambda x: x.chain(t := np.tanh(x.v), 1 - t * t, -2 * t * (1 - t * t))),
    real=ufunc(lambda x: x.linear(np.real)),
    conj=ufunc(lambda x: x.linear(np.conj)),
    sum=lambda a, **options: np.sum(a, initial=jet(0.0), **options),
    prod=lambda a, **options: np.prod(a, initial=jet(1.0), **options),
    array=lambda a, like=None: np.array(a) if like is None else np.array(a, object),
    full=lambda shape, n, like=None: np.full(shape, jet(n), object),
    full_like=lambda a, n: np.full_like(a, jet(n), object),
    zeros=constant(np.full, 0.0),
    empty=constant(np.full, 0.0),
    ones=constant(np.full, 1.0),
    **{f"{name}_like": constant(np.full_like, n) for name, n in (("zeros", 0.0), ("empty", 0.0), ("ones", 1.0))},
)


def derivatives(f: Callable[..., Any], inputs: Sequence[Any], directions: Sequence[Any]) -> tuple[Any, ...]:
    """The value, the gradients, the derivatives of the gradients in a direction, and the values of all arrays."""
    pairs = [x.dtype.kind == "c" for x in inputs]
    counts = [x.size * (1 + pair) for x, pair in zip(inputs, pairs, strict=True)]
    units, arguments = iter(np.eye(sum(counts))), []
    for x, d, pair in zip(inputs, directions, pairs, strict=True):
        elements = zip(x.ravel().tolist(), d.ravel().tolist(), strict=True)
        made = [Jet(v, next(units) + (1j * next(units) if pair else 0.0), w) for v, w in elements]
        arguments.append(np.array([None, *made], object)[1:].reshape(x.shape))
    y, arrays = f(*arguments)
    found = []
    for part in (y.g, y.h):
        split = np.split(np.zeros(sum(counts)) + np.real(part), np.cumsum(counts)[:-1])
        typed = [p.view(complex) if pair else p for p, pair in zip(split, pairs, strict=True)]
        found.append([p.reshape(x.shape) for p, x in zip(typed, inputs, strict=True)])
    return y.v, *found, [np.reshape([jet(e).v for e in np.ravel(np.array(a, object))], np.shape(a)) for a in arrays]
