"""Keep in the ledger of gaps when a source that posts its events was switched off: what it posts then is refused.

Its gap begins and ends with the acts of the history, whenever these are noticed: it may have been off for a second. One
that was switched without an act (in the database) has the moment at which that was noticed.

The listener of any other source reports by itself that its link ended. Nobody reports that a source is switched off for
good: its gap ends once it has been off for a day in which nothing came from it either.
"""

from datetime import datetime, timedelta

from django.contrib.admin.models import LogEntry
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from calls.models import SWITCHED_OFF, Checkpoint, Gap
from cti.models import CtiSource, IntakeToken, Scope
from cti.sources.registry import kinds_without_listener
from history.switches import switched

#: One from which nothing came for longer is not in use any more: nothing is missed.
IN_USE = timedelta(days=1)


def switched_off(now: datetime) -> QuerySet[CtiSource]:
    """Return the sources that are off, are in use, and whose gap does not stand in the ledger."""
    is_noted = Exists(Gap.objects.filter(source=OuterRef("pk"), ended_at=None, reason=SWITCHED_OFF))
    return CtiSource.objects.filter(_in_use("pk", now), ~is_noted, kind__in=kinds_without_listener(), enabled=False)


def left_out(now: datetime) -> QuerySet[CtiSource]:
    """Return the sources in use that an act of the last day switched off, of which the ledger has nothing."""
    acts = _off_acts(now).filter(object_id=Cast(OuterRef("pk"), CharField()))
    noted = Gap.objects.filter(source=OuterRef(OuterRef("pk")), began_at=OuterRef("action_time"))
    is_left_out = Exists(acts.filter(~Exists(noted)))
    return CtiSource.objects.filter(_in_use("pk", now), is_left_out, kind__in=kinds_without_listener())


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
    for source in left_out(now):
        _note_acts(source, now)
    for source in switched_off(now):
        Gap.objects.get_or_create(source=source, began_at=now, defaults={"reason": SWITCHED_OFF})
    for gap in switched_on():
        Gap.objects.filter(pk=gap.pk, ended_at=None).update(ended_at=_on_again(gap.source_id, gap.began_at) or now)
    retired(now).update(ended_at=now)


def _note_acts(source: CtiSource, now: datetime) -> None:
    """Add a gap for each act that switched a source off; one that goes on has no end."""
    for off in _off_acts(now).filter(object_id=str(source.pk)).values_list("action_time", flat=True):
        ended_at = _on_again(source.pk, off)
        Gap.objects.get_or_create(source=source, began_at=off, defaults={"reason": SWITCHED_OFF, "ended_at": ended_at})


def _off_acts(now: datetime) -> QuerySet[LogEntry]:
    return switched(CtiSource, "Enabled", on=False).filter(action_time__gt=now - IN_USE)


def _on_again(source_id: int, since: datetime) -> datetime | None:
    """Return when a source was first switched on after a moment, by the history."""
    acts = switched(CtiSource, "Enabled", on=True).filter(object_id=str(source_id), action_time__gte=since)
    return acts.order_by("action_time").values_list("action_time", flat=True).first()
