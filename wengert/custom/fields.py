"""The fields of a Variable, for what saves them and puts them back."""

from typing import Any

__all__ = ["FIELDS", "restore"]

# Their names, also for the conditions of a compiled plan, which are written as code.
FIELDS = {"array": "_data", "creator": "_creator", "grad": "_grad", "notes": "_notes"}


def restore(x: Any, **fields: Any) -> Any:
    """Put back fields of a Variable as they were (see `FIELDS`), which is no change of its data to be noted."""
    for name, value in fields.items():
        setattr(x, FIELDS[name], value)
    return x
