"""Flag writes as the consumer sees them, queued with a leg's close and taken back when they are settled; as an operator
does, given up or put back.

All of it runs in the caller's transaction: no SOAP, no Redis, a few queries whatever the size of the batch.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
import structlog
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from bulk.statements import changed, fetched, moment, one_of
from bulk.tables import UpsertTable
from flags.models import RETRIABLE, SETTLED, UNSETTLED, FlagValue, FlagWrite, WriteState
from flags.outbox.bulk_insert import NewWrite, queue_at_once
from flags.outbox.claims import code_of_giving_up, free
from qms.models import RecordingService
from qms.port import QmsUnclear

log = structlog.get_logger()

_WRITES = UpsertTable(
    FlagWrite,
    [
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
        "is_shadow",
        "is_canary",
    ],
    ["recording_guid", "part"],
)
_VALUES = UpsertTable(
    FlagValue, ["write", "recording_guid", "name", "value", "cut", "masked"], ["recording_guid", "name"]
)
_WORDS = ", ".join(f"'{state}'" for state in SETTLED)
_SETTLED = f"""
SELECT id, leg_id, part, state, error_code, error, settled_at, attempts, retries, created_at FROM flags_flagwrite
WHERE source_id = %s AND NOT folded AND state IN ({_WORDS})
"""  # noqa: S608  (the states are the model's own words)
_SOURCES_OF_SETTLED = f"""
SELECT DISTINCT source_id FROM flags_flagwrite WHERE NOT folded AND state IN ({_WORDS}) AND source_id
"""  # noqa: S608  (as above)
_BY, _OLDEST = " AND COALESCE(settled_at, created_at) <= %s", " ORDER BY id LIMIT %s"
_FOLDED = f"UPDATE flags_flagwrite SET folded = true WHERE retries = %s AND state IN ({_WORDS})"  # noqa: S608  (as above)


class QueueRefusal(msgspec.Struct, frozen=True):
    """A write that cannot be queued: the recording carries such flags already."""

    leg_id: int
    part: Literal["base", "wrapup"]
    reason: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A write that came to its end, not yet taken into its leg."""

    write_id: int
    leg_id: int
    part: Literal["base", "wrapup"]
    state: str
    error_code: str
    error: str
    settled_at: datetime
    attempts: int
    retries: int


class _Standing(msgspec.Struct):
    """What is queued or written for the recordings of a batch. ``waits``: until when base flags are put off."""

    holders: dict[tuple[str, str], int] = {}
    waits: dict[str, datetime] = {}
    names: dict[str, set[str]] = msgspec.field(default_factory=lambda: defaultdict(set))


@transaction.atomic(savepoint=False)
def queue_writes(new: Sequence[NewWrite]) -> list[QueueRefusal]:
    """Queue writes, each flag of a recording at most once. Returns what was refused, and why.

    A part that stands already for the same leg changes nothing. When another source's consumer queues the same
    recording at the same moment, the constraint may raise ``IntegrityError``: roll back and fold the batch again.
    """
    return [] if not new or queue_at_once(new) else _queue_what_may_stand(new)


def _queue_what_may_stand(new: Sequence[NewWrite]) -> list[QueueRefusal]:
    """Look at what stands, and decide write by write."""
    standing, wanted, refused = _standing({write.recording_guid for write in new}), [], []
    for write in new:
        holder = standing.holders.get((write.recording_guid, write.part))
        if holder == write.leg_id:
            continue
        if reason := _refusal(write, holder, standing):
            refused.append(QueueRefusal(write.leg_id, write.part, reason))
            continue
        standing.holders[(write.recording_guid, write.part)] = write.leg_id
        standing.names[write.recording_guid].update(text.name for text in write.texts)
        wanted.append(write)
    _insert(wanted, standing)
    return refused


def _standing(guids: set[str]) -> _Standing:
    standing = _Standing()
    rows = FlagWrite.objects.filter(recording_guid__in=sorted(guids)).order_by()
    for guid, part, leg_id, state, not_before, name in rows.values_list(
        "recording_guid", "part", "leg_id", "state", "not_before", "values__name"
    ):
        standing.holders[(guid, part)] = leg_id
        standing.names[guid].add(name or "")
        if part == "base" and state in UNSETTLED:
            standing.waits[guid] = not_before
    return standing


def _refusal(write: NewWrite, holder: int | None, standing: _Standing) -> str:
    if holder is not None:
        return "Another leg's flags stand on this recording; flags can be written only once."
    names = [text.name for text in write.texts]
    double = sorted(name for name in names if name in standing.names[write.recording_guid] or names.count(name) > 1)
    if double:
        return f"The flag {double[0]} stands on this recording already."
    return "" if names else "There is no flag to write."


