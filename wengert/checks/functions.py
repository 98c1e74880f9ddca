"""What a user's Function is given and may return, and which creator may be set by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.values import as_array, is_array, shaped_as
from wengert.checks.errors import GraphError, describe

__all__ = [
    "as_gradients",
    "as_result",
    "check_broadcast",
    "check_creator",
    "check_input",
    "check_input_by_hand",
    "check_output_by_hand",
    "one",
    "read_only",
    "recorded",
    "unbroadcast",
]


def read_only(array: Any) -> Any:
    """Return a view that a user's code cannot write into: others hold the same array."""
    if type(array) is not np.ndarray or not array.flags.writeable:
        return array
    array = array.view()
    array.setflags(write=False)
    return array


def as_result(y: Any, f: Any) -> Any:
    """Make what `forward` returned into an array that the graph can rely on."""
    if level_of(y) >= RECORDED:
        raise TypeError(
            f"forward of {f.name} must return ndarrays, but got {describe(y)}; it is given arrays, "
            "and what it does with Variables would be recorded twice"
        )
    y = as_array(y)
    if not is_array(y) or y.dtype.kind not in "biufc":
        raise TypeError(f"forward of {f.name} must return numeric ndarrays, but got {describe(y)}")
    if type(y) is np.ndarray:
        y = y.view()  # it may be the input itself, or an array that the user goes on writing to
        y.setflags(write=False)
    return y


def as_gradients(gxs: Any, f: Any, shapes: set[Any], differentiable: bool) -> list[Any]:
    """Make what `backward` returned into a gradient for each edge, of the shape of the edge or one of `shapes`."""
    if not isinstance(gxs, (tuple, list)):
        gxs = (gxs,)
    if len(gxs) != len(f._edges):
        raise GraphError(
            f"backward of {f.name} must return one gradient for each input (None for none), "
            f"but returned {len(gxs)} for {len(f._edges)} inputs"
        )
    return [
        None if gx is None else _as_gradient(gx, x._data.shape, f, shapes, differentiable)
        for gx, x in zip(gxs, f._edges, strict=True)
    ]


def _as_gradient(gx: Any, shape: Any, f: Any, shapes: set[Any], differentiable: bool) -> Any:
    if not differentiable and level_of(gx) == RECORDED:  # a backward that calculated on self.inputs
        gx = gx._data
    gx = as_array(gx)
    if not hasattr(gx, "dtype") or gx.dtype.kind not in "biufc":
        raise TypeError(f"backward of {f.name} must return numeric arrays or None, but got {describe(gx)}")
    if gx.shape != shape and gx.shape not in shapes:
        raise GraphError(
            f"backward of {f.name} must return a gradient of the shape of its input, {shape}, "
            f"but returned {describe(gx)}"
        )
    return gx


def unbroadcast(gx: Any, like: Any, edge: Any, f: Any) -> Any:
    """Undo broadcasting, and give a gradient the dtype of its variable."""
    if gx.shape != like.shape:
        if f is not None and hasattr(edge, "_creator") and edge._notes is not None:
            f.check_form(edge)  # it may have another shape by now
        check_broadcast(gx, like.shape, "a gradient" if f is None else f"backward of {f.name}")
    return shaped_as(gx, like)


def check_broadcast(gx: Any, shape: tuple[int, ...], whose: str) -> None:
    """Raise unless broadcasting can have made the shape of the gradient `gx` from `shape`."""
    extra = gx.ndim - len(shape)
    if extra < 0 or any(n != 1 and n != m for n, m in zip(shape, gx.shape[extra:], strict=True)):
        raise GraphError(
            f"{whose} must have a shape that broadcasting can have made from {shape}, but got {describe(gx)}"
        )


def check_input(f: Any, x: Any) -> None:
    """Raise unless `f` may take the Variable `x`."""
    if x._data is None:
        raise GraphError(f"{f.name} takes values, but this {describe(x)} holds None; compute it first")


def recorded(found: Any, f: Any, what: str) -> Any:
    """Return what a recorded call has; raise if there is none."""
    if found is None:
        raise GraphError(f"{f.name} has no {what}, because no call of it was recorded; call it first")
    return found


def one(values: tuple[Any, ...], f: Any, what: str) -> Any:
    """Return the only one of `values`."""
    if len(values) != 1:
        raise GraphError(f"{f.name} has {len(values)} {what}s, not one; see its `{what}s`")
    return values[0]


def check_creator(f: Any, x: Any) -> None:
    """Raise unless `f` is a recorded call that can have made the Variable `x`."""
    if f._edges is None or f.has_several_outputs:
        raise GraphError(
            f"a creator must be a recorded call with one output, but {f.name} "
            f"{'was not called' if f._edges is None else 'gave several'}; call it: y = f(x)"
        )
    if f._outputs is not None and f.shape != x.shape:
        raise GraphError(f"{f.name} made a value of shape {f.shape}, but is to be set on {describe(x)}")
    if reaches(f, x):
        raise GraphError(f"{f.name} was computed from {describe(x)}, so it cannot be its creator")


def reaches(f: Any, x: Any) -> bool:
    """Whether `f` was computed from the Variable `x`."""
    seen: set[int] = set()
    ahead = [f]
    while ahead:
        f = ahead.pop()
        if id(f) not in seen:
            seen.add(id(f))
            for edge in f._edges or ():
                if edge is x:
                    return True
                maker = edge if hasattr(edge, "_edges") else getattr(edge, "_creator", None)
                ahead += [] if maker is None else [maker]
    return False


def check_input_by_hand(f: Any, x: Any) -> None:
    """Raise unless a ``__call__`` of the user's own may set `x` as the input of `f`."""
    if level_of(x) != RECORDED:
        raise TypeError(f"the input of {f.name} must be a Variable, but got {describe(x)}")
    check_input(f, x)
    if f._number and f._edges is not None and f._edges[0] is not x:
        raise GraphError(
            f"{f.name} was called already, and the graph of that call needs its input; call another instance: "
            f"{f.name}()(x)"
        )


def check_output_by_hand(f: Any, y: Any) -> None:
    """Raise unless a ``__call__`` of the user's own may set `y` as the output of `f`."""
    if level_of(y) != RECORDED:
        raise TypeError(f"the output of {f.name} must be a Variable, but got {describe(y)}")
    if f._number and y._creator is not f:
        raise GraphError(f"the output of {f.name} must be what it is the creator of: output.set_creator(self) first")
