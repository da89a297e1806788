"""The settings by which a source is folded, made again only where a row of theirs has changed: one statement says so.

To read them by the ORM every two seconds, seven queries, was a third of what a quiet site's consumer did.
"""

from typing import Any

import msgspec
from django.db import connection, models

from agents.api import NEWEST_USERS
from agents.models import Allocation
from bulk.kept import KeptRows, rows_as_text
from bulk.statements import adapted, fetched
from calls.models import LegStorage
from calls.pipeline.source_context import SourceContext, load_source_context
from cti.models import CtiSource
from flags.api import load_specs, note_names
from flags.catalogue.values import FlagSpec
from flags.models import FlagSetting
from qms.models import RecordingService

#: Every table that the rules of a source are made from, and which of its rows; ``%s`` is the source. A service that is
#: not allocated counts by its Data Server and by its users.
_READ: tuple[tuple[type[models.Model], str], ...] = (
    (CtiSource, "one.id = %s"),
    (Allocation, "one.source_id = %s"),
    (RecordingService, ""),
    (FlagSetting, ""),
    (LegStorage, ""),
)


class Rules(msgspec.Struct, frozen=True):
    """A source's row, the flags that are switched on, and the context of its batches."""

    source: CtiSource
    specs: tuple[FlagSpec, ...]
    context: SourceContext

    @classmethod
    def read(cls, source: CtiSource) -> "Rules":
        """Read them as they are now. What is written by them from here on has its names kept first."""
        specs = load_specs()
        note_names(specs)
        return cls(source, specs, load_source_context(source, specs))


class KeptRules:
    """The rules of one source as they were read last."""

    def __init__(self, source_id: int) -> None:
        self._kept: KeptRows[Rules | None] = KeptRows(lambda: _rows(source_id), lambda: _read(source_id))

    def read(self) -> Rules | None:
        """Return the rules as they are now; None where the source was deleted. Raises ``DatabaseError``."""
        return self._kept.read()


def _read(source_id: int) -> Rules | None:
    source = CtiSource.objects.filter(pk=source_id).first()
    return Rules.read(source) if source else None


def _rows(source_id: int) -> Any:
    """Return all that the rules are made from: each row as the database has it."""
    if connection.vendor == "postgresql":
        return fetched(_AS_TEXT, [source_id] * _AS_TEXT.count("%s"))
    found = [fetched(f"SELECT {NEWEST_USERS}", [])]
    for model, where in _READ:
        found.append(fetched(*_whole(model, where, source_id)))
    return found


def _whole(model: type[models.Model], where: str, source_id: int) -> tuple[str, list[Any]]:
    name = model._meta.db_table  # noqa: SLF001  (documented by Django)
    text = f"SELECT * FROM {name} AS one {where and f'WHERE {where}'} ORDER BY id"  # noqa: S608  (no value of anybody's)
    return adapted(text, [source_id] * where.count("%s"))


_AS_TEXT = f"SELECT {NEWEST_USERS}, {', '.join(rows_as_text(*one) for one in _READ)}"
