"""Traced: a real array that writes down what NumPy does to it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from opcode import opname
from typing import Any

import numpy as np

from wengert.compile.graph import Node, Slot
from wengert.compile.tape import Memory, Tape, Untraceable
from wengert.core.debug import user_line

__all__ = ["Method", "Mutation", "Traced"]

# Methods and functions that write into their first argument.
WRITING_METHODS = ("sort", "fill", "partition", "put", "itemset", "byteswap", "resize", "setfield")
WRITING_FUNCTIONS: dict[Any, int] = {
    np.copyto: 0,
    np.put: 0,
    np.place: 0,
    np.putmask: 0,
    np.fill_diagonal: 0,
    np.put_along_axis: 0,
}
# What a shape alone says is no matter of the values.
OF_THE_SHAPE = {
    np.shape,
    np.ndim,
    np.size,
    np.iscomplexobj,
    np.isrealobj,
    np.result_type,
    np.can_cast,
    np.min_scalar_type,
}
# New arrays that only have the form of another.
LEAVING = (
    "tobytes",
    "tofile",
    "dump",
    "dumps",
    "data",
    "ctypes",
    "__array_interface__",
    "__array_struct__",
    "__dlpack__",
)


class Method:
    """A method of ndarray as a function of the array."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __call__(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(array, self.name)(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return type(other) is Method and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Mutation:
    """A function that writes into its first argument, as one that returns what that argument is then."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = f"written by {function.__name__}"

    def __call__(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        written = np.array(array)
        self.function(written, *args, **kwargs)
        return written

    def __eq__(self, other: object) -> bool:
        return type(other) is Mutation and other.function == self.function

    def __hash__(self) -> int:
        return hash(self.function)


def set_item(array: Any, index: Any, value: Any) -> None:
    array[index] = value


class Traced:
    """A real array, and the memory of the traced call that it looks into.

    It answers NumPy as the array does, so that the function runs as it always runs; the tape writes each
    call down. What would make a number of it is a guard of the plan; what would take it away as an ndarray raises
    `Untraceable`.
    """

    __slots__ = ("__weakref__", "_node", "_seen", "memory", "tape", "value")
    __hash__ = None  # type: ignore[assignment]  # as an ndarray's

    def __init__(self, tape: Tape, value: Any, memory: Memory) -> None:
        self.tape, self.value, self.memory = tape, value, memory
        self._node: Any = None
        self._seen = -1

    @property
    def node(self) -> Node:
        """The value that it has at this moment, in the graph."""
        if self._seen != self.memory.version:
            if isinstance(self.value, np.generic):
                self._node = self.memory.node
            else:
                self._node = self.tape.view_node(self.memory, self.value)
            self._seen = self.memory.version
        return self._node  # type: ignore[no-any-return]

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(defers(x) for x in (*args, *kwargs.values())):
            return NotImplemented
        out = kwargs.pop("out", None)
        function = ufunc if method == "__call__" else bound(ufunc, method)
        if method == "at":
            return self._mutate(function, args[0], args[1:], kwargs)
        if out is None:
            if kwargs.get("where", True) is not True and method == "__call__":
                raise Untraceable(f"{user_line()}: {ufunc.__name__} with where= and no out= leaves the rest undefined")
            return self.tape.call(function, args, kwargs)
        outs = out if isinstance(out, tuple) else (out,)
        return self._into(function, args, kwargs, outs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(defers(x) for x in types_of(args, kwargs)):
            return NotImplemented
        if function in OF_THE_SHAPE:
            return function(*(x.value if type(x) is Traced else x for x in args), **kwargs)
        definition = getattr(function, "__wrapped__", None)
        if definition is not None and (definition.__module__ or "").startswith("wengert."):
            return definition(*args, **kwargs)  # one of ours: what it is made of is what is wanted
        if function in WRITING_FUNCTIONS:
            args, kwargs = list(args), dict(kwargs)
            target = args.pop(0) if args else kwargs.pop("dst", None)
            return self._mutate(function, target, args, kwargs)
        if kwargs.get("out") is not None:
            kwargs = dict(kwargs)
            out = kwargs.pop("out")
            return self._into(function, args, kwargs, out if isinstance(out, tuple) else (out,))
        return self.tape.call(function, args, kwargs)

    def _into(self, function: Any, args: Any, kwargs: Any, outs: tuple[Any, ...]) -> Any:
        """Write a result into arrays, and write that down as new values of theirs."""
        for out in outs:
            if out is not None and type(out) is not Traced:
                raise Untraceable(
                    f"{user_line()} writes into an array that the function made itself, or that is out of the tracer's "
                    "sight; hold it in an attribute or give it as an argument, or leave out= away"
                )
        where = kwargs.pop("where", True)
        results = self.tape.call(function, args, kwargs)
        made = results if isinstance(results, tuple) else (results,)
        written = []
        for out, result in zip(outs, made, strict=True):
            if out is None:
                written.append(result)
                continue
            if not np.can_cast(result.dtype, out.dtype, "same_kind"):
                raise np._core._exceptions._UFuncOutputCastingError(function, "same_kind", result.dtype, out.dtype, 0)  # type: ignore[attr-defined]
            if where is not True:
                result = self.tape.call(np.where, (where, result, out), {})
            node = self.tape.node_of(result)
            out.value[...] = result.value
            self.tape.write(out, node)
            written.append(out)
        return tuple(written) if isinstance(results, tuple) else written[0]

    def _mutate(self, function: Any, target: Any, args: Any, kwargs: Any) -> None:
        if type(target) is not Traced:
            raise Untraceable(
                f"{user_line()} writes a traced value into an array that the function made itself, or that is out of "
                "the tracer's sight; make it of a traced one, as in np.zeros_like(x), or join values by np.stack"
            )
        written = self.tape.call(Mutation(function), (target, *args), kwargs)
        node = self.tape.node_of(written)
        target.value[...] = written.value
        self.tape.write(target, node)

    # What an array has

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return self.value.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return self.value.size  # type: ignore[no-any-return]

    @property
    def itemsize(self) -> int:
        return self.value.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        return self.value.nbytes  # type: ignore[no-any-return]

    @property
    def strides(self) -> tuple[int, ...]:
        return self.value.strides  # type: ignore[no-any-return]

    @property
    def flags(self) -> Any:
        return self.value.flags

    @property
    def T(self) -> Any:
        return np.transpose(self)  # type: ignore[call-overload]

    @property
    def mT(self) -> Any:
        return np.matrix_transpose(self)  # type: ignore[arg-type]

    @property
    def real(self) -> Any:
        return self.tape.call(np.real, (self,), {})

    @property
    def imag(self) -> Any:
        return self.tape.call(np.imag, (self,), {})

    @property
    def flat(self) -> Any:
        return iter(np.ravel(self))  # type: ignore[call-overload]

    @property
    def base(self) -> Any:
        return None if self.value is self.memory.array else self.memory.array

    def __getattr__(self, name: str) -> Any:
        if name in LEAVING:
            raise Untraceable(f"{user_line()} takes an array away from NumPy (.{name}); a plan cannot follow it")
        method = getattr(np.ndarray, name, None)
        if method is None or not callable(method) or name.startswith("__"):
            raise AttributeError(f"'numpy.ndarray' object has no attribute {name!r}")
        if name in ("item", "tolist"):
            return functools.partial(self._leave, name)
        if name == "setflags":
            return lambda *args, **kwargs: None
        if name in WRITING_METHODS:
            return lambda *args, **kwargs: self._mutate(Method(name), self, args, kwargs)
        return self._method(name)

    def _method(self, name: str) -> Any:
        def method(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("out") is not None:
                kwargs = dict(kwargs)
                out = kwargs.pop("out")
                return self._into(Method(name), (self, *args), kwargs, (out,))
            return self.tape.call(Method(name), (self, *args), kwargs)

        return method

    def __getitem__(self, index: Any) -> Any:
        return self.tape.call(get_item, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        if is_basic(index):
            target = self[index] if isinstance(self.value[index], np.ndarray) else self._element(index)
            if hasattr(value, "_creator"):
                raise TypeError("an element of an array cannot be a Variable; collect the values by np.stack")
            node = self.tape.node_of(value) if type(value) is Traced else None
            self.value[index] = value.value if type(value) is Traced else value
            self.tape.write(target, node if node is not None else np.asarray(value))
            return
        self._mutate(set_item, self, (index, value), {})

    def _element(self, index: Any) -> Any:
        index = index if isinstance(index, tuple) else (index,)
        return self[(*index, ...)] if Ellipsis not in index else self[index]

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

    # What leaves as a number is a guard of the plan

    def _leave(self, name: str, *args: Any) -> Any:
        number = getattr(self.value, name)(*args)
        found = self.tape.call(Method(name), (self, *args), {}) if name == "item" else self._leave_list(number)
        return found

    def _leave_list(self, values: Any) -> Any:
        self.tape.guard(self.node, np.array(self.value))
        return values

    def __bool__(self) -> bool:
        truth = bool(self.value)
        self.tape.guard(Node("call", (self.node,), calling(bool), (), np.bool_), truth)
        return truth

    def __float__(self) -> float:
        return self._number(float)

    def __int__(self) -> int:
        return self._number(int)

    def __complex__(self) -> complex:
        return self._number(complex)

    def __index__(self) -> int:
        return self._number(int)

    def _number(self, kind: Any) -> Any:
        frame = sys._getframe(2)
        if opname[frame.f_code.co_code[frame.f_lasti]].startswith("STORE"):
            raise Untraceable(
                f"{user_line()} writes a traced value into an array that the function made itself; collect the "
                "values in a list and join them by np.stack, or write into np.zeros_like of a traced array"
            )
        number = kind(self.value)
        self.tape.guard(Node("call", (self.node,), calling(kind), (), np.asarray(number).dtype), number)
        return number

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise Untraceable(
            f"{user_line()} makes an ndarray of a traced array (np.asarray, or a function that converts), where the "
            "plan would lose it"
        )

    def __reduce__(self) -> Any:
        raise Untraceable(f"{user_line()} pickles or copies a traced array")

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __repr__(self) -> str:
        return f"traced {self.value!r}"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __pow__(self, other: Any) -> Any:
        if type(other) in (int, float) and other in (2, 0.5, -1, 0, 1):  # ndarray's own shortcuts
            return self.tape.call(power, (self, other), {})
        return np.power(self, other)  # type: ignore[call-overload]

    def __ipow__(self, other: Any) -> Any:
        return np.power(self, other, out=self)  # type: ignore[call-overload]

    def __divmod__(self, other: Any) -> Any:
        return np.divmod(self, other)  # type: ignore[call-overload]

    def __rdivmod__(self, other: Any) -> Any:
        return np.divmod(other, self)  # type: ignore[call-overload]


def get_item(array: Any, index: Any) -> Any:
    return array[index]


def power(a: Any, b: Any) -> Any:
    return a**b


def calling(function: Any) -> dict[str, Any]:
    """The settings of a call of `function` on one operand."""
    return {"function": function, "arguments": (Slot(0),), "keywords": {}}


@functools.cache
def bound(ufunc: np.ufunc, method: str) -> Any:
    return getattr(ufunc, method)


def is_basic(index: Any) -> bool:
    """Whether an index gives a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None or part is Ellipsis or isinstance(part, (int, np.integer, slice)) for part in parts
    ) and not any(isinstance(part, bool) for part in parts)


