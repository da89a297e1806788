"""Today and the last 24 hours, from the counts by hour: no table of legs is counted for it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from calls.api import ADVICE, BAD_OUTCOMES, Histogram, hour_of, hours_between, times
from calls.core.outcomes import UNCOUNTED, Outcome
from calls.core.result_events import BRIEFLY
from calls.models import HourlyCount, HourlyLatency, Leg, Measure
from clock.text import site_time

#: Maximum number of kinds of misses that have a bar, and of single legs that are named.
BARS, NEWEST = 10, 8
#: A target missed by no more percentage points is shown in amber, not in red.
SLIGHT_POINTS = 2.0
NOT_MISSED = (Outcome.FLAGGED, *UNCOUNTED)


class Miss(msgspec.Struct, frozen=True):
    """How many of today's legs were not flagged for one reason; ``percent`` is of the widest bar."""

    name: str
    count: int
    percent: float
    link: str
    advice: str


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the legs since midnight. ``flagged_percent``: of those that are over, never rounded up.

    ``named``: legs for which gateway and QMS answer, of which the objectives' share is; ``others``: those that are over
    without flags for another reason.
    """

    legs: int
    waiting: int
    shadow: int
    flagged: int
    flagged_percent: float | None
    named: int
    named_percent: float | None
    target_percent: float
    misses: list[Miss]
    more_misses: int
    newest_misses: list[Leg]
    to_guid: Histogram
    to_flags: Histogram

    @property
    def settled(self) -> int:
        """Return how many legs the flagged share is of."""
        return self.legs - self.waiting - self.shadow

    @property
    def others(self) -> int:
        """Return how many are over without flags though neither gateway nor QMS failed."""
        return self.settled - self.named

    @property
    def is_on_target(self) -> bool:
        """Say whether as many are flagged as the site wants, or nothing is over yet."""
        return self.flagged_percent is None or self.flagged_percent >= self.target_percent

    @property
    def is_alarming(self) -> bool:
        """Say whether the target is missed by more than chance and by more than a little.

        One call of 79 may be chance. The number that a target lets through varies from day to day by about its square
        root; twice that is no chance any more.
        """
        if self.is_on_target or self.flagged_percent is None:
            return False
        decided = self.legs - self.waiting
        allowed = decided * (100 - self.target_percent) / 100
        is_chance = decided - self.flagged <= allowed + 2 * max(allowed, 1) ** 0.5
        return not is_chance and self.target_percent - self.flagged_percent > SLIGHT_POINTS


def midnight(now: datetime) -> datetime:
    """Return when the site's day began."""
    return site_time(now).replace(hour=0, minute=0, second=0, microsecond=0)


def today(now: datetime) -> Today:
    """Sum up the day so far."""
    rows = HourlyCount.objects.filter(hour__gte=hour_of(midnight(now)), legs__gt=0)
    kinds = Counter(
        {(row[0], row[1]): row[2] for row in rows.values_list("outcome", "reason_code").annotate(Sum("legs"))}
    )
    legs, waiting, flagged = kinds.total(), kinds[(Outcome.WAITING, "")], kinds[(Outcome.FLAGGED, "")]
    shadow = kinds[(Outcome.SHADOW, "")]
    named = flagged + sum(count for kind, count in kinds.items() if kind[0] in BAD_OUTCOMES)
    missed = [(kind, count) for kind, count in kinds.most_common() if kind[0] not in NOT_MISSED]
    return Today(
        legs=legs,
        waiting=waiting,
        shadow=shadow,
        flagged=flagged,
        flagged_percent=_percent(flagged, legs - waiting - shadow),
        named=named,
        named_percent=_percent(flagged, named),
        target_percent=settings.FLAGGED_TARGET_PERCENT,
        misses=_misses(missed[:BARS]),
        more_misses=sum(count for _, count in missed[BARS:]),
        newest_misses=_newest({kind[0] for kind, _ in missed}, midnight(now)),
        to_guid=_times(Measure.GUID, now),
        to_flags=_times(Measure.FLAGS, now),
    )


