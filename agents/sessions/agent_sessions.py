"""Stays in the database: a presence for each, brought up to date with what a batch of events made of it.

Nearly every change is one of state, in a stay that is open already: those take one statement and nothing is read. The
others are compared with the presences that are open.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import connection

from agents.core.presence import AgentSession, SessionChange
from agents.models import Presence

_TABLE = Presence._meta.db_table  # noqa: SLF001  (documented by Django)
_CHANGED = ("agent_name", "state", "state_since", "reason", "overlaps")
_KEPT = (*_CHANGED, "until")
#: JSON is the quickest way to PostgreSQL for a few dozen rows: psycopg writes an array value by value in Python.
#: Names are quoted: PostgreSQL reserves the word overlaps.
_SET = ", ".join(f'"{name}" = seat."{name}"' for name in _CHANGED)
_ON_POSTGRESQL = (
    f"UPDATE {_TABLE} AS stay SET {_SET}"  # noqa: S608  (names)
    " FROM json_to_recordset(%s::json) AS seat (agent_id text, agent_name text, device_id text, state text,"
    ' since timestamptz, state_since timestamptz, reason text, "overlaps" jsonb)'
    " WHERE stay.source_id = %s AND stay.until IS NULL AND stay.device_id = seat.device_id"
    " AND stay.agent_id = seat.agent_id AND stay.since = seat.since"
)
_ON_SQLITE = (
    f"UPDATE {_TABLE} SET {', '.join(f'{name} = %s' for name in _CHANGED)}"  # noqa: S608  (names)
    " WHERE source_id = %s AND until IS NULL AND device_id = %s AND agent_id = %s AND since = %s"
)


class _StoredSession(msgspec.Struct):
    """What a batch made of one stay; ``until`` is None while it lasts."""

    seat: AgentSession
    until: datetime | None = None
    begins: bool = False  # As far as the changes tell.


def save_stays(source_id: int, changes: Sequence[SessionChange]) -> None:
    """Save every stay that the changes touched."""
    stays = _fold(changes)
    going, rest = _parted(stays)
    if _update_open(source_id, [one.seat for one in going]) < len(going):
        rest = stays  # Nobody says which were not open. Those that were are only written once more.
    if rest:
        _save_compared(source_id, rest)


def _parted(stays: Sequence[_StoredSession]) -> tuple[list[_StoredSession], list[_StoredSession]]:
    """Return the sessions that seem to continue, and the others: at their devices somebody logged on or off."""
    touched = Counter(stay.seat.device_id for stay in stays)
    going: list[_StoredSession] = []
    rest: list[_StoredSession] = []
    for stay in stays:
        goes_on = stay.until is None and not stay.begins and touched[stay.seat.device_id] == 1
        (going if goes_on else rest).append(stay)
    return going, rest


def _fold(changes: Sequence[SessionChange]) -> list[_StoredSession]:
    """Return each stay that the batch touched, as the batch left it."""
    stays: dict[tuple[str, str, datetime], _StoredSession] = {}
    for change in changes:
        if change.ended:
            stays[_key(change.ended)] = _StoredSession(change.ended, until=max(change.at, change.ended.since))
        if change.seat:
            before = stays.get(_key(change.seat))
            begins = before.begins if before else change.seat.since == change.at
            stays[_key(change.seat)] = _StoredSession(change.seat, begins=begins)
    return list(stays.values())


def _key(seat: AgentSession) -> tuple[str, str, datetime]:
    return seat.device_id, seat.agent_id, seat.since


def _update_open(source_id: int, seats: Sequence[AgentSession]) -> int:
    """Update the open stays among these; returns how many there are."""
    if not seats:
        return 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_ON_POSTGRESQL, [msgspec.json.encode(seats).decode(), source_id])
        else:
            cursor.executemany(_ON_SQLITE, [_for_sqlite(source_id, seat) for seat in seats])
        return int(cursor.rowcount)


def _for_sqlite(source_id: int, seat: AgentSession) -> tuple[str | int | None, ...]:
    stored = connection.ops.adapt_datetimefield_value
    key = (source_id, seat.device_id, seat.agent_id, stored(seat.since))
    overlaps = msgspec.json.encode(seat.overlaps).decode()
    return (seat.agent_name, seat.state, stored(seat.state_since), seat.reason, overlaps, *key)


def _save_compared(source_id: int, stays: Sequence[_StoredSession]) -> None:
    """Bring the open presences up to date, then add the stays that began; in this order no seat is ever held twice."""
    devices = {stay.seat.device_id for stay in stays}
    begun = {_key(stay.seat): stay for stay in stays}
    changed: list[Presence] = []
    for row in Presence.objects.filter(source_id=source_id, device_id__in=devices, until=None):
        stay = begun.pop((row.device_id, row.agent_id, row.since), None)
        changed.append(_updated(row, stay) if stay else _superseded(row, stays))
    # Each row conflicts, which is ten times as fast as ``bulk_update``.
    Presence.objects.bulk_create(
        changed, batch_size=500, update_conflicts=True, unique_fields=["id"], update_fields=_KEPT
    )
    Presence.objects.bulk_create((_presence(source_id, stay) for stay in begun.values()), batch_size=500)


def _updated(row: Presence, stay: _StoredSession) -> Presence:
    for name in _CHANGED:
        setattr(row, name, getattr(stay.seat, name))
    row.overlaps = msgspec.to_builtins(stay.seat.overlaps)
    row.until = stay.until
    return row


def _superseded(row: Presence, stays: Sequence[_StoredSession]) -> Presence:
    """End a stay that the changes did not know of when another begins at its extension."""
    since = [stay.seat.since for stay in stays if stay.seat.device_id == row.device_id]
    row.until = max(row.since, min(since))
    return row


def _presence(source_id: int, stay: _StoredSession) -> Presence:
    values = {**msgspec.structs.asdict(stay.seat), "overlaps": msgspec.to_builtins(stay.seat.overlaps)}
    return Presence(source_id=source_id, until=stay.until, **values)
