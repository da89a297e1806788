"""Keep what a run found: a difference that is found again is the same row, one that is no longer found is withdrawn."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from gateway_site.reconciliation.compare import Finding
from gateway_site.reconciliation.known import chunks
from gateway_site.reconciliation.models import ReconciliationFinding
from qms.models import RecordingService

_RENEWED = ("grade", "cause", "source", "names", "candidates", "is_repairable", "seen_at", "withdrawn_at", "leg_id")


def key_of(finding: Finding) -> str:
    """Return what names a difference of its kind: the recording, or the leg that has none."""
    return finding.guid or f"leg:{finding.leg_id}"


@transaction.atomic
def keep(service: RecordingService, findings: Sequence[Finding], begin: datetime, end: datetime, now: datetime) -> None:
    """Save the findings of a span, and withdraw earlier ones that no longer hold."""
    rows = [_row(service, one, now) for one in findings]
    for part in chunks(rows):
        ReconciliationFinding.objects.bulk_create(
            part, update_conflicts=True, unique_fields=["service", "kind", "key"], update_fields=_RENEWED
        )
    before = ReconciliationFinding.objects.filter(
        service=service, began_at__gte=begin, began_at__lt=end, withdrawn_at=None, seen_at__lt=now
    )
    before.update(withdrawn_at=now)


def _row(service: RecordingService, finding: Finding, now: datetime) -> ReconciliationFinding:
    return ReconciliationFinding(
        service=service,
        kind=finding.kind.value,
        key=key_of(finding),
        grade=finding.grade.value,
        cause=finding.cause[:40],
        source_id=finding.source_id,
        extension=finding.extension,
        began_at=finding.began_at,
        recording_guid=finding.guid,
        leg_id=finding.leg_id,
        names=list(finding.names),
        candidates=list(finding.candidates),
        is_repairable=finding.is_repairable,
        found_at=now,
        seen_at=now,
    )
