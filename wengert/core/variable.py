"""Variable: an array that remembers its creator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.core import options
from wengert.core.array_methods import ArrayMethods
from wengert.core.errors import GraphError, describe
from wengert.core.memory import note_write

__all__ = ["Parameter", "Variable", "as_array", "as_variable", "gradient_dtype", "is_array", "to_array"]

Array = Any  # an ndarray, or another array that speaks NumPy's protocols
FLOAT64 = np.dtype(np.float64)
HOOKS = {"changed": object()}  # another object whenever hooks of any Variable are registered or removed


class Variable(ArrayMethods):
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

    __slots__ = ("__weakref__", "_creator", "_data", "_grad", "_notes")

    # NumPy compares elementwise and hashes not at all; a Variable is also a node, known by identity.
    __hash__ = object.__hash__

    def __init__(self, data: Array | None, name: str | None = None) -> None:
        check_data(data)
        check_name(name)
        self._data = data
        self._grad: Any = None
        self._creator: Any = None
        self._notes: dict[str, Any] | None = None if name is None else {"name": name}

    @property
    def data(self) -> Array:
        """The array itself. Work on it is not recorded."""
        return self._data

    @data.setter
    def data(self, value: Array | None) -> None:
        check_data(value)
        old = self._data
        if value is None:
            if old is None:
                return
            raise GraphError(
                f"the data of {describe(self)} cannot be taken away, because a graph may need it; "
                "drop the Variable itself (del x), or make a new one"
            )
        same = old is None or (old.shape == value.shape and old.dtype == value.dtype)
        if not same and self._creator is not None:
            raise GraphError(
                f"the data of a result must keep its shape {old.shape} and dtype {old.dtype}, but got "
                f"{describe(value)}; make a new Variable instead"
            )
        self._data = value
        # Either way what was recorded before this moment may not read the new value
        # (Function.check_unchanged). `x.data -= g` arrives here too, with the same array.
        number = function.next_number()
        if self._notes is None:
            self._notes = {}
        self._notes["changed"] = number
        if not same:
            self._grad = None
            self._notes["form"] = number
        if value is old:
            note_write(value, number)

    @property
    def grad(self) -> Any:
        """The gradient that `backward` left here, an ndarray, or a Variable under create_graph."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._grad = value if value is None or self._data is None else self._as_gradient(value)

    def _as_gradient(self, value: Any) -> Any:
        if not isinstance(value, Variable):
            value = as_array(value)
            check_data(value)
        elif value._data is None:
            raise TypeError(f"a gradient must be an array, but got {describe(value)}, whose data is None")
        dtype = gradient_dtype(self._data.dtype)
        if value.shape != self._data.shape:
            raise ValueError(
                f"a gradient must have the shape of its variable, {self._data.shape}, "
                f"but got {describe(value)}; reshape or sum it first"
            )
        if value.dtype.kind == "c" and dtype.kind != "c":
            raise TypeError(
                f"the gradient of {describe(self)} must be real, but got {describe(value)}; take its real part first"
            )
        return value if value.dtype == dtype else value.astype(dtype)

    @property
    def creator(self) -> Any:
        """The `Function` call that made this value, or None."""
        f = self._creator
        if f is not None and f._outputs is None:
            function.introduce(f, self)  # so that `y.creator.output is y`
        return f

    def set_creator(self, func: Any) -> None:
        """Link this Variable to the Function that made it (done by every recorded call)."""
        if not isinstance(func, function.Function):
            raise TypeError(f"a creator must be a Function, but got {describe(func)}")
        if func._edges is None or func.has_several_outputs:
            raise GraphError(
                f"a creator must be a recorded call with one output, but {func.name} "
                f"{'was not called' if func._edges is None else 'gave several'}; call it: y = f(x)"
            )
        if func._outputs is not None and func.shape != self.shape:
            raise GraphError(f"{func.name} made a value of shape {func.shape}, but is to be set on {describe(self)}")
        if backprop.reaches(func, self):
            raise GraphError(f"{func.name} was computed from {describe(self)}, so it cannot be its creator")
        self._creator = func
        function.introduce(func, self)

    @property
    def name(self) -> str | None:
        """A name for messages and drawings."""
        return None if self._notes is None else self._notes.get("name")

    @name.setter
    def name(self, value: str | None) -> None:
        check_name(value)
        self._note("name", value)

    def _note(self, key: str, value: Any) -> None:
        f = self._creator
        if f is not None and not f.has_several_outputs:
            # The graph may outlive this handle (see function.release): the note stays with both.
            f._notes = {**(f._notes or {}), key: value}
        self._notes = {**(self._notes or {}), key: value}

    def cleargrad(self) -> None:
        """Forget the gradient; the next `backward` starts from None."""
        self._grad = None

    def detach(self) -> Variable:
        """Return a leaf on the same array: a way out of the graph.

        The array is shared, and stays read-only where it was.
        """
        leaf = Variable(self._data)
        for x in (self, leaf):
            if x._notes is None:
                x._notes = {}  # to be looked at: see Function.check_unchanged
        return leaf

    def register_hook(self, hook: Callable[[Any], Any]) -> Callable[[], None]:
        """Call `hook` with the gradient of this variable whenever `backward` has completed it.

        Parameters
        ----------
        hook : callable
            Takes the gradient (ndarray, or Variable under create_graph) and returns None, or a
            gradient of the same shape to go on with in its place.

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
        if not callable(hook):
            raise TypeError(f"a hook must be callable with a gradient, but got {describe(hook)}")
        hooks = (self._notes or {}).get("hooks", ())
        entry = (hook,)  # a new object, so that the same function may be registered twice
        self._note("hooks", (*hooks, entry))
        HOOKS["changed"] = object()

        def remove() -> None:
            left = (self._notes or {}).get("hooks", ())
            self._note("hooks", tuple(h for h in left if h is not entry))
            HOOKS["changed"] = object()

        return remove

    def backward(self, retain_grad: bool = False, create_graph: bool = False) -> None:
        """Compute the gradient of this value by every leaf that it was made from.

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
        The gradient of a real loss L by a complex array x + iy is dL/dx + i dL/dy.
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
        retain_grad = options.flag(retain_grad, "retain_grad", "backward")
        backprop.backward(self, retain_grad, options.flag(create_graph, "create_graph", "backward"))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs:
            call = dispatch.UFUNCS.get(ufunc)
            if call is not None:
                try:
                    return call(args)
                except (AttributeError, TypeError):
                    dispatch.refuse_valueless(ufunc, args)
                    raise
        return dispatch.answer_ufunc(ufunc, method, args, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return dispatch.answer_function(func, args, kwargs)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise dispatch.left_the_graph()

    def __reduce__(self) -> Any:
        if self._creator is not None:
            raise TypeError(
                f"only a leaf can be pickled or deep-copied, but {describe(self)} was made by "
                f"{self._creator.name}; pickle its `.data`, or detach it first: x.detach()"
            )
        return _rebuild, (type(self), self._data, self._grad, self.name)

    def __copy__(self) -> Variable:
        if self._creator is not None:
            return self.copy()  # type: ignore[no-any-return]
        return _rebuild(type(self), copied(self._data), copied(self._grad), self.name)

    def __repr__(self) -> str:
        if self._data is None:
            return f"{type(self).__name__}(None)"
        text = repr(self._data)
        kind = type(self).__name__ + "("
        text = text.replace("array(", kind, 1).replace("\n", "\n" + " " * (len(kind) - 6))
        return text if self.name is None else f"{text[:-1]}, name={self.name!r})"

    def __str__(self) -> str:
        return str(self._data)

    def __format__(self, spec: str) -> str:
        return format(self._data, spec)


class Parameter(Variable):
    """A Variable that is trained: the same, told apart by its type.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.Parameter(np.zeros(2), name="b")
    Parameter([0., 0.], name='b')
    """

    __slots__ = ()


def _rebuild(kind: type[Variable], data: Array, grad: Any, name: str | None) -> Variable:
    variable = kind(data, name)
    variable._grad = grad
    return variable


def copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def check_name(name: Any) -> None:
    """Raise TypeError unless `name` can be a Variable's."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"a name must be a str or None, but got {describe(name)}")


def is_array(value: Any) -> bool:
    """Whether `value` may be held by a Variable, as far as its type goes."""
    if isinstance(value, np.ndarray):
        # Masks, matrix products by `*`, units: other subclasses calculate by rules of their own.
        return type(value) is np.ndarray or type(value) is np.memmap
    return hasattr(value, "__array_function__") and not isinstance(value, Variable)


def to_array(value: Any) -> Any:
    """Make an array of a list or number; what is an array of any kind stays as it is."""
    return value if is_array(value) else np.asarray(value)


def check_data(data: Any) -> None:
    """Raise TypeError unless a Variable can hold `data`."""
    if data is None:
        return
    if not is_array(data):
        error = TypeError(f"{type(data)} is not supported")
        error.add_note("Variable takes an ndarray: np.array(x), np.asarray(x), or as_variable(x) for a scalar")
        raise error
    if data.dtype.kind not in "biufc":
        raise TypeError(
            "a Variable holds booleans, integers, real or complex numbers, but got "
            f"{describe(data)}; convert it first: array.astype(float)"
        )


def gradient_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of the gradient by an array of `dtype`: the same, or float64 for integers."""
    return dtype if dtype.kind in "fc" else FLOAT64


def as_array(x: Any) -> Any:
    """Turn a scalar into a 0-d array; return anything else as it is.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.as_array(np.float32(2))
    array(2., dtype=float32)
    """
    if np.isscalar(x):
        return np.array(x)
    if isinstance(x, (np.ndarray, Variable)) or getattr(x, "shape", None) != ():
        return x
    return np.copy(x)  # an array of another kind may stand for a NumPy number


def as_variable(x: Any) -> Variable:
    """Wrap an array or a scalar; return a Variable as it is.

    Examples
    --------
    >>> import wengert
    >>> wengert.as_variable(2.0)
    Variable(2.)
    """
    return x if isinstance(x, Variable) else Variable(as_array(x))


# A Variable and the Function that made it know each other: whichever file is read first, its
# other half is needed only when a method runs, so these imports stand last.
from wengert.core import backprop, dispatch, function  # noqa: E402
