"""How far back the events reach that are kept: in the archives of the machines, and in the journals beyond them."""

from collections.abc import Iterator
from datetime import datetime

from cti.archive.archiver import archive_folder
from cti.archive.erasing import archives_in
from cti.archive.files import ArchivedFrame
from cti.archive.frames import moment_of
from cti.journal.archive_status import archive_reports
from cti.journal.stream import START, read_journal
from cti.models import CtiSource


def oldest_event() -> datetime | None:
    """Return the moment of the oldest event that any machine keeps; None where there is none.

    A machine's archive is known by its last report, this one's by its files. Raises ``JournalUnavailable``.
    """
    return min((*_reported(), *_archived_here(), *_in_journals()), default=None)


def _reported() -> Iterator[datetime]:
    return (report.oldest for report in archive_reports().values() if report.oldest is not None)


def _archived_here() -> Iterator[datetime]:
    """Yield when the archive of each source begins, by the header of its first frame."""
    for archive in archives_in(archive_folder()):
        first = next((one for one in archive.frames() if isinstance(one, ArchivedFrame)), None)
        if first is not None:
            yield first.header.begin


def _in_journals() -> Iterator[datetime]:
    for slug in CtiSource.objects.values_list("slug", flat=True):
        if (entries := read_journal(slug, START, 1)) and (moment := moment_of(entries[0].payload)) is not None:
            yield moment
