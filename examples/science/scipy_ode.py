"""A stiff reaction and its Jacobian
=================================

Three substances react, at rates that are nine orders of magnitude apart (Robertson, 1966). Solvers for such equations
are implicit, and need the Jacobian of the right-hand side: ``jacobian`` gives it to ``scipy.integrate.solve_ivp``.

Run as ``python examples/science/scipy_ode.py``: prints the concentrations, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from wengert import jacobian

try:
    from matplotlib import pyplot as plt
    from scipy.integrate import solve_ivp
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error

END = 1e5


def reaction(t: float, y: Any) -> Any:
    """Return how fast the three concentrations change."""
    a, b, c = y[0], y[1], y[2]
    made_b = 0.04 * a - 1e4 * b * c
    made_c = 3e7 * b**2
    return np.stack([-made_b, made_b - made_c, made_c])


def draw(run: Any) -> Any:
    """Draw the concentrations over eleven orders of magnitude of time, and the eigenvalues of the Jacobian."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4), layout="constrained")
    time = np.geomspace(1e-5, END, 300)
    a, b, c = run.sol(time)
    for name, values, factor in (("a", a, 1), ("b", b, 1e4), ("c", c, 1)):
        left.semilogx(time, factor * values, label=name if factor == 1 else f"{name}, times {factor:,.0f}")
    left.plot(run.t[1:], np.full(len(run.t) - 1, -0.04), "|", color="gray", label="steps of the solver")
    left.set(xlabel="time", ylabel="concentration")
    left.legend()
    jac = jacobian(reaction, argnums=1)
    rates = np.sort(np.abs([np.linalg.eigvals(jac(0.0, y)) for y in run.sol(time).T]), axis=1)
    right.loglog(time, rates[:, 2], color="tab:red", label="the fastest")
    right.loglog(time, rates[:, 1], color="tab:orange", label="the slowest that is not zero")
    right.set(xlabel="time", ylabel="rate: |eigenvalue| of the Jacobian")
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# The total is conserved, which no solver was told.


def main(arguments: list[str] | None = None) -> Any:
    """Run the example; return the concentrations at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="one method only")
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    start = np.array([1.0, 0.0, 0.0])
    jac = jacobian(reaction, argnums=1)
    print("Jacobian at the start:")
    print(jac(0.0, start))
    for method in ["Radau"] if options.short else ["BDF", "Radau"]:
        run = solve_ivp(reaction, (0, END), start, method=method, jac=jac, rtol=1e-6, atol=1e-10, dense_output=True)
        a, b, c = run.y[:, -1]
        print(f"{method:6} {run.nfev:4} evaluations, {run.njev:3} Jacobians: a = {a:.6f}  b = {b:.3e}  c = {c:.6f}")
        assert run.success
        assert abs(a + b + c - 1) < 1e-6, "nothing is lost"

    figure = draw(run)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "scipy_ode.png", dpi=120)
        print(f"Picture: {(folder / 'scipy_ode.png').resolve()}")
    return run.y[:, -1]


if __name__ == "__main__":
    main()
