"""Valid calls of wengert.optimizers."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.misuse_calls.layers import MAPPING
from tests.misuse_kinds import (
    COUNT,
    FLAG,
    FUNCTION,
    NONNEGATIVE,
    POSITIVE,
    Argument,
    Call,
    Kind,
    call,
    choice,
    integer,
    is_real,
    number,
)  # fmt: skip
from wengert import Parameter
from wengert import optimizers as O
from wengert.layers import Linear

__all__ = ["CALLS", "parameters", "sgd"]

PARAMS = Kind("parameters", lambda v: isinstance(v, list | dict) and not v)
OPTIMIZER = Kind("an optimizer", lambda v: False)
FRACTION = number(0, 1, excluded=(1,))
CLIP = {"clip_norm": POSITIVE.optional, "clip_value": POSITIVE.optional, "error_if_nonfinite": FLAG}
STEPS = Kind("steps", lambda v: isinstance(v, tuple | list | np.ndarray) and np.size(v) == 0)
PATIENCE = integer(0)
NUMBER = Kind("a number", lambda v: is_real(v) or isinstance(v, float))
# The options of the optimizers, by their defaults: rates and others that are not negative, powers below 1, flags.
FRACTIONS = {"beta1", "beta2", "rho", "alpha"}
POWERS = {"beta2_decay", "clip_threshold"}
COUNTS = {"max_iterations", "history"}


def parameters() -> list[Any]:
    found = [Parameter(np.ones(3)), Parameter(np.ones((2, 2)))]
    for p in found:
        p.grad = np.full(p.shape, 0.5)
    return found


def sgd() -> Any:
    return O.SGD(parameters(), 0.1)


def kind_of(name: str, default: Any) -> Kind:
    if isinstance(default, bool):
        return FLAG
    if name in COUNTS:
        return COUNT
    kind = FRACTION if name in FRACTIONS else POSITIVE if name in POWERS else NONNEGATIVE
    return kind.optional if default is None else kind


def optimizer(name: str) -> Call:
    maker = getattr(O, name)
    given: dict[str, Argument] = {}
    for key, parameter in inspect.signature(maker).parameters.items():
        if key not in ("params", "clipping"):
            given[key] = kind_of(key, parameter.default)(parameter.default)
    given.update({key: kind(None if key != "error_if_nonfinite" else False) for key, kind in CLIP.items()})
    return call(maker, params=PARAMS(parameters()), **given)._replace(open=False)


class Constant(O.Schedule):
    """A schedule of the user's own."""

    def rates(self, step: int) -> Any:
        return np.array([0.1])


def schedule_state() -> dict[str, Any]:
    return O.StepDecay(sgd(), 2).state_dict()


def lbfgs_update() -> Call:
    p = Parameter(np.ones(2))

    def closure() -> Any:
        return np.sum(p * p)

    return call(O.LBFGS([p]).update, closure=FUNCTION(closure))


