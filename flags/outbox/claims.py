"""The claims of flag writes in the database: what is due, and who has it. No QMS here.

A claim is a conditional update that is committed before anything is sent; it names the delivery and has an end. All
that follows is conditional on the same name, so that a delivery which lost its claim changes nothing. The number of
queries does not grow with the number of writes.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec
from django.db import connection, transaction
from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)

from bulk.arrays import array
from flags.models import UNSETTLED, FlagValue, FlagWrite, WriteState, state_is_one_of
from flags.outbox.alerts import count_alerts, reasons_of
from flags.outbox.state_machine import SETTLE_SECONDS, PendingWrite
from qms.models import RecordingService
from qms.port import Flag, QmsUnavailable, QmsUnclear

_WORDS = ", ".join(f"'{state}'" for state in UNSETTLED)
#: Maximum number of writes that are given up at once.
GIVEN_UP_AT_ONCE = 1000


UNKNOWN: Final = "unknown"
#: When another write is due; None: there is none.
NextDue = datetime | Literal["unknown"] | None


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed write. ``is_unclear``: its last end is not known, so that it is read back before it is sent.

    :param send_before: nothing is sent from this moment on: the claim could run out before the answer.
    :param is_shadow: nothing is ever sent: the service is, or was, in shadow mode.
    :param next_due: when the next write of the service was due that nobody had; "unknown": the claim did not say.
    """

    write_id: int
    leg_id: int
    source_id: int
    recording_guid: str
    part: str
    is_unclear: bool
    pending: PendingWrite
    send_before: datetime
    is_shadow: bool = False
    next_due: NextDue = UNKNOWN


class GivenUp(msgspec.Struct, frozen=True):
    """The writes that were given up, and the CTI sources whose consumers have answers to fold."""

    write_ids: tuple[int, ...] = ()
    source_ids: frozenset[int] = frozenset()


def free(now: datetime) -> Q:
    """Return the condition that nobody has a write."""
    return Q(claimed_until=None) | Q(claimed_until__lt=now)


def due(service_id: int, now: datetime) -> QuerySet[FlagWrite]:
    """Return a service's writes that may be claimed, oldest first; a wrap-up not before its base flags are settled."""
    base = FlagWrite.objects.filter(recording_guid=OuterRef("recording_guid"), part="base", state__in=UNSETTLED)
    return (
        _unsettled(service_id)
        .filter(free(now), Q(part="base") | ~Exists(base), not_before__lte=now)
        .order_by("not_before", "id")
    )


def _unsettled(service_id: int) -> QuerySet[FlagWrite]:
    return FlagWrite.objects.filter(state_is_one_of(UNSETTLED), service_id=service_id)


def claim_due(
    service_id: int,
    claim: int,
    now: datetime,
    *,
    lease: timedelta,
    patience: timedelta,
    limit: int,
    besides: Collection[int] = (),
    settle: timedelta = timedelta(seconds=SETTLE_SECONDS),
    margin: timedelta = timedelta(0),
) -> list[Claimed]:
    """Claim up to ``limit`` due writes, but none of ``besides``; committed when this returns.

    A write that is found in ``sending`` is one whose delivery died: its end is unclear, and its request can have left
    until that claim ended. ``settle``: how long QMS may take to finish a write. ``margin``: what sending may take.
    """
    until = now + lease
    if connection.vendor == "postgresql":
        found = _take_at_once(service_id, claim, now, until, limit, besides)
    else:
        found = _take_locked(service_id, claim, now, until, limit, besides)
    return [_claimed(row, flags, patience, settle, until - margin) for row, flags in found]


class _Taken(NamedTuple):
    """A write as it was before it was claimed."""

    write_id: int
    leg_id: int
    source_id: int
    recording_guid: str
    part: str
    state: str
    attempts: int
    created_at: datetime
    retried_at: datetime | None
    unclear_since: datetime | None
    missing_at: datetime | None
    is_shadow: bool
    is_made_again: bool
    next_due: NextDue = UNKNOWN


