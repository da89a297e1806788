"""Count what each source holds open, for the bounds that intake and listeners keep (``cti.source_bounds``)."""

from datetime import datetime, timedelta

import structlog

from agents.models import Agent, Presence
from calls.models import Call, Leg, is_open
from cti.api import JournalUnavailable, SourceLoad, publish_load
from cti.models import CtiSource

#: An agent who was not seen for longer is not counted.
AGENT_SEEN = timedelta(days=1)

log = structlog.get_logger()


def publish_loads(now: datetime) -> None:
    """Publish the load of every enabled source; one that cannot be published now is published next time."""
    for source in CtiSource.objects.filter(enabled=True):
        try:
            publish_load(source.slug, source_load(source, now))
        except JournalUnavailable:
            log.warning("load_not_published", source=source.slug)
            return


def source_load(source: CtiSource, now: datetime) -> SourceLoad:
    """Count what a source holds open."""
    legs = Leg.objects.filter(is_open(), source=source)
    present = Presence.objects.filter(source=source, until=None)
    return SourceLoad(
        calls=Call.objects.filter(source=source).count(),
        legs=legs.count(),
        agents=Agent.objects.filter(source=source, last_seen_at__gte=now - AGENT_SEEN).count(),
        at=now.timestamp(),
        devices=max(present.count(), legs.order_by().values("device_id").distinct().count()),
    )
