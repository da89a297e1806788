"""Save and read many searches by one statement, without a model for each: the hot paths of consumer and lookups."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from bulk.statements import fetched, moment, one_of
from bulk.tables import UpsertTable
from bulk.updates import UpdateTable
from calls.models import ASSIGNED, RecordingSearch, SearchState

#: What an answer changes.
ANSWER = (
    "state",
    "attempts",
    "first_asked_at",
    "asked_at",
    "answered_at",
    "recording_guid",
    "recording_started_at",
    "why",
    "error",
    "next_at",
    "claimed_until",
    "service",
)


class NewSearch(msgspec.Struct, frozen=True):
    """A search that begins, by its columns."""

    leg_id: int
    ordinal: int
    source: int
    service: int
    services: list[int]
    known_guid: str
    extension: str
    connected_at: datetime
    not_started_before: datetime
    deadline: datetime
    next_at: datetime
    is_canary: bool
    state: str = SearchState.OPEN.value
    attempts: int = 0
    recording_guid: str = ""
    why: str = ""
    error: str = ""
    folded: bool = False


class RecordedSearch(msgspec.Struct, frozen=True):
    """The columns of a search that its answer is made of, for whoever reads many: a model takes ten times as long."""

    id: int
    source_id: int
    leg_id: int
    ordinal: int
    extension: str
    service_id: int
    known_guid: str
    connected_at: datetime
    deadline: datetime
    state: str
    attempts: int
    first_asked_at: datetime | None
    asked_at: datetime | None
    answered_at: datetime | None
    recording_guid: str
    recording_started_at: datetime | None
    why: str
    error: str
    is_canary: bool
    services: list[int]


_NEW = UpsertTable(RecordingSearch, NewSearch.__struct_fields__, ["leg_id", "ordinal"])
_ANSWERED = UpdateTable(RecordingSearch, ANSWER, f"stored.state = '{SearchState.OPEN}'")
_ANSWERED_ATTRIBUTES = ["pk", *(RecordingSearch._meta.get_field(name).attname for name in ANSWER)]  # type: ignore[union-attr]  # noqa: SLF001
_COLUMNS = ", ".join(RecordedSearch.__struct_fields__)
_TO_FOLD = f"""
SELECT {_COLUMNS} FROM calls_recordingsearch
WHERE source_id = %s AND NOT folded AND state IN ('{SearchState.FOUND}', '{SearchState.MISSED}')
"""  # noqa: S608  (names of columns)
_BY, _OLDEST = " AND COALESCE(answered_at, deadline) <= %s", " ORDER BY id LIMIT %s"
_DECIDED = f" AND (why <> '{ASSIGNED}' OR answered_at >= %s)"


def add(rows: Iterable[NewSearch]) -> None:
    """Save new searches. Raises ``IntegrityError`` where a leg has that one already."""
    _NEW.insert([tuple(map(_stored, msgspec.structs.astuple(row))) for row in rows])


def _stored(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value


def save_open(rows: Sequence[RecordingSearch]) -> None:
    """Save what answers changed; a search that was cancelled meanwhile stays cancelled."""
    _ANSWERED.update([tuple(getattr(row, name) for name in _ANSWERED_ATTRIBUTES) for row in rows])


def searches_to_fold(
    source_id: int, limit: int, until: datetime | None, decided_since: datetime
) -> list[RecordedSearch]:
    """Return a source's searches that were found or missed and are not folded yet, the oldest first.

    ``until``: only those that came to their end by then; None: all. ``decided_since``: older decisions of persons count
    no more.
    """
    if until is None:
        return [_recorded(*row) for row in fetched(_TO_FOLD + _DECIDED + _OLDEST, [source_id, decided_since, limit])]
    rows = fetched(_TO_FOLD + _DECIDED + _BY + _OLDEST, [source_id, decided_since, until, limit])
    return [_recorded(*row) for row in rows]


def searches_of_legs(leg_ids: Sequence[int]) -> list[RecordedSearch]:
    """Return the searches of legs, which are named by their keys, in the order in which they were made."""
    is_of_legs, keys = one_of(leg_ids)
    text = f"SELECT {_COLUMNS} FROM calls_recordingsearch WHERE leg_id {is_of_legs} ORDER BY id"  # noqa: S608  (names)
    return [_recorded(*row) for row in fetched(text, [keys])]


def _recorded(*row: Any) -> RecordedSearch:
    *values, services = row
    plain: list[Any] = [moment(value) if isinstance(value, datetime) else value for value in values]
    plain.append(msgspec.json.decode(services))
    return RecordedSearch(*plain)
