"""A boundary value problem as a root
==================================

A source of heat grows with the temperature: -u'' = λ exp(u), with u = 0 at both ends (Bratu's problem). On a grid it is
a system of equations; Newton's method needs the Jacobian of the residual at every step, and here it is exact. The
solution is known in closed form, and there is none beyond λ = 3.5138.

Run as ``python examples/science/scipy_root.py``: prints the highest temperature, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wengert import jacobian

try:
    from matplotlib import pyplot as plt
    from scipy.optimize import brentq, root
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

N = 40
H = 1 / (N + 1)
FACTORS = (0.5, 1.0, 2.0, 3.0, 3.5)


def residual(u: Any, factor: float = 1.0) -> Any:
    """Compute -u'' - λ exp(u) on a grid, with u = 0 at both ends."""
    padded = np.concatenate([np.zeros(1), u, np.zeros(1)])
    return (2 * padded[1:-1] - padded[:-2] - padded[2:]) / H**2 - factor * np.exp(u)


def exact(x: Any, factor: float) -> Any:
    """The solution in closed form, whose one number is a root itself: sqrt(2 λ) cosh(θ/4) = θ."""
    theta = brentq(lambda t: np.sqrt(2 * factor) * np.cosh(t / 4) - t, 0, 4.7987)
    return -2 * np.log(np.cosh((x - 0.5) * theta / 2) / np.cosh(theta / 4))


def draw() -> Any:
    """Draw the temperatures for some λ, on the exact ones, and the highest one of each λ."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4), layout="constrained")
    x, fine = np.linspace(0, 1, N + 2), np.linspace(0, 1, 201)
    for i, factor in enumerate(FACTORS):
        u = root(residual, np.zeros(N), (factor,), jac=jacobian(residual)).x
        left.plot(fine, exact(fine, factor), color=f"C{i}", label=f"λ = {factor}")
        left.plot(x[1:-1:2], u[::2], "o", markersize=3, color=f"C{i}")
        right.plot(factor, u.max(), "o", color=f"C{i}")
    left.set(xlabel="place", ylabel="temperature", ylim=(-0.03, 1.75))
    left.legend(fontsize=9, ncols=2, title="lines: exact; points: root")
    factors = np.linspace(0.02, 3.5138, 200)
    right.plot(factors, [exact(0.5, factor) for factor in factors], color="gray", linewidth=1, zorder=0)
    right.axvline(3.5138, color="tab:red", linestyle=":", label="no solution beyond")
    right.set(xlabel="λ", ylabel="highest temperature")
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# The Jacobian by differences takes an evaluation for each unknown, and the exact one none.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the highest temperature for λ = 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="draw the picture, but store it nowhere")
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    start = np.zeros(N)
    by_differences = root(residual, start)
    by_wengert = root(residual, start, jac=jacobian(residual))
    for name, run in (("by differences", by_differences), ("by wengert", by_wengert)):
        print(f"Jacobian {name:15} {run.nfev:4} evaluations, residual {np.max(np.abs(residual(run.x))):.1e}")
    highest = float(np.max(by_wengert.x))
    print(f"highest temperature {highest:.4f}, exactly {exact(0.5, 1.0):.4f}")
    assert by_wengert.success
    assert abs(highest - exact(0.5, 1.0)) < 5e-4, "to the error of the grid"

    figure = draw()
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "scipy_root.png", dpi=120)
        print(f"Picture: {(folder / 'scipy_root.png').resolve()}")
    return highest


if __name__ == "__main__":
    main()
