"""Repair a finding: give the leg its recording, after looking once more that it can be no other one.

Where another gateway writes, or wrote then, nothing is repaired. Otherwise:

1. The recordings and legs around it are read again, from QMS and from the database.
2. The finding must come out the same: one leg, one recording, no flag sent, none in QMS. Where other services may have
   the leg's recording, each of them is asked, and must have none.
3. The decision is left for the consumer, which writes the leg's flags as for a recording that was found in time. Of a
   recording that we hold and whose flags QMS never took, the write is put back, and read back where it may stand.
"""

from datetime import datetime, timedelta

from calls.api import Assignment, NotAssignable, assign_recording
from flags.api import retry
from flags.models import RETRIABLE, FlagValue, FlagWrite
from gateway_site.reconciliation.compare import Finding, FindingKind, compared
from gateway_site.reconciliation.known import as_held, known_of
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.other_recordings import NoLongerCertain, see_no_other_recording
from gateway_site.reconciliation.runs import MARGIN, TOLERANCE, listed, why_never_written
from qms.api import ConnectService, clock_offset_seconds
from qms.models import RecordingService
from qms.port import Recording, RecordingServicePort, UnknownFlag


def repair(finding: ReconciliationFinding, by: str, connect: ConnectService, now: datetime) -> None:
    """Give the leg of a finding its recording. Raises ``NotAssignable`` and ``QmsError``."""
    try:
        _repair(finding, by, connect, now)
    except NoLongerCertain:
        # It is not offered again before the next comparison has judged it once more.
        ReconciliationFinding.objects.filter(pk=finding.pk).update(is_repairable=False)
        raise


def _repair(finding: ReconciliationFinding, by: str, connect: ConnectService, now: datetime) -> None:
    port = connect(finding.service)
    if reason := why_never_written(RecordingService.objects.get(pk=finding.service_id), finding.began_at):
        raise NotAssignable(f"{reason} Nothing was written.")
    again, recording = _looked_at_again(finding, port, now)
    if recording is not None and (flagged := _flags_now(finding, again)):
        # What was found holds no longer; the next comparison says what is there instead.
        ReconciliationFinding.objects.filter(pk=finding.pk).update(is_repairable=False, withdrawn_at=now)
        raise NotAssignable(f"{flagged} Nothing was written.")
    if again is not None and again.carried:
        carried = ", ".join(again.carried)
        raise NoLongerCertain(f"It carries Flags that the gateway wrote, or may have: {carried}. Nothing was written.")
    if again is None or recording is None or not again.is_repairable or list(again.candidates) != finding.candidates:
        raise NoLongerCertain("It is no longer certain that this recording belongs to this leg. Nothing was written.")
    if again.candidates:
        see_no_other_recording(again.candidates[0], finding.service_id, connect)
        _give(finding, again.candidates[0], recording, by, now)
    else:
        _see_that_flags_exist(finding.recording_guid, port)
        _send_again(finding.recording_guid, by, now)
    ReconciliationFinding.objects.filter(pk=finding.pk).update(
        repaired_at=now, repaired_by=by[:150], is_repairable=False
    )


def _flags_now(finding: ReconciliationFinding, again: Finding | None) -> str:
    """Say which flags a recording carries that had none when it was compared; empty where it is as it was found."""
    if finding.kind != FindingKind.UNFLAGGED or (again is not None and again.kind is FindingKind.UNFLAGGED):
        return ""
    names = f": {', '.join(again.names)}" if again is not None and again.names else ""
    return f"QMS holds flags on it now{names}."


def _give(finding: ReconciliationFinding, leg_id: int, recording: Recording, by: str, now: datetime) -> None:
    assign_recording(Assignment(leg_id=leg_id, service_id=finding.service_id, recording=recording, by=by), now)


def _see_that_flags_exist(guid: str, port: RecordingServicePort) -> None:
    """Raise ``NotAssignable`` where QMS would refuse the write again: it lacks a Flag. The names are those of then."""
    refused = FlagValue.objects.filter(
        write__recording_guid=guid, write__state__in=RETRIABLE, write__error_code=UnknownFlag.code
    )
    names = set(refused.values_list("name", flat=True))
    missing = sorted(names - {one.name for one in port.flag_definitions()}) if names else []
    if missing:
        listed_names = ", ".join(f"“{name}”" for name in missing)
        raise NotAssignable(
            f"QMS has no Flag {listed_names} and would refuse the write again. Create it in QMS under exactly this"
            " name, then repair. Nothing was written."
        )


def _send_again(guid: str, by: str, now: datetime) -> None:
    keys = FlagWrite.objects.filter(recording_guid=guid, state__in=RETRIABLE).values_list("pk", flat=True)
    if not retry(list(keys), by, now):
        raise NotAssignable("Its flags are being sent already.")


def _looked_at_again(
    finding: ReconciliationFinding, port: RecordingServicePort, now: datetime
) -> tuple[Finding | None, Recording | None]:
    begin, end = finding.began_at - MARGIN, finding.began_at + MARGIN
    offset = timedelta(seconds=clock_offset_seconds(finding.service_id))
    around = listed(port, begin, end, offset)
    if around.unreadable:
        raise NotAssignable(f"QMS lists a recording next to it that cannot be read: {around.why}")
    recordings = as_held(around.recordings)
    known = known_of(finding.service, begin, end, recordings, TOLERANCE, now)
    found = (one for one in compared(recordings, begin, end, known) if one.guid == finding.recording_guid)
    own = (one.recording for one in recordings if one.recording.guid == finding.recording_guid)
    return next(found, None), next(own, None)
