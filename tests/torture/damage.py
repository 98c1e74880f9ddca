"""Files that are damaged: refused by a clear error, or of the very content that was saved; never other numbers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.test_checkpoints import Net, X
from tests.torture.children import in_child
from tests.torture.outcome import Outcome, Tally, rounds
from tests.torture.training_run import Choices, digest, make
from wengert.layers.weights import load_weights, read_arrays, read_weights, save_weights
from wengert.training import load_run

__all__ = ["run"]

SECTOR = 512


def cut(content: bytes, rng: Any) -> bytes:
    return content[: rng.integers(len(content))]


def flipped(content: bytes, rng: Any) -> bytes:
    """One bit, or a few."""
    changed = bytearray(content)
    for _ in range(1 if rng.random() < 0.8 else rng.integers(2, 9)):
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def flipped_header(content: bytes, rng: Any) -> bytes:
    """One bit of what says what is in the file; there is little of it beside the numbers."""
    changed = bytearray(content)
    end = 8 + int.from_bytes(content[:8], "little")
    changed[rng.integers(min(end, len(content)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwritten(content: bytes, rng: Any) -> bytes:
    """Sectors of zeros or noise, as after a power cut; or the end of a file that was written over a longer one."""
    start = int(rng.integers(-(-len(content) // SECTOR))) * SECTOR
    length = min(SECTOR * int(rng.integers(1, 4)), len(content) - start)
    filling = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    return content[:start] + filling + content[start + length :]


def moved(content: bytes, rng: Any) -> bytes:
    """A piece that is missing, is there twice, or lies elsewhere."""
    a, b, c = sorted(int(n) for n in rng.integers(len(content), size=3))
    first, second = content[a:b], content[b:c]
    pieces = (second, first + second + second, second + first)[rng.integers(3)]
    return content[:a] + pieces + content[c:]


def longer(content: bytes, rng: Any) -> bytes:
    return content + rng.bytes(int(rng.integers(1, 100)))


DAMAGES: dict[str, Callable[[bytes, Any], bytes]] = {
    "cut short": cut,
    "with flipped bits": flipped,
    "with a flipped bit in its header": flipped_header,
    "with sectors overwritten": overwritten,
    "with a piece lost, doubled or moved": moved,
    "with something behind": longer,
}


def run(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Damage checkpoints, weights and cached machine code."""
    share = seconds / (2 * len(DAMAGES) + 3)
    checkpoint, weights = folder / "damaged-run", folder / "damaged-weights"
    wengert.seed(0)
    trainer, train, valid = make(Choices(compiled=False))
    trainer.fit(train, valid, epochs=1, checkpoint=checkpoint)
    save_weights(trainer.model, weights, {"epoch": "1"})
    for what, path, check in (("checkpoint", checkpoint, checked_run), ("weights", weights, checked_weights)):
        content, expected = path.read_bytes(), contents(path)
        for how, damage in DAMAGES.items():
            tally = Tally(f"{what} {how}")
            for number in rounds(seed, share, least=50):
                rng = np.random.default_rng(number)
                tally.attempt(number, check, path, content, damage(content, rng), expected, number % 10 == 0)
            yield tally.outcome()
        path.unlink()
    if short:
        share = 0
    tally = Tally("cached machine code, damaged: loaded by itself")
    for number in rounds(seed, share):
        tally.attempt(number, in_child, loaded_code, number, str(folder / "code"))
    yield tally.outcome()
    tally = Tally("cached machine code, damaged: training goes on with it")
    expected_digest: list[Any] = []
    for number in rounds(seed, 2 * share):
        tally.attempt(number, trained_with_damaged_code, number, folder / "code-of-training", expected_digest)
    yield tally.outcome()