def _insert(writes: Sequence[NewWrite], standing: _Standing) -> None:
    if not writes:
        return
    services = RecordingService.objects.in_bulk({write.service_id for write in writes})
    _WRITES.insert([_row(write, standing, services.get(write.service_id)) for write in writes])
    found = FlagWrite.objects.filter(recording_guid__in=[write.recording_guid for write in writes]).order_by()
    keys = {(guid, part): key for key, guid, part in found.values_list("pk", "recording_guid", "part")}
    _VALUES.insert(
        [
            (
                keys[(write.recording_guid, write.part)],
                write.recording_guid,
                text.name,
                text.value,
                text.cut,
                text.masked,
            )
            for write in writes
            for text in write.texts
        ]
    )


def _is_shadow(write: NewWrite, service: RecordingService | None) -> bool:
    """Say whether a write is never to be sent: another gateway writes, or wrote when its leg was connected."""
    if service is None or service.shadow:
        return service is not None
    began, since = write.connected_at, service.writing_since
    return began is not None and since is not None and began < since


def _row(write: NewWrite, standing: _Standing, service: RecordingService | None) -> tuple[object, ...]:
    not_before = max(write.at, standing.waits.get(write.recording_guid, write.at))
    return (
        write.leg_id,
        write.source_id,
        write.service_id,
        write.recording_guid,
        write.part,
        WriteState.QUEUED.value,
        0,
        not_before,
        write.at,
        "",
        "",
        False,
        _is_shadow(write, service),
        write.is_canary,
    )


def settled_writes(source_id: int, limit: int, until: datetime | None = None) -> list[Settled]:
    """Return writes of a source that are settled and not yet folded, in the order in which they were queued.

    ``until``: only those that were settled by then; None: all.
    """
    if until is None:
        rows = fetched(_SETTLED + _OLDEST, [source_id, limit])
    else:
        rows = fetched(_SETTLED + _BY + _OLDEST, [source_id, until, limit])
    return [
        Settled(
            write_id=key,
            leg_id=leg_id,
            part="base" if part == "base" else "wrapup",
            state=state,
            error_code=code,
            error=error,
            settled_at=moment(settled_at or created_at),
            attempts=attempts,
            retries=retries,
        )
        for key, leg_id, part, state, code, error, settled_at, attempts, retries, created_at in rows
    ]


def sources_of_settled(source_ids: Sequence[int]) -> set[int]:
    """Return which of the sources have writes that are settled and not yet folded."""
    is_one, keys = one_of(source_ids)
    return {key for (key,) in fetched(f"{_SOURCES_OF_SETTLED} {is_one}", [keys])}


def mark_folded(read: Sequence[Settled]) -> None:
    """Remember that these ends have been taken into their legs.

    A write that was put back meanwhile is not settled now, or has come to another end, which is still to be taken.
    """
    keys: defaultdict[int, list[int]] = defaultdict(list)
    for one in read:
        keys[one.retries].append(one.write_id)
    for retries, write_ids in keys.items():
        is_read, listed = one_of(write_ids)
        changed(f"{_FOLDED} AND id {is_read}", [retries, listed])


def give_up(write_ids: Sequence[int], by: str, reason: str, now: datetime) -> int:
    """Give up waiting writes that are not being sent at this moment. Returns how many."""
    waiting = FlagWrite.objects.filter(free(now), pk__in=write_ids, state__in=UNSETTLED)
    count = waiting.update(
        state=WriteState.GIVEN_UP,
        error=f"Given up by {by}: {reason}"[:500],
        error_code=code_of_giving_up("GivenUp"),
        settled_at=now,
        claim=None,
        claimed_until=None,
        folded=False,
    )
    log.info("flag_writes_given_up_by_operator", by=by, writes=count)
    return count


def retry(write_ids: Sequence[int], by: str, now: datetime) -> int:
    """Put back failed writes, and try waiting ones now. Returns how many.

    Where the flags may have been written, they are read back first.
    """
    count = put_back(FlagWrite.objects.filter(pk__in=write_ids), now)
    log.info("flag_writes_retried", by=by, writes=count)
    return count


def put_back(writes: QuerySet[FlagWrite], now: datetime) -> int:
    """Put back by conditional updates, and return how many; what is being sent, or written, stays as it is."""
    ended = writes.filter(state__in=RETRIABLE).update(
        state=Case(
            When(Q(error_code=QmsUnclear.code) | Q(is_made_again=True), then=Value(WriteState.UNCLEAR.value)),
            default=Value(WriteState.QUEUED.value),
        ),
        not_before=now,
        retried_at=now,
        attempts=0,
        settled_at=None,
        folded=False,
        retries=F("retries") + 1,
        alert_since=None,
        acknowledged_at=None,
        acknowledged_by="",
    )
    waiting = writes.filter(free(now), state__in=UNSETTLED, not_before__gt=now)
    return ended + waiting.update(not_before=now)
