"""Count the recordings that QMS listed by minute: each is counted once, however often its time was compared."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from gateway_site.reconciliation.models import ComparedHour

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MINUTES = HOUR // MINUTE


@transaction.atomic
def note_counted(service_id: int, begin: datetime, end: datetime, began_at: Iterable[datetime]) -> None:
    """Keep how many recordings began in each minute that lies in [begin, end), in the place of what was kept."""
    moments = list(began_at)
    hour = begin.replace(minute=0, second=0, microsecond=0)
    while hour < end:
        row, _ = ComparedHour.objects.select_for_update().get_or_create(
            service_id=service_id, hour=hour, defaults={"minutes": [None] * MINUTES}
        )
        for number in range(MINUTES):
            if begin <= hour + number * MINUTE and hour + (number + 1) * MINUTE <= end:
                row.minutes[number] = 0
        for moment in moments:
            number = (moment - hour) // MINUTE
            if 0 <= number < MINUTES and row.minutes[number] is not None:
                row.minutes[number] += 1
        row.save(update_fields=["minutes"])
        hour += HOUR


def counted(service_id: int, begin: datetime, end: datetime) -> tuple[int, timedelta]:
    """Return how many recordings began in [begin, end), and of how much of that time they were counted."""
    rows = ComparedHour.objects.filter(service_id=service_id, hour__gt=begin - HOUR, hour__lt=end)
    known = [
        count
        for hour, minutes in rows.values_list("hour", "minutes")
        for number, count in enumerate(minutes)
        if count is not None and begin <= hour + number * MINUTE < end
    ]
    return sum(known), len(known) * MINUTE
