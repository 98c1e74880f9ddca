"""The LLVM IR of the builtin function that checks guards on the state: see `native_guard`.

It interprets three tables of words, which `native_guard` encodes. Rows are containers, or conditions of one kind, each
with pairs of what is compared. After them come the objects that the first arguments must be. Forms are arrays: where
they are, what they must be, and which slot of the plan's table takes the address of their data.
"""

from __future__ import annotations

from typing import Any

from wengert.compiler.targets.cpu.object_layout import (
    ARRAY_DATA,
    ARRAY_DTYPE,
    ARRAY_FLAGS,
    ARRAY_NDIM,
    ARRAY_SHAPE,
    ARRAY_STRIDES,
    OBJECT_TYPE,
)

__all__ = ["CELL", "CONDITIONS", "DICT", "END", "LIST", "NAMES", "PYTHON_FUNCTIONS", "RUNS", "WORDS", "module_text"]

# The words of the table that is the function's `self`: the plan's code and table, the address of the first row, of the
# compared objects and their number, of the forms and their number; how often the plan has run so.
PIECE, TABLE, ROWS, COMPARED, COMPARED_COUNT, FORMS, FORM_COUNT, RUNS = range(8)
WORDS = 8
# A row is its kind, the container, the number of pairs, and the pairs. (NAMES are some items of a dict.)
END, DICT, LIST, CELL, NAMES, ATTRIBUTES, CODE, SIZE, ABSENT = range(9)
# Conditions (see `object_graph.conditions`) have no container; their pairs are the object and what it must have.
CONDITIONS = {"dict": ATTRIBUTES, "code": CODE, "size": SIZE, "absent": ABSENT}
FORM = 7  # words of a form before its shape: object, argument, type, ndim, dtype, flags, slot
DIFFERENT = -1  # is returned where anything differs; 0 where the plan has run, else the number of the guard that failed
PYTHON_FUNCTIONS = {
    "PyDict_Next": "i32 (ptr, ptr, ptr, ptr)",
    "PyDict_Size": "i64 (ptr)",
    "PyDict_GetItemWithError": "ptr (ptr, ptr)",
    "PyList_Size": "i64 (ptr)",
    "PyList_GetItem": "ptr (ptr, i64)",
    "PyCell_Get": "ptr (ptr)",
    "PyObject_GenericGetDict": "ptr (ptr, ptr)",
    "PyFunction_GetCode": "ptr (ptr)",
    "PyDict_Contains": "i32 (ptr, ptr)",
    "Py_DecRef": "void (ptr)",
    "PyErr_Clear": "void ()",
    "PyLong_FromLongLong": "ptr (i64)",
}


def module_text() -> str:
    """The module of the functions ``enter`` and ``direct``."""
    declarations = ""
    for name, signature in PYTHON_FUNCTIONS.items():
        result, _, parameters = signature.partition(" ")
        declarations += f"declare {result} @{name}{parameters}\n"
    blocks = [enter_text(), rows_text(), items_text(), conditions_text(), compare_text()]
    blocks += [arguments_text(), forms_text(), check_text(), run_text(), direct_text()]
    return "\n".join([declarations, *blocks])


def load(name: str, address: str, type: str, align: int) -> str:
    return f"  %{name}.at = getelementptr {address}\n  %{name} = load {type}, ptr %{name}.at, align {align}"


def word(name: str, base: str, index: Any, type: str = "ptr") -> str:
    """Load a word of a table."""
    return load(name, f"i64, ptr %{base}, i64 {index}", type, 8)


def field(name: str, offset: int, type: str = "ptr") -> str:
    """Load a field of the array that is checked."""
    return load(name, f"i8, ptr %object, i64 {offset}", type, 4)


def enter_text() -> str:
    """The beginning of ``enter``: what its `self` points to."""
    return f"""define ptr @enter(ptr %self, ptr %given, i64 %given.count) {{
entry:
  %position = alloca i64
  %key.slot = alloca ptr
  %value.slot = alloca ptr
{word("words", "self", ARRAY_DATA // 8)}
{word("piece", "words", PIECE)}
{word("table", "words", TABLE)}
{word("first.row", "words", ROWS)}
{word("compared", "words", COMPARED)}
{word("compared.count", "words", COMPARED_COUNT, "i64")}
{word("forms", "words", FORMS)}
{word("form.count", "words", FORM_COUNT, "i64")}
  br label %rows
"""


