"""The table of pointers of a plan, or of a step of a loop: where native code finds its arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.schedule.memory_plan import ARENA, SCRATCH, SCRATCH_BYTES, MemoryPlan

__all__ = ["pointer_of", "pointer_table"]


def pointer_of(array: Any) -> int:
    """The address of the first element."""
    return int(array.__array_interface__["data"][0])


def pointer_table(memory: MemoryPlan, arena: np.ndarray, scratch: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """The table, with the arena, the scratch memory behind it (so many bytes for each thread) and the constants.

    The constants are returned, too: the table does not hold them.
    """
    table = np.zeros(memory.slots, np.int64)
    table[ARENA] = pointer_of(arena)
    table[SCRATCH], table[SCRATCH_BYTES] = table[ARENA] + memory.size, scratch
    constants = []
    for slot, node in memory.constants.items():
        array = np.ascontiguousarray(node.settings["array"]).reshape(node.shape or ())
        constants.append(array)
        table[slot] = pointer_of(array)
    return table, constants
