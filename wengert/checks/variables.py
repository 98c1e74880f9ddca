"""What a Variable may hold, and where backward may start."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.values import as_array, gradient_dtype, is_array
from wengert.checks import options
from wengert.checks.errors import GraphError, describe
from wengert.checks.functions import read_only
from wengert.checks.refusals import plain_array

__all__ = [
    "as_gradient",
    "as_replacement",
    "check_assignment",
    "check_data",
    "check_flags",
    "check_hook",
    "check_leaf",
    "check_name",
    "check_root",
    "check_start",
    "through_hooks",
    "to_array",
]


def to_array(value: Any) -> Any:
    """Make an array of a list or number; what is an array of any kind that a Variable holds stays as it is."""
    if type(value) is np.ndarray and value.dtype.kind in "biufc":
        return value  # (most calls end here)
    value = plain_array("a function of arrays", value)
    return value if is_array(value) or level_of(value) > RECORDED else np.asarray(value)


def check_name(name: Any) -> None:
    """Raise TypeError unless `name` can be a Variable's."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"a name must be a str or None, but got {describe(name)}")


def check_data(data: Any) -> None:
    """Raise TypeError unless a Variable can hold `data`."""
    if data is None:
        return
    if not is_array(data):
        if level_of(data) > RECORDED:
            raise TypeError(
                "a model that makes a Variable of its input, or calls a Function on it, cannot be exported; write it "
                "in functions of NumPy"
            )
        error = TypeError(f"{type(data)} is not supported")
        error.add_note("Variable takes an ndarray: np.array(x), np.asarray(x), m.filled(0), as_variable(x) of a scalar")
        raise error
    if data.dtype.kind not in "biufc":
        raise TypeError(
            "a Variable holds booleans, integers, real or complex numbers, but got "
            f"{describe(data)}; convert it first: array.astype(float)"
        )


def check_assignment(x: Any, data: Any) -> bool:
    """Raise unless `x` may get `data` in place of what it holds; return whether its shape and dtype stay."""
    check_data(data)
    old = x._data
    if data is None and old is not None:
        raise GraphError(
            f"the data of {describe(x)} cannot be taken away, because a graph may need it; "
            "drop the Variable itself (del x), or make a new one"
        )
    same = old is None or (old.shape == data.shape and old.dtype == data.dtype)
    if not same and x._creator is not None:
        raise GraphError(
            f"the data of a result must keep its shape {old.shape} and dtype {old.dtype}, but got "
            f"{describe(data)}; make a new Variable instead"
        )
    return same


def as_gradient(gx: Any, x: Any) -> Any:
    """Give a gradient that a program sets the dtype of the Variable `x`; raise unless it has its shape."""
    if level_of(gx) < RECORDED:
        gx = as_array(gx)
        check_data(gx)
    elif gx._data is None:
        raise TypeError(f"a gradient must be an array, but got {describe(gx)}, whose data is None")
    dtype = gradient_dtype(x._data.dtype)
    if gx.shape != x._data.shape:
        raise ValueError(
            f"a gradient must have the shape of its variable, {x._data.shape}, "
            f"but got {describe(gx)}; reshape or sum it first"
        )
    if gx.dtype.kind == "c" and dtype.kind != "c":
        raise TypeError(f"the gradient of {describe(x)} must be real, but got {describe(gx)}; take its real part first")
    return gx if gx.dtype == dtype else gx.astype(dtype)


def check_root(root: Any) -> None:
    """Raise unless gradients can start from the Variable `root`."""
    if root._data is None:
        raise GraphError("backward starts from a value, but this Variable holds None; compute it first")
    if root.dtype.kind == "b":
        raise TypeError(
            f"backward starts from a number, but got {describe(root)}, which has no derivative; "
            "compute it with np.where, or a smooth function"
        )
    if root._creator is None:
        why = (
            "was computed in a no_grad block, where nothing is recorded; compute it outside"
            if root._notes is not None and "no_grad" in root._notes
            else "has no creator, because no function made it; call backward on a result"
        )
        raise GraphError(f"backward walks from a result to its creators, but {describe(root)} {why}")


def check_flags(retain_grad: Any, create_graph: Any) -> None:
    """Raise TypeError unless the options of `backward` are True or False."""
    options.flag(retain_grad, "retain_grad", "backward")
    options.flag(create_graph, "create_graph", "backward")


def check_start(root: Any) -> None:
    """Raise if the gradient of `root` cannot be ones."""
    if root.dtype.kind == "c":
        raise TypeError(
            f"backward starts from ones for real values only, but got {describe(root)}; set y.grad, or "
            "make the loss real, as in np.sum(np.abs(y) ** 2)"
        )


def check_leaf(x: Any) -> None:
    """Raise unless `x` can be pickled: a value that was not computed."""
    if x._creator is not None:
        raise TypeError(
            f"only a leaf can be pickled or deep-copied, but {describe(x)} was made by "
            f"{x._creator.name}; pickle its `.data`, or detach it first: x.detach()"
        )


def check_hook(hook: Any) -> None:
    """Raise TypeError unless `hook` can be registered."""
    if not callable(hook):
        raise TypeError(f"a hook must be callable with a gradient, but got {describe(hook)}")


def through_hooks(hooks: Any, gx: Any, differentiable: bool) -> Any:
    """Show a complete gradient to the hooks on its value; return what they put in its place."""
    for (hook,) in hooks:
        gx = as_array(gx)
        replaced = hook(read_only(gx))
        if replaced is not None:
            if level_of(replaced) == RECORDED:
                replaced = replaced if differentiable else replaced._data
            gx = as_replacement(as_array(replaced), gx)
    return gx


def as_replacement(replaced: Any, gx: Any) -> Any:
    """Check what a hook returned in place of the gradient `gx`, and give it its dtype."""
    if getattr(replaced, "shape", None) != gx.shape:
        raise GraphError(
            f"a hook must return None or a gradient of shape {gx.shape}, but returned {describe(replaced)}"
        )
    if replaced.dtype.kind not in ("biufc" if gx.dtype.kind == "c" else "biuf"):
        raise TypeError(f"a hook must return None or a gradient of dtype {gx.dtype}, but returned {describe(replaced)}")
    return replaced if replaced.dtype == gx.dtype else replaced.astype(gx.dtype)
