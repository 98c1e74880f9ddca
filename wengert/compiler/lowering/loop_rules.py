"""Ufuncs with several outputs, and generalized ufuncs, by their own inner loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import NUMBER, constant, convert
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.kernels.generalized_loop import generalized
from wengert.compiler.kernels.inner_loop import outputs_of_ufunc

__all__ = ["generalized_call", "several_outputs"]


def in_loop_dtypes(ufunc: np.ufunc, args: Any, kwargs: Any, line: str) -> tuple[list[Node], tuple[Any, ...]]:
    """The operands in the dtypes of the loop that NumPy chooses, and these dtypes."""
    if (
        kwargs
        or len(args) != ufunc.nin
        or not all(isinstance(a, (Node, *NUMBER, np.ndarray, np.generic)) for a in args)
    ):
        raise NotLowered("the call has other arguments than arrays and numbers")
    parts = [a if isinstance(a, Node) else constant(a, line) for a in args]
    kinds = []
    for a, x in zip(args, parts, strict=True):
        if type(a) in NUMBER:
            kinds.append(np.dtype(bool) if type(a) is bool else type(a))
        else:
            kinds.append((float if x.dtype.kind == "f" else int) if x.weak else x.dtype)
    try:
        dtypes = tuple(ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout)))
    except TypeError as error:
        raise NotLowered(f"{ufunc.__name__} has no loop of these dtypes: {error}") from error
    found = [x if x.dtype == d else convert(x, dtype=d, line=line) for x, d in zip(parts, dtypes, strict=False)]
    return found, dtypes


def several_outputs(ufunc: np.ufunc, line: str, *args: Any, **kwargs: Any) -> list[Node]:
    """The rule of a ufunc with several outputs."""
    if ufunc.signature is not None:
        parts, dtypes = in_loop_dtypes(ufunc, args, kwargs, line)
        return generalized(ufunc, tuple(parts), dtypes, line)[0]
    parts, dtypes = in_loop_dtypes(ufunc, args, kwargs, line)
    return outputs_of_ufunc(ufunc, parts, dtypes, line)


def generalized_call(line: str, ufunc: np.ufunc, *args: Any, **kwargs: Any) -> Node | None:
    """The rule of a generalized ufunc with one output."""
    if ufunc.nout != 1:
        return None
    parts, dtypes = in_loop_dtypes(ufunc, args, kwargs, line)
    return generalized(ufunc, tuple(parts), dtypes, line)[0][0]
