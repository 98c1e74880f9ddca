"""Frozen parameters: those that are not trained for the time being."""

from typing import Any

from wengert.checks.errors import describe
from wengert.checks.peer_names import FREEZING
from wengert.core.variable import Parameter

__all__ = ["FrozenParameter"]


class FrozenParameter(Parameter):
    """A Parameter that is not trained: `backward` leaves no gradient, and optimizers do not change it.

    A `Parameter` is made one by ``p.requires_grad = False``, or `Layer.freeze`, and a Parameter again by ``True``. It
    is of a type of its own, which compiled plans look at: so they notice.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> p = wengert.Parameter(np.ones(2))
    >>> p.requires_grad = False
    >>> p
    FrozenParameter([1., 1.])
    """

    __slots__ = ()
    is_trained = False

    @property
    def grad(self) -> Any:
        """None."""
        return None

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            raise ValueError(
                f"{describe(self)} is frozen and has no gradient; set p.requires_grad = True, or call unfreeze() of "
                "its layer"
            )


FREEZING[Parameter] = FrozenParameter
