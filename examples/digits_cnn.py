"""A convolutional network reads digits
====================================

LeNet on scikit-learn's handwritten digits, which are turned and shifted at random as it trains. Layers, data loader,
optimizer, schedule and training loop are the library's.

Run as ``python examples/digits_cnn.py``: prints the accuracy on digits that were held out, and leaves the weights
and a picture of the training and of every misread digit in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert.datasets import DataLoader, Digits
from wengert.datasets.transforms import Compose, RandomCrop, RandomRotation
from wengert.functions import accuracy, softmax, softmax_cross_entropy
from wengert.models import LeNet
from wengert.optimizers import AdamW, OneCycle
from wengert.training import Trainer

try:
    import safetensors  # noqa: F401  (saves the weights)
    import sklearn  # noqa: F401  (the digits are in its files)
    import tqdm  # noqa: F401  (the bar of progress)
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[train]") from error


def draw(history: list[dict[str, Any]], test: Digits, scores: Any) -> Any:
    """Draw the course of the training, and the misread digits with what they are and what was read."""
    images, labels = test[:]
    odds = softmax(scores)
    read = odds.argmax(axis=1)
    epochs = [row["epoch"] for row in history]
    figure = plt.figure(figsize=(12.5, 5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.2])
    above, below = left.subplots(2, 1, sharex=True)
    above.semilogy(epochs, [row["loss"] for row in history], color="tab:gray", label="training, turned and shifted")
    above.semilogy(epochs, [row["valid_loss"] for row in history], color="tab:blue", label="held out")
    above.set(ylabel="cross entropy")
    below.plot(epochs, [100 * row["accuracy"] for row in history], color="tab:gray")
    below.plot(epochs, [100 * row["valid_accuracy"] for row in history], color="tab:blue")
    lowest = 100 * min(row["valid_accuracy"] for row in history[len(history) // 3 :])
    below.set(xlabel="epoch", ylabel="read right, %", ylim=(min(90, lowest), 100.2), xlim=(0, len(history) + 0.5))
    above.legend(fontsize=9)
    for axes in (above, below):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.suptitle(f"{np.mean(read == labels):.2%} of {len(read)} held-out digits read right")

    # The misread; then those that were read right, but with the least certainty.
    order = np.argsort(odds[np.arange(len(labels)), labels])
    wrong = int(np.sum(read != labels))
    order = np.concatenate([order[read[order] != labels[order]], order[read[order] == labels[order]]])
    shown = max(18, -(-wrong // 6) * 6)
    for axes, i in zip(right.subplots(shown // 6, 6).ravel(), order, strict=False):
        axes.imshow(images[i, 0], cmap="gray_r", vmin=0, vmax=1)
        if read[i] != labels[i]:
            axes.set_title(f"{labels[i]}, read as {read[i]}", fontsize=9, color="tab:red")
        else:
            axes.set_title(f"{labels[i]}, by {odds[i, labels[i]]:.0%}", fontsize=9)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("tab:red" if read[i] != labels[i] else "lightgray")
    right.suptitle(f"the {wrong} misread, and the least certain of the others" if wrong else "the least certain")
    return figure


# %%
# The training: a one-cycle schedule of the learning rate, and a Trainer that keeps a history of losses and accuracies.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the accuracy on the held-out digits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 6 epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture and the weights")
    options = parser.parse_args(arguments)
    epochs = 6 if options.short else options.epochs

    wengert.seed(options.seed)
    train, test = Digits(), Digits(train=False)
    model = LeNet(classes=10, width=32, dropout=0.2)
    print(model.summary(train[:1][0]), end="\n\n")
    print(f"Training on {len(train)} digits; {len(test)} others are held out.")
    turned = Compose(RandomRotation(10), RandomCrop(8, padding=1))
    loader = DataLoader(train, 32, shuffle=True, transform=turned)
    optimizer = AdamW(model, weight_decay=1e-2)
    trainer = Trainer(
        model,
        optimizer,
        softmax_cross_entropy,
        metrics={"accuracy": accuracy},
        schedule=OneCycle(optimizer, 5e-3, epochs * len(loader), rise=0.2),
    )
    history = trainer.fit(loader, DataLoader(test, 256), epochs)
    right = float(history[-1]["valid_accuracy"])
    print(f"Read {right:.2%} of the held-out digits right, after {sum(row['seconds'] for row in history):.0f} s.")

    figure = draw(history, test, trainer.predict(test[:][0]))
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "digits_cnn.png", dpi=120)
        model.save(folder / "digits_cnn.safetensors")
        print(f"Picture: {(folder / 'digits_cnn.png').resolve()}")
        print(f"Weights: {(folder / 'digits_cnn.safetensors').resolve()}")
    return right


if __name__ == "__main__":
    main()
