"""Data sets, loaders, transforms and trainers that are made and then used, and whose options are assigned."""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from tests.misuse_calls.used_layers import made
from tests.misuse_kinds import (
    COMPLEX_ARRAY,
    COUNT,
    FLAG,
    FUNCTION,
    NONNEGATIVE,
    PATH,
    POSITIVE,
    RATE,
    REAL,
    SEED,
    SIZE,
    TEXT,
    Argument,
    Call,
    Kind,
    choice,
    instance,
    integer,
    is_int,
    is_real,
    sizes,
)  # fmt: skip
from wengert import datasets as D
from wengert import layers as L
from wengert import training as T
from wengert.datasets import transforms as X
from wengert.optimizers import SGD

__all__ = ["CALLS"]

DATASET = Kind("a data set", lambda v: hasattr(v, "__getitem__") and not isinstance(v, dict | tuple))
INDICES = Kind("indices", lambda v: isinstance(v, slice | tuple | list | np.ndarray | Generator) or is_int(v))
NUMBERS = Kind("numbers", lambda v: is_real(v) or (isinstance(v, tuple | list | np.ndarray) and all(map(is_real, v))))
SIGMAS = Kind("positive numbers", lambda v: NUMBERS.accepts(v) and bool(np.all(np.asarray(v) > 0)))
INTERVAL = Kind("two numbers", lambda v: isinstance(v, tuple | list) and len(v) == 2 and all(map(is_real, v)))
ANGLES = Kind("angles", lambda v: (is_real(v) and v >= 0) or INTERVAL.accepts(v))
MODE = choice("constant", "edge", "linear_ramp", "maximum", "mean", "median", "minimum", "reflect", "symmetric", "wrap")
RNG = np.random.default_rng
EXAMPLE = Kind("an example", lambda v: not isinstance(v, np.ma.MaskedArray) and not callable(v) and v is not None)
METRICS = Kind("a dict of functions", lambda v: v is None or v == {})
CALLBACKS = Kind("callbacks", lambda v: isinstance(v, tuple | list) and len(v) == 0)
EVERY = Kind("when to save", lambda v: (is_int(v) and v >= 1) or (isinstance(v, str) and v == "epoch"))
METRIC = Kind("a number", lambda v: is_real(v) or isinstance(v, float | bool))
ROW = Kind("a row", lambda v: v == {})
OWN = object()  # in place of what is made anew for each call
ROWS = {"epoch": 1, "step": 1, "loss": 1.0}
XS = np.ones((4, 1), np.float32)


def arrays() -> Any:
    return D.ArrayDataset(np.arange(12.0), np.arange(12) % 3)


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
    "RandomErasing": {"p": RATE(1.0), "scale": INTERVAL((0.02, 0.33)), "ratio": INTERVAL((0.3, 3.3)), "value": REAL(0)},
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


def mse(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


def trainer(**options: Any) -> Any:
    model = L.Linear(1, 1)
    return T.Trainer(model, SGD(model, 0.1), options.pop("loss", mse), **{"progress": False, **options})


def fitted(model: Any, optimizer: Any, *args: Any, **options: Any) -> Any:
    model = L.Linear(1, 1) if model is OWN else model
    if optimizer is OWN:
        optimizer = SGD(model if isinstance(model, L.Layer) else L.Linear(1, 1), 0.1)
    made = T.Trainer(model, optimizer, *args, **options)
    made.fit([(XS, XS)])
    return made


def fit_with(name: str) -> Any:
    def run(value: Any) -> Any:
        if name == "batch":
            return trainer().fit([value])
        if name == "input":
            return trainer().fit([(value, XS)])
        if name == "metric":
            return trainer(metrics={"m": lambda y, t: value}).fit([(XS, XS)])
        return trainer(loss=lambda y, t: mse(y, t) if value is OWN else value).fit([(XS, XS)])

    return run


CALLS: dict[str, Callable[[], Call]] = {
    "DataLoader": lambda: made(
        D.DataLoader, list, dataset=DATASET(arrays()), batch_size=COUNT(4), shuffle=FLAG(True), seed=SEED.optional(0),
        drop_last=FLAG(False), collate=FUNCTION.optional(None), transform=FUNCTION.optional(None),
    ),
    "Subset": lambda: made(D.Subset, first, dataset=DATASET(arrays()), indices=INDICES([1, 2])),
    "Concatenated": lambda: made(D.Concatenated, first, **{"*a": DATASET(arrays()), "*b": DATASET(arrays())}),
    "Mapped": lambda: made(D.Mapped, first, dataset=DATASET(arrays()), transform=FUNCTION(lambda example: example)),
    "CharacterDataset": lambda: made(
        D.CharacterDataset, first, text=TEXT("hello world"), length=SIZE(4), stride=SIZE(1),
        vocabulary=TEXT.optional(None),
    ),
    "split, a part": lambda: Call(lambda part: D.split(arrays(), [part, 6]), {"part": REAL(6)}),
    "collate, an example": lambda: Call(lambda one: D.collate([one, one]), {"one": EXAMPLE(np.ones(2))}),
    "Trainer": lambda: Call(
        fitted, {
            "model": instance(L.Layer)(OWN), "optimizer": Kind("an optimizer", lambda v: False)(OWN),
            "loss": FUNCTION(mse), "metrics": METRICS(None), "schedule": Kind("None", lambda v: v is None)(None),
            "clip_norm": POSITIVE.optional(1.0), "accumulate": COUNT(1), "callbacks": CALLBACKS(()),
            "progress": FLAG(False), "compile": FLAG(False),
        }, ("Trainer",),
    ),
    "Trainer.fit, saved": lambda: Call(
        lambda **options: trainer().fit([(XS, XS)], **options),
        {"checkpoint": PATH.optional("fitted.safetensors"), "every": EVERY("epoch"), "resume": FLAG(False)}, ("fit",),
    ),
    "save_history, a row": lambda: Call(lambda row: T.save_history([row], "history.csv"), {"row": ROW(dict(ROWS))}),
    "plot_history, a row": lambda: Call(lambda row: T.plot_history([row]), {"row": ROW(dict(ROWS))}),
    "Trainer.fit, a batch": lambda: Call(fit_with("batch"), {"value": Kind("a pair", lambda v: False)((XS, XS))}),
    "Trainer.fit, an input": lambda: Call(fit_with("input"), {"value": COMPLEX_ARRAY(XS)}),
    "Trainer.fit, a metric": lambda: Call(fit_with("metric"), {"value": METRIC(1.0)}),
    "Trainer.fit, a loss": lambda: Call(fit_with("loss"), {"value": Kind("a loss", lambda v: False)(OWN)}),
}  # fmt: skip
CALLS = {name if "," in name else f"{name}, used": make for name, make in CALLS.items()}
for one in D.DataLoader(arrays(), 4).state_dict():
    CALLS[f"DataLoader.load_state_dict, {one}"] = lambda key=one: state_with(key)  # type: ignore[misc]
for one, its in TRANSFORMS.items():
    CALLS[f"{one}, used"] = lambda name=one, its=its: made(getattr(X, name), changed, **its)  # type: ignore[misc]
    for argument in its:
        CALLS[f"{one}.{argument}, assigned"] = (  # type: ignore[misc]
            lambda name=one, key=argument: transform_assigned(name, key)
        )