CALLS: dict[str, Callable[[], Call]] = {
    "Optimizer": lambda: call(
        O.Optimizer, params=PARAMS(parameters()),
        options=Kind("a mapping", lambda v: isinstance(v, dict))({"learning_rate": 0.1}),
        **{key: kind(None if key != "error_if_nonfinite" else False) for key, kind in CLIP.items()},
    )._replace(open=False),
    "Optimizer.add_hook": lambda: call(sgd().add_hook, hook=FUNCTION(print)),
    "Optimizer.load_state_dict": lambda: call(sgd().load_state_dict, arrays=MAPPING(sgd().state_dict())),
    "LBFGS.update": lbfgs_update,
    "CosineDecay": lambda: call(
        O.CosineDecay, optimizer=OPTIMIZER(sgd()), steps=COUNT(5), end=NONNEGATIVE(0.0), restarts=FLAG(False),
        growth=COUNT(1),
    ),
    "ExponentialDecay": lambda: call(O.ExponentialDecay, optimizer=OPTIMIZER(sgd()), factor=NONNEGATIVE(0.5)),
    "LinearDecay": lambda: call(O.LinearDecay, optimizer=OPTIMIZER(sgd()), steps=COUNT(5), end=NONNEGATIVE(0.0)),
    "MultiStepDecay": lambda: call(
        O.MultiStepDecay, optimizer=OPTIMIZER(sgd()), at=STEPS([2, 4]), factor=NONNEGATIVE(0.5)
    ),
    "OneCycle": lambda: call(
        O.OneCycle, optimizer=OPTIMIZER(O.Momentum(parameters())), top=POSITIVE(0.5), steps=integer(2)(5),
        rise=FRACTION(0.3),
        shape=choice("cosine", "linear")("cosine"), start_divisor=POSITIVE(25.0), end_divisor=POSITIVE(100.0),
        momentum=Kind("(lowest, highest)", lambda v: v is None)((0.8, 0.9)),
    ),
    "PolynomialDecay": lambda: call(
        O.PolynomialDecay, optimizer=OPTIMIZER(sgd()), steps=COUNT(5), power=POSITIVE(1.0), end=NONNEGATIVE(0.0)
    ),
    "ReduceOnPlateau": lambda: call(
        O.ReduceOnPlateau, optimizer=OPTIMIZER(sgd()), factor=FRACTION(0.1), patience=PATIENCE(2),
        mode=choice("min", "max")("min"), threshold=NONNEGATIVE(1e-4), relative=FLAG(True), cooldown=PATIENCE(0),
        minimum=NONNEGATIVE(0.0), smallest_change=NONNEGATIVE(1e-8),
    ),
    "ReduceOnPlateau.step": lambda: call(O.ReduceOnPlateau(sgd()).step, metric=NUMBER(1.0)),
    "ReduceOnPlateau.load_state_dict": lambda: call(
        O.ReduceOnPlateau(sgd()).load_state_dict, arrays=MAPPING(O.ReduceOnPlateau(sgd()).state_dict())
    ),
    "Schedule": lambda: call(Constant, optimizer=OPTIMIZER(sgd())),
    "Schedule.load_state_dict": lambda: call(
        O.StepDecay(sgd(), 2).load_state_dict, arrays=MAPPING(schedule_state())
    ),
    "StepDecay": lambda: call(O.StepDecay, optimizer=OPTIMIZER(sgd()), every=COUNT(2), factor=NONNEGATIVE(0.1)),
    "WarmUp": lambda: call(O.WarmUp, after=OPTIMIZER(sgd()), steps=COUNT(2), start=FRACTION(0.0)),
    "WarmUp.step": lambda: call(O.WarmUp(O.ReduceOnPlateau(sgd()), 2).step, NUMBER(1.0)),
    "WarmUp.load_state_dict": lambda: call(
        O.WarmUp(sgd(), 2).load_state_dict, arrays=MAPPING(O.WarmUp(sgd(), 2).state_dict())
    ),
    "clip_gradients_by_norm": lambda: call(
        O.clip_gradients_by_norm, params=PARAMS(parameters()), limit=POSITIVE(1.0),
        order=Kind("a number above 0", lambda v: v == np.inf or POSITIVE.accepts(v))(2), error_if_nonfinite=FLAG(False),
    ),
    "clip_gradients_by_value": lambda: call(
        O.clip_gradients_by_value, params=PARAMS(parameters()), limit=POSITIVE(1.0), error_if_nonfinite=FLAG(False)
    ),
    "Linear as params": lambda: call(O.SGD, params=PARAMS(Linear(2, 2)), learning_rate=NONNEGATIVE(0.1)),
}  # fmt: skip
for one in ("LBFGS", "SGD", "AdaDelta", "AdaGrad", "Adafactor", "Adam", "AdamW", "Lion", "Momentum", "Nesterov",
            "RMSprop"):  # fmt: skip
    CALLS[one] = lambda name=one: optimizer(name)  # type: ignore[misc]
