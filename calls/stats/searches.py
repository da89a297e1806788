"""Count how the searches of each Recording Service end, by spans of five minutes: what its page shows is a sum of them.

A search is counted where its end is folded, in the consumer's transaction: that happens once, whatever dies or repeats,
and the rows are the source's own, so that no consumer waits for another's.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from bulk.tables import Upsert, UpsertTable, upsert_all
from calls.models import SearchCount, SearchState, ended_as
from calls.stats.hourly import bucket_of
from calls.storage.codec import MAXIMUM_MS
from calls.storage.search_rows import RecordedSearch

#: Length of the period of one count.
SPAN = timedelta(minutes=5)
#: Pages tell of a day; what is older is for whoever asks a week later.
KEPT = timedelta(days=8)
_KEY = ("service", "began", "source", "state", "why", "bucket_ms")
_COUNTS = UpsertTable(SearchCount, (*_KEY, "searches", "questions"), _KEY, ["searches", "questions"])


class EndedSearch(msgspec.Struct, frozen=True):
    """How a search ended: what it counts for, and how many questions QMS answered."""

    service: int
    began: datetime
    state: str
    why: str
    bucket_ms: int
    questions: int


def span_of(moment: datetime) -> datetime:
    """Return when the five minutes of a moment began."""
    utc = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return utc - timedelta(minutes=utc.minute % 5)


def ended(row: RecordedSearch) -> EndedSearch:
    """Return what a search counts for that was found or missed: at the service that answered, or was asked last."""
    at = row.answered_at or row.deadline
    state = ended_as(row.state, row.known_guid, row.why)
    took = _bucket(row.connected_at, at) if state is SearchState.FOUND else 0
    why = row.why if state is SearchState.MISSED else ""
    return EndedSearch(row.service_id, span_of(at), state.value, why, took, row.attempts)


def cancelled(service_id: int, questions: int, now: datetime) -> EndedSearch:
    """Return what a search counts for that is no longer needed."""
    return EndedSearch(service_id, span_of(now), SearchState.CANCELLED.value, "", 0, questions)


def count_searches(source_id: int, ends: Sequence[EndedSearch]) -> None:
    """Add searches that ended; in the transaction that folds them, and each once."""
    upsert_all([search_counts(source_id, ends)])


def search_counts(source_id: int, ends: Sequence[EndedSearch]) -> Upsert:
    """Return what ``count_searches`` adds, for who writes it with other tables."""
    searches: Counter[tuple[int, datetime, int, str, str, int]] = Counter()
    questions: Counter[tuple[int, datetime, int, str, str, int]] = Counter()
    for one in ends:
        key = (one.service, one.began, source_id, one.state, one.why, one.bucket_ms)
        searches[key] += 1
        questions[key] += one.questions
    return _COUNTS.of([(*key, searches[key], questions[key]) for key in sorted(searches)])


def forget_search_counts(now: datetime) -> None:
    """Drop what nobody is shown any more."""
    SearchCount.objects.filter(began__lt=span_of(now) - KEPT).delete()


def _bucket(begin: datetime, end: datetime) -> int:
    """Return the bucket of the time between, which is never below nothing."""
    return bucket_of(min(max(round((end - begin).total_seconds() * 1000), 0), MAXIMUM_MS))