def _percent(part: int, whole: int) -> float | None:
    """Return a share in tenths of a per cent, rounded down: 99.97 is not 100."""
    return part * 1000 // whole / 10 if whole else None


def _misses(missed: Sequence[tuple[tuple[str, str], int]]) -> list[Miss]:
    widest = max((count for _, count in missed), default=1)
    return [
        Miss(_name(*kind), count, count / widest * 100, legs_link(*kind), ADVICE[Outcome(kind[0])])
        for kind, count in missed
    ]


def _name(outcome: str, code: str) -> str:
    name = outcome.replace("_", " ")
    return f"{name}: {BRIEFLY.get(code, code)}" if code else name


def legs_link(outcome: str, code: str) -> str:
    """Return the address of today's legs of an outcome and reason."""
    asked = {"outcome__exact": outcome} | ({"reason": code} if code else {}) | {"when": "today"}
    return f"{reverse('admin:calls_leg_changelist')}?{urlencode(asked)}"


def _newest(outcomes: set[str], since: datetime) -> list[Leg]:
    """Return the newest misses; one look into the index for each outcome, for they may lie hours back."""
    found: list[Leg] = []
    for outcome in outcomes:
        legs = Leg.objects.filter(outcome=outcome, is_canary=False, connected_at__gte=since).order_by("-connected_at")
        found += legs.only("connected_at", "device_id", "reason")[:NEWEST]
    return sorted(found, key=attrgetter("connected_at"), reverse=True)[:NEWEST]


def _times(measure: Measure, now: datetime) -> Histogram:
    rows = HourlyLatency.objects.filter(hour__gte=hour_of(midnight(now)), measure=measure)
    counts = dict(rows.values_list("bucket_ms").annotate(Sum("legs")))
    return times({bucket: count for bucket, count in counts.items() if count > 0})


class Hour(msgspec.Struct, frozen=True):
    """An hour's legs, for a bar: the counts, and where its parts stand in a picture 100 high, from above."""

    name: str
    flagged: int
    missed: int
    waiting: int
    left: float
    flagged_top: float
    missed_top: float
    waiting_top: float

    @property
    def heights(self) -> tuple[float, float, float]:
        """How high flagged, missed and waiting are."""
        return (100 - self.flagged_top, self.flagged_top - self.missed_top, self.missed_top - self.waiting_top)


class Chart(msgspec.Struct, frozen=True):
    """The last 24 hours; ``zone``: by whose clock they are named."""

    hours: list[Hour]
    highest: int
    flagged: int
    missed: int
    waiting: int
    zone: str


def chart(now: datetime) -> Chart:
    """Draw the last 24 hours, this one included."""
    shown = hours_between(hour_of(now) - timedelta(hours=25), now + timedelta(microseconds=1))[-24:]
    counted = HourlyCount.objects.filter(hour__gte=shown[0], legs__gt=0).exclude(outcome=Outcome.SHADOW.value)
    rows = counted.values_list("hour", "outcome").annotate(Sum("legs"))
    counts: dict[datetime, Counter[str]] = {hour: Counter() for hour in shown}
    for hour, outcome, legs in rows:
        kind = outcome if outcome in NOT_MISSED else "missed"
        if hour in counts:  # A clock that was wrong may have left legs in the future.
            counts[hour][kind] += legs
    highest = max(one.total() for one in counts.values())
    hours = [_hour(hour, counts[hour], at, max(highest, 1)) for at, hour in enumerate(counts)]
    flagged, missed, waiting = (sum(getattr(one, kind) for one in hours) for kind in ("flagged", "missed", "waiting"))
    return Chart(hours, highest, flagged, missed, waiting, f"{timezone.localtime(now):%Z}")


def _hour(hour: datetime, counts: Counter[str], at: int, highest: int) -> Hour:
    flagged, missed, waiting = counts[Outcome.FLAGGED], counts["missed"], counts[Outcome.WAITING]
    tops = [round(100 - part / highest * 100, 2) for part in (flagged, flagged + missed, flagged + missed + waiting)]
    return Hour(f"{timezone.localtime(hour):%H:%M}", flagged, missed, waiting, at * 10 + 1, *tops)
