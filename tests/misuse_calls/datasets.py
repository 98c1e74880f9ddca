"""Valid calls of wengert.datasets: data sets, loaders and transforms, made and read from."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.layers import made, used
from tests.misuse_kinds import (
    ANY, ARRAY, COMPLEX_ARRAY, DTYPE, FLAG, FUNCTION, INTEGERS, NONNEGATIVE, PATH, POSITIVE, RATE, REAL, SEED, SIZE,
    TEXT, Argument, Call, Kind, choice, integer, is_array, is_int, is_real, sizes,
)  # fmt: skip
from wengert import datasets as D
from wengert.datasets import transforms as X

__all__ = ["CALLS"]

DATASET = Kind("a data set", lambda v: hasattr(v, "__len__") and hasattr(v, "__getitem__") and not isinstance(v, dict | tuple))
INDICES = Kind("indices", lambda v: isinstance(v, slice | range | list | np.ndarray) or is_int(v) or hasattr(v, "__next__"))
INDEX = Kind("an index", lambda v: isinstance(v, slice | list | np.ndarray) or is_int(v))
PARTS = Kind("parts", lambda v: is_real(v) or (isinstance(v, tuple | list | np.ndarray) and all(map(is_real, v))))
LABELS = Kind("labels", lambda v: v is None or isinstance(v, bool) or is_array(v))
ANY_ARRAY = Kind("an array", lambda v: not isinstance(v, np.ma.MaskedArray))
FRACTION = Kind("between 0 and 1", lambda v: is_real(v) and 0 < v < 1)
COUNT = integer(1, 2**63 - 1)
TRAIN = Kind("True, False or None", lambda v: v is None or isinstance(v, bool))
NUMBERS = Kind("numbers", lambda v: is_real(v) or (isinstance(v, tuple | list | np.ndarray) and all(map(is_real, v))))
SIGMAS = Kind("positive numbers", lambda v: NUMBERS.accepts(v) and bool(np.all(np.asarray(v) > 0)))
INTERVAL = Kind("two numbers", lambda v: isinstance(v, tuple | list) and len(v) == 2 and all(map(is_real, v)))
ANGLES = Kind("angles", lambda v: (is_real(v) and v >= 0) or INTERVAL.accepts(v))
MODE = choice("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")
URLS = Kind("addresses", lambda v: False)
TEXT_OR_PATH = Kind("text", lambda v: isinstance(v, str))
ANY_RNG = Kind("a generator", lambda v: isinstance(v, np.random.Generator))
RNG = np.random.default_rng


def arrays() -> Any:
    return D.ArrayDataset(np.arange(12.0), np.arange(12) % 3)


def characters() -> Any:
    return D.CharacterDataset("hello world", 2)


def image() -> Any:
    return np.full((3, 8, 8), 0.5, np.float32)


def first(dataset: Any) -> Any:
    return dataset[0]


def changed(transform: Any) -> Any:
    return [transform(image(), RNG(i)) for i in range(4)]


TRANSFORMS: dict[str, dict[str, Argument]] = {
    "Normalize": {"mean": NUMBERS(0.5), "std": SIGMAS(0.5)},
    "Resize": {"size": sizes()(4), "antialias": FLAG(True)},
    "CenterCrop": {"size": sizes()(4)},
    "RandomCrop": {"size": sizes()(4), "padding": integer(0, 2**40)(1), "mode": MODE("reflect")},
    "RandomHorizontalFlip": {"p": RATE(0.5)},
    "RandomVerticalFlip": {"p": RATE(0.5)},
    "RandomRotation": {"degrees": ANGLES(10), "fill": REAL(0.0)},
    "RandomErasing": {"p": RATE(1.0), "scale": INTERVAL((0.02, 0.33)), "ratio": INTERVAL((0.3, 3.3)), "value": REAL(0.0)},
    "ColorJitter": {"brightness": NONNEGATIVE(0.1), "contrast": NONNEGATIVE(0.1)},
}


def transform_assigned(name: str, key: str) -> Call:
    def run(value: Any) -> Any:
        made = getattr(X, name)(**{k: a.value for k, a in TRANSFORMS[name].items()})
        setattr(made, key, value)
        return changed(made)

    return Call(run, {"value": TRANSFORMS[name][key]})


def state_with(key: str) -> Call:
    def run(value: Any) -> Any:
        loader = D.DataLoader(arrays(), 4)
        loader.load_state_dict({**loader.state_dict(), key: value})
        return list(loader)

    known = D.DataLoader(arrays(), 4).state_dict()[key]
    kind = Kind("True or False", lambda v: isinstance(v, bool | np.bool_)) if known.dtype.kind == "b" else SEED
    return Call(run, {"value": kind(known)})


def bundled(name: str) -> Call:
    return made(getattr(D, name), first, train=TRAIN(True), held_out=FRACTION(0.25), seed=SEED(0))


CALLS: dict[str, Callable[[], Call]] = {
    "DataLoader": lambda: made(
        D.DataLoader, list, dataset=DATASET(arrays()), batch_size=COUNT(4), shuffle=FLAG(True), seed=SEED.optional(0),
        drop_last=FLAG(False), collate=FUNCTION.optional(None), transform=FUNCTION.optional(None), threads=integer(0, 2**40)(0),
        workers=integer(0, 2**40)(0), prefetch=integer(1, 2**40)(2),
    ),
    "DataLoader.load_state_dict": lambda: used(
        lambda: D.DataLoader(arrays(), 4), "load_state_dict", state=Kind("a state", lambda v: False)(D.DataLoader(arrays(), 4).state_dict())
    ),
    "ArrayDataset": lambda: made(
        D.ArrayDataset, first, **{"*x": ANY_ARRAY(np.ones(3)), "*t": ANY_ARRAY(np.ones(3))}
    ),
    "Dataset[]": lambda: used(arrays, "__getitem__", **{"*index": INDEX(1)}),
    "Subset": lambda: made(D.Subset, first, dataset=DATASET(arrays()), indices=INDICES([1, 2])),
    "Concatenated": lambda: made(D.Concatenated, first, **{"*a": DATASET(arrays()), "*b": DATASET(arrays())}),
    "Mapped": lambda: made(D.Mapped, first, dataset=DATASET(arrays()), transform=FUNCTION(lambda example: example)),
    "split": lambda: Call(
        D.split, {"dataset": DATASET(arrays()), "parts": PARTS(0.5), "seed": SEED.optional(0), "stratify": LABELS(None)}
    ),
    "split, a part": lambda: Call(lambda part: D.split(arrays(), [part, 6]), {"part": REAL(6)}),
    "collate": lambda: Call(
        D.collate, {
            "examples": Kind("examples", lambda v: isinstance(v, list | tuple | np.ndarray))([np.ones(2), np.ones(2)]),
            "indices": INTEGERS.optional(None),
        }
    ),
    "collate, an example": lambda: Call(lambda example: D.collate([example, example]), {
        "example": Kind("an example", lambda v: not isinstance(v, np.ma.MaskedArray) and not callable(v) and v is not None)(np.ones(2))
    }),
    "CharacterDataset": lambda: made(
        D.CharacterDataset, first, text=TEXT_OR_PATH("hello world"), length=SIZE(4), stride=SIZE(1),
        vocabulary=TEXT.optional(None),
    ),
    "CharacterDataset.encode": lambda: used(characters, "encode", text=TEXT("hello")),
    "CharacterDataset.decode": lambda: used(characters, "decode", indices=INTEGERS([1, 2])),
    "CharacterDataset.split": lambda: used(characters, "split", fraction=FRACTION(0.5)),
    "Digits": lambda: bundled("Digits"),
    "Iris": lambda: bundled("Iris"),
    "Diabetes": lambda: bundled("Diabetes"),
    "Spiral": lambda: made(
        D.Spiral, first, train=FLAG(True), points=SIZE(10), classes=SIZE(3), noise=NONNEGATIVE(0.2), seed=SEED(0)
    ),
    "Sine": lambda: made(
        D.Sine, first, train=FLAG(True), points=integer(2, 2**40)(20), length=SIZE.optional(3), periods=REAL(1.0),
        noise=NONNEGATIVE(0.05), seed=SEED(0),
    ),
    "ImageDataset": lambda: made(
        D.ImageDataset, first, images=ARRAY(np.zeros((2, 1, 3, 3), np.uint8)), labels=INTEGERS(np.array([0, 1]))
    ),
    "read_idx": lambda: Call(D.read_idx, {"path": PATH("nothing")}),
    "OneHot": lambda: made(X.OneHot, lambda f: f((image(), 0)), classes=SIZE(3), dtype=ANY(np.float32)),
    "OneHot()": lambda: Call(lambda label: X.OneHot(3)((image(), label)), {"label": INTEGERS(1)}),
    "Compose": lambda: made(X.Compose, **{"*transform": Kind("transforms", lambda v: callable(v) or v == [])(X.CenterCrop(4))}),
}  # fmt: skip
for one in D.DataLoader(arrays(), 4).state_dict():
    CALLS[f"DataLoader.load_state_dict, {one}"] = lambda key=one: state_with(key)  # type: ignore[misc]
for one, its in TRANSFORMS.items():
    CALLS[one] = lambda name=one, its=its: made(getattr(X, name), changed, **its)  # type: ignore[misc]
    CALLS[f"{one}()"] = lambda name=one, its=its: used(  # type: ignore[misc]
        lambda: getattr(X, name)(**{k: a.value for k, a in its.items()}),
        example=Kind("an image", lambda v: is_array(v, "f") and np.ndim(v) == 3)(image()),
        rng=(ANY if name in ("Normalize", "Resize", "CenterCrop") else ANY_RNG)(RNG(0)),
    )
    for argument in its:
        CALLS[f"{one}.{argument}"] = lambda name=one, key=argument: transform_assigned(name, key)  # type: ignore[misc]
