"""Handwritten digits, in NumPy alone
==================================

A network of two layers reads scikit-learn's handwritten digits. Only ``Parameter`` and ``backward`` are Wengert's: the
network, the loss and the optimizer are NumPy, with nothing of the library's layers. What it misreads of the digits that
were held out is drawn.

Run as ``python examples/digits.py``: prints the accuracy, and leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert import Parameter, no_grad

try:
    from matplotlib import pyplot as plt
    from sklearn.datasets import load_digits
    from tqdm import trange
except ImportError as error:
    raise SystemExit(f"the demo needs {error.name}; install it with: pip install wengert[demo]") from error

HIDDEN = 256
BATCH = 32
RATE = 5e-3
DROPPED = 0.4  # the share of hidden values that is left out at random in each step


# %%
# The data, and the weights to begin with: the spread of the random numbers keeps the values of each layer of one size.


class Split(NamedTuple):
    """Images as rows of 64 numbers between 0 and 1, and the digits they show."""

    images: np.ndarray
    labels: np.ndarray


def load(rng: np.random.Generator) -> tuple[Split, Split]:
    """Return three quarters of the digits to train on, and one quarter to be asked about."""
    digits: Any = load_digits()
    order = rng.permutation(len(digits.target))
    images, labels = digits.data[order] / 16, digits.target[order]
    held_out = len(order) // 4
    return Split(images[held_out:], labels[held_out:]), Split(images[:held_out], labels[:held_out])


def initialize(rng: np.random.Generator) -> list[Parameter]:
    """Return weights and biases of two layers."""
    return [
        Parameter(rng.normal(0, np.sqrt(2 / 64), (64, HIDDEN))),
        Parameter(np.zeros(HIDDEN)),
        Parameter(rng.normal(0, np.sqrt(1 / HIDDEN), (HIDDEN, 10))),
        Parameter(np.zeros(10)),
    ]


# %%
# The network and its loss. ``images`` is an array and the weights are Parameters: what is computed of them is recorded.


def predict(parameters: list[Parameter], images: Any, mask: Any = 1.0) -> Any:
    """Score the ten digits for each image, as a Variable of shape (images, 10)."""
    w1, b1, w2, b2 = parameters
    hidden = np.maximum(images @ w1 + b1, 0) * mask
    return hidden @ w2 + b2


def cross_entropy(scores: Any, labels: np.ndarray) -> Any:
    """Average the negative logarithm of the probability that the scores give to the right digit."""
    scores = scores - np.max(scores.data, axis=1, keepdims=True)  # a constant: only to stay in range
    right = scores[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(scores), axis=1)) - right)


def answers(parameters: list[Parameter], images: np.ndarray) -> Any:
    """Read each image: the digit with the highest score."""
    with no_grad():
        return np.argmax(predict(parameters, images), axis=1)


# %%
# A step of the training: the gradients of all weights by one ``backward``, and Adam, written out.


def train(
    parameters: list[Parameter], training: Split, held_out: Split, epochs: int, rng: np.random.Generator
) -> tuple[list[float], list[float]]:
    """Train by Adam (Kingma and Ba, 2015); return loss and held-out accuracy after each epoch."""
    first = [np.zeros(p.shape) for p in parameters]  # running averages of the gradients,
    second = [np.zeros(p.shape) for p in parameters]  # and of their squares
    losses, accuracies = [], []
    step = 0
    progress = trange(epochs, unit="epoch", ncols=90)
    for epoch in progress:
        rate = RATE * (1 + np.cos(np.pi * epoch / epochs)) / 2
        total = 0.0
        for chosen in np.array_split(rng.permutation(len(training.labels)), len(training.labels) // BATCH):
            mask = (rng.random((len(chosen), HIDDEN)) >= DROPPED) / (1 - DROPPED)
            loss = cross_entropy(predict(parameters, training.images[chosen], mask), training.labels[chosen])
            loss.backward()
            step += 1
            for p, m, v in zip(parameters, first, second, strict=True):
                m += 0.1 * (p.grad - m)
                v += 0.001 * (p.grad**2 - v)
                p.data -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                p.cleargrad()
            total += loss.item() * len(chosen)
        losses.append(total / len(training.labels))
        accuracies.append(float(np.mean(answers(parameters, held_out.images) == held_out.labels)))
        progress.set_postfix(loss=f"{losses[-1]:.4f}", accuracy=f"{accuracies[-1]:.2%}")
    return losses, accuracies


def draw(losses: list[float], accuracies: list[float], held_out: Split, read: np.ndarray) -> Any:
    """Draw the course of the training, and the misread digits with what they are and what was read."""
    epochs = np.arange(1, len(losses) + 1)
    figure = plt.figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.1])
    above, below = left.subplots(2, 1, sharex=True)
    above.semilogy(epochs, losses, color="tab:blue")
    above.set(ylabel="training loss")
    below.plot(epochs, 100 * np.array(accuracies), color="tab:green")
    below.set(xlabel="epoch", ylabel="held-out accuracy, %")
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.suptitle(f"{accuracies[-1]:.2%} of {len(read)} held-out digits read right")

    wrong = np.flatnonzero(read != held_out.labels)
    columns = max(3, int(np.ceil(np.sqrt(1.3 * len(wrong)))))
    rows = max(2, -(-len(wrong) // columns))
    cells = right.subplots(rows, columns).ravel()
    for axes, i in zip(cells, wrong, strict=False):
        axes.imshow(held_out.images[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"{held_out.labels[i]}, read as {read[i]}", fontsize=10)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("lightgray")
    for axes in cells[len(wrong) :]:
        axes.set_axis_off()
    right.suptitle(f"the {len(wrong)} misread")
    return figure


def main(arguments: list[str] | None = None) -> float:
    """Run the demo; return the accuracy on the held-out digits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 6 epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(options.seed)
    training, held_out = load(rng)
    print(f"Training on {len(training.labels)} digits; {len(held_out.labels)} others are held out.")
    parameters = initialize(rng)
    losses, accuracies = train(parameters, training, held_out, 6 if options.short else options.epochs, rng)
    print(f"Read {accuracies[-1]:.2%} of the held-out digits right.")

    figure = draw(losses, accuracies, held_out, answers(parameters, held_out.images))
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "digits.png", dpi=120)
        print(f"Picture: {(folder / 'digits.png').resolve()}")
    return accuracies[-1]


if __name__ == "__main__":
    main()
