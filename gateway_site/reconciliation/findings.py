"""Keep what a run found: a difference that is found again is the same row, one that is no longer found is withdrawn.

What a person did holds for what was found then: a finding that is found again after its repair is open again, unless
the repair is still on its way to QMS, and one that was acknowledged raises its alarm again where it had been withdrawn,
or became another (cause, grade, flags or what QMS holds of these). A repair that was not carried out yet lapses where
its finding is withdrawn, or judged otherwise.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from calls.api import being_assigned
from flags.models import UNSETTLED, FlagWrite
from gateway_site.reconciliation.compare import NOT_FOLLOWED, WITHOUT_LEG, Finding, FindingKind, Grade
from gateway_site.reconciliation.counted import minute_of, note_read
from gateway_site.reconciliation.hearing import UNHEARD
from gateway_site.reconciliation.known import chunks
from gateway_site.reconciliation.lapsed import lapse_late, lapse_repairs
from gateway_site.reconciliation.models import HELD_HASH_LENGTH, ReconciliationFinding
from gateway_site.reconciliation.other_services import take_back_offers, withdraw_elsewhere
from qms.models import RecordingService
from qms.port import FlaggedRecording

_RENEWED = (
    "ended_at",
    "grade",
    "cause",
    "source",
    "names",
    "carried",
    "held_hash",
    "candidates",
    "is_repairable",
    "seen_at",
    "withdrawn_at",
    "leg_id",
)
#: Causes that QMS's users, and settings, of another day would have otherwise.
_BY_USERS = frozenset({NOT_FOLLOWED, *WITHOUT_LEG})


def key_of(finding: Finding) -> str:
    """Return what names a difference of its kind: the recording, or the leg that has none."""
    return finding.guid or f"leg:{finding.leg_id}"


@transaction.atomic
def keep(service: RecordingService, findings: Sequence[Finding], begin: datetime, end: datetime, now: datetime) -> None:
    """Save the findings of a span, and withdraw earlier ones that no longer hold.

    ``now``: when the comparison began to read. Of minutes that a later one has read nothing is saved: what it found,
    withdrew, or found right stays as it judged that.
    """
    later = note_read(service.pk, begin, end, now)
    findings = [one for one in findings if minute_of(one.began_at) not in later]
    lapse_late(now)
    findings = _not_judged_since(service, findings, now)
    rows = [_row(service, one, now) for one in findings]
    for part in chunks(rows):
        _open_again(service, part, now)
        ReconciliationFinding.objects.bulk_create(
            part, update_conflicts=True, unique_fields=["service", "kind", "key"], update_fields=_RENEWED
        )
    before = ReconciliationFinding.objects.filter(
        service=service, began_at__gte=begin, began_at__lt=end, withdrawn_at=None, seen_at__lt=now
    )
    lapse_repairs(list(before.filter(repaired_at__lt=now)))
    before.update(withdrawn_at=now)
    withdraw_elsewhere(service, findings, now)
    take_back_offers(service, findings)


def _not_judged_since(service: RecordingService, findings: Sequence[Finding], now: datetime) -> list[Finding]:
    since = ReconciliationFinding.objects.filter(Q(seen_at__gt=now) | Q(withdrawn_at__gt=now), service=service)
    judged: set[tuple[str, str]] = set()
    for keys in chunks([key_of(one) for one in findings]):
        judged |= set(since.filter(key__in=keys).values_list("kind", "key"))
    return [one for one in findings if (one.kind.value, key_of(one)) not in judged]


def _open_again(service: RecordingService, found: Sequence[ReconciliationFinding], now: datetime) -> None:
    """Take back what persons did about findings that did not end by it; the history keeps who did it, and when."""
    again = {(one.kind, one.key): one for one in found}
    earlier = ReconciliationFinding.objects.filter(service=service, key__in=[one.key for one in found])
    repaired = [one for one in earlier.exclude(repaired_at=None) if (one.kind, one.key) in again]
    lapse_repairs([one for one in repaired if _is_judged_otherwise(one, again[one.kind, one.key], now)])
    on_their_way = _on_their_way([one.recording_guid for one in repaired], now)
    # A repair of this moment was not seen yet: QMS's list was read before it.
    on_their_way |= {one.recording_guid for one in repaired if one.repaired_at and one.repaired_at >= now}
    for one in repaired:
        if one.recording_guid in on_their_way:
            again[one.kind, one.key].is_repairable = False
    acknowledged = [
        one.pk
        for one in earlier.exclude(acknowledged_at=None)
        if (new := again.get((one.kind, one.key))) and _is_another(one, new)
    ]
    every = ReconciliationFinding.objects
    opened = [one.pk for one in repaired if one.recording_guid not in on_their_way]
    every.filter(pk__in=opened).update(repaired_at=None, repaired_by="")
    every.filter(pk__in=acknowledged).update(acknowledged_at=None, acknowledged_by="")


def _is_judged_otherwise(repaired: ReconciliationFinding, again: ReconciliationFinding, now: datetime) -> bool:
    """Say whether a comparison that began after a repair would not offer it."""
    is_later = repaired.repaired_at is not None and repaired.repaired_at < now
    return is_later and not (again.is_repairable and again.candidates == repaired.candidates)


def _on_their_way(guids: Sequence[str], now: datetime) -> set[str]:
    """Return the recordings whose repair has not come to QMS, or had not when its list was read."""
    writes = FlagWrite.objects.filter(Q(state__in=UNSETTLED) | Q(settled_at__gte=now), recording_guid__in=guids)
    return being_assigned(guids) | set(writes.order_by().values_list("recording_guid", flat=True))


def _is_another(before: ReconciliationFinding, now: ReconciliationFinding) -> bool:
    if before.withdrawn_at is not None or _named(before) != _named(now):
        return True
    if before.held_hash and before.held_hash != now.held_hash:  # An earlier release kept none.
        return True
    return (before.cause, before.grade) != (now.cause, now.grade)


def _named(row: ReconciliationFinding) -> tuple[list[str], list[str]]:
    return sorted(row.names), sorted(row.carried)


def as_first_judged(service: RecordingService, findings: Sequence[Finding]) -> list[Finding]:
    """Keep what was said of recordings without a leg: whose extension it was is known of today's users alone.

    What was true when the recording was first compared counts; a user who was loaded since, or is gone, changes
    neither cause nor grade.
    """
    wanted = [one.guid for one in findings if one.cause in _BY_USERS]
    first: dict[str, ReconciliationFinding] = {}
    for keys in chunks(wanted):
        rows = ReconciliationFinding.objects.filter(service=service, kind=FindingKind.UNFLAGGED, key__in=keys)
        first |= {row.key: row for row in rows}
    return [_first_judged(one, first[one.guid]) if one.guid in first else one for one in findings]


def _first_judged(finding: Finding, first: ReconciliationFinding) -> Finding:
    """A gap that is known by now is a better cause than none: only what depends on users or settings stays."""
    is_by_users = NOT_FOLLOWED in (first.cause, finding.cause) and {first.cause, finding.cause} <= _BY_USERS
    if is_by_users or (first.cause in UNHEARD and finding.cause == "no_event"):
        return msgspec.structs.replace(finding, cause=first.cause, grade=Grade(first.grade), source_id=first.source_id)
    return finding


def as_found_before_erasure(
    service: RecordingService, findings: Sequence[Finding], erased: Mapping[str, FlaggedRecording]
) -> list[Finding]:
    """Keep what was found of recordings whose values were erased since, as long as QMS holds the same.

    What the gateway wrote cannot be compared any more; what it wrote then did not become right by the erasure.
    ``erased``: these recordings, by GUID.
    """
    kept: dict[str, Finding] = {}
    new = {one.guid: one.names for one in findings if one.kind is FindingKind.DIFFERENT}
    others = {one.guid for one in findings if one.kind is not FindingKind.DIFFERENT}
    for keys in chunks([guid for guid in erased if guid not in others]):
        rows = ReconciliationFinding.objects.filter(
            service=service, kind=FindingKind.DIFFERENT, grade=Grade.CRITICAL, key__in=keys, withdrawn_at=None
        )
        for row in rows:
            before = _again(row, (), erased[row.key])
            if not row.held_hash or row.held_hash == _held_hash(before):  # An earlier release kept none.
                kept[row.key] = _again(row, new.get(row.key, ()), erased[row.key])
    return [*(one for one in findings if one.kind is not FindingKind.DIFFERENT or one.guid not in kept), *kept.values()]


def _again(row: ReconciliationFinding, names: Sequence[str], one: FlaggedRecording) -> Finding:
    """Return an earlier finding with more names, and what QMS holds now."""
    named = tuple(sorted({*row.names, *names}))
    return Finding(
        kind=FindingKind(row.kind),
        grade=Grade(row.grade),
        cause=row.cause,
        extension=row.extension,
        began_at=row.began_at,
        ended_at=row.ended_at,
        guid=row.key,
        leg_id=row.leg_id,
        source_id=row.source_id,
        names=named,
        candidates=tuple(row.candidates),
        held={flag.name: flag.value for flag in one.flags if flag.name in named},
    )


def _held_hash(finding: Finding) -> str:
    """Return what shows whether QMS holds the same values as before, and not which: it needs the site's key."""
    if not (finding.names or finding.carried):
        return ""
    values = msgspec.json.encode([finding.guid, sorted(finding.held.items())])
    return salted_hmac("reconciliation.held", values, algorithm="sha256").hexdigest()[:HELD_HASH_LENGTH]


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
        carried=list(finding.carried),
        held_hash=_held_hash(finding),
        candidates=list(finding.candidates),
        is_repairable=finding.is_repairable,
        found_at=now,
        seen_at=now,
    )
