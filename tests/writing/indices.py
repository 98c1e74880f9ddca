"""Random indices of all the kinds that NumPy takes, as text."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

__all__ = ["basic_index", "index", "mask", "row_index"]


def slice_text(pick: random.Random, n: int) -> str:
    ends = ["", "", *map(str, range(-n - 1, n + 2))]
    step = pick.choice(["", "", ":2", ":-1", ":-2", ":3"])
    return f"{pick.choice(ends)}:{pick.choice(ends)}{step}"


def whole(pick: random.Random, n: int) -> str:
    return str(pick.randrange(-n, n)) if n else ":"


def row_index(pick: random.Random, n: int, count: int) -> str:
    """Integers in a list or array; some are equal."""
    rows = [pick.randrange(-n, n) for _ in range(count)] if n else []
    return pick.choice([f"{rows}", f"np.array({rows})"]) if rows else "[]"


def booleans(pick: random.Random, shape: tuple[int, ...]) -> Any:
    return np.array([pick.random() < 0.6 for _ in range(int(np.prod(shape)))], bool).reshape(shape).tolist()


def mask(pick: random.Random, shape: tuple[int, ...]) -> str:
    """A mask of that shape (of one that is not empty)."""
    return f"np.array({booleans(pick, shape)})"


def candidate(pick: random.Random, shape: tuple[int, ...], advanced: bool) -> str:
    """An index, which may be one that NumPy refuses."""
    ndim = len(shape)
    kind = pick.random()
    if advanced and kind < 0.12:
        return mask(pick, shape)
    if advanced and kind < 0.16:
        return pick.choice(["True", "False", "True, ...", "None, True", "np.array(True)"])
    if advanced and kind < 0.20 and ndim > 1:
        return f"np.ix_({row_index(pick, shape[0], 2)}, {row_index(pick, shape[1], 2)})"
    if advanced and kind < 0.25:
        n = shape[0] if ndim else 1
        return f"np.array({[[pick.randrange(n) for _ in range(2)] for _ in range(2)]})" if n else "..."
    count, gap = pick.choice([1, 2, 2, 3]), pick.random() < 0.25
    used = pick.randint(0 if gap else min(1, ndim), ndim)
    position = pick.randint(0, used)
    parts = []
    for i in range(used):
        n = shape[i] if i < position or not gap else shape[ndim - used + i]
        kinds = ["slice", "slice", "int"] + ["rows", "rows", "column", "mask", "np.int"] * advanced
        chosen = pick.choice(kinds)
        if chosen == "slice":
            parts.append(slice_text(pick, n))
        elif chosen == "int":
            parts.append(whole(pick, n))
        elif chosen == "np.int":
            parts.append(f"np.int64({whole(pick, n)})" if n else ":")
        elif chosen == "rows":
            parts.append(row_index(pick, n, count))
        elif chosen == "column":
            parts.append(f"np.array({[[pick.randrange(n)] for _ in range(2)]})" if n else ":")
        else:
            parts.append(mask(pick, (n,)) if n else ":")
    if gap:
        parts.insert(position, "...")
    if pick.random() < 0.15:
        parts.insert(pick.randint(0, len(parts)), "None")
    return ", ".join(parts) or "..."


def index(pick: random.Random, shape: tuple[int, ...], advanced: bool = True) -> str:
    """An index of an array of that shape."""
    for _ in range(8):
        text = candidate(pick, shape, advanced)
        try:
            eval(f"a[{text}]", {"np": np, "a": np.empty(shape)})
        except (IndexError, ValueError):
            continue
        return text
    return "..."


def basic_index(pick: random.Random, shape: tuple[int, ...]) -> str:
    """An index that gives a view, or a scalar."""
    return index(pick, shape, advanced=False)