def rows_text() -> str:
    """A loop over the rows, and in it a loop over the pairs of a row."""
    return f"""rows:
  %row = phi ptr [ %first.row, %entry ], [ %row.next, %row.done ]
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
  %dict.same.size = icmp eq i64 %dict.size, %length
  br i1 %dict.same.size, label %pair, label %mismatch
list:
  %list.size = call i64 @PyList_Size(ptr %container)
  %list.same.size = icmp eq i64 %list.size, %length
  br i1 %list.same.size, label %pair, label %mismatch
pair:
  %i = phi i64 {", ".join(["[ 0, %rows ]"] * 6)}, [ 0, %dict ], [ 0, %list ], [ %i.next, %pair.done ]
  %i.next = add i64 %i, 1
  %has.pair = icmp slt i64 %i, %length
  br i1 %has.pair, label %pair.begin, label %row.done
pair.begin:
  %first = shl i64 %i, 1
  %second = or i64 %first, 1
{word("key", "pairs", "%first")}
{word("value", "pairs", "%second")}
  %unconstrained = icmp eq ptr %value, null
  switch i64 %kind, label %cell.item [ i64 {DICT}, label %dict.item i64 {LIST}, label %list.item
    i64 {NAMES}, label %name.item i64 {ATTRIBUTES}, label %attributes i64 {CODE}, label %code.item
    i64 {SIZE}, label %size.item i64 {ABSENT}, label %absent.item ]
"""


def items_text() -> str:
    """What is in a container at a pair."""
    return """dict.item:
  %has.next = call i32 @PyDict_Next(ptr %container, ptr %position, ptr %key.slot, ptr %value.slot)
  %has.item = icmp ne i32 %has.next, 0
  br i1 %has.item, label %dict.key, label %mismatch
dict.key:
  %key.found = load ptr, ptr %key.slot
  %value.found = load ptr, ptr %value.slot
  %key.same = icmp eq ptr %key.found, %key
  br i1 %key.same, label %compare, label %mismatch
list.item:
  %item.found = call ptr @PyList_GetItem(ptr %container, i64 %i)
  br label %compare
name.item:
  %name.found = call ptr @PyDict_GetItemWithError(ptr %container, ptr %key)
  %name.missing = icmp eq ptr %name.found, null
  br i1 %name.missing, label %lookup.failed, label %compare
lookup.failed:
  call void @PyErr_Clear()
  br label %mismatch
cell.item:
  %content = call ptr @PyCell_Get(ptr %container)
  %empty = icmp eq ptr %content, null
  br i1 %empty, label %mismatch, label %cell.full
cell.full:
  call void @Py_DecRef(ptr %content)
  br label %compare
"""


def conditions_text() -> str:
    """What an object has that a condition is about."""
    return """attributes:
  %attributes.found = call ptr @PyObject_GenericGetDict(ptr %key, ptr null)
  %attributes.missing = icmp eq ptr %attributes.found, null
  br i1 %attributes.missing, label %lookup.failed, label %attributes.release
attributes.release:
  call void @Py_DecRef(ptr %attributes.found)
  br label %compare
code.item:
  %code.found = call ptr @PyFunction_GetCode(ptr %key)
  br label %compare
size.item:
  %size.found = call i64 @PyDict_Size(ptr %key)
  %size.one = add i64 %size.found, 1
  %size.pointer = inttoptr i64 %size.one to ptr
  br label %compare
absent.item:
  %is.present = call i32 @PyDict_Contains(ptr %key, ptr %value)
  %is.absent = icmp eq i32 %is.present, 0
  br i1 %is.absent, label %pair.done, label %mismatch
"""


def compare_text() -> str:
    """Compare what was found with what is expected, which is null where any will do."""
    return """compare:
  %found = phi ptr [ %value.found, %dict.key ], [ %item.found, %list.item ], [ %name.found, %name.item ],
    [ %content, %cell.full ], [ %attributes.found, %attributes.release ], [ %code.found, %code.item ],
    [ %size.pointer, %size.item ]
  %same = icmp eq ptr %found, %value
  %accepted = or i1 %same, %unconstrained
  br i1 %accepted, label %pair.done, label %mismatch
pair.done:
  br label %pair
row.done:
  br label %rows
"""


def arguments_text() -> str:
    """A loop over the arguments that are compared by identity."""
    return f"""arguments:
  %j = phi i64 [ 0, %rows ], [ %j.next, %argument ]
  %j.next = add i64 %j, 1
  %has.argument = icmp slt i64 %j, %compared.count
  br i1 %has.argument, label %argument, label %next.form
argument:
{word("expected", "compared", "%j")}
{word("passed.object", "given", "%j")}
  %as.known = icmp eq ptr %expected, %passed.object
  br i1 %as.known, label %arguments, label %mismatch.argument
mismatch.argument:
  br label %mismatch
"""


