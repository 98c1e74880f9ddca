"""Checks of a trainer's schedule, and when it is stepped."""

from typing import Any

from wengert.checks.errors import describe
from wengert.optimizers.plateau import ReduceOnPlateau
from wengert.optimizers.schedule import WarmUp

__all__ = ["check_schedule", "described", "takes_result"]


def check_schedule(schedule: Any, optimizer: Any) -> None:
    """Raise unless `schedule` is a schedule, and of `optimizer`, if there is one."""
    if isinstance(schedule, type) or not hasattr(schedule, "step"):
        name = schedule.__name__ if isinstance(schedule, type) else "CosineDecay"
        raise TypeError(
            f"a Trainer takes a schedule, as {name}(optimizer, ...), but got {described(schedule)}; several can be "
            "chained: WarmUp(CosineDecay(optimizer, 1000), 100)"
        )
    its = getattr(schedule, "optimizer", optimizer)
    if optimizer is not None and its is not optimizer:
        raise ValueError(
            f"a Trainer takes a schedule of the Trainer's optimizer, but got {describe(schedule)} of another; "
            "make the optimizer once, and pass it to both"
        )


def described(thing: Any) -> str:
    """Describe an object; a class as a class."""
    return f"the class {thing.__name__}" if isinstance(thing, type) else describe(thing)


def takes_result(schedule: Any) -> bool:
    """Whether a schedule's `step` takes a metric, as that of `ReduceOnPlateau` does, also inside a `WarmUp`."""
    while isinstance(schedule, WarmUp):
        schedule = schedule.after
    return isinstance(schedule, ReduceOnPlateau)
