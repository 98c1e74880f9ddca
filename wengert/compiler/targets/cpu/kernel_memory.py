"""The renderer of kernel forms: names of values, vectors of uniform ones, indices, and accesses to memory."""

from __future__ import annotations

from typing import Any

from wengert.compiler.kernels.ir import INVALID, Pointer, Statement, Value
from wengert.compiler.targets.llvm import object_cache
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type
from wengert.compiler.targets.llvm.llvm_ufuncs import accumulate

__all__ = ["MemoryRenderer"]

LOOP = "void (ptr, ptr, ptr, ptr)"
MOVED = (1, 2, 4, 8)  # bytes that are copied as one integer
INSTRUCTIONS = {"add": "add nsw", "sub": "sub nsw", "mul": "mul nsw", "div": "udiv", "mod": "urem"}


class MemoryRenderer:
    """Emits operands, indices, loads and stores."""

    def __init__(self, declarations: dict[str, str]) -> None:
        self.code = IRBuilder(declarations)
        self.names: dict[Any, str] = {}
        self.lanes = 1  # of wide values
        self.inside: set[Any] | None = None  # values that are computed in the loop of lanes, or the nest around it
        self.preheader: list[str] = []  # of that
        self.vectors: dict[Any, str] = {}  # vectors of uniform values from outside
        self.nearby: dict[Any, str] = {}  # others, that are seen in the current block

    # Operands

    def name(self, x: Any) -> str:
        """A pointer, an index, or a uniform value of a known dtype."""
        if not isinstance(x, Value):
            return str(x)
        found = self.names.get(x)
        if found is not None:
            return found
        return f"%p{x.data}" if x.op == "operand" else f"%{x.data}"

    def scalar(self, x: Any, dtype: Any) -> str:
        """A uniform value, or a number."""
        return self.name(x) if isinstance(x, Value) else self.code.number(x, dtype)

    def operand(self, x: Any, dtype: Any) -> str:
        """A value in the current number of lanes of the builder."""
        code = self.code
        if not isinstance(x, Value):
            return code.number(x, dtype)
        name, lanes = self.name(x), code.lanes
        if lanes == 1 or x.wide:
            return name
        type = register_type(dtype)
        if not name.startswith("%"):
            return code.splat(name, type)
        if self.inside is None or x in self.inside:
            key = name, lanes
            if key not in self.nearby:
                self.nearby[key] = code.splat(name, type)
            return self.nearby[key]
        key = name, lanes
        found = self.vectors.get(key)
        if found is None:
            lines, code.lines = code.lines, self.preheader
            found = self.vectors[key] = code.splat(name, type)
            code.lines = lines
        return found

    def wide(self, x: Value) -> int:
        """Set the lanes of the builder to those of a value; return those before."""
        self.code.lanes = lanes = self.lanes if x.wide else 1
        return lanes

    def index(self, x: Value) -> str:
        code = self.code
        a, b = (self.name(y) for y in x.operands)
        if a.isdecimal() and b.lstrip("-").isdecimal() and x.data in ("add", "mul"):
            return str(int(a) + int(b) if x.data == "add" else int(a) * int(b))
        if x.data == "add" and "0" in (a, b):
            return b if a == "0" else a
        if x.data == "min":
            smaller = code.emit_value(f"icmp slt i64 {a}, {b}")
            return code.emit_value(f"select i1 {smaller}, i64 {a}, i64 {b}")
        return code.emit_value(f"{INSTRUCTIONS[x.data]} i64 {a}, {b}")

    def added(self, name: str, constant: int) -> str:
        return name if constant == 0 else self.code.emit_value(f"add nsw i64 {name}, {constant}")

    # Memory

    def scratch(self, x: Value) -> str:
        return "%scratch" if not x.data else self.code.emit_value(f"getelementptr i8, ptr %scratch, i64 {x.data}")

    def local(self, x: Value) -> str:
        count, wide = x.data
        self.code.lanes = self.lanes if wide else 1
        found = self.code.variable(f"[{count} x {self.code.type(x.dtype)}]")
        self.code.lanes = 1
        return found

    def table(self, x: Value) -> str:
        text = f"[{len(x.data)} x i64] [{', '.join(f'i64 {n}' for n in x.data)}]"
        name = f"table_{object_cache.key_of(text)}"  # (equal in all modules, so that the kernel is)
        self.code.declarations[name] = f"@{name} = private unnamed_addr constant {text}"
        return f"@{name}"

    def address(self, x: Value) -> str:
        return self.element(x.operands[0], x.operands[1], x.dtype)

    def element(self, pointer: Pointer, index: Any, dtype: Any) -> str:
        """The address of an element."""
        self.code.lanes = 1
        return self.code.address(self.name(pointer), self.name(index), dtype.itemsize)

    def differ(self, x: Value) -> str:
        a, b = (self.name(y) for y in x.operands)
        return self.code.emit_value(f"icmp ne ptr {a}, {b}")

    def load(self, x: Value) -> str:
        code = self.code
        pointer, index = x.operands
        around = x.data
        if around is not None and x.wide and self.lanes > 1 and index.step > 1:
            return self.load_around(x, pointer, index, around)
        start = self.element(pointer, index, x.dtype)
        return code.load(x.dtype, start, "0", index.step if self.wide(x) > 1 else 1)

    def load_around(self, x: Value, pointer: Pointer, index: Any, around: int) -> str:
        """A load of all elements, and a shuffle that takes those of the lanes."""
        code, step = self.code, index.step
        code.lanes = 1
        at = code.address(self.name(pointer), self.added_to(index, -around), x.dtype.itemsize)
        type = register_type(x.dtype)
        wide = f"<{step * self.lanes} x {type}>"
        found = code.emit_value(f"load {wide}, ptr {at}, align {x.dtype.itemsize}")
        chosen = ", ".join(f"i32 {around + step * i}" for i in range(self.lanes))
        return code.emit_value(f"shufflevector {wide} {found}, {wide} poison, <{self.lanes} x i32> <{chosen}>")

    def added_to(self, index: Value, constant: int) -> str:
        name = self.name(index)
        if not name.startswith("%"):
            return str(int(name) + constant)
        return self.added(name, constant)

    def store(self, statement: Statement) -> None:
        code = self.code
        pointer, index, value = statement.operands
        step = index.step if isinstance(index, Value) else 0
        start = self.element(pointer, index, pointer.dtype)
        code.lanes = self.lanes if step else 1
        code.store(self.operand(value, pointer.dtype), pointer.dtype, start, "0", step or 1)
        code.lanes = 1

    def update(self, statement: Statement) -> None:
        code, ufunc = self.code, statement.data
        pointer, index, value = statement.operands
        step, dtype = index.step if isinstance(index, Value) else 0, pointer.dtype
        start = self.element(pointer, index, dtype)
        code.lanes = lanes = self.lanes if step else 1
        given = self.operand(value, dtype)
        if step > 1 < lanes:  # (lane by lane: what was stored so cannot be loaded at once without waiting)
            type = register_type(dtype)
            parts = [code.emit_value(f"extractelement <{lanes} x {type}> {given}, i64 {i}") for i in range(lanes)]
        else:
            parts = [given]
        code.lanes = lanes // len(parts)
        for i, part in enumerate(parts):
            place = code.address(start, str(i * step), dtype.itemsize)
            code.store(accumulate(code, ufunc, dtype, code.load(dtype, place, "0"), part), dtype, place, "0")
        code.lanes = 1

    def interleave(self, statement: Statement) -> None:
        code, lanes = self.code, self.lanes
        pointer, index, *values = statement.operands
        start, dtype = self.element(pointer, index, pointer.dtype), pointer.dtype
        code.lanes = lanes
        names = [self.operand(x, dtype) for x in values]
        code.lanes = 1
        if lanes == 1:
            for i, name in enumerate(names):
                code.store(name, dtype, start, str(i))
            return
        type, count, size = register_type(dtype), len(names), lanes
        found = names[0]
        for n in range(1, count):  # all in one vector, and then in their order
            other = names[n]
            if n > 1:
                padded = ", ".join(f"i32 {i}" if i < lanes else "i32 poison" for i in range(size))
                pair = f"<{lanes} x {type}> {other}, <{lanes} x {type}> poison"
                other = code.emit_value(f"shufflevector {pair}, <{size} x i32> <{padded}>")
            order = ", ".join(f"i32 {i}" for i in range(size + lanes))
            pair = f"<{size} x {type}> {found}, <{size} x {type}> {other}"
            found = code.emit_value(f"shufflevector {pair}, <{size + lanes} x i32> <{order}>")
            size += lanes
        order = ", ".join(f"i32 {(i % count) * lanes + i // count}" for i in range(size))
        pair = f"<{size} x {type}> {found}, <{size} x {type}> poison"
        found = code.emit_value(f"shufflevector {pair}, <{size} x i32> <{order}>")
        code.emit(f"store <{size} x {type}> {found}, ptr {start}, align {dtype.itemsize}")

    def bytes_of(self, pointer: Pointer, count: Any) -> str:
        size = pointer.dtype.itemsize
        self.code.lanes = 1
        return self.code.times(self.name(count), size) if isinstance(count, Value) else str(count * size)

    def zero(self, statement: Statement) -> None:
        pointer, count = statement.operands
        size = self.bytes_of(pointer, count)
        self.code.declare("llvm.memset.p0.i64", "void", "ptr, i8, i64, i1")
        self.code.emit(f"call void @llvm.memset.p0.i64(ptr {self.name(pointer)}, i8 0, i64 {size}, i1 false)")

    def copy(self, statement: Statement) -> None:
        code = self.code
        into, source, count = statement.operands
        size = self.bytes_of(into, count)
        into, source = self.name(into), self.name(source)
        if size.isdecimal() and int(size) in MOVED:
            value = code.emit_value(f"load i{8 * int(size)}, ptr {source}, align {size}")
            code.emit(f"store i{8 * int(size)} {value}, ptr {into}, align {size}")
            return
        code.declare("llvm.memcpy.p0.p0.i64", "void", "ptr, ptr, i64, i1")
        code.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {into}, ptr {source}, i64 {size}, i1 false)")

    def fence(self, statement: Statement) -> None:
        # LLVM would hoist and merge loads of adjacent addresses, and spill registers. This fence emits no instruction;
        # it keeps later loads after it.
        self.code.emit('fence syncscope("singlethread") acq_rel')

    def inner_loop(self, statement: Statement) -> None:
        code = self.code
        count, steps, checked = statement.data
        loop, *others = (self.name(x) for x in statement.operands)
        code.lanes = 1
        status = others.pop() if checked else ""
        places = []
        # (a loop may move the pointers that it is given: all is written anew before each call)
        for type, values in (("ptr", others[:count]), ("i64", others[count:]), ("i64", [str(s) for s in steps])):
            place = code.variable(f"[{len(values)} x {type}]")
            places.append(place)
            for i, value in enumerate(values):
                code.emit(f"store {type} {value}, ptr {code.address(place, str(i), 8)}, align 8")
        function = code.emit_value(f"load ptr, ptr {loop}")
        data = code.emit_value(f"load ptr, ptr {code.emit_value(f'getelementptr ptr, ptr {loop}, i64 1')}")
        if checked:
            code.declare("feclearexcept", "i32", "i32")
            code.declare("fetestexcept", "i32", "i32")
            code.emit_value(f"call i32 @feclearexcept(i32 {INVALID})")
        code.emit(f"call {LOOP} {function}({', '.join(f'ptr {p}' for p in places)}, ptr {data})")
        if checked:
            flag = code.emit_value(f"call i32 @fetestexcept(i32 {INVALID})")
            code.emit_value(f"call i32 @feclearexcept(i32 {INVALID})")
            failed = code.emit_value(f"uitofp i1 {code.emit_value(f'icmp ne i32 {flag}, 0')} to double")
            code.emit(f"store double {failed}, ptr {status}, align 8")

    def foreign(self, statement: Statement) -> None:
        function, *arguments = statement.operands
        self.code.lanes = 1
        values = [
            "ptr null" if x is None else f"{'ptr' if isinstance(x, Pointer) else 'i64'} {self.name(x)}"
            for x in arguments
        ]
        called = self.code.emit_value(f"load ptr, ptr {self.name(function)}")
        self.code.emit_value(f"call i32 {called}({', '.join(values)})")
