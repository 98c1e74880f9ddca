"""Checkpoints: a complete run in one file, so that a resumed run equals an uninterrupted one to the bit."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.layers.layer import Layer
from wengert.layers.weights import read_arrays, write_arrays
from wengert.training.run import Run, random_state, set_random_state
from wengert.training.tree import pack, unpack

if TYPE_CHECKING:
    from wengert.training.trainer import Trainer

__all__ = ["load_run", "save_run"]

VERSION = "1"


def save_run(path: str | os.PathLike[str], trainer: Trainer, *, optimizer: Any = None) -> None:
    """Save a run: weights, optimizer, schedule, random states, position in the data, history, early stopping.

    Which parameters are frozen (`Layer.freeze`) is saved too. It is a safetensors file, replaced atomically as by
    `save_weights`. The model's weights can be read separately, by other programs too; their names begin with "model.":
    ``load_weights(model, path, names={"model.": "", "optimizer.": None, "run.": None})``.

    `Trainer.fit` calls this, with ``checkpoint=path``.

    Parameters
    ----------
    path : path
    trainer : Trainer
    optimizer : dict, optional
        The state of the optimizer to save, where its own is only a shard of the whole.

    Raises
    ------
    OSError
        If it cannot be written. The old file is unchanged.
    RuntimeError
        If an exception has interrupted the last update.
    ImportError
        If safetensors is not installed.
    """
    path = options.path(path, "path", "save_run")
    if optimizer is not None and not isinstance(optimizer, dict):
        what = "a state, as optimizer.state_dict() gives"
        raise TypeError(f"save_run takes for optimizer {what}, but got {describe(optimizer)}")
    check_trainer(trainer, "save_run")
    trainer.check_not_interrupted()
    arrays = {f"model.{name}": array for name, array in trainer.model.state_dict().items()}
    state = trainer.optimizer.state_dict() if optimizer is None else optimizer
    arrays |= {f"optimizer.{name}": array for name, array in state.items()}
    run = {each.name: getattr(trainer.run, each.name) for each in dataclasses.fields(Run)}
    for name, loader in (("train_state", trainer.train_loader), ("valid_state", trainer.valid_loader)):
        if run[name] is None and has_state(loader):  # else it is restored later
            run[name] = loader.state_dict()
    tree = {
        "run": run,
        "made_with": made_with(trainer),
        "random": random_state(trainer.model),
        "frozen": [name for name, p in trainer.model.params().items() if not p.requires_grad],
        "schedule": trainer.schedule.state_dict() if has_state(trainer.schedule) else None,
        "callbacks": [each.state_dict() for each in stateful_callbacks(trainer)],
    }
    rest: dict[str, Any] = {}
    text = json.dumps(pack(tree, "run", rest))
    write_arrays(path, arrays | rest, {"wengert": VERSION, "run": text}, "saving a checkpoint")


def load_run(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Load a run saved by `save_run` into a trainer made in the same way.

    The next `Trainer.fit` resumes it, and then restores its loaders. `Trainer.fit` calls this itself, with
    ``checkpoint=path``, if the file exists.

    Raises
    ------
    ValueError
        If the file is damaged, has no run, or is of another model, optimizer, schedule or callbacks; the message lists
        the differences. Nothing is changed then.
    FileNotFoundError, ImportError
        If there is no such file; if safetensors is not installed.
    """
    check_trainer(trainer, "load_run")
    arrays, metadata = read_arrays(path, "loading a checkpoint")
    where = os.fspath(path)
    if "run" not in metadata:
        raise ValueError(f"{where} has {len(arrays)} arrays, but no run; load weights with load_weights(model, path)")
    if metadata.get("wengert") != VERSION:
        raise ValueError(
            f"{where} was saved in version {metadata.get('wengert')} of the format of runs, but this is for version "
            f"{VERSION}; use the Wengert that saved it"
        )
    try:
        tree = unpack(json.loads(metadata["run"]), arrays)
        run = Run(**tree["run"])
        made, random, schedule, callbacks = (tree[name] for name in ("made_with", "random", "schedule", "callbacks"))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the run in {where} is damaged: {error}") from error
    states = [(trainer.model, part(arrays, "model."))]
    states += [(trainer.schedule, schedule)] if has_state(trainer.schedule) else []
    states += [(trainer.optimizer, part(arrays, "optimizer."))]  # after the schedule, which writes rates
    states += zip(stateful_callbacks(trainer), callbacks, strict=False)
    with Uninterrupted():
        load_all(states, trainer, made, random, where)
        for name, p in trainer.model.params().items() if "frozen" in tree else ():
            p.requires_grad = name not in tree["frozen"]
        trainer.run, trainer.random_to_set, trainer.half_done = run, random, False


def load_all(states: list[tuple[Any, Any]], trainer: Trainer, made: dict[str, Any], random: Any, where: str) -> None:
    """Load all states and the random state; if one fails, restore the previous ones."""
    undo: list[Callable[[], Any]] = [partial(set_random_state, trainer.model, random_state(trainer.model))]
    try:
        for whose, mine in made_with(trainer).items():
            if made.get(whose) != mine:
                raise ValueError(f"the run was made with {made.get(whose)} as its {whose}, but the trainer has {mine}")
        for thing, state in states:
            undo.append(restorer_of(thing))
            thing.load_state_dict(state)
        set_random_state(trainer.model, random)
    except BaseException as error:
        for each in reversed(undo):
            with contextlib.suppress(Exception):  # any exception of a callback; the first is reported
                each()
        error.add_note(
            f"read from {where}; make the trainer as it was, or start over: delete the file, or fit(..., resume=False)"
        )
        raise


def made_with(trainer: Trainer) -> dict[str, Any]:
    """Name the classes of the objects whose states are saved, except the model: different classes can have equal
    states."""
    schedule = trainer.schedule
    return {
        "optimizer": type(trainer.optimizer).__name__,
        "schedule": type(schedule).__name__ if has_state(schedule) else None,
        "callbacks with a state": [type(each).__name__ for each in stateful_callbacks(trainer)],
    }


def restorer_of(thing: Any) -> Callable[[], Any]:
    """Return a function that restores the present state of an object."""
    if not isinstance(thing, Layer):
        return partial(thing.load_state_dict, thing.state_dict())
    before = {name: p.data.copy() for name, p in thing.params().items() if p.data is not None}
    before |= {name: array.copy() for name, array in Layer.buffers(thing).items()}
    return partial(thing.load_state_dict, before, strict=False)


def stateful_callbacks(trainer: Trainer) -> list[Any]:
    """Return the callbacks with a state."""
    return [each for each in trainer.callbacks if has_state(each)]


def has_state(thing: Any) -> bool:
    """Whether an object has `state_dict` and `load_state_dict`."""
    return hasattr(thing, "state_dict") and hasattr(thing, "load_state_dict")


def part(arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose names begin with `prefix`, with the prefix removed."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def check_trainer(trainer: Any, whose: str) -> None:
    if not isinstance(getattr(trainer, "run", None), Run):
        raise TypeError(f"{whose} takes (path, trainer), but got {describe(trainer)} as the trainer")
