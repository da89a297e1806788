"""What was made of rows of the database, kept as long as the rows are as they were: one statement says so."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import models

Made = TypeVar("Made")


class KeptRows(Generic[Made]):
    """What ``make`` returned last, made again where ``rows`` are others.

    It is the caller's to read, not to change: another reader may be given the same one.
    """

    def __init__(self, rows: Callable[[], Any], make: Callable[[], Made]) -> None:
        self._rows, self._make = rows, make
        self._known: tuple[Any, Made] | None = None

    def read(self) -> Made:
        """Return it as the rows are now. Raises what either of the two raises."""
        rows, known = self._rows(), self._known
        if known is not None and known[0] == rows:
            return known[1]
        made = self._make()
        # What changed while it was made is made again at the next time: the change may have been undone by then.
        self._known = (rows, made) if rows == self._rows() else None
        return made


def rows_as_text(model: type[models.Model], where: str = "") -> str:
    """Return the expression that gives the rows of a table, called ``one``, as one text, on PostgreSQL.

    With the number of each row's version: a value that was changed and changed back is another.
    """
    condition = f" WHERE {where}" if where else ""
    name = model._meta.db_table  # noqa: SLF001  (documented by Django)
    version = "concat_ws(' ', one.xmin, one.ctid, one::text)"
    return f"(SELECT string_agg({version}, ' ' ORDER BY one.ctid) FROM {name} AS one{condition})"  # noqa: S608  (no value of anybody's)
