"""Carry out reconciliations span by span: by the timetable, by a command, or because a person asked.

A run remembers how far it is, so that a worker that dies is followed by one that goes on. Each span is compared with a
margin on both sides, because a recording and its leg may lie on two sides of an edge.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec
import structlog
from django.conf import settings
from django.db.models import Case, Max, Q, When

from calls.api import Doubt, doubts, hour_of
from calls.core.same_time import CallTime
from clock.text import shown
from gateway_site.reconciliation.compare import Finding, FindingKind, Grade, Known, compared
from gateway_site.reconciliation.counted import MINUTE, note_counted
from gateway_site.reconciliation.findings import as_first_judged, as_found_before_erasure, keep
from gateway_site.reconciliation.known import as_held, known_of, without_canaries
from gateway_site.reconciliation.lapsed import lapse_late
from gateway_site.reconciliation.models import ComparedHour, ReconciliationFinding, ReconciliationRun
from qms.api import ConnectService, clock_offset_seconds
from qms.guids import guid_key
from qms.models import RecordingService
from qms.port import (
    FlaggedRecording,
    QmsError,
    QmsRejected,
    QmsUnavailable,
    Recording,
    RecordingNotFound,
    RecordingServicePort,
    UnreadableRecording,
)

log = structlog.get_logger()

#: What is compared at once.
SPAN = timedelta(hours=1)
_ALMOST_A_MINUTE = MINUTE - timedelta(microseconds=1)
#: How far the lists reach beyond a span.
MARGIN = timedelta(minutes=2)
#: Maximum difference between a leg's Connected and its recording's begin, beside the known offset of QMS's clock.
TOLERANCE = timedelta(seconds=5)
#: Maximum number of recordings of one span with its margins.
MAXIMUM_RECORDINGS = 200_000
#: Maximum number of recordings of one span that are looked for one by one because the list lacks them.
MAXIMUM_QUESTIONS = 1_000
#: Maximum time of one step of a run, in which a worker holds it.
CLAIM = timedelta(minutes=10)
#: Maximum time in which one message of the timetable carries on runs.
SLICE = timedelta(seconds=60)
#: Interval between two attempts at a span, where nobody else waits meanwhile, in seconds.
RETRY_SECONDS = 10.0
#: Failed attempts at a span after which a run ends.
MAXIMUM_ATTEMPTS = 5
#: How far the daily run goes back once more: what was late then is withdrawn.
LOOK_BACK = timedelta(days=2)


class ListOfSpan(msgspec.Struct, frozen=True):
    """What a service listed: recordings, how many could not be read, and why the first of those could not."""

    recordings: list[FlaggedRecording]
    unreadable: int
    why: str


class ListTooLong(QmsRejected):
    """A service lists more recordings of an hour than can be; not worth another try."""

    code = "TooManyRecordings"


def settled_until(now: datetime) -> datetime:
    """Return up to when calls are old enough to be judged: ``RECONCILE_AFTER_HOURS`` ago, at a full hour of the site's.

    Where that is less than an hour, as in the demo, at a full minute.
    """
    until = (now - timedelta(hours=settings.RECONCILE_AFTER_HOURS)).replace(second=0, microsecond=0)
    return until if settings.RECONCILE_AFTER_HOURS < 1 else hour_of(until)


def old_enough() -> str:
    """Say how old calls must be to be compared."""
    return f"{_age()} old (RECONCILE_AFTER_HOURS)"


def last_settled() -> str:
    """Say which moment is the last up to which calls are compared."""
    step = "minute" if settings.RECONCILE_AFTER_HOURS < 1 else "hour"
    return f"the last full {step} that is {_age()} ago (RECONCILE_AFTER_HOURS)"


def _age() -> str:
    hours = settings.RECONCILE_AFTER_HOURS
    return f"{hours * 60:g} minutes" if hours < 1 else "1 hour" if hours == 1 else f"{hours:g} hours"


def kept_since(now: datetime) -> datetime:
    """Return since when legs are kept for certain: nothing earlier can be compared."""
    return now - timedelta(days=settings.RETENTION_DAYS) + timedelta(hours=1)


def planned(service: RecordingService, begin: datetime, end: datetime, by: str, now: datetime) -> ReconciliationRun:
    """Return a run over [begin, end), cut to what is old enough and still kept. Raises ``ValueError`` if none is."""
    if begin >= end:
        raise ValueError("the time to compare must begin before it ends")
    # Full minutes, by which recordings are counted: a little more than was asked for.
    begin = max(_minute_of(begin), _minute_of(kept_since(now) + _ALMOST_A_MINUTE))
    end = min(_minute_of(end + _ALMOST_A_MINUTE), settled_until(now))
    if begin >= end:
        raise ValueError(
            f"there is nothing to compare: legs are kept for {settings.RETENTION_DAYS} days (RETENTION_DAYS) and are"
            f" compared once they are {old_enough()}"
        )
    return ReconciliationRun(
        service=service, begin=begin, end=end, compared_until=begin, asked_at=now, asked_by=by[:150]
    )


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def what_was_cut(run: ReconciliationRun, begin: datetime, end: datetime) -> list[str]:
    """Say what of the time that was asked for is not compared, and why; a sentence for each end that was cut."""
    cut = []
    if begin < run.begin:
        why = f"legs are kept for {settings.RETENTION_DAYS} days (RETENTION_DAYS)"
        cut.append(f"Nothing before {shown(run.begin)} is compared: {why}.")
    if end > run.end:
        why = f"calls must be {old_enough()}"
        cut.append(f"Nothing from {shown(run.end)} on is compared: {why}.")
    return cut


def share_right(run: ReconciliationRun) -> str:
    """Return which share of a run's recordings has no critical or major finding, in per cent; never rounded up."""
    if not run.recordings:
        return ""
    return f"{(run.recordings - run.wrong) * 10_000 // run.recordings / 100:.2f} %"


