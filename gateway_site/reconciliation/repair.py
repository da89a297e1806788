"""Repair a finding: give the leg its recording, after looking once more that it can be no other one.

1. The recordings and legs around it are read again, from QMS and from the database.
2. The finding must come out the same: one leg, one recording, no flag sent, none in QMS.
3. The decision is left for the consumer, which writes the leg's flags as for a recording that was found in time.
"""

from datetime import datetime, timedelta

from calls.api import Assignment, NotAssignable, assign_recording
from gateway_site.reconciliation.compare import Finding, compared
from gateway_site.reconciliation.known import known_of
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import MARGIN, TOLERANCE, listed
from qms.api import clock_offset_seconds
from qms.port import Recording, RecordingServicePort


def repair(finding: ReconciliationFinding, by: str, port: RecordingServicePort, now: datetime) -> None:
    """Give the leg of a finding its recording. Raises ``NotAssignable`` and ``QmsError``."""
    again, recording = _looked_at_again(finding, port)
    if again is None or recording is None or not again.is_repairable or list(again.candidates) != finding.candidates:
        raise NotAssignable("It is no longer certain that this recording belongs to this leg. Nothing was written.")
    [leg_id] = again.candidates
    assign_recording(Assignment(leg_id=leg_id, service_id=finding.service_id, recording=recording, by=by), now)
    ReconciliationFinding.objects.filter(pk=finding.pk).update(
        repaired_at=now, repaired_by=by[:150], is_repairable=False
    )


def _looked_at_again(
    finding: ReconciliationFinding, port: RecordingServicePort
) -> tuple[Finding | None, Recording | None]:
    begin, end = finding.began_at - MARGIN, finding.began_at + MARGIN
    offset = timedelta(seconds=clock_offset_seconds(finding.service_id))
    around = listed(port, begin, end, offset)
    if around.unreadable:
        raise NotAssignable(f"QMS lists a recording next to it that cannot be read: {around.why}")
    recordings = around.recordings
    known = known_of(finding.service, begin, end, [one.recording.guid for one in recordings], TOLERANCE)
    found = (one for one in compared(recordings, begin, end, known) if one.guid == finding.recording_guid)
    own = (one.recording for one in recordings if one.recording.guid == finding.recording_guid)
    return next(found, None), next(own, None)
