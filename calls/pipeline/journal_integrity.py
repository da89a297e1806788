"""Notice a journal that lost what the database knows: Redis came back empty, or without its tail.

What was accepted and not folded may be lost then. It is named in the ledger, and the journal's ids are moved on, for
what came below the checkpoint would never be read.
"""

from datetime import datetime

import structlog
from django.conf import settings

from calls.models import Checkpoint, Gap
from cti.api import JournalState, advance_journal, entry_order, journal_state
from cti.models import CtiSource

log = structlog.get_logger()

FAILED_OVER = (
    "Redis failed over to a replica: events that were accepted in the moments before may be lost. "
    "JOURNAL_WAIT_REPLICAS=1 prevents that."
)
REASON = "Redis lost the journal, or its end: events that were accepted and not yet folded may be lost."


def check_continuity(source: CtiSource, now: datetime, checkpoint: Checkpoint) -> bool:
    """Compare a source's journal with its checkpoint. Returns False when the journal has lost something.

    Raises ``JournalUnavailable``.
    """
    state = journal_state(source.slug)
    is_whole = not _is_broken(state, checkpoint)
    if not is_whole:
        log.error("journal_lost", source=source.slug, checkpoint=checkpoint.last_id, journal=state.last_id)
        _open_gap(source, checkpoint.folded_at or now, now, REASON)
        advance_journal(source.slug, checkpoint.last_id)
    elif _is_promoted(state, checkpoint) and not settings.JOURNAL_WAIT_REPLICAS:
        is_whole = False
        log.error("journal_failed_over", source=source.slug)
        _open_gap(source, checkpoint.folded_at or now, now, FAILED_OVER)
    known = (checkpoint.incarnation, checkpoint.replication_id)
    if (state.incarnation, state.replication_id) != known:
        Checkpoint.objects.filter(source=source).update(
            incarnation=state.incarnation, replication_id=state.replication_id
        )
    return is_whole


def _open_gap(source: CtiSource, began_at: datetime, now: datetime, reason: str) -> None:
    Gap.objects.get_or_create(source=source, began_at=began_at, defaults={"ended_at": now, "reason": reason})


def _is_promoted(state: JournalState, checkpoint: Checkpoint) -> bool:
    """Say whether the server is a replica of the one that was here before: replication is asynchronous."""
    return bool(checkpoint.replication_id) and (
        state.former_replication_id == checkpoint.replication_id != state.replication_id
    )


def _is_broken(state: JournalState, checkpoint: Checkpoint) -> bool:
    is_another = bool(state.incarnation and checkpoint.incarnation and state.incarnation != checkpoint.incarnation)
    return is_another or entry_order(state.last_id) < entry_order(checkpoint.last_id)
