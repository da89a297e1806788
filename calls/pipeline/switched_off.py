"""Keep in the ledger of gaps when a source that posts its events was switched off: what it posts then is refused.

The listener of any other source reports by itself that its link ended.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from calls.models import SWITCHED_OFF, Checkpoint, Gap
from cti.models import CtiSource
from cti.sources.registry import kinds_without_listener

#: One that posted nothing for longer was not in use any more as it was switched off: nothing is missed.
IN_USE = timedelta(days=1)


def switched_off(now: datetime) -> QuerySet[CtiSource]:
    """Return the sources that are off, had events within the last day, and whose gap does not stand in the ledger."""
    own = OuterRef("pk")
    # A stream id begins with its milliseconds, in 13 digits until 2286.
    since = str(int((now - IN_USE).timestamp() * 1000))
    has_events = Exists(Checkpoint.objects.filter(source=own, events__gt=0, last_id__gte=since))
    is_noted = Exists(Gap.objects.filter(source=own, ended_at=None, reason=SWITCHED_OFF))
    return CtiSource.objects.filter(has_events, ~is_noted, kind__in=kinds_without_listener(), enabled=False)


def switched_on() -> QuerySet[Gap]:
    """Return the gaps of sources that are on again."""
    return Gap.objects.filter(ended_at=None, reason=SWITCHED_OFF, source__enabled=True)


def note_switched(now: datetime) -> None:
    """Open and end the gaps of sources that were switched off or on."""
    for source in switched_off(now):
        Gap.objects.get_or_create(source=source, began_at=now, defaults={"reason": SWITCHED_OFF})
    switched_on().update(ended_at=now)
