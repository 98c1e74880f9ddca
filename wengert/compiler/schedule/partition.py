"""Shares: into how many parts a step is cut for threads, and the code by which they take them.

Each thread begins with the shares of its own region and goes on with those that others have not begun: where
another process holds a core, or one share takes longer, nobody waits for more than the rest of one share. How many
shares there are is fixed by the plan; so sums, of which each share has a part, do not depend on who took what.

A counter has the number of the run, and below it, each in `FIELD` bits, how many shares are done and how many have been
taken. One that still has the number of an earlier run is as good as zero. So a thread that comes late, or not at all,
finds all in order.
"""

from __future__ import annotations

from collections.abc import Callable

from wengert.compiler.graph.ufuncs import facts_of
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step
from wengert.compiler.targets.llvm.blas_call import TILE, Product, is_product, product_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = [
    "COUNTER",
    "FIELD",
    "finished",
    "regions_of",
    "shares_of",
    "taken_in_turns",
    "taking",
    "work_of_loops",
    "work_of_step",
]

WORTH_SHARING = 10_000  # nanoseconds: shorter work is left to one thread
SHORTEST = 20_000  # nanoseconds of a share, where a thread has several
MOST = 4  # shares of a thread
THICK = 192  # rows or columns of a share of a product: each share brings the other operand into BLAS's order
FLOPS = 40  # of a product in a nanosecond, at least
COUNTER = 64  # bytes: a line of the cache for each counter
FIELD = 12  # bits
REGIONS = 4  # with more threads than this, all take their shares from one


def work_of_loops(loops: FusionGroup) -> float:
    """About how long loops take on one thread, in nanoseconds."""
    total = 0.0
    for node in loops.members:
        each = facts_of(node.settings["ufunc"] if node.op == "elementwise" else None).nanoseconds
        total += each * (1 if node in loops.rows else loops.works[node].size)
    return total


def work_of_step(step: Step) -> float:
    """About how much of a step threads can share, in nanoseconds on one thread."""
    if isinstance(step, FusionGroup):
        return 0.0 if step.row == step.size else work_of_loops(step)
    assert isinstance(step, OpaqueStep)
    if is_product(step.node):
        return product_of(step.node).effort / FLOPS
    return float(step.node.settings["kernel"].nanoseconds) if step.node.op == "kernel" else 0.0


def shares_of(step: Step, threads: int) -> int:
    """Into how many shares a step is cut: 1, or a multiple of the number of threads."""
    work = work_of_step(step)
    if threads == 1 or work <= WORTH_SHARING:
        return 1
    most = min(MOST, int(work / threads / SHORTEST))
    if isinstance(step, FusionGroup):
        gathered = sum(m.size for m in step.members if step.works[m].kind == "outer_reduction")
        if gathered:  # the parts of all shares are added up in the end
            most = min(most, step.size // (16 * threads * gathered))
        return threads * max(most, 1)
    assert isinstance(step, OpaqueStep)
    if is_product(step.node):
        product = product_of(step.node)
        return threads * max(min(most, thick_shares(product) // threads), 1) if product.iterations > 1 else 1
    iterations = step.node.settings["kernel"].iterations
    return threads * max(min(most, iterations // (2 * threads)), 1) if iterations > 1 else 1


def thick_shares(product: Product) -> int:
    """How many shares of a product are worth it."""
    if product.batch:
        return max(product.iterations // product.tiles, product.iterations * TILE[product.split] // THICK)
    return (product.m if product.split == "m" else product.n) // THICK


def regions_of(threads: int) -> int:
    """How many counters a step has."""
    return threads if threads <= REGIONS else 1


def finished(each: int) -> int:
    """What a counter has more than at the start when all its shares are done."""
    return each + (each << FIELD)


def taking(code: IRBuilder, place: str, base: str, each: int, again: bool) -> tuple[str, Callable[[], None]]:
    """Begin to emit: take a share that the counter at `place` still has, and compute it; `again`: all of them.

    Returns the number of the share, and what emits the end, after the computation.
    """
    head, free, inside, after = (code.label() for _ in range(4))
    code.declare("llvm.umax.i64", "i64", "i64, i64")
    code.emit(f"br label %{head}")
    code.begin(head)
    found = code.emit_value(f"load atomic i64, ptr {place} acquire, align 8")
    now = code.emit_value(f"call i64 @llvm.umax.i64(i64 {found}, i64 {base})")
    index = code.emit_value(f"and i64 {now}, {(1 << FIELD) - 1}")
    code.emit(f"br i1 {code.emit_value(f'icmp ult i64 {index}, {each}')}, label %{free}, label %{after}")
    code.begin(free)
    more = code.emit_value(f"add i64 {now}, 1")
    pair = code.emit_value(f"cmpxchg ptr {place}, i64 {found}, i64 {more} acq_rel acquire")
    mine = code.emit_value(f"extractvalue {{ i64, i1 }} {pair}, 1")
    code.emit(f"br i1 {mine}, label %{inside}, label %{head}")
    code.begin(inside)

    def end() -> None:
        code.emit_value(f"atomicrmw add ptr {place}, i64 {1 << FIELD} acq_rel")
        code.emit(f"br label %{head if again else after}")
        code.begin(after)

    return index, end


def taken_in_turns(
    code: IRBuilder, shares: int, threads: int, base: str, counter: Callable[[str], str], body: Callable[[str], None]
) -> None:
    """Emit: take shares until there are none; `counter` gives the address of the counter of a region."""
    regions = regions_of(threads)
    each = shares // regions

    def of_region(turn: str) -> None:
        region = code.emit_value(f"urem i64 {code.emit_value(f'add i64 %thread, {turn}')}, {regions}")
        first = code.times(region, each)
        index, end = taking(code, counter(region), base, each, True)
        body(code.emit_value(f"add nsw i64 {first}, {index}"))
        end()

    code.loop("0", str(regions), of_region)
