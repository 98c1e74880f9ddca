"""Sequential: a chain of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, overload

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.layers.layer import Layer
from wengert.layers.state import members

__all__ = ["Sequential"]

Step = Callable[..., Any]  # a layer, or any function of one array


class Sequential(Layer):
    """Layers and functions, each applied to the output of the one before.

    It behaves like a list: ``len(s)``, ``s[0]``, ``s[-1]``, ``s[1:3]`` (a Sequential of the same layers), iteration,
    `append`, `insert`, ``s[0] = layer``, ``del s[0]``. The layers are named "0", "1", ... by position.

    Parameters
    ----------
    *steps : Layer or function
        Or a single list of them.

    Raises
    ------
    TypeError
        If a step cannot be called.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> from wengert.functions import relu
    >>> from wengert.layers import Linear, Sequential
    >>> model = Sequential(Linear(3, 4), relu, Linear(4, 2))
    >>> model(np.ones((1, 3), np.float32)).shape
    (1, 2)
    >>> model
    Sequential(
      0: Linear(3, 4)
      1: relu
      2: Linear(4, 2)
    )
    """

    def __init__(self, *steps: Step | list[Step] | tuple[Step, ...]) -> None:
        self._steps: list[Any] = []
        given: Any = steps[0] if len(steps) == 1 and isinstance(steps[0], (list, tuple)) else steps
        for step in given:
            self.append(step)

    def forward(self, x: Any) -> Any:
        """Apply the steps in order."""
        for step in self._steps:
            x = step(x)
        return x

    def append(self, step: Step) -> Sequential:
        """Add a step at the end; return the Sequential."""
        self._steps.append(checked(step, len(self._steps)))
        return self

    def insert(self, place: int, step: Step) -> Sequential:
        """Insert a step before `place`; return the Sequential."""
        self._steps.insert(options.integer(place, "place", "insert"), checked(step, place))
        return self

    def __len__(self) -> int:
        return len(self._steps)

    def __bool__(self) -> bool:
        return True  # a layer is true even when it is empty

    def __iter__(self) -> Iterator[Any]:
        return iter(self._steps)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Sequential: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return Sequential(*self._steps[place])
        self._check_place(place)
        return self._steps[place]

    def __setitem__(self, place: int, step: Step) -> None:
        self._check_place(place)
        self._steps[place] = checked(step, place)

    def __delitem__(self, place: int | slice) -> None:
        if not isinstance(place, slice):
            self._check_place(place)
        del self._steps[place]

    def _check_place(self, place: Any) -> None:
        if not -len(self) <= options.integer(place, "place", "a step in a Sequential") < len(self):
            raise IndexError(f"a Sequential of {len(self)} steps has no step {place}")

    def _members(self) -> Iterable[tuple[str, Any, Any]]:
        own = {name: value for name, value in vars(self).items() if name != "_steps"}
        return members({**own, **{str(i): step for i, step in enumerate(self._steps)}}, Layer)

    def steps(self) -> dict[str, Any]:
        """Return layers and functions by position."""
        places = {str(i): step for i, step in enumerate(self._steps)}
        return {**{name: layer for name, layer in Layer.children(self).items() if name not in places}, **places}

    def label(self) -> str:
        """Return the representation on one line."""
        return f"{type(self).__name__}()" if not self._steps else f"{type(self).__name__}({len(self)} steps)"


def checked(step: Any, place: int) -> Any:
    """Return a step; raise TypeError unless it is callable."""
    if isinstance(step, type):
        raise TypeError(f"step {place} of a Sequential is the class {step.__name__}; make one: {step.__name__}(...)")
    if not callable(step):
        raise TypeError(f"step {place} of a Sequential must be a layer or a function, but got {describe(step)}")
    return step
