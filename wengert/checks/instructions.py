"""The instruction that a calling frame stands at, and the function that it calls there, by the name in its source."""

from __future__ import annotations

import bisect
import dis
import functools
import re
from collections.abc import Iterable
from types import CodeType, ModuleType
from typing import Any, NamedTuple

__all__ = ["Site", "named", "site"]

LOADING = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR")
MEMBER = ("LOAD_ATTR", "LOAD_METHOD")
SILENT = ("PUSH_NULL", "EXTENDED_ARG")
MAKING = ("BINARY_", "BUILD_", "CALL", "UNARY_")  # (where they leave no argument, they have taken the name itself)
ITERATING = ("CALL_INTRINSIC", "FOR_ITER", "LIST_EXTEND", "LIST_TO_TUPLE", "SET_UPDATE", "UNPACK")
LEAVING = ("JUMP_FORWARD", "JUMP_BACKWARD", "RETURN", "RAISE", "RERAISE")  # what follows is reached from elsewhere


class Site(NamedTuple):
    """What a frame is doing."""

    operation: str  # the name of the instruction; "CALL" for each kind of call, and "%" for that operator
    callee: tuple[str, ...]  # the parts of the dotted name that is called; empty where it is called by none
    mapped: tuple[str, ...]  # the names f in each ``map(f, ...)`` that may be iterated over there


@functools.lru_cache(1024)
def site(code: CodeType, lasti: int) -> Site:
    """Describe the instruction of `code` at the offset `lasti` (a frame's ``f_lasti``).

    The function that a call is of was pushed where the stack had the height that it has without the call's result.
    That holds for all versions of Python, which differ in the order of what is pushed and in the names of the calls.
    """
    instructions = [part for each in dis.get_instructions(code) for part in parts_of(each)]
    index = bisect.bisect_right([each.offset for each in instructions], lasti) - 1
    if instructions[index].opname == "PRECALL":  # (of Python 3.11, which stands at either)
        index += 1
    here = instructions[index]
    if here.opname.startswith("CALL") and "INTRINSIC" not in here.opname:
        heights = stack_heights(instructions)
        base = heights[index] + dis.stack_effect(here.opcode, here.arg) - 1
        starts, body = before(instructions, heights, index, base)
        known = len(starts) == 1  # (of `f if a else g` there are two)
        name = called_name(instructions, heights, body) if known else ()
        first = [i for i in body if base + 2 <= heights[i] <= base + 3]  # (in 3.11 NULL may come before the function)
        return Site("CALL", name, mapped(instructions, first))
    line = here.positions.lineno if here.positions else None
    start = next((i for i in range(index, -1, -1) if not on_line(instructions[i], line)), -1) + 1
    remainder = here.opname == "BINARY_OP" and here.argrepr in ("%", "%=")
    maps = mapped(instructions, range(start, index)) if here.opname.startswith(ITERATING) else ()
    return Site("%" if remainder else here.opname, (), maps)


def parts_of(instruction: Any) -> list[Any]:
    """Split an instruction for two local variables, which Python 3.13 has, into one for each."""
    names = instruction.argval
    kinds = re.findall("(?:LOAD|STORE)_FAST", instruction.opname) if isinstance(names, tuple) else []
    if len(kinds) < 2:
        return [instruction]
    return [
        instruction._replace(opname=kind, opcode=dis.opmap[kind], arg=0, argval=name, offset=instruction.offset + i)
        for i, (kind, name) in enumerate(zip(kinds, names, strict=True))
    ]


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


def before(instructions: list[Any], heights: list[int], stop: int, base: int) -> tuple[set[int], list[int]]:
    """Find what pushes the values that an instruction takes, on all ways to it, from the height `base` on.

    Returns
    -------
    starts, body : set of int, list of int
        The instructions at which the stack has the height `base`, and all from there on, in order.
    """
    sources: dict[int, list[int]] = {}
    for i, each in enumerate(instructions):
        if is_jump(each):
            sources.setdefault(each.argval, []).append(i)
    starts: set[int] = set()
    found: set[int] = set()
    pending = [stop]
    while pending:
        i = pending.pop()
        previous = sources.get(instructions[i].offset, [])
        if i and not instructions[i - 1].opname.startswith(LEAVING):
            previous = [*previous, i - 1]
        for j in previous:
            if heights[j] <= base:
                starts.add(j)
            elif j not in found:
                pending.append(j)
            found.add(j)
    return starts, sorted(found)


def called_name(instructions: list[Any], heights: list[int], body: list[int]) -> tuple[str, ...]:
    """Return the dotted name that a call is of, which is pushed first in `body`, and its arguments after it.

    A method of what has no name has an empty part in its place. Empty where there is no name at all.
    """
    parts: list[str] = []
    full = heights[body[0]] + 2  # (the function, and what is bound to it or NULL)
    count = 0
    for i in body:
        name = instructions[i].opname
        if name in MEMBER and parts:
            parts.append(instructions[i].argval)
        elif parts and (name != "PUSH_NULL" or heights[i] >= full):
            break
        elif name not in SILENT:
            parts = [*loaded(instructions[i])]
            if not parts:
                break
        count += 1
    later = [
        i
        for i in body[count:]
        if heights[i] < full or (heights[i + 1] == full and instructions[i].opname.startswith(MAKING))
    ]
    if later and instructions[later[-1]].opname in MEMBER:
        return ("", instructions[later[-1]].argval)
    return () if later else tuple(parts)


def loaded(instruction: Any) -> tuple[str, ...]:
    """Return the name that an instruction loads, alone in a tuple; an empty one where it loads none."""
    name = instruction.argval
    return (name,) if instruction.opname.startswith(LOADING) and isinstance(name, str) else ()


def mapped(instructions: list[Any], places: Iterable[int]) -> tuple[str, ...]:
    """Return the names f of each ``map(f, ...)`` that is loaded at the given places."""
    found: list[str] = []
    for i in places:
        if loaded(instructions[i]) == ("map",):
            found += next((loaded(each) for each in instructions[i + 1 :] if each.opname not in SILENT), ())
    return tuple(found)


def named(frame: Any, name: tuple[str, ...]) -> Any:
    """Return what a dotted name stands for in a frame; None where that is not known without running code."""
    if not name:
        return None
    spaces = (frame.f_locals, frame.f_globals, frame.f_builtins)
    found = next((space[name[0]] for space in spaces if name[0] in space), None)
    for part in name[1:]:
        found = getattr(found, part, None) if isinstance(found, (ModuleType, type)) else None
    return found
