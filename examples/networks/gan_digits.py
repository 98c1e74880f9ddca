"""A generative adversarial network of digits
==========================================

One network makes handwritten digits from random numbers, another one tells them from real ones, and each learns from
the other.

Run as ``python examples/networks/gan_digits.py``: leaves a picture of what was made after some of the epochs in
``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert.datasets import DataLoader, Digits
from wengert.models import GAN
from wengert.optimizers import Adam
from wengert.training import Callback, Trainer

try:
    import sklearn  # noqa: F401  (the digits are in its files)
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[train]") from error


# %%
# A step trains both networks: the discriminator to tell images that were made from real ones, then the generator to be
# taken for real.


class Adversaries(Trainer):
    """A trainer of two networks: its optimizer is the generator's, and `judge` the discriminator's."""

    judge: Any

    def step(self, batch: Any) -> dict[str, float]:
        model: Any = self.model
        made, judged = model.step(batch[0], self.optimizer, self.judge, smoothing=0.1)
        return {"loss": made, "judging": judged}


class Gallery(Callback):
    """Stores the generator's images for the same latent vectors, after some of the epochs."""

    def __init__(self, epochs: list[int], codes: Any) -> None:
        self.epochs, self.codes = epochs, codes
        self.images: dict[int, Any] = {}

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        if row["epoch"] in self.epochs:
            with wengert.no_grad(), wengert.test_mode():
                self.images[row["epoch"]] = trainer.model(self.codes).data


def tiled(images: Any, rows: int) -> Any:
    """Join images (n, 1, 8, 8) to one, that many rows of them, with white between."""
    framed = np.pad(images.reshape(rows, -1, 8, 8), [(0, 0), (0, 0), (1, 1), (1, 1)])
    return framed.transpose(0, 2, 1, 3).reshape(10 * rows, -1)


def draw(gallery: Gallery, real: Any, history: list[dict[str, Any]]) -> Any:
    """Draw what was made of the same codes as training went on, real digits beside the last, and both losses."""
    figure = plt.figure(figsize=(13, 7.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1, 1.4])
    earlier, last = gallery.epochs[:3], gallery.epochs[-1]
    for axes, epoch in zip(above.subplots(1, len(earlier), squeeze=False)[0], earlier, strict=True):
        axes.imshow(tiled(gallery.images[epoch][:36], 6), cmap="gray_r", vmin=0, vmax=1)
        axes.set(title=f"epoch {epoch}", xticks=[], yticks=[])
    made, given, losses = below.subplots(1, 3)
    made.imshow(tiled(gallery.images[last], 10), cmap="gray_r", vmin=0, vmax=1)
    made.set(title=f"made up, epoch {last}", xticks=[], yticks=[])
    given.imshow(tiled(real, 10), cmap="gray_r", vmin=0, vmax=1)
    given.set(title="real", xticks=[], yticks=[])
    epochs = [row["epoch"] for row in history]
    losses.plot(epochs, [row["loss"] for row in history], color="tab:orange", label="generator")
    losses.plot(epochs, [row["judging"] for row in history], color="tab:blue", label="discriminator")
    losses.axhline(2 * np.log(2), color="tab:blue", linewidth=0.8, linestyle=":", label="if it only guessed")
    losses.set(xlabel="epoch", title="losses", ylim=(0, None))
    losses.legend(fontsize=9)
    losses.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# The training. Neither loss falls for long, as each network makes it harder for the other.


def main(arguments: list[str] | None = None) -> Any:
    """Run the example; return the images that were made last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 6 epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)
    epochs = 6 if options.short else options.epochs

    wengert.seed(options.seed)
    data = Digits(train=None)
    model = GAN(size=8, latent=16, width=32)
    gallery = Gallery(sorted({1, -(-epochs // 20), -(-epochs // 4), epochs}), model.codes(100))
    trainer = Adversaries(model, Adam(model.generator, 1e-3, beta1=0.5), None, callbacks=[gallery])
    trainer.judge = Adam(model.discriminator, 5e-4, beta1=0.5)
    history = trainer.fit(DataLoader(data, 64, shuffle=True, drop_last=True), epochs=epochs)
    print(f"{epochs} epochs: the generator's loss is {history[-1]['loss']:.2f},", end=" ")
    print(f"the discriminator's {history[-1]['judging']:.2f}, where guessing gives {2 * np.log(2):.2f}.")

    figure = draw(gallery, data[:100][0], history)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "gan_digits.png", dpi=120)
        print(f"Picture: {(folder / 'gan_digits.png').resolve()}")
    return gallery.images[epochs]


if __name__ == "__main__":
    main()
