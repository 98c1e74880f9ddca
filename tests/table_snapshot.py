"""Saves the table of derivatives, and restores it after a test that registers rows."""

import importlib
import importlib.util
import pkgutil
from typing import Any

import wengert
from wengert.arrays import table
from wengert.custom import registration


def read_all_functions() -> None:
    """Import every module that has rows, including those that are imported lazily."""
    for module in pkgutil.iter_modules(wengert.functions.__path__, "wengert.functions."):
        if ".scipy_" not in module.name or importlib.util.find_spec("scipy"):
            importlib.import_module(module.name)
    if importlib.util.find_spec("scipy"):
        importlib.import_module("wengert.scipy").loaded()


class TableSnapshot:
    """A snapshot of the table of derivatives."""

    def save(self) -> None:
        # A module registers its rows once, at import, so all must be imported before the snapshot.
        for package in set(table.LATE_TABLES.values()):
            if importlib.util.find_spec(package.partition(".")[0]):
                importlib.import_module(package)
        table.read_late_tables()
        read_all_functions()
        tables: list[Any] = [v for v in (*vars(table).values(), registration.REFUSED) if isinstance(v, (dict, set))]
        owners = [getattr(record, "__self__", None) for record in table.FUNCTIONS.values()]
        tables += [owner.pullbacks for owner in owners if hasattr(owner, "pullbacks")]
        self.saved = [(found, found.copy()) for found in tables]

    def restore(self) -> None:
        for found, copy in self.saved:
            found.clear()
            found.update(copy)
