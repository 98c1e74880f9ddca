"""Partition of steps into chunks, which threads share.

The number of chunks is fixed by the plan; so reductions, which have a partial result per chunk, are deterministic.
"""

from __future__ import annotations

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND
from wengert.compiler.graph.ufuncs import facts_of
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step
from wengert.compiler.targets.llvm.blas_call import TILE, Product, is_product, product_of

__all__ = ["chunks_of", "time_of_group", "time_of_step"]

WORTH_SHARING = 10_000  # nanoseconds: shorter steps run on one thread
SHORTEST = 20_000  # nanoseconds of a chunk, where a thread has several
MOST = 4  # chunks per thread
THICK = 192  # rows or columns of a chunk of a product: BLAS packs the other operand for each chunk anew


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
