"""Searches that were not asked, or not answered, while their call lasted: QMS's silence after it says nothing."""

from collections.abc import Sequence
from datetime import datetime

from calls.core.clocks import APART
from calls.core.state import LegState
from calls.models import Leg, RecordingSearch
from calls.storage.codec import read_leg

UNREACHABLE, LATE = "unreachable", "late"


def note_first_answer(row: RecordingSearch) -> None:
    """Note with QMS's first answer that earlier questions had none; a search after a transfer has rules of its own."""
    if row.error and not row.attempts and not row.known_guid:
        row.why = UNREACHABLE


def is_first_answer_kept(row: RecordingSearch) -> bool:
    """Say whether ``asked_at`` stays the moment of the first question that was answered."""
    return row.why == UNREACHABLE and not row.known_guid and bool(row.attempts)


def judge_silence(rows: Sequence[RecordingSearch]) -> None:
    """Say of searches that are over without a recording whether QMS was asked, and answered, while their call lasted.

    QMS names a recording only while it runs, and for some seconds after it began: a leg that was over by then, or
    within a second, may have had one. Of one that lasted, QMS's answer counts: *none*. So it does where no end is known
    yet.

    1. The first question came then, and not at once after the gateway had the event: it asked too late.
    2. Earlier questions had no answer: the service did not answer.
    """
    delayed = [row for row in rows if _is_delayed(row)]
    noted = [row for row in rows if is_first_answer_kept(row) and not row.error]
    legs = _legs({row.leg_id for row in (*delayed, *noted)})
    for row in noted:
        row.why = UNREACHABLE if _was_over(legs.get(row.leg_id), row.asked_at) else "none"
    for row in delayed:
        if _was_asked_late(row, legs.get(row.leg_id)):
            row.why = LATE


def _is_delayed(row: RecordingSearch) -> bool:
    """Say whether a leg's first search, which QMS answered with no recording, was not asked at once."""
    is_silent = row.attempts > 0 and not row.error and row.why in ("", "none", UNREACHABLE)
    is_first = row.ordinal == 1 and not row.known_guid
    asked = row.first_asked_at
    return is_silent and is_first and asked is not None and asked > row.connected_at + APART


def _was_asked_late(row: RecordingSearch, leg: LegState | None) -> bool:
    """Say whether QMS could name a recording no more, or hardly, at the first question, and the gateway was slow."""
    asked = row.first_asked_at
    if asked is None or (leg is not None and leg.received_at is not None and asked <= leg.received_at + APART):
        return False
    return asked >= row.deadline - APART or _was_over(leg, asked)


def _was_over(leg: LegState | None, asked: datetime | None) -> bool:
    """Say whether a leg is known to have been over, or within a second of its end, at a question."""
    ended = leg.disconnected_gateway_at if leg is not None else None
    return ended is not None and asked is not None and ended <= asked + APART


def _legs(keys: set[int]) -> dict[int, LegState]:
    """Return legs as the core holds them."""
    found = Leg.objects.filter(pk__in=keys).values_list("pk", "facts") if keys else ()
    return {key: read_leg(facts, "[]") for key, facts in found if facts}
