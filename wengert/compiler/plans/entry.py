"""A short plan as a builtin function of Python: machine code that looks at the state itself, then runs the plan.

Calling native code by ctypes and looking at each attribute by bytecode takes longer than the step of a small network.
`enter(*compared, *arguments, *results)` is a builtin that is made of machine code: it walks the dicts and lists that
hold the state, by Python's own functions, and compares what is there with what was there when the plan fitted last. It
looks at the form of each array, puts the addresses into the plan's table, and runs the plan. It holds Python's lock all
the time. Where anything differs, it has done nothing, and says so: it is for others to find out what that means.

Where Python or NumPy keep their objects in another way, there is no such function, and calls take a little longer.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

import numpy as np

from wengert.compiler.code.native import Module, llvm
from wengert.compiler.code.once import once

__all__ = ["ARRAY_DATA", "LIST_ITEMS", "direct", "entrance", "is_possible", "layout_is_known", "words"]

# Where objects have what, in bytes: a list the pointer to its items; an object its type; an ndarray the rest.
LIST_ITEMS, TYPE = 24, 8
ARRAY_DATA, ARRAY_NDIM, ARRAY_SHAPE, ARRAY_STRIDES, ARRAY_DTYPE, ARRAY_FLAGS = 16, 24, 32, 40, 56, 64
FASTCALL = 0x80  # of a PyMethodDef: arguments come as an array of pointers
DIFFERENT = -1  # what it returns where anything has changed; 0 where the plan has run, else the guard that failed
# The kinds of rows of what is watched, each followed by: the container, how many entries, and these, as pairs.
END, DICT, LIST, CELL, NAMES, ATTRIBUTES, CODE, SIZE, ABSENT = range(9)
# Those of conditions (see `members`) have no container, and as pairs what it is about, and what that must have.
CONDITIONS = {"dict": ATTRIBUTES, "code": CODE, "size": SIZE, "absent": ABSENT}
# The words of the table that is the function's `self`.
PIECE, TABLE, WATCHED, COMPARED, COUNT, FORMS, NUMBER, RUNS = range(8)
PYTHON_FUNCTIONS = (
    *("PyDict_Next", "PyDict_Size", "PyDict_GetItemWithError", "PyDict_Contains", "PyList_Size", "PyList_GetItem"),
    *("PyObject_GenericGetDict", "PyFunction_GetCode", "PyCell_Get", "Py_DecRef", "PyErr_Clear", "PyLong_FromLongLong"),
)
FORM = 7  # words of a form before its shape: object, argument, type, ndim, dtype, flags, slot


class MethodDef(ctypes.Structure):
    """A PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


def words(values: Any) -> Any:
    """An array of machine words."""
    return np.array(values, np.int64)


@functools.cache
def layout_is_known() -> bool:
    """Whether lists and arrays lie in memory as native code reads them."""
    arrays = [np.arange(6.0).reshape(2, 3)[:, 1:], np.array(1)[()] * np.ones(2), np.ones((), np.int8)]
    arrays[1].setflags(write=False)

    def at(address: int, form: Any = ctypes.c_void_p) -> Any:
        return form.from_address(address).value

    try:
        items = at(id(arrays) + LIST_ITEMS)
        if ctypes.sizeof(ctypes.c_void_p) != 8 or [at(items + 8 * i) for i in range(3)] != [id(a) for a in arrays]:
            return False
        for a in arrays:
            where = id(a)
            found = [at(where + offset) for offset in (TYPE, ARRAY_DATA, ARRAY_DTYPE)]
            if found != [id(np.ndarray), a.__array_interface__["data"][0], id(a.dtype)]:
                return False
            if (at(where + ARRAY_NDIM, ctypes.c_int), at(where + ARRAY_FLAGS, ctypes.c_int)) != (a.ndim, a.flags.num):
                return False
            for offset, wanted in ((ARRAY_SHAPE, a.shape), (ARRAY_STRIDES, a.strides)):
                if tuple(at(at(where + offset) + 8 * i, ctypes.c_int64) for i in range(a.ndim)) != wanted:
                    return False
    except (ValueError, TypeError):
        return False
    return True


