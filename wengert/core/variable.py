"""Variable: an array that remembers its creator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from wengert.arrays.batches import RUNNING, lifted
from wengert.arrays.interface import BINARY, CONSTANT, ArrayInterface, Operator, between_arrays, define_operators
from wengert.arrays.level import RECORDED, is_outranked
from wengert.arrays.ownership import as_read_only
from wengert.arrays.table import UFUNCS, read_late_tables
from wengert.arrays.values import as_array, gradient_dtype, is_array
from wengert.checks import advice, conversions, debug, refusals, variables
from wengert.checks.errors import describe
from wengert.checks.mutation import note_write
from wengert.checks.peer_names import Gradients
from wengert.core import dispatch
from wengert.core.mode import RECORDING, current_mode
from wengert.core.node import Node, link_output, ndarray, new, next_number, watch_writes

__all__ = ["Parameter", "Variable", "as_array", "as_variable", "gradient_dtype", "is_array"]

HOOKS = {"changed": object()}  # another object whenever hooks of any Variable are registered or removed


class Variable(Gradients, ArrayInterface):
    """An array whose computations are recorded, so that they can be differentiated.

    Parameters
    ----------
    data : ndarray or None
        Booleans, integers, real or complex numbers of any shape. Not copied. Scalars are not
        taken (see `as_variable`), as in the first steps of the book that this library continues.
    name : str, optional
        Shown in messages and drawings.

    Attributes
    ----------
    data : ndarray
        The value. Results are read-only, so that what `backward` needs cannot be overwritten.
        Assigning (``x.data = a``, ``x.data -= a``) is seen by graphs that have read the old value.
    grad : ndarray, Variable or None
        Set by `backward`; of the shape of `data`, and of its dtype (float64 for integers).
    creator : Function or None
        The call that made this value. None for a leaf.

    Raises
    ------
    TypeError
        If `data` is neither a numeric array nor None.

    Examples
    --------
    >>> import numpy as np
    >>> from wengert import Variable
    >>> x = Variable(np.array([1.0, 2.0]))
    >>> y = np.sum(x * x)
    >>> y.backward()
    >>> x.grad
    array([2., 4.])
    """

    # _data     what `data` gives
    # _creator  the Node that made it, or None
    # _grad     what `grad` gives
    # _notes    name, hooks, moments of changes, made when there are any
    __slots__ = ("__weakref__", "_creator", "_data", "_grad", "_notes")
    __array_level__ = RECORDED

    _data: Any
    _grad: Any
    _creator: Any
    _notes: dict[str, Any] | None

    # NumPy compares elementwise and hashes not at all; a Variable is also a node, known by identity.
    __hash__ = object.__hash__

    def __init__(self, data: Any, name: str | None = None) -> None:
        variables.check_data(data)
        variables.check_name(name)
        self._data = lifted(data) if RUNNING else data
        self._grad = None
        self._creator = None
        self._notes = None if name is None else {"name": name}

    @property
    def data(self) -> Any:
        """The array itself. Work on it is not recorded."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        same = value is self._data or variables.check_assignment(self, value)  # (`x.data -= g` gives the same array)
        if value is None:
            return
        old, self._data = self._data, value
        # Either way what was recorded before this moment may not read the new value: see check_unchanged.
        notes = watch_writes(self)._notes
        notes["changed"] = number = next_number()
        if not same:
            self._grad = None
            notes["form"] = number
        if value is old:
            note_write(value, number)

    @property
    def grad(self) -> Any:
        """The gradient that `backward` left here, an ndarray, or a Variable under create_graph."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._grad = value if value is None or self._data is None else variables.as_gradient(value, self)

    @property
    def creator(self) -> Any:
        """The `Function` call that made this value, or None."""
        f = self._creator
        if f is not None and f._outputs is None:
            link_output(f, self)  # so that `y.creator.output is y`
        return f

    def set_creator(self, func: Any) -> None:
        """Link this Variable to the Function that made it (done by every recorded call).

        A ``__call__`` of your own says so before ``self.input = input`` and ``self.output = output``.
        """
        if not isinstance(func, Node):
            raise TypeError(f"a creator must be a Function, but got {describe(func)}")
        func.link(self)

    @property
    def name(self) -> str | None:
        """A name for messages and drawings."""
        return note_of(self, "name")  # type: ignore[no-any-return]

    @name.setter
    def name(self, value: str | None) -> None:
        variables.check_name(value)
        self._note("name", value)

    def _note(self, key: str, value: Any) -> None:
        f = self._creator
        if f is not None and not f.has_several_outputs:
            # The graph may outlive this handle (see edge_without_value): the note stays with both.
            annotate(f, key, value)
        annotate(self, key, value)

    def cleargrad(self) -> None:
        """Forget the gradient; the next `backward` starts from None."""
        self._grad = None

    def detach(self) -> Variable:
        """Return a leaf on the same array: a way out of the graph.

        The array is shared, and stays read-only where it was.
        """
        watch_writes(self)
        return watch_writes(annotate(Variable(self._data), "detached", True))  # type: ignore[no-any-return]

    def register_hook(self, hook: Callable[[Any], Any]) -> Callable[[], None]:
        """Call `hook` with the gradient of this variable whenever `backward` has completed it.

        Parameters
        ----------
        hook : callable
            Takes the gradient (ndarray, or Variable under create_graph) and returns None, or a
            gradient of the same shape to use in its place.

        Returns
        -------
        remove : callable
            Takes the hook away again.

        Examples
        --------
        >>> import numpy as np
        >>> from wengert import Variable
        >>> x = Variable(np.array(2.0))
        >>> remove = x.register_hook(lambda gx: 10 * gx)
        >>> (x * x).backward()
        >>> x.grad
        array(40.)
        >>> remove()
        """
        variables.check_hook(hook)
        entry = (hook,)  # a new object, so that the same function may be registered twice

        def remove() -> None:
            left = note_of(self, "hooks", ())
            self._note("hooks", tuple(h for h in left if h is not entry))
            HOOKS["changed"] = object()

        self._note("hooks", (*note_of(self, "hooks", ()), entry))
        HOOKS["changed"] = object()
        return remove

    def backward(self, retain_grad: bool = False, create_graph: bool = False) -> None:
        """Compute the gradient of this value with respect to every leaf that it was made from.

        Gradients add to what is in the leaves' ``grad`` already (see `cleargrad`). The start is
        ``self.grad`` where it is set, else ones: that of a non-scalar is the gradient of its sum.

        Parameters
        ----------
        retain_grad : bool
            Keep the gradients of the intermediate variables too. (By default only leaves and the
            start have theirs, for the memory.)
        create_graph : bool
            Record the backward pass itself: gradients are then Variables, to differentiate again.

        Raises
        ------
        GraphError
            If nothing was recorded, or a value that a function needs was changed since.
        TypeError
            If this variable is boolean, or complex without a ``grad``.

        Notes
        -----
        The gradient of a real loss L with respect to a complex array x + iy is dL/dx + i dL/dy.
        Not thread-safe where two threads reach the same leaves; all else is.

        Examples
        --------
        >>> import numpy as np
        >>> from wengert import Variable
        >>> x = Variable(np.array(2.0))
        >>> y = x ** 3
        >>> y.backward(create_graph=True)
        >>> gx = x.grad
        >>> x.cleargrad()
        >>> gx.backward()
        >>> x.grad  # the second derivative, 6 x
        array(12.)
        """
        if (type(retain_grad), type(create_graph)) != (bool, bool):
            variables.check_flags(retain_grad, create_graph)
        variables.check_root(self)
        self._creator.backpropagate(self, retain_grad, create_graph)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            call = UFUNCS.get(ufunc)
            if call is not None:
                try:
                    return call(args)
                except (AttributeError, TypeError):
                    refusals.refuse_valueless(ufunc, args)
                    raise
        return dispatch.answer_ufunc(ufunc, method, args, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if len(types) > 1 and is_outranked(RECORDED, (*args, *kwargs.values())):
            return NotImplemented
        return dispatch.answer_function(func, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        read_late_tables()  # these name functions too that convert their arguments
        return advice.converted(self, sys._getframe(1))

    # Ways out of the graph.

    def _concrete(self, convert: Callable[[Any], Any], means: str = "") -> Any:
        if means and current_mode.get().record:
            conversions.check_conversion(self, sys._getframe(1))
        return convert(self._data)

    def __reduce__(self) -> Any:
        variables.check_leaf(self)
        return _rebuild, (type(self), self._data, self._grad, self.name)

    def __copy__(self) -> Variable:
        if self._creator is not None:
            return self.copy()  # type: ignore[no-any-return]
        data, grad = (a.copy() if isinstance(a, ndarray) else a for a in (self._data, self._grad))
        return _rebuild(type(self), data, grad, self.name)


def _from_table(ufunc: np.ufunc) -> tuple[Operator, Operator]:
    """Make an operator that asks the table directly: np.add(x, y), without the way through NumPy."""

    def forward(self: Any, other: Any) -> Any:
        try:
            return UFUNCS[ufunc]((self, other))
        except (AttributeError, TypeError):
            refusals.refuse_valueless(ufunc, (self, other))
            raise

    def reflected(self: Any, other: Any) -> Any:
        try:
            return UFUNCS[ufunc]((other, self))
        except (AttributeError, TypeError):
            refusals.refuse_valueless(ufunc, (other, self))
            raise

    return forward, reflected


for _name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides"):
    setattr(Variable, _name, property(attrgetter(f"_data.{_name}"), doc=f"The {_name} of the data, as NumPy has it."))
define_operators(Variable, BINARY, _from_table)
define_operators(Variable, CONSTANT, between_arrays)


class Parameter(Variable):
    """A Variable that is trained: the same, told apart by its type.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.Parameter(np.zeros(2), name="b")
    Parameter([0., 0.], name='b')
    """

    __slots__ = ()


def _rebuild(kind: type[Variable], data: Any, grad: Any, name: str | None) -> Variable:
    x = kind(data, name)
    x._grad = grad
    return x


def as_variable(x: Any) -> Variable:
    """Wrap an array or a scalar; return a Variable as it is.

    Examples
    --------
    >>> import wengert
    >>> wengert.as_variable(2.0)
    Variable(2.)
    """
    return x if isinstance(x, Variable) else Variable(as_array(x))


# What other packages may ask of a Variable beside its public attributes, and do to it.

array_of = attrgetter("_data")  # as `data`, also of a Variable whose `data` is one (see wengert.custom)


def note_of(x: Any, key: str, default: Any = None) -> Any:
    """Return what is noted on a Variable, or on a call for its output: "name", "hooks", "changed", "no_grad", ..."""
    return default if x._notes is None else x._notes.get(key, default)


def annotate(x: Any, key: str, value: Any) -> Any:
    """Note something on a Variable; return it."""
    x._notes = {**(x._notes or {}), key: value}
    return x


def attach(f: Node | None, y: Any) -> Any:
    """Make the Variable that holds a result `y` of the recorded call `f`."""
    result = new(Variable)
    result._data = y
    result._creator = f
    result._grad = result._notes = None
    return result


def unrecorded(y: Any) -> Any:
    """Make the Variable that holds a result computed under no_grad."""
    return annotate(attach(None, y), "no_grad", True)


def record_result(f: Node, values: Any, y: Any) -> Any:
    """Record the NumPy call `f` that gave the fresh array `y`; return its Variable."""
    if type(y) is ndarray:
        y.setflags(False)  # type: ignore[call-arg]  # (by its place it takes half the time)
    else:
        y = as_read_only(y)
    mode = current_mode.get()
    if mode is not RECORDING:
        if mode.debug:
            debug.check_forward(f, values, (y,), mode.record)
        if not mode.record:
            return unrecorded(y)
    f._number = next_number()
    return attach(f, y)
