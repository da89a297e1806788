"""Millions of legs of a past year in a few minutes: COPY on PostgreSQL, with the indexes made after it.

Each leg is a real one, as the core and the consumer write it, with its own names, times and outcome; the newest have
their searches, flag writes and flags too. Ids, names and times follow from a leg's number: a run can ask for any.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec
from django.db import connection, models, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from calls.models import HourlyCount, Leg, RecordingSearch
from calls.stats.dimensions_rebuild import recount_dimensions
from calls.stats.hourly import hour_of
from calls.stats.rebuild import recount
from calls.storage.codec import LEG_FIELDS, leg_key, leg_row
from cti.models import CtiSource
from flags.models import FlagValue, FlagWrite
from qms.models import DataServer, RecordingService
from tests.calls.switchboard import Switchboard

YEAR = timedelta(days=365)
#: As many queues as share no divisor with the extensions: an agent takes calls of each, and few legs count alike.
EXTENSIONS, QUEUES, CALLERS = 2_000, 41, 300_000
#: Rows in one statement.
AT_ONCE = 20_000
#: Legs in progress at the end of the year, and how many of the newest have their writes and searches.
OPEN, WITH_FLAGS = 300, 500_000
FLAGS = ("AgentId", "AgentName", "CallerName", "CTICallRef", "InteractionGuid", "QueueName")
#: One in this many legs was not flagged for this reason.
MISSED = (
    (211, "user_unmatched", ""),
    (307, "not_recorded", "none"),
    (1009, "window_missed", "late"),
    (5003, "not_recorded", "several"),
    (99_991, "refused", "UnknownFlag"),
)


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """What was filled in, how long that took, and what a leg takes of the disk."""

    legs: int
    end: datetime
    sources: list[int]
    seconds: dict[str, float]
    sizes: dict[str, int]


def span(legs: int) -> timedelta:
    """Return how long ago the oldest leg was: a year, or for few legs an hour for each hundred."""
    return min(YEAR, timedelta(hours=legs / 100))


class Numbered(msgspec.Struct, frozen=True):
    """The values of the leg of a number."""

    number: int
    legs: int
    end: datetime

    @property
    def extension(self) -> str:
        """Return where it was."""
        return str(20_000 + self.number * 7919 % EXTENSIONS)

    @property
    def agent(self) -> str:
        """Return whose it was."""
        return f"a{self.number * 104_729 % EXTENSIONS}"

    @property
    def queue(self) -> str:
        """Return which queue it came from."""
        return f"Queue {self.number % QUEUES}"

    @property
    def calling(self) -> str:
        """Return who called."""
        return f"+49170{self.number * 15_485_863 % CALLERS:07}"

    @property
    def guid(self) -> str:
        """Return the recording; in no order, as GUIDs are."""
        mixed = f"{self.number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}"
        return f"{mixed[:8]}-{mixed[8:12]}-{mixed[12:16]}-{mixed[16:20]}-{mixed[20:]}"

    @property
    def connected_at(self) -> datetime:
        """Return when it was connected: evenly over the span."""
        return self.end - span(self.legs) * ((self.legs - self.number) / self.legs)

    @property
    def is_open(self) -> bool:
        """Say whether it is in progress."""
        return self.number >= self.legs - OPEN

    @property
    def outcome(self) -> tuple[str, str]:
        """Return what became of it, and the reason."""
        if self.is_open:
            return "waiting", ""
        return next(((word, code) for every, word, code in MISSED if self.number % every == 0), ("flagged", ""))


def fill(legs: int) -> Filled:
    """Fill an empty, migrated database with the legs of a year that ends now."""
    sources = _site()
    end = datetime.now(UTC)
    numbered = (Numbered(number, legs, end) for number in range(legs))
    newest = [Numbered(number, legs, end) for number in range(max(legs - WITH_FLAGS, 0), legs)]
    seconds: dict[str, float] = {}
    with _timed(seconds, "legs"), without_indexes(Leg):
        insert(Leg, LEG_FIELDS, (_leg(one, sources) for one in numbered))
    with _timed(seconds, "searches, writes and flags of the newest"):
        _fill_dependents([one for one in newest if one.outcome[0] == "flagged"], sources)
    with _timed(seconds, "statistics"):
        analyse()
    with _timed(seconds, "rebuild_counts"):
        recount()
    with _timed(seconds, "rebuild_counts for reports"):
        recount_dimensions(end)
        analyse()
    assert HourlyCount.objects.filter(hour__gte=hour_of(end - span(legs))).exists()
    return Filled(legs=legs, end=end, sources=sources, seconds=seconds, sizes=_sizes())


@contextmanager
def _timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[what] = time.perf_counter() - began


def _site() -> list[int]:
    server = DataServer.objects.create(slug="bench")
    RecordingService.objects.create(slug="bench", data_server=server, url="http://127.0.0.1:1/")
    return [CtiSource.objects.create(slug=slug, kind="http").pk for slug in ("main", "branch")]


def source_of(one: Numbered, sources: Sequence[int]) -> int:
    """Return a leg's source: one of ten is at the branch."""
    return sources[1] if one.number % 10 == 3 else sources[0]


