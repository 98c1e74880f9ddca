"""A fused function called with another array type: one call forward and one backward, which a tracer can record."""

from __future__ import annotations

from typing import Any

__all__ = ["OneCall"]


class OneCall:
    """The two halves of a fused function as functions of arrays.

    What `forward` keeps for `backward` is stored here: the two are called alternately, on one thread at a time.
    Backward also takes the inputs and results of forward, which it does not read, so that they stay allocated until
    then.
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
    """A function with a name; `alike` is equal for calls of the same kind."""

    def __init__(self, function: Any, name: str, alike: Any) -> None:
        self.function, self.__name__, self.alike = function, name, (name, *alike)

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)
