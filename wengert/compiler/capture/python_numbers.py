"""Conversions of traced values to Python numbers: results of the plan where they are returned, else guards."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from opcode import opname
from typing import Any

import numpy as np

from wengert.checks.frames import OUR_FILES, user_line
from wengert.compiler.capture.escape import is_returned
from wengert.compiler.capture.tape import real
from wengert.compiler.graph.calls import calling
from wengert.compiler.graph.graph import Node

__all__ = ["to_python_number"]


def to_python_number(traced: Any, kind: Callable[[Any], Any]) -> Any:
    """Convert a traced value to a Python number: a result, if it is only returned; else a guard."""
    number = kind(real(traced))
    tape = traced.tape
    if tape.off:
        return number
    frame: Any = sys._getframe(2)
    while frame.f_code.co_filename.startswith(OUR_FILES):
        frame = frame.f_back
    if kind is not operator.index and opname[frame.f_code.co_code[frame.f_lasti]].startswith("STORE_SUBSCR"):
        tape.fail(
            f"{user_line()} writes a traced value into an array that the function made itself; collect the "
            "values in a list and join them by np.stack, or write into np.zeros_like of a traced array"
        )
        return number
    if kind is float and is_returned(frame, tape.entry):
        number = number * 1.0  # (a new object, to be recognized among the outputs)
        tape.returned_numbers.append((number, Node("convert", (traced.node,), {}, (), np.float64)))
        return number
    dtype = np.asarray(number).dtype
    called = calling(int if kind not in (float, complex) else kind)
    tape.guard(Node("call", (traced.node,), called, (), dtype), number)
    return number
