"""Time for each operation of a chain of scalars, forward and backward: the overhead of the engine itself."""

import gc
from collections.abc import Iterator
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.peers import OURS, Peer
from benchmarks.table import Row, ratio_of

__all__ = ["measure"]

STEPS = 300
OPERATIONS = 3 * STEPS
ROUNDS = 25
X = np.array([0.01])


def measure(peers: list[Peer]) -> Iterator[Row]:
    """Yield the first call and the median of the later ones, of each library, in alternating rounds."""
    everyone = [OURS, *peers]
    gradients = [peer.make(STEPS) for peer in everyone]
    first, expected = [], gradients[0](X)
    for peer, gradient in zip(everyone, gradients, strict=True):
        start = perf_counter()
        found = gradient(X)
        first.append(perf_counter() - start)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-9, err_msg=peer.name)

    times: list[list[float]] = [[] for _ in everyone]
    for _ in range(ROUNDS):
        for gradient, mine in zip(gradients, times, strict=True):
            gc.collect()  # nobody pays for another's garbage
            start = perf_counter()
            gradient(X)
            mine.append(perf_counter() - start)

    for peer, once, mine in zip(everyone, first, times, strict=True):
        yield Row(
            f"chain of {OPERATIONS} scalar operations, {peer.name}",
            f"{1e6 * median(mine) / OPERATIONS:.2f} us/op",
            None if peer is OURS else ratio_of(times[0], mine),
            peer.target,
            f"first call {1e3 * once:.0f} ms" + (", compiled" if peer.name == "jax" else ""),
        )