def key_of(one: Numbered, sources: Sequence[int]) -> int:
    """Return a leg's primary key."""
    return leg_key(source_of(one, sources), one.number + 1)


@cache
def leg_pattern() -> Mapping[str, Any]:
    """Return the row of a leg as the core makes it: answered, held, flagged."""
    channel_table = Switchboard()
    channel_table.agent("LoggedOn", -9, "a1", deviceId="2001", agentName="Alexandra Attendant")
    channel_table.call("Queued", 0, "C1", queueName="Sales", callingNumber="+491700000000", interactionId="I1")
    channel_table.call("Delivered", 1, "C1", "2001", calledNumber="+4930123456")
    channel_table.call("Established", 4, "C1", "2001", callerName="A. Caller", callerNameSource="isdn")
    channel_table.found(4.2, 1, "00000000-0000-0000-0000-000000000000")
    channel_table.call("Held", 60, "C1", "2001").call("Retrieved", 80, "C1", "2001")
    channel_table.call("ConnectionCleared", 184, "C1", "2001").waits(185.1)
    channel_table.settled(185.2, 1).waits(400)
    assert channel_table.leg.outcome == "flagged", channel_table.leg
    row = leg_row(0, channel_table.leg, channel_table.leg.connected_source_at, compact=True)
    return MappingProxyType(dict(zip(LEG_FIELDS, row, strict=True)))


def _leg(one: Numbered, sources: Sequence[int]) -> tuple[Any, ...]:
    at, (outcome, code) = one.connected_at, one.outcome
    is_flagged, reason = outcome == "flagged", "" if outcome == "flagged" else f"As made for the bench: {outcome}."
    own = {
        "id": key_of(one, sources),
        "source": source_of(one, sources),
        "call_id": f"C{one.number}",
        "device_id": one.extension,
        "phase": "open" if one.is_open else "settled",
        "interaction_id": f"I{one.number // 2}",
        "agent_id": one.agent,
        "agent_name": f"Agent {one.agent}",
        "queue_name": one.queue,
        "caller_name": f"Caller {one.calling}" if one.number % 5 == 0 else "",
        "calling_number": one.calling,
        "connected_at": at,
        "disconnected_at": None if one.is_open else at + timedelta(minutes=3),
        "recording_guid": one.guid if is_flagged else None,
        "service": None,
        "outcome": outcome,
        "reason": reason,
        "reason_code": code,
        "guid_ms": 120 + one.number % 400 if is_flagged else None,
        "flags_ms": 1100 + one.number % 500 if is_flagged else None,
        "due_at": None,
        "folded_at": at,
    }
    return tuple({**leg_pattern(), **own}.values())


