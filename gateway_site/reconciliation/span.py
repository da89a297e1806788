"""What the comparisons say of the recordings that began in a span, such as a month: for *Objectives* and the report."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.urls import reverse

from calls.objectives.comparison import UnlabelledRecordings, WrongKind, WrongRecordings
from clock.text import shown
from gateway_site.reconciliation.compare import NOT_FOLLOWED, WITHOUT_LEG, FindingKind, Grade
from gateway_site.reconciliation.counted import counted
from gateway_site.reconciliation.filters import STANDING, STATE
from gateway_site.reconciliation.models import STANDS, ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import kept_since
from qms.models import RecordingService

#: Maximum number of times, and of services, that are named as not compared.
MAXIMUM_NAMED = 3
#: Causes of a recording of which no one leg is known.
_WITHOUT_ONE_LEG = (NOT_FOLLOWED, *WITHOUT_LEG, "several_candidates", "second_recording_of_leg")
#: What is said of recordings that carry flags.
_WRONG = {
    FindingKind.DIFFERENT: WrongKind.OTHER_VALUES,
    FindingKind.FOREIGN: WrongKind.FOREIGN,
    FindingKind.PARTLY: WrongKind.PARTLY,
}
#: Runs that touch are joined across less; the ends of a span need not be full minutes.
_SECOND, _ROUNDED = timedelta(seconds=1), timedelta(minutes=2)


class ComparedPart(NamedTuple):
    """A part of a span."""

    begin: datetime
    end: datetime


def unlabelled_recordings(begin: datetime, end: datetime, now: datetime) -> UnlabelledRecordings:
    """Return what holds of the recordings that began in [begin, end), of all Recording Services.

    One that is switched off by now counts for what was compared while it was in use.
    """
    span = ComparedPart(max(begin, kept_since(now)), min(end, now))
    services = _services(span)
    compared = {one.pk: _compared(one.pk, span) for one in services}
    missing = [(one, _missing(compared[one.pk], _in_use(one, compared[one.pk], span))) for one in services]
    sentences = [_not_compared(one, parts, is_only=len(services) == 1) for one, parts in missing if parts]
    if len(sentences) > MAXIMUM_NAMED:
        more = f"So have {len(sentences) - MAXIMUM_NAMED} more Recording Services times that were not compared."
        sentences = [*sentences[:MAXIMUM_NAMED], more]
    if not any(compared.values()):
        return UnlabelledRecordings(is_compared=False, not_compared=sentences)
    found = _counts(begin, end)
    return UnlabelledRecordings(
        is_compared=True,
        unflagged=found["unflagged"],
        interrupted=found["interrupted"],
        switched_off=found["switched_off"],
        of_legs=found["of_legs"],
        wrong=found["wrong"],
        recordings=_recordings(compared, begin, end),
        not_compared=sentences,
        path=_path(FindingKind.UNFLAGGED, begin, end),
        wrongly=[
            WrongRecordings(what, count, _path(kind, begin, end))
            for kind, what in _WRONG.items()
            if (count := found[kind])
        ],
    )


def _services(span: ComparedPart) -> list[RecordingService]:
    """Return the services that are enabled, and those that were compared in a span while they were."""
    runs = ReconciliationRun.objects.filter(begin__lt=span.end, compared_until__gt=span.begin)
    wanted = RecordingService.objects.filter(Q(enabled=True) | Q(pk__in=runs.order_by().values("service")))
    return list(wanted.order_by("slug"))


def _in_use(service: RecordingService, compared: list[ComparedPart], span: ComparedPart) -> ComparedPart:
    """Return in which part of a span a service had to be compared: until its last comparison if it is switched off."""
    if service.enabled:
        return span
    return ComparedPart(span.begin, compared[-1].end if compared else span.begin)


def _counts(begin: datetime, end: datetime) -> dict[str, int]:
    """Count the findings that stand; those of extensions without QMS user are minor."""
    of_span = ReconciliationFinding.objects.filter(STANDS, began_at__gte=begin, began_at__lt=end)
    standing = of_span.exclude(grade=Grade.MINOR)
    unflagged = Q(kind=FindingKind.UNFLAGGED)
    return standing.aggregate(
        wrong=Count("id", filter=Q(kind__in=[one for one in FindingKind if one.is_of_a_recording])),
        unflagged=Count("id", filter=unflagged),
        interrupted=Count("id", filter=unflagged & Q(cause="gap")),
        switched_off=Count("id", filter=unflagged & Q(cause="source_off")),
        **{kind.value: Count("id", filter=Q(kind=kind)) for kind in _WRONG},
        of_legs=Count("id", filter=unflagged & Q(leg_id=None) & ~Q(cause__in=_WITHOUT_ONE_LEG)),
    )


def _recordings(compared: dict[int, list[ComparedPart]], begin: datetime, end: datetime) -> int | None:
    """Return how many recordings QMS has of the time that was compared; None where they were not all counted."""
    whole = 0
    for service_id, parts in compared.items():
        recordings, length = counted(service_id, begin, end)
        if length < sum((part.end - part.begin for part in parts), timedelta(0)) - _ROUNDED:
            return None
        whole += recordings
    return whole


def _compared(service_id: int, span: ComparedPart) -> list[ComparedPart]:
    """Return which parts of a span were compared, in order; they do not touch."""
    runs = ReconciliationRun.objects.filter(service_id=service_id, begin__lt=span.end, compared_until__gt=span.begin)
    found: list[ComparedPart] = []
    for begin, end in runs.order_by("begin").values_list("begin", "compared_until"):
        part = ComparedPart(max(begin, span.begin), min(end, span.end))
        if part.begin >= part.end:
            continue
        if found and part.begin <= found[-1].end + _SECOND:
            found[-1] = ComparedPart(found[-1].begin, max(found[-1].end, part.end))
        else:
            found.append(part)
    return found


def _missing(compared: Iterable[ComparedPart], span: ComparedPart) -> list[ComparedPart]:
    found, position = [], span.begin
    for part in compared:
        if part.begin > position:
            found.append(ComparedPart(position, part.begin))
        position = part.end
    return [*found, ComparedPart(position, span.end)] if position < span.end else found


def _not_compared(service: RecordingService, parts: list[ComparedPart], *, is_only: bool) -> str:
    named = [f"{shown(one.begin)} to {shown(one.end)}" for one in parts[:MAXIMUM_NAMED]]
    if len(parts) > MAXIMUM_NAMED:
        named.append(f"and {len(parts) - MAXIMUM_NAMED} more times")
    which = "" if is_only else f" ({service.slug})"
    last = ReconciliationRun.objects.filter(service=service).exclude(done_at=None).first()
    why = f" The last comparison stopped: {last.error}" if last and last.error else ""
    return f"Not compared with QMS{which}: {', '.join(named)}.{why}"


def _path(kind: FindingKind, begin: datetime, end: datetime) -> str:
    asked = {
        "kind__exact": kind.value,
        "grade__in": f"{Grade.CRITICAL.value},{Grade.MAJOR.value}",
        STATE: STANDING,
        "began_at__gte": begin.isoformat(),
        "began_at__lt": end.isoformat(),
    }
    return f"{reverse('admin:reconciliation_reconciliationfinding_changelist')}?{urlencode(asked)}"
