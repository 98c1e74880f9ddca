"""An LSTM continues a sine
========================

An LSTM learns to predict the next value of a noisy sine; then it runs on its own predictions. The phase is one that it
has not seen: it finds it from the values that it hears first.

Run as ``python examples/networks/sine_rnn.py``: leaves a picture in ``output/``.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import Model
from wengert.datasets import DataLoader, Sine
from wengert.functions import mse
from wengert.layers import LSTM, Linear
from wengert.optimizers import Adam, CosineDecay
from wengert.training import Callback, Trainer

try:
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[train]") from error

PERIOD = 40  # steps
LENGTH = 60  # of a stretch to learn from


class Predictor(Model):
    """The next number of a sequence, at each of its steps."""

    def __init__(self, hidden: int) -> None:
        self.lstm = LSTM(1, hidden)
        self.out = Linear(hidden, 1)

    def forward(self, x: Any, state: Any = None) -> Any:
        """Return the numbers after those of `x` (batch, length, 1)."""
        return self.step(x, state)[0]

    def step(self, x: Any, state: Any) -> tuple[Any, Any]:
        """Return the numbers after those of `x`, and the state to go on from."""
        outputs, state = self.lstm(x, state)
        return self.out(outputs), state

    def run_free(self, start: Any, n: int) -> Any:
        """Read `start` (length, 1), then predict `n` numbers, each from the one before."""
        said = []
        with wengert.no_grad(), wengert.test_mode():
            y, state = self.step(start[None], None)
            for _ in range(n):
                said.append(y.data[0, -1, 0])
                y, state = self.step(y.data[:, -1:], state)
        return np.array(said)


# %%
# Running free, the model reads its own output; the state of the LSTM is carried on.


class FreeRuns(Callback):
    """Lets the model run free after some of the epochs."""

    def __init__(self, epochs: list[int], start: Any, n: int) -> None:
        self.epochs, self.start, self.n = epochs, start, n
        self.said: dict[int, Any] = {}

    def on_epoch_end(self, trainer: Trainer, row: dict[str, Any]) -> None:
        if row["epoch"] in self.epochs:
            model: Any = trainer.model
            self.said[row["epoch"]] = model.run_free(self.start, self.n)


def draw(runs: FreeRuns, heard: Any, right: Any, history: list[dict[str, Any]]) -> Any:
    """Draw inputs and predictions after some of the epochs, and the training curves."""
    figure = plt.figure(figsize=(13, 2.0 * len(runs.epochs) + 0.6), layout="constrained")
    left, side = figure.subfigures(1, 2, width_ratios=[3, 1])
    panels = left.subplots(len(runs.epochs), 1, sharex=True, sharey=True)
    time = np.arange(len(right))
    said_at = time[len(heard) :]
    for axes, epoch in zip(panels, runs.epochs, strict=True):
        axes.plot(said_at, right[len(heard) :], color="black", linewidth=0.8, linestyle=":", label="the sine")
        axes.plot(time[: len(heard)], heard[:, 0], ".", color="tab:gray", markersize=3, label="heard")
        axes.plot(said_at, runs.said[epoch], color="tab:red", label="said")
        axes.axvline(len(heard) - 0.5, color="black", linewidth=0.6)
        error = np.sqrt(np.mean((runs.said[epoch] - right[len(heard) :]) ** 2))
        axes.set_title(f"after epoch {epoch}: off by {error:.2f}", fontsize=10, loc="left")
        axes.set(ylim=(-1.5, 1.5), ylabel="")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(loc="upper right", fontsize=9, ncols=3)
    panels[-1].set(xlabel="step", xlim=(0, len(right)))
    axes = side.subplots()
    epochs = [row["epoch"] for row in history]
    axes.semilogy(epochs, [row["loss"] ** 0.5 for row in history], color="tab:gray", label="noisy sine")
    axes.semilogy(epochs, [row["valid_loss"] ** 0.5 for row in history], color="tab:red", label="without noise")
    axes.set(xlabel="epoch", title="how far the next number is off")
    axes.legend(fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# %%
# The training reads stretches of a noisy sine, and is tested on one without noise.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return how far the last free run is from the sine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 4 epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture")
    options = parser.parse_args(arguments)
    epochs = 4 if options.short else max(4, options.epochs)

    wengert.seed(options.seed)
    train = Sine(points=30 * PERIOD + 1, length=LENGTH, periods=30, noise=0.1, seed=options.seed)
    test = Sine(train=False, points=10 * PERIOD + 1, length=LENGTH, periods=10)
    time = 2 * np.pi * np.arange(8 * PERIOD) / PERIOD
    right = np.cos(time)  # it has seen sines only: it has to find the phase
    rng = np.random.default_rng(options.seed)
    heard = (right[:LENGTH] + rng.uniform(-0.1, 0.1, LENGTH)).astype(np.float32)[:, None]

    model = Predictor(32)
    runs = FreeRuns([1, max(2, epochs // 10), max(3, epochs // 3), epochs], heard, len(right) - LENGTH)
    loader = DataLoader(train, 32, shuffle=True)
    optimizer = Adam(model, 1e-2)
    schedule = CosineDecay(optimizer, epochs * len(loader))
    trainer = Trainer(model, optimizer, mse, schedule=schedule, clip_norm=1.0, callbacks=[runs])
    history = trainer.fit(loader, DataLoader(test, 128), epochs)
    off = float(np.sqrt(np.mean((runs.said[epochs] - right[LENGTH:]) ** 2)))
    print(f"Says the next number of a sine to {history[-1]['valid_loss'] ** 0.5:.3f};")
    print(f"running free for {len(right) - LENGTH} steps, it is off by {off:.3f}.")

    figure = draw(runs, heard, right, history)
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "sine_rnn.png", dpi=120)
        print(f"Picture: {(folder / 'sine_rnn.png').resolve()}")
    return off


if __name__ == "__main__":
    main()
