"""What stands open after the comparisons: for alarms and metrics."""

from datetime import datetime

from django.db.models import Count, Max

from gateway_site.reconciliation.compare import Grade
from gateway_site.reconciliation.models import STANDS, ReconciliationFinding, ReconciliationRun
from qms.models import RecordingService

#: The code of a Recording Service that has no list of recordings: nothing is wrong with that.
NOT_OFFERED = "NotOffered"


def open_critical(service_id: int) -> int:
    """Return how many critical findings of a service stand that no person acknowledged."""
    critical = ReconciliationFinding.objects.filter(service_id=service_id, grade=Grade.CRITICAL)
    return critical.filter(STANDS, acknowledged_at=None).count()


def why_stopped(service_id: int) -> str:
    """Return why the timetable's last comparison of a service ended; empty if it did not, or is not offered there."""
    last = ReconciliationRun.objects.filter(service_id=service_id, asked_by="").exclude(done_at=None).first()
    return last.error if last and not last.error.startswith(NOT_OFFERED) else ""


def open_by_grade() -> list[tuple[str, str, int]]:
    """Return the number of standing findings by service and grade, zeros too."""
    standing = ReconciliationFinding.objects.filter(STANDS)
    rows = standing.values_list("service__slug", "grade").annotate(n=Count("id")).order_by()
    found = {(slug, grade): n for slug, grade, n in rows}
    slugs = RecordingService.objects.filter(enabled=True).order_by("slug").values_list("slug", flat=True)
    return [(slug, grade.value, found.get((slug, grade.value), 0)) for slug in slugs for grade in Grade]


def compared_until() -> list[tuple[str, datetime]]:
    """Return up to when each service was compared without a failure."""
    done = ReconciliationRun.objects.filter(error="", service__enabled=True).exclude(done_at=None)
    return list(done.values_list("service__slug").annotate(last=Max("compared_until")).order_by("service__slug"))
