"""Change how legs are stored, for those to come and those that are there: compactly, or as releases up to 0.2.0 do."""

from collections.abc import Callable

from django.db import transaction

from bulk.updates import UpdateTable
from calls.core.state import LegState
from calls.models import Leg, LegStorage
from calls.storage.codec import blob_and_trace, read_leg
from calls.storage.compact import is_compact

#: Maximum number of legs that are read and rewritten in one transaction.
AT_ONCE = 500
_STORED = UpdateTable(Leg, ("facts", "trace"))


def store_new_legs(*, compact: bool) -> None:
    """Have every leg that is saved from now on stored in this way; consumers know within seconds."""
    LegStorage.objects.update_or_create(pk=1, defaults={"is_compact": compact})


def rewrite_legs(*, compact: bool, progress: Callable[[int, int], None] = lambda _done, _changed: None) -> int:
    """Store the legs that are there in this way, a bounded step at a time; return how many were not yet.

    Each step holds its legs: what the consumer saves meanwhile is neither lost nor undone.
    """
    last, done, changed = -1, 0, 0
    while keys := list(Leg.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        changed += _rewrite(keys, compact=compact)
        last, done = keys[-1], done + len(keys)
        progress(done, changed)
    return changed


def _rewrite(keys: list[int], *, compact: bool) -> int:
    with transaction.atomic():
        held = Leg.objects.select_for_update().filter(pk__in=keys).order_by("pk")
        found = [row for row in held.values_list("pk", "facts", "trace") if row[1] and is_compact(row[1]) != compact]
        legs: list[tuple[int, LegState]] = [(key, read_leg(facts, trace)) for key, facts, trace in found]
        _STORED.update([(key, *blob_and_trace(leg, compact=compact)) for key, leg in legs])
    return len(legs)
