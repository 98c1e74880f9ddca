"""Valid calls of wengert.training: a Trainer made, its methods, histories and runs."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.layers import used
from tests.misuse_kinds import (
    ANY, ARRAY, COMPLEX_ARRAY, COUNT, FLAG, FUNCTION, PATH, POSITIVE, TEXT, Argument, Call, Kind, instance, integer, is_int,
    is_real,
)  # fmt: skip
from wengert import layers as L
from wengert import training as T
from wengert.optimizers import SGD

__all__ = ["CALLS"]

BATCHES = Kind("batches", lambda v: v == [("x", "x")])
OPTIMIZER = Kind("an optimizer", lambda v: False)
SCHEDULE = Kind("a schedule or None", lambda v: v is None)
METRICS = Kind("a dict of functions", lambda v: v is None or v == {})
CALLBACKS = Kind("callbacks", lambda v: isinstance(v, tuple | list | dict | str | bytes | np.ndarray) and len(v) == 0)
PATIENCE = Kind("a patience", lambda v: v is None or (is_int(v) and v >= 1) or (isinstance(v, float) and v == np.inf))
EVERY = Kind("when to save", lambda v: (is_int(v) and v >= 1) or (isinstance(v, str) and v == "epoch"))
LOSS = Kind("a loss", lambda v: False)
METRIC = Kind("a number", lambda v: is_real(v) or isinstance(v, float | bool) or (isinstance(v, int) and abs(v) < 1e308))
HISTORY = Kind("a list of dicts", lambda v: isinstance(v, list | dict | tuple | str | bytes | np.ndarray) and len(v) == 0)
ROW = Kind("a row", lambda v: v == {})
X = np.ones((4, 1), np.float32)


def mse(y: Any, t: Any) -> Any:
    return np.mean((y - t) ** 2)


def trainer(**options: Any) -> Any:
    model = L.Linear(1, 1)
    return T.Trainer(model, SGD(model, 0.1), options.pop("loss", mse), **{"progress": False, **options})


def fitted(model: Any, optimizer: Any, *args: Any, **options: Any) -> Any:
    model = L.Linear(1, 1) if isinstance(model, str) and model == "own" else model
    if isinstance(optimizer, str) and optimizer == "own":
        optimizer = SGD(model if isinstance(model, L.Layer) else L.Linear(1, 1), 0.1)
    made = T.Trainer(model, optimizer, *args, **options)
    made.fit([(X, X)])
    return made


def fit_with(name: str) -> Any:
    def run(value: Any) -> Any:
        if name == "batch":
            return trainer().fit([value])
        if name == "input":
            return trainer().fit([(value, X)])
        if name == "metric":
            return trainer(metrics={"m": lambda y, t: value}).fit([(X, X)])
        return trainer(loss=lambda y, t: mse(y, t) if isinstance(value, str) and value == "own" else value).fit([(X, X)])

    return run


def run_saved() -> tuple[str, Any]:
    made = trainer()
    made.fit([(X, X)])
    T.save_run("run.safetensors", made)
    return "run.safetensors", made


ROWS = [{"epoch": 1, "step": 1, "loss": 1.0}]
CALLS: dict[str, Callable[[], Call]] = {
    "Trainer": lambda: Call(
        fitted, {
            "model": instance(L.Layer)("own"), "optimizer": OPTIMIZER("own"), "loss": FUNCTION(mse),
            "metrics": METRICS(None), "schedule": SCHEDULE(None), "clip_norm": POSITIVE.optional(1.0),
            "accumulate": COUNT(1), "callbacks": CALLBACKS(()), "progress": FLAG(False), "compile": FLAG(False),
        }, ("Trainer",),
    ),
    "Trainer.fit": lambda: used(
        trainer, "fit", train=BATCHES([(X, X)]), valid=BATCHES.optional([(X, X)]), epochs=integer(0)(1),
        patience=PATIENCE(2), monitor=TEXT.optional("loss"), larger_is_better=FLAG(False),
        checkpoint=Kind("a path", lambda v: v is None or isinstance(v, str), (OSError,))(None), every=EVERY(1), resume=FLAG(True),
    ),
    "Trainer.fit, saved": lambda: Call(
        lambda **options: trainer().fit([(X, X)], **options),
        {"checkpoint": PATH.optional("fitted.safetensors"), "every": EVERY("epoch"), "resume": FLAG(False)}, ("fit",),
    ),
    "Trainer.evaluate": lambda: used(trainer, "evaluate", loader=BATCHES([(X, X)])),
    "Trainer.predict": lambda: used(
        trainer, "predict", data=ARRAY(X), batch_size=integer(1)(2), targets=FLAG(True)
    ),
    "Trainer.save_history": lambda: used(trainer, "save_history", path=PATH("history.csv")),
    "Trainer.plot": lambda: Call(
        lambda path: (made := trainer(), made.fit([(X, X)]), made.plot(path)),
        {"path": Kind("a path", lambda v: v is None or isinstance(v, str), (OSError,))("history.png")},
    ),
    "save_history": lambda: Call(T.save_history, {"history": HISTORY(ROWS), "path": PATH("history.csv")}),
    "save_history, a row": lambda: Call(lambda row: T.save_history([row], "history.csv"), {"row": ROW(ROWS[0])}),
    "plot_history": lambda: Call(
        T.plot_history, {
            "history": HISTORY(ROWS), "path": PATH.optional("history.png"), "best": Kind("an epoch", lambda v: v is None or is_int(v))(1)
        }
    ),
    "plot_history, a row": lambda: Call(lambda row: T.plot_history([row]), {"row": ROW(ROWS[0])}),
    "save_run": lambda: Call(T.save_run, {"path": PATH("saved.safetensors"), "trainer": instance(T.Trainer)(run_saved()[1])}),
    "load_run": lambda: Call(T.load_run, dict(zip(("path", "trainer"), (PATH(run_saved()[0]), instance(T.Trainer)(run_saved()[1])), strict=True))),
    "Trainer.fit, a batch": lambda: Call(fit_with("batch"), {"value": Kind("a pair", lambda v: False)((X, X))}),
    "Trainer.fit, an input": lambda: Call(fit_with("input"), {"value": COMPLEX_ARRAY(X)}),
    "Trainer.fit, a metric": lambda: Call(fit_with("metric"), {"value": METRIC(1.0)}),
    "Trainer.fit, a loss": lambda: Call(fit_with("loss"), {"value": LOSS("own")}),
}  # fmt: skip
