"""Valid calls of wengert.datasets."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.misuse_kinds import (
    ANY,
    ARRAY,
    COUNT,
    DTYPE,
    FLAG,
    FUNCTION,
    INTEGER,
    INTEGERS,
    NONNEGATIVE,
    PATH,
    RATE,
    REAL,
    SEED,
    SIZE,
    TEXT,
    Call,
    Kind,
    call,
    choice,
    is_array,
    is_int,
    is_real,
    is_sizes,
    number,
    sizes,
)  # fmt: skip
from wengert import datasets as D
from wengert.datasets import transforms as T

__all__ = ["CALLS"]

DATASET = Kind("a data set", lambda v: hasattr(v, "__len__") and hasattr(v, "__getitem__"))
INDEX = Kind("an index", lambda v: is_int(v) or is_sizes(v, -100) or is_array(v, "biu") or v == [])
INDICES = Kind("indices", lambda v: INDEX.accepts(v) or hasattr(v, "__next__"))
PART = Kind("True, False or None", lambda v: v is None or isinstance(v, bool | np.bool_))
FIRST = Kind("0 or 1", lambda v: is_int(v) and 0 <= v <= 1)
SMALL = Kind("an integer of at least 0", lambda v: is_int(v) and 0 <= v <= 10**6)
SHARE = number(0, 1, excluded=(0, 1))
ANGLE = Kind("an angle or two", lambda v: (is_real(v) and v >= 0) or v == (-1, -1))
CHANNELS = Kind("a number, or one for each channel", lambda v: is_array(v, "iuf"))
DEVIATION = Kind(
    "a number above 0", lambda v: is_array(v, "iuf") and np.size(v) > 0 and bool((np.asarray(v) > 0).all())
)
PARTS = Kind("fractions or counts", lambda v: False)
EXAMPLES = Kind("examples", lambda v: isinstance(v, list | tuple) or (is_array(v, "biufcOMV") and np.ndim(v) > 0))
ARRAYS = Kind("an array or list", lambda v: hasattr(v, "__len__") and np.ndim(v) > 0)
LENGTHS = Kind("pairs", lambda v: False)
RNG = Kind("a generator", lambda v: False)
IMAGE = Kind("an image", lambda v: False)
TRANSFORMS = ("CenterCrop", "ColorJitter", "Normalize", "RandomCrop", "RandomErasing", "RandomHorizontalFlip",
              "RandomRotation", "Resize")  # fmt: skip
TEXTS = "to be or not to be, that is the question"


def pairs() -> Any:
    return D.ArrayDataset(np.arange(12.0).reshape(6, 2), np.arange(6) % 2)


def image() -> Any:
    return np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4)


def characters() -> Any:
    return D.CharacterDataset(TEXTS, 4)


def idx_file() -> str:
    Path("a.gz").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 5, 6])))
    return "a.gz"


def sample(name: str) -> Any:
    return {
        "CenterCrop": lambda: T.CenterCrop(2),
        "ColorJitter": lambda: T.ColorJitter(0.5, 0.5),
        "Normalize": lambda: T.Normalize(0.5, 0.5),
        "RandomCrop": lambda: T.RandomCrop(2),
        "RandomErasing": lambda: T.RandomErasing(1.0),
        "RandomHorizontalFlip": lambda: T.RandomHorizontalFlip(1.0),
        "RandomRotation": lambda: T.RandomRotation(10),
        "Resize": lambda: T.Resize(2),
    }[name]()


def state_of_a_loader() -> Any:
    return D.DataLoader(pairs(), 2).state_dict()


CALLS: dict[str, Callable[[], Call]] = {
    **{
        name: lambda name=name: call(getattr(D, name), train=FLAG(True), folder=PATH.optional("nothing-there"))
        ._replace(errors=(OSError,))
        for name in ("CIFAR10", "MNIST", "FashionMNIST")
    },
    **{
        name: lambda name=name: call(getattr(D, name), train=PART(True), held_out=SHARE(0.25), seed=SEED(0))
        for name in ("Diabetes", "Digits", "Iris")
    },
    "ArrayDataset": lambda: call(D.ArrayDataset, ARRAYS(np.ones((6, 2))), ARRAYS(np.arange(6))),
    "Dataset.__getitem__": lambda: call(pairs().__getitem__, index=INDEX(0)),
    "Concatenated": lambda: call(D.Concatenated, DATASET(pairs()), DATASET(pairs())),
    "Mapped": lambda: call(D.Mapped, dataset=DATASET(pairs()), transform=FUNCTION(abs)),
    "Subset": lambda: call(D.Subset, dataset=DATASET(pairs()), indices=INDICES([0, 2])),
    "ImageDataset": lambda: call(
        D.ImageDataset, images=Kind("images", lambda v: False)(np.zeros((2, 1, 4, 4), np.uint8)),
        labels=INTEGERS(np.array([0, 1])),
    ),
    "CharacterDataset": lambda: call(
        D.CharacterDataset, text=TEXT(TEXTS), length=COUNT(4), stride=COUNT(1),
        vocabulary=TEXT.optional(None),
    )._replace(errors=(OSError,)),
    "CharacterDataset.encode": lambda: call(characters().encode, text=TEXT("be")),
    "CharacterDataset.decode": lambda: call(characters().decode, indices=INTEGERS(np.array([0, 1]))),
    "CharacterDataset.split": lambda: call(characters().split, fraction=SHARE(0.5)),
    "TinyShakespeare": lambda: call(
        D.TinyShakespeare, length=COUNT(4), stride=COUNT(1), folder=PATH.optional("nothing-there")
    )._replace(errors=(OSError,)),
    "DataLoader": lambda: call(
        D.DataLoader, dataset=DATASET(pairs()), batch_size=COUNT(2), shuffle=FLAG(False), seed=SEED.optional(None),
        drop_last=FLAG(False), collate=FUNCTION.optional(None), transform=FUNCTION.optional(None),
        workers=SMALL(0), threads=SMALL(0), prefetch=COUNT(2),
    ),
    "DataLoader.parts": lambda: call(D.DataLoader(pairs(), 2).parts, number=FIRST(0), of=COUNT(2)),
    "DataLoader.reseed": lambda: call(D.DataLoader(pairs(), 2).reseed, seed=SEED(0)),
    "DataLoader.load_state_dict": lambda: call(
        D.DataLoader(pairs(), 2).load_state_dict, state=Kind("a state", lambda v: False)(state_of_a_loader())
    ),
    "Sine": lambda: call(
        D.Sine, train=FLAG(True), points=SIZE(10), length=SIZE.optional(None), periods=REAL(1.0),
        noise=NONNEGATIVE(0.05), seed=SEED(0),
    ),
    "Spiral": lambda: call(
        D.Spiral, train=FLAG(True), points=SIZE(10), classes=SIZE(3), noise=NONNEGATIVE(0.2), seed=SEED(0)
    ),
    "collate": lambda: call(D.collate, examples=EXAMPLES([(np.ones(2), 1), (np.ones(2), 0)]), indices=ANY(None)),
    "download": lambda: call(
        D.download, urls=TEXT("https://localhost/nothing"), folder=PATH.optional("down"),
        sha256=TEXT.optional(None), md5=TEXT.optional(None), name=TEXT.optional("it"),
        timeout=number(0, excluded=(0,))(1.0), progress=FLAG(False),
    )._replace(errors=(OSError,)),
    "cache_folder": lambda: call(D.cache_folder),
    "read_idx": lambda: call(D.read_idx, path=PATH(idx_file())),
    "split": lambda: call(
        D.split, dataset=DATASET(pairs()), parts=PARTS([0.5, 0.5]), seed=SEED.optional(None),
        stratify=Kind("labels, a flag or None", lambda v: v is None or v is True)(np.arange(6) % 2),
    ),
    "CenterCrop": lambda: call(T.CenterCrop, size=sizes()(2)),
    "ColorJitter": lambda: call(T.ColorJitter, brightness=NONNEGATIVE(0.5), contrast=NONNEGATIVE(0.5)),
    "Compose": lambda: call(T.Compose, FUNCTION(T.CenterCrop(2)), FUNCTION(T.CenterCrop(2))),
    "Compose.__call__": lambda: call(T.Compose(T.CenterCrop(2)), example=IMAGE(image()), rng=ANY(None)),
    "Normalize": lambda: call(T.Normalize, mean=CHANNELS(0.5), std=DEVIATION(0.5)),
    "OneHot": lambda: call(T.OneHot, classes=SIZE(3), dtype=Kind("a dtype", lambda v: True)(np.float32)),
    "OneHot.apply": lambda: call(T.OneHot(3).apply, image=INTEGERS(1)),
    "RandomCrop": lambda: call(
        T.RandomCrop, size=sizes()(2), padding=SMALL(0),
        mode=choice("constant", "edge", "reflect", "symmetric", "wrap")("constant"),
    ),
    "RandomErasing": lambda: call(
        T.RandomErasing, p=RATE(0.5), scale=LENGTHS((0.02, 0.33)), ratio=LENGTHS((0.3, 3.3)), value=REAL(0.0)
    ),
    "RandomHorizontalFlip": lambda: call(T.RandomHorizontalFlip, p=RATE(0.5)),
    "RandomVerticalFlip": lambda: call(T.RandomVerticalFlip, p=RATE(0.5)),
    "RandomRotation": lambda: call(T.RandomRotation, degrees=ANGLE(10), fill=REAL(0.0)),
    "Resize": lambda: call(T.Resize, size=sizes()(2), antialias=FLAG(True)),
}  # fmt: skip
for one in TRANSFORMS:
    CALLS[f"Transform.__call__ of {one}"] = lambda name=one: call(  # type: ignore[misc]
        sample(name), example=IMAGE(image()), rng=ANY(np.random.default_rng(0))
    )
for unused in (ARRAY, COUNT, DTYPE, INTEGER):
    assert unused
