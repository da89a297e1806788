"""Findings that are kept, and legs, at moments after noon."""

from datetime import UTC, datetime, timedelta

from calls.core.state import LegPhase
from calls.models import Leg
from cti.models import CtiSource
from gateway_site.reconciliation.compare import FindingKind
from gateway_site.reconciliation.models import ReconciliationFinding
from qms.models import RecordingService

PAGE = "admin:reconciliation_reconciliationfinding_change"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def found(service: RecordingService, key: str, **given: object) -> ReconciliationFinding:
    row = {"kind": FindingKind.UNFLAGGED, "grade": "major", "cause": "gap", "extension": "2001", "began_at": NOON}
    stamps = {"found_at": NOON, "seen_at": NOON, "ended_at": NOON + timedelta(seconds=30)}
    return ReconciliationFinding.objects.create(
        service=service, key=key, recording_guid=key, **{**row, **stamps, **given}
    )


def leg(number: int, begin: float, end: float, guid: str | None = None) -> Leg:
    source, _ = CtiSource.objects.get_or_create(slug="pbx", kind="http")
    times = {
        "connected_at": NOON + timedelta(seconds=begin),
        "disconnected_at": NOON + timedelta(seconds=end),
        "folded_at": NOON,
    }
    row = {"call_id": f"c{number}", "device_id": "2001", "ordinal": number, "phase": LegPhase.SETTLED.value}
    return Leg.objects.create(id=number, source=source, recording_guid=guid, queue_name="Sales", **times, **row)
