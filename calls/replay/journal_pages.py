"""The events of a period: from the archive on this machine, then from what the journal holds beyond it."""

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec.structs import replace

from cti.api import (
    START,
    ArchivedFrame,
    Entry,
    ErasedCalls,
    FrameError,
    FrameHeader,
    entries_of,
    entry_order,
    erased_in_journal,
    journal_state,
    read_journal,
    source_archive,
)
from cti.events import AnyEvent, EventError, decode

#: Maximum number of entries of the journal read at once.
AT_ONCE = 2_000


class EventPage(msgspec.Struct, frozen=True):
    """Events that follow each other. ``is_after_gap``: events before it are missing, and nobody knows which.

    ``unreadable``: how many entries are no events by today's code; ``is_erased``: some of a caller were taken out, and
    ``erased``: of which calls, as far as that is known;
    ``unfolded_from``: when the first event of the period was that the gateway has not folded yet; none follows.
    """

    events: list[AnyEvent]
    is_after_gap: bool = False
    unreadable: int = 0
    is_erased: bool = False
    erased: ErasedCalls | None = None
    unfolded_from: datetime | None = None


def pages(slug: str, begin: datetime, end: datetime, folded_to: str) -> Iterator[EventPage]:
    """Yield the events of a source in [begin, end], by the gateway's clock, that are folded.

    ``folded_to``: the last entry of the journal that the gateway has folded. Raises ``JournalUnavailable``.
    """
    for erased in erased_in_journal(slug):
        if erased.begin <= end and begin <= erased.end:
            yield EventPage([], is_erased=True, erased=erased)
    position, is_broken = START, False
    for frame in source_archive(slug).frames():
        if not isinstance(frame, ArchivedFrame):
            continue  # The chain of ids shows whether that cost anything.
        header = frame.header
        is_broken |= position not in (START, header.after)
        position = header.last
        if header.end < begin or header.begin > end:
            continue
        try:
            page = _page(entries_of(frame), begin, end, folded_to, is_after_gap=is_broken, is_erased=header.erased)
        except FrameError:
            is_broken = True
            continue
        yield replace(page, erased=_erased(header))
        if page.unfolded_from is not None:
            return  # The archive copies the journal, however far the gateway has folded it.
        is_broken = False
    yield from _live_pages(slug, position, begin, end, folded_to, is_broken=is_broken)


def _erased(header: FrameHeader) -> ErasedCalls | None:
    if not header.erased_calls and not header.erased_interactions:
        return None
    return ErasedCalls(header.begin, header.end, header.erased_calls, header.erased_interactions)


def _live_pages(
    slug: str, position: str, begin: datetime, end: datetime, folded_to: str, *, is_broken: bool
) -> Iterator[EventPage]:
    while entries := read_journal(slug, position, AT_ONCE):
        # Asked after each reading: the journal is trimmed meanwhile, and what it forgot shows no hole of itself.
        is_broken |= position != START and entry_order(position) < entry_order(journal_state(slug).trimmed_to)
        position = entries[-1].id
        page = _page(entries, begin, end, folded_to, is_after_gap=is_broken, is_erased=False)
        if page.events or page.unfolded_from is not None:
            is_broken = False
            yield page
        if page.unfolded_from is not None:
            return


def _page(
    entries: list[Entry], begin: datetime, end: datetime, folded_to: str, *, is_after_gap: bool, is_erased: bool
) -> EventPage:
    last = entry_order(folded_to)
    folded = [entry for entry in entries if entry_order(entry.id) <= last]
    page = _events(folded, begin, end, is_after_gap=is_after_gap, is_erased=is_erased)
    if len(folded) == len(entries):
        return page
    unfolded = _events(entries[len(folded) :], begin, end, is_after_gap=False, is_erased=False).events
    return replace(page, unfolded_from=unfolded[0].time) if unfolded else page


def _events(entries: list[Entry], begin: datetime, end: datetime, *, is_after_gap: bool, is_erased: bool) -> EventPage:
    events, unreadable = [], 0
    for entry in entries:
        try:
            event = decode(entry.payload)
        except EventError:
            unreadable += 1
            continue
        if begin <= event.at <= end:
            events.append(event)
    return EventPage(events, is_after_gap, unreadable, is_erased)
