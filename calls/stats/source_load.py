"""Count what each source holds open, for the bounds that intake and listeners keep (``cti.source_bounds``)."""

from datetime import datetime, timedelta

import msgspec
import structlog

from agents.models import Agent, AgentSessionRecord
from calls.models import Call, Checkpoint, Leg, is_open
from cti.api import START, JournalUnavailable, SourceLoad, publish_load, read_journal
from cti.models import CtiSource

#: An agent who was not seen for longer is not counted.
AGENT_SEEN = timedelta(days=1)

log = structlog.get_logger()


class _Accepted(msgspec.Struct, frozen=True):
    """Of an event in the journal, only its times."""

    time: datetime
    gatewaytime: datetime | None = None


def publish_loads(now: datetime) -> None:
    """Publish the load of every enabled source; one that cannot be published now is published next time."""
    for source in CtiSource.objects.filter(enabled=True):
        try:
            publish_load(source.slug, source_load(source, now))
        except JournalUnavailable:
            log.warning("load_not_published", source=source.slug)
            return


def counted_until(source: CtiSource, now: datetime) -> datetime:
    """Return up to when the source's events are folded, and so counted. Raises ``JournalUnavailable``."""
    checkpoint = Checkpoint.objects.filter(source=source).first()
    waiting = read_journal(source.slug, checkpoint.last_id if checkpoint and checkpoint.last_id else START, 1)
    if not waiting:
        return now
    try:
        oldest = msgspec.json.decode(waiting[0].payload, type=_Accepted)
    except msgspec.DecodeError:  # The consumer puts it into quarantine.
        return now
    return (oldest.gatewaytime or oldest.time) - timedelta(milliseconds=1)


def source_load(source: CtiSource, now: datetime) -> SourceLoad:
    """Count what a source holds open. Raises ``JournalUnavailable``."""
    legs = Leg.objects.filter(is_open(), source=source)
    present = AgentSessionRecord.objects.filter(source=source, until=None)
    return SourceLoad(
        calls=Call.objects.filter(source=source).count(),
        legs=legs.count(),
        agents=Agent.objects.filter(source=source, last_seen_at__gte=now - AGENT_SEEN).count(),
        until=counted_until(source, now).timestamp(),
        devices=max(present.count(), legs.order_by().values("device_id").distinct().count()),
    )
