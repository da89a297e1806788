"""Copy what the journals hold to the archive, a frame at a time; a task of beat runs it each minute."""

import re
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import structlog
from django.conf import settings

from clock.stopping import stop
from cti.archive.erasing import archives_in, erase_in, forget_archived
from cti.archive.files import ArchivedFrame, ArchiveError, SourceArchive
from cti.archive.frames import moment_of
from cti.journal.archive_status import ArchiveStatus, report_archive
from cti.journal.entry_ids import entry_order
from cti.journal.stream import JournalState, journal_state, read_journal
from cti.models import CtiSource

#: Maximum number of entries in a frame.
AT_ONCE = 2_000
#: Maximum time of one run.
SLICE = timedelta(seconds=40)
#: How long it rests after a frame, as a multiple of what that took, and at most, in seconds: at many calls a second a
#: minute's events at once would take half a processor from these calls for some seconds.
REST, MAXIMUM_REST_SECONDS = 3, 0.15

log = structlog.get_logger()


def archive_folder() -> Path:
    """Return where this machine keeps its archive."""
    return Path(settings.ARCHIVE_DIR)


def source_archive(slug: str) -> SourceArchive:
    """Return the archive of a source on this machine."""
    return SourceArchive(archive_folder() / slug)


def is_archiving() -> bool:
    """Say whether the site keeps an archive at all."""
    return settings.ARCHIVE_DAYS > 0


def erase_from_archives(text: re.Pattern[bytes]) -> int:
    """Remove every entry in which the text is found from this machine's archive; return how many.

    Raises ``ArchiveUnwritable`` and ``ArchiveBusy``; safe to repeat.
    """
    return erase_in(archive_folder(), text)


def archive_journals(now: Callable[[], datetime]) -> int:
    """Copy what is new in every journal, forget what is too old or too much, and report; return the entries copied.

    A folder that cannot be written is reported and logged, and costs no event: the journal still has it. Raises
    ``JournalUnavailable``.
    """
    until, copied, error = now() + SLICE, 0, ""
    slugs = list(CtiSource.objects.values_list("slug", flat=True)) if is_archiving() else []
    try:
        for slug in slugs:
            copied += archive_source(slug, now, until)
        forget_archived(archive_folder(), now() - timedelta(days=settings.ARCHIVE_DAYS), settings.ARCHIVE_MAX_BYTES)
    except ArchiveError as problem:
        error = str(problem)
        log.warning("archive_not_written", error=error)
    report_archive(socket.gethostname(), archive_status(slugs, now(), error))
    return copied


def archive_source(slug: str, now: Callable[[], datetime], until: datetime) -> int:
    """Copy what is new in a journal, until the given time; return how many entries.

    Raises ``ArchiveUnwritable``, ``ArchiveBusy`` and ``JournalUnavailable``; safe to repeat.
    """
    archive, copied = source_archive(slug), 0
    while now() < until and not stop.is_asked:
        began = monotonic()
        with archive.locked():  # The entries are read under the lock too: an erasure waits, and finds them here.
            position = archive.position()
            entries = read_journal(slug, position, AT_ONCE)
            if entries:
                archive.append(entries, _follows(position, journal_state(slug)), now())
        copied += len(entries)
        if len(entries) < AT_ONCE:
            break
        sleep(min(REST * (monotonic() - began), MAXIMUM_REST_SECONDS))
    return copied


def _follows(position: str, state: JournalState) -> str:
    """Return the id from which on no entry is missing: the archive's last, or where the journal was trimmed since."""
    return max(position, state.trimmed_to, key=entry_order)


def archive_status(slugs: list[str], now: datetime, error: str) -> ArchiveStatus:
    """Look how the archive of this machine stands. Raises ``JournalUnavailable``."""
    archives = archives_in(archive_folder())
    begins = [begin for archive in archives if (begin := _begin_of(archive))]
    waiting = {slug: read_journal(slug, source_archive(slug).position(), 1) for slug in slugs}
    return ArchiveStatus(
        at=now,
        size_bytes=sum(archive.size() for archive in archives),
        oldest=min(begins, default=None),
        behind={slug: moment_of(found[0].payload) or now for slug, found in waiting.items() if found},
        error=error,
    )


def _begin_of(archive: SourceArchive) -> datetime | None:
    return next((one.header.begin for one in archive.frames() if isinstance(one, ArchivedFrame)), None)
