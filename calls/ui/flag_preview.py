"""What the Flags' pages ask of the calls: the adapter behind ``flags.call_lookup``."""

from datetime import datetime, timedelta

from calls.core.flag_facts import leg_facts
from calls.models import CallerView, CallerViewKind, Leg, has_recording
from calls.storage.codec import read_leg
from clock.text import shown
from flags.api import PreviewCall
from flags.catalogue.values import LegFacts
from qms.guids import spellings

#: A page that shows itself again, for example while a Flag is typed, is one view for this long.
ONE_VIEW = timedelta(minutes=5)


def facts_of(leg: Leg) -> LegFacts | None:
    """Return what flags are made of for a leg; None of a leg that was not saved by the consumer."""
    return leg_facts(read_leg(leg.facts, leg.trace)) if leg.facts else None


class StoredCallLookup:
    """A ``CallLookup`` over the stored legs."""

    def find_call(self, reference: str) -> PreviewCall | None:
        """Return the newest leg of a call reference, or the newest flagged leg for ""; None where there is none."""
        wanted = {"call_id": reference} if reference else {"outcome": "flagged", "is_canary": False}
        legs = Leg.objects.filter(**wanted)
        row = legs.order_by("-connected_at")[:1].first()
        if row is None:
            return None
        at = shown(row.connected_at)
        title = f"call {row.call_id} at extension {row.device_id}, connected {at}"
        return PreviewCall(title=title, facts=leg_facts(read_leg(row.facts, row.trace)), leg_id=row.pk)

    def record_view(self, user_id: int, leg_id: int, at: datetime) -> None:
        """Record that a person saw what a leg's flags carry; the same again within ``ONE_VIEW`` is one view."""
        seen = CallerView.objects.filter(user_id=user_id, kind=CallerViewKind.FLAGS, leg_id=leg_id)
        if not seen.filter(at__gt=at - ONE_VIEW).exists():
            seen.create(user_id=user_id, kind=CallerViewKind.FLAGS, leg_id=leg_id, at=at, shown=1)

    def is_recording_of_a_call(self, guid: str) -> bool:
        """Say whether a leg holds this recording, in whatever spelling."""
        return Leg.objects.filter(has_recording(), recording_guid__in=spellings(guid)).exists()
