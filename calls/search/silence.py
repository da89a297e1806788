"""Searches that QMS did not answer at first: what it names after the call is over says nothing of the recording."""

from collections.abc import Sequence
from datetime import datetime

from calls.core.clocks import APART
from calls.models import Leg, RecordingSearch
from calls.storage.codec import read_leg

UNREACHABLE = "unreachable"


def note_first_answer(row: RecordingSearch) -> None:
    """Note with QMS's first answer that earlier questions had none; a search after a transfer has rules of its own."""
    if row.error and not row.attempts and not row.known_guid:
        row.why = UNREACHABLE


def is_first_answer_kept(row: RecordingSearch) -> bool:
    """Say whether ``asked_at`` stays the moment of the first question that was answered."""
    return row.why == UNREACHABLE and not row.known_guid and bool(row.attempts)


def judge_silence(rows: Sequence[RecordingSearch]) -> None:
    """Say of searches that are over without a recording whether QMS answered first when their call was over.

    QMS names a recording only while it runs: a leg that was over by then, or within a second, may have had one. Of one
    that lasted, QMS's answer counts: *none*. So it does where no end is known yet.
    """
    noted = [row for row in rows if is_first_answer_kept(row) and not row.error]
    ends = _ends([row.leg_id for row in noted])
    for row in noted:
        ended = ends.get(row.leg_id)
        was_over = ended is not None and row.asked_at is not None and ended <= row.asked_at + APART
        row.why = UNREACHABLE if was_over else "none"


def _ends(legs: Sequence[int]) -> dict[int, datetime]:
    """Return when legs ended by the gateway's clock, of those that are known to be over."""
    found = Leg.objects.filter(pk__in=legs).values_list("pk", "facts") if legs else ()
    states = [(key, read_leg(facts, "[]")) for key, facts in found if facts]
    return {key: leg.disconnected_gateway_at for key, leg in states if leg.disconnected_gateway_at is not None}
