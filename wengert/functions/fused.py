"""Fused: a composite function with a hand-written forward and backward for ndarrays.

Its definition in differentiable NumPy specifies the result. The class computes the same faster, as one recorded call,
and may do what the definition may not: write in place, reuse memory, share work among gradients.
"""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import ref

import numpy as np

from wengert.arrays.level import BATCHED, level_of
from wengert.arrays.lists import LISTS, holds_variables, with_arrays
from wengert.arrays.table import FUNCTIONS
from wengert.checks.mutation import WRITTEN
from wengert.checks.refusals import is_operand, name_of
from wengert.checks.signature import parameter_names
from wengert.core.backprop import propagate
from wengert.core.function import Function
from wengert.core.mode import changed, current_mode
from wengert.core.node import ndarray
from wengert.core.variable import Variable, array_of, gradient_dtype, record_result
from wengert.custom.marks import mark_inputs
from wengert.functions.one_call import OneCall

__all__ = ["Fused"]


class Fused(Function):
    """A call of a function with a hand-written forward and backward.

    A subclass names the function, which must be `dispatched`, and the parameters that it is differentiable with respect
    to: ``class Gelu(Fused, function=gelu, by="x")``. (``labels`` names those of them where integers are labels or
    masks.) It defines

    - ``forward(self, ...)``: takes the function's arguments, with an ndarray in place of each Variable; returns a new
      array, or a tuple of them. Stores on ``self`` what backward needs.
    - ``backward(self, gy)``: takes the gradient with respect to each result, as ndarrays; returns those with respect to
      the parameters in ``by``, in that order: None where ``self.needs`` is False.

    Where values are not ndarrays (under ``create_graph``, and inside other array types), the definition is
    differentiated.

    Attributes
    ----------
    as_one : bool
        Class attribute: whether it stays one call for other array types (those of a tracer), because its definition
        would be much slower.
    needs : tuple of bool
        For each parameter in ``by``, whether its gradient is needed.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.dispatched
    ... def cube_sum(x):
    ...     return np.sum(x * x * x)
    >>> class CubeSum(Fused, function=cube_sum, by="x"):
    ...     def forward(self, x):
    ...         self.square = x * x
    ...         return np.sum(self.square * x)
    ...     def backward(self, gy):
    ...         return (3 * gy * self.square,)
    >>> x = wengert.Variable(np.array([1.0, 2.0]))
    >>> cube_sum(x).backward()
    >>> x.grad
    array([ 3., 12.])
    """

    function: ClassVar[Any]
    by: ClassVar[tuple[str, ...]]
    _parameters: ClassVar[tuple[str, ...]]
    _keywords: ClassVar[tuple[str, ...]]  # those of them that are keyword-only
    _defaults: ClassVar[dict[str, Any]]
    _places: ClassVar[tuple[int, ...]]  # the positions of `by` in `_parameters`

    _labels: ClassVar[tuple[int, ...]]  # the positions where integers are labels or a mask

    as_one: ClassVar[bool] = False

    needs: tuple[bool, ...]
    _one_call: Any = None
    _arguments: list[Any]  # None for a Variable, whose edge `_spots` has
    _spots: dict[int, int]  # index of an argument: index of its edge
    _results: tuple[Any, ...]  # kept where it is one call for another array type
    _mode: Any

    def __init_subclass__(cls, function: Any = None, by: str = "", labels: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if function is None:  # a subclass of a class that has its function
            return
        definition = function.__wrapped__
        names = parameter_names(definition)
        cls.function = staticmethod(function)
        cls._parameters, cls._keywords = names.by_place + names.by_name, names.by_name
        given = definition.__defaults__ or ()
        cls._defaults = dict(zip(names.by_place[len(names.by_place) - len(given) :], given, strict=True))
        cls._defaults.update(definition.__kwdefaults__ or {})
        cls.by = tuple(by.split())
        cls._places = tuple(cls._parameters.index(name) for name in cls.by)
        cls._labels = tuple(cls._parameters.index(name) for name in labels.split())
        FUNCTIONS[function] = cls.record

    @classmethod
    def record(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call `forward` on `args` and `kwargs`, and record the call."""
        values = cls.bind(args, kwargs)
        edges: list[Variable] = []
        spots: dict[int, int] = {}
        for i, value in enumerate(values):
            if isinstance(value, Variable):
                values[i] = data = array_of(value)
                if not value.is_trained and value.creator is None:
                    continue  # (of a frozen parameter no gradient is computed)
                is_floating = data.dtype.kind not in "biu"
                if is_floating and i in cls._places:
                    spots[i] = len(edges)
                    edges.append(value)
                elif i in cls._places and i not in cls._labels:  # a Variable of integers: rare
                    return cls.function.__wrapped__(*args, **kwargs)
                elif is_floating:
                    raise TypeError(
                        f"{name_of(cls.function)} is differentiable with respect to {', '.join(cls.by)}, but its "
                        f"{cls._parameters[i]} is a Variable; give it as an array: {cls._parameters[i]}.data"
                    )
            elif isinstance(value, ndarray) and (type(value) is not ndarray or value.dtype.kind not in "biufc"):
                is_operand(name_of(cls.function), value)
        f = cls()
        f.needs = tuple(i in spots for i in cls._places)
        arrays = values.copy()
        for i in cls._places:
            array = arrays[i]
            if type(array) is ndarray or array is None:
                continue
            if hasattr(array, "__array_function__") and not isinstance(array, ndarray):
                if not cls.as_one or level_of(array) >= BATCHED:  # another array type traces the definition
                    return cls.function.__wrapped__(*args, **kwargs)
                f._one_call = OneCall(cls, f.needs)
                continue
            if type(array) in LISTS and holds_variables(array):
                return cls.record(*with_arrays(cls.function, args, kwargs))
            # Numbers and lists are taken as arrays; a Python float takes the dtype of the others, as in NumPy.
            others = [arrays[j] for j in cls._places if isinstance(arrays[j], ndarray)]
            arrays[i] = np.asarray(array, np.result_type(array, *others) if isinstance(array, float) else None)
            if arrays[i].dtype.kind not in "biufc":
                is_operand(name_of(cls.function), arrays[i])
        ys = f.forward(*arrays) if f._one_call is None else asked_of(arrays, f._one_call.forward, tuple(arrays))
        several = isinstance(ys, tuple)
        results = tuple(record_result(f, arrays, y) for y in (ys if several else (ys,)))
        mode = current_mode.get()
        if mode.record:
            for i in spots:
                values[i] = None
            f._edges, f._arguments, f._spots, f._mode = edges, values, spots, mode
            if f._one_call is not None:
                f._results = tuple(array_of(y) for y in results)
            if several:
                f._outputs = tuple(ref(y) for y in results)
                f._kept = [(y.shape, gradient_dtype(y.dtype)) for y in results]
        return results if several else results[0]

    @classmethod
    def bind(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """Put the arguments in the order of the parameters."""
        names = cls._parameters
        values = [*args]
        taken = 0
        for name in names[len(args) :]:
            if name in kwargs:
                values.append(kwargs[name])
                taken += 1
            elif name in cls._defaults:
                values.append(cls._defaults[name])
            else:
                taken = -1
                break
        if taken != len(kwargs) or len(args) > len(names) - len(cls._keywords):
            cls.function.__wrapped__(*args, **kwargs)  # raises Python's own TypeError
            raise TypeError(f"{name_of(cls.function)} takes {', '.join(names)}")
        return values

    def forward(self, *values: Any) -> Any:
        raise NotImplementedError(f"{self.name} must define forward(self, {', '.join(self._parameters)})")

    def backward(self, *gys: Any) -> Any:
        raise NotImplementedError(
            f"{self.name} must define backward(self, gy): a gradient with respect to each of {self.by}"
        )

    def pull(self, gys: Any, differentiable: bool) -> Any:
        self.check_edges()
        if WRITTEN:
            for value in self._arguments:
                self.check_unwritten(value, value)
        gys = gys if self.has_several_outputs else (gys,)
        others = [gy for gy in gys if type(gy) is not ndarray]
        if differentiable or (others and (self._one_call is None or max(map(level_of, others)) >= BATCHED)):
            return self._pull_definition(gys, differentiable)
        gxs = self.backward(*gys) if self._one_call is None else self._backward_as_one(gys)
        found: list[Any] = [None] * len(self._edges)
        for i, gx in zip(self._places, gxs, strict=True):
            if i in self._spots:
                found[self._spots[i]] = gx
        return found

    def _backward_as_one(self, gys: tuple[Any, ...]) -> list[Any]:
        inputs = self._arguments.copy()
        for i, place in self._spots.items():
            inputs[i] = array_of(self._edges[place])
        given = (tuple(inputs), self._results, gys)
        found = iter(asked_of([*inputs, *gys], self._one_call.backward, given))
        return [next(found) if need else None for need in self.needs]

    def _pull_definition(self, gys: tuple[Any, ...], differentiable: bool) -> list[Any]:
        """Record the definition, and differentiate it."""
        inputs = mark_inputs(self._edges)
        token = current_mode.set(changed(self._mode, record=True))
        try:
            ys = self.called_again(inputs)
        finally:
            current_mode.reset(token)
        ys = ys if isinstance(ys, tuple) else (ys,)
        linked = [(y, gy) for y, gy in zip(ys, gys, strict=True) if isinstance(y, Variable)]
        gxs = propagate([y for y, _ in linked], [gy for _, gy in linked], differentiable, inputs=inputs, call=self)
        return [gxs.get(x) for x in inputs]

    def called_again(self, inputs: Any) -> Any:
        """Compute the definition with other values at the edges."""
        values = self._arguments.copy()
        for i, place in self._spots.items():
            values[i] = inputs[place]
        split = len(values) - len(self._keywords)
        named = dict(zip(self._keywords, values[split:], strict=True))
        return self.function.__wrapped__(*values[:split], **named)

    def kept_output(self, position: int) -> Any:
        return None

    def output_shapes(self) -> list[tuple[tuple[int, ...], Any]]:
        return self._kept  # type: ignore[no-any-return]


def asked_of(arrays: list[Any], function: Any, args: tuple[Any, ...]) -> Any:
    """Call a function through the ``__array_function__`` of the first array of another type among `arrays`."""
    kind = next(a for a in arrays if hasattr(a, "__array_function__") and not isinstance(a, ndarray))
    return kind.__array_function__(function, (type(kind),), args, {})
