"""The accepted steps of SciPy's explicit Runge-Kutta methods, computed again so that they are recorded.

The derivative is that of the computed solution: steps as they are, their sizes constants (the discrete adjoint).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.integrate

__all__ = ["METHODS", "Step", "replay"]

METHODS = {"RK23": scipy.integrate.RK23, "RK45": scipy.integrate.RK45, "DOP853": scipy.integrate.DOP853}

RightHandSide = Callable[[Any, Any], Any]


class Step:
    """A step from `y_old` at `t_old`, by `h`."""

    def __init__(self, method: Any, f: RightHandSide, start: tuple[Any, Any, Any], t: Any) -> None:
        self.method, self.f, self.t = method, f, t
        self.dense: Any = None
        self.t_old, self.y_old, slope = start
        self.h = h = t - self.t_old
        self.slopes = [slope]
        for a, c in zip(method.A[1:], method.C[1:], strict=True):
            self.slopes.append(f(self.t_old + c * h, self.y_old + h * self.combined(a)))
        self.y = self.y_old + h * self.combined(method.B)
        self.slope = f(t, self.y)  # the next step's first
        self.slopes.append(self.slope)

    def combined(self, weights: Any) -> Any:
        """Add the slopes with weights."""
        used = [(w, k) for w, k in zip(weights, self.slopes, strict=False) if w]
        return np.array([w for w, _ in used]) @ np.stack([k for _, k in used])

    def at(self, t: Any) -> Any:
        """Interpolate."""
        if t is self.t:
            return self.y
        if t is self.t_old:
            return self.y_old
        x = (t - self.t_old) / self.h
        if self.dense is None:
            self.dense = (
                self._dense_of_8th_order() if hasattr(self.method, "D") else self.method.P.T @ np.stack(self.slopes)
            )
        if not hasattr(self.method, "D"):
            y = self.dense[-1]
            for row in range(self.dense.shape[0] - 2, -1, -1):
                y = y * x + self.dense[row]
            return self.y_old + self.h * (y * x)
        y = np.zeros(self.y_old.shape)
        for i, f in enumerate(reversed(self.dense)):
            y = (y + f) * (x if i % 2 == 0 else 1 - x)
        return self.y_old + y

    def _dense_of_8th_order(self) -> list[Any]:
        method, h = self.method, self.h
        for a, c in zip(method.A_EXTRA, method.C_EXTRA, strict=True):
            self.slopes.append(self.f(self.t_old + c * h, self.y_old + h * self.combined(a)))
        first, last, change = self.slopes[0], self.slope, self.y - self.y_old
        rest = h * (method.D @ np.stack(self.slopes))
        return [change, h * first - change, 2 * change - h * (last + first), *(rest[i] for i in range(len(method.D)))]


def replay(method: str, f: RightHandSide, times: list[Any], y0: Any) -> list[Step]:
    """Make the steps between `times` again."""
    steps: list[Step] = []
    start = (times[0], y0, f(times[0], y0))
    for t in times[1:]:
        step = Step(METHODS[method], f, start, t)
        steps.append(step)
        start = (t, step.y, step.slope)
    return steps
