"""The table of lowering rules: what a call of NumPy is in structured operations.

A rule takes the line of the program and the arguments of a call, with nodes in the places of arrays, and gives
the node in the place of the call. Where it does not apply it gives None or, from further inside, raises `NotLowered`:
the call then stays, and is called. So a missing rule is never wrong, only slower. Any other error is a defect of the
rule.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant
from wengert.compiler.graph.graph import Node, NotLowered

__all__ = ["METHODS", "NO", "REQUIRED", "RULES", "Rule", "as_node", "axis_of", "known", "require", "rule", "takes"]

Rule = Callable[..., "Node | None"]
RULES: dict[Any, Rule] = {}
NO = np._NoValue  # the default of arguments that NumPy's functions hand on only if they are given
# What the nodes that rules give count on: guards, in the order in which they were asked for.
REQUIRED: ContextVar[list[Node]] = ContextVar("wengert.compiler.required")

# Methods that take what the function of the same name takes.
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


@functools.lru_cache(4096)
def takes(rule: Rule, count: int, names: tuple[str, ...]) -> bool:
    """Whether a rule has parameters for so many arguments by place, and for these by name."""
    try:
        inspect.signature(rule).bind(*(None,) * count, **dict.fromkeys(names))
    except TypeError:
        return False
    return True


def axis_of(axis: Any, a: Node) -> int:
    """An axis as a number from 0 on."""
    if not a.ndim:
        raise NotLowered("NumPy takes an array of no dimension as one of one element here")
    return operator.index(axis) % a.ndim


def as_node(value: Any) -> Node:
    """A node as it is, and a constant of all else."""
    return value if isinstance(value, Node) else constant(value)


def known(value: Any) -> Any:
    """An argument that is no array at each call another: the array of a constant, numbers, lists; else None."""
    if isinstance(value, Node):
        return value.settings["array"] if value.op == "constant" else None
    if isinstance(value, (list, tuple)):
        parts = [known(part) for part in value]
        return None if any(part is None for part in parts) else type(value)(parts)
    return value


def require(truth: Node, line: str) -> None:
    """Let a plan be left where a truth does not hold: what comes of it is eager's to say."""
    REQUIRED.get().append(Node("guard", (truth,), {"value": True}, line=line))
