"""Notice a database that went back in time: a restore, or a fail-over to a replica that lacked the newest transactions.

Redis remembers the database's identity and how many folds of each source were committed. Where the database is another,
or behind, nothing is sent before it was read back: what is queued, and what the fold of the journal makes again. The
ledger names the gap. Where Redis remembers nothing, what is queued is read back as well, and so is what is made again
of calls that had begun: the listeners give their latest events again then. Asked before each turn of a consumer and
each delivery, at most once a second on a connection.
"""

import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog
from django.conf import settings
from django.db import NotSupportedError, ProgrammingError, connection, transaction

from bulk.statements import fetched
from calls.models import Checkpoint, Gap
from cti.api import JournalState, RememberedDatabase, entry_order, journal_state, remember_database, remembered_database
from cti.models import CtiSource
from flags.api import put_in_doubt

log = structlog.get_logger()

#: Minimum time between two comparisons on one connection, in seconds; a new connection is compared at once.
COMPARE_INTERVAL = 1.0
#: Interval at which it is noted again that a process compares, where nothing else is to be noted: each note waits for
#: Redis's disk.
SEEN_EVERY = timedelta(seconds=30)
#: After this long without any process, both stores may have been put back together (a snapshot of the machine).
MAXIMUM_ABSENCE = timedelta(minutes=10)
WENT_BACK = "The database went back in time (a restore, or a fail-over that lost its newest transactions)."
REFOLDED = "The journal is folded again from there; what QMS holds is read back before anything is sent."
TRIMMED = "Of the time between, the journal no longer holds all events: calls that ended then may be missing."

#: What changes when another database takes the place of this one: the database itself, its server, and the timeline,
#: which is another one after each promotion of a replica. A hosted server may forbid to read the last two.
DATABASE = "SELECT oid::text FROM pg_database WHERE datname = current_database()"
SERVER = (
    "SELECT system_identifier::text FROM pg_control_system()",
    "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)",
)

_FOLDS = "SELECT id, version FROM cti_ctisource LEFT JOIN calls_checkpoint ON source_id = id"
#: The identity, and beside it each source's folds; one row where there is no source.
_AT_ONCE = f"""
SELECT identity, id, version FROM (SELECT {{}} AS identity) AS own LEFT JOIN ({_FOLDS}) AS folds ON TRUE
"""  # noqa: S608  (no value of anybody's)

_compared = threading.local()
#: Not empty once the server has refused a part of the identity to this process.
_refused: list[bool] = []


class DatabaseState(msgspec.Struct, frozen=True):
    """A database's identity, and by source how many folds it has committed."""

    identity: str
    folds: dict[int, int]


def compare(now: datetime) -> bool:
    """Compare the database with what Redis remembers of it; return whether anything was put in doubt.

    Raises ``JournalUnavailable``, ``DatabaseError``.
    """
    if not _is_due():
        return False
    # In this order: a fold that is committed between the two looks must not seem to be missing.
    known = remembered_database()
    state = database_state()
    went_back = _went_back(state, known)
    is_absence = known.seen_at is not None and now - known.seen_at > MAXIMUM_ABSENCE
    is_forgotten = not known.identity and any(state.folds.values())  # Redis lost it, perhaps as the database did.
    if went_back:
        notice(now)
    elif is_absence or is_forgotten:
        count = put_in_doubt(now)
        for source in CtiSource.objects.all():
            Checkpoint.objects.get_or_create(source=source)
            _doubt_folds(source, journal_state(source.slug), now)
        log.warning("writes_in_doubt", count=count, absent_since=str(known.seen_at))
    if went_back or state.identity != known.identity or not _is_seen(known, now):
        remember_database(state.identity, now, state.folds if went_back else {})
    _compared.at, _compared.connection = time.monotonic(), connection.connection
    return went_back or is_absence or is_forgotten


def notice(now: datetime) -> None:
    """Put in doubt all that may have been sent, and write the gap down. Harmless when repeated."""
    count = put_in_doubt(now)
    with transaction.atomic():
        for source in CtiSource.objects.all():
            _doubt_source(source, now)
    log.error("database_went_back", writes_in_doubt=count)


