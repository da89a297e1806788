"""Read back what another gateway wrote, after it has had time to, and keep how it compares.

1. A recording is first read when its wrap-up can no longer come, and a minute more.
2. While flags are missing there it is read again, at intervals that double, for up to two hours; then it is decided.
3. A service that does not answer decides nothing: its recordings wait, a day at the longest, and count as not read.

The calling thread alone works, within a time slice; each reading is claimed, so that no two workers count it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F

from clock import ReadClock
from clock.stopping import stop
from clock.text import site_time
from flags.models import FlagSetting, FlagValue, ShadowComparison, ShadowCount, ShadowDifference, WriteState
from flags.shadow.verdicts import AGREEING, ComparedFlag, agrees, compare_flags, is_complete
from qms.api import ConnectService
from qms.models import RecordingService
from qms.port import QmsError, QmsLoginFailed, QmsRejected, RecordingNotFound, RecordingServicePort

log = structlog.get_logger()

#: Maximum time of one run.
SLICE = timedelta(seconds=12)
#: Maximum number of recordings of a service that are read in one run.
AT_ONCE = 500
#: The wait after the first reading that found flags missing, in seconds; it doubles.
FIRST_WAIT_SECONDS = 60
#: After this long, what is missing there is taken as not written.
DECIDED_AFTER = timedelta(hours=2)
#: After this long without an answer, a recording counts as not read.
UNREAD_AFTER = timedelta(days=1)
#: How long a reading is claimed by the worker that does it.
CLAIM = timedelta(minutes=10)
#: How long comparisons and their examples are kept; they go with their legs before.
KEPT = timedelta(days=90)
#: How long the counts by day are kept.
COUNTS_KEPT = timedelta(days=400)
#: Maximum number of examples that are kept.
MAXIMUM_DIFFERENCES = 20_000
_RESULT = ShadowComparison.ComparisonResult


def compare_due(now: ReadClock, connect: ConnectService, until: datetime) -> int:
    """Read and compare what is due until the given time; return how many recordings were read."""
    read = 0
    waiting = ShadowComparison.objects.filter(next_look_at__lte=now()).order_by()
    for service in RecordingService.objects.filter(pk__in=waiting.values("service_id")).order_by("pk"):
        if now() < until and not stop.is_asked:
            read += _compare_of(service, now, connect, until)
    return read


def _compare_of(service: RecordingService, now: ReadClock, connect: ConnectService, until: datetime) -> int:
    due = ShadowComparison.objects.filter(service=service, next_look_at__lte=now()).order_by("next_look_at")
    rows = list(due.select_related("write")[:AT_ONCE])
    names = _names()
    for place, row in enumerate(rows):
        if now() >= until or stop.is_asked:
            return place
        if not _claim(row, now()):
            continue
        try:
            _compare(row, connect(service), names, now)
        except QmsError as error:
            _put_off(rows[place:], now())
            log.warning("shadow_not_read", service=service.slug, code=error.code)
            return place
    return len(rows)


def _claim(row: ShadowComparison, now: datetime) -> bool:
    mine = ShadowComparison.objects.filter(pk=row.pk, next_look_at=row.next_look_at)
    return bool(mine.update(next_look_at=now + CLAIM))


def _compare(row: ShadowComparison, port: RecordingServicePort, names: frozenset[str], now: ReadClock) -> None:
    """Read one recording and decide, or look again later. Raises ``QmsError`` where QMS did not answer."""
    try:
        theirs = {flag.name: flag.value for flag in port.flags(row.write.recording_guid)}
    except RecordingNotFound:
        _end(row, _RESULT.GONE, ())
        return
    except QmsError as error:
        is_answer = isinstance(error, QmsRejected) and not isinstance(error, QmsLoginFailed)
        if not is_answer:
            raise
        _end(row, _RESULT.UNREAD, ())
        return
    flags = compare_flags(_ours(row), theirs, names)
    if not is_complete(flags) and now() - row.at < DECIDED_AFTER:
        _look_again(row, now())
        return
    result = _RESULT.SAME if agrees(flags) else _RESULT.DIFFERENT
    _end(row, result if theirs.keys() & names else _RESULT.NOTHING, flags)


def _ours(row: ShadowComparison) -> Mapping[str, str]:
    """Return what this gateway would have written to the recording, its wrap-up included."""
    values = FlagValue.objects.filter(recording_guid=row.write.recording_guid, write__state=WriteState.SHADOW)
    return dict(values.values_list("name", "value"))


def _names() -> frozenset[str]:
    return frozenset(FlagSetting.objects.filter(enabled=True).values_list("name", flat=True))


def _look_again(row: ShadowComparison, now: datetime) -> None:
    wait = timedelta(seconds=FIRST_WAIT_SECONDS * 2 ** min(row.looks, 10))
    latest = row.at + DECIDED_AFTER
    next_look = min(now + wait, latest) if latest > now else now + wait
    ShadowComparison.objects.filter(pk=row.pk).update(next_look_at=next_look, looks=F("looks") + 1)


def _put_off(rows: Sequence[ShadowComparison], now: datetime) -> None:
    """Let what could not be read wait; what has waited for a day is given up."""
    for row in rows:
        if now - row.at >= UNREAD_AFTER:
            _end(row, _RESULT.UNREAD, ())
    left = ShadowComparison.objects.filter(pk__in=[row.pk for row in rows], next_look_at__isnull=False)
    left.update(next_look_at=now + timedelta(seconds=FIRST_WAIT_SECONDS))


@transaction.atomic
def _end(row: ShadowComparison, result: str, flags: Sequence[ComparedFlag]) -> None:
    """Keep a result once: the comparison, its differences, and the counts of its day."""
    ended = ShadowComparison.objects.filter(pk=row.pk, result=_RESULT.WAITING)
    if not ended.update(result=result, next_look_at=None, looks=F("looks") + 1):
        return
    ShadowDifference.objects.bulk_create(
        ShadowDifference(
            comparison=row, name=one.name[:64], reason=one.verdict, ours=one.ours[:4096], theirs=one.theirs[:4096]
        )
        for one in flags
        if one.verdict not in AGREEING
    )
    _count(row, [("", str(result)), *((one.name[:64], str(one.verdict)) for one in flags)])


def _count(row: ShadowComparison, keys: Iterable[tuple[str, str]]) -> None:
    day = site_time(row.at).date()
    for (name, verdict), recordings in sorted(Counter(keys).items()):
        count, _ = ShadowCount.objects.get_or_create(service_id=row.service_id, day=day, name=name, verdict=verdict)
        ShadowCount.objects.filter(pk=count.pk).update(recordings=F("recordings") + recordings)


def forget_old(now: datetime) -> None:
    """Delete comparisons and counts that are old, and the oldest examples beyond the maximum."""
    ShadowComparison.objects.filter(at__lt=now - KEPT).delete()
    ShadowCount.objects.filter(day__lt=site_time(now - COUNTS_KEPT).date()).delete()
    newest = ShadowDifference.objects.order_by("-pk").values_list("pk", flat=True)
    if beyond := newest[MAXIMUM_DIFFERENCES : MAXIMUM_DIFFERENCES + 1].first():
        ShadowDifference.objects.filter(pk__lte=beyond).delete()
