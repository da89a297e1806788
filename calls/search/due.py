"""When a Recording Service's worker has a search to ask for."""

from datetime import datetime

from django.db.models import F
from django.db.models.functions import Coalesce, Greatest

from calls.models import RecordingSearch, SearchState


def next_due(service_id: int) -> datetime | None:
    """Return when the next search of a service is due, or a dead worker's claim runs out; None: none is open."""
    is_open = RecordingSearch.objects.filter(service_id=service_id, state=SearchState.OPEN)
    free_at = Greatest(F("next_at"), Coalesce(F("claimed_until"), F("next_at")))
    return is_open.annotate(free_at=free_at).order_by("free_at").values_list("free_at", flat=True).first()
