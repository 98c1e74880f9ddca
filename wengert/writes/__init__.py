"""Arrays that are written to: assignments, ``out=`` and views of Variables, as NumPy has them."""

from wengert.writes import assignments, creation, elements, flat  # noqa: F401  (rows of the table)
