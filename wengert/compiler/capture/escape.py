"""Escape analysis of scalars: whether a number that is made from an array is returned, and not used otherwise."""

from __future__ import annotations

import dis
from typing import Any

from wengert.checks.frames import OUR_FILES

__all__ = ["is_returned"]

# Instructions that only push a value above ours on the stack, and those that use only values above ours.
PUSHING = ("LOAD_FAST", "LOAD_CONST", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_NAME", "PUSH_NULL", "LOAD_SMALL_INT")
ABOVE = ("LOAD_ATTR", "LOAD_METHOD")
SILENT = ("CACHE", "RESUME", "NOP", "PRECALL", "EXTENDED_ARG", "KW_NAMES", "NOT_TAKEN")
BUILDING = ("BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP")


def is_returned(frame: Any, entry: Any) -> bool:
    """Whether the value computed by the current call in `frame` goes directly into what the function returns.

    Parameters
    ----------
    frame : frame
        The frame that calls float(x).
    entry : code
        The code of the traced function. (Values returned by functions that it calls may be used for anything.)
    """
    if frame.f_code is not entry or not frame.f_back.f_code.co_filename.startswith(OUR_FILES):
        return False
    above = 0  # the number of values on the stack above ours
    ours = True  # whether our value is below them, as itself or in a container
    last = ""
    for instruction in dis.get_instructions(frame.f_code):
        name, argument = instruction.opname, instruction.arg or 0
        if instruction.offset <= frame.f_lasti:
            last = name
            continue
        if name in SILENT:
            continue
        if name == "CALL" and last == "PRECALL":  # (specialized by Python 3.11: both are one instruction, this call)
            last = ""
            continue
        if name == "RETURN_VALUE":
            return ours and above == 0
        if name.startswith(PUSHING):
            above += dis.stack_effect(instruction.opcode, instruction.arg)
        elif name in ABOVE or name == "CALL":
            effect = dis.stack_effect(instruction.opcode, instruction.arg)
            if above < (argument + 2 if name == "CALL" else 1):
                return False
            above += effect
        elif name in BUILDING:
            taken = 2 * argument if name == "BUILD_MAP" else argument + (name == "BUILD_CONST_KEY_MAP")
            if taken > above:  # (ours among them, and perhaps others below)
                above = 0
            else:
                above += 1 - taken
        else:
            return False
    return False