@functools.cache
def is_possible() -> bool:
    """Whether there can be such functions here: in CPython with its lock."""
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    return sys.implementation.name == "cpython" and locked and layout_is_known()


@once
def compiled() -> Module:
    """The module of the functions below: one for all plans."""
    for name in PYTHON_FUNCTIONS:
        llvm().add_symbol(name, ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value)
    return Module(source())


@once
def method() -> MethodDef:
    """The function as Python wants to have it described; plans differ in `self`."""
    found = MethodDef(b"enter", compiled().address("enter"), FASTCALL, None)
    found.module = compiled()
    return found


@once
def direct() -> Any:
    """The function `(bind, piece, arrays, results, table)` that runs a short plan; it returns the guard that failed.

    It holds the module that its code is in.
    """
    form = ctypes.PYFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 5)  # (Python's lock stays held)
    found: Any = form(compiled().address("direct"))
    found.module = compiled()
    return found


def entrance(table: Any, *held: Any) -> Any:
    """The builtin function for a table of words. It holds the table, its own code, and what else it is given to hold.

    Python keeps no reference to a PyMethodDef. What a builtin has as its module may be any object: it is freed with it.
    """
    form = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    make = form(("PyCFunction_NewEx", ctypes.pythonapi))  # (a form of our own: that of `pythonapi` is the process's)
    described = method()
    return make(ctypes.addressof(described), table, (described, *held))


