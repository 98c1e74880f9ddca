"""The table of derivatives, put back as it was after a test that registers rows."""

from typing import Any

from wengert.core import dispatch


class KeptTable:
    """The table as it was at the last `save`."""

    def save(self) -> None:
        dispatch.read_late_tables()  # a module's rows are read once, and so must be there when the table is saved
        tables: list[Any] = [v for v in vars(dispatch).values() if isinstance(v, (dict, set))]
        owners = [getattr(record, "__self__", None) for record in dispatch.FUNCTIONS.values()]
        tables += [owner.pullbacks for owner in owners if hasattr(owner, "pullbacks")]
        self.saved = [(table, table.copy()) for table in tables]

    def restore(self) -> None:
        for table, copy in self.saved:
            table.clear()
            table.update(copy)
