"""The causes for which legs are not flagged: how many, since when, where, what to do, and what was decided."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import urlencode

import msgspec
from django.db.models import Max, Min, Q, Sum
from django.urls import reverse

from calls.core.outcomes import Outcome
from calls.models import CauseDecision, CauseState, DailyPersonCount, DailyQueueCount, Leg
from calls.report.figures import Tally, TrendDay, cause_name, midnight
from calls.report.links import legs_address
from calls.report.query import DAY
from calls.stats.dimensions import local_day
from calls.ui.leg_filters import UNFLAGGED
from calls.ui.leg_page import advice_of

#: Days that the pages look back, and maximum of extensions shown.
DAYS, EXTENSIONS = 30, 15


class CauseSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A cause as the list shows it. ``is_back``: it was resolved, and legs have it again."""

    outcome: str
    reason_code: str
    legs: int
    today: int
    first: date
    last: date
    decision: CauseDecision | None
    is_back: bool

    @property
    def name(self) -> str:
        """Return the name of the cause."""
        return cause_name(self.outcome, self.reason_code)

    @property
    def address(self) -> str:
        """Return where its page is: a cause is named by its outcome and its reason."""
        reason = f"?{urlencode({'reason': self.reason_code})}" if self.reason_code else ""
        return f"{reverse('cause', args=[self.outcome])}{reason}"

    @property
    def state(self) -> CauseState:
        """Return what holds now: a resolved cause that is back is open."""
        return CauseState.OPEN if self.decision is None or self.is_back else CauseState(self.decision.state)


class CauseExtension(msgspec.Struct, frozen=True):
    """An extension whose legs have a cause."""

    extension: str
    legs: int
    address: str


class CauseSource(msgspec.Struct, frozen=True):
    """A CTI source whose legs have a cause."""

    slug: str
    legs: int
    address: str


class CauseReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page of a cause shows."""

    summary: CauseSummary
    advice: str
    trend: Sequence[TrendDay]
    sources: Sequence[CauseSource]
    extensions: Sequence[CauseExtension]
    last_leg: Leg | None
    address: str


def causes(now: datetime) -> list[CauseSummary]:
    """Return the causes of the last days: open ones first, the most frequent first."""
    today = local_day(now)
    since = today - (DAYS - 1) * DAY
    counts = DailyQueueCount.objects.filter(day__gte=since, outcome__in=UNFLAGGED, legs__gt=0).order_by()
    rows = counts.values_list("outcome", "reason_code").annotate(Sum("legs"), Min("day"), Max("day"))
    of_today = _of_today(today)
    decisions = {(one.outcome, one.reason_code): one for one in CauseDecision.objects.all()}
    found = [_summary(row, of_today[(row[0], row[1])], decisions.get((row[0], row[1]))) for row in rows if row[2] > 0]
    return sorted(found, key=lambda one: (one.state is not CauseState.OPEN, -one.legs, one.name))


def _of_today(today: date) -> Counter[tuple[str, str]]:
    rows = DailyQueueCount.objects.filter(day=today, outcome__in=UNFLAGGED).order_by()
    return Counter(
        {(row[0], row[1]): row[2] for row in rows.values_list("outcome", "reason_code").annotate(Sum("legs"))}
    )


def _summary(row: tuple[str, str, int, date, date], today: int, decision: CauseDecision | None) -> CauseSummary:
    outcome, reason_code, legs, first, last = row
    return CauseSummary(
        outcome=outcome,
        reason_code=reason_code,
        legs=legs,
        today=today,
        first=first,
        last=last,
        decision=decision,
        is_back=decision is not None and _is_back(decision),
    )


def _is_back(decision: CauseDecision) -> bool:
    if decision.state == CauseState.OPEN:
        return True
    return decision.state == CauseState.RESOLVED and _legs_of(decision.outcome, decision.reason_code, decision.at)


def _legs_of(outcome: str, reason_code: str, since: datetime) -> bool:
    legs = Leg.objects.filter(outcome=outcome, is_canary=False, connected_at__gt=since)
    return (legs.filter(reason_code=reason_code) if reason_code else legs).exists()


def cause_report(outcome: str, reason_code: str, now: datetime) -> CauseReport | None:
    """Return what is known of a cause; None where no leg of the last days has it."""
    summary = next((one for one in causes(now) if (one.outcome, one.reason_code) == (outcome, reason_code)), None)
    if summary is None:
        return None
    today = local_day(now)
    begin, end = midnight(today - (DAYS - 1) * DAY), midnight(today + DAY)
    filters = {"cause": f"{outcome}:{reason_code}" if reason_code else outcome}
    sources = _sources(filters, outcome, reason_code, today)
    return CauseReport(
        summary=summary,
        advice=advice_of(Outcome(outcome), reason_code, {one.slug: one.legs for one in sources}),
        sources=sources,
        trend=_trend(outcome, reason_code, today),
        extensions=_extensions(filters, outcome, reason_code, today),
        last_leg=_last_leg(outcome, reason_code),
        address=legs_address(filters, begin, end, flagged="no"),
    )


def _condition(outcome: str, reason_code: str, today: date) -> Q:
    return Q(outcome=outcome, reason_code=reason_code, day__gte=today - (DAYS - 1) * DAY)


def _trend(outcome: str, reason_code: str, today: date) -> list[TrendDay]:
    found = DailyQueueCount.objects.filter(_condition(outcome, reason_code, today)).order_by()
    counts = dict(found.values_list("day").annotate(Sum("legs")))
    days = (today - number * DAY for number in reversed(range(DAYS)))
    return [TrendDay(day, Tally(max(counts.get(day, 0), 0))) for day in days]


def _extensions(filters: Mapping[str, str], outcome: str, reason_code: str, today: date) -> list[CauseExtension]:
    found = DailyPersonCount.objects.filter(_condition(outcome, reason_code, today))
    rows = found.values_list("device_id").annotate(legs=Sum("legs")).filter(legs__gt=0)
    begin, end = midnight(today - (DAYS - 1) * DAY), midnight(today + DAY)
    return [
        CauseExtension(device, legs, legs_address({**filters, "extension": device}, begin, end, flagged="no"))
        for device, legs in rows.order_by("-legs", "device_id")[:EXTENSIONS]
    ]


def _sources(filters: Mapping[str, str], outcome: str, reason_code: str, today: date) -> list[CauseSource]:
    found = DailyQueueCount.objects.filter(_condition(outcome, reason_code, today)).order_by()
    rows = found.values_list("source__slug").annotate(legs=Sum("legs")).filter(legs__gt=0)
    begin, end = midnight(today - (DAYS - 1) * DAY), midnight(today + DAY)
    return [
        CauseSource(slug, legs, legs_address({**filters, "source": slug}, begin, end, flagged="no"))
        for slug, legs in rows.order_by("-legs", "source__slug")
    ]


def _last_leg(outcome: str, reason_code: str) -> Leg | None:
    legs = Leg.objects.filter(outcome=outcome, reason_code=reason_code, is_canary=False).defer("facts", "trace")
    return legs.order_by("-connected_at").first()
