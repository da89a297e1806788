"""Sum up a month from the counts by day and by hour: no table of legs is counted for it."""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Q, Sum
from django.utils import timezone

from agents.api import load_teams
from calls.core.outcomes import Outcome
from calls.models import CauseDecision, HourlyCount, HourlyLatency
from calls.objectives.by_service import UNKNOWN, by_known_service
from calls.objectives.comparison import compared_span
from calls.objectives.promises import (
    BAD_OUTCOMES,
    LateHour,
    Loss,
    MonthReport,
    Objective,
    PastMonth,
    PromiseCount,
    PromisePart,
    Standing,
)
from calls.objectives.targets import TREND_MONTHS, months_before, objectives_of
from calls.report.figures import cause_name
from calls.stats.coarse_counts import next_month
from calls.stats.daily_counts import counts_between
from calls.stats.hourly import BUCKETS_MS
from calls.stats.queue_names import queue_of
from calls.ui.leg_page import advice_of
from clock.text import site_time
from cti.models import CtiSource
from qms.models import RecordingService

#: Maximum number of losses and of parts of a kind that are named.
MAXIMUM_LOSSES, MAXIMUM_PARTS = 10, 20
#: Maximum number of hours that are named as those in which most was late.
MAXIMUM_HOURS = 3
#: How long the sums of a month that is over are kept, in seconds.
PAST_SECONDS = 3600
_DAY = timedelta(days=1)
_COUNTED = (Outcome.FLAGGED, *BAD_OUTCOMES)
_ALL, _WITHOUT_SERVICE, _BAD = Q(), Q(service_key=0), Q(outcome__in=BAD_OUTCOMES)


def month_report(month: date, now: datetime) -> MonthReport:
    """Return the report of the month that begins on a day."""
    targets = objectives_of(months_before(month, TREND_MONTHS), now)
    promised, end = targets[month], next_month(month)
    kinds = _kinds(month)
    uncounted = {kind: n for kind, n in kinds.items() if kind[0] not in (*_COUNTED, Outcome.WAITING)}
    reasons = sorted(((cause_name(*kind), n) for kind, n in uncounted.items() if n > 0), key=lambda one: -one[1])
    standings = _standings(promised, month, now, kinds)
    return MonthReport(
        month=month,
        made_at=now,
        is_over=next_month(month) <= site_time(now).date(),
        kept_from=first_kept if (first_kept := _first_kept(now)) > month else None,
        standings=standings,
        parts=_parts(promised, month),
        losses=_losses(kinds, month),
        uncounted=sum(n for _, n in reasons),
        uncounted_reasons=reasons[:MAXIMUM_LOSSES],
        late_hours={one.promise: _late_hours(one, month) for one in promised[1:]},
        comparison=compared_span(_begin(month), _begin(end), now) if _first_kept(now) < end else None,
        trend=_trend(targets, month, standings, _first_kept(now)),
    )


def _standings(
    promised: Sequence[Objective], month: date, now: datetime, kinds: Mapping[tuple[str, str], int]
) -> list[Standing]:
    since = now - _DAY
    is_over = next_month(month) <= site_time(now).date()
    last_hours = HourlyCount.objects.filter(hour__gt=since, hour__lte=now)
    last_day = Counter(dict(last_hours.values_list("outcome").annotate(Sum("legs")).order_by()))
    recent = [_flagged(last_day), *(_timed(one, since, now) for one in promised[1:])]
    span = (_begin(month), _begin(next_month(month)))
    counts = [_flagged(_by_outcome(kinds)), *(_timed(one, *span) for one in promised[1:])]
    return [
        Standing(one, count, PromiseCount() if is_over else last)
        for one, count, last in zip(promised, counts, recent, strict=True)
    ]


def _kinds(month: date) -> Counter[tuple[str, str]]:
    """Return the legs of a month by outcome and reason."""
    rows = _sums(("outcome", "reason_code"), month)
    found: Counter[tuple[str, str]] = Counter()
    for outcome, reason, legs in rows:
        found[outcome, reason] += legs
    return found


def _sums(columns: tuple[str, ...], month: date, chosen: Q = _ALL) -> Iterable[tuple[Any, ...]]:
    for part in counts_between(columns, {}, month, next_month(month) - _DAY):
        yield from part.filter(chosen).values_list(*columns).annotate(Sum("legs")).order_by()


