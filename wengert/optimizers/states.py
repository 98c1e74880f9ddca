"""Conversion of an optimizer's state to one flat dict of arrays, and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.checks.refusals import plain_array
from wengert.core.variable import Parameter
from wengert.optimizers.groups import Group

if TYPE_CHECKING:
    from wengert.optimizers.optimizer import Optimizer

__all__ = ["as_real", "check_names", "check_state", "load_states", "save_states"]


def save_states(optimizer: "Optimizer") -> dict[str, Any]:
    """Implement `Optimizer.state_dict`."""
    arrays: dict[str, Any] = {}
    for number, group in enumerate(optimizer.groups):
        for option, value in group.options.items():
            if isinstance(value, np.ndarray):
                arrays[f"groups.{number}.{option}"] = value.copy()
    for name, p in optimizer.named_parameters().items():
        for key, value in optimizer.states.get(p, {}).items():
            arrays[f"state.{name}.{key}"] = value.copy()
    return arrays


def load_states(optimizer: "Optimizer", arrays: Mapping[str, Any]) -> None:
    """Implement `Optimizer.load_state_dict`."""
    left = dict(arrays)
    trouble: list[str] = []
    options: list[tuple[Group, str, float]] = []
    for number, group in enumerate(optimizer.groups):
        for option, value in group.options.items():
            name = f"groups.{number}.{option}"
            if isinstance(value, np.ndarray):
                if name in left:
                    given = as_real(name, left.pop(name), np.dtype(float))
                    if given.shape == ():
                        options.append((group, option, group.limits[option].checked(given, name, group.owner)))
                    else:
                        trouble.append(f"{name} must have the shape (), but has {given.shape}")
                else:
                    trouble.append(f"missing: {name}")
    states: dict[Parameter, dict[str, Any]] = {}
    named = optimizer.named_parameters()
    group_of = {p: group for group in optimizer.groups for p in group.params}
    for name, p in named.items():
        prefix = f"state.{name}."
        if f"{prefix}step" not in left:
            continue
        like = optimizer.states.get(p) or {"step": np.array(0)}
        if p.data is not None:
            like = {"step": np.array(0), **optimizer.new_state(p.data, group_of[p])}
            keys = list(like)
        else:  # a lazy layer: the state is checked when its parameters are made
            rest = [key for key in left if key.startswith(prefix)]
            keys = [key.removeprefix(prefix) for key in rest if "." not in key.removeprefix(prefix)]
        states[p] = {}
        for key in keys:
            if prefix + key not in left:
                trouble.append(f"missing: {prefix + key}")
                continue
            value = left.pop(prefix + key)
            given = as_real(prefix + key, value, like[key].dtype if key in like else None)
            if key in like and given.shape != like[key].shape:
                trouble.append(f"{prefix + key} must have the shape {like[key].shape}, but has {given.shape}")
            elif key == "step" and given < 0:
                trouble.append(f"{prefix + key} must be 0 or more, but is {given}")
            states[p][key] = given
    trouble += [f"unexpected: {name}" for name in left]
    check_names(trouble, type(optimizer).__name__)
    with Uninterrupted():
        _write(optimizer, options, states, group_of)


def _write(
    optimizer: "Optimizer",
    options: list[tuple[Group, str, float]],
    states: dict[Parameter, dict[str, Any]],
    group_of: dict[Parameter, Group],
) -> None:
    for group, option, number in options:
        group.set_option(option, number)
    optimizer.before_loading({p: int(state["step"]) for p, state in states.items()})
    for p in group_of:
        if p not in states:
            optimizer.forget(p)
        elif p in optimizer.states and set(states[p]) <= set(optimizer.states[p]):
            for key, value in states[p].items():
                optimizer.states[p][key][...] = value
        else:
            optimizer.forget(p)
            optimizer.states[p] = states[p]
            if p.data is not None:
                optimizer.forms[p] = (p.data.shape, p.data.dtype)


def as_real(name: str, value: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return a copy of `value` as an array of `dtype`; raise TypeError unless it is a real array."""
    array = value if isinstance(value, np.ndarray) else None
    if array is not None and type(array) is not np.ndarray:
        array = plain_array(name, array)
    if (
        array is None
        or array.dtype.kind not in "iuf"
        or (dtype is not None and dtype.kind == "i" and array.dtype.kind == "f")
    ):
        kind = "integer" if dtype is not None and dtype.kind == "i" else "real"
        raise TypeError(
            f"{name} must be {'an' if kind == 'integer' else 'a'} {kind} ndarray, but got {describe(value)}"
        )
    return np.array(array, dtype=dtype if dtype is not None else array.dtype, order="C")


def check_state(arrays: Any) -> None:
    """Raise TypeError unless a state to load is a mapping of names."""
    if not isinstance(arrays, Mapping) or not all(isinstance(name, str) for name in arrays):
        raise TypeError(f"load_state_dict takes a mapping of names to arrays, but got {describe(arrays)}")


def check_names(trouble: list[str], owner: str) -> None:
    """Raise ValueError that lists the errors of a state dict."""
    if trouble:
        raise ValueError(
            f"the state to load must be that of {owner} on the same parameters (call a layer with lazy parameters "
            "once before), but:\n  " + "\n  ".join(trouble)
        )
