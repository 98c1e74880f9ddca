"""Make a program that fails short."""

from __future__ import annotations

from collections.abc import Callable

from tests.writing.programs import Program

__all__ = ["shrink"]


def shrink(program: Program, fails: Callable[[Program], str]) -> Program:
    """Drop statements while it still fails; `fails` returns an empty text for a program that does not."""
    shorter = True
    while shorter:
        shorter = False
        for i in reversed(range(len(program.statements))):
            trial = program._replace(statements=program.statements[:i] + program.statements[i + 1 :])
            if fails(trial):
                program, shorter = trial, True
    return program
