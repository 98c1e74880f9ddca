"""Make a program that fails short."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.looping.programs import Program, runs

__all__ = ["shrink"]


def shrink(program: Program, fails: Callable[[Program], bool], most: int = 60) -> Program:
    """Drop loops, lines and elements while it still fails, in at most so many trials."""
    left = most
    shorter = True
    while shorter and left:
        shorter = False
        for trial in smaller(program):
            if not runs(trial):
                continue
            left -= 1
            if fails(trial):
                program, shorter = trial, True
                break
            if not left:
                break
    return program


def smaller(program: Program) -> Iterator[Program]:
    blocks, kinds = program.blocks, program.kinds
    for i in reversed(range(len(blocks) if len(blocks) > 1 else 0)):
        yield program._replace(blocks=blocks[:i] + blocks[i + 1 :], kinds=kinds[:i] + kinds[i + 1 :])
    x, y, m, w, s = program.inputs
    for n in (3, 5, len(x) - 1):
        if 0 < n < len(x):
            yield program._replace(inputs=[x[:n].copy(), y[:n].copy(), m[:n].copy(), w, s])
    for i in reversed(range(len(blocks))):
        lines = blocks[i].split("\n")
        for j in reversed(range(len(lines))):
            block = "\n".join(lines[:j] + lines[j + 1 :])
            yield program._replace(blocks=[*blocks[:i], block, *blocks[i + 1 :]])
