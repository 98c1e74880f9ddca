"""Valid calls of wengert.training."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_kinds import ANY, COUNT, FLAG, FUNCTION, NONNEGATIVE, PATH, POSITIVE, TEXT, Call, Kind, call, is_int
from wengert import functions as F
from wengert import training
from wengert.layers import Linear
from wengert.optimizers import SGD, StepDecay

__all__ = ["CALLS"]

NOTHING = Kind("of its own kind", lambda v: False)
SCHEDULE = Kind("a schedule or None", lambda v: v is None)
METRICS = Kind("functions by name, or None", lambda v: v is None or v == {})
CALLBACKS = Kind("callbacks", lambda v: isinstance(v, tuple | list) and not v)
HISTORY = Kind("a list of dicts", lambda v: isinstance(v, list) and not v)
BATCHES = Kind("batches", lambda v: False)
PATIENCE = Kind("a number of epochs", lambda v: v is None or v == np.inf or (is_int(v) and v >= 1))
EVERY = Kind("a number of steps, or 'epoch'", lambda v: COUNT.accepts(v) or (isinstance(v, str) and v == "epoch"))
EPOCHS = Kind("a number of epochs", lambda v: is_int(v) and v >= 0)
SAVED = Kind("a path or None", lambda v: v is None or PATH.accepts(v), (OSError,))


def batches() -> Any:
    return [(np.ones((2, 3), np.float32), np.ones((2, 1), np.float32))]


def trainer() -> Any:
    model = Linear(3, 1)
    return training.Trainer(model, SGD(model, 0.1), F.mse, progress=False)


def trained() -> Any:
    found = trainer()
    found.fit(batches())
    return found


def history() -> Any:
    return [{"epoch": 1, "step": 1, "loss": 0.5, "valid_loss": 0.4}]


def new_trainer() -> Call:
    model = Linear(3, 1)
    optimizer = SGD(model, 0.1)
    return call(
        training.Trainer, model=NOTHING(model), optimizer=NOTHING(optimizer), loss=FUNCTION.optional(F.mse),
        metrics=METRICS({"mae": F.mae}), schedule=SCHEDULE(StepDecay(optimizer, 2)),
        clip_norm=POSITIVE.optional(None), accumulate=COUNT(1), callbacks=CALLBACKS([]), progress=FLAG(False),
        compile=FLAG(False),
    )  # fmt: skip


def saved_run() -> str:
    training.save_run("run.safetensors", trainer())
    return "run.safetensors"


CALLS: dict[str, Callable[[], Call]] = {
    "LiveCurve": lambda: call(training.LiveCurve, every=NONNEGATIVE(0.5)),
    "Trainer": new_trainer,
    "Trainer.fit": lambda: call(
        trainer().fit, train=BATCHES(batches()), valid=BATCHES.optional(batches()), epochs=EPOCHS(1),
        patience=PATIENCE(2), monitor=TEXT.optional(None), larger_is_better=FLAG(False),
        checkpoint=SAVED(None), every=EVERY("epoch"), resume=FLAG(True),
    ),
    "Trainer.fit, without options": lambda: call(trainer().fit, train=BATCHES(batches())),
    "Trainer.evaluate": lambda: call(trainer().evaluate, loader=BATCHES(batches())),
    "Trainer.predict": lambda: call(
        trainer().predict, data=Kind("data", lambda v: isinstance(v, list) and not v)(batches()), batch_size=COUNT(2),
        targets=FLAG(True),
    ),
    "Trainer.predict, an array": lambda: call(
        trainer().predict, data=NOTHING(np.ones((2, 3), np.float32)), batch_size=COUNT(2)
    ),
    "Trainer.step": lambda: call(trainer().step, batch=NOTHING(batches()[0])),
    "Trainer.compute": lambda: call(trainer().compute, batch=NOTHING(batches()[0])),
    "Trainer.measured": lambda: call(trainer().measured, y=ANY(np.ones(2)), t=ANY(np.ones(2))),
    "Trainer.save_history": lambda: call(trained().save_history, path=PATH("h.csv")),
    "Trainer.plot": lambda: call(trained().plot, path=SAVED("p.png")),
    "load_run": lambda: call(training.load_run, path=PATH(saved_run()), trainer=NOTHING(trainer())),
    "save_run": lambda: call(training.save_run, path=PATH("r.safetensors"), trainer=NOTHING(trainer())),
    "plot_history": lambda: call(
        training.plot_history, history=HISTORY(history()), path=SAVED("p.png"), best=COUNT.optional(1)
    ),
    "save_history": lambda: call(training.save_history, history=HISTORY(history()), path=PATH("h.csv")),
}  # fmt: skip
