"""Parameter groups of an optimizer, each with its own options."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from wengert.checks.errors import describe
from wengert.checks.options import flag, integer, real
from wengert.core.variable import Parameter, Variable, is_array

__all__ = [
    "ABOVE_ZERO",
    "COUNT",
    "FRACTION",
    "NONNEGATIVE",
    "Group",
    "Limit",
    "check_disjoint",
    "check_trainable",
    "make_groups",
    "named_parameters",
]


class Limit(NamedTuple):
    """The valid range of a numeric option."""

    least: float = -np.inf
    above: float = -np.inf
    below: float = np.inf
    whole: bool = False
    optional: bool = False  # whether it may be None

    def holds(self, number: float) -> bool:
        """Whether a number is valid: as `checked`, but cheaper."""
        return self.least <= number and self.above < number < self.below

    def checked(self, value: Any, name: str, whose: str) -> float:
        """Return one real number as a float, or a count as an int, or raise."""
        value = value.data if isinstance(value, Variable) else value
        if self.whole:
            # options are float64 arrays, also counts: `a.history = b.history`
            if (
                isinstance(value, np.ndarray)
                and value.dtype.kind == "f"
                and value.ndim == 0
                and float(value).is_integer()
            ):
                value = int(value)
            return integer(value, name, whose, int(self.least))
        return real(value, name, whose, self.least, above=self.above, below=self.below)


NONNEGATIVE = Limit(least=0.0)
FRACTION = Limit(least=0.0, below=1.0)
ABOVE_ZERO = Limit(above=0.0)
COUNT = Limit(least=1.0, whole=True)


class Group:
    """Parameters that are trained with the same options.

    Each option is an attribute. Numbers (``learning_rate``, ``weight_decay``, ...) are 0-d float64 arrays that keep
    their identity: assignment writes into the array. Flags are bools.

    Attributes
    ----------
    params : list of Parameter
    names : list of str
        The names of the parameters in the layer or dict that they come from, else their positions.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Parameter
    >>> from wengert.optimizers import SGD
    >>> group = SGD([Parameter(np.ones(3))], learning_rate=0.5).groups[0]
    >>> rate = group.learning_rate
    >>> group.learning_rate = 0.25
    >>> rate
    array(0.25)
    """

    transient: ClassVar[tuple[str, ...]] = ("names", "limits", "owner")  # no state of their own

    params: list[Parameter]
    names: list[str]
    options: dict[str, Any]

    def __init__(self, source: Any, options: Mapping[str, Any], limits: Mapping[str, Limit], owner: str) -> None:
        own = vars(self)  # bypasses __setattr__
        own.update(source=source, params=[], names=[], options={}, limits=limits, owner=owner)
        for name, value in options.items():
            self.set_option(name, value)

    def __getattr__(self, name: str) -> Any:
        options = vars(self).get("options", {})
        if name in options:
            return options[name]
        raise AttributeError(
            f"{vars(self).get('owner', 'this optimizer')} has no option {name!r}; it has: {', '.join(options)}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.options:
            raise AttributeError(f"{self.owner} has no option {name!r}; it has: {', '.join(self.options)}")
        self.set_option(name, value)

    def set_option(self, name: str, value: Any) -> None:
        """Check an option and assign it, numbers in place."""
        limit = self.limits.get(name)
        if limit is None:
            self.options[name] = flag(value, name, self.owner)
        elif value is None and limit.optional:
            self.options[name] = None
        else:
            number = limit.checked(value, name, self.owner)
            old = self.options.get(name)
            if old is None:
                self.options[name] = np.array(number, float)
            else:
                old[...] = number

    def check(self) -> None:
        """Raise ValueError where an in-place write made an option invalid."""
        for name, limit in self.limits.items():
            value = self.options.get(name)
            if value is not None and not limit.holds(value.item()):
                limit.checked(value, name, self.owner)

    def read(self) -> bool:
        """Read the parameters from the source again; return whether they have changed."""
        found = named_parameters(self.source)
        params = list(found.values())
        if len(params) == len(self.params) and all(map(_is, params, self.params)):
            return False
        vars(self).update(params=params, names=list(found))
        return True

    @property
    def may_grow(self) -> bool:
        """Whether parameters may be added later, as by a layer at its first call."""
        return hasattr(self.source, "params")

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"Group({len(self.params)} parameters, {options})"


def _is(a: Any, b: Any) -> bool:
    return a is b


def named_parameters(source: Any) -> dict[str, Parameter]:
    """Return the parameters of a layer, a dict or an iterable by name, each once.

    Raises
    ------
    TypeError
        If there is anything other than floating-point or complex Parameters.
    """
    if hasattr(source, "params") and callable(source.params):
        source = source.params()
    if isinstance(source, Variable):
        raise TypeError(f"parameters must be given as a Layer, a dict or a list, but got {describe(source)}; write [p]")
    if isinstance(source, Mapping):
        items: Iterable[tuple[Any, Any]] = source.items()
    elif isinstance(source, Iterable) and not isinstance(source, str | bytes | np.ndarray):
        items = ((str(i), p) for i, p in enumerate(source))
    else:
        is_rate = isinstance(source, (int, float))
        hint = "; an optimizer is made for its model: SGD(model, 0.1), not SGD(0.1).setup(model)" if is_rate else ""
        raise TypeError(f"parameters must be given as a Layer, a dict or a list, but got {describe(source)}{hint}")
    found: dict[str, Parameter] = {}
    seen: set[int] = set()
    for name, p in items:
        p = getattr(p, "parameter", p)  # (a name that `Layer.params` has yielded)
        if not isinstance(p, Parameter):
            hint = "; make it one: Parameter(x.data)" if isinstance(p, Variable) else ""
            raise TypeError(f"each of the parameters must be a Parameter, but {name!r} is {describe(p)}{hint}")
        check_trainable(name, p)
        if id(p) not in seen:
            seen.add(id(p))
            found[name] = p
    return found


def check_trainable(name: str, p: Parameter) -> None:
    """Raise TypeError if the data of a parameter, unless it is None, cannot be trained."""
    data = p.data
    if data is None:
        return
    if data.dtype.kind not in "fc":
        raise TypeError(
            f"a parameter that is trained must be floating-point or complex, but {name!r} is {describe(p)}; "
            "convert it: Parameter(array.astype(np.float32))"
        )
    if not is_array(data):
        raise TypeError(f"optimizers update ndarrays in place, but {name!r} holds {describe(data)}")


def make_groups(params: Any, options: Mapping[str, Any], limits: Mapping[str, Limit], owner: str) -> list[Group]:
    """Make the groups of an optimizer from its argument `params`; see `Optimizer`.

    Raises
    ------
    TypeError, ValueError
        If there are no parameters, or options or parameters are invalid.
    """
    if _is_group(params):
        params = [params]
    else:
        params = read_once(params)
    groups = []
    if isinstance(params, list) and params and all(_is_group(entry) for entry in params):
        for entry in params:
            own = {name: value for name, value in entry.items() if name != "params"}
            unknown = sorted(set(own) - set(options), key=str)
            if unknown:
                raise ValueError(
                    f"{owner} has no option {unknown[0]!r} for a group of parameters; it has: {', '.join(options)}"
                )
            groups.append(Group(read_once(entry["params"]), {**options, **own}, limits, owner))
    else:
        groups.append(Group(params, options, limits, owner))
    for group in groups:
        group.read()
        if not group.params and not group.may_grow:
            raise ValueError(f"{owner} needs parameters to train, but got an empty {type(group.source).__name__}")
    check_disjoint(groups)
    return groups


def read_once(source: Any) -> Any:
    """Convert an iterator, which can be read only once, to a list."""
    if isinstance(source, Mapping | Variable | np.ndarray) or hasattr(source, "params"):
        return source
    return list(source) if isinstance(source, Iterable) else source


def _is_group(entry: Any) -> bool:
    return isinstance(entry, Mapping) and "params" in entry and not isinstance(entry["params"], Variable)


def check_disjoint(groups: list[Group]) -> None:
    """Raise ValueError if a parameter is in two groups: it would be updated twice."""
    seen: dict[int, int] = {}
    for number, group in enumerate(groups):
        for name, p in zip(group.names, group.params, strict=True):
            if seen.setdefault(id(p), number) != number:
                raise ValueError(
                    f"a parameter must be in one group, but {name!r} ({describe(p)}) is in groups "
                    f"{seen[id(p)]} and {number}; take it out of one"
                )
