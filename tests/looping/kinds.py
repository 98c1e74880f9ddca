"""Kinds of loops: each makes the lines of one, with random details."""

from __future__ import annotations

from tests.looping.carrying import CARRYING
from tests.looping.headers import Kind
from tests.looping.nested import NESTED

__all__ = ["KINDS"]

KINDS: dict[str, Kind] = {kind.__name__: kind for kind in (*CARRYING, *NESTED)}
