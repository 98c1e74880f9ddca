"""Which arm of a spiral?
======================

A network learns which of three arms of a spiral a point is on. A callback stores what it predicts on the whole plane
as the training goes on.

Run as ``python examples/networks/spiral.py``: leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert.datasets import DataLoader, Spiral
from wengert.functions import accuracy, softmax, softmax_cross_entropy
from wengert.models import MLP
from wengert.optimizers import Adam, CosineDecay
from wengert.training import Callback, Trainer

try:
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[train]") from error

COLORS = np.array([[0.84, 0.15, 0.16], [0.12, 0.47, 0.71], [0.17, 0.63, 0.17]])
SIDE = 200
EDGE = 1.1


class Snapshots(Callback):
    """Stores the model's predictions on the whole plane, after some of the epochs."""

    def __init__(self, epochs: list[int]) -> None:
        self.epochs = epochs
        self.planes: dict[int, Any] = {}
        line = np.linspace(-EDGE, EDGE, SIDE, dtype=np.float32)
        self.points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        if row["epoch"] in self.epochs:
            scores = trainer.predict(self.points, batch_size=len(self.points))
            self.planes[row["epoch"]] = softmax(scores).reshape(SIDE, SIDE, 3)


# %%
# A callback is asked after each epoch. What it stored is drawn after the training.


def draw(snapshots: Snapshots, train: Spiral, test: Spiral, history: list[dict[str, Any]]) -> Any:
    """Draw the planes, the last one with the points that the network had not seen, and the course of the training."""
    figure = plt.figure(figsize=(12, 8.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.3])
    *earlier, last = snapshots.epochs
    panels = left.subplots(3, 2).ravel()
    for axes, epoch in zip(panels, earlier, strict=True):
        show(axes, snapshots.planes[epoch], train, size=4)
        axes.set_title(f"epoch {epoch}", fontsize=10)
    left.suptitle(f"what is learnt from {len(train)} points")
    above, below = right.subplots(2, 1, height_ratios=[2.6, 1])
    show(above, snapshots.planes[last], test, size=14)
    above.set_title(f"epoch {last}: {history[-1]['valid_accuracy']:.1%} of {len(test)} other points")
    epochs = [row["epoch"] for row in history]
    below.semilogy(epochs, [row["loss"] for row in history], color="tab:gray", label="training")
    below.semilogy(epochs, [row["valid_loss"] for row in history], color="tab:purple", label="other points")
    below.set(xlabel="epoch", ylabel="cross entropy")
    below.legend(fontsize=9)
    below.spines[["top", "right"]].set_visible(False)
    return figure


def show(axes: Any, plane: Any, points: Spiral, size: float) -> None:
    """Draw a plane: the color of the likelier arm, the fainter the less sure, with a line at the borders."""
    axes.imshow(1 - 0.65 * (1 - plane @ COLORS), origin="lower", extent=[-EDGE, EDGE, -EDGE, EDGE])
    line = np.linspace(-EDGE, EDGE, SIDE)
    for arm in range(3):
        others = np.delete(plane, arm, axis=-1).max(axis=-1)
        axes.contour(line, line, plane[..., arm] - others, levels=[0], colors="white", linewidths=1)
    x, t = points[:]
    axes.scatter(*x.T, s=size, color=COLORS[t] * 0.75, edgecolors="white", linewidths=size / 40)
    axes.set(xticks=[], yticks=[])


# %%
# The network, and its training.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the share of other points whose arm was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 60 epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)
    epochs = 60 if options.short else max(7, options.epochs)

    wengert.seed(options.seed)
    train, test = Spiral(), Spiral(train=False)
    model = MLP(64, 64, 3, activation=np.tanh)
    shares = (0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 1.0)
    snapshots = Snapshots([max(i + 1, round(share * epochs)) for i, share in enumerate(shares)])
    loader = DataLoader(train, 30, shuffle=True)
    optimizer = Adam(model, 1e-2)
    trainer = Trainer(
        model,
        optimizer,
        softmax_cross_entropy,
        metrics={"accuracy": accuracy},
        schedule=CosineDecay(optimizer, epochs * len(loader)),
        callbacks=[snapshots],
    )
    history = trainer.fit(loader, DataLoader(test, len(test)), epochs)
    print(f"Found the arm of {history[-1]['valid_accuracy']:.1%} of {len(test)} points that it had not seen.")

    figure = draw(snapshots, train, test, history)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "spiral.png", dpi=120)
        print(f"Picture: {(folder / 'spiral.png').resolve()}")
    return float(history[-1]["valid_accuracy"])


if __name__ == "__main__":
    main()