def notice_restore(now: datetime) -> None:
    """Put in doubt what a restore that was just made has brought back, whatever Redis remembers."""
    notice(now)
    state = database_state()
    remember_database(state.identity, now, state.folds)


def _doubt_source(source: CtiSource, now: datetime) -> None:
    checkpoint, _ = Checkpoint.objects.get_or_create(source=source)
    journal = journal_state(source.slug)
    reason = " ".join([WENT_BACK, TRIMMED if _is_trimmed_past(checkpoint.last_id, journal) else REFOLDED])
    Gap.objects.get_or_create(
        source=source,
        began_at=checkpoint.folded_at or now,
        defaults={"ended_at": now, "reason": reason},
    )
    _doubt_folds(source, journal, now)


def _doubt_folds(source: CtiSource, journal: JournalState, now: datetime) -> None:
    """Have what a fold of the journal so far makes, or of the legs that there are, read back before it is sent."""
    Checkpoint.objects.filter(source=source).update(read_back_until=journal.last_id, read_back_before=now)


def _is_trimmed_past(last_id: str, journal: JournalState) -> bool:
    """Say whether entries that follow the checkpoint were forgotten because they had been folded once."""
    is_next_there = bool(journal.first_id) and entry_order(journal.first_id) <= entry_order(last_id)
    return entry_order(last_id) < entry_order(journal.trimmed_to) and not is_next_there


def database_state() -> DatabaseState:
    """Read the database's identity and how far it has come: by one statement where the server says all of it."""
    rows = _rows(_AT_ONCE.format(_whole_identity())) if connection.vendor == "postgresql" and not _refused else None
    if rows and rows[0][0] is not None:
        return DatabaseState(str(rows[0][0]), {source: version or 0 for _, source, version in rows if source})
    return DatabaseState(_identity(), {source: version or 0 for source, version in fetched(_FOLDS, [])})


def _is_seen(known: RememberedDatabase, now: datetime) -> bool:
    """Say whether it was noted lately that a process compares."""
    return known.seen_at is not None and timedelta(0) <= now - known.seen_at < SEEN_EVERY


def _went_back(state: DatabaseState, known: RememberedDatabase) -> bool:
    if not known.identity:
        return False
    return state.identity != known.identity or _is_behind(state.folds, known.folds)


def _is_behind(folds: Mapping[int, int], known: Mapping[int, int]) -> bool:
    return any(version < known.get(source, 0) for source, version in folds.items())


def _identity() -> str:
    """Return what changes when another database takes the place of this one, or a replica is promoted."""
    if connection.vendor == "postgresql":
        return _postgresql_identity()
    name = str(settings.DATABASES["default"]["NAME"])
    return f"sqlite-{Path(name).stat().st_ino}" if Path(name).exists() else "sqlite-memory"


def _postgresql_identity() -> str:
    """Return all parts by one statement; where the server refuses one of them, each by its own."""
    if not _refused and (found := _read(_whole_identity())):
        return found
    with connection.cursor() as cursor:
        cursor.execute(DATABASE)  # Raises where it is the connection that fails.
        database = str(cursor.fetchone()[0])
    _refused[:] = [True]
    return "-".join([database, *(_read(part) or "unknown" for part in SERVER)])


def _whole_identity() -> str:
    return " || '-' || ".join(f"({part})" for part in (DATABASE, *SERVER))


def _read(text: str) -> str | None:
    """Return what a part of the identity is, None where the server refuses it."""
    found = _rows(f"SELECT ({text})")
    return None if found is None or found[0][0] is None else str(found[0][0])


def _rows(text: str) -> list[tuple[Any, ...]] | None:
    """Return what a statement gives, None where the server refuses it; a transaction goes on.

    Raises ``DatabaseError`` where it did not answer: what is not known now must not look like another database.
    """
    spared: AbstractContextManager[object] = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with spared:
            return fetched(text, [])
    except (ProgrammingError, NotSupportedError):
        return None


def _is_due() -> bool:
    connection.ensure_connection()
    is_same = getattr(_compared, "connection", None) is connection.connection
    return not is_same or time.monotonic() - _compared.at >= COMPARE_INTERVAL