def _by_outcome(kinds: Mapping[tuple[str, str], int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (outcome, _), legs in kinds.items():
        found[outcome] += legs
    return found


def _flagged(outcomes: Mapping[str, int]) -> PromiseCount:
    bad = sum(outcomes.get(one.value, 0) for one in BAD_OUTCOMES)
    return PromiseCount(outcomes.get(Outcome.FLAGGED.value, 0) + bad, bad)


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()), timezone.get_default_timezone())


def _timed(one: Objective, begin: datetime, end: datetime) -> PromiseCount:
    return sum(_timed_by_source(one, begin, end).values(), PromiseCount())


def _timed_by_source(one: Objective, begin: datetime, end: datetime) -> dict[int, PromiseCount]:
    """Count those later than promised; the promise is rounded up to the end of a bucket."""
    rows = HourlyLatency.objects.filter(measure=one.promise.value, hour__gte=begin, hour__lt=end)
    sums = rows.values_list("source_id", "bucket_ms").annotate(Sum("legs")).order_by()
    within = _bucket_of(one)
    found: dict[int, PromiseCount] = defaultdict(PromiseCount)
    for source_id, bucket, legs in sums:
        found[source_id] += PromiseCount(legs, legs if bucket > within else 0)
    return found


def _bucket_of(one: Objective) -> int:
    return next(bucket for bucket in BUCKETS_MS if bucket >= min(one.within_ms, BUCKETS_MS[-1]))


def _late_hours(one: Objective, month: date) -> list[LateHour]:
    """Return the hours in which most were later than promised, the worst first."""
    rows = HourlyLatency.objects.filter(
        measure=one.promise.value,
        hour__gte=_begin(month),
        hour__lt=_begin(next_month(month)),
        bucket_ms__gt=_bucket_of(one),
    )
    sums = rows.values_list("hour").annotate(late=Sum("legs")).filter(late__gt=0).order_by("-late", "hour")
    return [LateHour(*row) for row in sums[:MAXIMUM_HOURS]]


def _parts(promised: Sequence[Objective], month: date) -> list[tuple[str, list[PromisePart]]]:
    """Break the flagged share down, and the times by source: no count has more of those."""
    sources = dict(CtiSource.objects.values_list("pk", "slug"))
    services = dict(RecordingService.objects.values_list("pk", "slug"))
    flagged = promised[0]
    found = [
        ("Flagged, by source", _named(flagged, _grouped("source_id", month), sources)),
        ("Flagged, by Recording Service", _named(flagged, _by_service(month), services, UNKNOWN)),
        ("Flagged, by queue", _named(flagged, _by_queue(month), {})),
        ("Flagged, by team", _named(flagged, _by_team(month), {})),
    ]
    for one, name in zip(promised[1:], ("Time to GUID, by source", "Time to flags, by source"), strict=True):
        timed = _timed_by_source(one, _begin(month), _begin(next_month(month)))
        found.append((name, _named(one, timed, sources)))
    return found


def _named(
    one: Objective, counts: Mapping[Any, PromiseCount], names: Mapping[Any, str], none: str = "none"
) -> list[PromisePart]:
    """Name the parts, those that lost most first. ``none``: the name of what belongs to no part."""
    parts = [PromisePart(_name(key, names) if key else none, Standing(one, count)) for key, count in counts.items()]
    worst = sorted(parts, key=lambda part: (-part.standing.count.bad, -part.standing.count.whole, part.name))
    return [part for part in worst if part.standing.count.whole > 0][:MAXIMUM_PARTS]


def _name(key: int | str, names: Mapping[Any, str]) -> str:
    """Return a part's name; a source or a Recording Service that was deleted has its number alone."""
    return names.get(key) or (key if isinstance(key, str) else f"deleted ({key})")


def _grouped(column: str, month: date) -> dict[Any, PromiseCount]:
    outcomes: dict[Any, Counter[str]] = defaultdict(Counter)
    for key, outcome, legs in _sums((column, "outcome"), month):
        outcomes[key][outcome] += legs
    return {key: _flagged(one) for key, one in outcomes.items()}


def _by_queue(month: date) -> dict[str, PromiseCount]:
    """Group by the name that the flag has."""
    found: dict[str, PromiseCount] = defaultdict(PromiseCount)
    for name, count in _grouped("queue_name", month).items():
        found[queue_of(name)] += count
    return found


