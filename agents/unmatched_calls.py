"""Today's unflagged calls per extension, caused by unmatched users; counted by ``calls``."""

from collections.abc import Iterable
from datetime import date

import msgspec
from django.db import transaction

from agents.models import CallsAtRisk


class UnmatchedCalls(msgspec.Struct, frozen=True):
    """The calls of an extension that could not be flagged because nobody was matched."""

    source_id: int
    device_id: str
    calls: int


def note_calls_at_risk(found: Iterable[UnmatchedCalls], day: date) -> None:
    """Keep the counts of a day in place of those before. Harmless when done twice; unchanged ones are not written."""
    counts = {(one.source_id, one.device_id): one.calls for one in found}
    if counts == calls_at_risk(day):
        return
    with transaction.atomic():
        CallsAtRisk.objects.all().delete()
        CallsAtRisk.objects.bulk_create(
            (
                CallsAtRisk(source_id=source, device_id=device, day=day, calls=calls)
                for (source, device), calls in counts.items()
            ),
            batch_size=500,
            update_conflicts=True,
            unique_fields=["source", "device_id"],
            update_fields=["day", "calls"],
        )


def calls_at_risk(day: date) -> dict[tuple[int, str], int]:
    """Return the calls at risk on a day by source and extension; empty for any other day than the last one counted."""
    rows = CallsAtRisk.objects.filter(day=day).values_list("source_id", "device_id", "calls")
    return {(source, device): calls for source, device, calls in rows}
