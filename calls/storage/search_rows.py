"""Save many searches by one statement: new ones on the consumer's hot path, answered ones on that of the lookups."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from bulk.tables import UpsertTable
from bulk.updates import UpdateTable
from calls.models import RecordingSearch, SearchState

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

_COLUMNS = [field for field in RecordingSearch._meta.concrete_fields if not field.primary_key]  # noqa: SLF001
_ATTRIBUTES = [field.attname for field in _COLUMNS]
_NEW = UpsertTable(RecordingSearch, [field.name for field in _COLUMNS], ["leg_id", "ordinal"])
_ANSWERED = UpdateTable(RecordingSearch, ANSWER, f"stored.state = '{SearchState.OPEN}'")
_ANSWERED_ATTRIBUTES = ["pk", *(RecordingSearch._meta.get_field(name).attname for name in ANSWER)]  # type: ignore[union-attr]  # noqa: SLF001


def add(rows: Iterable[RecordingSearch]) -> None:
    """Save new searches. Raises ``IntegrityError`` where a leg has that one already."""
    _NEW.insert([tuple(map(_stored, (getattr(row, name) for name in _ATTRIBUTES))) for row in rows])


def _stored(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


def save_open(rows: Sequence[RecordingSearch]) -> None:
    """Save what answers changed; a search that was cancelled meanwhile stays cancelled."""
    _ANSWERED.update([tuple(getattr(row, name) for name in _ANSWERED_ATTRIBUTES) for row in rows])
