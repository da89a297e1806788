"""Read back what another gateway wrote, after it has had time to, and keep how it compares.

A Flag counts only where it was written both when a recording's flags were withheld and when they are compared: what the
site switched on or off meanwhile is a difference of its settings, not of the two gateways.

1. A recording is first read when its wrap-up can no longer come, and a minute more.
2. While flags are missing there it is read again, at intervals that double, for up to two hours; then it is decided.
3. A service that does not answer decides nothing: its recordings wait, a day at the longest, and count as not read.

As many are asked for at a time as the service takes in flight (``max_in_flight``), by threads; the calling thread alone
uses the database, a batch at a time. What is read is claimed before, so that no two workers count it.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet

from bulk.tables import UpsertTable
from clock import ReadClock
from clock.stopping import stop
from clock.text import site_time
from flags.catalogue.written import written_names
from flags.models import FlagValue, ShadowComparison, ShadowCount, ShadowDifference, WriteState
from flags.shadow.readers import Answer, FlagReaders, is_answer
from flags.shadow.verdicts import AGREEING, ComparedFlag, ShadowVerdict, agrees, compare_flags, is_complete
from qms.api import ConnectService, Threads
from qms.models import RecordingService
from qms.port import QmsError, RecordingNotFound

log = structlog.get_logger()

#: Maximum time of one run.
SLICE = timedelta(seconds=12)
#: Maximum number of recordings in a batch: each thread asks for some.
AT_ONCE, ROUNDS = 500, 4
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
_COUNTS = UpsertTable(
    ShadowCount,
    ("service", "day", "name", "verdict", "recordings"),
    ("service", "day", "name", "verdict"),
    summed=("recordings",),
)


class ComparisonEnd(NamedTuple):
    """What a reading came to; its result is ``waiting`` where more may come."""

    row: ShadowComparison
    result: str
    flags: Sequence[ComparedFlag] = ()


def compare_due(now: ReadClock, connect: ConnectService, until: datetime) -> int:
    """Read and compare what is due until the given time; return how many recordings were read.

    The time is divided among the services: one that has much to read does not keep the others waiting.
    """
    read = 0
    waiting = ShadowComparison.objects.filter(next_look_at__lte=now()).order_by()
    services = list(RecordingService.objects.filter(pk__in=waiting.values("service_id")).order_by("pk"))
    for place, service in enumerate(services):
        own_end = now() + (until - now()) / (len(services) - place)
        read += _compare_of(service, now, connect, own_end)
    return read


def _compare_of(service: RecordingService, now: ReadClock, connect: ConnectService, until: datetime) -> int:
    pool, names, read = Threads(service.max_in_flight, f"shadow-{service.slug}"), written_names(), 0

    def may_begin() -> bool:
        return now() < until

    try:
        while may_begin() and not stop.is_asked and (rows := _claimed(service, now())):
            answers = _answers(service, rows, connect, pool, may_begin)
            failures = [one for one in answers.values() if isinstance(one, QmsError) and not is_answer(one)]
            read += len(answers) - len(failures)
            _take_answers(rows, answers, names, now())
            if failures:
                _put_off(service, rows, now())
                log.warning("shadow_not_read", service=service.slug, code=failures[0].code)
                return read
            _give_back([row for row in rows if row.pk not in answers], now())
    finally:
        pool.shutdown()
    return read


def _claimed(service: RecordingService, now: datetime) -> list[ShadowComparison]:
    """Claim what is due, as much as is read at once. The claim's end, which no other claim has, says whose it is."""
    until = now + CLAIM + timedelta(microseconds=random.randrange(10**6))  # noqa: S311  (no secret)
    due = ShadowComparison.objects.filter(service=service, next_look_at__lte=now)
    keys = due.order_by("next_look_at").values_list("pk", flat=True)[: min(service.max_in_flight * ROUNDS, AT_ONCE)]
    if not due.filter(pk__in=list(keys)).update(next_look_at=until):
        return []
    return list(ShadowComparison.objects.filter(service=service, next_look_at=until).select_related("write"))


def _answers(
    service: RecordingService,
    rows: Sequence[ShadowComparison],
    connect: ConnectService,
    pool: Threads,
    may_begin: Callable[[], bool],
) -> dict[int, Answer]:
    try:
        port = connect(service)
    except QmsError as error:
        return {rows[0].pk: error}
    return FlagReaders(port, pool, may_begin).read({row.pk: row.write.recording_guid for row in rows})


def _take_answers(
    rows: Sequence[ShadowComparison], answers: Mapping[int, Answer], names: frozenset[str], now: datetime
) -> None:
    """Decide what can be decided of the recordings that were read, and look at the others again."""
    ours = _ours(rows)
    ends = []
    for row in rows:
        answer = answers.get(row.pk)
        if answer is None or (isinstance(answer, QmsError) and not is_answer(answer)):
            continue
        ends.append(_end_of(row, answer, ours.get(row.write.recording_guid, {}), names, now))
    again = [one for one in ends if one.result == _RESULT.WAITING]
    _look_again([one.row for one in again], now)
    _note_missing(again)
    _keep([one for one in ends if one.result != _RESULT.WAITING])


