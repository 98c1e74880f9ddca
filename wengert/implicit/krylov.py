"""Linear systems solved by products with their matrix alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.implicit.errors import ConvergenceError

__all__ = ["METHODS", "bicgstab", "cg", "gmres"]

Product = Callable[[Any], Any]
RESTART = 100  # vectors that GMRES keeps


def tolerance_for(b: Any) -> Any:
    """The norm of the remainder at which a system with the right-hand side `b` counts as solved."""
    return np.finfo(b.dtype).eps ** 0.75 * np.linalg.norm(b)


def cg(product: Product, b: Any) -> Any:
    """Solve a system with a positive definite matrix, by conjugate gradients (Hestenes and Stiefel 1952)."""
    x, r = np.zeros_like(b), b
    p, rr, aim = r, r @ r, tolerance_for(b)
    for _ in range(10 * b.size + 10):
        if np.sqrt(rr) <= aim:
            return x
        image = product(p)
        curvature = p @ image
        if not curvature > 0:
            raise np.linalg.LinAlgError(
                "solve='cg' needs a positive definite Jacobian of the residual, the second derivative at a strict "
                f"minimum, but found a curvature of {float(curvature):.3g}; write solve='gmres' or solve='dense'"
            )
        step = rr / curvature
        x, r = x + step * p, r - step * image
        rr, before = r @ r, rr
        p = r + rr / before * p
    raise not_solved("cg", np.sqrt(rr), b)


def gmres(product: Product, b: Any) -> Any:
    """Solve any regular system, by minimal residuals over Krylov spaces (Saad and Schultz 1986), restarted."""
    x, r, aim = np.zeros_like(b), b, tolerance_for(b)
    for _ in range(10):
        norm = np.linalg.norm(r)
        if norm <= aim:
            return x
        size = min(b.size, RESTART)
        basis, h = [r / norm], np.zeros((size + 1, size), b.dtype)
        for k in range(size):
            v = product(basis[k])
            for _ in range(2):  # twice, so that the basis stays orthogonal
                for i, u in enumerate(basis):
                    part = u @ v
                    h[i, k] += part
                    v = v - part * u
            h[k + 1, k] = np.linalg.norm(v)
            start = np.zeros(k + 2, b.dtype)
            start[0] = norm
            y = np.linalg.lstsq(h[: k + 2, : k + 1], start, rcond=None)[0]
            left = np.linalg.norm(start - h[: k + 2, : k + 1] @ y)
            if left <= aim or h[k + 1, k] <= np.finfo(b.dtype).eps * norm:
                break
            basis.append(v / h[k + 1, k])
        x = x + sum(part * u for part, u in zip(y, basis, strict=False))
        r = b - product(x)
    if np.linalg.norm(r) <= 10 * aim:
        return x
    raise not_solved("gmres", np.linalg.norm(r), b)


def bicgstab(product: Product, b: Any) -> Any:
    """Solve any regular system with four vectors (van der Vorst 1992)."""
    x, r, aim = np.zeros_like(b), b, tolerance_for(b)
    shadow, p, rho = r, r, r @ r
    for _ in range(10 * b.size + 10):
        if np.linalg.norm(r) <= aim:
            return x
        v = product(p)
        alpha = rho / (shadow @ v)
        s = r - alpha * v
        t = product(s)
        tt = t @ t
        omega = (t @ s) / tt if tt > 0 else tt
        x = x + alpha * p + omega * s
        r = s - omega * t
        rho, before = shadow @ r, rho
        if not np.all(np.isfinite(x)):
            break
        if omega == 0 or rho == 0:  # it has stagnated: start anew from here
            r = b - product(x)
            shadow, p, rho = r, r, r @ r
        else:
            p = r + rho / before * alpha / omega * (p - omega * v)
    raise not_solved("bicgstab", np.linalg.norm(r), b)


def not_solved(name: str, left: Any, b: Any) -> ConvergenceError:
    return ConvergenceError(
        f"the linear system of an implicit derivative, of {b.size} unknowns, was not solved by {name}: a remainder of "
        f"{float(left):.3g} is left of {float(np.linalg.norm(b)):.3g}; write solve='dense', or give a solver of your "
        "own, solve=lambda product, b: ..., with a preconditioner"
    )


METHODS: dict[str, Callable[[Product, Any], Any]] = {"bicgstab": bicgstab, "cg": cg, "gmres": gmres}