def contents(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays of a file as bytes, and its notes."""
    arrays, notes = read_arrays(path, "a trial")
    return {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}, notes


def refused(path: Path, load: Callable[..., Any], *args: Any) -> bool:
    """Whether a file is refused, by the error that says so and names it."""
    try:
        load(*args)
    except ValueError as error:
        text = "\n".join([str(error), *getattr(error, "__notes__", ())])
        if path.name not in text:
            raise AssertionError(f"the error does not name the file: {text}") from error
        return True
    return False


def checked_run(path: Path, whole: bytes, damaged: bytes, expected: Any, closely: bool) -> None:
    """Read a damaged checkpoint, now and then into a trainer; what is refused changes nothing."""
    path.write_bytes(damaged)
    if not refused(path, read_arrays, path, "a trial"):
        same_arrays(path, damaged, whole, expected)
    if closely:
        trainer, _, _ = make(Choices(compiled=False))
        trainer.model(X)
        before = digest(trainer)
        if refused(path, load_run, path, trainer) and digest(trainer) != before:
            raise AssertionError("a checkpoint that was refused has changed the trainer")


def checked_weights(path: Path, whole: bytes, damaged: bytes, expected: Any, closely: bool) -> None:
    """Read damaged weights, now and then into a model."""
    path.write_bytes(damaged)
    if not refused(path, read_weights, path):
        same_arrays(path, damaged, whole, expected)
    if closely:
        model = Net()
        model(X)
        before = {name: array.tobytes() for name, array in model.state_dict().items()}
        if refused(path, load_weights, model, path):
            after = {name: array.tobytes() for name, array in model.state_dict().items()}
            if after != before:
                raise AssertionError("weights that were refused have changed the model")


def same_arrays(path: Path, damaged: bytes, whole: bytes, expected: Any) -> None:
    """Check that a damaged file which is read has the numbers that were saved."""
    if damaged != whole and contents(path)[0] != expected[0]:
        raise AssertionError("a damaged file was read, with other numbers")


# Machine code


def module_text(number: int) -> str:
    return f"define i64 @f() {{\n  ret i64 {number}\n}}\n"


def loaded_code(seed: int, folder: str) -> int:
    """In a child: keep the code of a function, damage it a few times, and call what is made of it."""
    import ctypes

    from wengert.compiler.code import native

    os.environ["WENGERT_CACHE"] = folder
    rng = np.random.default_rng(seed)
    native.Module(module_text(seed))
    path = max(Path(folder).iterdir(), key=lambda each: each.stat().st_mtime_ns)
    whole = path.read_bytes()
    kinds = list(DAMAGES.values())
    for number in range(60):
        path.write_bytes(damaged := kinds[number % len(kinds)](whole, rng))
        loaded = native.counts["loaded"]
        module = native.Module(module_text(seed))
        if ctypes.CFUNCTYPE(ctypes.c_int64)(module.address("f"))() != seed:
            raise AssertionError("damaged machine code was run")
        if native.counts["loaded"] != loaded and damaged != whole:
            raise AssertionError("damaged machine code was loaded")
        if path.read_bytes() != whole:
            raise AssertionError("damaged machine code was not replaced")
    path.unlink()
    return 60


def trained_with_damaged_code(seed: int, folder: Path, expected: list[Any]) -> int:
    """Damage some of the code that a training run has kept, and train again; how many files were damaged."""
    if not expected:
        expected.append(in_child(trained, str(folder)))
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    if not files:
        raise AssertionError("the training run kept no machine code")
    rng = np.random.default_rng(seed)
    kinds = list(DAMAGES.values())
    chosen = [path for path in files if rng.random() < 0.5] or files[:1]
    for path in chosen:
        path.write_bytes(kinds[rng.integers(len(kinds))](path.read_bytes(), rng))
    if in_child(trained, str(folder)) != expected[0]:
        raise AssertionError("training differs after cached machine code was damaged")
    return len(chosen)


def trained(folder: str) -> dict[str, str]:
    """In a child: the digest of a compiled run that keeps its machine code in a folder."""
    os.environ["WENGERT_CACHE"] = folder
    wengert.seed(0)
    trainer, train, valid = make(Choices(compiled=True))
    trainer.fit(train, valid, epochs=1)
    return digest(trainer)
