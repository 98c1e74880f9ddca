"""Parameters of an ODE fitted to observations: the gradient through fourth-order Runge-Kutta steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import library

__all__ = ["make"]

TRAJECTORIES, SEEN, STEPS, STEP = 64, 4, 20, 0.05  # four observations, twenty steps apart


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make the gradient of the squared distance with respect to the four rates of the Lotka-Volterra equations."""
    lib, rng = library(peer), np.random.default_rng(0)
    f = lib.functions
    hares, foxes = (lib.constant(rng.uniform(0.5, 1.5, TRAJECTORIES)) for _ in range(2))
    seen = [[lib.constant(rng.uniform(0.5, 1.5, TRAJECTORIES)) for _ in range(2)] for _ in range(SEEN)]

    def distance(a: Any, b: Any, c: Any, d: Any) -> Any:
        def slope(x: Any, y: Any) -> Any:
            return a * x - b * x * y, c * x * y - d * y

        def step(state: Any) -> Any:
            x, y = state
            kx1, ky1 = slope(x, y)
            kx2, ky2 = slope(x + STEP / 2 * kx1, y + STEP / 2 * ky1)
            kx3, ky3 = slope(x + STEP / 2 * kx2, y + STEP / 2 * ky2)
            kx4, ky4 = slope(x + STEP * kx3, y + STEP * ky3)
            return (
                x + STEP / 6 * (kx1 + 2 * kx2 + 2 * kx3 + kx4),
                y + STEP / 6 * (ky1 + 2 * ky2 + 2 * ky3 + ky4),
            )

        state, total = (hares, foxes), 0.0
        for x, y in seen:
            state = lib.repeat(step, state, STEPS)
            total = total + f.sum((state[0] - x) ** 2 + (state[1] - y) ** 2)
        return total

    return lib.gradient(distance, [np.array([rate]) for rate in (1.1, 0.4, 0.1, 0.4)])
