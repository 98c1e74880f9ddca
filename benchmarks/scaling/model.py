"""What steps and reductions would take on more ranks: ``python -m benchmarks.scaling.model one.json two.json``.

The files are what `benchmarks.scaling.steps` prints on one rank and on two. A ring sums S bytes over n ranks in
``2 (n - 1) latency + 2 (n - 1) / n S / bandwidth``; latency and bandwidth are fitted to what was measured on two ranks.
A step on n ranks takes the time of its part of the batch, a part of it that does not shrink (the update, and what
Python does), and of the reduction what backward does not hide.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["fitted", "reduction", "step"]

RANKS = np.unique(np.round(np.logspace(0, 3, 61)).astype(int))
HIDDEN = 0.5  # the part of a step during which backward computes and buckets are on their way
GRADIENTS = {"mlp": 4 * (784 * 256 + 256 + 256 * 10 + 10), "cnn": 4 * (160 + 4640 + 800 * 128 + 128 + 1290)}
BUCKET = 4 * 2**20
PLACE = Path(__file__).resolve().parents[2] / "docs" / "charts" / "scaling.svg"


def fitted(times: dict[int, float]) -> tuple[float, float]:
    """Return latency (s) and bandwidth (bytes/s) of two ranks, by least squares of the relative errors.

    Examples
    --------
    >>> latency, bandwidth = fitted({1000: 2e-6 + 1e-6, 10000: 2e-6 + 1e-5, 100000: 2e-6 + 1e-4})
    >>> round(1e6 * latency, 6), round(bandwidth / 1e9, 6)
    (1.0, 1.0)
    """
    sizes, seconds = np.array(list(times), float), np.array(list(times.values()))
    matrix = np.stack([2 / seconds, sizes / seconds], axis=1)
    (latency, inverse), *_ = np.linalg.lstsq(matrix, np.ones(len(seconds)), rcond=None)
    return max(float(latency), 1e-9), 1 / max(float(inverse), 1e-15)


def reduction(size: Any, ranks: Any, latency: float, bandwidth: float, bucket: float = BUCKET) -> Any:
    """Return the seconds of the sum of `size` bytes over ranks, in buckets."""
    buckets = np.maximum(1.0, np.ceil(size / bucket))
    return 2 * (ranks - 1) * latency * buckets + 2 * (ranks - 1) / ranks * size / bandwidth


def step(one: float, fixed: float, size: Any, ranks: Any, latency: float, bandwidth: float, share: bool) -> Any:
    """Return the seconds of a step: with `share` the batch is shared by the ranks, else each has as large a batch."""
    part = (one - fixed) / ranks if share else (one - fixed) + 0 * ranks
    seen = np.maximum(reduction(size, ranks, latency, bandwidth) - HIDDEN * part, 0)
    return fixed + part + np.where(ranks > 1, seen, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fit the model of cost, and draw it.")
    parser.add_argument("one", type=Path)
    parser.add_argument("two", type=Path)
    options = parser.parse_args()
    one, two = (json.loads(path.read_text()) for path in (options.one, options.two))
    times = {int(size): seconds for size, seconds in two["reductions"].items()}
    latency, bandwidth = fitted(times)
    print(f"latency {1e6 * latency:.1f} us, bandwidth {bandwidth / 1e9:.2f} GB/s")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    sizes = np.array(list(times))
    axes[0].loglog(sizes, 1e3 * np.array(list(times.values())), "o", label="measured, 2 ranks")
    for ranks in (2, 32, 1000):
        label = f"computed, {ranks:,} ranks"
        axes[0].loglog(sizes, 1e3 * reduction(sizes, ranks, latency, bandwidth), "--", label=label)
    axes[0].set(xlabel="bytes of gradients", ylabel="ms", title="Sum of gradients over all ranks")
    axes[0].legend()
    for work, colour in (("mlp", "C0"), ("cnn", "C1")):
        alone, both = one[work]["compiled"], two[work]["compiled"]
        fixed = float(np.clip(2 * (both - reduction(GRADIENTS[work], 2, latency, bandwidth)) - alone, 0, 0.9 * alone))
        for share, style in ((True, "--"), (False, ":")):
            found = step(alone, fixed, GRADIENTS[work], RANKS, latency, bandwidth, share)
            speed = alone / found * (1 if share else RANKS)
            what = "the same batch, shared" if share else "as large a batch on each"
            axes[1].loglog(RANKS, speed, style, color=colour, label=f"{work}, {what} (computed)")
        axes[1].loglog([1, 2], [1, alone / both], "o", color=colour, label=f"{work}, shared (measured)")
        at = [
            f"{n}: {alone / step(alone, fixed, GRADIENTS[work], n, latency, bandwidth, False) * n:.1f}"
            for n in (2, 8, 64, 1000)
        ]
        print(f"{work}: {1e3 * fixed:.2f} of {1e3 * alone:.2f} ms are fixed; times the examples: {', '.join(at)}")
    axes[1].loglog(RANKS, RANKS, color="0.7", label="ideal")
    axes[1].set(xlabel="ranks", ylabel="examples a second, of one rank", title="Speed")
    axes[1].legend(fontsize=7)
    figure.savefig(PLACE)


if __name__ == "__main__":
    main()
