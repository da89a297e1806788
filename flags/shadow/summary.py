"""How far two gateways agree, for the page: sums of the counts by day, never of the recordings."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec
from django.db.models import Count, Min, QuerySet, Sum

from clock.text import site_time
from flags.models import ShadowComparison, ShadowCount, ShadowDifference
from flags.shadow.verdicts import WORDS, ShadowVerdict
from qms.models import RecordingService

#: How many days the page sums and shows.
DAYS = 30
#: Maximum number of examples on the page.
EXAMPLES = 50
_RESULT = ShadowComparison.ComparisonResult
#: Results that say what stands on a recording.
COMPARED = (_RESULT.SAME, _RESULT.DIFFERENT, _RESULT.NOTHING)


class Agreement(msgspec.Struct, frozen=True):
    """Recordings, or one flag's recordings: how many were compared and how many are the same."""

    name: str
    compared: int
    same: int
    differences: Sequence[tuple[str, int]] = ()
    #: Recordings that wait to be compared, on which the flag is missing there so far.
    missing: int = 0

    @property
    def percent(self) -> str:
        """Return the share that agrees, in tenths of a per cent, never rounded up."""
        return percent(self.same, self.compared)


class ShadowSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A service's shadow comparison. ``waiting``: not decided yet; ``unread``: could not be compared.

    ``lacking``: how many of those that wait lack flags there so far.
    """

    whole: Agreement
    since: date | None
    flags: Sequence[Agreement]
    days: Sequence[Agreement]
    nothing: int
    waiting: int
    unread: int
    lacking: int = 0

    @property
    def sentence(self) -> str:
        """Say what matters for the decision: the share, and what is not in it yet."""
        if not self.whole.compared:
            return f"No recording has been compared yet.{self._waits}"
        word = "recording" if self.whole.compared == 1 else "recordings"
        verb = "would carry the same flags if this gateway wrote them"
        return (
            f"Of {self.whole.compared:,} {word} since {self.since:%Y-%m-%d}, {self.whole.percent} {verb}.{self._waits}"
        )

    @property
    def _waits(self) -> str:
        """Say how many wait, and what is missing on them so far: a flag that is never written is decided late."""
        if not self.waiting:
            return ""
        counts = ", ".join(f"{one.name} on {one.missing:,}" for one in self.flags if one.missing)
        lacks = f"; on {self.lacking:,} of them flags are missing there so far ({counts})" if self.lacking else ""
        return f" {self.waiting:,} more wait to be compared and are in no share{lacks}."


def percent(part: int, whole: int) -> str:
    """Return a share in tenths of a per cent, never rounded up."""
    return f"{part * 1000 // whole / 10:.1f} %" if whole else "none"


def summary_of(service: RecordingService, now: datetime) -> ShadowSummary:
    """Sum the last days of a service."""
    waiting = ShadowComparison.objects.filter(service=service, next_look_at__isnull=False)
    noted = ShadowDifference.objects.filter(comparison__in=waiting).order_by()
    missing = dict(noted.values_list("name").annotate(Count("comparison")))
    counts = ShadowCount.objects.filter(service=service, day__gt=site_time(now).date() - timedelta(days=DAYS))
    results = dict(counts.filter(name="").order_by().values_list("verdict").annotate(Sum("recordings")))
    return ShadowSummary(
        whole=_agreement("", results),
        since=counts.aggregate(first=Min("day"))["first"],
        flags=_of_flags(_grouped(counts.exclude(name=""), "name"), missing),
        days=[_agreement(str(day), found) for day, found in _grouped(counts.filter(name=""), "day").items()],
        nothing=results.get(_RESULT.NOTHING, 0),
        waiting=waiting.count(),
        lacking=noted.values("comparison").distinct().count(),
        unread=results.get(_RESULT.GONE, 0) + results.get(_RESULT.UNREAD, 0),
    )


def examples_of(service: RecordingService, name: str = "", reason: str = "") -> Sequence[ShadowDifference]:
    """Return the newest differences of a service, of one flag or for one reason."""
    decided = ShadowDifference.objects.filter(comparison__service=service, comparison__next_look_at__isnull=True)
    rows = decided.select_related("comparison__write")
    rows = rows.filter(name=name) if name else rows
    return list((rows.filter(reason=reason) if reason else rows).order_by("-comparison__at", "-pk")[:EXAMPLES])


def _grouped(counts: "QuerySet[ShadowCount]", by: str) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for key, verdict, recordings in counts.order_by(by).values_list(by, "verdict").annotate(Sum("recordings")):
        found[key][verdict] = recordings
    return found


def _agreement(name: str, results: Mapping[str, int]) -> Agreement:
    return Agreement(name, sum(results.get(one, 0) for one in COMPARED), results.get(_RESULT.SAME, 0))


def _of_flags(verdicts: Mapping[str, Mapping[str, int]], missing: Mapping[str, int]) -> Sequence[Agreement]:
    names = sorted(verdicts.keys() | missing.keys())
    return [_of_flag(name, verdicts.get(name, {}), missing.get(name, 0)) for name in names]


def _of_flag(name: str, verdicts: Mapping[str, int], missing: int) -> Agreement:
    differences = [
        (WORDS[ShadowVerdict(one)], count) for one, count in sorted(verdicts.items()) if one != ShadowVerdict.SAME
    ]
    counted = sum(count for one, count in verdicts.items() if one != ShadowVerdict.NOT_OURS)
    return Agreement(name, counted, verdicts.get(ShadowVerdict.SAME, 0), differences, missing)
