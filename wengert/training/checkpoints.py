"""A whole run in one file, so that a resumed run equals an uninterrupted one to the bit."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

from wengert.core.errors import describe
from wengert.layers.weights import read_arrays, write_arrays
from wengert.training.run import Run, random_state, set_random_state
from wengert.training.tree import pack, unpack

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["load_run", "save_run"]

VERSION = "1"


def save_run(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Save a run: weights, optimizer, schedule, random states, place in the data, history, early stopping.

    It is a safetensors file, and replaced as `save_weights` replaces one: whole or not at all. The model's
    weights can be read by themselves, by others too; their names begin with "model.":
    ``load_weights(model, path, names={"model.": "", "optimizer.": None, "run.": None})``.

    `Trainer.fit` calls this, with ``checkpoint=path``.

    Raises
    ------
    OSError
        If it cannot be written. The old file is as it was.
    ImportError
        If safetensors is not installed.
    """
    check_trainer(trainer, "save_run")
    arrays = {f"model.{name}": array for name, array in trainer.model.state_dict().items()}
    arrays |= {f"optimizer.{name}": array for name, array in trainer.optimizer.state_dict().items()}
    run = {each.name: getattr(trainer.run, each.name) for each in dataclasses.fields(Run)}
    for name, loader in (("train_state", trainer.train), ("valid_state", trainer.valid)):
        if run[name] is None and has_state(loader):  # else it is to be set yet
            run[name] = loader.state_dict()
    tree = {
        "run": run,
        "random": random_state(trainer.model),
        "schedule": trainer.schedule.state_dict() if has_state(trainer.schedule) else None,
        "callbacks": [each.state_dict() for each in stateful_callbacks(trainer)],
    }
    rest: dict[str, Any] = {}
    text = json.dumps(pack(tree, "run", rest))
    write_arrays(path, arrays | rest, {"wengert": VERSION, "run": text}, "saving a checkpoint")


def load_run(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Load what `save_run` saved, into a trainer made as that one was.

    The next `Trainer.fit` goes on from there; its loaders are then put where they were. `Trainer.fit`
    calls this itself, with ``checkpoint=path``, where there is such a file.

    Raises
    ------
    ValueError
        If the file is not whole, holds no run, or is of another model or optimizer: lists the differences.
    FileNotFoundError, ImportError
        If there is no such file; if safetensors is not installed.
    """
    check_trainer(trainer, "load_run")
    arrays, metadata = read_arrays(path, "loading a checkpoint")
    where = os.fspath(path)
    if "run" not in metadata:
        raise ValueError(f"{where} holds no run, but {len(arrays)} arrays; load weights by load_weights(model, path)")
    if metadata.get("wengert") != VERSION:
        raise ValueError(
            f"{where} was saved in version {metadata.get('wengert')} of the format of runs, but this is for version "
            f"{VERSION}; use the Wengert that saved it"
        )
    try:
        tree = unpack(json.loads(metadata["run"]), arrays)
        run = Run(**tree["run"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the run in {where} is damaged: {error}") from error
    before = {name: p.data.copy() for name, p in trainer.model.params().items() if p.data is not None}
    before |= {name: array.copy() for name, array in trainer.model.buffers().items()}
    try:
        trainer.model.load_state_dict(part(arrays, "model."))
        trainer.optimizer.load_state_dict(part(arrays, "optimizer."))
        load_rest(trainer, tree)
    except (TypeError, ValueError) as error:
        trainer.model.load_state_dict(before, strict=False)
        error.add_note(
            f"read from {where}; make the trainer as it was, or begin anew: delete the file, or fit(..., resume=False)"
        )
        raise
    trainer.run = run
    trainer.random_to_set = tree["random"]
    set_random_state(trainer.model, tree["random"])


def load_rest(trainer: Trainer, tree: dict[str, Any]) -> None:
    """Give the schedule and the callbacks their states."""
    if (tree["schedule"] is not None) != has_state(trainer.schedule):
        had, has = ("a", "no") if tree["schedule"] is not None else ("no", "a")
        raise ValueError(f"the run had {had} schedule, but the trainer has {has} schedule")
    if tree["schedule"] is not None:
        trainer.schedule.load_state_dict(tree["schedule"])
    states, stateful = tree["callbacks"], stateful_callbacks(trainer)
    if len(states) != len(stateful):
        raise ValueError(f"the run had {len(states)} callbacks with a state, but the trainer has {len(stateful)}")
    for each, state in zip(stateful, states, strict=True):
        each.load_state_dict(state)


def stateful_callbacks(trainer: Trainer) -> list[Any]:
    """Return those callbacks that have something to be saved."""
    return [each for each in trainer.callbacks if has_state(each)]


def has_state(thing: Any) -> bool:
    """Whether something says its state, and takes it."""
    return hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Those arrays whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def check_trainer(trainer: Any, whose: str) -> None:
    if not isinstance(getattr(trainer, "run", None), Run):
        raise TypeError(f"{whose} takes (path, trainer), but got {describe(trainer)} as the trainer")
