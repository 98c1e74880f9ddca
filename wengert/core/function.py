"""Function: a call that remembers what it was called with."""

from __future__ import annotations

import copy
import threading
from typing import Any, Self
from weakref import ref

from wengert.arrays.aliases import current, initial
from wengert.checks import functions
from wengert.core.backprop import backward
from wengert.core.node import Node
from wengert.core.variable import Variable, as_variable, attach, gradient_dtype

__all__ = ["Function", "register_custom"]

CALLING = threading.Lock()  # two threads that call one instance must not both become it
custom: Any = None  # see `register_custom`


def register_custom(package: Any) -> None:
    """Take what `wengert.custom` does for the Functions of users: it imports the core, and not the other way.

    It has ``call(f, inputs)``, ``link_by_hand(f, output)``, ``pull(f, gys, differentiable)``, ``fresh_copy(f)``,
    ``attributes(f)`` and ``set_attributes(f, values)``.
    """
    global custom
    custom = package


class Function(Node):
    """A step of a computation: `forward` computes it, `backward` its gradient.

    A subclass writes both in NumPy. The instance that is called becomes the node of the graph;
    called once more, a copy of it does, so that the first graph stays whole.

    Attributes
    ----------
    inputs, outputs : tuple of Variable
        What the recorded call took and gave. `input` and `output` where there is one.
    name : str
        The name of the class.

    Notes
    -----
    `backward` runs on arrays. Under ``create_graph`` the same method runs on a copy of the node
    whose ``self.input.data`` is a Variable; where `forward` kept things on ``self``, it is
    run again first, so that what it keeps carries a graph.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Function, Variable
    >>> class Cube(Function):
    ...     def forward(self, x):
    ...         return x ** 3
    ...     def backward(self, gy):
    ...         x = self.input.data
    ...         return 3 * x ** 2 * gy
    >>> x = Variable(np.array(2.0))
    >>> y = Cube()(x)
    >>> y.backward()
    >>> y, x.grad
    (Variable(8.), array(12.))
    """

    __slots__ = ()

    def forward(self, *xs: Any) -> Any:
        """Compute the outputs from the arrays of the inputs."""
        raise NotImplementedError(f"{self.name} must define forward(self, x): the result as an ndarray")

    def backward(self, *gys: Any) -> Any:
        """Compute the gradients with respect to the inputs from those with respect to the outputs."""
        if type(self).pull is Function.pull:
            raise NotImplementedError(f"{self.name} must define backward(self, gy): the gradient with respect to x")
        gxs = [gx for gx in self.pull(gys if self.has_several_outputs else gys[0], False) if gx is not None]
        return gxs[0] if len(gxs) == 1 else tuple(gxs)

    def __call__(self, *inputs: Any) -> Any:
        """Run `forward` on the data of `inputs`, and record the call."""
        edges = tuple(as_variable(current(x)) for x in inputs)
        for x in edges:
            functions.check_input(self, x)
        with CALLING:
            f = self if self._edges is None else self.__copy__()
            f._edges = edges
        try:
            return custom.call(f, edges)
        except BaseException:
            f._edges = f._outputs = f._kept = f._notes = None  # as if it had not been called
            raise

    def __copy__(self) -> Self:
        return custom.fresh_copy(self)  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        f = type(self).__new__(type(self))
        f.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return f

    def __getstate__(self) -> dict[str, Any]:
        return custom.attributes(self)  # type: ignore[no-any-return]  # pickles and copies have not been called

    def __setstate__(self, state: dict[str, Any]) -> None:
        custom.set_attributes(self, state)

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The Variables that the recorded call took."""
        edges = functions.recorded(self._edges, self, "inputs")
        found = [x.output if isinstance(x, Function) else x for x in edges if isinstance(x, (Variable, Function))]
        return tuple([initial(x) for x in found])

    @property
    def input(self) -> Any:
        """The one Variable that the recorded call took. A ``__call__`` of your own sets it."""
        return functions.one(self.inputs, self, "input")

    @input.setter
    def input(self, x: Any) -> None:
        functions.check_input_by_hand(self, x)
        self._edges = (x,)

    @property
    def outputs(self) -> tuple[Any, ...]:
        """The Variables that the recorded call gave."""
        found = functions.recorded(self._outputs, self, "outputs")
        references = found if self.has_several_outputs else (found,)
        return tuple([initial(self._handle(i, reference())) for i, reference in enumerate(references)])

    @property
    def output(self) -> Any:
        """The one Variable that the recorded call gave. A ``__call__`` of your own sets it, after `set_creator`."""
        return functions.one(self.outputs, self, "output")

    @output.setter
    def output(self, y: Any) -> None:
        functions.check_output_by_hand(self, y)

    def _handle(self, position: int, alive: Any) -> Any:
        """Return the output, or if it was released, a new handle on the same node."""
        if alive is not None:
            return alive
        handle = attach(self, self.kept_output(position))
        if self.has_several_outputs:  # gradients come to the handle: the call must know it
            self._outputs = (*self._outputs[:position], ref(handle), *self._outputs[position + 1 :])
        else:
            self._outputs = ref(handle)
            handle._notes = {k: v for k, v in (self._notes or {}).items() if k in ("name", "hooks")} or None
        return handle

    def link(self, x: Any) -> None:
        """Become the creator of `x`: as a recorded call, or from within a ``__call__`` of the user's own."""
        if self._number or type(self).__call__ is Function.__call__:
            super().link(x)
        else:
            custom.link_by_hand(self, x)

    def keep(self, results: tuple[Any, ...]) -> None:
        """Keep of the results what `backward` may ask for."""
        self._kept = results

    def kept_output(self, position: int) -> Any:
        return self._kept[position]

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        return [(y.shape, gradient_dtype(y.dtype)) for y in self._kept]

    def pull(self, gys: Any, differentiable: bool) -> Any:
        return custom.pull(self, gys, differentiable)

    def backpropagate(self, root: Any, retain_grad: bool, create_graph: bool) -> None:
        """Do what `Variable.backward` says, for a Variable that this call has made."""
        backward(root, retain_grad, create_graph)
