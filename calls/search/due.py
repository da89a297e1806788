"""Which Recording Services have searches due, and how their workers are woken."""

from datetime import datetime

from calls.models import RecordingSearch, SearchState
from cti.api import Wakeup


def search_wakeup(service_id: int) -> Wakeup:
    """Return the wake-up of a service's search worker."""
    return Wakeup("calls.tasks.look_up", "lookups", service_id)


def services_with_due_searches(now: datetime) -> list[int]:
    """Return the Recording Services that have questions due: what beat finds when a wake-up was lost."""
    due = RecordingSearch.objects.filter(state=SearchState.OPEN, next_at__lte=now)
    return list(due.order_by().values_list("service_id", flat=True).distinct())
