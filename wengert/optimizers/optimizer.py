"""Optimizer: the base class of all update rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypedDict, Unpack

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.interrupts import Uninterrupted
from wengert.checks.options import flag
from wengert.checks.peer_names import OF_OPTIMIZERS, advise
from wengert.core.variable import Parameter
from wengert.optimizers.clipping import check_finite, clip_gradients_by_norm, clip_gradients_by_value, gradient_of
from wengert.optimizers.groups import (
    ABOVE_ZERO,
    NONNEGATIVE,
    Group,
    Limit,
    check_disjoint,
    check_trainable,
    make_groups,
)
from wengert.optimizers.states import check_state, load_states, save_states

__all__ = ["Clipping", "Optimizer", "state_dtype"]

State = dict[str, Any]


class Clipping(TypedDict, total=False):
    """The options of every optimizer that apply to all groups together."""

    clip_norm: float | None
    clip_value: float | None
    error_if_nonfinite: bool


def state_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the state of a parameter: real, and at least float32."""
    if dtype.kind == "c":
        dtype = np.zeros(0, dtype).real.dtype
    return np.dtype(np.float32) if dtype.itemsize < 4 else dtype.newbyteorder("=")


@advise(OF_OPTIMIZERS)
class Optimizer:
    """Updates parameters in place by their gradients: the base class of all optimizers, and of custom ones.

    A subclass defines `update_one`, and `new_state` if it keeps arrays between steps.

    Parameters
    ----------
    params : Layer, dict of Parameter, iterable of Parameter, or list of dicts
        The parameters to train. Those of a layer are looked up at each update, so that it may grow. A dict in a list is
        a group: ``{"params": ..., "learning_rate": 0.1}``, where "params" is any of the first three, and the rest
        overrides the options.
    options : dict
        The default options of all groups. One of them is ``learning_rate``, 0 or more.
    clip_norm : float, optional
        Scale the gradients of all groups before each update so that their global norm is at most this
        (`clip_gradients_by_norm`).
    clip_value : float, optional
        Clip each element of each gradient to within plus and minus this.
    error_if_nonfinite : bool
        Whether an update raises if a gradient is NaN or infinite, with the parameter's name. By default such gradients
        are applied.

    Attributes
    ----------
    groups : list of Group
        Their options are attributes, readable and assignable; numbers are 0-d arrays.
    half_updated : bool
        Whether an exception has interrupted an update; loading a state resets it.

    Raises
    ------
    TypeError
        If `params` contains anything but floating-point or complex Parameters.
    ValueError
        If there are no parameters, one is in two groups, or an option is out of its range.

    Notes
    -----
    Parameters whose gradient or data is None are skipped, and their step count is unchanged. Not thread-safe.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import Optimizer
    >>> class SignDescent(Optimizer):
    ...     def update_one(self, param, group, state):
    ...         param.data -= group.learning_rate * np.sign(param.grad)
    >>> p = Parameter(np.array([1.0, -1.0]))
    >>> optimizer = SignDescent([p], {"learning_rate": 0.25})
    >>> np.sum(p**2).backward()
    >>> optimizer.update()
    >>> p
    Parameter([ 0.75, -0.75])
    """

    # The range of each option that is not a number from 0 on; and the options that are flags.
    limits: ClassVar[Mapping[str, Limit]] = {}
    switches: ClassVar[tuple[str, ...]] = ()
    transient: ClassVar[tuple[str, ...]] = ("forms", "half_updated")  # no state of their own: they follow from others

    def __init__(self, params: Any, options: Mapping[str, Any], **clipping: Unpack[Clipping]) -> None:
        unknown = sorted(set(clipping) - set(Clipping.__annotations__))
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no option {unknown[0]!r}; "
                f"{'write learning_rate=; ' if unknown[0] == 'lr' else ''}it has: "
                f"{', '.join([*options, *Clipping.__annotations__])}"
            )
        if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
            raise TypeError(
                f"options must be a dict from names to values, but got {describe(options)}; give {type(self).__name__} "
                "an __init__(self, params, learning_rate) that calls "
                'super().__init__(params, {"learning_rate": learning_rate})'
            )
        limits = {name: self.limits.get(name, NONNEGATIVE) for name in options if name not in self.switches}
        self.groups = make_groups(params, options, limits, type(self).__name__)
        self.clip_norm = clipping.get("clip_norm")
        self.clip_value = clipping.get("clip_value")
        self.error_if_nonfinite = clipping.get("error_if_nonfinite", False)
        self.states: dict[Parameter, State] = {}
        self.forms: dict[Parameter, tuple[tuple[int, ...], Any]] = {}  # shape and dtype at the first update
        self.half_updated = False
        self._hooks: list[tuple[Callable[[list[Parameter]], Any]]] = []

    def __setattr__(self, name: str, value: Any) -> None:
        groups = vars(self).get("groups")
        if groups and name != "learning_rate":
            if name in groups[0].options:  # it would have no effect
                raise AttributeError(
                    f"the option {name!r} of {type(self).__name__} belongs to its groups; "
                    f"write optimizer.groups[0].{name} = ..."
                )
            if name == "lr":
                raise AttributeError(f"{type(self).__name__} has no option 'lr'; write optimizer.learning_rate = ...")
        if name == "error_if_nonfinite":
            value = flag(value, name, type(self).__name__)
        elif name in ("clip_norm", "clip_value") and value is not None:
            value = ABOVE_ZERO.checked(value, name, type(self).__name__)
        object.__setattr__(self, name, value)

    @property
    def learning_rate(self) -> Any:
        """The learning rate, a 0-d array; assignment writes into it, in every group.

        With several groups, a read-only copy of that of the first; see `groups` for the others.
        """
        rate = self.groups[0].learning_rate
        if len(self.groups) > 1:
            rate = rate.view()
            rate.flags.writeable = False
        return rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        for group in self.groups:
            group.learning_rate = value

    def cleargrads(self) -> None:
        """Set the gradients of all parameters to None."""
        self.read()
        for group in self.groups:
            for p in group.params:
                p.cleargrad()

    def add_hook(self, hook: Callable[[list[Parameter]], Any]) -> Callable[[], None]:
        """Call `hook` before each update with the list of the parameters that have a gradient.

        The hook may change gradients. It runs before clipping.

        Returns
        -------
        remove : callable
            Removes the hook.
        """
        if not callable(hook):
            raise TypeError(f"a hook must be callable with a list of parameters, but got {describe(hook)}")
        entry = (hook,)  # a new object, so that the same function can be added twice
        self._hooks.append(entry)

        def remove() -> None:
            self._hooks = [kept for kept in self._hooks if kept is not entry]

        return remove

    def update(self) -> None:
        """Make one step: change every parameter that has a gradient, in place.

        Ctrl-C is deferred until all of them are changed.

        Raises
        ------
        ValueError
            If there are no parameters yet, a parameter's shape or dtype is no longer that of the
            first update, an option is out of its range, or, with `error_if_nonfinite`, a gradient is not finite.
            Nothing is changed then.
        RuntimeError
            If an exception has interrupted the last update.
        """
        self.check_not_interrupted()
        self.read()
        if not any(group.params for group in self.groups):
            raise ValueError(
                f"{type(self).__name__} has no parameters to update, because its layer has none; "
                "call the layer once before"
            )
        if self._hooks:
            active = [p for group in self.groups for p in group.params if p.data is not None and p.grad is not None]
            for (hook,) in self._hooks:
                hook(active)
        for group in self.groups:
            group.check()
        self._limit_gradients()
        are_ndarrays = [self._check_parameters(group) for group in self.groups]
        # Overflow shows in the values; a warning at each step would be noise.
        with Uninterrupted(joins=True), np.errstate(all="ignore"):
            vars(self)["half_updated"] = all(are_ndarrays)  # (other array types are not updated in place)
            for group in self.groups:
                self.update_group(group)
            vars(self)["half_updated"] = False

    def check_not_interrupted(self) -> None:
        """Raise RuntimeError if an exception has interrupted the last update."""
        if self.half_updated:
            raise RuntimeError(
                f"the last update of this {type(self).__name__} was interrupted by an exception: some parameters and "
                "states are changed, others are not; load earlier states (model.load_state_dict and "
                "optimizer.load_state_dict, or load_run of a checkpoint), or make a new model and optimizer"
            )

    def _check_parameters(self, group: Group) -> bool:
        """Raise if a parameter with a gradient cannot be updated, before any is changed.

        Returns whether all of them hold ndarrays.
        """
        for p in group.params:
            if p.data is not None and gradient_of(p) is not None:
                self.state_of(p, group)
        return all(p.data is None or isinstance(p.data, np.ndarray) for p in group.params)

    def _limit_gradients(self) -> None:
        if self.error_if_nonfinite:
            check_finite(self.named_parameters())
        if self.clip_value is not None:
            clip_gradients_by_value(self.named_parameters(), self.clip_value)
        if self.clip_norm is not None:
            clip_gradients_by_norm(self.named_parameters(), self.clip_norm)

    def update_group(self, group: Group) -> None:
        """Make one step for the parameters of one group."""
        for p in group.params:
            if p.data is not None and gradient_of(p) is not None:
                make_writeable(p)
                state = self.state_of(p, group)
                state["step"] += 1
                self.update_one(p, group, state)

    def update_one(self, param: Parameter, group: Group, state: State) -> None:
        """Update one parameter by its gradient; defined by subclasses.

        Parameters
        ----------
        param : Parameter
            Its ``data`` must be changed in place, and assigned: ``param.data -= ...`` does both.
        group : Group
            Its options: ``group.learning_rate``.
        state : dict of str to ndarray
            The arrays of `new_state`, to be changed in place, and ``state["step"]``: 1 at the first update.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update_one(param, group, state); define it")

    def new_state(self, data: Any, group: Group) -> State:
        """Return the state arrays of a parameter with the value `data`, by name."""
        return {}

    def state_of(self, p: Parameter, group: Group) -> State:
        """Return the state of a parameter; make it at the first update."""
        form = (p.data.shape, p.data.dtype)
        state = self.states.get(p)
        if p not in self.forms:  # its data may have been None when it was given
            check_trainable(self._name_of(p), p)
        if state is None:
            state = self.states[p] = {"step": np.array(0), **self.new_state(p.data, group)}
        elif self.forms.get(p) != form:
            self._check_form(p, group, state)
        self.forms[p] = form
        return state

    def _check_form(self, p: Parameter, group: Group, state: State) -> None:
        """Raise ValueError if a parameter has changed, or a state loaded before it had data does not match it."""
        name = self._name_of(p)
        if p in self.forms:
            shape, dtype = self.forms[p]
            raise ValueError(
                f"a parameter must keep its shape and dtype while it is trained, but {name!r} had {shape} and "
                f"{dtype} at the first update, and is now {describe(p)}; make a new optimizer for it"
            )
        fresh = self.new_state(p.data, group)
        for key, like in fresh.items():
            if state[key].shape != like.shape:
                raise ValueError(
                    f"the loaded state of {name!r} must have the shape {like.shape}, but {key!r} has "
                    f"{state[key].shape}; it is the state of another model"
                )
            state[key] = state[key].astype(like.dtype)

    def _name_of(self, p: Parameter) -> str:
        return next(name for name, one in self.named_parameters().items() if one is p)

    def read(self) -> None:
        """Read the parameters again from layers that may have grown."""
        changed = [group.may_grow and group.read() for group in self.groups]
        if any(changed):
            check_disjoint(self.groups)
            kept = {p for group in self.groups for p in group.params}
            for p in [p for p in self.states if p not in kept]:
                self.forget(p)

    def forget(self, p: Parameter) -> None:
        """Drop the state of a parameter."""
        self.states.pop(p, None)
        self.forms.pop(p, None)

    def named_parameters(self) -> dict[str, Parameter]:
        """Return all parameters by name; with several groups, prefixed by the number of their group."""
        several = len(self.groups) > 1
        return {
            f"{number}.{name}" if several else name: p
            for number, group in enumerate(self.groups)
            for name, p in zip(group.names, group.params, strict=True)
        }

    def state_dict(self) -> dict[str, Any]:
        """Return copies of options and states, as a flat dict of ndarrays.

        Returns
        -------
        dict of str to ndarray
            ``"groups.0.learning_rate"``, ``"state.weight.step"``, ``"state.weight.mean"``, ...

        Examples
        --------
        >>> import numpy as np
        >>> from wengert import Parameter
        >>> from wengert.optimizers import SGD
        >>> SGD([Parameter(np.ones(3))], learning_rate=0.5).state_dict()["groups.0.learning_rate"]
        array(0.5)
        """
        return save_states(self)

    def load_state_dict(self, arrays: Mapping[str, Any]) -> None:
        """Load a state from `state_dict`; existing arrays are written in place.

        Parameters without a state in `arrays` start over. Nothing is changed on an error.

        Raises
        ------
        ValueError
            If names are missing or unexpected, or shapes differ; the message lists all of them.
        TypeError
            If a value is not a real array.
        """
        check_state(arrays)
        self.read()
        load_states(self, arrays)
        self.half_updated = False

    def before_loading(self, steps: Mapping[Parameter, int]) -> None:
        """Allocate states for the given step counts."""

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self.groups[0].options.items())
        count = sum(len(group.params) for group in self.groups)
        more = f" in {len(self.groups)} groups" if len(self.groups) > 1 else ""
        return f"{type(self).__name__}({count} parameters{more}, {options})"


def make_writeable(p: Parameter) -> None:
    """Replace a read-only array of a parameter by a copy."""
    if not p.data.flags.writeable:
        p.data = p.data.copy()
