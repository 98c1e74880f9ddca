"""The themes of the trial, the share of the time that each has, and what makes tests of attacks, floods and misuse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from tests import misuse
from tests.torture import cache, damage, forks, full_disk, interrupted_steps, interrupts, kills, memory, threads
from tests.torture.children import clean_environment, in_child
from tests.torture.outcome import Outcome, Tally, rounds
from tests.torture.ranks import killed_ranks

__all__ = ["THEMES", "Theme"]

PROCESSES, INTERRUPTS, CALLS = 10, 6, 300  # of one round
MANY = 10  # rounds that the full form has at least


class Theme(NamedTuple):
    """One theme.

    Attributes
    ----------
    share : int
        Of the time, beside those of the others.
    run : callable
        ``run(seed, seconds, short, folder)`` yields outcomes.
    """

    share: int
    run: Any


def attacked_cache(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Another user's attacks on the cache of machine code."""
    tally = Tally("another user attacks the cache of machine code")
    if not cache.is_possible():
        tally.note = "not tried: only root can play two users"
    else:
        for number in rounds(seed, 0 if short else seconds):
            for attack in cache.ATTACKS[: 4 if short else None]:
                tally.attempt(number, resisted, attack)
    yield tally.outcome()


def resisted(attack: Any) -> None:
    if cache.succeeded(attack):
        raise AssertionError(f"the attack {attack.__name__} succeeds")


def first_calls(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """First compilations in several threads at once, in many processes."""
    tally = Tally("eight threads compile first, in a process each time")
    for number in rounds(seed, 0 if short else seconds, least=1 if short else MANY):
        with mock.patch.dict(os.environ, clean_environment(folder / "cache"), clear=True):
            found = threads.first_functions_of_processes(2 if short else PROCESSES, calls=200)
        tally.tried += found.total()
        for how, count in found.items():
            tally.fail(number, how, count if how != "right" else 0)
    yield tally.outcome()


def interrupted(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Ctrl-C at random moments of programs that read batches, and at random lines of training."""
    tally = Tally("Ctrl-C and errors at any line of a training run")
    for number in rounds(seed, 0 if short else seconds / 2):
        found = tally.attempt(number, in_child, broken_off, 2 if short else 30, number)
        if found is not None:
            tally.tried += found["rounds"] - 1
            for how in ("swallowed", "refused after Ctrl-C", "different"):
                tally.fail(number, how, found[how])
    yield tally.outcome()
    tally = Tally("Ctrl-C while batches are made in threads and processes")
    for number in rounds(seed, 0 if short else seconds / 2, least=1 if short else MANY):
        with mock.patch.dict(os.environ, clean_environment(folder / "cache"), clear=True):
            found = interrupts.interrupt_loaders(2 if short else INTERRUPTS, number)
        tally.tried += found["rounds"]
        for how in ("swallowed", "noisy", "left"):
            tally.fail(number, how, found[how])
    yield tally.outcome()


def broken_off(rounds_of: int, seed: int) -> dict[str, int]:
    """In a child: training that is interrupted at random lines."""
    return dict(interrupted_steps.interrupt_steps(rounds_of, seed))


def misused(seed: int, seconds: float, short: bool, folder: Path) -> Iterator[Outcome]:
    """Bad arguments to all public names."""
    tally = Tally("bad arguments to all public names")
    for number in rounds(seed, 0 if short else seconds):
        with mock.patch.dict(os.environ, clean_environment(folder / "cache"), clear=True):
            totals, found = misuse.counts(60 if short else CALLS, number)
        tally.tried += totals["calls"]
        for each in found:
            call = f"{each.trial.case}({each.trial.argument}={each.trial.value})"
            tally.fail(number, f"{each.verdict}: {call}: {each.text}")
    yield tally.outcome()


THEMES = {
    "kills": Theme(9, kills.run),
    "damage": Theme(3, damage.run),
    "full_disk": Theme(2, full_disk.run),
    "forks": Theme(3, forks.run),
    "memory": Theme(4, memory.run),
    "cache": Theme(1, attacked_cache),
    "threads": Theme(2, first_calls),
    "interrupts": Theme(2, interrupted),
    "misuse": Theme(1, misused),
    "ranks": Theme(3, killed_ranks),
}
