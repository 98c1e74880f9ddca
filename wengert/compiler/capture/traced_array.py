"""Traced: a real array that records the NumPy calls made with it."""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Iterator
from typing import Any
from weakref import ref

import numpy as np

from wengert.arrays.level import TRACED, is_outranked, level_of
from wengert.arrays.lists import takes_arrays, with_arrays
from wengert.checks.frames import OUR_FILES, user_line
from wengert.compiler.capture.array_operators import define_operators
from wengert.compiler.capture.engine_files import ENGINE, IS_ENGINE
from wengert.compiler.capture.frequent_calls import UNKNOWN, basic_item, ufunc_call
from wengert.compiler.capture.indices import is_basic, with_known
from wengert.compiler.capture.kinds_of_functions import (
    SHAPE_FUNCTIONS,
    WRITING_FUNCTIONS,
    WRITING_METHODS,
    definition_of,
)
from wengert.compiler.capture.layouts import View, address_of
from wengert.compiler.capture.memory import Memory
from wengert.compiler.capture.moving_views import MovingView, with_positions
from wengert.compiler.capture.python_numbers import to_python_number
from wengert.compiler.capture.tape import Tape, real
from wengert.compiler.graph.calls import Method, Mutation, bound, calling, get_item, power, set_item
from wengert.compiler.graph.graph import Node

__all__ = ["Traced"]

EXPORTING = ("tobytes", "tofile", "dump", "dumps", "data", "ctypes", "__dlpack__")


