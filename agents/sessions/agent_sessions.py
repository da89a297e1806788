"""Save the agent sessions that a batch of events changed.

Nearly every change is one of state, in a session that is open already: those take one statement and nothing is read.
The others are compared with the sessions that are open.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection

from agents.core.presence import AgentSession, SessionChange
from agents.models import AgentSessionRecord

_TABLE = AgentSessionRecord._meta.db_table  # noqa: SLF001  (documented by Django)
_CHANGED = ("agent_name", "state", "state_since", "reason", "overlaps")
#: How a stay is known changes only where one ends and another begins there at the same moment: they have one row.
_BEGUN = ("known_by", "origin")
_KEPT = (*_CHANGED, *_BEGUN, "until")
#: JSON is the quickest way to PostgreSQL for a few dozen rows: psycopg writes an array value by value in Python.
#: Names are quoted: PostgreSQL reserves the word overlaps.
_SET = ", ".join(f'"{name}" = changed."{name}"' for name in _CHANGED)
_ON_POSTGRESQL = (
    f"UPDATE {_TABLE} AS kept SET {_SET}"  # noqa: S608  (names)
    " FROM json_to_recordset(%s::json) AS changed (agent_id text, agent_name text, device_id text, state text,"
    ' since timestamptz, state_since timestamptz, reason text, "overlaps" jsonb)'
    " WHERE kept.source_id = %s AND kept.until IS NULL AND kept.device_id = changed.device_id"
    " AND kept.agent_id = changed.agent_id AND kept.since = changed.since"
)
_ON_SQLITE = (
    f"UPDATE {_TABLE} SET {', '.join(f'{name} = %s' for name in _CHANGED)}"  # noqa: S608  (names)
    " WHERE source_id = %s AND until IS NULL AND device_id = %s AND agent_id = %s AND since = %s"
)


class _StoredSession(msgspec.Struct):
    """What a batch made of one session; ``until`` is None while it lasts."""

    session: AgentSession
    until: datetime | None = None
    begins: bool = False  # As far as the changes tell.


def save_agent_sessions(source_id: int, changes: Sequence[SessionChange]) -> None:
    """Save every session that the changes touched."""
    stored = _fold(changes)
    going, rest = _parted(stored)
    if _update_open(source_id, [one.session for one in going]) < len(going):
        rest = stored  # Nobody says which were not open. Those that were are only written once more.
    if rest:
        _save_compared(source_id, rest)


def _parted(stored: Sequence[_StoredSession]) -> tuple[list[_StoredSession], list[_StoredSession]]:
    """Return the sessions that seem to continue, and the others: at their devices somebody logged on or off."""
    touched = Counter(one.session.device_id for one in stored)
    going: list[_StoredSession] = []
    rest: list[_StoredSession] = []
    for one in stored:
        goes_on = one.until is None and not one.begins and touched[one.session.device_id] == 1
        (going if goes_on else rest).append(one)
    return going, rest


def _fold(changes: Sequence[SessionChange]) -> list[_StoredSession]:
    """Return each session that the batch touched, as the batch left it."""
    stored: dict[tuple[str, str, datetime], _StoredSession] = {}
    for change in changes:
        if change.ended:
            stored[_key(change.ended)] = _StoredSession(change.ended, until=max(change.at, change.ended.since))
        if change.session:
            before = stored.get(_key(change.session))
            goes_on = before is not None and before.until is None
            begins = before.begins if before and goes_on else change.session.since == change.at
            stored[_key(change.session)] = _StoredSession(change.session, begins=begins)
    return list(stored.values())


def _key(session: AgentSession) -> tuple[str, str, datetime]:
    return session.device_id, session.agent_id, session.since


def _update_open(source_id: int, sessions: Sequence[AgentSession]) -> int:
    """Update the open sessions among these; returns how many there are."""
    if not sessions:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_ON_POSTGRESQL, [msgspec.json.encode(sessions).decode(), source_id])
        else:
            cursor.executemany(_ON_SQLITE, [_for_sqlite(source_id, session) for session in sessions])
        return int(cursor.rowcount)


def _for_sqlite(source_id: int, session: AgentSession) -> tuple[str | int | None, ...]:
    stored = connection.ops.adapt_datetimefield_value
    key = (source_id, session.device_id, session.agent_id, stored(session.since))
    overlaps = msgspec.json.encode(session.overlaps).decode()
    return (session.agent_name, session.state, stored(session.state_since), session.reason, overlaps, *key)


def _save_compared(source_id: int, stored: Sequence[_StoredSession]) -> None:
    """Bring the open sessions up to date, then add those that began; in this order no extension ever has two."""
    devices = {one.session.device_id for one in stored}
    begun = {_key(one.session): one for one in stored}
    changed: list[AgentSessionRecord] = []
    for row in AgentSessionRecord.objects.filter(source_id=source_id, device_id__in=devices, until=None):
        one = begun.pop((row.device_id, row.agent_id, row.since), None)
        changed.append(_updated(row, one) if one else _superseded(row, stored))
    # Each row conflicts, which is ten times as fast as ``bulk_update``.
    AgentSessionRecord.objects.bulk_create(
        changed, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=_KEPT
    )
    AgentSessionRecord.objects.bulk_create((_new_record(source_id, one) for one in begun.values()), batch_size=500)


def _updated(row: AgentSessionRecord, one: _StoredSession) -> AgentSessionRecord:
    for name in (*_CHANGED, *_BEGUN):
        setattr(row, name, getattr(one.session, name))
    row.overlaps = msgspec.to_builtins(one.session.overlaps)
    row.until = one.until
    return row


def _superseded(row: AgentSessionRecord, stored: Sequence[_StoredSession]) -> AgentSessionRecord:
    """End a session that the changes did not know of when another begins at its extension."""
    since = [one.session.since for one in stored if one.session.device_id == row.device_id]
    row.until = max(row.since, min(since))
    return row


def _new_record(source_id: int, one: _StoredSession) -> AgentSessionRecord:
    values = {**msgspec.structs.asdict(one.session), "overlaps": msgspec.to_builtins(one.session.overlaps)}
    return AgentSessionRecord(source_id=source_id, until=one.until, **values)
