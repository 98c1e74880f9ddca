"""Lists and tuples that hold Variables, and stand for arrays as any list does for NumPy: ``np.dot(x, [a, b])``.

They are stacked before a row of the table is applied: where a definition answers a function (`answering`), and where
calls are recorded (`with_arrays`, and for ufuncs `recorded_again`) once such a list is met.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.level import level_of
from wengert.arrays.table import read_late_tables
from wengert.arrays.values import array_of_foreign, is_foreign

__all__ = [
    "FOREIGN",
    "LISTS",
    "NOT_ARRAYS",
    "answering",
    "holds_variables",
    "kept_lists",
    "recorded_again",
    "stacked",
    "takes_arrays",
    "with_arrays",
]

LISTS = frozenset((list, tuple))
FOREIGN: dict[Any, Callable[[Any], Any]] = {}  # by ufunc: what answers it where an operand is no array
NUMBERS = frozenset((bool, int, float, complex, np.ndarray, type(None)))  # what lists have most often: no Variables
OF_NUMPY = type(np.sum)

# Lists of arrays, each of which is one for itself. {function: place and name of the argument}
OF_ARRAYS: dict[Any, tuple[Any, ...]] = {
    **dict.fromkeys((np.concatenate, np.stack, np.linalg.multi_dot), (0, "arrays")),
    **dict.fromkeys((np.vstack, np.hstack, np.dstack, np.column_stack), (0, "tup")),
    np.choose: (1, "choices"),
    np.select: (0, "condlist", 1, "choicelist"),
}
# Functions whose lists are no arrays: nested blocks, functions and what they take, coordinates and edges, lengths.
NOT_ARRAYS: set[Any] = {np.block, np.piecewise, np.apply_along_axis, np.histogram2d, np.histogramdd, np.reshape}


def stacked(value: Any) -> Any:
    """Stack nested lists and tuples that hold Variables (or traced arrays), and make an array of what NumPy converts.

    Anything else is returned unchanged.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array(3.0))
    >>> stacked([[1.0, x], (x, 2.0)])
    Variable([[1., 3.],
              [3., 2.]])
    """
    if isinstance(value, (list, tuple)) and holds_variables(value):
        return np.stack([stacked(v) for v in value])
    return array_of_foreign(value) if is_foreign(value) else value


def holds_variables(values: Any) -> bool:
    """Whether nested lists and tuples have a Variable or a traced array among them."""
    if NUMBERS.issuperset(map(type, values)):
        return False
    return any(level_of(v) > 0 or (isinstance(v, (list, tuple)) and holds_variables(v)) for v in values)


def holds_lists(values: Any) -> bool:
    """Whether there is a list among values, which may hold Variables."""
    for value in values:  # noqa: SIM110 (a generator takes longer)
        if type(value) in LISTS:
            return True
    return False


def with_arrays(function: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Stack the lists that stand for arrays among the arguments of `function`."""
    lists = OF_ARRAYS.get(function, ())
    args = list(args)
    for i, value in enumerate(args):
        args[i] = each_stacked(value) if i in lists else stacked(value)
    return args, {name: each_stacked(v) if name in lists else stacked(v) for name, v in kwargs.items()}


def each_stacked(values: Any) -> Any:
    """Stack each list in a list of arrays."""
    return [stacked(value) for value in values] if isinstance(values, (list, tuple)) else values


def recorded_again(ufunc: Any, record: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
    """Record the call of a ufunc with its lists stacked; NotImplemented if none of them holds Variables.

    Operands of other libraries are left to what is registered for them in `FOREIGN`.
    """
    given = tuple(map(stacked, args))
    if any(a is not b for a, b in zip(args, given, strict=True)):
        return record(given, kwargs)
    read_late_tables()
    return FOREIGN[ufunc](args) if ufunc in FOREIGN else NotImplemented


def takes_arrays(function: Any) -> bool:
    """Whether lists stand for arrays: for NumPy's functions, ufuncs and ours, not for those of a program's own."""
    ours = str(getattr(function, "__module__", "")).startswith("wengert.")
    return (ours or isinstance(function, (OF_NUMPY, np.ufunc))) and function not in NOT_ARRAYS


def kept_lists(function: Any, parameters: tuple[str, ...]) -> tuple[str, ...]:
    """Name those of the `parameters` whose lists a function takes as they are."""
    return OF_ARRAYS.get(function, ()) if takes_arrays(function) else parameters


def answering(function: Any, definition: Callable[..., Any], *first: Any) -> Callable[..., Any]:
    """Make the row that answers `function` by ``definition(*first, ...)``, with arrays in the place of lists."""

    holds = holds_lists if function in OF_ARRAYS else holds_variables

    def call_as_given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return definition(*first, *args, **kwargs)

    def call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for value in (*args, *kwargs.values()) if kwargs else args:
            if (type(value) in LISTS and holds(value)) or is_foreign(value):
                args, kwargs = with_arrays(function, args, kwargs)
                break
        return definition(*first, *args, **kwargs)

    return call if takes_arrays(function) else call_as_given
