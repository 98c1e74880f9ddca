"""What a program leaves to the garbage collector."""

import gc
from collections.abc import Callable
from typing import Any


def garbage_of(program: Callable[[], Any]) -> int:
    """How many objects in cycles of references a program leaves, apart from what it makes once."""
    program()
    while gc.collect():  # garbage of other tests may take several collections
        pass
    gc.disable()
    try:
        program()
        return gc.collect()
    finally:
        gc.enable()
