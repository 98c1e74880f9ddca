"""Print a kernel form."""

from __future__ import annotations

from typing import Any

from wengert.compiler.kernels.ir import Accumulator, Block, Form, Pointer, Register, Statement, Value

__all__ = ["printed"]

SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "//", "mod": "%"}


def printed(form: Form) -> str:
    """The text of a form: one line for each statement."""
    return Printer(form).text()


class Printer:
    """Names the values in the order of the text."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.names: dict[Any, str] = {}
        self.lines: list[str] = []

    def text(self) -> str:
        pointers = ", ".join(f"p{i}" for i in self.form.pointers)
        self.lines = [f"{self.form.name}({pointers}; first, last, thread, scratch):"]
        for number, pointer, offset in self.form.derived:
            self.lines.append(f"  p{number} = p{pointer} + {offset} bytes")
        self.block(self.form.body, 1)
        return "\n".join(self.lines)

    def name(self, x: Any) -> str:
        """A value, a register or a number in the text. Arithmetic of indices and addresses are written out."""
        if isinstance(x, Register | Accumulator):
            kind = "total" if isinstance(x, Accumulator) else "wide register" if x.wide else "register"
            return self.names.setdefault(x, f"{kind} {len(self.names)}")
        if not isinstance(x, Value):
            return str(x)
        if x.op == "index":
            a, b = (self.name(y) for y in x.operands)
            return f"min({a}, {b})" if x.data == "min" else f"({a} {SIGNS[x.data]} {b})"
        if x.op == "address":
            base, index = x.operands
            return f"{self.name(base)}.at({self.name(index)})" if index != 0 else f"{self.name(base)} as {x.dtype}"
        if x.op == "operand":
            return f"p{x.data}"
        if x.op == "parameter":
            return str(x.data)
        if x.op == "scratch":
            return f"(scratch + {x.data})" if x.data else "scratch"
        return self.names.setdefault(x, f"{'i' if x.op == 'counter' else 'v'}{len(self.names)}")

    def block(self, body: Block, depth: int) -> None:
        for statement in body:
            if statement.op in ("block", "nest"):
                self.block(statement.body or [], depth)
                continue
            text = self.statement(statement)
            if text:
                self.lines.append("  " * depth + text)
            if statement.body is not None:
                self.block(statement.body, depth + 1)

    def statement(self, statement: Statement) -> str:
        """The line of a statement; empty where it is written out in others."""
        if isinstance(statement, Value):
            if statement.op in ("index", "address", "scratch"):
                return ""
            kind = (
                f"{statement.dtype}{' lanes' if statement.wide else ''}{'*' if isinstance(statement, Pointer) else ''}"
            )
            return f"{self.name(statement)}: {kind} = {self.value(statement)}"
        op, operands = statement.op, [self.name(x) for x in statement.operands]
        if op == "store":
            return f"{operands[0]}[{operands[1]}] = {operands[2]}"
        if op == "update":
            return f"{operands[0]}[{operands[1]}] {statement.data.__name__}= {operands[2]}"
        if op == "loop":
            start, stop, step = operands
            by = "" if step == "1" else f" by {step}"
            return f"for {self.name(statement.data)} from {start} to {stop}{by}:"
        if op == "lanes":
            counter, width, tail, rest, _ = statement.data
            ending = f", then {rest} ({tail})" if rest else ""
            return f"for {self.name(counter)} from 0 to {operands[0]} in {width} lanes{ending}:"
        if op == "when":
            return f"if {operands[0]}:"
        if op == "set":
            return f"{self.name(statement.data)} = {operands[0]}"
        if op in ("accumulate", "begin"):
            ufunc = statement.data.ufunc.__name__
            given = operands[0] if operands else str(statement.data.start)
            return f"{self.name(statement.data)} {f'{ufunc}=' if operands else '='} {given}"
        return f"{op}({', '.join(operands)})"

    def value(self, x: Value) -> str:
        """What computes a value."""
        operands = [self.name(y) for y in x.operands]
        if x.op == "load":
            return f"{operands[0]}[{operands[1]}]"
        if x.op in ("get", "total"):
            return self.name(x.data)
        if x.op == "apply":
            return f"{x.data[0].__name__}({', '.join(operands)})"
        if x.op == "function":
            return f"{x.data[0]}({', '.join(operands)})"
        if x.op == "lane reduction":
            return f"{x.data.__name__} of the lanes of {operands[0]}"
        data = "" if x.data is None else f", {x.data}"
        return f"{x.op}({', '.join(operands)}{data})"