def _claimed(
    row: _Taken, flags: Iterable[Sequence[str]], patience: timedelta, settle: timedelta, send_before: datetime
) -> Claimed:
    return Claimed(
        write_id=row.write_id,
        leg_id=row.leg_id,
        source_id=row.source_id,
        recording_guid=row.recording_guid,
        part=row.part,
        is_unclear=row.state != WriteState.QUEUED,
        pending=PendingWrite(
            flags=tuple(Flag(name, value) for name, value in flags),
            attempts=row.attempts + 1,
            created_at=row.created_at,
            give_up_at=(row.retried_at or row.created_at) + patience,
            unclear_since=row.unclear_since,
            missing_at=row.missing_at,
            settle_after=settle,
            is_made_again=row.is_made_again,
        ),
        send_before=send_before,
        is_shadow=row.is_shadow,
        next_due=row.next_due,
    )


_Found = list[tuple[_Taken, Iterable[Sequence[str]]]]


def _take_at_once(
    service_id: int, claim: int, now: datetime, until: datetime, limit: int, besides: Collection[int]
) -> _Found:
    """Claim and read by one statement, which commits by itself."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_AT_ONCE, [service_id, now, now, array([*besides]), limit, claim, until, service_id])
        return [(_Taken(*row), flags) for *row, flags in cursor.fetchall()]


#: As ``due`` says, passing over what another delivery is claiming at this moment. The state of the base flags is looked
#: up by its unique index whatever the planner expects; so are the values of each write.
_TAKE_AT_ONCE = f"""
WITH due AS MATERIALIZED (
    SELECT id, state, attempts FROM flags_flagwrite AS one
    WHERE state IN ({_WORDS}) AND service_id = %s AND not_before <= %s
          AND (claimed_until IS NULL OR claimed_until < %s)
          AND (part = 'base' OR ((SELECT base.state FROM flags_flagwrite AS base WHERE base.part = 'base'
                                  AND base.recording_guid = one.recording_guid) IN ({_WORDS})) IS NOT TRUE)
          AND id <> ALL (%s::bigint[])
    ORDER BY not_before, id LIMIT %s
    FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE flags_flagwrite AS one
    SET state = CASE due.state WHEN '{WriteState.QUEUED}' THEN '{WriteState.SENDING}' ELSE '{WriteState.UNCLEAR}' END,
        unclear_since = CASE due.state WHEN '{WriteState.SENDING}' THEN one.claimed_until ELSE one.unclear_since END,
        claim = %s, claimed_until = %s, attempts = due.attempts + 1,
        is_shadow = one.is_shadow OR (SELECT shadow OR COALESCE(one.created_at < writing_since, FALSE)
                                      FROM qms_recordingservice AS own WHERE own.id = one.service_id)
    FROM due WHERE one.id = due.id
    RETURNING one.id, leg_id, source_id, recording_guid, part, due.state, due.attempts, created_at, retried_at,
              unclear_since, missing_at, is_shadow, is_made_again, not_before
)
SELECT id, leg_id, source_id, recording_guid, part, state, attempts, created_at, retried_at, unclear_since, missing_at,
       is_shadow, is_made_again,
       (SELECT not_before FROM flags_flagwrite WHERE state IN ({_WORDS}) AND service_id = %s AND claimed_until IS NULL
        AND id NOT IN (SELECT id FROM due) ORDER BY not_before LIMIT 1) AS next_due,
       ARRAY(SELECT ARRAY[name, value] FROM flags_flagvalue AS one WHERE one.write_id = taken.id ORDER BY one.id)
FROM taken ORDER BY not_before, id
"""  # noqa: S608  (the states are the model's own words)


def _take_locked(
    service_id: int, claim: int, now: datetime, until: datetime, limit: int, besides: Collection[int]
) -> _Found:
    """Claim by a conditional update, then read. With nothing due no transaction is begun: SQLite's locks out others."""
    if not due(service_id, now).exists():
        return []
    with transaction.atomic():
        found = _locked(due(service_id, now).select_related("service"))[:limit]
        rows = [row for row in found if row.pk not in besides]
        keys = [row.pk for row in rows]
        won = _take(keys, claim, now, until) if keys else 0
    if won != len(keys):  # Another delivery was quicker for some.
        mine = set(FlagWrite.objects.filter(pk__in=keys, claim=claim).values_list("pk", flat=True))
        rows = [row for row in rows if row.pk in mine]
    return _with_flags(rows) if rows else []


