"""Keep in the ledger of gaps when a source that posts its events was switched off: what it posts then is refused.

The listener of any other source reports by itself that its link ended. Nobody reports that a source is switched off for
good: its gap ends once it has been off for a day in which nothing came from it either.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from calls.models import SWITCHED_OFF, Checkpoint, Gap
from cti.models import CtiSource, IntakeToken, Scope
from cti.sources.registry import kinds_without_listener

#: One from which nothing came for longer is not in use any more: nothing is missed.
IN_USE = timedelta(days=1)


def switched_off(now: datetime) -> QuerySet[CtiSource]:
    """Return the sources that are off, are in use, and whose gap does not stand in the ledger."""
    is_noted = Exists(Gap.objects.filter(source=OuterRef("pk"), ended_at=None, reason=SWITCHED_OFF))
    return CtiSource.objects.filter(_in_use("pk", now), ~is_noted, kind__in=kinds_without_listener(), enabled=False)


def switched_on() -> QuerySet[Gap]:
    """Return the gaps of sources that are on again."""
    return Gap.objects.filter(ended_at=None, reason=SWITCHED_OFF, source__enabled=True)


def retired(now: datetime) -> QuerySet[Gap]:
    """Return the gaps of sources that are off and not in use any more, whatever the gap's reason."""
    is_old = Q(began_at__lte=now - IN_USE)
    return Gap.objects.filter(is_old, ~_in_use("source", now), ended_at=None, source__enabled=False)


def _in_use(source: str, now: datetime) -> Q:
    """Say that a source had events within the last day, or that its program posted some, which were refused."""
    own, since = OuterRef(source), now - IN_USE
    # A stream id begins with its milliseconds, in 13 digits until 2286.
    had_events = Checkpoint.objects.filter(source=own, events__gt=0)
    tokens = IntakeToken.objects.filter(source=own, scope=Scope.WRITE, last_used_at__gt=since)
    has_events = Exists(had_events.filter(last_id__gte=str(int(since.timestamp() * 1000))))
    return Q(has_events) | (Q(Exists(had_events)) & Q(Exists(tokens)))


def note_switched(now: datetime) -> None:
    """Open and end the gaps of sources that were switched off or on, and end those of sources that are retired."""
    for source in switched_off(now):
        Gap.objects.get_or_create(source=source, began_at=now, defaults={"reason": SWITCHED_OFF})
    switched_on().update(ended_at=now)
    retired(now).update(ended_at=now)
