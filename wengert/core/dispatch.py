"""NumPy's protocols: how a call with a Variable is answered from the table of derivatives.

What is not in the table (`wengert.arrays.table`) is refused by name, so that nothing leaves the graph silently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.batches import BY_EXAMPLE
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.lists import stacked
from wengert.arrays.table import CONSTANT_UFUNCS, FUNCTIONS, INTO, METHODS, UFUNCS, half_read, plain, read_late_tables
from wengert.checks import refusals
from wengert.checks.errors import BatchError
from wengert.checks.refusals import name_of

__all__ = ["answer_function", "answer_ufunc"]


def answer_ufunc(ufunc: np.ufunc, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of `ufunc` that has a Variable among its arguments."""
    out = kwargs.pop("out", None)
    if method == "at" or any(o is not None for o in (out if isinstance(out, tuple) else (out,))):
        return FUNCTIONS[INTO](ufunc, method, args, kwargs, out)
    if ufunc not in UFUNCS and ufunc not in CONSTANT_UFUNCS:
        read_late_tables()
    if ufunc in CONSTANT_UFUNCS:
        return getattr(ufunc, method)(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
    if method == "__call__":
        refusals.check_where(name_of(ufunc), kwargs.pop("where", True))
        call = UFUNCS.get(ufunc)
        if call is None:
            raise refusals.unknown(ufunc)
        return call(args, kwargs)
    if any(level_of(x) > RECORDED for x in args):
        return NotImplemented
    if method == "outer" and len(args) == 2:
        a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in map(stacked, args))
        return ufunc(a.reshape(a.shape + (1,) * b.ndim), b, **kwargs)
    if (ufunc, method) in METHODS:
        kwargs.setdefault("axis", 0)
        return METHODS[ufunc, method](*args, **{k: v for k, v in kwargs.items() if v is not np._NoValue})
    raise refusals.unknown_method(f"{name_of(ufunc)}.{method}")


def answer_function(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a call of `func` that has a Variable among its arguments."""
    call = FUNCTIONS.get(func)
    if call is None or half_read:
        read_late_tables()
        call = FUNCTIONS.get(func)
    if call is None:
        raise refusals.unknown(func)
    if "out" in kwargs:
        out, kwargs = kwargs["out"], {name: v for name, v in kwargs.items() if name != "out"}
        if out is not None:
            return FUNCTIONS[INTO](func, "__call__", args, kwargs, out)
    try:
        return call(args, kwargs)
    except BatchError:
        return FUNCTIONS[BY_EXAMPLE](func, args, kwargs)
    except (AttributeError, TypeError):
        found = refusals.out_or_raise(func, args, kwargs)
    return FUNCTIONS[INTO](func, "__call__", *found)
