"""Written: a Variable that is written to, as its program has it, and what becomes of the Variables on its memory."""

from __future__ import annotations

import math
import operator
import sys
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from wengert.arrays.aliases import noted_aliases, owner_of
from wengert.arrays.interface import BINARY, BITWISE, COMPARISONS, ArrayInterface
from wengert.arrays.level import BATCHED, RECORDED, TRACED, is_outranked, level_of
from wengert.arrays.lists import holds_variables
from wengert.arrays.nesting import contains, mapped
from wengert.arrays.table import FUNCTIONS, INTO
from wengert.arrays.values import looked_at
from wengert.checks import conversions
from wengert.checks.errors import describe
from wengert.checks.refusals import positional_out
from wengert.core.dispatch import answer_function
from wengert.core.mode import current_mode
from wengert.core.node import Node, maker_of, next_number
from wengert.core.numpy_call import NumPyCall
from wengert.core.variable import Variable, annotate, array_of, attach, note_of, unrecorded
from wengert.custom.marks import Identity, mark
from wengert.writes.memory import Memory
from wengert.writes.places import Place, axes_in_memory, is_overlapping, place_in_strides, place_of

__all__ = [
    "AS_GIVEN",
    "NUMBER",
    "State",
    "Written",
    "as_written",
    "frozen",
    "is_scalar",
    "is_writable",
    "leaf_error",
    "new_array",
    "on_memory",
    "present",
    "read_only_error",
    "state_of",
]

NUMBER = "number"  # what the mark of an input keeps that was a number, and not an array
# Functions whose results are views that NumPy makes read-only.
READ_ONLY = {np.broadcast_to, np.broadcast_arrays, np.diagonal, np.linalg.diagonal, np.diag, sliding_window_view}


class State:
    """What a Written is a handle on: a place of a memory, all of it if it is None."""

    __slots__ = ("memory", "place", "writable")

    def __init__(self, memory: Memory, place: Place | None, writable: bool = True) -> None:
        self.memory, self.place, self.writable = memory, place, writable