def ask(service: RecordingService, begin: datetime, end: datetime, by: str, now: datetime) -> ReconciliationRun:
    """Ask for a run; a worker carries it out. Raises ``ValueError`` like ``planned``."""
    run = planned(service, begin, end, by, now)
    run.save()
    return run


def ask_daily(now: datetime) -> None:
    """Ask for the day's run of each enabled service, once a day, with a second look at the two days before; forget.

    Repairs that nobody carried out lapse.

    A run that stopped is followed by one that begins where it stopped.
    """
    forget_old(now)
    lapse_late(now)
    until = settled_until(now)
    reach = Case(When(done_at=None, then="end"), default="compared_until")
    for service in RecordingService.objects.filter(enabled=True):
        daily = ReconciliationRun.objects.filter(service=service, asked_by="")
        last = daily.aggregate(asked_until=Max("end"), reached=Max(reach))
        if last["asked_until"] is None or until - last["asked_until"] >= timedelta(days=1):
            ask(service, (last["reached"] or until - timedelta(days=1)) - LOOK_BACK, until, "", now)


def forget_old(now: datetime) -> None:
    """Delete runs and findings of a time whose legs are no longer kept."""
    ReconciliationFinding.objects.filter(began_at__lt=kept_since(now)).delete()
    ReconciliationRun.objects.filter(end__lt=kept_since(now)).delete()
    ComparedHour.objects.filter(hour__lt=kept_since(now) - SPAN).delete()


def carry_on(now: Callable[[], datetime], connect: ConnectService, until: datetime) -> None:
    """Work on the oldest runs that are not done, until the given time."""
    while now() < until and (run := _claimed(now())):
        for _ in steps(run, now, connect):
            if now() >= until:
                break
        ReconciliationRun.objects.filter(pk=run.pk).update(claimed_until=None)
        if run.error:
            return


