"""Arrays as text: in a box of a picture, and beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["elements", "full", "short"]

WIDEST = 26  # characters in a box
MOST = 48  # elements that are printed in full


def short(array: Any) -> str:
    """Print the elements of an array in a line where they fit, or between what they lie.

    Examples
    --------
    >>> import numpy as np
    >>> short(np.array([0.5, 2.0])), short(np.arange(100.0)), short(np.ones((3, 50)))
    ('[0.5 2. ]', '0 … 99, mean 49.5', 'all 1')
    """
    x = elements(array)
    if not x.size:
        return "empty"
    if x.size <= 6:
        text = printed(x).replace("\n", "")
        if len(text) <= WIDEST:
            return " ".join(text.split()) if x.ndim > 1 else text
    if x.dtype.kind not in "biuf":
        return f"{x.size} elements"
    return between(x)


def elements(array: Any) -> Any:
    """The ndarray of an array; under vmap, of all examples."""
    while not isinstance(array, (np.ndarray, np.generic)) and hasattr(array, "mapped"):
        array = array.value
    return np.asarray(array)


def between(x: Any) -> str:
    """Say between what the elements lie: without those that are not finite, which are counted."""
    x = x if x.dtype.kind != "b" else x.astype(np.int8)
    finite = x[np.isfinite(x)]
    lost = x.size - finite.size
    if not finite.size:
        return f"all {lost} not finite"
    low, high = finite.min(), finite.max()
    text = f"all {low:.4g}" if low == high and not lost else f"{low:.3g} … {high:.3g}"
    if lost:
        return f"{text}, {lost} not finite"
    return text if low == high else f"{text}, mean {finite.mean(dtype=np.float64):.3g}"


def full(array: Any) -> str:
    """Print an array: all of a small one; of a large one the corners, and between what its elements lie.

    Examples
    --------
    >>> import numpy as np
    >>> print(full(np.eye(2)))
    [[1. 0.]
     [0. 1.]]
    """
    x = elements(array)
    text = printed(x)
    if x.size <= MOST or x.dtype.kind not in "biuf":
        return text
    return f"{text}\n{between(x)}"


def printed(x: Any) -> str:
    return np.array2string(x, precision=4, threshold=MOST, edgeitems=2, max_line_width=64, suppress_small=False)