def _end_of(
    row: ShadowComparison, answer: Answer, ours: Mapping[str, str], names: frozenset[str], now: datetime
) -> ComparisonEnd:
    """Compare one recording."""
    if isinstance(answer, QmsError):
        return ComparisonEnd(row, _RESULT.GONE if isinstance(answer, RecordingNotFound) else _RESULT.UNREAD)
    # Of one that an earlier release withheld, the Flags of then are not known.
    both = names if row.names is None else names.intersection(row.names)
    flags = compare_flags(ours, answer, both)
    if not is_complete(flags) and now - row.at < DECIDED_AFTER:
        return ComparisonEnd(row, _RESULT.WAITING, flags)
    if agrees(flags):
        return ComparisonEnd(row, _RESULT.SAME, flags)
    return ComparisonEnd(row, _RESULT.DIFFERENT if answer.keys() & both else _RESULT.NOTHING, flags)


def _ours(rows: Sequence[ShadowComparison]) -> Mapping[str, Mapping[str, str]]:
    """Return what this gateway would have written to each recording, its wrap-up included."""
    guids = [row.write.recording_guid for row in rows]
    values = FlagValue.objects.filter(write__recording_guid__in=guids, write__state=WriteState.SHADOW).order_by()
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for guid, name, value in values.values_list("recording_guid", "name", "value"):
        found[guid][name] = value
    return found


def _look_again(rows: Sequence[ShadowComparison], now: datetime) -> None:
    times: dict[datetime, list[int]] = defaultdict(list)
    for row in rows:
        wait = timedelta(seconds=FIRST_WAIT_SECONDS * 2 ** min(row.looks, 10))
        times[min(now + wait, row.at + DECIDED_AFTER)].append(row.pk)
    for time, keys in times.items():
        _waiting(keys).update(next_look_at=time, looks=F("looks") + 1)


@transaction.atomic
def _note_missing(waiting: Sequence[ComparisonEnd]) -> None:
    """Keep which flags are missing there so far, without their values; the decision takes their place."""
    still = _waiting([one.row.pk for one in waiting]).select_for_update().order_by("pk")
    keys = set(still.values_list("pk", flat=True)) if waiting else set()
    if not keys:
        return
    ShadowDifference.objects.filter(comparison__in=keys).delete()
    ShadowDifference.objects.bulk_create(
        ShadowDifference(comparison=end.row, name=one.name[:64], reason=one.verdict)
        for end in waiting
        for one in end.flags
        if end.row.pk in keys and one.verdict is ShadowVerdict.MISSING_THERE
    )


def _give_back(rows: Sequence[ShadowComparison], now: datetime) -> None:
    """Let others read at once what was claimed and not asked for."""
    if rows:
        _waiting([row.pk for row in rows]).update(next_look_at=now)


def _put_off(service: RecordingService, rows: Sequence[ShadowComparison], now: datetime) -> None:
    """Let wait what a service that does not answer has due; what has waited for a day is given up."""
    own = Q(pk__in=[row.pk for row in rows]) | Q(next_look_at__lte=now)
    left = ShadowComparison.objects.filter(own, service=service, result=_RESULT.WAITING)
    _keep([ComparisonEnd(row, _RESULT.UNREAD) for row in left.filter(at__lte=now - UNREAD_AFTER)[:AT_ONCE]])
    left.filter(at__gt=now - UNREAD_AFTER).update(next_look_at=now + timedelta(seconds=FIRST_WAIT_SECONDS))


def _waiting(keys: Sequence[int]) -> "QuerySet[ShadowComparison]":
    """Return those that nobody has decided since they were claimed."""
    return ShadowComparison.objects.filter(pk__in=keys, result=_RESULT.WAITING)


@transaction.atomic
def _keep(ends: Sequence[ComparisonEnd]) -> None:
    """Keep each result once: the comparisons, their differences, and the counts of their days."""
    if not ends:
        return
    still = _waiting([one.row.pk for one in ends]).select_for_update().order_by("pk")
    keys = set(still.values_list("pk", flat=True))
    ended = [one for one in ends if one.row.pk in keys]
    for result, same in groupby(sorted(ended, key=_result), _result):
        _waiting([one.row.pk for one in same]).update(result=result, next_look_at=None, looks=F("looks") + 1)
    ShadowDifference.objects.filter(comparison__in=keys).delete()  # What was missing so far.
    ShadowDifference.objects.bulk_create(
        ShadowDifference(
            comparison=end.row, name=one.name[:64], reason=one.verdict, ours=one.ours[:4096], theirs=one.theirs[:4096]
        )
        for end in ended
        for one in end.flags
        if one.verdict not in AGREEING
    )
    counts = Counter(key for one in ended for key in _counted(one))
    _COUNTS.upsert([(*key, recordings) for key, recordings in sorted(counts.items())])


def _result(end: ComparisonEnd) -> str:
    return str(end.result)


def _counted(end: ComparisonEnd) -> Iterator[tuple[int, date, str, str]]:
    service, day = end.row.service_id, site_time(end.row.at).date()
    yield service, day, "", str(end.result)
    for one in end.flags:
        yield service, day, one.name[:64], str(one.verdict)


def forget_old(now: datetime) -> None:
    """Delete comparisons and counts that are old, and the oldest examples beyond the maximum."""
    ShadowComparison.objects.filter(at__lt=now - KEPT).delete()
    ShadowCount.objects.filter(day__lt=site_time(now - COUNTS_KEPT).date()).delete()
    newest = ShadowDifference.objects.order_by("-pk").values_list("pk", flat=True)
    if beyond := newest[MAXIMUM_DIFFERENCES : MAXIMUM_DIFFERENCES + 1].first():
        ShadowDifference.objects.filter(pk__lte=beyond).delete()
