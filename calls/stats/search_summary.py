"""What became of a Recording Service's searches lately, from their counts: no table of searches is read for it."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from django.db.models import Sum
from django.urls import reverse

from calls.core.result_events import BRIEFLY
from calls.models import RecordingSearch, SearchCount, SearchState
from calls.stats.histogram import times
from calls.stats.searches import SPAN, span_of
from clock.text import shown

LAST_HOUR, LAST_DAY = timedelta(hours=1), timedelta(hours=24)


class SearchEnds(msgspec.Struct, frozen=True):
    """How searches ended: how many by state and why, the found by their bucket, and the questions put for all."""

    kinds: Mapping[tuple[str, str], int]
    found_within: Mapping[int, int]
    questions: int

    def count(self, state: SearchState) -> int:
        """Return how many ended so."""
        return sum(count for (one, _), count in self.kinds.items() if one == state)

    @property
    def all(self) -> int:
        """How many ended."""
        return sum(self.kinds.values())


class MissedSearches(msgspec.Struct, frozen=True):
    """How many were missed for one reason, and where they are listed."""

    reason: str
    count: int
    link: str


class PeriodText(msgspec.Struct, frozen=True):
    """A stretch of time in sentences."""

    title: str
    sentences: list[str]
    missed: list[MissedSearches]


class ServiceSearches(msgspec.Struct, frozen=True):
    """What the page of a Recording Service shows about its searches."""

    now: str
    periods: list[PeriodText]
    link: str


def service_searches(service_id: int, now: datetime) -> ServiceSearches:
    """Tell of a service's searches now, in the last hour and in the last 24 hours."""
    count = open_searches(service_id)
    asked = (
        f"QMS is being asked for {_many(count, 'recording', 'recordings')} now."
        if count
        else "QMS is being asked for no recording now."
    )
    periods = [
        _period_text("The last hour", service_id, now - LAST_HOUR),
        _period_text("The last 24 hours", service_id, now - LAST_DAY),
    ]
    return ServiceSearches(asked, periods, _link(service_id))


def open_searches(service_id: int) -> int:
    """Return how many searches are open at a service: its partial index holds no others."""
    searches = RecordingSearch.objects.filter(service_id=service_id, state=SearchState.OPEN, is_canary=False)
    return searches.count()


def ends_since(service_id: int, since: datetime) -> SearchEnds:
    """Sum up the spans of a service that began after a moment; the one in which it lies is left out."""
    spans = SearchCount.objects.filter(service_id=service_id, began__gt=span_of(since)).order_by()
    rows = spans.values_list("state", "why", "bucket_ms").annotate(Sum("searches"), Sum("questions"))
    kinds: Counter[tuple[str, str]] = Counter()
    found: Counter[int] = Counter()
    questions = 0
    for state, why, bucket_ms, searches, asked in rows:
        kinds[(state, why)] += searches
        questions += asked
        if state == SearchState.FOUND:
            found[bucket_ms] += searches
    return SearchEnds(kinds, found, questions)


def _period_text(title: str, service_id: int, since: datetime) -> PeriodText:
    begin = shown(span_of(since) + SPAN)
    ends = ends_since(service_id, since)
    missed = [(why, n) for (state, why), n in ends.kinds.items() if state == SearchState.MISSED]
    rows = [
        MissedSearches(BRIEFLY.get(why, why), n, _link(service_id, why=why)) for why, n in sorted(missed, key=_most)
    ]
    return PeriodText(f"{title} (since {begin})", _sentences(ends), rows)


def _most(missed: tuple[str, int]) -> tuple[int, str]:
    return -missed[1], missed[0]


def _sentences(ends: SearchEnds) -> list[str]:
    if not ends.all:
        return ["No search ended."]
    found, missed, needless = map(ends.count, (SearchState.FOUND, SearchState.MISSED, SearchState.CANCELLED))
    unchanged = ends.count(SearchState.UNCHANGED)
    answered = f"for them QMS answered {_many(ends.questions, 'question', 'questions')}"
    periods = [f"{_many(ends.all, 'search', 'searches')} ended: {found:,} found, {missed:,} missed; {answered}."]
    if found:
        took = times(ends.found_within)
        periods.append(f"From Connected to the GUID: half of those found {took.p50}, 95 % {took.p95}.")
    if unchanged:
        periods.append(f"{unchanged:,} after a transfer: the recording was the same as before.")
    if needless:
        periods.append(f"{needless:,} ended unanswered because nobody needed the answer any more.")
    return periods


def _many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _link(service_id: int, **asked: str) -> str:
    address = reverse("admin:calls_recordingsearch_changelist")
    return f"{address}?{urlencode({'service__id__exact': service_id} | asked)}"
