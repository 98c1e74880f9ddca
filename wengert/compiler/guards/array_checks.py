"""Checks of arrays that the code of guards calls: their forms, and which memory they share."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks.mutation import owner
from wengert.compiler.guards.conditions import ArrayForm, Guard, NoOverlap

__all__ = ["ArrayChecks"]


class ArrayChecks:
    """The forms of the arrays that a plan takes, and those of its state that passed last time.

    Attributes
    ----------
    index : dict
        By the number of an input, the index of its form.
    accepted : list
        By that index, the array that had this form last time.
    inputs : list of int
        The inputs whose arrays `check_state` compares, where the plan writes to any.
    owners : set of int
        The ids of the arrays that own the memory which the plan may write to.
    foreign_memory : bool
        Whether any of that memory is owned by no array.
    state_checked : bool
        Whether the accepted arrays of the state are known not to overlap.
    """

    def __init__(self, guards: list[Guard]) -> None:
        arrays = [guard for guard in guards if isinstance(guard, ArrayForm)]
        overlap = next((guard for guard in guards if isinstance(guard, NoOverlap)), NoOverlap((), (), False))
        self.forms = [guard.form for guard in arrays]
        self.index = {guard.number: i for i, guard in enumerate(arrays)}
        self.accepted: list[Any] = [None] * len(arrays)
        self.inputs = [number for number, _ in overlap.state]
        self.written = [written for _, written in overlap.state]
        self.writes_arguments = overlap.writes_arguments
        self.owners: set[int] = set()
        self.foreign_memory = False
        self.state_checked = False
        self.state: list[Any] = []  # its arrays, when their memory was compared

    def has_form(self, i: int, array: Any) -> bool:
        """Whether an array has the form that the plan was made for."""
        kind, shape, dtype, strides, written = self.forms[i]
        if type(array) is not kind or array.shape != shape or array.dtype != dtype:
            return False
        if array.strides != strides and array.size > 1:
            return False
        return not written or bool(array.flags.writeable)

    def accept(self, i: int, array: Any) -> bool:
        """Whether an array of the state has its form; then it is remembered."""
        if not self.has_form(i, array):
            return False
        self.accepted[i] = array
        self.state_checked = False
        return True

    def check_state(self, state: list[Any]) -> bool:
        """Whether no array of the state that is written to shares memory with another one."""
        written = [a for a, w in zip(state, self.written, strict=True) if w]
        for w in written:
            if sum(bool(np.may_share_memory(w, a)) for a in state) > 1:
                return False
        owners = [owner(a) for a in (state if self.writes_arguments else written)]
        self.owners, self.foreign_memory = set(map(id, owners)), not all(a.flags.owndata for a in owners)
        self.state = state
        self.state_checked = True
        return True

    def are_disjoint(self, arguments: list[Any]) -> bool:
        """Whether arguments that are views share no memory that is written to."""
        writes = self.writes_arguments
        state = [a for a, w in zip(self.state, self.written, strict=True) if w or writes]
        for i, array in enumerate(arguments):
            memory = owner(array)
            near = self.foreign_memory or not memory.flags.owndata or id(memory) in self.owners
            if near and any(np.may_share_memory(array, a) for a in state):
                return False
            if writes and any(np.may_share_memory(array, a) for a in arguments[:i]):
                return False
        return True
