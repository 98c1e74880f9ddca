"""A compiled training step
========================

The step of a training, with its optimizer, is compiled: the losses are the same, and a step takes less time. The plan
says which kernels were made of it.

Run as ``python examples/compiled_training.py``: prints the plan with the time of each kernel, and leaves a picture in
``output/``; and one of the graph of the step, where Graphviz is installed.
"""

import argparse
import itertools
import shutil
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

import wengert
from wengert.functions import relu, softmax_cross_entropy
from wengert.layers import Linear, Sequential
from wengert.optimizers import Adam

try:
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[all]") from error


def make_step(sizes: list[int]) -> Any:
    """A function that trains a network on one batch. The same seed makes the same network."""
    wengert.seed(0)
    layers: list[Any] = []
    for wide, narrow in itertools.pairwise(sizes):
        layers += [Linear(wide, narrow), relu]
    model = Sequential(*layers[:-1])
    optimizer = Adam(model, 1e-3)

    def step(x: Any, t: Any) -> Any:
        loss = softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return loss

    return step


# %%
# The step is a function of a batch, with the model and the optimizer in its closure. It is compiled as it is.


def run(step: Any, batches: list[Any]) -> tuple[list[float], list[float]]:
    """The losses, and the seconds of each step."""
    losses, seconds = [], []
    for x, t in batches:
        started = perf_counter()
        losses.append(float(step(x, t)))
        seconds.append(perf_counter() - started)
    return losses, seconds


def draw(expected: list[float], eager: list[float], found: list[float], compiled: list[float]) -> Any:
    """Draw the losses, which are the same, and the time of each step: the first ones are traced and compiled."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4), layout="constrained")
    steps = np.arange(1, len(expected) + 1)
    left.plot(steps, expected, color="tab:gray", linewidth=4, alpha=0.5, label="eager")
    left.plot(steps, found, color="tab:blue", linewidth=1, label="compiled")
    left.set(xlabel="step", ylabel="loss")
    right.semilogy(steps, 1e6 * np.array(eager), ".", color="tab:gray", label="eager")
    right.semilogy(steps, 1e6 * np.array(compiled), ".", color="tab:blue", label="compiled")
    right.set(xlabel="step", ylabel="microseconds")
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: list[str] | None = None) -> tuple[list[float], list[float]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", "--quick", action="store_true", help="fewer steps")
    parser.add_argument("--output", type=Path, help="folder for the pictures")
    options = parser.parse_args(arguments)
    sizes, size = [64, 32, 10], 32
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(sizes[-1], sizes[0]))
    batches = []
    for _ in range(30 if options.short else 1000):
        t = rng.integers(sizes[-1], size=size)
        batches.append(((centers[t] + rng.normal(size=(size, sizes[0]))).astype(np.float32), t))
    expected, eager = run(make_step(sizes), batches)
    step = wengert.compile(make_step(sizes))
    found, compiled = run(step, batches)
    for name, seconds, losses in (("eager", eager, expected), ("compiled", compiled, found)):
        print(f"{name:8} {np.median(seconds[5:]) * 1e6:7.0f} us a step, the last loss {losses[-1]:.5f}")
    print(f"the losses differ by {np.max(np.abs(np.subtract(found, expected))):.1g} at most")
    print()
    print(step.profile(*batches[0]))
    figure = draw(expected, eager, found, compiled)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "compiled_training.png", dpi=120)
        print(f"Picture: {(folder / 'compiled_training.png').resolve()}")
        if shutil.which("dot"):
            print(f"Graph:   {step.graph.save(folder / 'compiled_training_graph.png')}")
    return expected, found


if __name__ == "__main__":
    main()
