"""Count what each source holds open, for the bounds that intake and listeners keep, and make room in full journals."""

from datetime import datetime, timedelta

import msgspec
import structlog

from bulk.statements import fetched
from calls.models import Checkpoint
from cti.api import (
    JOURNAL_BOUND,
    START,
    JournalUnavailable,
    SourceLoad,
    publish_load,
    read_journal,
    read_load,
    trim_journal,
)
from cti.models import CtiSource

#: A source that folds nothing is counted again after this time, in seconds: Redis keeps the counts for a minute.
AGAIN_SECONDS = 20.0
#: The share of its bound that a journal keeps where it would become longer, and the fewest entries that are then
#: forgotten: Redis forgets whole nodes only, of 100 entries at most.
FULL_SHARE, FEWEST_TRIMMED = 0.9, 200
#: An agent who was not seen for longer is not counted.
AGENT_SEEN = timedelta(days=1)

_COUNTS = """
SELECT (SELECT COUNT(*) FROM calls_call WHERE source_id = %s),
       (SELECT COUNT(*) FROM calls_leg WHERE phase = 'open' AND source_id = %s),
       (SELECT COUNT(DISTINCT device_id) FROM calls_leg WHERE phase = 'open' AND source_id = %s),
       (SELECT COUNT(*) FROM agents_agent WHERE source_id = %s AND last_seen_at >= %s),
       (SELECT COUNT(*) FROM agents_presence WHERE source_id = %s AND until IS NULL)
"""

log = structlog.get_logger()


class _Accepted(msgspec.Struct, frozen=True):
    """Of an event in the journal, only its times."""

    time: datetime
    gatewaytime: datetime | None = None


def publish_loads(now: datetime) -> None:
    """Publish the load of every enabled source, unless what is published is from its latest fold and not old.

    One that cannot be published now is published next time. A journal that is nearly full is shortened.
    """
    for source in CtiSource.objects.filter(enabled=True).select_related("checkpoint"):
        try:
            published, journal_length = read_load(source.slug)
            make_room(source, journal_length)
            if not _is_of_last_fold(source, published, now):
                publish_load(source.slug, source_load(source, now))
        except JournalUnavailable:
            log.warning("load_not_published", source=source.slug)
            return


def _is_of_last_fold(source: CtiSource, published: SourceLoad, now: datetime) -> bool:
    """Say whether the published load still holds: nothing was folded since, and nothing waited then."""
    checkpoint = _checkpoint(source)
    is_of_last_fold = checkpoint is not None and published.version == checkpoint.version
    return is_of_last_fold and now.timestamp() - published.until < AGAIN_SECONDS


def make_room(source: CtiSource, journal_length: int) -> None:
    """Forget the oldest folded entries of a journal that is nearly as long as it may be: they are kept for restores.

    Where none is folded, intake and listeners wait. What the archive lacks is forgotten too: it copies each minute, and
    taking new calls matters more. Raises ``JournalUnavailable``.
    """
    checkpoint, wanted = _checkpoint(source), round(FULL_SHARE * JOURNAL_BOUND.maximum)
    if checkpoint and checkpoint.last_id and journal_length > wanted:
        forgotten = trim_journal(source.slug, checkpoint.last_id, max(journal_length - wanted, FEWEST_TRIMMED))
        log.info("journal_shortened", source=source.slug, length=journal_length, forgotten=forgotten)


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
    """Count what a source holds open, by one statement. Raises ``JournalUnavailable``."""
    values = [source.pk, source.pk, source.pk, source.pk, now - AGENT_SEEN, source.pk]
    calls, legs, devices, agents, present = fetched(_COUNTS, values)[0]
    checkpoint = _checkpoint(source)
    return SourceLoad(
        calls=calls,
        legs=legs,
        agents=agents,
        until=counted_until(source, now).timestamp(),
        version=checkpoint.version if checkpoint else 0,
        devices=max(present, devices),
    )
