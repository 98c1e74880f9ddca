"""The checks of debug mode."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from wengert.checks.errors import GraphError, describe
from wengert.checks.frames import user_line

__all__ = ["check_arguments", "check_backward", "check_forward"]

def check_forward(f: Any, values: Any, ys: Any, recorded: bool) -> None:
    """Raise where finite inputs gave a result that is not; remember line and arrays for backward."""
    where = user_line()
    trouble = _first_made(values, ys)
    if trouble:
        raise FloatingPointError(
            f"forward of {f.name} made {trouble} from finite inputs at {where}; "
            f"inputs: {_list(values)}; clip or mask the input before it"
        )
    if recorded:
        arrays = [a for a in (*_arrays(values), *ys) if isinstance(a, np.ndarray)]
        f._notes = f._notes or {}
        f._notes["where"] = where
        f._notes["arrays"] = [(a, _checksum(a)) for a in arrays]


def check_arguments(f: Any) -> None:
    """Raise where an array that `f` recorded holds other numbers by now."""
    for array, checksum in (f._notes or {}).get("arrays", ()):
        if _checksum(array) != checksum:
            raise GraphError(
                f"backward of {f.name} needs the arrays that it was called with at {_where(f)}, but "
                f"{describe(array)} was changed since; call backward first, or give it a copy"
            )


def check_backward(f: Any, gys: Any, gxs: Any) -> None:
    """Raise where a finite gradient went in and one that is not came out."""
    trouble = _first_made(gys, gxs)
    if trouble:
        raise FloatingPointError(
            f"backward of {f.name}, called at {_where(f)}, made {trouble} from a finite gradient; "
            "move its inputs away from that point, or mask them with np.where before the call"
        )


def _where(f: Any) -> str:
    return str((f._notes or {}).get("where", "an unknown line (record it under debug too)"))


def _first_made(before: Any, after: Any) -> str | None:
    if all(_finite(a) for a in _arrays(before)):
        for a in _arrays(after):
            if not _finite(a):
                return "nan" if np.isnan(a).any() else "inf"
    return None


def _finite(array: Any) -> bool:
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def _arrays(values: Any) -> list[Any]:
    """All arrays among nested `values`; the data of Variables."""
    if isinstance(values, (list, tuple)):
        return [a for v in values for a in _arrays(v)]
    if isinstance(values, dict):
        return _arrays(list(values.values()))
    array = getattr(values, "_data", values)
    return [np.asarray(array)] if isinstance(array, (np.ndarray, np.generic, float, complex)) else []


def _checksum(array: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def _list(values: Any) -> str:
    return ", ".join(describe(a) for a in _arrays(values)) or "none"
