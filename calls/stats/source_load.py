"""Count what each source holds open, for the bounds that intake and listeners keep (``cti.source_bounds``)."""

from datetime import datetime, timedelta

import msgspec
import structlog

from agents.models import Agent, AgentSessionRecord
from calls.models import Call, Checkpoint, Leg, is_open
from cti.api import START, JournalUnavailable, SourceLoad, publish_load, read_journal, read_load
from cti.models import CtiSource

#: A source that folds nothing is counted again after this time, in seconds: Redis keeps the counts for a minute.
AGAIN_SECONDS = 20.0
#: An agent who was not seen for longer is not counted.
AGENT_SEEN = timedelta(days=1)

log = structlog.get_logger()


class _Accepted(msgspec.Struct, frozen=True):
    """Of an event in the journal, only its times."""

    time: datetime
    gatewaytime: datetime | None = None


def publish_loads(now: datetime) -> None:
    """Publish the load of every enabled source, unless what is published is from its latest fold and not old.

    One that cannot be published now is published next time.
    """
    for source in CtiSource.objects.filter(enabled=True).select_related("checkpoint"):
        try:
            if not _is_published(source, now):
                publish_load(source.slug, source_load(source, now))
        except JournalUnavailable:
            log.warning("load_not_published", source=source.slug)
            return


def _is_published(source: CtiSource, now: datetime) -> bool:
    """Say whether the published load still holds: nothing was folded since, and nothing waited then."""
    published, checkpoint = read_load(source.slug), _checkpoint(source)
    is_of_last_fold = checkpoint is not None and published.version == checkpoint.version
    return is_of_last_fold and now.timestamp() - published.until < AGAIN_SECONDS


def _checkpoint(source: CtiSource) -> Checkpoint | None:
    found: Checkpoint | None = getattr(source, "checkpoint", None)
    return found


def counted_until(source: CtiSource, now: datetime) -> datetime:
    """Return up to when the source's events are folded, and so counted. Raises ``JournalUnavailable``."""
    checkpoint = _checkpoint(source)
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
    checkpoint = _checkpoint(source)
    present = AgentSessionRecord.objects.filter(source=source, until=None)
    return SourceLoad(
        calls=Call.objects.filter(source=source).count(),
        legs=legs.count(),
        agents=Agent.objects.filter(source=source, last_seen_at__gte=now - AGENT_SEEN).count(),
        until=counted_until(source, now).timestamp(),
        version=checkpoint.version if checkpoint else 0,
        devices=max(present.count(), legs.order_by().values("device_id").distinct().count()),
    )
