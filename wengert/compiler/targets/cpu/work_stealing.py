"""Work stealing: the code by which threads claim chunks of a step.

Each thread starts with the chunks of its own region, and then steals those that other threads have not claimed. So
where another process occupies a core, or a chunk takes longer, threads wait for the remainder of one chunk at most.

A counter holds the number of the run in its high bits, and below, in `FIELD` bits each, the numbers of completed and of
claimed chunks. A counter with the number of an earlier run counts as zero. So counters are never reset, and a worker
that comes late, or not at all, does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["COUNTER", "FIELD", "claim_chunk", "claim_chunks", "completed_chunks", "regions_of"]

COUNTER = 64  # bytes: a cache line per counter, against false sharing
FIELD = 12  # bits
REGIONS = 4  # with more threads than this, there is a single region


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