def _claimed(now: datetime) -> ReconciliationRun | None:
    """Claim the oldest run that nobody works on."""
    free = ReconciliationRun.objects.filter(Q(claimed_until=None) | Q(claimed_until__lt=now), done_at=None)
    for run in free.select_related("service").order_by("id"):
        if free.filter(pk=run.pk).update(claimed_until=now + CLAIM):
            return run
    return None


def to_the_end(
    run: ReconciliationRun, now: Callable[[], datetime], connect: ConnectService, wait: Callable[[float], object]
) -> Iterator[ReconciliationRun]:
    """Compare until the run is done; ``wait`` is called with seconds before a span that failed is tried again."""
    while run.done_at is None:
        run.claimed_until = now() + CLAIM  # No worker takes it meanwhile.
        run.save(update_fields=["claimed_until"])
        yield from steps(run, now, connect)
        if run.done_at is None:
            wait(RETRY_SECONDS)


def steps(run: ReconciliationRun, now: Callable[[], datetime], connect: ConnectService) -> Iterator[ReconciliationRun]:
    """Compare span after span; yields the run after each, with its progress, until it is done or a span fails."""
    while run.done_at is None:
        begin, end = run.compared_until, min(run.compared_until + SPAN, run.end)
        try:
            _compare_span(run, begin, end, now(), connect(run.service))
        except Exception as error:  # noqa: BLE001  (whatever it is, the run says so and ends after some attempts)
            _note_failure(run, error, now())
            yield run
            return
        _note_progress(run, end, now())
        yield run


def _compare_span(
    run: ReconciliationRun, begin: datetime, end: datetime, now: datetime, port: RecordingServicePort
) -> None:
    offset = timedelta(seconds=clock_offset_seconds(run.service_id))
    list_of_span = listed(port, begin - MARGIN, end + MARGIN, offset)
    recordings = without_canaries(run.service, as_held(list_of_span.recordings), TOLERANCE)
    of_span = [one for one in recordings if begin <= one.recording.started_at < end]
    known = known_of(run.service, begin - MARGIN, end + MARGIN, recordings, TOLERANCE, now)
    differences = _without_doubts(compared(recordings, begin, end, known))
    found = _without_those_that_exist(differences, port, list_of_span.unreadable)
    if list_of_span.unreadable:
        # One that cannot be read may be any leg's: nothing is certain here.
        found = [_without_repair(one) for one in found]
        run.unreadable, run.unreadable_why = run.unreadable + list_of_span.unreadable, list_of_span.why[:300]
    found = as_found_before_erasure(run.service, as_first_judged(run.service, found), _erased(of_span, known))
    service = RecordingService.objects.get(pk=run.service_id)  # It may have been switched since the run began.
    keep(
        run.service,
        [_without_repair(one) if why_never_written(service, one.began_at) else one for one in found],
        begin,
        end,
        now,
    )
    note_counted(run.service_id, begin, end, now, [one.recording.started_at for one in of_span])
    run.recordings += len(of_span)
    run.legs += sum(begin <= leg.connected_at < end and not leg.is_filed_elsewhere for leg in known.legs)
    run.findings += len(found)
    run.wrong += sum(one.kind.is_of_a_recording and one.grade is not Grade.MINOR for one in found)


def _erased(recordings: Sequence[FlaggedRecording], known: Known) -> dict[str, FlaggedRecording]:
    """Return the recordings of which values that QMS took were erased here."""
    own = {guid for guid, write in known.writes.items() if None in write.taken.values()}
    return {one.recording.guid: one for one in recordings if one.recording.guid in own}


def _without_doubts(findings: Sequence[Finding]) -> list[Finding]:
    """Offer no repair that would be refused: the other legs whose recording it may be are candidates, too."""
    repairable = (one for one in findings if one.is_repairable and one.candidates)
    wanted = {one.candidates[0]: CallTime(one.began_at, one.ended_at) for one in repairable}
    found = doubts(wanted)
    return [
        _doubtful(one, doubt)
        if one.is_repairable and one.candidates and (doubt := found.get(one.candidates[0]))
        else one
        for one in findings
    ]


