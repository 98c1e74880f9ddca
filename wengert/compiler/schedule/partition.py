"""Partition of steps into chunks, and work stealing: the code by which threads claim chunks.

Each thread starts with the chunks of its own region, and then steals those that other threads have not claimed. So
where another process occupies a core, or a chunk takes longer, threads wait for the remainder of one chunk at most.
The number of chunks is fixed by the plan; so reductions, which have a partial result per chunk, are deterministic.

A counter holds the number of the run in its high bits, and below, in `FIELD` bits each, the numbers of completed and of
claimed chunks. A counter with the number of an earlier run counts as zero. So counters are never reset, and a worker
that comes late, or not at all, does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND
from wengert.compiler.graph.ufuncs import facts_of
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step
from wengert.compiler.targets.llvm.blas_call import TILE, Product, is_product, product_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = [
    "COUNTER",
    "FIELD",
    "chunks_of",
    "claim_chunk",
    "claim_chunks",
    "completed_chunks",
    "regions_of",
    "time_of_group",
    "time_of_step",
]

WORTH_SHARING = 10_000  # nanoseconds: shorter steps run on one thread
SHORTEST = 20_000  # nanoseconds of a chunk, where a thread has several
MOST = 4  # chunks per thread
THICK = 192  # rows or columns of a chunk of a product: BLAS packs the other operand for each chunk anew
COUNTER = 64  # bytes: a cache line per counter, against false sharing
FIELD = 12  # bits
REGIONS = 4  # with more threads than this, there is a single region


def time_of_group(group: FusionGroup) -> float:
    """Estimated time of a fusion group on one thread, in nanoseconds."""
    total = 0.0
    for node in group.members:
        each = facts_of(node.settings["ufunc"] if node.op == "elementwise" else None).nanoseconds
        total += each * (1 if node in group.rows else group.accesses[node].size)
    return total


def time_of_step(step: Step) -> float:
    """Estimated time of a step that can run in parallel, in nanoseconds on one thread."""
    if isinstance(step, FusionGroup):
        return 0.0 if step.row == step.size else time_of_group(step)
    assert isinstance(step, OpaqueStep)
    if is_product(step.node):
        return product_of(step.node).effort / FLOPS_PER_NANOSECOND
    return float(step.node.settings["kernel"].nanoseconds) if step.node.op == "kernel" else 0.0


def chunks_of(step: Step, threads: int) -> int:
    """The number of chunks of a step: 1, or a multiple of the number of threads."""
    time = time_of_step(step)
    if threads == 1 or time <= WORTH_SHARING:
        return 1
    most = min(MOST, int(time / threads / SHORTEST))
    if isinstance(step, FusionGroup):
        reduced = sum(m.size for m in step.members if step.accesses[m].kind == "outer_reduction")
        if reduced:  # the partial results of all chunks are added up in the end
            most = min(most, step.size // (16 * threads * reduced))
        return threads * max(most, 1)
    assert isinstance(step, OpaqueStep)
    if is_product(step.node):
        product = product_of(step.node)
        return threads * max(min(most, thick_chunks(product) // threads), 1) if product.iterations > 1 else 1
    iterations = step.node.settings["kernel"].iterations
    return threads * max(min(most, iterations // (2 * threads)), 1) if iterations > 1 else 1


def thick_chunks(product: Product) -> int:
    """The largest useful number of chunks of a product."""
    if product.batch:
        return max(product.iterations // product.tiles, product.iterations * TILE[product.split] // THICK)
    return (product.m if product.split == "m" else product.n) // THICK


def regions_of(threads: int) -> int:
    """The number of regions of a step, each with a counter."""
    return threads if threads <= REGIONS else 1


def completed_chunks(each: int) -> int:
    """The increment of a counter when all its chunks are claimed and completed."""
    return each + (each << FIELD)


def claim_chunk(code: IRBuilder, place: str, base: str, each: int, repeat: bool) -> tuple[str, Callable[[], None]]:
    """Begin to emit: claim a chunk of the counter at `place`, and compute it; with `repeat`, until none is unclaimed.

    Returns the index of the chunk, and a function that emits the end, after the computation.
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
        code.emit(f"br label %{head if repeat else after}")
        code.begin(after)

    return index, end


def claim_chunks(
    code: IRBuilder, chunks: int, threads: int, base: str, counter: Callable[[str], str], body: Callable[[str], None]
) -> None:
    """Emit: claim chunks until none is unclaimed; `counter` gives the address of the counter of a region."""
    regions = regions_of(threads)
    each = chunks // regions

    def of_region(turn: str) -> None:
        region = code.emit_value(f"urem i64 {code.emit_value(f'add i64 %thread, {turn}')}, {regions}")
        first = code.times(region, each)
        index, end = claim_chunk(code, counter(region), base, each, True)
        body(code.emit_value(f"add nsw i64 {first}, {index}"))
        end()

    code.loop("0", str(regions), of_region)
