"""Ask the other Recording Services of a leg's search whether they have a recording that may be the leg's.

They may not have been compared for that time, or have been before the recording was made known.
"""

from datetime import datetime, timedelta

from calls.api import NotAssignable
from calls.models import Leg
from gateway_site.reconciliation.candidates import candidates_of
from gateway_site.reconciliation.known import as_held, compared_leg
from gateway_site.reconciliation.other_services import services_of_leg
from gateway_site.reconciliation.runs import MARGIN, TOLERANCE, listed
from qms.api import ConnectService, clock_offset_seconds
from qms.models import RecordingService
from qms.port import FlaggedRecording, QmsError


class NoLongerCertain(NotAssignable):
    """What was offered does not hold any more."""


def see_no_other_recording(leg_id: int, service_id: int, connect: ConnectService) -> None:
    """Raise ``NoLongerCertain`` where there is one, and ``NotAssignable`` where a service cannot say."""
    leg = Leg.objects.filter(pk=leg_id).first()
    others = services_of_leg(leg_id) - {service_id}
    if leg is None or not others:
        return
    known = RecordingService.objects.in_bulk(others)
    if len(known) < len(others):
        raise NotAssignable(
            "The leg's recording was sought at a Recording Service that is not set up any more, and may be there."
            " Nothing was written."
        )
    for service in sorted(known.values(), key=lambda one: one.slug):
        if _has_one(service, leg, connect):
            raise NoLongerCertain(
                f"{service} has a recording that may be this leg's as well: nothing is certain. Nothing was written."
            )


def _has_one(service: RecordingService, leg: Leg, connect: ConnectService) -> bool:
    """Say whether a service has a recording that may be a leg's and is no other leg's."""
    recordings = [one.recording for one in as_held(_listed_about(service, leg.connected_at, connect))]
    there = [one for one in recordings if one.extension == leg.device_id]
    held = set(
        Leg.objects.filter(recording_guid__in=[one.guid for one in there]).values_list("recording_guid", flat=True)
    )
    own = [compared_leg(leg)]
    return any(candidates_of(one, own, TOLERANCE) for one in there if one.guid not in held)


def _listed_about(service: RecordingService, moment: datetime, connect: ConnectService) -> list[FlaggedRecording]:
    offset = timedelta(seconds=clock_offset_seconds(service.pk))
    try:
        around = listed(connect(service), moment - MARGIN, moment + MARGIN, offset)
    except QmsError as error:
        raise NotAssignable(
            f"The recording may be at {service} instead, which could not be asked: {error}. Nothing was written."
        ) from error
    if around.unreadable:
        raise NotAssignable(
            f"{service} lists a recording of about that time that cannot be read: {around.why}. Nothing was written."
        )
    return around.recordings
