"""The table of derivatives, put back as it was after a test that registers rows."""

import importlib
import importlib.util
import pkgutil
from typing import Any

import wengert
from wengert.core import dispatch
from wengert.custom import registration


def read_all_functions() -> None:
    """Import every module that has rows, also those of which a program has to ask for a function first."""
    for module in pkgutil.iter_modules(wengert.functions.__path__, "wengert.functions."):
        if not module.name.endswith("scipy_special") or importlib.util.find_spec("scipy"):
            importlib.import_module(module.name)


class KeptTable:
    """The table as it was at the last `save`."""

    def save(self) -> None:
        # A module's rows are read once, and so must be there when the table is saved.
        for package in set(dispatch.LATE_TABLES.values()):
            if importlib.util.find_spec(package.partition(".")[0]):
                importlib.import_module(package)
        dispatch.read_late_tables()
        read_all_functions()
        tables: list[Any] = [v for v in (*vars(dispatch).values(), registration.REFUSED) if isinstance(v, (dict, set))]
        owners = [getattr(record, "__self__", None) for record in dispatch.FUNCTIONS.values()]
        tables += [owner.pullbacks for owner in owners if hasattr(owner, "pullbacks")]
        self.saved = [(table, table.copy()) for table in tables]

    def restore(self) -> None:
        for table, copy in self.saved:
            table.clear()
            table.update(copy)