def _by_service(month: date) -> dict[int, PromiseCount]:
    """Group by service; a leg without a recording counts for the service that its extension belongs to."""
    outcomes: dict[int, Counter[str]] = defaultdict(Counter)
    for service, outcome, legs in _sums(("service_key", "outcome"), month, ~_WITHOUT_SERVICE):
        outcomes[service][outcome] += legs
    rows = _sums(("service_key", "source_id", "device_id", "outcome"), month, _WITHOUT_SERVICE)
    judged = ((source, device, outcome, legs) for _, source, device, outcome, legs in rows if outcome in _COUNTED)
    for (service, outcome), legs in by_known_service(judged).items():
        outcomes[service][outcome] += legs
    return {key: _flagged(one) for key, one in outcomes.items()}


def _by_team(month: date) -> dict[str, PromiseCount]:
    teams = load_teams()
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for source, agent, device, outcome, legs in _sums(("source_id", "agent_id", "device_id", "outcome"), month):
        outcomes[teams.of(source, agent, device)][outcome] += legs
    return {team: _flagged(one) for team, one in outcomes.items()}


def _losses(kinds: Mapping[tuple[str, str], int], month: date) -> list[Loss]:
    bad = {kind: legs for kind, legs in kinds.items() if kind[0] in BAD_OUTCOMES and legs > 0}
    whole = sum(bad.values())
    decisions = {(one.outcome, one.reason_code): one for one in CauseDecision.objects.all()}
    worst = sorted(bad.items(), key=lambda one: -one[1])[:MAXIMUM_LOSSES]
    sources = _sources(month) if worst else {}
    return [_loss(kind, whole, sources.get(kind, Counter()), legs, decisions.get(kind)) for kind, legs in worst]


def _sources(month: date) -> dict[tuple[str, str], Counter[str]]:
    """Return by which CTI sources the legs of each loss of a month are."""
    names = dict(CtiSource.objects.values_list("pk", "slug"))
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for outcome, reason, source, legs in _sums(("outcome", "reason_code", "source_id"), month, _BAD):
        found[outcome, reason][_name(source, names)] += legs
    return found


def _loss(
    kind: tuple[str, str], whole: int, sources: Mapping[str, int], legs: int, decision: CauseDecision | None
) -> Loss:
    outcome, reason = kind
    done = f"{decision.get_state_display().capitalize()} by {decision.by}: {decision.reason}" if decision else ""
    name, advice = cause_name(outcome, reason), advice_of(Outcome(outcome), reason, sources)
    return Loss(name, legs, 100 * legs / whole, outcome, reason, advice, done)


def _first_kept(now: datetime) -> date:
    """Return the first day of which legs and their counts are kept."""
    return site_time(now - timedelta(days=settings.RETENTION_DAYS)).date()


def _trend(
    targets: Mapping[date, Sequence[Objective]], month: date, standings: Sequence[Standing], first_kept: date
) -> list[PastMonth]:
    """Return the months before one, which are over, each by its own targets, and that month as it stands."""
    before = [one for one in targets if one != month]
    counts = _past_counts({one: targets[one] for one in before if one >= first_kept})
    nothing = [PromiseCount()] * len(targets[month])
    past = [
        PastMonth(one, [Standing(*pair) for pair in zip(targets[one], counts.get(one, nothing), strict=True)])
        for one in before
    ]
    return [*past, PastMonth(month, standings)]


def _past_counts(targets: Mapping[date, Sequence[Objective]]) -> dict[date, list[PromiseCount]]:
    """Return the counts of months that are over; they hardly change, and are kept for a while."""
    within = {month: "-".join(str(one.within_ms) for one in promised) for month, promised in targets.items()}
    keys = {month: f"objectives:{month}:{within[month]}" for month in targets}
    kept = _from_cache(list(keys.values()))
    found = {month: [PromiseCount(*count) for count in kept.get(key) or ()] for month, key in keys.items()}
    missing = {
        month: _counts_of(promised, month) for month, promised in targets.items() if len(found[month]) != len(promised)
    }
    _into_cache({keys[month]: [(one.whole, one.bad) for one in counts] for month, counts in missing.items()})
    return found | missing


def _counts_of(promised: Sequence[Objective], month: date) -> list[PromiseCount]:
    span = (_begin(month), _begin(next_month(month)))
    return [_flagged(_by_outcome(_kinds(month))), *(_timed(one, *span) for one in promised[1:])]


def _from_cache(keys: list[str]) -> dict[str, list[tuple[int, int]]]:
    try:
        return cache.get_many(keys)
    except Exception:  # noqa: BLE001  (without Redis they are summed up again: the report is wanted most in a trouble)
        return {}


def _into_cache(counts: dict[str, list[tuple[int, int]]]) -> None:
    with contextlib.suppress(Exception):  # As above.
        cache.set_many(counts, timeout=PAST_SECONDS)
