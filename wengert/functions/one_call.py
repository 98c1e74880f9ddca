"""A fused function among arrays of another kind: one call forward and one backward, that they can write down."""

from __future__ import annotations

from typing import Any

__all__ = ["OneCall"]


class OneCall:
    """The two halves of a fused function as functions of arrays.

    What `forward` keeps for `backward` stays here: the two are called in turns, on one thread at a time. Backward is
    given the inputs and the results of forward too, which it does not look at: so they are there until then.
    """

    def __init__(self, kind: Any, needs: tuple[bool, ...]) -> None:
        self.kind, self.needs = kind, needs
        self.call: Any = None
        name = kind.__name__
        alike = (kind, needs)
        self.forward = Half(self._forward, name, alike)
        self.backward = Half(self._backward, f"{name} backward", alike)

    def _forward(self, *values: Any) -> Any:
        call = self.kind()
        call.needs = self.needs
        self.call = call
        return call.forward(*values)

    def _backward(self, inputs: tuple[Any, ...], results: tuple[Any, ...], gys: tuple[Any, ...]) -> Any:
        gxs = self.call.backward(*gys)
        return tuple(gx for gx, need in zip(gxs, self.needs, strict=True) if need)


class Half:
    """A function with a name; what it is, `alike`, is the same for another call of the same kind."""

    def __init__(self, function: Any, name: str, alike: Any) -> None:
        self.function, self.__name__, self.alike = function, name, (name, *alike)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)
