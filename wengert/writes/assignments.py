"""What NumPy does to arrays in place: assignments to elements, ``out=``, and the functions and methods that write.

Each is a row of the table of derivatives. It does to the array what NumPy does, and records it as a call of `write`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.interface import BINARY
from wengert.arrays.level import TRACED, level_of
from wengert.arrays.lists import stacked, takes_arrays, with_arrays
from wengert.arrays.table import FUNCTIONS, INTO, plain
from wengert.arrays.values import ShapeDtype, looked_at
from wengert.checks import advice
from wengert.checks.refusals import name_of, plain_array
from wengert.core.mode import current_mode
from wengert.core.node import maker_of
from wengert.core.variable import Variable, array_of, note_of
from wengert.functions import special  # noqa: F401  (has the row that is prepared here)
from wengert.functions.indexing import as_index
from wengert.functions.prepared import prepared
from wengert.writes.calls import assign_or_add, write_call
from wengert.writes.memory import Memory, edge_to
from wengert.writes.places import Place, place_of, strided, zeros_for
from wengert.writes.written import (
    AS_GIVEN,
    State,
    Written,
    as_written,
    is_scalar,
    is_writable,
    leaf_error,
    new_array,
    present,
    read_only_error,
    state_of,
)

__all__: list[str] = []


def assign(x: Any, index: Any, value: Any, adds: bool = False) -> None:
    """Do ``x[index] = value``, or with `adds` ``np.add.at(x, index, value)``."""
    state = writable_state(x)
    if state is None:
        write_outside(x, index, present(value), adds)
        return
    memory, place = state.memory, state.place
    if type(value) is Written:
        other = state_of(value)
        if other.memory is memory and not adds and is_same(state, index, other.place):
            return  # (what `x[index] += v` assigns in the end is the view that it has written to)
        value = value.current()
    elif type(value) in (list, tuple):
        value = stacked(present(value))
    index = own_index(index)
    edge = None
    if isinstance(value, Variable):
        edge = edge_to(value)
        value = array_of(value)
    elif isinstance(value, np.ndarray):
        value = plain_array("an assignment to elements", value)
    if type(value) is np.ndarray and np.may_share_memory(value, memory.data):
        value = value.copy()  # (a reference to a view would ask for another buffer)
    before = constant_before(memory) if edge is not None and not isinstance(memory.value, Variable) else None
    overwrites = place is None and index is Ellipsis and not adds and is_assignable(value, memory.data)
    buffer = memory.writable(not overwrites)
    assign_or_add(buffer if place is None else strided(buffer, place), index, value, adds)
    record(memory, (edge, value), before, (place, index, adds))


def is_assignable(value: Any, data: Any) -> bool:
    """Whether a value can be assigned to all of an array, without an error or a warning, which would come too late."""
    if type(value) in (int, float, bool):
        return data.dtype.kind in "fc"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return shape in ((), data.shape) and dtype is not None and np.can_cast(dtype, data.dtype, "same_kind")


def record(memory: Memory, values: tuple[Any, Any], before: Any, how: tuple[Place | None, Any, bool]) -> None:
    """Record what was written into the buffer of a memory, and make its value the new one."""
    base = memory.base_edge()
    edge, array = values
    place, index, adds = how
    if place is None and index is Ellipsis and not adds:
        base, before = None, ShapeDtype(memory.data.shape, memory.data.dtype)
    if edge is None and base is None:
        if isinstance(before, ShapeDtype) or not isinstance(memory.value, Variable):
            memory.value = memory.data
        else:
            memory.renew(None)
        return
    if not current_mode.get().record:
        memory.renew(None)
        return
    edges: list[Any] = []
    spots: list[Any] = []
    for i, each in enumerate((base, edge)):
        if each is not None:
            spots.append((i, len(edges), True))
            edges.append(each)
    constant = None if edge is not None else array.copy() if type(array) is np.ndarray else array
    before = memory.data if base is None and before is None else before
    memory.renew(write_call(edges, spots, [before, constant, place, index, adds]))


def constant_before(memory: Memory) -> Any:
    """Return the constants that are about to be written over: what is recorded can be made again from them."""
    data = memory.data
    if type(data) is not np.ndarray:
        return data.copy()
    return data.copy() if data.any() else np.broadcast_to(np.zeros((), data.dtype), data.shape)


def writable_state(x: Any) -> State | None:
    """Return what a Variable that is to be written to is a handle on; None for a leaf where nothing is recorded."""
    if type(x) is not Written:
        if maker_of(x) is None and not note_of(x, "no_grad"):
            if current_mode.get().record:
                raise leaf_error(x, x)
            return None
        if is_scalar(x):
            raise TypeError(
                f"a NumPy number does not support item assignment, and this Variable is one: {x!r} is what an element, "
                "or a sum over all axes, gives; an array of no dimensions is np.array(x, like=x)"
            )
        if not is_writable(x):
            raise read_only_error()
    state = as_written(x)
    if not state.writable:
        raise read_only_error()
    return state


def write_outside(x: Any, index: Any, value: Any, adds: bool) -> None:
    """Write into the data of a leaf where nothing is recorded."""
    data = array_of(x)
    assign_or_add(data, plain(index), plain(value), adds)
    x.data = data  # so that what was recorded before notices


def own_index(index: Any) -> Any:
    """Return an index that nothing changes, of arrays and numbers."""
    if type(index) is int or index is Ellipsis or type(index) is slice:
        return index
    index = plain(present(index))
    if type(index) is tuple:
        return tuple([own_index(part) for part in index])
    return index.copy() if type(index) is np.ndarray else as_index(index)


def is_same(state: State, index: Any, place: Place | None) -> bool:
    """Whether indexing what is at a state gives the view at a place."""
    if index is Ellipsis:
        return state.place == place
    data = state.memory.data
    found = state.memory.array_at(state.place)[plain(present(index))]
    if not isinstance(looked_at(found), np.ndarray):
        return False
    return place_of(found, data) == (place or place_of(data, data))


# out=, and the operators in place


def into(function: Any, method: str, args: Any, kwargs: Any, out: Any) -> Any:
    """Answer a call that writes its result into arrays."""
    if method == "at":
        at(function, *args)
        return None
    outs = out if isinstance(out, tuple) else (out,)
    if function in (np.add, np.subtract) and method == "__call__" and not kwargs and is_added_to(args, outs[0]):
        value = args[1] if function is np.add else -args[1]
        check_out(function, args, kwargs, outs)
        assign(outs[0], ..., value, adds=True)
        return outs[0]
    kwargs = dict(kwargs)
    where = kwargs.pop("where", True)
    call = function if method == "__call__" else getattr(function, method)
    args, kwargs = present(args), present(kwargs)
    if takes_arrays(function):
        args, kwargs = with_arrays(function, args, kwargs)
    with np.errstate() if where is True else np.errstate(all="ignore"):
        found = call(*args, **kwargs)
    results = found if isinstance(found, tuple) else (found,)
    for each, result in zip(outs, results, strict=True):
        if isinstance(each, Variable) and (result.shape != each.shape or result.dtype != each.dtype):
            check_out(call, args, kwargs if where is True else {**kwargs, "where": where}, outs)
    args = kwargs = None  # (a reference to a view of the old value would ask for a copy)
    written = []
    for each, result in zip(outs, results, strict=True):
        if each is None:
            written.append(result)
            continue
        if not isinstance(each, Variable):
            if isinstance(result, Variable):
                raise advice.into_plain(name_of(function))
            np.copyto(each, result, where=plain(where))  # constants, which no graph is needed for
            written.append(each)
            continue
        if where is not True:
            result = np.where(plain(where), result, present(each))
        store(each, result)
        written.append(each)
    return tuple(written) if isinstance(found, tuple) else written[0]


def check_out(call: Any, args: Any, kwargs: Any, outs: tuple[Any, ...]) -> None:
    """Let NumPy raise its own error where a result does not fit, in shape or dtype."""
    scratch = tuple(None if x is None else np.empty(x.shape, x.dtype) for x in outs)
    with np.errstate(all="ignore"):
        call(*map(shape_of, args), **kwargs, out=scratch if len(scratch) > 1 else scratch[0])


def shape_of(value: Any) -> Any:
    is_known = level_of(value) == 0
    return value if is_known else np.zeros(value.shape, value.dtype)


def store(x: Any, result: Any) -> None:
    """Assign a new result to all of `x`, taking its array where that is possible."""
    state = writable_state(x)
    is_new = type(result) is Variable or type(result) is np.ndarray
    if state is not None and state.place is None and is_new and result.dtype == x.dtype and result.shape == x.shape:
        value = result
        del result
        if state.memory.adopt(value):
            return
        result = value
    assign(x, ..., result)


def is_added_to(args: Any, out: Any) -> bool:
    """Whether a sum is written into its first term, the elements of which are not needed as they were."""
    x, value = args
    if type(value) in (list, tuple) or x is not out or type(out) is not Written:
        return False
    state = state_of(out)
    return state.place is not None or not (state.memory.buffer is None or state.memory.is_shared())


def in_place(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """Make the operator of a Variable that writes into it; of what is a number for NumPy it makes another one."""

    def operate(self: Any, other: Any) -> Any:
        if type(self) is not Written and is_scalar(self):
            return ufunc(self, other)
        return into(ufunc, "__call__", (self, other), {}, self)

    return operate


def at(ufunc: np.ufunc, x: Any, index: Any, *values: Any) -> None:
    """Do ``ufunc.at(x, index, *values)``: an element that is named twice is changed twice."""
    if not isinstance(x, Variable):
        raise advice.into_plain(f"{name_of(ufunc)}.at", "")
    if ufunc in (np.add, np.subtract):
        value = stacked(present(values[0]))
        assign(x, index, value if ufunc is np.add else np.negative(value), adds=True)
        return
    numbers = np.arange(x.size).reshape(x.shape)[plain(present(index))]
    given = [np.ravel(np.broadcast_to(stacked(present(v)), numbers.shape)) for v in values]
    numbers = numbers.ravel()
    order = np.argsort(numbers, kind="stable")
    first = np.r_[True, np.diff(numbers[order]) != 0] if numbers.size else np.zeros(0, bool)
    turns = np.empty(numbers.size, int)  # how many times an element was named before
    turns[order] = np.arange(numbers.size) - np.maximum.accumulate(np.where(first, np.arange(numbers.size), 0))
    for turn in range(int(turns.max(initial=-1)) + 1):
        chosen = np.flatnonzero(turns == turn)
        places: Any = np.unravel_index(numbers[chosen], x.shape) if x.ndim else ...
        old = x[places] if x.ndim else np.reshape(x, (1,))
        assign(x, places, ufunc(old, *(v[chosen] for v in given)))


# The functions and methods that write


def writing(*functions: Any) -> Callable[[Any], Any]:
    """Register a definition for functions that write into their first argument."""

    def register(definition: Any) -> Any:
        for function in functions:
            FUNCTIONS[function] = call_of(function, definition)
            AS_GIVEN.add(function)
        return definition

    return register


def call_of(function: Any, definition: Any) -> Any:
    def call(args: Any, kwargs: Any) -> None:
        target = args[0] if args else kwargs[FIRST.get(function, "a")]
        if not isinstance(target, Variable):
            raise advice.into_plain(name_of(function), "")
        if args:
            definition(function, *args, **kwargs)
        else:
            definition(function, target, **{k: v for k, v in kwargs.items() if v is not target})

    return call


FIRST = {np.copyto: "dst", np.place: "arr", np.put_along_axis: "arr"}


@writing(operator.setitem)
def set_item(function: Any, x: Any, index: Any, value: Any) -> None:
    assign(x, index, value)


@writing(np.ndarray.fill)
def fill(function: Any, x: Any, value: Any) -> None:
    value = present(value)
    np.empty(x.shape, x.dtype).fill(plain(value))  # (an error where NumPy has one)
    assign(x, ..., value)


@writing(np.ndarray.sort)
def sort(function: Any, x: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    if x.ndim == 0:
        np.zeros(()).sort(axis)
    options = {} if stable is None else {"stable": stable}
    assign(x, ..., np.sort(present(x), axis, kind, order, **options))


@writing(np.ndarray.partition)
def partition(function: Any, x: Any, kth: Any, axis: Any = -1, kind: Any = "introselect", order: Any = None) -> None:
    assign(x, ..., np.partition(present(x), kth, axis, kind, order))


@prepared(np.nan_to_num)
def nan_to_num(row: Any, x: Any, copy: Any = True, *args: Any, **kwargs: Any) -> Any:
    found = row(present(x), True, *present(args), **present(kwargs))
    if copy:
        return new_array(found)
    assign(x, ..., found)
    return x if x.ndim else found


AS_GIVEN.add(np.nan_to_num)


@writing(np.copyto)
def copy_to(function: Any, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    src = stacked(present(src))
    mask = plain(present(where))
    # (an error where NumPy has one)
    np.copyto(np.empty(dst.shape, dst.dtype), shape_of(src), casting, True if mask is True else shape_of(mask))
    if mask is True:
        assign(dst, ..., src)
    elif level_of(mask) == TRACED:  # (how many elements there are must not depend on the values)
        assign(dst, ..., np.where(mask, src, present(dst)))
    else:
        mask = np.broadcast_to(mask, dst.shape)
        assign(dst, mask, np.broadcast_to(src, dst.shape)[mask])


@writing(np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis)
def put(function: Any, x: Any, *args: Any, **kwargs: Any) -> None:
    """Let NumPy put the numbers of the values, to learn which goes where."""
    names = PARAMETERS[function]
    given = dict(zip(names, present(args), strict=False)) | present(kwargs)
    name = names[0] if function is np.fill_diagonal else names[1]
    values = stacked(given[name])
    values = values if hasattr(values, "ndim") else np.asarray(values)
    given = {k: plain(v) for k, v in given.items()}
    traced = next((v for k, v in given.items() if k != name and level_of(v) == TRACED), None)
    like = plain(present(x)) if traced is not None and level_of(plain(present(x))) == TRACED else traced
    places = np.full(x.shape, -1, np.intp) if traced is None else zeros_for(like, x.shape, np.intp)
    if traced is not None:
        places -= 1  # (in place: a difference of no dimensions would be a number, which cannot be written to)
    given[name] = np.arange(values.size).reshape(values.shape)
    function(places, **given)
    mask = places >= 0
    if traced is not None:
        assign(x, ..., np.where(mask, np.ravel(values)[np.maximum(places, 0)], present(x)))
    elif mask.any():
        assign(x, mask, np.ravel(values)[places[mask]])


PARAMETERS: dict[Any, tuple[str, ...]] = {
    np.put: ("ind", "v", "mode"),
    np.place: ("mask", "vals"),
    np.putmask: ("mask", "values"),
    np.fill_diagonal: ("val", "wrap"),
    np.put_along_axis: ("indices", "values", "axis"),
}

FUNCTIONS[INTO] = into
for _name, _ufunc in BINARY.items():
    setattr(Variable, f"__i{_name}__", in_place(_ufunc))
