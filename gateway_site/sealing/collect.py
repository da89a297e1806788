"""Append what has ended to the evidence, in batches beside the work: nothing waits for it, and nothing is lost to it.

1. Flag writes are read in the order of their keys; one that has ended becomes an entry, one that has not is pending.
2. Pending writes are looked at in turn, some at each run; so are those that failed, which may be retried.
3. Once a day the keys of the last two days are read once more, for writes that were committed late.

Whoever holds the head appends: several workers, also of several hosts, make one chain. Between two blocks it rests, so
that a minute's writes are spread over that minute: the calls of a time in which they were the work of half a processor
would wait.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic, sleep

import msgspec
import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from calls.api import LegDecision, RecordingOrigin, decisions_of, recording_origins
from clock.stopping import stop
from evidence.api import UnsealedEntry, UnsealedFlag, append, end_problem, held_head, seal_days
from evidence.models import EvidenceEntry, EvidenceHead, EvidencePending
from flags.api import ERASED
from flags.models import SETTLED, FlagValue, FlagWrite, WriteState
from vault.fields import VaultError

log = structlog.get_logger()

#: Maximum number of entries of a block, and of writes that are read at once.
BLOCK = 500
#: Maximum time of one run, and how long it rests after a block, as a multiple of what that took; the same where the
#: next writes are older than ``LATE``.
SLICE, REST, REST_LATE = timedelta(seconds=50), 6, 2
LATE = timedelta(minutes=5)
#: Writes younger than this are left for the next run: their keys may be committed in another order.
YOUNG = timedelta(minutes=2)
#: An end that its source's consumer has not folded for this long is taken as it is.
UNFOLDED = timedelta(hours=1)
#: Maximum number of looks at pending writes in one run.
PENDING_LOOKS = 20


def seal(now: Callable[[], datetime], until: datetime) -> None:
    """Append what has ended, until the given time; then seal the days that are over."""
    if _may_append():
        _paced(_take_new, now, until)
        _paced(_look_at_pending, now, until, PENDING_LOOKS)
    try:
        if seal_days(now()):
            _sweep()
    except VaultError as error:
        log.error("evidence_not_sealed", error=str(error))


def _may_append() -> bool:
    """Say whether the head is the end of the chain: the comparison of the seals says why not, and who ends it."""
    try:
        return not end_problem()
    except msgspec.MsgspecError:
        return False


def _paced(work: Callable[[datetime], int], now: Callable[[], datetime], until: datetime, most: int = 10**6) -> None:
    """Work while there is more, until the given time or a stop, and rest in between.

    ``work`` returns how long to rest, as a multiple of what it took; 0: there is no more.
    """
    for _ in range(most):
        began = monotonic()
        if stop.is_asked or now() >= until or not (rest := work(now())):
            return
        sleep(rest * (monotonic() - began))


@transaction.atomic
def _take_new(now: datetime) -> int:
    """Take the next writes by their keys. Returns how long to rest where there may be more, as ``_paced`` has it."""
    head = held_head()
    newest = FlagWrite.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is not None and head.last_write_id > newest:  # It would leave out the writes that come.
        head.last_write_id = _last_taken()
    rows = list(FlagWrite.objects.filter(pk__gt=head.last_write_id).select_related("service").order_by("pk")[:BLOCK])
    old = rows[: next((at for at, row in enumerate(rows) if row.created_at > now - YOUNG), len(rows))]
    if not old:
        return 0
    ended = [row for row in old if _has_ended(row, now)]
    _append(head, ended, now)
    ends = {row.pk: row.retries for row in ended}
    EvidencePending.objects.bulk_create(
        [EvidencePending(write_id=row.pk, end=ends.get(row.pk)) for row in old if _may_end_again(row, ends)],
        ignore_conflicts=True,
    )
    head.last_write_id = old[-1].pk
    head.save()
    if len(old) < BLOCK:
        return 0
    return REST_LATE if old[-1].created_at < now - LATE else REST


def _last_taken() -> int:
    entries = EvidenceEntry.objects.order_by("-write_id").values_list("write_id", flat=True)[:1]
    pending = EvidencePending.objects.order_by("-write_id").values_list("write_id", flat=True)[:1]
    return max(*entries, *pending, 0, 0)


def _may_end_again(row: FlagWrite, ended: Container[int]) -> bool:
    """Say whether a write may end once more; ``ended``: the keys of those that have ended."""
    return row.pk not in ended or row.state != WriteState.WRITTEN


@transaction.atomic
def _look_at_pending(now: datetime) -> int:
    """Look at the next pending writes. Returns how long to rest where there are more in this round."""
    head = held_head()
    pending = {
        one.write_id: one for one in EvidencePending.objects.filter(pk__gt=head.pending_after).order_by("pk")[:BLOCK]
    }
    rows = {row.pk: row for row in FlagWrite.objects.filter(pk__in=pending).select_related("service")}
    ended = [row for row in rows.values() if _has_ended(row, now) and _is_new(row, pending[row.pk])]
    _append(head, ended, now)
    done = [row.pk for row in ended if row.state == WriteState.WRITTEN]
    EvidencePending.objects.filter(pk__in=[*done, *(pending.keys() - rows.keys())]).delete()
    for row in ended:
        if row.state != WriteState.WRITTEN:
            EvidencePending.objects.filter(pk=row.pk).update(end=row.retries)
    head.pending_after = max(pending) if len(pending) == BLOCK else 0
    head.save()
    return REST_LATE if len(pending) == BLOCK else 0


def _is_new(row: FlagWrite, pending: EvidencePending) -> bool:
    return pending.end is None or row.retries > pending.end


def _has_ended(row: FlagWrite, now: datetime) -> bool:
    if row.state not in SETTLED or row.settled_at is None:
        return False
    return row.folded or now - row.settled_at > UNFOLDED


def _append(head: EvidenceHead, rows: Sequence[FlagWrite], now: datetime) -> None:
    if not rows:
        return
    decisions = decisions_of([row.leg_id for row in rows])
    flags = _flags([row.pk for row in rows])
    origins = recording_origins([row.leg_id for row in rows])
    entries = [
        _unsealed(row, decisions.get(row.leg_id), flags.get(row.pk, []), origins.get((row.leg_id, row.recording_guid)))
        for row in rows
    ]
    append(head, entries, now)


def _flags(write_ids: Sequence[int]) -> Mapping[int, list[UnsealedFlag]]:
    found: dict[int, list[UnsealedFlag]] = {}
    rows = FlagValue.objects.filter(write_id__in=write_ids).order_by("id")
    for write_id, name, value, cut, masked in rows.values_list("write_id", "name", "value", "cut", "masked"):
        flag = UnsealedFlag(name, None if value == ERASED else value, cut, masked)
        found.setdefault(write_id, []).append(flag)
    return found


def _unsealed(
    row: FlagWrite, decision: LegDecision | None, flags: Sequence[UnsealedFlag], origin: RecordingOrigin | None
) -> UnsealedEntry:
    content: dict[str, object] = {
        "leg": row.leg_id,
        "write": row.pk,
        "decision": msgspec.to_builtins(decision) if decision else None,
        "recording_known": msgspec.to_builtins(origin) if origin else None,
        "service": row.service.slug,
        "request": f"none: shadow mode ({row.part})" if row.state == WriteState.SHADOW else f"WriteFlags ({row.part})",
        "queued_at": row.created_at.isoformat(),
        "attempts": row.attempts,
        "answer": row.state,
        "error": row.error_code,
        "answered_at": row.settled_at.isoformat() if row.settled_at else "",
        "retry": row.retries,
    }
    return UnsealedEntry(
        recording_guid=row.recording_guid,
        leg_id=row.leg_id,
        write_id=row.pk,
        write_end=row.retries,
        content=content,
        flags=flags,
    )


@transaction.atomic
def _sweep() -> None:
    """Make pending what was committed after its keys were read."""
    head = held_head()
    known = Exists(EvidenceEntry.objects.filter(write_id=OuterRef("pk")))
    waits = Exists(EvidencePending.objects.filter(pk=OuterRef("pk")))
    missed = FlagWrite.objects.filter(~Q(known), ~Q(waits), pk__gt=head.sweep_from, pk__lte=head.last_write_id)
    keys = missed.order_by("pk").values_list("pk", flat=True)
    EvidencePending.objects.bulk_create([EvidencePending(write_id=key) for key in keys[: 20 * BLOCK]])
    head.sweep_from, head.sweep_until = head.sweep_until, head.last_write_id
    head.save()