def forms_text() -> str:
    """A loop over the arrays: where they are."""
    return f"""next.form:
  %f = phi i64 [ 0, %arguments ], [ %f.next, %bind ]
  %form = phi ptr [ %forms, %arguments ], [ %form.next, %bind ]
  %f.next = add i64 %f, 1
  %has.form = icmp slt i64 %f, %form.count
  br i1 %has.form, label %array, label %run
array:
{word("object.known", "form", 0)}
{word("index", "form", 1, "i64")}
{word("type", "form", 2)}
{word("ndim", "form", 3, "i64")}
{word("dtype", "form", 4)}
{word("flags", "form", 5, "i64")}
{word("slot", "form", 6, "i64")}
  %shape = getelementptr i64, ptr %form, i64 {FORM}
  %strides = getelementptr i64, ptr %shape, i64 %ndim
  %after = getelementptr i64, ptr %strides, i64 %ndim
  %is.argument = icmp eq ptr %object.known, null
  br i1 %is.argument, label %from.arguments, label %array.found
from.arguments:
{word("passed", "given", "%index")}
  br label %array.found
array.found:
  %object = phi ptr [ %object.known, %array ], [ %passed, %from.arguments ]
  %unchecked = icmp eq ptr %type, null
  br i1 %unchecked, label %bind, label %check
"""


def check_text() -> str:
    """Compare the form of an array."""
    return f"""check:
{field("type.found", OBJECT_TYPE)}
  %type.same = icmp eq ptr %type.found, %type
  br i1 %type.same, label %check.form, label %mismatch
check.form:
{field("ndim.found", ARRAY_NDIM, "i32")}
{field("dtype.found", ARRAY_DTYPE)}
{field("flags.found", ARRAY_FLAGS, "i32")}
{field("shape.found", ARRAY_SHAPE)}
{field("strides.found", ARRAY_STRIDES)}
  %ndim.wide = zext i32 %ndim.found to i64
  %flags.wide = zext i32 %flags.found to i64
  %flags.set = and i64 %flags.wide, %flags
  %form.a = icmp eq i64 %ndim.wide, %ndim
  %form.b = icmp eq ptr %dtype.found, %dtype
  %form.c = icmp eq i64 %flags.set, %flags
  %form.ab = and i1 %form.a, %form.b
  %form.same = and i1 %form.ab, %form.c
  br i1 %form.same, label %axis, label %mismatch
axis:
  %d = phi i64 [ 0, %check.form ], [ %d.next, %axis.check ]
  %d.next = add i64 %d, 1
  %has.axis = icmp slt i64 %d, %ndim
  br i1 %has.axis, label %axis.check, label %bind
axis.check:
{word("length.expected", "shape", "%d", "i64")}
{word("length.found", "shape.found", "%d", "i64")}
{word("stride.expected", "strides", "%d", "i64")}
{word("stride.found", "strides.found", "%d", "i64")}
  %length.same = icmp eq i64 %length.expected, %length.found
  %stride.same = icmp eq i64 %stride.expected, %stride.found
  %axis.same = and i1 %length.same, %stride.same
  br i1 %axis.same, label %axis, label %mismatch
"""


def run_text() -> str:
    """Put the address of an array into the plan's table; after the last of them, run the plan."""
    return f"""bind:
  %form.next = phi ptr [ %shape, %array.found ], [ %after, %axis ]
{field("data", ARRAY_DATA)}
  %target = getelementptr i64, ptr %table, i64 %slot
  store ptr %data, ptr %target
  br label %next.form

run:
  %code = call i64 %piece(ptr %table, i64 0, i64 1)
{word("runs", "words", RUNS, "i64")}
  %runs.now = add i64 %runs, 1
  store i64 %runs.now, ptr %runs.at
  %result = call ptr @PyLong_FromLongLong(i64 %code)
  ret ptr %result

mismatch:
  %different = call ptr @PyLong_FromLongLong(i64 {DIFFERENT})
  ret ptr %different
}}
"""


def direct_text() -> str:
    """``direct``: run a plan on lists of arrays."""
    return """define i64 @direct(ptr %bind, ptr %piece, ptr %arrays, ptr %results, ptr %table) {
  call void %bind(ptr %arrays, ptr %results, ptr %table)
  %code = call i64 %piece(ptr %table, i64 0, i64 1)
  ret i64 %code
}
"""
