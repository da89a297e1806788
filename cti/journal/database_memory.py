"""What Redis remembers of the database: its identity, how far it had come, and answers of QMS that it held.

A database that is restored, or whose promoted replica lacks the tail, is behind what is remembered here. The answers of
QMS cannot be asked for again: a recording's GUID can be had for seconds only, so they are kept as long as the journal.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from cti.journal.stream import client, translated
from cti.journal.wakeups import add_wake_ups

_KEY = "database"
_IDENTITY, _SEEN_AT = b"identity", b"seen_at"


class RememberedDatabase(msgspec.Struct, frozen=True):
    """What is remembered. ``identity`` empty: nothing is. ``folds``: by source, how many were committed.

    ``seen_at``: when a process last compared, by the gateway's clock.
    """

    identity: str = ""
    seen_at: datetime | None = None
    folds: dict[int, int] = {}


class KeptAnswer(msgspec.Struct, frozen=True):
    """What QMS answered to a recording search. ``key`` names the search by what the journal says, not by its row."""

    key: str
    connected_at: datetime
    payload: bytes = b""


def remembered_database() -> RememberedDatabase:
    """Return what is remembered. Raises ``JournalUnavailable``."""
    with translated():
        found: Any = client().hgetall(_KEY)
    seen_at = found.pop(_SEEN_AT, None)
    return RememberedDatabase(
        identity=found.pop(_IDENTITY, b"").decode(),
        seen_at=datetime.fromisoformat(seen_at.decode()) if seen_at else None,
        folds={int(source): int(version) for source, version in found.items()},
    )


def remember_database(identity: str, seen_at: datetime, folds: Mapping[int, int]) -> None:
    """Remember a database's identity and how far it has come. Raises ``JournalUnavailable``."""
    values: dict[Any, Any] = {_IDENTITY: identity, _SEEN_AT: seen_at.isoformat()}
    with translated():
        client().hset(_KEY, mapping=values | {str(source): version for source, version in folds.items()})


def remember_fold(source_id: int, version: int, streams: Collection[str] = ()) -> None:
    """Remember that a fold of a source was committed, and wake those that wait for the streams, in one round trip.

    Raises ``JournalUnavailable``.
    """
    with translated():
        pipe = client().pipeline(transaction=False)
        pipe.hset(_KEY, str(source_id), version)
        add_wake_ups(pipe, streams)
        pipe.execute()


def keep_answers(slug: str, answers: Iterable[KeptAnswer], seconds: int, streams: Collection[str] = ()) -> None:
    """Keep answers for at least ``seconds`` after the hour of their calls, and wake those that wait for the streams.

    Both in one round trip. Raises ``JournalUnavailable``.
    """
    by_hour: dict[str, dict[Any, Any]] = defaultdict(dict)
    for one in answers:
        by_hour[_hour_key(slug, one.connected_at)][one.key] = one.payload
    with translated():
        pipe = client().pipeline(transaction=False)
        for key, payloads in by_hour.items():
            pipe.hset(key, mapping=payloads)
            pipe.expire(key, seconds + 3600)
        add_wake_ups(pipe, streams)
        pipe.execute()


def kept_answers(slug: str, wanted: Iterable[KeptAnswer]) -> dict[str, bytes]:
    """Return the payloads of those answers that are kept. Raises ``JournalUnavailable``."""
    by_hour: dict[str, list[str]] = defaultdict(list)
    for one in wanted:
        by_hour[_hour_key(slug, one.connected_at)].append(one.key)
    found: dict[str, bytes] = {}
    with translated():
        for key, keys in by_hour.items():
            payloads: Any = client().hmget(key, keys)
            found |= {name: payload for name, payload in zip(keys, payloads, strict=True) if payload is not None}
    return found


def _hour_key(slug: str, connected_at: datetime) -> str:
    return f"answers:{{{slug}}}:{int(connected_at.timestamp()) // 3600}"
