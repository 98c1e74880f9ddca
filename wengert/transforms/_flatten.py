"""flatten: nested arrays as one vector, as solvers take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.refusals import is_operand
from wengert.checks.variables import to_array
from wengert.core.variable import Variable
from wengert.transforms.containers import leaves, rebuild
from wengert.transforms.recording import as_input

__all__ = ["flatten"]


def flatten(tree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Concatenate all arrays of nested containers to one vector; also return the inverse function.

    Parameters
    ----------
    tree : nested dicts, lists, tuples, named tuples and None
        Of floating arrays, Variables and floats; or a single one of these.

    Returns
    -------
    vector : ndarray, or Variable if there is one in `tree`
        1-D, a copy, in the order of the containers (insertion order for a dict). Its dtype is the common dtype by
        NumPy's promotion.
    unflatten : callable
        Takes a vector of that length and returns the same containers, with copies of its parts in their original shapes
        and dtypes (float32 parts of a float64 vector are rounded to float32; real parts of a complex vector take the
        real part). Variables for a Variable.

    Raises
    ------
    TypeError
        If there is an integer, or a leaf that is not an array.
    ValueError
        From `unflatten`, for a vector of another shape.

    Notes
    -----
    Both directions are differentiable.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import flatten
    >>> vector, unflatten = flatten({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector
    array([1., 2., 3.])
    >>> unflatten(10 * vector)
    {'w': array([[10., 20.]]), 'b': array(30.)}
    """
    parts = []
    for name, value in leaves(tree, "the tree"):
        as_input("flatten", name, value)  # raises for leaves that cannot be differentiated
        parts.append(value if isinstance(value, Variable) else to_array(value))
    kinds = [(part.shape, part.dtype, part.size) for part in parts]
    total = sum(size for *_, size in kinds)
    vector = np.concatenate([np.ravel(part) for part in parts]) if parts else np.zeros(0)

    def unflatten(vector: Any) -> Any:
        """Return the containers that were flattened, with the values of `vector`."""
        if not isinstance(vector, Variable):
            vector = to_array(vector)
        is_operand("unflatten", vector)  # raises for non-numeric arrays
        if vector.shape != (total,):
            raise ValueError(
                f"unflatten takes a vector of shape ({total},), as flatten made it, but got {describe(vector)}"
            )
        values = []
        start = 0
        for shape, dtype, size in kinds:
            value = np.reshape(vector[start : start + size], shape)
            if value.dtype.kind == "c" and dtype.kind != "c":
                value = np.real(value)
            values.append(value.astype(dtype))
            start += size
        return rebuild(tree, values)

    return vector, unflatten