def _fill_dependents(newest: Sequence[Numbered], sources: Sequence[int]) -> None:
    service = RecordingService.objects.get().pk
    insert(
        RecordingSearch,
        (
            "leg_id",
            "ordinal",
            "source",
            "service",
            "services",
            "known_guid",
            "extension",
            "not_started_before",
            "connected_at",
            "deadline",
            "next_at",
            "state",
            "attempts",
            "first_asked_at",
            "answered_at",
            "recording_guid",
            "recording_started_at",
            "why",
            "error",
            "folded",
        ),
        (
            (
                key_of(one, sources),
                1,
                source_of(one, sources),
                service,
                "[]",
                "",
                one.extension,
                one.connected_at,
                one.connected_at,
                one.connected_at,
                one.connected_at,
                "found",
                1,
                one.connected_at,
                one.connected_at,
                one.guid,
                one.connected_at,
                "",
                "",
                True,
            )
            for one in newest
        ),
    )
    insert(
        FlagWrite,
        (
            "id",
            "leg_id",
            "source_id",
            "service",
            "recording_guid",
            "part",
            "state",
            "attempts",
            "not_before",
            "created_at",
            "settled_at",
            "error_code",
            "error",
            "folded",
        ),
        (
            (
                at + 1,
                key_of(one, sources),
                source_of(one, sources),
                service,
                one.guid,
                "base",
                "written",
                1,
                one.connected_at,
                one.connected_at,
                one.connected_at,
                "",
                "",
                True,
            )
            for at, one in enumerate(newest)
        ),
    )
    insert(
        FlagValue,
        ("write", "recording_guid", "name", "value", "cut", "masked"),
        (
            (at + 1, one.guid, name, f"{name} {one.number}", False, False)
            for at, one in enumerate(newest)
            for name in FLAGS
        ),
    )


def insert(model: type[models.Model], names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Put rows into a table: by COPY on PostgreSQL."""
    quote = connection.ops.quote_name
    fields = {field.name: field.column or "" for field in model._meta.concrete_fields}  # noqa: SLF001  (documented by Django)
    columns = ", ".join(quote(fields[name]) for name in names)
    into = f"{quote(model._meta.db_table)} ({columns})"  # noqa: SLF001
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            unlimited(cursor)
            with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(names))
            cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", [tuple(map(_plain, row)) for row in rows])  # noqa: S608


def defaults_of(model: type[models.Model]) -> dict[str, Any]:
    """Return the columns that are set by no database, by their fields' names, each with its default as it is stored."""
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]  # noqa: SLF001
    return {
        field.name: field.get_db_prep_save(field.get_default(), connection)
        for field in fields
        if field.db_default is models.NOT_PROVIDED
    }


def _plain(value: Any) -> Any:
    """Return a value as SQLite stores it."""
    return str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value


def unlimited(cursor: Any) -> None:
    """Let the statements of a transaction take their time, and as much memory as sorting needs."""
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    cursor.execute("SET LOCAL maintenance_work_mem = '1GB'")
    cursor.execute("SET LOCAL session_replication_role = replica")  # Ten million checks of foreign keys take minutes.


@contextmanager
def without_indexes(model: type[models.Model]) -> Iterator[None]:
    """Let a table be without its indexes and constraints meanwhile; they are sorted once instead of grown."""
    if connection.vendor != "postgresql":
        yield
        return
    indexes, constraints = model._meta.indexes, model._meta.constraints  # noqa: SLF001
    with connection.schema_editor() as editor:
        for index in indexes:
            editor.remove_index(model, index)
        for constraint in constraints:
            editor.remove_constraint(model, constraint)
    yield
    for index in indexes:
        with _patient_editor() as editor:
            editor.add_index(model, index)
    for constraint in constraints:
        with _patient_editor() as editor:
            editor.add_constraint(model, constraint)


@contextmanager
def _patient_editor() -> Iterator[BaseDatabaseSchemaEditor]:
    with connection.schema_editor() as editor:
        unlimited(editor.connection.cursor())
        yield editor


def analyse() -> None:
    """Let the planner know what is there."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("RESET statement_timeout")


def _sizes() -> dict[str, int]:
    """Return the bytes of each table with its rows, and of its indexes; nothing on SQLite."""
    if connection.vendor != "postgresql":
        return {}
    sizes: dict[str, int] = {}
    with connection.cursor() as cursor:
        for model in (Leg, RecordingSearch, FlagWrite, FlagValue, HourlyCount):
            name = model._meta.db_table  # noqa: SLF001
            cursor.execute("SELECT pg_table_size(%s), pg_indexes_size(%s)", [name, name])
            sizes[name], sizes[f"{name}: indexes"] = cursor.fetchone()
    return sizes
