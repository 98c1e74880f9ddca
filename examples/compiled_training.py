"""A compiled training step: the same losses in less time, and the plan of the step.

Run as ``python examples/compiled_training.py``; with ``--output folder`` it leaves a picture of the step there, where
Graphviz is installed.
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


def run(step: Any, batches: list[Any]) -> tuple[list[float], float]:
    """The losses, and the median of the seconds of a step, without the first ones, which are traced and compiled."""
    losses, seconds = [], []
    for x, t in batches:
        started = perf_counter()
        losses.append(float(step(x, t)))
        seconds.append(perf_counter() - started)
    return losses, float(np.median(seconds[5:]))


def main(arguments: list[str] | None = None) -> tuple[list[float], list[float]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    parser.add_argument("--output", type=Path, help="folder for a picture of the step")
    options = parser.parse_args(arguments)
    sizes, size = [64, 32, 10], 32
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(sizes[-1], sizes[0]))
    batches = []
    for _ in range(30 if options.quick else 1000):
        t = rng.integers(sizes[-1], size=size)
        batches.append(((centers[t] + rng.normal(size=(size, sizes[0]))).astype(np.float32), t))
    expected, eager = run(make_step(sizes), batches)
    step = wengert.compile(make_step(sizes))
    found, compiled = run(step, batches)
    print(f"eager    {eager * 1e6:7.0f} us a step, the last loss {expected[-1]:.5f}")
    print(f"compiled {compiled * 1e6:7.0f} us a step, the last loss {found[-1]:.5f}")
    print(f"the losses differ by {np.max(np.abs(np.subtract(found, expected))):.1g} at most")
    print()
    print(step.profile(*batches[0]))
    if options.output is not None and shutil.which("dot"):
        options.output.mkdir(parents=True, exist_ok=True)
        print(f"Picture: {step.graph.save(options.output / 'compiled_training.png')}")
    return expected, found


if __name__ == "__main__":
    main()
