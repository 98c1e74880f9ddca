"""What a well-formed kernel form is."""

from __future__ import annotations

from typing import Any

from wengert.compiler.graph.graph import VerificationError
from wengert.compiler.kernels.ir import BOOL, INDEX, Block, Form, Pointer, Statement, Value

__all__ = ["verify"]

OUTSIDE = ("operand", "parameter")  # values that are no statements


def verify(form: Form) -> None:
    """Raise VerificationError where a value is used before it is computed, or by the wrong type."""
    Verifier(form).walk(form.body)


class Verifier:
    """Walks over the statements, with the values that are seen."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.seen: set[Value] = set()
        self.in_lanes = False

    def walk(self, body: Block) -> None:
        added = []
        for statement in body:
            self.statement(statement)
            if isinstance(statement, Value):
                self.seen.add(statement)
                added.append(statement)
            elif statement.op == "block":  # (what is placed there is seen after it)
                added += [x for x in statement.body or () if isinstance(x, Value)]
                self.seen.update(added)
        self.seen.difference_update(added)

    def statement(self, statement: Statement) -> None:
        """Check one statement, and those in its body."""
        for x in statement.operands:
            if isinstance(x, Value):
                self.require(x in self.seen or x.op in OUTSIDE, f"{x.op} is used before it is computed")
                self.require(self.in_lanes or not (x.wide or x.step), f"{x.op} has lanes outside of their loop")
        check = getattr(self, f"check_{statement.op}", None)
        if check is not None:
            check(statement, *statement.operands)
        if statement.body is None:
            return
        if statement.op == "lanes":
            self.require(not self.in_lanes, "a loop of lanes is inside another one")
            self.in_lanes = True
        counter = statement.data[0] if statement.op == "lanes" else statement.data
        if counter is not None:
            self.seen.add(counter)
        self.walk(statement.body)
        if statement.op == "lanes":
            self.in_lanes = False

    def require(self, holds: bool, message: str) -> None:
        if not holds:
            raise VerificationError(f"the kernel {self.form.name} is not well-formed: {message}")

    def is_index(self, *values: Any) -> None:
        for x in values:
            self.require(
                not isinstance(x, Value) or (x.dtype == INDEX and not x.wide),
                f"a value of {getattr(x, 'dtype', x)} is used as an index",
            )

    def element(self, pointer: Any, index: Any) -> None:
        self.require(isinstance(pointer, Pointer), "an address is no pointer")
        self.is_index(index)

    # By operation

    def check_load(self, found: Value, pointer: Any, index: Any) -> None:
        self.element(pointer, index)
        self.require(found.dtype == pointer.dtype, f"{found.dtype} is loaded from a pointer to {pointer.dtype}")

    def check_store(self, statement: Statement, pointer: Any, index: Any, value: Any) -> None:
        self.element(pointer, index)
        if isinstance(value, Value):
            self.require(value.dtype == pointer.dtype, f"{value.dtype} is stored through a pointer to {pointer.dtype}")
            self.require(not value.step, "an index of lanes is stored")
            self.require(not value.wide or getattr(index, "step", 0) != 0, "a wide value is stored in one element")

    check_update = check_store

    def check_index(self, found: Value, a: Any, b: Any) -> None:
        self.is_index(a, b)

    def check_loop(self, statement: Statement, *bounds: Any) -> None:
        self.is_index(*bounds)

    def check_address(self, found: Value, pointer: Any, index: Any) -> None:
        self.element(pointer, index)
        self.require(not isinstance(index, Value) or not index.step, "a pointer differs from lane to lane")

    def check_when(self, statement: Statement, condition: Any) -> None:
        self.require(condition.dtype == BOOL and not condition.wide, "a condition is no boolean")

    def check_select(self, found: Value, condition: Any, a: Any, b: Any) -> None:
        kinds = {x.dtype for x in (a, b) if isinstance(x, Value)}
        self.require(condition.dtype == BOOL and kinds <= {found.dtype}, f"a selection has the dtypes {kinds}")

    def check_apply(self, found: Value, *operands: Any) -> None:
        for x in operands:
            if isinstance(x, Value):
                self.require(x.dtype == found.data[1] and not x.step, f"{found.data[0].__name__} is given {x.dtype}")

    def check_set(self, statement: Statement, value: Any) -> None:
        register = statement.data
        if isinstance(value, Value):
            self.require(value.dtype == register.dtype, f"a register of {register.dtype} is set to {value.dtype}")
            self.require(register.wide or not value.wide, "a scalar register is set to a wide value")

    def check_accumulate(self, statement: Statement, value: Any) -> None:
        self.require(value.dtype == statement.data.dtype, "an accumulator is given another dtype")
