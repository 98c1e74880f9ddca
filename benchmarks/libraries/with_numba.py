"""Numba, which differentiates nothing."""

from __future__ import annotations

import numba  # noqa: F401

from benchmarks.libraries.library import Library


class Eager(Library):
    """(Its programs are made by the problems.)"""
