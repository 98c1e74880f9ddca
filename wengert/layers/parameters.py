"""The parameters of a layer by name, also for those who expect to get them one by one."""

from __future__ import annotations

from typing import Any, Self

from wengert.core.variable import Parameter

__all__ = ["ParameterName"]


class ParameterName(str):
    """The name of a parameter, a str, which passes on what is asked of the parameter itself.

    `Layer.params` gives a dict by these names, and DeZero's gives the parameters: its loop ``for p in model.params():
    p.data -= lr * p.grad`` runs here too.
    """

    __slots__ = ("parameter",)

    parameter: Parameter

    def __new__(cls, name: str, parameter: Parameter) -> Self:
        self = super().__new__(cls, name)
        self.parameter = parameter
        return self

    @property
    def data(self) -> Any:
        return self.parameter.data

    @data.setter
    def data(self, value: Any) -> None:
        self.parameter.data = value

    @property
    def grad(self) -> Any:
        return self.parameter.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self.parameter.grad = value

    @property
    def requires_grad(self) -> bool:
        return self.parameter.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.parameter.requires_grad = value

    def cleargrad(self) -> None:
        self.parameter.cleargrad()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"iterating over params() gives names, and {str(self)!r} has no attribute {name!r}; "
            "write for p in layer.params().values(), or .items() for both"
        )

    def __reduce__(self) -> Any:
        return str, (str(self),)
