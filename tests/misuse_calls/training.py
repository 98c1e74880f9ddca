"""Valid calls of wengert.training."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_kinds import (
    ANY,
    COUNT,
    FLAG,
    FUNCTION,
    NONNEGATIVE,
    PATH,
    POSITIVE,
    TEXT,
    Call,
    Kind,
    call,
    is_int,
    is_real,
)
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
DECAY = Kind("from 0 to less than 1", lambda v: is_real(v) and 0 <= v < 1)
LEAST = Kind("0 or more", lambda v: is_real(v) and v >= 0)
ROWS = Kind("rows of inputs", lambda v: isinstance(v, np.matrix))  # (which ArrayDataset converts)
PARALLEL = Kind("an MPI, 'auto' or None", lambda v: v is None or (isinstance(v, str) and v == "auto"))
STATE = Kind("a dict or None", lambda v: v is None or v == {})
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


def best() -> Any:
    found, model = training.BestWeights(), Linear(3, 1)
    training.Trainer(model, SGD(model, 0.1), F.mse, callbacks=[found], progress=False).fit(batches())
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
        compile=FLAG(False), parallel=PARALLEL(None),
    )  # fmt: skip


def saved_run() -> str:
    training.save_run("run.safetensors", trainer())
    return "run.safetensors"


CALLS: dict[str, Callable[[], Call]] = {
    "LiveCurve": lambda: call(training.LiveCurve, every=NONNEGATIVE(0.5)),
    "Trainer": new_trainer,
    "Trainer.fit": lambda: call(
        trainer().fit, train=BATCHES(batches()), valid=BATCHES.optional(batches()), epochs=EPOCHS(1),
        batch_size=COUNT(4), shuffle=FLAG(True), patience=PATIENCE(2), monitor=TEXT.optional(None),
        larger_is_better=FLAG(False), checkpoint=SAVED(None), every=EVERY("epoch"), resume=FLAG(True),
    ),
    "Trainer.fit, without options": lambda: call(trainer().fit, train=BATCHES(batches())),
    "Trainer.evaluate": lambda: call(trainer().evaluate, loader=BATCHES(batches())),
    "Trainer.evaluate, arrays": lambda: call(
        trainer().evaluate, loader=ROWS(batches()[0][0]), t=NOTHING(batches()[0][1]), batch_size=COUNT(2)
    ),
    "EMA": lambda: call(training.EMA, model=NOTHING(Linear(3, 1)), decay=DECAY(0.9), warm_up=FLAG(True)),
    "EMA.copy_to": lambda: call(training.EMA(Linear(3, 1)).copy_to, model=NOTHING(Linear(3, 1))),
    "EMA.load_state_dict": lambda: call(
        training.EMA(Linear(3, 1)).load_state_dict, state=NOTHING({"steps": 1, "averages": {}})
    ),
    "EarlyStopping": lambda: call(
        training.EarlyStopping, patience=COUNT(2), monitor=TEXT.optional("loss"), larger_is_better=FLAG(False),
        least_change=LEAST(0.1),
    ),
    "BestWeights": lambda: call(
        training.BestWeights, path=SAVED(None), monitor=TEXT.optional("loss"), larger_is_better=FLAG(False)
    ),
    "BestWeights.restore": lambda: call(best().restore, model=NOTHING(Linear(3, 1))),
    "Monitor.load_state_dict": lambda: call(
        training.EarlyStopping(1).load_state_dict, state=NOTHING(training.EarlyStopping(1).state_dict())
    ),
    "CSVLogger": lambda: call(training.CSVLogger, path=PATH("log.csv")),
    "TensorBoard": lambda: call(
        training.TensorBoard, folder=PATH("runs"), every=COUNT.optional(None), histograms=FLAG(False)
    ),
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
    "save_run": lambda: call(
        training.save_run, path=PATH("r.safetensors"), trainer=NOTHING(trainer()), optimizer=STATE(None)
    ),
    "Trainer.resumes": lambda: call(trainer().resumes, checkpoint=PATH(saved_run())),
    "plot_history": lambda: call(
        training.plot_history, history=HISTORY(history()), path=SAVED("p.png"), best=COUNT.optional(1)
    ),
    "save_history": lambda: call(training.save_history, history=HISTORY(history()), path=PATH("h.csv")),
}  # fmt: skip
