"""Forget what is older than its keeping time: legs, their writes, quarantine, journal entries."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from calls.access_log import forget_views
from calls.core.state import LegPhase
from calls.export.jobs import forget_exports
from calls.models import Checkpoint, Leg, RecordingSearch
from calls.privacy.keeping import forget_old
from calls.stats.dimensions_rebuild import forget_dimensions
from calls.stats.rebuild import forget_counts
from calls.stats.searches import forget_search_counts
from cti.api import entry_order, folded_by, is_archiving, note_folded, source_archive, trim_journal
from evidence.api import forget_entries, forget_salts
from flags.api import forget_writes

log = structlog.get_logger()

#: Maximum number of legs deleted in one transaction.
AT_ONCE = 2000
#: Maximum number of legs deleted in one run; a long backlog takes several.
MAXIMUM_DELETED = 200_000


def retain(now: Callable[[], datetime]) -> None:
    """Delete settled legs older than the keeping time with all that belongs to them, and trim the journals."""
    before = now() - timedelta(days=settings.RETENTION_DAYS)
    deleted = 0
    while deleted < MAXIMUM_DELETED and (keys := _old_legs(before)):
        forget_salts(keys)  # Entries may stay for long where nothing can be sealed; no value is then found by trying.
        forget_writes(keys)
        RecordingSearch.objects.filter(leg_id__in=keys).delete()
        deleted += Leg.objects.filter(id__in=keys).delete()[0]
    forgotten = forget_old(now())
    forget_entries(before)
    forget_views(before, AT_ONCE)
    forget_counts(before)
    forget_dimensions(before, now())
    forget_search_counts(now())
    forget_exports(now())
    trim_journals(now())
    log.info("retained", legs_deleted=deleted, **{name.replace(" ", "_"): count for name, count in forgotten.items()})


def _old_legs(before: datetime) -> list[int]:
    old = Leg.objects.filter(connected_at__lt=before, phase=LegPhase.SETTLED.value)
    return list(old.order_by("connected_at").values_list("id", flat=True)[:AT_ONCE])


def trim_journals(now: datetime) -> None:
    """Drop journal entries that were folded ``JOURNAL_KEEP_HOURS`` ago; never one that is not folded.

    What the archive lacks stays for as long again, and is then dropped: a journal without end would stop the calls.
    """
    kept = timedelta(hours=settings.JOURNAL_KEEP_HOURS)
    for checkpoint in Checkpoint.objects.select_related("source"):
        slug = checkpoint.source.slug
        note_folded(slug, checkpoint.last_id, now, now - 2 * kept)
        end = min(folded_by(slug, now - kept), checkpoint.last_id, key=entry_order)
        if is_archiving():
            waited_for = max(source_archive(slug).position(), folded_by(slug, now - 2 * kept), key=entry_order)
            end = min(end, waited_for, key=entry_order)
        trim_journal(slug, end)