def defers(value: Any) -> bool:
    """Whether an argument is of a transform further out (a Variable), which must answer first."""
    if isinstance(value, (list, tuple)):
        return any(map(defers, value))
    return type(value) is not Traced and hasattr(value, "_creator")


def types_of(args: Any, kwargs: Any) -> list[Any]:
    return [*args, *kwargs.values()]


def _operators() -> None:
    """Give Traced the operators of an ndarray: each is its ufunc, in place with out=."""
    names = {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
        "mod": np.remainder, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
        "lshift": np.left_shift, "rshift": np.right_shift, "pow": np.power,
    }  # fmt: skip

    def make(ufunc: Any) -> tuple[Any, Any, Any]:
        def forth(self: Any, other: Any) -> Any:
            return ufunc(self, other) if not hasattr(other, "_creator") else NotImplemented

        def back(self: Any, other: Any) -> Any:
            return ufunc(other, self)

        def inplace(self: Any, other: Any) -> Any:
            return ufunc(self, other, out=self)

        return forth, back, inplace

    for name, ufunc in names.items():
        forth, back, inplace = make(ufunc)
        if name != "pow":
            setattr(Traced, f"__{name}__", forth)
            setattr(Traced, f"__i{name}__", inplace)
        setattr(Traced, f"__r{name}__", back)
    compared = {
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "eq": np.equal,
        "ne": np.not_equal,
    }
    for name, ufunc in compared.items():
        setattr(Traced, f"__{name}__", make(ufunc)[0])
    for name, ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}.items():
        setattr(Traced, f"__{name}__", functools.partialmethod(lambda self, u: u(self), ufunc))


_operators()
