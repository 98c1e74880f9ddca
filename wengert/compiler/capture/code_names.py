"""The names that a code object refers to: globals, attributes, modules that it imports when it runs."""

from __future__ import annotations

import dis
import functools
import re
import types

__all__ = ["globals_in", "imported_in", "names_in"]

# Functions that take names as strings: string constants may be names where these are used.
BY_NAME = {"getattr", "globals", "vars", "eval", "exec", "__dict__", "attrgetter"}


@functools.cache
def names_in(code: types.CodeType) -> tuple[str, ...]:
    """The names that code refers to, including those in nested functions."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(dict.fromkeys(names_in(constant)))
        elif isinstance(constant, str) and not BY_NAME.isdisjoint(code.co_names):
            names.update(dict.fromkeys(re.findall(r"[^\W\d]\w*", constant)))
    return tuple(names)


@functools.cache
def globals_in(code: types.CodeType) -> tuple[str, ...]:
    """The names of globals in code, including those in nested functions."""
    names = {str(i.argval): None for i in dis.get_instructions(code) if i.opname.endswith("_GLOBAL")}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(dict.fromkeys(globals_in(constant)))
    return tuple(names)


@functools.cache
def imported_in(code: types.CodeType) -> tuple[str, ...]:
    """The modules that code imports when it runs, by their full names."""
    names = {str(i.argval): None for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(dict.fromkeys(imported_in(constant)))
    return tuple(names)