class Written(Variable):
    """An array that is written to, or a view of one.

    A Variable becomes one when it is first written to, with all that share its memory: they are the same objects, of
    this class from then on. What is recorded with one takes its value at the moment, a Variable which is not written
    to. The fields that the engine sees keep the state before the first write, for calls that were recorded then.
    """

    __slots__ = ()
    __hash__ = object.__hash__
    is_written = True

    def current(self) -> Any:
        """Return the present value: a Variable, or an array where it depends on none."""
        state = state_of(self)
        return state.memory.read(state.place)

    def initial(self) -> Any:
        """Return the value before the first write, as an edge of calls that were recorded then."""
        return value_before(self, array_of(self))

    def _variable(self) -> Any:
        found = self.current()
        return found if isinstance(found, Variable) else Variable(found)

    @property
    def data(self) -> Any:
        """The array at the moment, read-only."""
        state = state_of(self)
        return state.memory.array_at(state.place)

    @data.setter
    def data(self, value: Any) -> None:
        if value is not None and value is not self.data:
            raise TypeError(
                f"the data of {describe(self)}, which is written to, are not assigned; write x[...] = a, in a no_grad "
                "block if it is not to be recorded"
            )

    grad = property(
        lambda self: self._variable().grad,
        lambda self, value: setattr(self._variable(), "grad", value),
        doc="The gradient that `backward` left here, or that it is to start from.",
    )
    creator = property(lambda self: self._variable().creator, doc="The call that made the present value, or None.")

    def set_creator(self, func: Any) -> None:
        self._variable().set_creator(func)

    def cleargrad(self) -> None:
        self._variable().cleargrad()

    def detach(self) -> Variable:
        return self._variable().detach()  # type: ignore[no-any-return]

    def register_hook(self, hook: Any) -> Any:
        return self._variable().register_hook(hook)

    def backward(self, retain_grad: bool = False, create_graph: bool = False) -> None:
        self._variable().backward(retain_grad, create_graph)

    def _concrete(self, convert: Any, means: str = "") -> Any:
        found = self.current()
        if not isinstance(found, Variable):
            return convert(found)
        if means and current_mode.get().record:
            conversions.check_conversion(found, sys._getframe(1))
        return convert(array_of(found))

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d Variable")
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return repr(Variable(self.data, self.name))

    def __reduce__(self) -> Any:
        return self._variable().__reduce__()

    def __copy__(self) -> Any:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        found = self.current()
        return found.__array__(*args, **kwargs) if isinstance(found, Variable) else np.asarray(found, *args, **kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "at" or kwargs.get("out") is not None:
            out = kwargs.pop("out", None)
            return FUNCTIONS[INTO](ufunc, method, args, kwargs, out)
        args, kwargs = present((args, kwargs))
        return new_array(getattr(ufunc, method)(*args, **kwargs))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in AS_GIVEN or kwargs.get("out") is not None:
            return Variable.__array_function__(self, func, types, args, kwargs)
        if func is operator.getitem:
            return self._element(args[1])
        if len(types) > 1 and is_outranked(RECORDED, (*args, *kwargs.values())):
            return NotImplemented
        if len(args) > 2 and (found := positional_out(func, args, kwargs)) is not None:
            return FUNCTIONS[INTO](func, "__call__", *found)
        owners = [x for x in (*args, *kwargs.values()) if isinstance(x, Written)]
        given, named = present((args, kwargs))
        # (where the array is constant, an argument that NumPy does not ask may be a Variable: np.full_like(a, x))
        answered = func in FUNCTIONS and holds_variables((*given, *named.values()))
        result = answer_function(func, given, named) if answered else func(*given, **named)
        return with_memory(result, owners, func)

    def _element(self, index: Any) -> Any:
        """Index the array."""
        state = state_of(self)
        if type(index) is not int:
            index = present(index)
            found = state.memory.array_at(state.place)[index]
            if isinstance(looked_at(found), np.ndarray) and is_view_of(found, state.memory):
                return on_memory(state.memory, place_of(found, state.memory.data), state.writable)
        elif len(self.shape) > 1:
            found = state.memory.array_at(state.place)[index]
            return on_memory(state.memory, place_of(found, state.memory.data), state.writable)
        return new_array(state.memory.read(state.place)[index])


def of_data(name: str) -> property:
    return property(lambda self: getattr(self.data, name))


for _name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes", "strides"):
    setattr(Written, _name, of_data(_name))
for _name in [*BINARY, *BITWISE]:
    for _form in (f"__{_name}__", f"__r{_name}__") if _name != "pow" else ("_power", "__rpow__"):
        setattr(Written, _form, getattr(ArrayInterface, _form))
for _name in COMPARISONS:
    setattr(Written, f"__{_name}__", getattr(ArrayInterface, f"__{_name}__"))

AS_GIVEN: set[Any] = set()  # functions that take what is written to as it is: those that write, and np.array


def state_of(x: Written) -> State:
    """Return what a Written is a handle on."""
    return note_of(x, "written")  # type: ignore[no-any-return]


def present(value: Any) -> Any:
    """Replace what is written to, in nested arguments, by the values at the moment."""
    if type(value) is Written:
        return value.current()
    if type(value) is tuple or type(value) is list:
        return type(value)([present(v) for v in value])
    if isinstance(value, (list, tuple)):
        return mapped(value, Written, Written.current) if contains(value, Written) else value
    if type(value) is dict:
        return {name: present(v) for name, v in value.items()} if value else value
    return value


def frozen(value: Any) -> Any:
    """Replace what is written to, in nested arguments, by handles on the values at the moment that refuse it."""
    if type(value) is Written:
        found = value.current()
        if isinstance(found, Variable):
            return frozen(found)
        memory = Memory(found)
        memory.number = 0
        return on_memory(memory, None)
    if type(value) is Variable and maker_of(value) is not None:
        return mark(value, Variable)  # (`value` itself may be written to afterwards)
    if type(value) in (tuple, list):
        return type(value)(map(frozen, value))
    return {name: frozen(v) for name, v in value.items()} if type(value) is dict else value


def is_view_of(array: Any, memory: Memory) -> bool:
    """Whether an array is a view of a memory."""
    return owner_of(array) is owner_of(memory.data)


def on_memory(memory: Memory, place: Place | None, writable: bool = True) -> Written:
    """Make the handle on a place of a memory."""
    made = attach(None, None)
    annotate(made, "written", State(memory, place, writable))
    made.__class__ = Written
    return made  # type: ignore[no-any-return]


def new_array(result: Any) -> Any:
    """Make of new constants, without other references, an array that can be written to; return others unchanged."""
    if type(looked_at(result)) is not np.ndarray or result.dtype.kind not in "fc":
        return result
    if not result.flags.c_contiguous:
        return in_its_order(result)
    is_own = result.base is None and result.flags.writeable
    return on_memory(Memory.of_new(result if is_own else result.copy(order="C")), None)


def in_its_order(array: Any) -> Written:
    """Make the handle on a new array that has its axes in another order in memory, which they keep."""
    order = axes_in_memory(array)
    buffer = array.transpose(order).copy(order="C")
    steps = [math.prod(buffer.shape[k + 1 :]) for k in range(array.ndim)]
    place = Place(0, array.shape, tuple([steps[order.index(axis)] for axis in range(array.ndim)]))
    return on_memory(Memory.of_new(buffer), place)


def with_memory(result: Any, owners: list[Any], function: Any) -> Any:
    """Make handles of results that are views of what is written to."""
    if type(result) is tuple or type(result) is list:
        return type(result)([with_memory(y, owners, function) for y in result])
    array = array_of(result) if type(result) is Variable else result
    if type(array) is np.ndarray or level_of(array) == TRACED:
        for x in owners:
            state = state_of(x)
            if is_view_of(array, state.memory):
                place = place_of(array, state.memory.data)
                if place is not None:
                    return on_memory(state.memory, place, state.writable and function not in READ_ONLY)
    return new_array(result)


# A Variable becomes Written.


def as_written(x: Any) -> State:
    """Return what a Variable is a handle on; it becomes one if it is not yet, with all that share its memory.

    Raises
    ------
    TypeError
        If it is a leaf, or a view of one.
    """
    if type(x) is not Written:
        become_written(x)
    return state_of(x)


def become_written(x: Variable) -> None:
    array = array_of(x)
    if level_of(array) >= BATCHED:
        raise TypeError(
            f"{describe(x)} is under vmap, where Variables are not written to; join values by np.stack or "
            "np.concatenate, or choose by np.where"
        )
    owner = owner_of(array)
    edge, held, sharing = root_of(x, owner)
    dense = is_dense(held)
    if not dense and (place := place_of(held, held)) is not None and is_overlapping(place):
        raise read_only_error()
    whole = value_before(edge, held if dense else held.copy(order="C"))
    order = axes_in_memory(array_of(whole))
    value: Any = whole
    if order != list(range(whole.ndim)) and not array_of(whole).flags.c_contiguous:
        value = np.transpose(whole, order)
    memory = Memory(value)
    memory.check_age()
    all_of_it = place_of(memory.data, memory.data) if dense else place_in_strides(held, held)
    for y in sharing:
        place = place_of(array_of(y), memory.data) if dense else place_in_strides(array_of(y), held)
        if place is None:
            raise TypeError(f"{describe(y)} is a view of another dtype, and {describe(x)} is not written to: copy it")
        annotate(y, "written", State(memory, None if place == all_of_it else place, is_writable(y)))
        y.__class__ = Written


def is_writable(x: Variable) -> bool:
    """Whether NumPy would let a view be written to."""
    f = maker_of(x)
    while isinstance(f, NumPyCall) and base_of(f, x) is not None:
        if type(f).function in READ_ONLY:
            return False
        x = f._edges[base_of(f, x)]
        f = maker_of(x)
    return True


def is_scalar(edge: Any) -> bool:
    """Whether NumPy would have a number in the place of a value that was not written to: it is immutable."""
    f = maker_of(edge)
    if len(edge.shape) or (f is None and not note_of(edge, "no_grad")):
        return False
    if type(f) is Identity:
        return f._kept is NUMBER
    handle = edge if isinstance(edge, Variable) else edge._outputs and edge._outputs()
    if handle is not None and looked_at(array_of(handle)).base is not None:
        return False  # (what NumPy gave was an array, of which the Variable has a view)
    return not (isinstance(f, NumPyCall) and base_of(f, edge) is not None)


def base_of(f: Any, x: Any) -> Any:
    """Return the index of the edge that the result of a call is a view of; None if it is of none."""
    if f._kept is None:
        return None
    base = f._kept.base
    if type(base) is not list:
        return base
    found = [b for b, reference in zip(base, f._outputs, strict=True) if reference() is x]
    return found[0] if found else None


def root_of(x: Variable, owner: Any) -> tuple[Any, Any, list[Variable]]:
    """Return the edge to the value of all the memory of `x`, its array, and all Variables that share the memory."""
    edge = root_edge(x)
    if isinstance(edge, Variable):
        if maker_of(edge) is None and not note_of(edge, "no_grad"):
            raise leaf_error(x, edge)
        array = array_of(edge)
    else:
        reference = edge._outputs
        handle = reference() if reference is not None else None
        array = array_of(handle) if handle is not None else whole_array(array_of(x), edge)
    sharing = [
        y
        for y in noted_aliases(owner)
        if owner_of(array_of(y)) is owner and type(y) is not Written and is_same_value(root_edge(y), edge)
    ]
    if all(y is not x for y in sharing):
        sharing.append(x)
    if isinstance(edge, Variable) and all(y is not edge for y in sharing):
        sharing.append(edge)
    return edge, array, sharing


def root_edge(x: Any) -> Any:
    """Return the edge to the value of which `x` is a view, of a view, and so on."""
    edge = x
    while True:
        f = maker_of(edge)
        base = base_of(f, edge) if isinstance(f, NumPyCall) else None
        if base is None or is_scalar(f._edges[base]):  # (of a number, NumPy makes a new array)
            return edge
        edge = f._edges[base]


def is_same_value(a: Any, b: Any) -> bool:
    """Whether two edges lead to one value."""
    f = maker_of(a)
    return a is b or (f is not None and f is maker_of(b) and not f.has_several_outputs)


def whole_array(view: Any, edge: Node) -> Any:
    """Return the array of a call's result that has no other references, from a view of it."""
    array = owner_of(view)
    if level_of(view) == TRACED:
        array = view if view.base is None else view.base
    if array.shape != edge.shape:
        raise TypeError(
            "a view is not written to whose array has no references; keep the array, or write into a copy: x.copy()"
        )
    return array


def value_before(edge: Any, array: Any) -> Variable:
    """Make the Variable that has the value before the first write, and is not written to."""
    f = maker_of(edge)
    if f is None:
        return unrecorded(array)  # type: ignore[no-any-return]
    if not f.has_several_outputs:
        return attach(f, array)  # type: ignore[no-any-return]
    same = Identity()
    same._number, same._edges = next_number(), (edge,)
    return attach(same, array)  # type: ignore[no-any-return]


def is_dense(array: Any) -> bool:
    """Whether an array fills its memory, in whatever order of its axes."""
    return array.flags.c_contiguous or array.transpose(axes_in_memory(array)).flags.c_contiguous  # type: ignore[no-any-return]


def read_only_error() -> ValueError:
    return ValueError(
        "assignment destination is read-only: it is a view that NumPy does not write to; write into a copy, "
        "x = x.copy()"
    )


def leaf_error(x: Any, leaf: Any) -> TypeError:
    name = describe(leaf)
    which = f"{name} is a leaf" if leaf is x else f"{describe(x)} is a view of the leaf {name}"
    return TypeError(
        f"{which}, whose gradient is with respect to the value that it has, and is not written to where calls are "
        "recorded; write into a copy, x = x.copy(), or outside the graph: x.data[...] = v"
    )
