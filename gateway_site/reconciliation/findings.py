"""Keep what a run found: a difference that is found again is the same row, one that is no longer found is withdrawn."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db import transaction

from gateway_site.reconciliation.compare import Finding, FindingKind, Grade
from gateway_site.reconciliation.known import chunks
from gateway_site.reconciliation.models import ReconciliationFinding
from qms.models import RecordingService

_RENEWED = (
    "ended_at",
    "grade",
    "cause",
    "source",
    "names",
    "candidates",
    "is_repairable",
    "seen_at",
    "withdrawn_at",
    "leg_id",
)


#: The cause of a recording at an extension of no QMS user; and all that say why a recording has no leg.
NOT_FOLLOWED = "extension_not_followed"
_BY_USERS = frozenset({NOT_FOLLOWED, "no_event", "gap"})


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


def as_first_judged(service: RecordingService, findings: Sequence[Finding]) -> list[Finding]:
    """Keep what was said of recordings without a leg: whose extension it was is known of today's users alone.

    What was true when the recording was first compared counts; a user who was loaded since, or is gone, changes
    neither cause nor grade.
    """
    wanted = [one.guid for one in findings if one.cause in _BY_USERS]
    first: dict[str, tuple[str, str]] = {}
    for keys in chunks(wanted):
        rows = ReconciliationFinding.objects.filter(service=service, kind=FindingKind.UNFLAGGED, key__in=keys)
        first |= {key: (cause, grade) for key, cause, grade in rows.values_list("key", "cause", "grade")}
    return [_first_judged(one, *first.get(one.guid, (one.cause, one.grade.value))) for one in findings]


def _first_judged(finding: Finding, cause: str, grade: str) -> Finding:
    """A gap that is known by now is a better cause than none: only what depends on the users stays."""
    if NOT_FOLLOWED not in (cause, finding.cause) or not {cause, finding.cause} <= _BY_USERS:
        return finding
    return msgspec.structs.replace(finding, cause=cause, grade=Grade(grade))


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
        ended_at=finding.ended_at,
        recording_guid=finding.guid,
        leg_id=finding.leg_id,
        names=list(finding.names),
        candidates=list(finding.candidates),
        is_repairable=finding.is_repairable,
        found_at=now,
        seen_at=now,
    )