def _doubtful(finding: Finding, doubt: Doubt) -> Finding:
    if not doubt.legs:
        return _without_repair(finding)
    candidates = (*finding.candidates, *doubt.legs)
    return msgspec.structs.replace(finding, cause="several_candidates", candidates=candidates, is_repairable=False)


def _without_repair(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, is_repairable=False)


def why_never_written(service: RecordingService, began_at: datetime) -> str:
    """Return why flags of a recording are never written by this gateway, or nothing: shadow mode, now or then."""
    if service.shadow:
        return f"{service} is in shadow mode: another gateway writes the flags of its recordings."
    since = service.writing_since
    if since is not None and began_at < since:
        return (
            f"{service} was in shadow mode until {shown(since)}: nothing that was connected before is repaired, for"
            " another gateway may have written its flags."
        )
    return ""


def listed(port: RecordingServicePort, begin: datetime, end: datetime, offset: timedelta) -> ListOfSpan:
    """Return the recordings that began in [begin, end) by our clock; ``offset``: how far QMS's clock is ahead."""
    answers = list(islice(port.recordings(begin + offset, end + offset), MAXIMUM_RECORDINGS + 1))
    if len(answers) > MAXIMUM_RECORDINGS:
        raise ListTooLong(f"The service lists more than {MAXIMUM_RECORDINGS:,} recordings of an hour.")
    problems = [one.problem for one in answers if isinstance(one, UnreadableRecording)]
    # A recording may stand on two pages: the list moves while it is read.
    found = list({guid_key(one.recording.guid): one for one in answers if isinstance(one, FlaggedRecording)}.values())
    recordings = [_by_our_clock(one, offset) for one in found] if offset else found
    return ListOfSpan(recordings, len(problems), problems[0] if problems else "")


def _by_our_clock(one: FlaggedRecording, offset: timedelta) -> FlaggedRecording:
    it = one.recording
    ended_at = it.ended_at - offset if it.ended_at else None
    return FlaggedRecording(Recording(it.guid, it.extension, it.started_at - offset, ended_at), one.flags)


def _without_those_that_exist(findings: list[Finding], port: RecordingServicePort, unreadable: int) -> list[Finding]:
    """Ask for the recordings that were not listed: one that began before the span exists nevertheless.

    ``unreadable``: how many were listed that could not be read; they cannot be asked for either.
    """
    questions = 0
    kept = []
    for finding in findings:
        if finding.kind is FindingKind.NOT_LISTED:
            questions += 1
            try:
                if questions <= MAXIMUM_QUESTIONS and _exists(port, finding.guid):
                    continue
            except QmsUnavailable:
                if not unreadable:
                    raise
                unreadable -= 1
                continue
        kept.append(finding)
    return kept


def _exists(port: RecordingServicePort, guid: str) -> bool:
    try:
        port.flags(guid)
    except RecordingNotFound:
        return False
    return True


def _note_progress(run: ReconciliationRun, until: datetime, now: datetime) -> None:
    run.compared_until, run.attempts, run.error = until, 0, ""
    run.claimed_until = now + CLAIM
    run.done_at = now if until >= run.end else None
    run.save()


def _note_failure(run: ReconciliationRun, error: Exception, now: datetime) -> None:
    """Note why a span could not be compared: it is tried again, unless the service does not offer the list."""
    is_hopeless = isinstance(error, QmsError) and not error.retryable
    is_over = is_hopeless or run.attempts + 1 >= MAXIMUM_ATTEMPTS
    if isinstance(error, QmsError):
        text = f"{error.code}: {error}"
    else:
        text = f"The gateway itself failed ({type(error).__name__})."  # Its text may quote a value.
    run.attempts, run.error = run.attempts + 1, text[:500]
    run.done_at = now if is_over else None
    run.save()
    log.warning("reconciliation_failed", run=run.pk, service=run.service.slug, error=type(error).__name__, over=is_over)
