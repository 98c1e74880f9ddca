"""The instruction that a calling frame stands at, and the function that it calls there, by the name in its source."""

from __future__ import annotations

import bisect
import dis
import functools
import itertools
from types import CodeType, ModuleType
from typing import Any, NamedTuple

__all__ = ["Site", "named", "site"]

LOADING = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR")
MEMBER = ("LOAD_ATTR", "LOAD_METHOD")
SILENT = ("PUSH_NULL", "EXTENDED_ARG")
MAKING = ("BINARY_", "BUILD_", "CALL", "UNARY_")  # (where they leave no argument, they have taken the name itself)
LEAVING = ("JUMP_FORWARD", "JUMP_BACKWARD", "RETURN", "RAISE", "RERAISE")  # what follows is reached from elsewhere


class Site(NamedTuple):
    """What a frame is doing."""

    operation: str  # the name of the instruction; "CALL" for each kind of call, and "%" for that operator
    callee: tuple[str, ...]  # the parts of the dotted name that is called; empty where it is called by none
    mapped: tuple[str, ...]  # the names f in each ``map(f, ...)`` that is evaluated there


@functools.lru_cache(1024)
def site(code: CodeType, lasti: int) -> Site:
    """Describe the instruction of `code` at the offset `lasti` (a frame's ``f_lasti``).

    The function that a call is of was pushed where the stack had the height that it has without the call's result.
    That holds for all versions of Python, which differ in the order of what is pushed and in the names of the calls.
    """
    instructions = list(dis.get_instructions(code))
    index = bisect.bisect_right([each.offset for each in instructions], lasti) - 1
    if instructions[index].opname == "PRECALL":  # (of Python 3.11, which stands at either)
        index += 1
    here = instructions[index]
    if here.opname.startswith("CALL") and "INTRINSIC" not in here.opname:
        heights = stack_heights(instructions)
        base = heights[index] + dis.stack_effect(here.opcode, here.arg) - 1
        start = next((i for i in range(index - 1, -1, -1) if heights[i] <= base), index)
        inside = range(instructions[start].offset + 1, here.offset + 1)
        known = not any(is_jump(each) and each.argval in inside for each in instructions[:start])  # (else `f or g`)
        name = called_name(instructions, heights, start, index) if known else ()
        return Site("CALL", name, mapped(instructions, start, index))
    line = here.positions.lineno if here.positions else None
    start = next((i for i in range(index, -1, -1) if not on_line(instructions[i], line)), -1) + 1
    remainder = here.opname == "BINARY_OP" and here.argrepr in ("%", "%=")
    return Site("%" if remainder else here.opname, (), mapped(instructions, start, index))


def on_line(instruction: Any, line: int | None) -> bool:
    """Whether an instruction belongs to a line of the source."""
    return instruction.positions is not None and instruction.positions.lineno == line


def is_jump(instruction: Any) -> bool:
    """Whether an instruction may jump, to the offset `argval`."""
    return instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs


def stack_heights(instructions: list[Any]) -> list[int]:
    """Return the height of the stack before each instruction; in each exception handler from some base of its own."""
    heights: dict[int, int] = {}
    found = []
    after: int | None = 0
    for each in instructions:
        height = heights.get(each.offset, 0 if after is None else after)
        found.append(height)
        if is_jump(each):
            heights.setdefault(each.argval, height + dis.stack_effect(each.opcode, each.arg, jump=True))
        effect = dis.stack_effect(each.opcode, each.arg, jump=False)
        after = None if each.opname.startswith(LEAVING) else height + effect
    return found


def called_name(instructions: list[Any], heights: list[int], start: int, stop: int) -> tuple[str, ...]:
    """Return the dotted name that a call is of, which is pushed from `start` on, with its arguments up to `stop`.

    A method of what has no name has an empty part in its place. Empty where there is no name at all.
    """
    parts: list[str] = []
    end, full = start, heights[start] + 2  # (the function, and what is bound to it or NULL)
    while end < stop:
        name = instructions[end].opname
        if name in MEMBER and parts:
            parts.append(instructions[end].argval)
        elif parts and (name != "PUSH_NULL" or heights[end] >= full):
            break
        elif name not in SILENT:
            parts = [*loaded(instructions[end])]
            if not parts:
                break
        end += 1
    later = [
        i
        for i in range(end, stop)
        if heights[i] < full or (heights[i + 1] == full and instructions[i].opname.startswith(MAKING))
    ]
    if later and instructions[later[-1]].opname in MEMBER:
        return ("", instructions[later[-1]].argval)
    return () if later or heights[end] != full else tuple(parts)


def loaded(instruction: Any) -> tuple[str, ...]:
    """Return the name that an instruction loads, alone in a tuple; of two the second."""
    name = instruction.argval[-1] if isinstance(instruction.argval, tuple) else instruction.argval
    return (name,) if instruction.opname.startswith(LOADING) and isinstance(name, str) else ()


def mapped(instructions: list[Any], start: int, stop: int) -> tuple[str, ...]:
    """Return the names f of each ``map(f, ...)`` from `start` to `stop`."""
    names = [loaded(each) for each in instructions[start:stop] if each.opname not in SILENT]
    return tuple(f[0] for called, f in itertools.pairwise(names) if called == ("map",) and f)


def named(frame: Any, name: tuple[str, ...]) -> Any:
    """Return what a dotted name stands for in a frame; None where that is not known without running code."""
    if not name:
        return None
    spaces = (frame.f_locals, frame.f_globals, frame.f_builtins)
    found = next((space[name[0]] for space in spaces if name[0] in space), None)
    for part in name[1:]:
        found = getattr(found, part, None) if isinstance(found, (ModuleType, type)) else None
    return found
