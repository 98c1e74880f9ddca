"""Optimizers and schedules that are made and then stepped, their options assigned, their states loaded."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.used_layers import assigned, made
from tests.misuse_kinds import (
    ARRAY,
    FLAG,
    NONNEGATIVE,
    POSITIVE,
    RATE,
    Argument,
    Call,
    Kind,
    choice,
    integer,
    is_int,
    is_real,
)  # fmt: skip
from wengert import Parameter, Variable
from wengert import optimizers as O

__all__ = ["CALLS"]

FRACTION = Kind("from 0 to below 1", lambda v: is_real(v) and 0 <= v < 1)
PARAMETERS = Kind("parameters", lambda v: False)
OPTIMIZER = Kind("an optimizer", lambda v: isinstance(v, O.Optimizer))
LISTS = tuple | list | np.ndarray
STEPS = Kind("steps", lambda v: isinstance(v, LISTS) and all(is_int(n) and n >= 0 for n in np.ravel(v)))
PAIR = Kind("two numbers", lambda v: v is None or (isinstance(v, tuple) and all(FRACTION.accepts(n) for n in v)))
TOP = Kind("one number, or one for each group", lambda v: POSITIVE.accepts(v))
STATE = Kind("a dict of arrays", lambda v: isinstance(v, dict) and not v)
COUNT = integer(1, 2**63 - 1)
COUNT0 = integer(0, 2**63 - 1)
KINDS = {
    "learning_rate": NONNEGATIVE, "weight_decay": NONNEGATIVE, "eps": NONNEGATIVE, "beta1": FRACTION, "beta2": FRACTION,
    "momentum": NONNEGATIVE, "dampening": NONNEGATIVE, "nesterov": FLAG, "amsgrad": FLAG, "rho": FRACTION,
    "alpha": FRACTION, "centered": FLAG, "rate_decay": NONNEGATIVE, "initial_sum": NONNEGATIVE, "beta2_decay": POSITIVE,
    "eps1": POSITIVE.optional, "eps2": NONNEGATIVE, "clip_threshold": POSITIVE, "clip_norm": POSITIVE.optional,
    "clip_value": POSITIVE.optional, "error_if_nonfinite": FLAG,
}  # fmt: skip
OWN = object()  # in place of what is made anew for each call
CLIPPING = {"clip_norm": None, "clip_value": None, "error_if_nonfinite": False}


def scalar(kind: Kind) -> Kind:
    """What the options of a group take: Variables of one number too."""

    def accepts(value: Any) -> bool:
        return kind.accepts(value.data if isinstance(value, Variable) else value)

    return Kind(kind.name, accepts)


def parameters() -> Any:
    return [Parameter(np.ones(3, np.float32))]


def sgd(**options: Any) -> Any:
    return O.SGD(parameters(), 0.1, **{"momentum": 0.5, **options})


def stepped(optimizer: Any) -> Any:
    for group in optimizer.groups:
        for p in group.params:
            p.grad = np.ones_like(p.data)
    optimizer.update()
    return optimizer


def options_of(cls: Any) -> dict[str, Any]:
    found = {p.name: p.default for p in inspect.signature(cls).parameters.values() if p.default is not p.empty}
    return {**found, **({"momentum": 0.5} if cls is O.SGD else {})}


def optimizer(cls: Any) -> Call:
    def make(params: Any = OWN, **options: Any) -> Any:
        return cls(parameters() if params is OWN else params, **options)

    make.__name__ = cls.__name__
    options = {**options_of(cls), **CLIPPING}
    return made(make, stepped, params=PARAMETERS(OWN), **{n: scalar(KINDS[n])(v) for n, v in options.items()})


def assigned_to_group(cls: Any, name: str, value: Any) -> Call:
    def run(value: Any) -> Any:
        made = cls(parameters(), **({"momentum": 0.5} if cls is O.SGD else {}))
        setattr(made.groups[0], name, value)
        return stepped(made)

    return Call(run, {"value": scalar(KINDS[name])(value)})


def loaded(key: str, argument: Argument) -> Call:
    def run(value: Any) -> Any:
        made = stepped(sgd())
        made.load_state_dict({**made.state_dict(), key: value})
        return stepped(made)

    return Call(run, {"value": argument})


SCHEDULES: dict[str, dict[str, Argument]] = {
    "StepDecay": {"every": COUNT(2), "factor": NONNEGATIVE(0.1)},
    "MultiStepDecay": {"at": STEPS([1, 2]), "factor": NONNEGATIVE(0.1)},
    "ExponentialDecay": {"factor": NONNEGATIVE(0.9)},
    "PolynomialDecay": {"steps": COUNT(5), "power": POSITIVE(1.0), "end": NONNEGATIVE(0.0)},
    "LinearDecay": {"steps": COUNT(5), "end": NONNEGATIVE(0.0)},
    "CosineDecay": {"steps": COUNT(5), "end": NONNEGATIVE(0.0), "restarts": FLAG(True), "growth": COUNT(2)},
    "OneCycle": {
        "top": TOP(1.0), "steps": integer(2, 2**63 - 1)(5), "rise": FRACTION(0.3),
        "shape": choice("cosine", "linear")("cosine"), "start_divisor": POSITIVE(25.0), "end_divisor": POSITIVE(1e4),
        "momentum": PAIR(None),
    },
    "ReduceOnPlateau": {
        "factor": FRACTION(0.1), "patience": COUNT0(1), "mode": choice("min", "max")("min"),
        "threshold": NONNEGATIVE(1e-4), "relative": FLAG(True), "cooldown": COUNT0(0), "minimum": NONNEGATIVE(0.0),
        "smallest_change": NONNEGATIVE(1e-8),
    },
}  # fmt: skip


def walked(schedule: Any) -> Any:
    for _ in range(3):
        schedule.step(1.0) if isinstance(schedule, O.ReduceOnPlateau) else schedule.step()
    return schedule


def schedule(name: str, **arguments: Argument) -> Call:
    first = "after" if name == "WarmUp" else "optimizer"

    def make(**options: Any) -> Any:
        given = options.pop(first, None)
        return getattr(O, name)(sgd() if given is OWN else given, **options)

    make.__name__ = name
    return made(make, walked, **{first: OPTIMIZER(OWN)}, **arguments)


def loss_of_lbfgs(value: Any) -> Any:
    own = parameters()
    return O.LBFGS(own).update(lambda: np.sum(own[0] ** 2) if value is OWN else value)


CALLS: dict[str, Callable[[], Call]] = {
    "LBFGS.update, the loss": lambda: Call(
        loss_of_lbfgs, {"value": Kind("a loss", lambda v: False)(OWN)}
    ),
    "Optimizer, a group": lambda: Call(
        lambda params, learning_rate: stepped(
            O.SGD([{"params": parameters() if params is OWN else params, "learning_rate": learning_rate}])
        ),
        {"params": PARAMETERS(OWN), "learning_rate": scalar(NONNEGATIVE)(0.1)},
    ),
    "Optimizer.load_state_dict, a rate": lambda: loaded("groups.0.learning_rate", ARRAY(np.array(0.1))),
    "Optimizer.load_state_dict, a step": lambda: loaded("state.0.step", ARRAY(np.array(1))),
    "Optimizer.load_state_dict, a mean": lambda: loaded("state.0.momentum", ARRAY(np.ones(3, np.float32))),
    "WarmUp, used": lambda: schedule("WarmUp", steps=COUNT(2), start=RATE(0.1)),
    "OneCycle, a range of momentum": lambda: Call(
        lambda momentum: walked(O.OneCycle(sgd(), 1.0, 5, momentum=momentum)), {"momentum": PAIR((0.8, 0.9))}
    ),
}  # fmt: skip
for one in ("SGD", "Momentum", "Nesterov", "Adam", "AdamW", "AdaGrad", "AdaDelta", "RMSprop", "Lion", "Adafactor"):
    known = getattr(O, one)
    CALLS[f"{one}, used"] = lambda cls=known: optimizer(cls)  # type: ignore[misc]
    for key, default in options_of(known).items():
        CALLS[f"{one}.groups[0].{key}, assigned"] = (  # type: ignore[misc]
            lambda cls=known, key=key, default=default: assigned_to_group(cls, key, default)
        )
for key, default in {"learning_rate": 0.1, **CLIPPING}.items():
    CALLS[f"Optimizer.{key}, assigned"] = lambda key=key, default=default: assigned(  # type: ignore[misc]
        sgd, key, scalar(KINDS[key])(default), stepped
    )
for one, its in SCHEDULES.items():
    CALLS[f"{one}, used"] = lambda name=one, its=its: schedule(name, **its)  # type: ignore[misc]
    for key in its:
        if key != "top":
            CALLS[f"{one}.{key}, assigned"] = lambda name=one, key=key, its=its: assigned(  # type: ignore[misc]
                lambda: getattr(O, name)(sgd(), **{k: a.value for k, a in its.items()}), key, its[key], walked
            )
