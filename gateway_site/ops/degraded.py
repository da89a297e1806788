"""What is wrong although events are taken: for ``/health/ready`` and the alarms, in the dashboard's own sentences."""

from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import F

from agents.models import QmsUser, UserRefresh
from cti.api import JournalError, refused_lately
from cti.models import CtiSource
from flags.models import UNSETTLED, FlagWrite, state_is_one_of
from gateway_site.ops.alerts import alert_part
from gateway_site.ops.health_parts import HealthPart, health
from gateway_site.ops.probes import VITAL
from qms.models import RecordingService

#: Minimum time since its leg's end after which a waiting flag write is reported.
WAITS_LONG = timedelta(minutes=1)
#: Counting ends here: a million may wait for a service that is away.
MAXIMUM_COUNTED = 1000
#: How long a rate must have been beyond its bound to be reported: programs and PBXs are held back in passing, too.
LASTING = timedelta(minutes=1)


def degraded_parts(now: datetime) -> list[HealthPart]:
    """Return what is not well, each with its sentence; what ``/health/ready`` refuses by itself is left out.

    Raises ``DatabaseError``.
    """
    found = [*health(now), waiting_writes(now), *users_not_loaded(), *full_sources(), alert_part()]
    return [part for part in found if not part.ok and part.kind not in VITAL]


def degraded(now: datetime) -> list[str]:
    """Return a sentence for each part that is not well; a database that fails is reported elsewhere."""
    try:
        return [f"{part.name}: {part.text}" for part in degraded_parts(now)]
    except DatabaseError as error:
        return [f"The state of the parts cannot be read: {type(error).__name__}"]


def waiting_writes(now: datetime) -> HealthPart:
    """Say how many flag writes have waited for their Recording Service for long."""
    late = FlagWrite.objects.filter(state_is_one_of(UNSETTLED), is_canary=False, created_at__lt=now - WAITS_LONG)
    count = late.order_by()[: MAXIMUM_COUNTED + 1].count()
    if not count:
        return HealthPart("Waiting flag writes", True, "None has waited longer than a minute.", kind="waiting")
    shown = f"More than {MAXIMUM_COUNTED:,}" if count > MAXIMUM_COUNTED else f"{count:,}"
    text = f"{shown} {'has' if count == 1 else 'have'} waited longer than a minute."
    return HealthPart("Waiting flag writes", False, text, kind="waiting")


def full_sources() -> list[HealthPart]:
    """Say which sources were beyond one of their bounds within the last ten minutes; of rates, for long only."""
    try:
        slugs = list(CtiSource.objects.filter(enabled=True).order_by("slug").values_list("slug", flat=True))
        found = [(slug, one) for slug in slugs for one in refused_lately(slug)]
    except JournalError:
        return []  # Redis is reported elsewhere.
    return [
        HealthPart(f"Source {slug}", False, f"{one.bound.reached()} {one.bound.remedy}", kind="bound")
        for slug, one in found
        if not one.bound.is_rate or one.last - one.since >= LASTING
    ]


def users_not_loaded() -> list[HealthPart]:
    """Say which enabled services have no users, and why if their last load failed."""
    loaded = QmsUser.objects.filter(gone_at=None).values_list("service_id", flat=True).distinct()
    missing = RecordingService.objects.filter(enabled=True).exclude(pk__in=loaded)
    return [HealthPart(f"QMS users of {one}", False, _why(one), kind="users") for one in missing]


def _why(service: RecordingService) -> str:
    last = UserRefresh.objects.filter(service=service).exclude(error="").order_by(F("id").desc()).first()
    return f"None was ever loaded: no call there can be flagged. {last.error if last else ''}".strip()
