"""np.matmul as a Function of its own, because networks call it most.

The derivatives are those of the table (`contraction`); here the common call is unrolled, as in `core.elementwise`, and
all others take the general path.
"""

from typing import Any

import numpy as np

from wengert.arrays.rows import Partial
from wengert.arrays.table import UFUNCS
from wengert.core.elementwise import EDGE, Elementwise, specialized
from wengert.functions.contraction import matmul_left, matmul_right


class Matmul(Elementwise):
    """A product of two Variables, or of a Variable and an array."""

    __slots__ = ()

    ufunc = np.matmul
    partials = (Partial(matmul_left, (1,)), Partial(matmul_right, (0,)))  # what each reads
    has_poles = False

    def pull(self, gys: Any, differentiable: bool) -> Any:
        left, right = self._edges
        by_left, by_right = isinstance(left, EDGE), isinstance(right, EDGE)
        x1 = self.value_at(left, by_right, differentiable) if by_left else self.constant_at(left)
        x2 = self.value_at(right, by_left, differentiable) if by_right else self.constant_at(right)
        return (
            matmul_left(gys, x1, x2) if by_left else None,
            matmul_right(gys, x1, x2) if by_right else None,
        )


UFUNCS[np.matmul], _ = specialized(Matmul, ["x1", "x2"], others=UFUNCS[np.matmul])
