"""When the events of legs were received that were reported too late."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from calls.models import Leg
from calls.storage.codec import read_leg


def receipts_of(legs: Sequence[int]) -> Mapping[int, datetime]:
    """Return when the intake received the Connected of legs, of those that say so, by their keys."""
    rows = Leg.objects.filter(pk__in=legs).order_by().values_list("pk", "facts")
    states = [(key, read_leg(facts, "[]")) for key, facts in rows if facts]
    return {key: leg.received_at for key, leg in states if leg.received_at is not None}
