"""What the pages say of a comparison and of all findings: the answer first, then how many there are of each cause."""

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from clock.text import shown
from gateway_site.reconciliation.filters import STANDING, STATE
from gateway_site.reconciliation.models import KINDS, STANDS, ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import share_right
from gateway_site.reconciliation.texts import cause_words

_KIND_WORDS = dict(KINDS)


class CauseCount(msgspec.Struct, frozen=True):
    """How many findings stand of one kind and cause. ``address``: the list of exactly these."""

    grade: str
    kind: str
    cause: str
    count: int
    repairable: int
    address: str


class RunPanel(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison: the sentence that comes first, what to do next, and the findings of its time that stand now."""

    run: ReconciliationRun
    first_line: str
    next_step: str
    percent: int
    causes: Sequence[CauseCount] = ()

    @property
    def is_under_way(self) -> bool:
        """Say whether more is to come."""
        return self.run.done_at is None


def run_panel(run: ReconciliationRun) -> RunPanel:
    """Return what is shown of a comparison."""
    asked = {
        "service__id__exact": str(run.service_id),
        "began_at__gte": run.begin.isoformat(),
        "began_at__lt": run.end.isoformat(),
    }
    of_its_time = ReconciliationFinding.objects.filter(
        service_id=run.service_id, began_at__gte=run.begin, began_at__lt=run.end
    )
    causes = standing_causes(of_its_time, asked)
    length = run.end - run.begin
    percent = int((run.compared_until - run.begin) / length * 100) if length else 100
    return RunPanel(
        run=run,
        first_line=_first_line(run, percent),
        next_step=_next_step(run, is_any=bool(causes)),
        percent=percent,
        causes=causes,
    )


def standing_causes(findings: QuerySet[ReconciliationFinding], asked: dict[str, str]) -> list[CauseCount]:
    """Count the findings that stand, the worst and the most frequent first; ``asked``: the list's further filters."""
    counted = (
        findings.filter(STANDS)
        .order_by()
        .values_list("grade", "kind", "cause")
        .annotate(count=Count("id"), repairable=Count("id", filter=Q(is_repairable=True)))
    )
    return [
        CauseCount(grade, _KIND_WORDS[kind], cause_words(cause), count, repairable, _address(kind, cause, grade, asked))
        for grade, kind, cause, count, repairable in sorted(counted, key=lambda one: (one[0], -one[3], one[1:3]))
    ]


def in_short(causes: Sequence[CauseCount]) -> str:
    """Say how many findings stand, by grade, and how many of them can be repaired."""
    grades: Counter[str] = Counter()
    for one in causes:
        grades[one.grade] += one.count
    count, repairable = grades.total(), sum(one.repairable for one in causes)
    by_grade = ", ".join(f"{grades[grade]:,} {grade}" for grade in sorted(grades))
    return f"{_counted(count, 'finding')} stand{'s' * (count == 1)}: {by_grade}. {repairable:,} can be repaired."


def _address(kind: str, cause: str, grade: str, asked: dict[str, str]) -> str:
    wanted = {STATE: STANDING, "kind__exact": kind, "cause": cause, "grade__exact": grade, **asked}
    return f"{reverse('admin:reconciliation_reconciliationfinding_changelist')}?{urlencode(wanted)}"


def _first_line(run: ReconciliationRun, percent: int) -> str:
    if run.done_at is None:
        return "It waits for a worker." if run.claimed_until is None else f"Under way: {percent} %."
    if run.error:
        return f"It stopped, compared until {shown(run.compared_until)}: {run.error}"
    compared = f"{_counted(run.recordings, 'recording')} and {_counted(run.legs, 'leg')} were compared"
    if not run.recordings:
        return f"{compared}: {_counted(run.findings, 'finding')}."
    target = f"the target is {settings.FLAGGED_TARGET_PERCENT:g} %"
    return f"{compared}: {_counted(run.findings, 'finding')}. Labelled right: {share_right(run)}; {target}."


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _next_step(run: ReconciliationRun, *, is_any: bool) -> str:
    if run.done_at is None:
        return "You may leave this page. What is found stands below at once."
    if run.error:
        return "See that the Recording Service answers, then begin a comparison of the time that is left."
    if is_any:
        return (
            "Open a cause, the worst first: the page of each finding says why, and offers a repair where one is safe."
        )
    return "Nothing: no difference stands."
