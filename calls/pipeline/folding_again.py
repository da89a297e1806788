"""Fold events again after a restore: their flags may be in QMS already, and the answers of QMS were kept."""

from collections.abc import Iterable, Mapping

import msgspec
import structlog
from msgspec.structs import replace

from calls.core.commands import StartSearch, WriteFlags
from calls.core.unit_of_work import UnitOfWork
from calls.models import Checkpoint, RecordingSearch
from calls.search.kept_answers import FormerAnswer, recall, take_over
from calls.storage.codec import leg_key
from calls.storage.search_rows import save_open
from cti.api import START, JournalUnavailable, entry_order, remember_fold, searches_stream, writes_stream

log = structlog.get_logger()


class FoldingAgain(msgspec.Struct, frozen=True):
    """A batch that may have been folded before. ``answers``: those of QMS from then, by leg and search.

    ``all_legs``: the whole batch was folded before; otherwise only legs connected before the restore are in doubt.
    """

    checkpoint: Checkpoint
    all_legs: bool
    answers: dict[tuple[int, int], FormerAnswer] = {}

    def doubtful_legs(self, source_id: int, work: UnitOfWork) -> list[int]:
        """Return the keys of the legs whose new flag writes may be in QMS already."""
        before = self.checkpoint.read_back_before
        numbers = {one.leg for one in work.commands if isinstance(one, WriteFlags)}
        connected = {number: work.legs[number].connected_gateway_at for number in numbers}
        doubtful = [number for number, at in connected.items() if self.all_legs or (before and at <= before)]
        return [leg_key(source_id, number) for number in sorted(doubtful)]

    def answer_searches(self, source_id: int) -> None:
        """Answer the batch's new searches with the kept answers; call it in the transaction that saved them."""
        answers = {(leg_key(source_id, leg), search): found for (leg, search), found in self.answers.items()}
        rows = RecordingSearch.objects.filter(leg_id__in=[leg for leg, _ in answers])
        answered = [row for row in rows if (row.leg_id, row.ordinal) in answers]
        for row in answered:
            take_over(row, answer_to(row, answers))
        save_open(answered)


def answer_to(row: RecordingSearch, answers: Mapping[tuple[int, int], FormerAnswer]) -> FormerAnswer:
    """Return the answer to a search as it is asked now.

    When a transfer is folded in one batch with the connect before it, the search after it replaces one that has no
    answer yet. QMS's "still the same" then names the recording that the first search found at that time.
    """
    own, before = answers[(row.leg_id, row.ordinal)], answers.get((row.leg_id, row.ordinal - 1))
    if own.why != "same" or row.known_guid or before is None or not before.recording_guid:
        return own
    asked = {name: getattr(own, name) for name in ("asked_at", "first_asked_at", "answered_at", "attempts")}
    return replace(before, **asked)


def folding_again(slug: str, checkpoint: Checkpoint, work: UnitOfWork) -> FoldingAgain | None:
    """Return what may have been folded before, or None. Raises ``JournalUnavailable``."""
    if checkpoint.read_back_before is None:
        return None
    all_legs = entry_order(checkpoint.last_id) < entry_order(checkpoint.read_back_until or START)
    searches = [one for one in work.commands if isinstance(one, StartSearch)] if all_legs else []
    return FoldingAgain(checkpoint, all_legs, recall(slug, searches) if searches else {})


def note_committed(source_id: int, version: int, looking_up: Iterable[int], writing: Iterable[int]) -> None:
    """Record a committed fold in Redis, and wake the workers of the services that have got searches or flag writes.

    Without Redis both are left to the next fold, and to the workers' own looks.
    """
    streams = [*map(searches_stream, looking_up), *map(writes_stream, writing)]
    try:
        remember_fold(source_id, version, streams)
    except JournalUnavailable as error:
        log.warning("fold_not_noted", streams=streams, error=type(error).__name__)
