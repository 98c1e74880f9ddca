"""A variational autoencoder of digits
===================================

The network maps handwritten digits to a plane, and writes a digit for each point of the plane. The training maximizes a
lower bound of the likelihood of the images.

Run as ``python examples/networks/vae_digits.py``: leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

import wengert
from wengert.datasets import DataLoader, Digits
from wengert.functions import sigmoid
from wengert.models import VAE
from wengert.optimizers import Adam, CosineDecay
from wengert.training import Trainer

try:
    import sklearn  # noqa: F401  (the digits are in its files)
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[train]") from error


# %%
# The loss is the model's own: how badly an image is restored from its code, and how far the codes are from a normal
# distribution.


class Autoencoding(Trainer):
    """The target is the image itself; the labels are ignored."""

    def compute(self, batch: Any) -> tuple[Any, dict[str, float]]:
        x = batch[0].reshape(len(batch[0]), -1)
        model: Any = self.model
        return model.loss(self.model(x), x), {}


def tiled(images: Any, rows: int) -> Any:
    """Join images (n, 64) to one, that many rows of them, with white between."""
    framed = np.pad(images.reshape(rows, -1, 8, 8), [(0, 0), (0, 0), (1, 1), (1, 1)])
    return framed.transpose(0, 2, 1, 3).reshape(10 * rows, -1)


def draw(model: VAE, test: Digits, side: int = 16) -> Any:
    """Draw where the held-out digits lie on the plane, what is written there, and how digits are remembered."""
    images, labels = test[:]
    x = images.reshape(len(images), -1)
    with wengert.no_grad(), wengert.test_mode():
        codes = model.encode(x)[0].data
        remembered = sigmoid(model.decode(codes)).data
        # Equally many codes lie between neighbours: about normal, they are dense in the middle.
        line = np.array([NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)], x.dtype)
        across, up = np.meshgrid(line, line[::-1])
        plane = sigmoid(model.decode(np.stack([across, up], axis=-1).reshape(-1, 2))).data
    made = model.sample(20)

    figure = plt.figure(figsize=(14, 5.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 1, 0.55])
    for digit in range(10):
        chosen = labels == digit
        color = f"C{digit}"
        left.scatter(*codes[chosen].T, s=12, color=color, alpha=0.75, linewidths=0)
        left.text(*np.median(codes[chosen], axis=0), str(digit), fontsize=20, weight="bold", ha="center", va="center")
    left.set(title="the codes of held-out digits", aspect="equal", xlim=(-3.4, 3.4), ylim=(-3.4, 3.4))
    left.grid(alpha=0.3)
    middle.imshow(tiled(plane, side), cmap="gray_r", vmin=0, vmax=1)
    middle.set(title="what is written at each place of that plane")
    some = np.concatenate([np.flatnonzero(labels == digit)[:2] for digit in range(10)])
    both = np.concatenate([x[some], remembered[some], made])
    pairs = np.concatenate([tiled(part, 10) for part in np.split(both, 3)], axis=1)
    right.imshow(pairs, cmap="gray_r", vmin=0, vmax=1)
    right.set(title="given | remembered | made up")
    for edge in (19.5, 39.5):
        right.axvline(edge, color="tab:red")
    for axes in (middle, right):
        axes.set(xticks=[], yticks=[])
    return figure


# %%
# The training, with a learning rate that falls along a cosine.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the evidence lower bound of held-out digits, in nats."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 30 epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)
    epochs = 30 if options.short else options.epochs

    wengert.seed(options.seed)
    train, test = Digits(), Digits(train=False)
    model = VAE(64, latent=2, hidden=(256, 128))
    loader = DataLoader(train, 64, shuffle=True)
    optimizer = Adam(model, 2e-3)
    trainer = Autoencoding(model, optimizer, None, schedule=CosineDecay(optimizer, epochs * len(loader)))
    history = trainer.fit(loader, DataLoader(test, 500), epochs)
    bound = -float(history[-1]["valid_loss"])
    print(f"Held-out digits are likely by at least exp({bound:.2f}) each, with codes of two numbers.")

    figure = draw(model, test)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "vae_digits.png", dpi=120)
        print(f"Picture: {(folder / 'vae_digits.png').resolve()}")
    return bound


if __name__ == "__main__":
    main()
