"""Let a person's decision lapse that nobody carried out at once: by then the recording may carry another's flags.

QMS was read before the decision and is not read again when the consumer takes it. So the consumer takes none that is
older than ``CARRIED_OUT_WITHIN``, and none that has lapsed: a comparison has judged the recording otherwise since.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.db.models import QuerySet

from calls.models import ASSIGNED, RecordingSearch, SearchState

#: Maximum time from a person's decision to the fold that takes it.
CARRIED_OUT_WITHIN = timedelta(minutes=10)
#: Maximum number of legs of one query.
AT_ONCE = 500


class LapsedDecision(msgspec.Struct, frozen=True):
    """A decision that was not carried out: who made it, and when."""

    by: str
    at: datetime


def lapse(leg_ids: Sequence[int]) -> set[int]:
    """Let the decisions about legs lapse that are not folded yet; return these legs.

    A fold that has read one at this moment, and is not committed, rolls back (``mark_folded``).
    """
    waiting = _decisions().filter(folded=False, state=SearchState.FOUND)
    return {
        leg_id
        for first in range(0, len(leg_ids), AT_ONCE)
        for key, leg_id in waiting.filter(leg_id__in=leg_ids[first : first + AT_ONCE]).values_list("pk", "leg_id")
        if waiting.filter(pk=key).update(state=SearchState.CANCELLED)
    }


def lapsed_decision(leg_ids: Sequence[int], guid: str) -> LapsedDecision | None:
    """Return the last decision to give a recording to one of these legs, if it has lapsed."""
    last = _decisions().filter(leg_id__in=leg_ids, recording_guid=guid).order_by("-answered_at", "-pk").first()
    if last is None or last.state != SearchState.CANCELLED:
        return None
    return LapsedDecision(last.error, last.answered_at or last.deadline)


def _decisions() -> QuerySet[RecordingSearch]:
    return RecordingSearch.objects.filter(why=ASSIGNED)
