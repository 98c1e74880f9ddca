"""The table of lowering rules, from calls of NumPy functions to structured operations.

A rule takes the line of the program and the arguments of a call, with nodes in place of arrays, and returns the node
that replaces the call. Where it does not apply it returns None or raises `NotLowered`; the plan then calls the NumPy
function. So a missing rule is never wrong, only slower. Any other error is a defect of the rule.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from wengert.compiler.graph.build import constant
from wengert.compiler.graph.graph import Node, NotLowered

__all__ = [
    "METHODS",
    "NO",
    "REQUIRED",
    "RULES",
    "TUPLE_RULES",
    "Rule",
    "as_node",
    "axis_of",
    "require",
    "rule",
    "static_value",
    "takes",
    "tuple_rule",
]

Rule = Callable[..., "Node | None"]
F = TypeVar("F", bound=Callable[..., Any])
RULES: dict[Any, Rule] = {}
TUPLE_RULES: dict[Any, Callable[..., list[Node] | None]] = {}  # of functions with several results
NO = np._NoValue  # NumPy's default of arguments that are passed on only if they are given
# The guards that rules have required, in order.
REQUIRED: ContextVar[list[Node]] = ContextVar("wengert.compiler.required")

# Methods with the parameters of the function of the same name.
METHODS: dict[str, Any] = {
    name: getattr(np, name)
    for name in (
        *("sum", "prod", "mean", "var", "std", "max", "min", "any", "all", "argmax", "argmin", "copy", "clip", "dot"),
        *("ravel", "take", "repeat", "trace", "round", "put", "conjugate", "conj", "squeeze", "swapaxes", "diagonal"),
    )
}


def rule(*functions: Any) -> Callable[[Rule], Rule]:
    """Register a rule for functions."""

    def register(definition: Rule) -> Rule:
        for function in functions:
            RULES[function] = definition
        return definition

    return register


def tuple_rule(*functions: Any) -> Callable[[F], F]:
    """Register a rule for functions with several results: it returns a list of nodes."""

    def register(definition: F) -> F:
        for function in functions:
            TUPLE_RULES[function] = definition
        return definition

    return register


@functools.lru_cache(4096)
def takes(rule: Rule, count: int, names: tuple[str, ...]) -> bool:
    """Whether a rule accepts `count` positional arguments, and keyword arguments of these names."""
    try:
        inspect.signature(rule).bind(*(None,) * count, **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def axis_of(axis: Any, a: Node) -> int:
    """Normalize an axis to 0 <= axis < ndim."""
    if not a.ndim:
        raise NotLowered("NumPy treats a 0-d array as one of one element here")
    return operator.index(axis) % a.ndim


def as_node(value: Any) -> Node:
    """A node unchanged; any other value as a constant."""
    return value if isinstance(value, Node) else constant(value)


def static_value(value: Any) -> Any:
    """The value of an argument that is the same at each call: a constant's array, numbers, lists; else None."""
    if isinstance(value, Node):
        return value.settings["array"] if value.op == "constant" else None
    if isinstance(value, (list, tuple)):
        parts = [static_value(part) for part in value]
        return None if any(part is None for part in parts) else type(value)(parts)
    return value


def require(condition: Node, line: str) -> None:
    """Add a guard that a condition holds; where it fails, the call runs eagerly, and raises what NumPy raises."""
    REQUIRED.get().append(Node("guard", (condition,), {"value": True}, line=line))
