"""How far the clocks around the gateway differ from its own; legs, recordings and claims are distinguished by time."""

from datetime import UTC, datetime

import msgspec
from django.db import connection

import clock
from qms.api import clock_offset_seconds
from qms.models import RecordingService

#: Maximum difference between two clocks, in seconds; a larger one can give a call another's time.
TOLERANCE_SECONDS = 2.0
#: Maximum difference of clocks that agree, in seconds.
AGREES_SECONDS = 0.05


class Offset(msgspec.Struct, frozen=True):
    """By how much a clock is ahead of the gateway's time; negative: behind it."""

    name: str
    seconds: float

    @property
    def is_wrong(self) -> bool:
        """Say whether it is more than drift."""
        return abs(self.seconds) > TOLERANCE_SECONDS

    def __str__(self) -> str:
        if abs(self.seconds) < AGREES_SECONDS:
            return f"{self.name} agrees"
        side = "ahead" if self.seconds > 0 else "behind"
        return f"{self.name} {abs(self.seconds):.1f} s {side}"


def offsets() -> list[Offset]:
    """Compare this machine's clock, the database's where it is a server, and that of each QMS that answered."""
    found = [Offset("this machine", (datetime.now(UTC) - clock.now()).total_seconds())]
    if connection.vendor == "postgresql":
        found.append(Offset("the database", (_database_time() - clock.now()).total_seconds()))
    services = RecordingService.objects.filter(enabled=True, health__ok_at__isnull=False)
    return found + [Offset(f"QMS {one.slug}", clock_offset_seconds(one.pk)) for one in services]


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        at: datetime = cursor.fetchone()[0]
    return at
