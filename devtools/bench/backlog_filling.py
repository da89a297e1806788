"""A backlog of flag writes: legs that are over, whose flags wait for a Recording Service that is away.

Each leg is as the core leaves it when its flags are queued; each write has its six values, as the consumer queues them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from msgspec.structs import replace

from calls.core.state import LegState
from calls.models import Checkpoint, Leg
from calls.stats.rebuild import recount
from calls.storage.codec import LEG_FIELDS, leg_key, leg_row
from cti.models import CtiSource
from devtools.bench.consume import EXTENSIONS, extension_of
from devtools.bench.filling import FLAGS, Numbered, analyse, insert, unlimited, without_indexes
from flags.models import FlagWrite
from flags.outbox.value_keys import NARROW, narrow_keys
from qms.models import RecordingService
from tests.calls.switchboard import Switchboard

#: Calls a second that made the backlog: a million in eleven hours.
CALLS_A_SECOND = 25


def fill_backlog(source: CtiSource, service: RecordingService, writes: int) -> None:
    """Queue this many writes, a leg each, the newest some minutes ago, in order; they follow the source's last leg."""
    checkpoint = Checkpoint.objects.get(source=source)
    first, end = checkpoint.next_leg, datetime.now(UTC) - timedelta(minutes=5)
    legs = (_moment(number, writes, end) for number in range(writes))
    with without_indexes(Leg):
        insert(Leg, LEG_FIELDS, (_leg(source, service, first + number, at) for number, at in enumerate(legs)))
    last = FlagWrite.objects.aggregate(last=Max("id"))["last"] or 0
    with without_indexes(FlagWrite):
        insert(
            FlagWrite,
            _WRITE,
            (_write(source, service, first + number, _moment(number, writes, end)) for number in range(writes)),
        )
    with _without_key():
        _fill_values(last)
    Checkpoint.objects.filter(pk=checkpoint.pk).update(next_leg=first + writes, version=checkpoint.version + 1)
    analyse()
    recount()


@contextmanager
def _without_key() -> Iterator[None]:
    """As ``without_indexes``, for flags: their key on PostgreSQL is not the model's."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {NARROW}")
    yield
    narrow_keys(connection, lambda _: None)


def guid_of(number: int) -> str:
    """Return a leg's recording; in no order, as GUIDs are."""
    return Numbered(number, 0, datetime.min.replace(tzinfo=UTC)).guid


def _moment(number: int, writes: int, end: datetime) -> datetime:
    return end - timedelta(seconds=(writes - number) / CALLS_A_SECOND)


def _pattern() -> LegState:
    """Return a leg as the core leaves it when its flags are queued, and no wrap-up is to come."""
    channel_table = Switchboard()
    channel_table.agent("LoggedOn", -9, "a1", deviceId="2001", agentName="Alexandra Attendant")
    channel_table.call("Queued", 0, "C1", queueName="Sales", callingNumber="+491700000000", interactionId="I1")
    channel_table.call("Delivered", 1, "C1", "2001", calledNumber="+4930123456")
    channel_table.call("Established", 4, "C1", "2001", callerName="A. Caller", callerNameSource="isdn")
    channel_table.found(4.2, 1, "00000000-0000-0000-0000-000000000000")
    channel_table.call("ConnectionCleared", 184, "C1", "2001").waits(185.1).waits(400)
    assert channel_table.leg.base.value == "queued", channel_table.leg
    return channel_table.leg


_patterns: list[LegState] = []


def _leg(source: CtiSource, service: RecordingService, number: int, at: datetime) -> tuple[Any, ...]:
    if not _patterns:
        _patterns.append(_pattern())
    ended = at - timedelta(seconds=1)
    begun = ended - timedelta(minutes=3)
    leg = replace(
        _patterns[0],
        number=number,
        call_id=f"B{number}",
        device_id=extension_of(number % EXTENSIONS),
        connected_source_at=begun,
        connected_gateway_at=begun,
        disconnected_source_at=ended,
        disconnected_gateway_at=ended,
        guid=guid_of(number),
        service=service.pk,
        services=(service.pk,),
        recording_began=begun,
        found_gateway_at=begun,
        base_due=at,
    )
    return leg_row(source.pk, leg, at, compact=True)


_WRITE = (
    "leg_id",
    "source_id",
    "service",
    "recording_guid",
    "part",
    "state",
    "attempts",
    "not_before",
    "created_at",
    "error_code",
    "error",
    "folded",
)


def _write(source: CtiSource, service: RecordingService, number: int, at: datetime) -> tuple[Any, ...]:
    return (
        leg_key(source.pk, number),
        source.pk,
        service.pk,
        guid_of(number),
        "base",
        "queued",
        0,
        at,
        at,
        "",
        "",
        False,
    )


def _fill_values(after: int) -> None:
    """Give each write behind a key its values, in the order of the writes."""
    names = " UNION ALL ".join(f"SELECT '{name}' AS name" for name in FLAGS)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            unlimited(cursor)
        cursor.execute(
            "INSERT INTO flags_flagvalue (write_id, recording_guid, name, value, cut, masked)"  # noqa: S608  (constants)
            " SELECT w.id, w.recording_guid, n.name, n.name || ' ' || w.leg_id, false, false"
            f" FROM flags_flagwrite w CROSS JOIN ({names}) n WHERE w.id > %s ORDER BY w.id",
            [after],
        )


def queued(source: CtiSource) -> Iterator[tuple[int, str]]:
    """Yield each queued write's key and recording, in the order in which they were made."""
    rows = FlagWrite.objects.filter(source_id=source.pk).order_by("created_at", "id")
    return rows.values_list("id", "recording_guid").iterator(20_000)
