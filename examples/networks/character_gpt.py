"""A GPT of characters
===================

A small GPT learns to generate text, character by character. The text is the manual of the Python language, as it lies
in the standard library. Or give a file, ``--text my_book.txt``, or ``--shakespeare``, which is downloaded once.

A minute of training, 1,300 steps, gets to 2.1 bits for a character, and to words; the short form of 60 steps to
letters.

Run as ``python examples/networks/character_gpt.py``: prints what it writes, and leaves that and a picture in
``output/``.
"""

import argparse
import re
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np

import wengert
from wengert.datasets import CharacterDataset, TinyShakespeare
from wengert.functions import softmax, softmax_cross_entropy
from wengert.models import GPT
from wengert.optimizers import AdamW, OneCycle
from wengert.training import Trainer

try:
    import tqdm  # noqa: F401  (the bar of progress)
    from matplotlib import pyplot as plt
except ImportError as error:
    raise SystemExit(f"this example needs {error.name}; install it with: pip install wengert[train]") from error

LENGTH = 64  # the context length
BATCH = 16


def load(options: argparse.Namespace) -> CharacterDataset:
    """Return the text as stretches of characters."""
    if options.shakespeare:
        return TinyShakespeare(length=LENGTH)
    if options.text is not None:
        return CharacterDataset(options.text, length=LENGTH)
    text = "\n\n".join(topics[name] for name in sorted(topics))
    return CharacterDataset(re.sub(r"([ *=-])\1{8,}", r"\1" * 8, text), length=LENGTH)  # lines and gaps cut short


# %%
# A text becomes a sequence of numbers, one for each different character.


def telling(data: CharacterDataset) -> Any:
    """Return the stretch with the most letters, of some, and the character after it."""
    starts = np.arange(0, len(data), LENGTH)
    text = data.decode(data.indices)
    best = max(starts, key=lambda start: sum(c.isalpha() for c in text[start : start + LENGTH]))
    return data.indices[best : best + LENGTH + 1]


def draw(model: GPT, data: CharacterDataset, history: list[dict[str, Any]], stretch: Any) -> Any:
    """Draw the course of the training, and what the model expected at each place of a stretch of the text."""
    with wengert.no_grad(), wengert.test_mode():
        odds = softmax(model(stretch[None, :-1])).data[0]
    came = odds[np.arange(len(odds)), stretch[1:]]
    figure = plt.figure(figsize=(14, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 2.6])
    steps = [row["step"] for row in history]
    left.plot(steps, np.array([row["loss"] for row in history]) / np.log(2), color="tab:gray", label="read")
    left.plot(steps, np.array([row["valid_loss"] for row in history]) / np.log(2), color="tab:blue", label="held out")
    left.set(xlabel="step", ylabel="bits for a character", ylim=(0, None))
    left.legend()
    left.grid(alpha=0.3)
    left.spines[["top", "right"]].set_visible(False)
    likely = np.argsort(-odds, axis=1)[:, :6]
    right.imshow(np.take_along_axis(odds, likely, axis=1).T, cmap="Greens", vmin=0, vmax=1, aspect="auto")
    for place in range(len(odds)):
        color = "black" if came[place] > 0.1 else "tab:red"
        right.text(place, -1, shown(data, stretch[place + 1]), color=color, ha="center", va="center", weight="bold")
        for rank, character in enumerate(likely[place]):
            if odds[place, character] > 0.01:
                color = "white" if odds[place, character] > 0.6 else "black"
                right.text(place, rank, shown(data, character), color=color, ha="center", va="center", fontsize=9)
    right.set(ylim=(5.5, -1.6), xticks=[], yticks=[-1, 0, 5], yticklabels=["text", "likeliest", "6th"])
    right.set_title(
        f"held-out text, and what was expected: {2 ** -np.mean(np.log2(came)):.1f} characters to choose from"
    )
    right.spines[:].set_visible(False)
    return figure


def shown(data: CharacterDataset, number: Any) -> str:
    """Return a character to be drawn: spaces and ends of lines as signs."""
    return data.decode([number]).replace(" ", "␣").replace("\n", "⏎").replace("$", r"\$")


# %%
# The training, on stretches from anywhere in the text; then the model continues a prompt, one character after another.


def main(arguments: list[str] | None = None) -> float:
    """Run the example; return the bits that the model needs for a character of held-out text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, help="a file in UTF-8 to learn from")
    parser.add_argument("--shakespeare", action="store_true", help="learn from his plays: downloads 1 MB, once")
    parser.add_argument("--prompt", help="how what it writes begins")
    parser.add_argument("--epochs", type=int, default=10, help="of --steps steps each")
    parser.add_argument("--steps", type=int, default=130)
    parser.add_argument("--short", "--quick", action="store_true", help="train for 5 epochs of 12 steps")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for the picture and the text")
    options = parser.parse_args(arguments)
    epochs, steps = (5, 12) if options.short else (options.epochs, options.steps)

    wengert.seed(options.seed)
    data = load(options)
    train, valid = data.split(0.95)
    size = len(data.vocabulary)
    model = GPT(vocabulary=size, length=LENGTH, width=96, layers=3, heads=4, dropout=0.0)
    parameters = sum(p.size for p in model.params().values())
    print(f"{len(data.indices):,} characters, {size} different ones; {parameters:,} parameters.")

    # An epoch is a few steps here, on stretches drawn from anywhere.
    rng = np.random.default_rng(options.seed)
    drawn = [(train.batch(rng.integers(len(train), size=BATCH))) for _ in range(epochs * steps)]
    optimizer = AdamW(model, weight_decay=0.05, beta2=0.99)
    trainer = Trainer(
        model,
        optimizer,
        softmax_cross_entropy,
        schedule=OneCycle(optimizer, 4e-3, epochs * steps, rise=0.1),
        clip_norm=1.0,
    )
    held_out = [valid.batch(np.linspace(0, len(valid) - 1, 64, dtype=int))]
    for epoch in range(epochs):
        history = trainer.fit(drawn[epoch * steps : (epoch + 1) * steps], held_out)
    bits = float(history[-1]["valid_loss"] / np.log(2))
    print(f"Needs {bits:.2f} bits for a character of held-out text, after {sum(r['seconds'] for r in history):.0f} s.")

    prompt = options.prompt
    if prompt is None:
        prompt = "The value of " if set("The value of ") <= set(data.vocabulary) else data.decode(data.indices[:8])
    start = data.encode(prompt)
    written = model.generate(start, 60 if options.short else 800, options.temperature, seed=options.seed)
    text = data.decode(written)
    print(f"\n{text}\n")
    figure = draw(model, data, history, telling(valid))
    folder = options.output or (None if options.short else Path("output"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / "character_gpt.png", dpi=120)
        (folder / "character_gpt.txt").write_text(text, encoding="utf-8")
        print(f"Text:    {(folder / 'character_gpt.txt').resolve()}")
        print(f"Picture: {(folder / 'character_gpt.png').resolve()}")
    return bits


if __name__ == "__main__":
    main()
