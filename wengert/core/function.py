"""Function: a call that remembers what it was called with."""

from __future__ import annotations

import copy
import itertools
import threading
from typing import Any, Self
from weakref import ref

import numpy as np

from wengert.core.errors import GraphError, describe
from wengert.core.mode import RECORDING, current_mode, on_variables

__all__ = ["Function"]

# Each recorded call takes the next number: walking numbers downwards is a reverse topological order.
next_number = itertools.count(1).__next__
new = object.__new__
CALLING = threading.Lock()  # two threads that call one instance must not both become it
ndarray = np.ndarray


class Function:
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
    whose ``self.input.data`` is the live Variable; where `forward` kept things on ``self``, it is
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

    # _edges    what the gradients go to, in order: a Variable, the Function whose one output was
    #           taken (see `release`), or, for a NumPy call, a constant
    # _outputs  a weak reference to the output, or a tuple of them; weak, so that there is no cycle
    # _kept     what the call has to keep for backward beside its edges
    # _notes    hooks and name of the output, the line that called (debug), made when there are any
    # shape, dtype of the one output, once somebody has released it
    __slots__ = ("__weakref__", "_edges", "_kept", "_notes", "_number", "_outputs", "dtype", "shape")

    _edges: Any
    _kept: Any
    _notes: dict[str, Any] | None
    _number: int
    _outputs: Any
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = new(cls)
        self._number = 0
        self._edges = self._outputs = self._kept = self._notes = None
        return self

    def forward(self, *xs: Any) -> Any:
        """Compute the outputs from the arrays of the inputs."""
        raise NotImplementedError(f"{self.name} must define forward(self, x): the result as an ndarray")

    def backward(self, *gys: Any) -> Any:
        """Compute the gradients by the inputs from the gradients by the outputs."""
        raise NotImplementedError(f"{self.name} must define backward(self, gy): the gradient by its input")

    def __call__(self, *inputs: Any) -> Any:
        """Run `forward` on the data of `inputs`, and record the call."""
        edges = tuple(variable.as_variable(x) for x in inputs)
        for x in edges:
            if x._data is None:
                raise GraphError(f"{self.name} takes values, but this {describe(x)} holds None; compute it first")
        with CALLING:
            f = self if self._edges is None else self.__copy__()
            f._edges = edges
        try:
            return f._run(edges)
        except BaseException:
            f._edges = f._outputs = f._kept = f._notes = None  # as if it had not been called
            raise

    def _run(self, edges: tuple[Any, ...]) -> Any:
        f = self
        values = [read_only(x._data) for x in edges]
        before = live_nodes.run_state(f)
        ys = f.forward(*values)
        several = isinstance(ys, (tuple, list))
        results = tuple(result_array(y, f) for y in (ys if several else (ys,)))
        mode = current_mode.get()
        if not mode.record:
            f._edges = None
            outputs = tuple(unrecorded(y) for y in results)
        else:
            f._number = next_number()
            f.keep(results)
            outputs = tuple(look_at(attach(f, y)) for y in results)
            if several:
                f._outputs = tuple(ref(y) for y in outputs)
            else:
                introduce(f, outputs[0])
            if names := live_nodes.kept_attributes(f, before):
                f._notes = {"kept": (before, names)}
        if mode.debug:
            debug.check_forward(f, values, results, mode.record)
        return outputs if several else outputs[0]

    def __copy__(self) -> Self:
        return live_nodes.fresh_copy(self)  # type: ignore[return-value]

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        f = type(self).__new__(type(self))
        f.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return f

    def __getstate__(self) -> dict[str, Any]:
        return kept.attributes(self)  # pickles and copies have not been called

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept.set_attributes(self, state)

    @property
    def name(self) -> str:
        """The name of the class."""
        return type(self).__name__

    @property
    def has_several_outputs(self) -> bool:
        """Whether the call gave a tuple."""
        return type(self._outputs) is tuple

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The Variables that the recorded call took."""
        if self._edges is None:
            raise GraphError(f"{self.name} has no inputs, because no call of it was recorded; call it first")
        return tuple(
            x if isinstance(x, variable.Variable) else x.output
            for x in self._edges
            if isinstance(x, (variable.Variable, Function))
        )

    @property
    def input(self) -> Any:
        """The one Variable that the recorded call took."""
        return one(self.inputs, self, "input")

    @property
    def outputs(self) -> tuple[Any, ...]:
        """The Variables that the recorded call gave."""
        if self._outputs is None:
            raise GraphError(f"{self.name} has no outputs, because no call of it was recorded; call it first")
        references = self._outputs if self.has_several_outputs else (self._outputs,)
        return tuple(self._handle(i, reference()) for i, reference in enumerate(references))

    @property
    def output(self) -> Any:
        """The one Variable that the recorded call gave."""
        return one(self.outputs, self, "output")

    def _handle(self, position: int, alive: Any) -> Any:
        """Return the output, or where nobody holds it any more, a new handle on the same node."""
        if alive is not None:
            return alive
        handle = attach(self, self.kept_output(position))
        if self.has_several_outputs:  # gradients come to the handle: the call must know it
            self._outputs = (*self._outputs[:position], ref(handle), *self._outputs[position + 1 :])
        else:
            self._outputs = ref(handle)
            handle._notes = {k: v for k, v in (self._notes or {}).items() if k in ("name", "hooks")} or None
        return handle

    def keep(self, results: tuple[Any, ...]) -> None:
        """Keep of the results what `backward` may ask for."""
        self._kept = results

    def kept_output(self, position: int) -> Any:
        """The array of an output, or None where backward does not need it (NumPy calls)."""
        return self._kept[position]

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        """Shape and gradient dtype of each of several outputs."""
        return [(y.shape, variable.gradient_dtype(y.dtype)) for y in self._kept]

    def pull(self, gys: Any, live: bool) -> Any:
        """Return the gradients by the edges, given that by the output (a tuple for several).

        With `live`, all values are Variables, so that the gradients carry a graph.
        """
        node = live_nodes.live_copy(self) if live else self
        for x in self._edges:
            self.check_unchanged(x)
        for reference in self._outputs if self.has_several_outputs else (self._outputs,):
            y = reference()
            if y is not None and y._data is not None:
                self.check_unchanged(y)  # backward may read self.output
        gys = [read_only(gy) for gy in (gys if self.has_several_outputs else (gys,))]
        if live:
            with on_variables(self.name):
                gxs = node.backward(*gys)
        else:
            gxs = node.backward(*gys)
        if not isinstance(gxs, (tuple, list)):
            gxs = (gxs,)
        if len(gxs) != len(self._edges):
            raise GraphError(
                f"backward of {self.name} must return one gradient for each input (None for none), "
                f"but returned {len(gxs)} for {len(self._edges)} inputs"
            )
        return [self._checked(gx, x, live) for gx, x in zip(gxs, self._edges, strict=True)]

    def _checked(self, gx: Any, x: Any, live: bool) -> Any:
        if gx is None:
            return None
        if not live and isinstance(gx, variable.Variable):  # a backward that calculated on self.inputs
            gx = gx._data
        gx = variable.as_array(gx)
        if not hasattr(gx, "dtype") or gx.dtype.kind not in "biufc":
            raise TypeError(f"backward of {self.name} must return numeric arrays or None, but got {describe(gx)}")
        broadcast = {y.shape for y in self._kept}
        if gx.shape != x._data.shape and gx.shape not in broadcast:
            raise GraphError(
                f"backward of {self.name} must return a gradient of the shape of its input, "
                f"{x._data.shape}, but returned {describe(gx)}"
            )
        return gx

    def check_unchanged(self, x: Any) -> None:
        """Raise GraphError if the data of `x` was assigned, or written to, after this call had recorded it.

        To be asked of every Variable with notes: one that shares memory which may be written to has some.
        """
        if x._notes is not None and x._notes.get("changed", 0) > self._number:
            raise GraphError(
                f"backward of {self.name} needs the value that {describe(x)} had when it was called, but "
                "its data was assigned since; call backward first, or give the new value to a new Variable"
            )
        self.check_unwritten(x._data, x)

    def check_unwritten(self, array: Any, whose: Any) -> None:
        """Raise GraphError if the memory of `array` was written to after this call had recorded it."""
        if memory.written_since(array, self._number):
            raise GraphError(
                f"backward of {self.name} needs the value that {describe(whose)} had when it was called, but the "
                "data of a Variable that shares its memory was assigned since; call backward first, or give it a copy"
            )

    def check_form(self, x: Any) -> None:
        """Raise GraphError if `x` got data of another shape or dtype after this call had recorded it."""
        if x._notes.get("form", 0) > self._number:
            self.check_unchanged(x)


def one(values: tuple[Any, ...], f: Function, what: str) -> Any:
    """Return the only one of `values`."""
    if len(values) != 1:
        raise GraphError(f"{f.name} has {len(values)} {what}s, not one; see its `{what}s`")
    return values[0]


def result_array(y: Any, f: Function) -> Any:
    """Make what `forward` returned into an array that the graph can rely on."""
    if isinstance(y, variable.Variable):
        raise TypeError(
            f"forward of {f.name} must return ndarrays, but got {describe(y)}; it is given arrays, "
            "and what it does with Variables would be recorded twice"
        )
    y = variable.as_array(y)
    if not variable.is_array(y) or y.dtype.kind not in "biufc":
        raise TypeError(f"forward of {f.name} must return numeric ndarrays, but got {describe(y)}")
    if type(y) is ndarray:
        y = y.view()  # it may be the input itself, or an array that the user goes on writing to
        y.setflags(write=False)
    return y


def attach(f: Function, y: Any) -> Any:
    """Make the Variable that holds a result `y` of the recorded call `f`."""
    result = new(variable.Variable)
    result._data = y
    result._grad = None
    result._creator = f
    result._notes = None
    return result


def unrecorded(y: Any) -> Any:
    """Make the Variable that holds a result computed under no_grad."""
    result = attach(None, y)  # type: ignore[arg-type]
    result._notes = {"no_grad": True}
    return result


def finish(f: Function, values: Any, y: Any) -> Any:
    """Record the NumPy call `f` that gave the fresh array `y`; return its Variable."""
    if type(y) is ndarray:
        y.setflags(write=False)
    elif isinstance(y, np.generic):
        y = np.array(y)
        y.setflags(write=False)
    else:
        y = variable.as_array(y)
        if hasattr(y, "setflags"):  # it stands for an ndarray
            y = y.view()
            y.setflags(write=False)
    mode = current_mode.get()
    if mode is not RECORDING:
        if mode.debug:
            debug.check_forward(f, values, (y,), mode.record)
        if not mode.record:
            return unrecorded(y)
    f._number = next_number()
    return attach(f, y)


def read_only(array: Any) -> Any:
    """Return a view that a user's code cannot write into: others hold the same array."""
    if type(array) is not ndarray or not array.flags.writeable:
        return array
    array = array.view()
    array.setflags(write=False)
    return array


def look_at(result: Any) -> Any:
    """Have a result looked at by `check_unchanged`, because it may share memory that is written to."""
    if result._notes is None:
        result._notes = {}
    return result


def release(x: Any) -> Any:
    """Return the edge to a Variable whose value backward does not need.

    It is the creator (for one of several outputs, `x` itself): the graph stays connected, and the
    array of `x` is freed as soon as nobody else holds `x`. (A sum of two products keeps neither.)
    """
    f = x._creator
    outputs = f._outputs
    if type(outputs) is tuple:
        return x
    if outputs is None:
        introduce(f, x)
    return f


def introduce(f: Function, x: Any) -> None:
    """Tell a call about its one output; most calls are never asked for it."""
    f._outputs = ref(x)
    f.shape, f.dtype = x._data.shape, x._data.dtype


from wengert.core import debug, kept, memory, variable  # noqa: E402  (see the end of variable.py)
from wengert.core import live as live_nodes  # noqa: E402  (see the end of variable.py)