class Traced:
    """A real array, and the memory that it is or is a view of.

    It implements NumPy's protocols as the array does, so that the function runs as always; the tape records each call.
    A conversion to a Python number is a guard of the plan; a conversion to an ndarray ends the trace, and returns the
    real array.
    """

    __slots__ = (
        "__weakref__",
        "_node",
        "_seen",
        "memory",
        "offset",
        "rebuild_node",
        "tape",
        "token",
        "value",
        "viewed",
    )
    __hash__ = None  # type: ignore[assignment]  # as of an ndarray
    __array_level__ = TRACED

    def __init__(self, tape: Tape, value: Any, memory: Memory) -> None:
        self.tape, self.value, self.memory = tape, value, memory
        self.offset: Any = None  # in its memory, in bytes, once it is known
        self.token = tape.token
        tape.count += 1
        self.rebuild_node: Any = None  # of a view with another dtype: computes its node from the memory's present value
        if value is memory.array:
            self._node: Any = memory.node
            self._seen = memory.version
        else:
            self._node, self._seen = None, -1
            self.viewed: Any = None  # the traced array of all of its memory

    @property  # type: ignore[misc]  # read-only
    def __class__(self) -> Any:
        """The class for ``isinstance``: in the program that of the array; in the engine Traced."""
        frame: Any = sys._getframe(1)
        name = frame.f_code.co_filename
        return (
            Traced
            if IS_ENGINE[name if name != "<frozen abc>" else frame.f_back.f_code.co_filename]
            else type(self.value)
        )

    @property
    def node(self) -> Node:
        """The node of its present value."""
        if self._seen != self.memory.version:
            if self.rebuild_node is not None:
                self._node = self.rebuild_node()
            elif self.value is self.memory.array or isinstance(self.value, np.generic):
                self._node = self.memory.node
            else:
                self._node = self.tape.view_node(self)
            self._seen = self.memory.version
        return self._node  # type: ignore[no-any-return]

    def view_in_memory(self) -> View:
        """The view that the array is of its memory."""
        array = self.value
        return View(self.byte_offset(), array.strides, array.shape, array.dtype)

    def byte_offset(self) -> int:
        """The offset of the array in its memory, in bytes."""
        if self.offset is None:
            array, memory = self.value, self.memory
            if array is memory.array or not array.size:
                return 0
            if memory.start is None:
                memory.start = address_of(memory.array)
            self.offset = address_of(array) - memory.start
        return self.offset  # type: ignore[no-any-return]

    def is_viewed_plainly(self, view: Any) -> bool:
        """Whether a view of the array, of the same dtype, is a view of its node."""
        is_other = type(self.value) is np.ndarray and view is not self.value
        return is_other and self.rebuild_node is None and self.memory.layout is None

    def look(self) -> Any:
        """Return the real array, for a decision that holds for all values, or that a later guard makes sure of."""
        return self.value

    def holds(self) -> bool:
        """Return whether a condition is true, for a decision that is checked at the end of the plan."""
        outcome = bool(self.value)
        if not self.tape.off:
            self.tape.conditions[self.node] = outcome
        return outcome

    def is_finite(self) -> bool:
        """Return whether a sum is finite, for a decision that is checked at the end of the plan."""
        if not self.tape.off:
            self.tape.sums[self.node] = self.value
        return bool(np.isfinite(self.value))

    def abandon(self, reason: str) -> Any:
        """Return the real array, and make no plan of a call whose values need other operations than most."""
        if not self.tape.off:
            self.tape.fail(reason)
            self.tape.argument_failure = True
        return self.value

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if not kwargs and method == "__call__":
            found = ufunc_call(self.tape, ufunc, args)
            if found is not UNKNOWN:
                return found
        for x in (*args, *kwargs.values()) if kwargs else args:
            if type(x) is not Traced and type(x) is not float and defers(x):
                return NotImplemented
        function = ufunc if method == "__call__" else bound(ufunc, method)
        if method == "at":
            return self._mutate(function, args[0], args[1:], kwargs)
        out = kwargs.pop("out", None)
        if out is None:
            if kwargs.get("where", True) is not True and method == "__call__":
                self.tape.fail(
                    f"{user_line()}: {ufunc.__name__} with where= and without out= leaves other elements undefined; "
                    "use np.where, or pass out="
                )
            return self.tape.call(function, args, kwargs)
        return self._into(function, args, kwargs, out if isinstance(out, tuple) else (out,))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()) if kwargs else args:
            if type(x) is not Traced and type(x) is not int and defers(x):
                return NotImplemented
        if function in SHAPE_FUNCTIONS:
            return function(*real(args), **real(kwargs))
        definition = definition_of(function)
        if definition is not None:
            if takes_arrays(function):
                args, kwargs = with_arrays(function, args, kwargs)
            return definition(*args, **kwargs)  # (a function of Wengert: what it consists of is traced)
        if function in WRITING_FUNCTIONS:
            args, kwargs = list(args), dict(kwargs)
            target = args.pop(0) if args else kwargs.pop(WRITING_FUNCTIONS[function])
            return self._mutate(function, target, args, kwargs)
        if kwargs.get("out") is not None:
            kwargs = dict(kwargs)
            out = kwargs.pop("out")
            return self._into(function, args, kwargs, out if isinstance(out, tuple) else (out,))
        return self.tape.call(function, args, kwargs)

    def _into(self, function: Any, args: Any, kwargs: Any, outs: tuple[Any, ...]) -> Any:
        """Write a result into arrays, and record their new values."""
        tape = self.tape
        for out in outs:
            if out is not None and type(out) is not Traced:
                tape.fail(
                    f"{user_line()} writes into an array that the function made itself, or that the tracer cannot "
                    "find; make it by np.zeros or np.array, keep it in an attribute, pass it as an argument, "
                    "or omit out="
                )
        several = len(outs) > 1 or isinstance(function, np.ufunc)
        if tape.off:
            found = function(*real(args), **real(kwargs), out=tuple(map(real, outs)) if several else real(outs[0]))
            # (the arrays given as out= are returned: `x += 1` must assign the same traced array to x)
            return (
                tuple(o if o is not None else f for o, f in zip(outs, found, strict=True))
                if isinstance(found, tuple)
                else outs[0]
            )
        where = kwargs.pop("where", True)
        results = ufunc_call(tape, function, args) if isinstance(function, np.ufunc) and not kwargs else UNKNOWN
        if results is UNKNOWN:
            results = tape.call(function, args, kwargs)
        values = results if isinstance(results, tuple) else (results,)
        written = []
        for out, result in zip(outs, values, strict=True):
            if out is None:
                written.append(result)
                continue
            if result.shape != out.shape:  # (let NumPy raise where it does: an assignment would broadcast more)
                scratch = tuple(None if o is None else np.empty_like(real(o)) for o in outs)
                function(*real(args), **real(kwargs), out=scratch if several else scratch[0])
            if result.dtype != out.dtype and not np.can_cast(result.dtype, out.dtype, "same_kind"):
                raise np._core._exceptions._UFuncOutputCastingError(function, "same_kind", result.dtype, out.dtype, 0)  # type: ignore[attr-defined]
            if where is not True:
                result = tape.call(np.where, (where, result, out), {})
            self._assign(out, result)
            written.append(out)
        return tuple(written) if isinstance(results, tuple) else written[0]

    def _mutate(self, function: Any, target: Any, args: Any, kwargs: Any) -> None:
        if type(target) is not Traced:
            self.tape.fail(
                f"{user_line()} writes a traced value into an array that the function made itself, or that the tracer "
                "cannot find; make it by np.zeros or np.array(a), or join values by np.stack"
            )
        if self.tape.off:
            function(real(target), *real(args), **real(kwargs))
            return
        self._assign(target, self.tape.call(Mutation(function), (target, *args), kwargs))

    def _assign(self, target: Any, result: Any) -> None:
        """Assign a value to the elements of an array."""
        moving = target.rebuild_node
        if type(moving) is MovingView and not self.tape.off:
            if level_of(result) == TRACED and result.dtype != target.dtype:
                result = result.astype(target.dtype)
            moving.base[moving.index] = result
            return
        if target.rebuild_node is not None:
            self.tape.fail(
                f"{user_line()} writes into a view of another dtype (x.real, x.view(dtype)), or into a part of one at "
                "a place that was computed (x[k][:2]), which cannot be traced; write into the array itself"
            )
        if self.tape.off:
            target.value[...] = real(result)
            return
        node = self.tape.node_of(result)
        target.memory.save()
        target.value[...] = real(result)
        self.tape.write(target, node)

    # Attributes and methods of an ndarray

    T = property(lambda self: self.tape.call(np.transpose, (self,), {}))
    mT = property(lambda self: self.tape.call(np.matrix_transpose, (self,), {}))
    real = property(lambda self: self.tape.call(np.real, (self,), {}))
    imag = property(lambda self: self.tape.call(np.imag, (self,), {}))

    @property
    def flat(self) -> Any:
        return iter(np.ravel(self))

    @property
    def base(self) -> Any:
        if self.value is self.memory.array:
            return None
        memory = self.memory
        if self.viewed is None:
            self.viewed = None if memory.whole is None else memory.whole()
        if self.viewed is None:
            self.viewed = Traced(self.tape, memory.array, memory)
            memory.whole = ref(self.viewed)
        return self.viewed

    def __getattr__(self, name: str) -> Any:
        if name in EXPORTING:
            self.tape.fail(
                f"{user_line()} uses .{name} of an array, which cannot be traced; return the array, and do that "
                "outside of the function"
            )
            return getattr(self.value, name)
        method = getattr(np.ndarray, name, None)
        if method is None or not callable(method) or name.startswith("__"):
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        if self.tape.off and name not in WRITING_METHODS:
            return getattr(self.value, name)
        if name == "tolist":
            return self._to_list
        if name in WRITING_METHODS:
            return lambda *args, **kwargs: self._mutate(Method(name), self, args, kwargs)
        return functools.partial(self._method, name)

    def _method(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            out = kwargs.pop("out")
            return self._into(Method(name), (self, *args), kwargs, (out,))
        if args and any(map(defers, args)):
            raise TypeError(f"ndarray.{name} got a Variable")
        return self.tape.call(method(name), (self, *args), kwargs)

    def mathematics(self, function: Any, args: tuple[Any, ...]) -> Any:
        """What a function of ``math`` gives for an array of one number."""
        return self.tape.number.mathematics(self, function, args)

    def as_array(self) -> Any:
        """A 0-d array of a number, as np.array makes it."""
        array = np.array(self.value)
        if self.tape.off:
            return array
        return Traced(self.tape, array, Memory(array, Node("convert", (self.node,), {}, (), array.dtype)))

    def read_only(self) -> Any:
        """Return an array of the same elements that cannot be written to."""
        found = self.view() if type(self.value) is np.ndarray else self.tape.call(np.copy, (self,), {})
        found.setflags(write=False)
        return found

    def setflags(self, *args: Any, **kwargs: Any) -> None:
        if id(self.value) in self.tape.given:
            self.tape.fail(
                f"{user_line()} changes the flags of an array that existed before the call; "
                "change them outside of the function"
            )
        self.value.setflags(*args, **kwargs)

    def view(self, *args: Any, **kwargs: Any) -> Any:
        tape = self.tape
        if args or kwargs or type(self.value) is not np.ndarray or self.rebuild_node is not None or tape.off:
            return self._method("view", *args, **kwargs)
        self.memory.used = True
        found = Traced(tape, self.value.view(), self.memory)
        found._node, found._seen = self._node, self._seen  # (of the same elements)
        found.viewed = self if self.value is self.memory.array else self.viewed
        found.offset = 0 if self.value is self.memory.array else self.offset
        return found

    def conjugate(self, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs or self.value.dtype.kind not in "iuf" or self.tape.off:
            return self._method("conjugate", *args, **kwargs)
        self.memory.used = True
        return self

    def __getitem__(self, index: Any) -> Any:
        found = basic_item(self.tape, self, index)
        if found is not UNKNOWN:
            return found
        array, index = self._at(index)
        return self.tape.call(get_item, (array, index), {})

    def _at(self, index: Any) -> Any:
        """The array and the index that are recorded for elements at an index."""
        index = with_known(index)
        found = None if self.tape.off or type(self.value) is not np.ndarray else with_positions(self, index)
        return (self, index) if found is None else found

    def __setitem__(self, index: Any, value: Any) -> None:
        if defers(value):
            raise TypeError("an element of an array cannot be a Variable; collect the values by np.stack")
        array, index = self._at(index)
        if array is not self:
            array[index] = value
            return
        if not self.tape.off and self.rebuild_node is None and is_basic(index):
            target = basic_item(self.tape, self, index)
            if target is UNKNOWN:
                target = self[index] if isinstance(self.value[index], np.ndarray) else self._element(index)
            if type(target) is Traced and target.memory is self.memory:
                node = self.tape.node_of(value) if level_of(value) == TRACED else None
                self.memory.save()
                self.value[index] = real(value)
                self.tape.write(target, node if node is not None else np.array(value))
                return
        self._mutate(set_item, self, (index, value), {})

    def _element(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        return self[(*index, ...)] if Ellipsis not in index else self[index]

    def __len__(self) -> int:
        return len(real(self))

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    # Conversions to Python numbers are guards of the plan

    def _to_list(self) -> Any:
        self.tape.guard(self.node, np.array(self.value))
        return self.value.tolist()

    def __bool__(self) -> bool:
        outcome = bool(real(self))
        if not self.tape.off:
            self.tape.guard(Node("call", (self.node,), calling(bool), (), np.bool_), outcome)
        return outcome

    def __float__(self) -> float:
        return to_python_number(self, float)  # type: ignore[no-any-return]

    def __int__(self) -> int:
        return to_python_number(self, int)  # type: ignore[no-any-return]

    def __complex__(self) -> complex:
        return to_python_number(self, complex)  # type: ignore[no-any-return]

    def __index__(self) -> int:
        return to_python_number(self, operator.index)  # type: ignore[no-any-return]

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            not self.tape.off
            and self.value.dtype.kind in "biu"
            and sys._getframe(1).f_code.co_filename.startswith(ENGINE)
        ):
            # Indices, lengths, masks of a function that keeps no array: the plan is for these values.
            found = np.array(self.value)
            self.tape.guard(self.node, found)
            found.setflags(write=False)
            return found.astype(args[0]) if args and args[0] is not None else found
        self.tape.fail(
            f"{user_line()} converts a traced array to an ndarray (a[x] of a plain array a, or a function that calls "
            "np.asarray), which cannot be traced; index such an array as np.array(a)[x], and call a function of "
            "another library as wengert.dispatched(function)"
        )
        return np.array(self.value, *args, **{"copy": None, **kwargs})  # (np.array(x) asks for a copy)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.tape.fail(
            f"{user_line()} pickles a traced array, which a plan cannot repeat; do that outside of the function"
        )
        return self.value.__reduce_ex__(protocol)

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __repr__(self) -> str:
        return self._text(repr(self.value))

    def __str__(self) -> str:
        return self._text(str(self.value))

    def __format__(self, spec: str) -> str:
        return self._text(format(self.value, spec))

    def _text(self, text: str) -> str:
        if not self.tape.off and not sys._getframe(2).f_code.co_filename.startswith(OUR_FILES):
            self.tape.guard(self.node, np.array(self.value))
        return text

    def __pow__(self, other: Any) -> Any:
        if type(other) in (int, float) and other in (2, 0.5, -1, 0, 1):  # (for which ndarray uses other ufuncs)
            return self.tape.call(power, (self, other), {})
        return np.power(self, other)

    def __divmod__(self, other: Any) -> Any:
        return np.divmod(self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return np.divmod(other, self)


method = functools.cache(Method)


def defers(value: Any) -> bool:
    """Whether an argument is a Variable, whose implementation of NumPy's protocols takes precedence."""
    return is_outranked(TRACED, (value,))


define_operators(Traced)