def source() -> str:
    """The text of the function."""

    def field(name: str, address: str, form: str, align: int) -> str:
        return f"  %{name}.at = getelementptr {address}\n  %{name} = load {form}, ptr %{name}.at, align {align}"

    def word(name: str, base: str, index: Any, form: str = "ptr") -> str:
        return field(name, f"i64, ptr %{base}, i64 {index}", form, 8)

    def inside(name: str, offset: int, form: str = "ptr") -> str:
        return field(name, f"i8, ptr %object, i64 {offset}", form, 4)

    return f"""
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare i64 @PyDict_Size(ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare i64 @PyList_Size(ptr)
declare ptr @PyList_GetItem(ptr, i64)
declare ptr @PyCell_Get(ptr)
declare ptr @PyObject_GenericGetDict(ptr, ptr)
declare ptr @PyFunction_GetCode(ptr)
declare i32 @PyDict_Contains(ptr, ptr)
declare void @Py_DecRef(ptr)
declare void @PyErr_Clear()
declare ptr @PyLong_FromLongLong(i64)

define ptr @enter(ptr %self, ptr %given, i64 %many) {{
entry:
  %position = alloca i64
  %key.there = alloca ptr
  %value.there = alloca ptr
{word("words", "self", ARRAY_DATA // 8)}
{word("piece", "words", PIECE)}
{word("table", "words", TABLE)}
{word("watched", "words", WATCHED)}
{word("compared", "words", COMPARED)}
{word("count", "words", COUNT, "i64")}
{word("forms", "words", FORMS)}
{word("number", "words", NUMBER, "i64")}
  br label %rows

rows:
  %row = phi ptr [ %watched, %entry ], [ %row.next, %row.done ]
{word("kind", "row", 0, "i64")}
{word("container", "row", 1)}
{word("length", "row", 2, "i64")}
  %pairs = getelementptr i64, ptr %row, i64 3
  %twice = shl i64 %length, 1
  %row.next = getelementptr i64, ptr %pairs, i64 %twice
  store i64 0, ptr %position
  switch i64 %kind, label %arguments [ i64 {DICT}, label %dict i64 {LIST}, label %list i64 {CELL}, label %pair
    i64 {NAMES}, label %pair i64 {ATTRIBUTES}, label %pair i64 {CODE}, label %pair i64 {SIZE}, label %pair
    i64 {ABSENT}, label %pair ]
dict:
  %dict.size = call i64 @PyDict_Size(ptr %container)
  %dict.whole = icmp eq i64 %dict.size, %length
  br i1 %dict.whole, label %pair, label %different
list:
  %list.size = call i64 @PyList_Size(ptr %container)
  %list.whole = icmp eq i64 %list.size, %length
  br i1 %list.whole, label %pair, label %different
pair:
  %i = phi i64 {", ".join(["[ 0, %rows ]"] * 6)}, [ 0, %dict ], [ 0, %list ], [ %i.next, %pair.done ]
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i, %length
  br i1 %more, label %pair.begin, label %row.done
pair.begin:
  %first = shl i64 %i, 1
  %second = or i64 %first, 1
{word("key", "pairs", "%first")}
{word("value", "pairs", "%second")}
  %any = icmp eq ptr %value, null
  switch i64 %kind, label %cell.item [ i64 {DICT}, label %dict.item i64 {LIST}, label %list.item
    i64 {NAMES}, label %name.item i64 {ATTRIBUTES}, label %attributes i64 {CODE}, label %code.item
    i64 {SIZE}, label %size.item i64 {ABSENT}, label %absent.item ]
dict.item:
  %found = call i32 @PyDict_Next(ptr %container, ptr %position, ptr %key.there, ptr %value.there)
  %is.found = icmp ne i32 %found, 0
  br i1 %is.found, label %dict.key, label %different
dict.key:
  %key.found = load ptr, ptr %key.there
  %value.found = load ptr, ptr %value.there
  %key.same = icmp eq ptr %key.found, %key
  br i1 %key.same, label %compare, label %different
list.item:
  %item.found = call ptr @PyList_GetItem(ptr %container, i64 %i)
  br label %compare
name.item:
  %name.found = call ptr @PyDict_GetItemWithError(ptr %container, ptr %key)
  %name.missing = icmp eq ptr %name.found, null
  br i1 %name.missing, label %failed, label %compare
failed:
  call void @PyErr_Clear()
  br label %different
cell.item:
  %content = call ptr @PyCell_Get(ptr %container)
  %empty = icmp eq ptr %content, null
  br i1 %empty, label %different, label %cell.full
cell.full:
  call void @Py_DecRef(ptr %content)
  br label %compare
attributes:
  %attributes.found = call ptr @PyObject_GenericGetDict(ptr %key, ptr null)
  %attributes.missing = icmp eq ptr %attributes.found, null
  br i1 %attributes.missing, label %failed, label %attributes.there
attributes.there:
  call void @Py_DecRef(ptr %attributes.found)
  br label %compare
code.item:
  %code.found = call ptr @PyFunction_GetCode(ptr %key)
  br label %compare
size.item:
  %size.found = call i64 @PyDict_Size(ptr %key)
  %size.one = add i64 %size.found, 1
  %size.there = inttoptr i64 %size.one to ptr
  br label %compare
absent.item:
  %is.there = call i32 @PyDict_Contains(ptr %key, ptr %value)
  %is.absent = icmp eq i32 %is.there, 0
  br i1 %is.absent, label %pair.done, label %different
compare:
  %there = phi ptr [ %value.found, %dict.key ], [ %item.found, %list.item ], [ %name.found, %name.item ],
    [ %content, %cell.full ], [ %attributes.found, %attributes.there ], [ %code.found, %code.item ],
    [ %size.there, %size.item ]
  %same = icmp eq ptr %there, %value
  %fine = or i1 %same, %any
  br i1 %fine, label %pair.done, label %different
pair.done:
  br label %pair
row.done:
  br label %rows

arguments:
  %j = phi i64 [ 0, %rows ], [ %j.next, %argument ]
  %j.next = add i64 %j, 1
  %some = icmp slt i64 %j, %count
  br i1 %some, label %argument, label %look
argument:
{word("wanted", "compared", "%j")}
{word("got", "given", "%j")}
  %as.known = icmp eq ptr %wanted, %got
  br i1 %as.known, label %arguments, label %different.argument
different.argument:
  br label %different

look:
  %f = phi i64 [ 0, %arguments ], [ %f.next, %bound ]
  %form = phi ptr [ %forms, %arguments ], [ %form.next, %bound ]
  %f.next = add i64 %f, 1
  %another = icmp slt i64 %f, %number
  br i1 %another, label %array, label %run
array:
{word("held", "form", 0)}
{word("index", "form", 1, "i64")}
{word("type", "form", 2)}
{word("ndim", "form", 3, "i64")}
{word("dtype", "form", 4)}
{word("flags", "form", 5, "i64")}
{word("slot", "form", 6, "i64")}
  %lengths = getelementptr i64, ptr %form, i64 {FORM}
  %steps = getelementptr i64, ptr %lengths, i64 %ndim
  %after = getelementptr i64, ptr %steps, i64 %ndim
  %is.argument = icmp eq ptr %held, null
  br i1 %is.argument, label %from.arguments, label %known
from.arguments:
{word("passed", "given", "%index")}
  br label %known
known:
  %object = phi ptr [ %held, %array ], [ %passed, %from.arguments ]
  %unchecked = icmp eq ptr %type, null
  br i1 %unchecked, label %bound, label %check
check:
{inside("type.there", TYPE)}
  %type.same = icmp eq ptr %type.there, %type
  br i1 %type.same, label %check.form, label %different
check.form:
{inside("ndim.there", ARRAY_NDIM, "i32")}
{inside("dtype.there", ARRAY_DTYPE)}
{inside("flags.there", ARRAY_FLAGS, "i32")}
{inside("lengths.there", ARRAY_SHAPE)}
{inside("steps.there", ARRAY_STRIDES)}
  %ndim.wide = zext i32 %ndim.there to i64
  %flags.wide = zext i32 %flags.there to i64
  %flags.set = and i64 %flags.wide, %flags
  %form.a = icmp eq i64 %ndim.wide, %ndim
  %form.b = icmp eq ptr %dtype.there, %dtype
  %form.c = icmp eq i64 %flags.set, %flags
  %form.ab = and i1 %form.a, %form.b
  %form.same = and i1 %form.ab, %form.c
  br i1 %form.same, label %axis, label %different
axis:
  %d = phi i64 [ 0, %check.form ], [ %d.next, %axis.check ]
  %d.next = add i64 %d, 1
  %axes = icmp slt i64 %d, %ndim
  br i1 %axes, label %axis.check, label %bound
axis.check:
{word("length.wanted", "lengths", "%d", "i64")}
{word("length.there", "lengths.there", "%d", "i64")}
{word("step.wanted", "steps", "%d", "i64")}
{word("step.there", "steps.there", "%d", "i64")}
  %length.same = icmp eq i64 %length.wanted, %length.there
  %step.same = icmp eq i64 %step.wanted, %step.there
  %axis.same = and i1 %length.same, %step.same
  br i1 %axis.same, label %axis, label %different
bound:
  %form.next = phi ptr [ %lengths, %known ], [ %after, %axis ]
{inside("data", ARRAY_DATA)}
  %place = getelementptr i64, ptr %table, i64 %slot
  store ptr %data, ptr %place
  br label %look

run:
  %code = call i64 %piece(ptr %table, i64 0, i64 1)
{word("runs", "words", RUNS, "i64")}
  %runs.now = add i64 %runs, 1
  store i64 %runs.now, ptr %runs.at
  %result = call ptr @PyLong_FromLongLong(i64 %code)
  ret ptr %result

different:
  %no = call ptr @PyLong_FromLongLong(i64 {DIFFERENT})
  ret ptr %no
}}

define i64 @direct(ptr %bind, ptr %piece, ptr %arrays, ptr %results, ptr %table) {{
  call void %bind(ptr %arrays, ptr %results, ptr %table)
  %code = call i64 %piece(ptr %table, i64 0, i64 1)
  ret i64 %code
}}
"""
