"""A Recording Service as a search worker keeps it from one look to the next."""

from datetime import datetime
from time import monotonic

import msgspec

from qms.api import read_service
from qms.models import RecordingService


class KnownService(msgspec.Struct, frozen=True):
    """A Recording Service and how far its clock is ahead of ours, in seconds, as read at a moment."""

    service: RecordingService
    offset_seconds: float
    read_at: float

    @classmethod
    def read(cls, service_id: int, now: datetime) -> "KnownService":
        """Read both. Raises ``RecordingService.DoesNotExist``."""
        service = read_service(service_id, now)
        if service is None:
            raise RecordingService.DoesNotExist
        health = getattr(service, "health", None)
        return cls(service, health.clock_offset_seconds if health else 0.0, monotonic())
