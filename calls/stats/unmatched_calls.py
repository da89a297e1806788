"""Tell the agents' page what troubled matches cost today: calls that could not be flagged, by extension."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count

from agents.api import UnmatchedCalls, note_calls_at_risk
from calls.core.outcomes import Outcome
from calls.models import Leg
from clock.text import site_time

#: What becomes of a call when its extension is matched with no QMS user.
NOT_MATCHED = (
    Outcome.USER_UNMATCHED,
    Outcome.EXTENSION_CONFLICT,
    Outcome.USER_INACTIVE,
    Outcome.USER_UNLICENSED,
)


def report_unmatched_calls(now: datetime) -> None:
    """Count the calls of today, by the site's clock, that nobody was matched with, and hand them over."""
    midnight = site_time(now).replace(hour=0, minute=0, second=0, microsecond=0)
    note_calls_at_risk(_since(midnight), midnight.date())


def _since(midnight: datetime) -> Iterator[UnmatchedCalls]:
    """Yield the counts; the index on outcome and time leads to these legs alone, however many were flagged."""
    legs = Leg.objects.filter(outcome__in=NOT_MATCHED, is_canary=False, connected_at__gte=midnight).order_by()
    for source, device, count in legs.values_list("source_id", "device_id").annotate(count=Count("id")):
        yield UnmatchedCalls(source, device, count)
