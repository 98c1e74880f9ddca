"""A derivative, three ways
========================

The first and the second derivative of exp(x²)² at 0.5: recorded and walked back, by differences, and by hand. The same
function, of an array, gives the curves.

Run as ``python examples/derivative.py``: prints them; with ``--output folder`` it leaves a picture there.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from wengert import Variable, grad, numerical_diff, vmap

# %%
# A function is NumPy, as it is:


def f(x: Any) -> Any:
    """Compute exp(x^2)^2 in plain NumPy: of an array, or of a Variable."""
    return np.exp(x**2) ** 2


# %%
# Its derivatives on the whole interval are those of ``vmap(grad(f))``, point by point.


def draw() -> Any:
    """Draw the function and its first two derivatives, with the point where they are printed."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    x = np.linspace(-0.8, 0.8, 161)
    curves = {"f": f, "f'": vmap(grad(f)), "f''": vmap(grad(grad(f)))}
    for i, (name, curve) in enumerate(curves.items()):
        axes.plot(x, curve(x), color=f"C{i}", label=name)
        axes.plot(0.5, curve(np.array([0.5]))[0], "o", color=f"C{i}")
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set(xlabel="x", title="exp(x²)² and its derivatives")
    axes.legend()
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# The graph is walked back once for the first derivative; as that walk was recorded too, it is walked back once more.


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="draw the picture, but store it nowhere")
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    x = Variable(np.array(0.5))
    y = f(x)
    y.backward(create_graph=True)
    first = x.grad

    x.cleargrad()
    first.backward()

    print("f(x) = exp(x^2)^2 at x = 0.5")
    print(f"  automatic      f'  = {first.data:.10f}")
    print(f"  numerical      f'  = {numerical_diff(f, x):.10f}")
    print(f"  second order   f'' = {x.grad:.10f}")
    print(f"  by hand        f'  = 4 x exp(2 x^2)           = {2 * np.exp(0.5):.10f}")
    print(f"                 f'' = (4 + 16 x^2) exp(2 x^2)  = {8 * np.exp(0.5):.10f}")
    if options.short or options.output:
        figure = draw()
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        figure.savefig(options.output / "derivative.png", dpi=120)
        print(f"Picture: {(options.output / 'derivative.png').resolve()}")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
