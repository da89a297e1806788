"""What `consume` is measured against: one Celery task for each event, which gets rows, changes them and saves them.

This is how such a gateway is written first: clear, and right for a few calls a second. It knows no order, no checkpoint
and no recording; it keeps what is known of a call and its legs, and queues the search and the flag write.
"""

from typing import Any

import django

django.setup()

from celery import Celery  # noqa: E402  (Django first: the models need it)
from django.conf import settings  # noqa: E402
from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.dateparse import parse_datetime  # noqa: E402

from calls.core.outcomes import Outcome  # noqa: E402
from calls.models import Call, Leg, RecordingSearch  # noqa: E402
from cti.models import CtiSource  # noqa: E402
from flags.models import FlagWrite  # noqa: E402
from qms.models import RecordingService  # noqa: E402

QUEUE = "bench"
#: Far from the keys that the fold gives.
FIRST_LEG = 10**12

app = Celery("baseline", broker=settings.CELERY_BROKER_URL)
app.conf.update(task_ignore_result=True, task_default_queue=QUEUE, broker_connection_retry_on_startup=True)


@app.task
def take(event: dict[str, Any]) -> None:
    """Take one event into the database."""
    with transaction.atomic():
        source = CtiSource.objects.get(slug=event["source"])
        data, now = event["data"], timezone.now()
        call, _ = Call.objects.get_or_create(
            source=source, call_id=f"base-{data['callId']}", defaults={"facts": b"", "touched_at": now}
        )
        call.touched_at = now
        call.save()
        if event["type"].endswith("Established"):
            _connected(source, call, data, parse_datetime(event["time"]) or now)
        elif event["type"].endswith("ConnectionCleared"):
            _cleared(call, data["deviceId"], now)


def _connected(source: CtiSource, call: Call, data: dict[str, Any], now: Any) -> None:
    service = RecordingService.objects.get(allocations__source=source)
    leg = Leg.objects.create(
        id=FIRST_LEG + call.pk,
        source=source,
        call_id=call.call_id,
        device_id=data["deviceId"],
        phase="open",
        caller_name=data.get("callerName", ""),
        connected_at=now,
        service=service,
        outcome=Outcome.WAITING,
        facts=b"",
        folded_at=now,
    )
    RecordingSearch.objects.create(
        leg_id=leg.pk,
        source=source,
        service=service,
        extension=leg.device_id,
        not_started_before=now,
        connected_at=now,
        deadline=now,
        next_at=now,
    )


def _cleared(call: Call, device_id: str, now: Any) -> None:
    leg = Leg.objects.filter(call_id=call.call_id, device_id=device_id).first()
    if leg is None or leg.service_id is None:
        return
    leg.phase, leg.disconnected_at = "closed", now
    leg.save()
    FlagWrite.objects.create(
        leg_id=leg.pk,
        source_id=leg.source_id,
        service_id=leg.service_id,
        recording_guid=str(leg.pk),
        part="base",
        not_before=now,
        created_at=now,
    )
