"""The LLVM module of a plan: its kernels, and functions that call them in order, each thread for its chunks."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.kernels.ir import Form
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.schedule.fused_addresses import Address
from wengert.compiler.schedule.fused_kernel import FusedKernel, accumulator_dtype, fused_kernel
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step
from wengert.compiler.schedule.memory_plan import COUNTERS, RUN, SCRATCH, SCRATCH_BYTES, TIMES, MemoryPlan, span
from wengert.compiler.schedule.partition import chunks_of
from wengert.compiler.schedule.plan_line import COMBINES, PlanLine, line_of_group, line_of_loop
from wengert.compiler.targets.cpu.cycle_counter import counter
from wengert.compiler.targets.cpu.kernel_text import kernel_text
from wengert.compiler.targets.cpu.loop_code import LoopTable, loop_function
from wengert.compiler.targets.cpu.object_layout import ARRAY_DATA, LIST_ITEMS
from wengert.compiler.targets.cpu.work_stealing import (
    COUNTER,
    claim_chunk,
    claim_chunks,
    completed_chunks,
    regions_of,
)
from wengert.compiler.targets.llvm import object_cache
from wengert.compiler.targets.llvm.blas_call import product_of, product_text
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["ModuleText"]

PIECE = "ptr %table, i64 %thread, i64 %threads"  # the parameters of a piece
LONGEST = 64  # calls of kernels in a function


class KernelText(NamedTuple):
    """A function `(pointers..., first, last, thread, scratch)`, without its name."""

    text: str
    addresses: list[Address]
    iterations: int  # of the outer loop
    scratch: int  # bytes for each thread


class Access:
    """A read or write of a kernel: a range of bytes of a slot.

    Serial steps of the same `group` are computed by one thread in order; 0 is the group of parallel steps.
    """

    def __init__(self, slot: int, start: int, stop: int, writes: bool) -> None:
        self.slot, self.start, self.stop, self.writes, self.group = slot, start, stop, writes, 0

    def conflicts(self, other: Access) -> bool:
        """Whether two accesses must be ordered."""
        if not (self.writes or other.writes) or self.slot != other.slot:
            return False
        return self.start < other.stop and other.start < self.stop


class ModuleText:
    """Builds the text of the module of a plan."""

    def __init__(self, memory: MemoryPlan, threads: int, timed: bool = False, name: str = "") -> None:
        self.memory, self.threads, self.timed, self.name = memory, threads, timed, name
        self.calls: list[int] = []  # the index of the description of each call
        # By text: the name in this plan, and the symbol, which is the same in all plans with this kernel.
        self.kernels: dict[str, tuple[str, str]] = {}
        self.forms: dict[str, Callable[[], Form]] = {}  # of each kernel that has one, by its name
        self.declarations: dict[str, str] = {}
        self.pieces: list[Any] = []
        self.bodies: list[list[IRBuilder]] = []  # of each piece, in parts
        self.loaded: set[tuple[IRBuilder, int]] = set()  # the slots of the table that each function has loaded
        self.length = 0  # calls of kernels in the current part
        self.guards: list[Node] = []
        self.descriptions: list[PlanLine] = []
        self.scratch = 0
        self.since: list[Access] = []  # accesses since the last barrier
        self.begun: list[tuple[int, int]] = []  # the counters of these steps, and their numbers of chunks
        # Emits the end of the current group of serial steps.
        self.open: Callable[[], None] | None = None
        self.group = 0
        self.base = ""
        self.shared: list[bool] = []  # whether a body has parallel steps
        self.loops: list[LoopTable] = []
        self.functions: list[str] = []  # the texts of the functions of loops
        self.flops = 0  # of the largest product
        self.counters = 0  # of chunks

    def python_call(self, node: Node) -> None:
        """Add a node that Python computes."""
        self.close()
        self.pieces.append(node)
        self.descriptions.append(PlanLine("call", "", 0, 0, node.text(), (node,), kind="call"))

    def body(self) -> IRBuilder:
        """The builder of the current native function."""
        if not self.pieces or not isinstance(self.pieces[-1], str):
            self.pieces.append(f"{self.name}piece{len(self.bodies)}")
            self.bodies.append([])
            self.shared.append(False)
            self.since, self.begun = [], []
            self.begin_part()
        elif self.length >= LONGEST:
            self.close()
            self.begin_part()
        return self.bodies[-1][-1]

    def begin_part(self) -> None:
        """Begin a function for the next calls of the piece: LLVM's passes are not made for functions of any length."""
        code = IRBuilder(self.declarations)
        self.bodies[-1].append(code)
        self.length = 0
        if self.threads > 1:
            self.base = code.emit_value(f"ptrtoint ptr {self.pointer(code, (RUN, 0))} to i64")

    # Steps

    def fused_loop(self, group: FusionGroup) -> None:
        memory = self.memory
        partial = {m: memory.partial[m] for m in group.members if m in memory.partial}

        def address(node: Node, element: int) -> tuple[int, int]:
            if node in partial:
                return partial[node].slot, partial[node].offset
            return memory.address(node, element)

        def fused() -> FusedKernel:
            return fused_kernel(group, address, memory.stored, bool(partial))

        found = fused()
        kernel = KernelText(self.rendered(found.form), found.addresses, found.iterations, found.scratch)
        chunks = chunks_of(group, self.threads)
        name = self.call(kernel, self.accesses(group), chunks)
        self.forms.setdefault(name, lambda: fused().form)
        self.descriptions.append(line_of_group(name, group, memory, chunks > 1))
        for node, storage in partial.items():
            size = storage.size
            target = memory.address(node, 0)
            accesses = [
                Access(storage.slot, storage.offset, storage.offset + size, False),
                Access(target[0], target[1], target[1] + node.size * node.dtype.itemsize, True),
            ]
            form = combining(node, chunks)
            combine = KernelText(self.rendered(form), [(storage.slot, storage.offset), target], 1, 0)
            name = self.call(combine, accesses, 1)
            self.forms.setdefault(name, functools.partial(combining, node, chunks))
            self.descriptions.append(PlanLine(name, f"{chunks}x{node.size}", size, 0, COMBINES, (node,)))

    def rendered(self, form: Form) -> str:
        """The function of a kernel, without its name."""
        return kernel_text(form, self.declarations)

    def accesses(self, group: FusionGroup) -> list[Access]:
        found = []
        roots: dict[tuple[Node, bool], None] = {}
        for node in group.members:
            access = group.accesses[node]
            for read in access.reads:
                if read.root not in group.accesses and read.root.op != "constant":
                    roots[read.root, False] = None
            if access.kind == "write":
                roots[node.settings["into"] if node.op == "assign" else node, True] = None
            elif node in self.memory.partial:
                storage = self.memory.partial[node]
                found.append(Access(storage.slot, storage.offset, storage.offset + storage.size, True))
            elif node in self.memory.stored:
                roots[node, True] = None
        return found + [self.access(root, writes) for root, writes in roots]

    def access(self, root: Node, writes: bool) -> Access:
        low, high = span(root)
        slot, start = self.memory.address(root, low)
        return Access(slot, start, start + (high - low + 1) * root.dtype.itemsize, writes)

    def product(self, node: Node) -> None:
        product = product_of(node)
        text = product_text(product, self.declarations)
        address = self.memory.address
        places = [*(address(x.root, x.offset) for x in (product.a, product.b)), address(node, 0)]
        chunks = chunks_of(OpaqueStep(node), self.threads)
        shared = chunks > 1
        accesses = [self.access(x.root, False) for x in (product.a, product.b)]
        accesses.append(self.access(node, True))
        name = self.call(KernelText(text, places, product.iterations, 0), accesses, chunks)
        moved = sum(x.size for x in (node, *node.operands)) * node.dtype.itemsize
        shape = "x".join(map(str, (*product.batch, product.m, product.k, product.n)))
        line = PlanLine(name, shape, moved, product.flops, "matmul", (node,), shared, "product")
        self.descriptions.append(line)
        self.flops = max(self.flops, product.effort)

    def kernel(self, node: Node) -> None:
        kernel = node.settings["kernel"]
        chunks = chunks_of(OpaqueStep(node), self.threads)
        shared = chunks > 1
        places, accesses = [], []
        for x in node.operands:
            root, offset, _ = root_of(x)
            places.append(self.memory.address(root, offset))
            accesses.append(self.access(root, False))
        places.append(self.memory.address(node, 0))
        accesses.append(self.access(node, True))
        name = self.call(
            KernelText(self.rendered(kernel.form()), places, kernel.iterations, kernel.scratch), accesses, chunks
        )
        self.forms.setdefault(name, kernel.form)
        moved = sum(x.size * x.dtype.itemsize for x in (node, *node.operands))
        shape = "x".join(map(str, node.shape or ()))
        kind = "product" if kernel.largest_product else "kernel"
        self.descriptions.append(PlanLine(name, shape, moved, kernel.flops, kernel.name, (node,), shared, kind))
        self.flops = max(self.flops, kernel.largest_product)

    def loop(self, node: Node, add_step: Callable[[ModuleText, Step], None]) -> None:
        """Add a loop: its body has a table of its own, and runs on one thread."""
        loop = node.settings["loop"]
        plan = loop.plan
        name = f"{self.name}loop{len(self.loops)}"
        inside = ModuleText(plan.memory, 1, name=f"{name}_")
        inside.kernels, inside.declarations, inside.guards = self.kernels, self.declarations, self.guards
        inside.forms = self.forms
        for step in plan.memory.steps:
            add_step(inside, step)
        inside.body()  # (a body may have no steps)
        slot = self.memory.new_slot()
        outputs = self.memory.outputs[node]
        text = loop_function(name, node, slot, self.memory, inside.pieces[0])
        self.functions += [*inside.piece_texts(), *inside.functions, text]
        self.loops.append(LoopTable(slot, plan, inside.scratch, inside.loops))
        self.flops = max(self.flops, inside.flops)

        code = self.body()
        self.length += 1
        accesses = [self.access(root_of(x)[0], False) for x in node.operands[loop.carried :]]
        self.synchronize([*accesses, *(self.access(x, True) for x in outputs)], False)
        if self.threads > 1 and self.open is None:
            self.begin_group()
        before = self.clock(code)
        failed = code.emit_value(f"call i64 @{name}(ptr %table)")
        if loop.body.effects:
            code.return_when(code.emit_value(f"icmp ne i64 {failed}, 0"), f"i64 {failed}")
        self.elapsed(code, before)
        self.descriptions.append(line_of_loop(f"loop{len(self.loops) - 1}", node, outputs, inside.descriptions))

    def call(self, kernel: KernelText, accesses: list[Access], chunks: int) -> str:
        """Emit a call of a kernel."""
        code = self.body()
        self.length += 1
        self.synchronize(accesses, chunks > 1)
        if kernel.text not in self.kernels:
            self.kernels[kernel.text] = f"k{len(self.kernels)}", f"kernel_{object_cache.key_of(kernel.text)}"
        name, symbol = self.kernels[kernel.text]
        self.scratch = max(self.scratch, -(-kernel.scratch // 64) * 64)

        def emit(first: str, last: str, chunk: str) -> None:
            pointers = "".join(f"ptr {self.pointer(code, a)}, " for a in kernel.addresses)
            scratch = "null"
            if kernel.scratch:
                size = code.emit_value(f"load i64, ptr {self.slot_address(code, SCRATCH_BYTES)}")
                base = self.pointer(code, (SCRATCH, 0))
                scratch = code.address(base, code.emit_value(f"mul nsw i64 %thread, {size}"), 1)
            code.emit(f"call void @{symbol}({pointers}i64 {first}, i64 {last}, i64 {chunk}, ptr {scratch})")

        def one_chunk(chunk: str) -> None:
            after = code.emit_value(f"add nsw i64 {chunk}, 1")
            first, last = (
                code.emit_value(f"udiv i64 {code.times(i, kernel.iterations)}, {chunks}") for i in (chunk, after)
            )
            emit(first, last, chunk)

        if self.threads > 1 and chunks == 1 and self.open is None:
            self.begin_group()
        before = self.clock(code)
        if chunks > 1:
            self.shared[-1] = True
            regions = regions_of(self.threads)
            first = self.counter(regions, chunks // regions)
            claim_chunks(code, chunks, self.threads, self.base, lambda i: code.address(first, i, COUNTER), one_chunk)
        else:
            emit("0", str(kernel.iterations), "0")
        self.elapsed(code, before)
        return name

    def counter(self, count: int, each: int) -> str:
        """Allocate counters; return the address of the first."""
        first = self.counters
        self.counters += count
        self.begun += [(first + i, each) for i in range(count)]
        return self.pointer(self.bodies[-1][-1], (COUNTERS, COUNTER * first))

    def clock(self, code: IRBuilder) -> str:
        """Emit a read of the cycle counter, in a timed plan."""
        if not self.timed:
            return ""
        code.declare(counter(), "i64", "")
        return code.emit_value(f"call i64 @{counter()}()")

    def elapsed(self, code: IRBuilder, before: str) -> None:
        """Emit: add the cycles of a call on the first thread to the table of times."""
        if not self.timed:
            return
        self.calls.append(len(self.descriptions))
        cycles = code.emit_value(f"sub i64 {self.clock(code)}, {before}")

        def add() -> None:
            place = self.pointer(code, (TIMES, 8 * (len(self.calls) - 1)))
            total = code.emit_value(f"add i64 {code.emit_value(f'load i64, ptr {place}')}, {cycles}")
            code.emit(f"store i64 {total}, ptr {place}")

        code.when(code.emit_value("icmp eq i64 %thread, 0"), add)

    def synchronize(self, accesses: list[Access], shared: bool) -> None:
        """Emit a barrier if accesses conflict with others since the last one."""
        if self.threads == 1:
            return
        if shared:
            self.close()
        group = self.group if self.open is not None else 0
        if any(a.conflicts(b) for b in self.since if group == 0 or b.group != group for a in accesses):
            self.close()
            self.wait()
        for access in accesses:
            access.group = 0 if shared else self.group if self.open is not None else self.group + 1
        self.since += accesses

    def wait(self) -> None:
        """Emit a barrier: wait until all chunks of the steps before are completed."""
        code = self.bodies[-1][-1]
        code.declare("wengert_wait", "void", "ptr, i64")
        for number, each in self.begun:
            place = self.pointer(code, (COUNTERS, COUNTER * number))
            wanted = code.emit_value(f"add i64 {self.base}, {completed_chunks(each)}")
            code.emit(f"call void @wengert_wait(ptr {place}, i64 {wanted})")
        self.since, self.begun = [], []

    def begin_group(self) -> None:
        """Begin a group of serial steps, which the first thread that claims it computes in order."""
        code = self.bodies[-1][-1]
        self.group += 1
        place = self.counter(1, 1)
        inside, after = code.label(), code.label()
        if self.timed:  # the first thread measures
            code.emit(f"br i1 {code.emit_value('icmp eq i64 %thread, 0')}, label %{inside}, label %{after}")
            code.begin(inside)
        _, end = claim_chunk(code, place, self.base, 1, False)

        def close() -> None:
            end()
            if self.timed:
                code.emit(f"br label %{after}")
                code.begin(after)

        self.open = close

    def close(self) -> None:
        """End the group of serial steps."""
        if self.open is not None:
            self.open()
            self.open = None

    def slot_address(self, code: IRBuilder, slot: int) -> str:
        """The address of a slot of the table."""
        return code.emit_value(f"getelementptr i64, ptr %table, i64 {slot}") if slot else "%table"

    def pointer(self, code: IRBuilder, address: tuple[int, int]) -> str:
        slot, offset = address
        base = f"%slot{slot}"
        if (code, slot) not in self.loaded:  # (once in each function, at its beginning)
            self.loaded.add((code, slot))
            code.allocas += [
                f"  {base}.at = getelementptr i64, ptr %table, i64 {slot}",
                f"  {base} = load ptr, ptr {base}.at",
            ]
        return code.emit_value(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base

    def guard(self, node: Node) -> None:
        code = self.body()
        self.guards.append(node)
        x = node.operands[0]
        self.synchronize([self.access(x, False)], True)
        found = code.load(x.dtype, self.pointer(code, self.memory.address(x, 0)), "0")
        wanted = node.settings["value"]
        if wanted != wanted:
            holds = code.compare("uno", x.dtype, found, found)
        else:
            condition = "oeq" if x.dtype.kind == "f" else "eq"
            holds = code.compare(condition, x.dtype, found, code.number(wanted, x.dtype))
        fails = code.emit_value(f"xor i1 {holds}, true")

        code.return_when(fails, f"i64 {len(self.guards)}")
        self.descriptions.append(PlanLine("guard", "", 0, 0, node.text(), (node,), kind="guard"))

    def kernel_texts(self) -> dict[str, str]:
        """The texts of the kernels, without names, by symbol."""
        return {symbol: text for text, (_, symbol) in self.kernels.items()}

    def text(self) -> str:
        """The text of the module, without the kernels."""
        parts = [*self.piece_texts(), *self.functions, binding(self.memory.graph, self.memory)]
        return "\n".join([*parts, *self.declarations.values()])

    def piece_texts(self) -> list[str]:
        """The texts of the functions of the pieces."""
        self.close()
        parts = []
        for i, bodies in enumerate(self.bodies):
            for number, code in enumerate(bodies[:-1]):
                follow = f"{self.name}piece{i}_{number + 1}"
                code.emit(f"ret i64 {code.emit_value(f'tail call i64 @{follow}({PIECE})')}")
            bodies[-1].emit("ret i64 0")
            for number, code in enumerate(bodies):
                name = f"@{self.name}piece{i}" + (f"_{number}" if number else "")
                kind = "internal " if number or self.name else ""
                parts.append(code.function(f"define {kind}i64 {name}({PIECE}) noinline"))
        return parts


def binding(graph: Graph, memory: MemoryPlan) -> str:
    """The function that writes the addresses of the arrays of two lists into the table."""
    code = IRBuilder({})
    for name, first, count in (
        ("%arrays", memory.input_slots, len(graph.inputs)),
        ("%results", memory.result_slots, len(graph.results)),
    ):
        items = code.emit_value(f"load ptr, ptr {code.emit_value(f'getelementptr i8, ptr {name}, i64 {LIST_ITEMS}')}")

        def body(i: str, items: str = items, first: int = first) -> None:
            array = code.emit_value(f"load ptr, ptr {code.emit_value(f'getelementptr ptr, ptr {items}, i64 {i}')}")
            data = code.emit_value(
                f"load ptr, ptr {code.emit_value(f'getelementptr i8, ptr {array}, i64 {ARRAY_DATA}')}"
            )
            slot = code.emit_value(f"add nsw i64 {i}, {first}")
            code.emit(f"store ptr {data}, ptr {code.emit_value(f'getelementptr ptr, ptr %table, i64 {slot}')}")

        code.loop("0", str(count), body)
    code.emit("ret void")
    return code.function("define void @bind(ptr %arrays, ptr %results, ptr %table)")


def combining(node: Node, chunks: int) -> Form:
    """The kernel `(partial results, result)` that combines the partial results of all chunks."""
    b, dtype = Builder("combine"), accumulator_dtype(node)
    partial, out = b.operand(0, dtype), b.operand(1, node.dtype)
    with b.lanes(node.size, 8, "one") as i:
        value = partial[i]
        for chunk in range(1, chunks):
            other = partial[i + chunk * node.size]
            value = b.apply(node.settings["ufunc"], value, other, dtype=dtype, result=dtype)
        out[i] = b.convert(value, node.dtype)
    return b.form()
