"""What the Flags' pages ask of the calls: a finished one for the preview, and whether a recording is of a call."""

from django.utils import timezone

from calls.core.flag_facts import leg_facts
from calls.models import Leg, has_recording
from calls.storage.codec import read_leg
from flags.catalogue.preview import PreviewCall


def find_call(reference: str) -> PreviewCall | None:
    """Return the newest leg of a call reference; without one, the newest leg that was flagged. None: there is none."""
    legs = Leg.objects.filter(call_id=reference) if reference else Leg.objects.filter(outcome="flagged")
    row = legs.order_by("-connected_at")[:1].first()
    if row is None:
        return None
    at = timezone.localtime(row.connected_at).strftime("%Y-%m-%d %H:%M:%S")
    title = f"call {row.call_id} at extension {row.device_id}, connected {at}"
    return PreviewCall(title=title, facts=leg_facts(read_leg(row.facts, row.trace)))


def is_of_a_call(guid: str) -> bool:
    """Say whether a leg holds this recording, however its GUID is spelt."""
    return Leg.objects.filter(has_recording(), recording_guid__in=(guid.lower(), guid.upper())).exists()
