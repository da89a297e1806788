"""Flag writes that must be read back before they are sent: the database may have forgotten that they were.

After a restore, or a fail-over that lost the newest transactions, a write that stands as queued may long be in QMS.
"""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from flags.models import FlagWrite, WriteState

#: Writes put in doubt by one statement.
AT_ONCE = 20_000


def put_in_doubt(now: datetime) -> int:
    """Have every write that may have been sent since then read back before it is sent; return how many.

    So are those that were unclear, or being sent, already: they may have been sent once more, and what was read then
    says nothing now. Harmless when repeated.
    """
    is_known = Q(state=WriteState.UNCLEAR, unclear_since__gte=now)
    is_sent = Q(state=WriteState.SENDING, claimed_until__lte=now)
    doubtful = FlagWrite.objects.filter(Q(state__in=(WriteState.QUEUED, WriteState.UNCLEAR)) | is_sent).exclude(
        is_known
    )
    last, count = 0, 0
    while keys := list(doubtful.filter(id__gt=last).order_by("id").values_list("id", flat=True)[:AT_ONCE]):
        count += _doubt(doubtful.filter(id__in=keys), now)
        last = keys[-1]
    return count


def put_legs_in_doubt(leg_ids: Collection[int], now: datetime) -> None:
    """Have the queued writes of some legs, made again by a fold, read back before they are sent.

    What was decided before the database went back may have been other flags: where QMS holds a part of a write's, the
    rest is never sent. Belongs into the caller's transaction.
    """
    if leg_ids:
        _doubt(FlagWrite.objects.filter(state=WriteState.QUEUED, leg_id__in=leg_ids), now, is_made_again=True)


def _doubt(writes: "QuerySet[FlagWrite]", now: datetime, **marks: bool) -> int:
    """Take the writes from whoever has them, too: what that delivery comes to is no longer noted."""
    free = {"claim": None, "claimed_until": None}
    return writes.update(state=WriteState.UNCLEAR, unclear_since=now, missing_at=None, **free, **marks)