def _locked(rows: QuerySet[FlagWrite]) -> QuerySet[FlagWrite]:
    """Pass over what another delivery is claiming at this moment; on SQLite one transaction writes at a time anyway."""
    return rows.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked)


def _take(keys: Sequence[int], claim: int, now: datetime, until: datetime) -> int:
    """Claim by a conditional update; only the count is to be trusted."""
    return FlagWrite.objects.filter(free(now), pk__in=keys, state__in=UNSETTLED).update(
        state=Case(
            When(state=WriteState.QUEUED, then=Value(WriteState.SENDING.value)), default=Value(WriteState.UNCLEAR.value)
        ),
        unclear_since=Case(When(state=WriteState.SENDING, then=F("claimed_until")), default=F("unclear_since")),
        claim=claim,
        claimed_until=until,
        attempts=F("attempts") + 1,
        is_shadow=Case(When(Exists(_own_in_shadow()), then=Value(True)), default=F("is_shadow")),
    )


def _own_in_shadow() -> QuerySet[RecordingService]:
    """Return a write's service if it is in shadow mode, or was since the write was queued."""
    is_never_sent = Q(shadow=True) | Q(writing_since__gt=OuterRef("created_at"))
    return RecordingService.objects.filter(is_never_sent, pk=OuterRef("service_id"))


def _is_never_sent(row: FlagWrite) -> bool:
    since = row.service.writing_since
    return row.is_shadow or row.service.shadow or (since is not None and row.created_at < since)


def _with_flags(rows: Sequence[FlagWrite]) -> _Found:
    flags: dict[int, list[Sequence[str]]] = {row.pk: [] for row in rows}
    values = FlagValue.objects.filter(write_id__in=list(flags)).order_by("id")
    for write_id, name, value in values.values_list("write_id", "name", "value"):
        flags[write_id].append((name, value))
    return [
        (
            _Taken(
                row.pk,
                row.leg_id,
                row.source_id,
                row.recording_guid,
                row.part,
                row.state,
                row.attempts,
                row.created_at,
                row.retried_at,
                row.claimed_until if row.state == WriteState.SENDING else row.unclear_since,
                row.missing_at,
                _is_never_sent(row),
                row.is_made_again,
            ),
            flags[row.pk],
        )
        for row in rows
    ]


def give_back(claimed: Collection[Claimed], claim: int) -> None:
    """Give back writes that were claimed and not sent, as if they had never been claimed."""
    if claimed:
        held(claimed, claim).update(
            state=Case(When(state=WriteState.SENDING, then=Value(WriteState.QUEUED.value)), default=F("state")),
            claim=None,
            claimed_until=None,
            attempts=F("attempts") - 1,
        )


def held(claimed: Collection[Claimed], claim: int) -> QuerySet[FlagWrite]:
    """Return the writes whose claims still stand."""
    return FlagWrite.objects.filter(pk__in=[one.write_id for one in claimed], claim=claim)


def give_up_overdue(service_id: int, before: datetime, now: datetime) -> GivenUp:
    """Give up writes that have been waiting since ``before`` for a service that is not to be reached."""
    overdue = _unsettled(service_id).filter(free(now), not_before__lte=before).order_by("not_before")
    with transaction.atomic():
        rows = list(_locked(overdue).values_list("pk", "source_id")[:GIVEN_UP_AT_ONCE])
        keys = [pk for pk, _ in rows]
        if keys:
            _give_up(keys, now)
            count_alerts(reasons_of(keys))
    return GivenUp(tuple(keys), frozenset(source_id for _, source_id in rows))


def _give_up(keys: Sequence[int], now: datetime) -> None:
    FlagWrite.objects.filter(free(now), pk__in=keys, state__in=UNSETTLED).update(
        state=WriteState.GIVEN_UP,
        error="The Recording Service could not be reached for too long.",
        error_code=code_of_giving_up(QmsUnavailable.code),
        settled_at=now,
        alert_since=Case(When(is_canary=False, then=Value(now, DateTimeField())), default=F("alert_since")),
        claim=None,
        claimed_until=None,
        folded=False,
    )


def code_of_giving_up(code: str) -> Case:
    """Return the code of a write that is given up: ``Unclear`` when its flags may have been written."""
    return Case(When(state=WriteState.QUEUED, then=Value(code)), default=Value(QmsUnclear.code))
