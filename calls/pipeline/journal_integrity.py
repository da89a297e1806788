"""Notice a journal that lost what the database knows: Redis came back empty, or without its tail.

What was accepted and not folded may be lost then. It is named in the ledger, and the journal's ids are moved on, for
what came below the checkpoint would never be read.
"""

from datetime import datetime

import structlog

from calls.models import Checkpoint, Gap
from calls.pipeline.entry_ids import entry_order
from cti.api import JournalState, advance_journal, journal_state
from cti.models import CtiSource

log = structlog.get_logger()

REASON = "Redis lost the journal, or its end: events that were accepted and not yet folded may be lost."


def check_continuity(source: CtiSource, now: datetime) -> bool:
    """Compare a source's journal with its checkpoint. Returns False when the journal has lost something.

    Raises ``JournalUnavailable``.
    """
    state = journal_state(source.slug)
    checkpoint, _ = Checkpoint.objects.get_or_create(source=source)
    is_whole = not _is_broken(state, checkpoint)
    if not is_whole:
        log.error("journal_lost", source=source.slug, checkpoint=checkpoint.last_id, journal=state.last_id)
        Gap.objects.get_or_create(
            source=source, began_at=checkpoint.folded_at or now, defaults={"ended_at": now, "reason": REASON}
        )
        advance_journal(source.slug, checkpoint.last_id)
    if state.incarnation != checkpoint.incarnation:
        Checkpoint.objects.filter(source=source).update(incarnation=state.incarnation)
    return is_whole


def _is_broken(state: JournalState, checkpoint: Checkpoint) -> bool:
    is_another = bool(state.incarnation and checkpoint.incarnation and state.incarnation != checkpoint.incarnation)
    return is_another or entry_order(state.last_id) < entry_order(checkpoint.last_id)
