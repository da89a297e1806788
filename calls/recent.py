"""A finished call for the preview of the Flags: the newest flagged leg, or one that is asked for by its reference."""

from django.utils import timezone

from calls.flagging import leg_facts
from calls.models import Leg
from calls.rows import read_leg
from flags.preview import PreviewCall


def find_call(reference: str) -> PreviewCall | None:
    """Return the newest leg of a call reference; without one, the newest leg that was flagged. None: there is none."""
    legs = Leg.objects.filter(call_id=reference) if reference else Leg.objects.filter(outcome="flagged")
    row = legs.order_by("-connected_at")[:1].first()
    if row is None:
        return None
    at = timezone.localtime(row.connected_at).strftime("%Y-%m-%d %H:%M:%S")
    title = f"call {row.call_id} at extension {row.device_id}, connected {at}"
    return PreviewCall(title=title, facts=leg_facts(read_leg(row.facts, row.trace)))
