"""np.matmul as a Function of its own, because networks call it most.

The derivatives are those of the table (`contraction`); here the common call is unrolled, as in `core.elementwise`, and
all others take the general path.
"""

from typing import Any

import numpy as np

from wengert.core.dispatch import UFUNCS
from wengert.core.function import Function, new, next_number, release
from wengert.core.memory import WRITTEN
from wengert.core.mode import RECORDING, current_mode
from wengert.core.numpy_call import Shaped
from wengert.core.variable import Variable, as_array
from wengert.functions.contraction import matmul_left, matmul_right

ndarray = np.ndarray
EDGE = (Variable, Function)
any_call = UFUNCS[np.matmul]


class Matmul(Function):
    """A product of two Variables, or of a Variable and an array."""

    __slots__ = ()

    def forward(self, *xs: Any) -> Any:
        return np.matmul(*xs)

    def backward(self, *gys: Any) -> Any:
        """Compute the gradients with respect to the inputs from ndarrays: one array, or a tuple for two inputs."""
        gxs = tuple(gx for gx in self.pull(gys[0], False) if gx is not None)
        return gxs[0] if len(gxs) == 1 else gxs

    def pull(self, gys: Any, live: bool) -> Any:
        left, right = self._edges
        needs_left, needs_right = isinstance(left, EDGE), isinstance(right, EDGE)
        x1 = self._value(left, needs_right, live)
        x2 = self._value(right, needs_left, live)
        return (
            matmul_left(gys, x1, x2) if needs_left else None,
            matmul_right(gys, x1, x2) if needs_right else None,
        )

    def _value(self, edge: Any, read: bool, live: bool) -> Any:
        if not read:  # the other one is a constant: only its shape is needed
            like = edge
            if isinstance(edge, Variable):
                like = edge._data
                if edge._notes is not None:
                    self.check_form(edge)
            return Shaped(like.shape, like.dtype)
        if not isinstance(edge, Variable):
            if WRITTEN:
                self.check_unwritten(edge, edge)
            return edge
        if edge._notes is not None:
            self.check_unchanged(edge)
        return edge if live else edge._data

    def kept_output(self, position: int) -> Any:
        return self._kept


def record(args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
    """Call np.matmul on `args`, and record the call."""
    if kwargs or len(args) != 2 or current_mode.get() is not RECORDING:
        return any_call(args, kwargs)
    x1, x2 = args
    if isinstance(x1, Variable):
        if isinstance(x2, Variable):
            y = np.matmul(x1._data, x2._data)
        elif type(x2) is ndarray and x2.dtype.kind in "biufc":
            y = np.matmul(x1._data, x2)
            if x1._creator is not None:
                x1 = release(x1)
        else:
            return any_call(args, kwargs)
    elif type(x1) is ndarray and x1.dtype.kind in "biufc":
        y = np.matmul(x1, x2._data)
        if x2._creator is not None:
            x2 = release(x2)
    else:
        return any_call(args, kwargs)
    if type(y) is not ndarray:
        y = as_array(y)
    y.setflags(False)
    f = new(Matmul)
    f._number = next_number()
    f._edges = (x1, x2)
    f._kept = f._outputs = f._notes = None
    result = new(Variable)
    result._data = y
    result._creator = f
    result._grad = result._notes = None
    return result


UFUNCS[np.matmul] = record
