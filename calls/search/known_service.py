"""A Recording Service as a search worker keeps it from one look to the next."""

from time import monotonic

import msgspec

from qms import api as qms_api
from qms.models import RecordingService


class KnownService(msgspec.Struct, frozen=True):
    """A Recording Service and how far its clock is ahead of ours, in seconds, as read at a moment."""

    service: RecordingService
    offset_seconds: float
    read_at: float

    @classmethod
    def read(cls, service_id: int) -> "KnownService":
        """Read both. Raises ``RecordingService.DoesNotExist``."""
        service = RecordingService.objects.get(pk=service_id)
        return cls(service, qms_api.clock_offset_seconds(service_id), monotonic())
