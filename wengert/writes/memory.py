"""Memory that is written to: its value at the moment, and the buffer that holds it.

Each write makes a new value, a Variable that nothing changes any more, so that whoever took the old one has it still.
The buffer is written to in place where no one else has a reference to the old value or to a view of it, and copied
once else.
"""

from __future__ import annotations

import math
import sys
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.checks.errors import GraphError
from wengert.core.node import edge_without_value, maker_of, next_number
from wengert.core.variable import Variable, array_of, attach, unrecorded
from wengert.custom.fields import restore
from wengert.writes.calls import view
from wengert.writes.places import Place, strided

__all__ = ["Memory", "edge_to", "oldest"]

MOST_READINGS = 64
FEW = 8  # views of at most one in so many elements are copied in the place of the memory
oldest: ContextVar[int] = ContextVar("wengert.oldest", default=0)  # memory that is not newer may not be written to


class Memory:
    """The memory of an array in C order.

    Attributes
    ----------
    value : Variable or array
        The value at the moment: an array while nothing that is written to it depends on a Variable.
    data : array
        The array of the value, read-only.
    """

    __slots__ = ("buffer", "data", "number", "readings", "value")

    def __init__(self, value: Any) -> None:
        self.buffer: Any = None  # writable; None for memory of somebody else, which is copied before the first write
        self.value = value
        self.data = array_of(value) if isinstance(value, Variable) else read_only(value)
        self.readings: dict[Place, Any] = {}  # views that were recorded of the present value
        f = maker_of(value) if isinstance(value, Variable) else None
        self.number = next_number() if f is None else f._number  # the moment since which it is there

    @classmethod
    def of_new(cls, array: Any) -> Memory:
        """Make the memory of an array in C order without other references."""
        memory = cls(array)
        memory.value, memory.buffer = memory.data, array
        return memory

    @classmethod
    def of_result(cls, value: Variable) -> Memory | None:
        """Make the memory of a result without other references; None if it is not all of its memory, in C order."""
        array = array_of(value)
        owner = array.base if array.base is not None else array
        if isinstance(owner, np.memmap) or not (
            array.flags.c_contiguous and owns_memory(owner) and owner.shape == array.shape
        ):
            return None
        memory = cls(value)
        owner.setflags(write=True)
        memory.buffer = owner
        memory.data = read_only(owner)
        memory.renew(maker_of(value))
        return memory

    def array_at(self, place: Place | None) -> Any:
        """Return a read-only view of the elements at a place."""
        return self.data if place is None else strided(self.data, place)

    def read(self, place: Place | None) -> Any:
        """Return the value of the elements at a place: a Variable, or an array of constants."""
        if place is None:
            return self.value
        if not isinstance(self.value, Variable):
            return strided(self.data, place)
        found = self.readings.get(place)
        if found is None:
            if len(self.readings) >= MOST_READINGS:
                self.readings.clear()
            self.readings[place] = found = view(self.value, place)
        return found

    def references(self) -> tuple[int, int, int]:
        """Count the references to the value, to its array, and to the memory of that."""
        value, data, owner = self.value, self.data, self.buffer
        counted = sys.getrefcount(value), sys.getrefcount(data)
        if type(owner) is not np.ndarray:  # a traced array, which refers to the real one, as its memory does
            owner = owner.memory.array
            return *counted, sys.getrefcount(owner) - 1
        return *counted, sys.getrefcount(owner)

    def is_shared(self) -> bool:
        """Whether the present value, or a view of it, is referenced elsewhere."""
        value, data, owner = self.references()
        alone = ALONE if isinstance(self.value, Variable) else ALONE_CONSTANT
        return value > alone[0] or data > alone[1] or owner > alone[2]

    def detach_readings(self) -> None:
        """Give those who keep views of a few elements copies of them, so that a write need not copy all."""
        if FEW * sum(math.prod(place.shape) for place in self.readings) <= self.data.size:
            for found in self.readings.values():
                if type(found) is Variable:
                    restore(found, array=read_only(array_of(found).copy(order="C")))

    def writable(self, keeps: bool = True) -> Any:
        """Return the buffer, to be written to; it is another one if the old value is referenced.

        Without `keeps`, all of it will be overwritten.
        """
        if oldest.get():
            self.check_age()
        if self.readings and self.buffer is not None and self.is_shared():
            self.detach_readings()
        self.readings.clear()
        if self.buffer is None or self.is_shared():
            self.buffer = self.data.copy(order="C") if keeps else np.empty_like(self.data, order="C", subok=False)
            self.data = read_only(self.buffer)
            if not isinstance(self.value, Variable):
                self.value = self.data
        return self.buffer

    def check_age(self) -> None:
        """Raise GraphError for memory that a function under `checkpoint` has not made, and would write to twice."""
        if self.number <= oldest.get():
            raise GraphError(
                "a function under checkpoint runs twice, so it must not write into an array that it did not make; "
                "write into a copy, x = x.copy(), and return that"
            )

    def base_edge(self) -> Any:
        """Return the edge to the present value, None if it does not depend on a Variable."""
        value = self.value
        return edge_without_value(value) if isinstance(value, Variable) and maker_of(value) is not None else None

    def adopt(self, value: Any) -> bool:
        """Take the result of a call, without other references, and its array; whether that was possible."""
        array = array_of(value) if isinstance(value, Variable) else value
        if array.strides != self.data.strides or not owns_memory(array):
            return False
        self.readings.clear()
        array.setflags(write=True)
        self.buffer, self.data = array, read_only(array)
        if isinstance(value, Variable):
            self.renew(maker_of(value))
        else:
            self.value = self.data
        return True

    def renew(self, f: Any) -> None:
        """Let the value be what the call `f` gave, which was recorded; it is in the buffer."""
        self.value = attach(f, self.data) if f is not None else unrecorded(self.data)


def edge_to(x: Variable) -> Any:
    """Return the edge to a Variable whose value backward does not need."""
    return x if maker_of(x) is None else edge_without_value(x)


def owns_memory(array: Any) -> bool:
    """Whether an array is all of its memory."""
    return array.base is None and (type(array) is not np.ndarray or array.flags.owndata)


def read_only(array: Any) -> Any:
    """Return a read-only view of a buffer."""
    found = array.view()
    found.setflags(write=False)
    return found


def _alone(value: Any) -> tuple[int, int, int]:
    """Count the references to a value that is held here alone, as `Memory.references` sees them."""
    memory = Memory.of_new(np.zeros(1))
    if value is not None:
        memory.renew(None)
    return memory.references()


# (The interpreter's own references are among them, and differ between its versions.)
ALONE, ALONE_CONSTANT = _alone(True), _alone(None)
