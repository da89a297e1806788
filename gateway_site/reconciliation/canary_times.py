"""Which recordings a canary call made, or may have made, without the gateway's having learnt of them.

The PBX made the call and QMS recorded it, whatever of the gateway stood still then; a second Recording Service recorded
it too; or a recorder began the recording and its answer was lost. Such a recording is known by its extension and time:
it began at the test extension while the canary's call could be there, no recording of that call is known at this
service, and no other call was connected at the extension about then. A call of somebody who uses the test phone is a
call as any, and is compared.

Example: the worker lookups stands still, the canary call of 10:00:00 at 2999 is red, and QMS has a recording of 2999
that began at 10:00:02. It is the canary's.

Whether it could be recorded, and where, depends on the settings that stood when it was made: its row keeps that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.db.models import Q

from calls.core.canary import PREFIX
from calls.models import Leg
from cti.models import CanaryWay, CtiSource
from qms.models import RecordingService
from qms.port import Recording

#: Duration after which a canary's call is ended whatever becomes of it, counted from its being asked for.
_CALL = timedelta(seconds=60)
#: How long before a recording the canary's call may have been asked for.
_BEFORE = timedelta(minutes=5)

#: Calls that a recorder may have recorded: of events alone, those that one was asked to record. What an earlier release
#: made does not say it: there today's settings have to do.
_MAY_BE_RECORDED = (
    Q(may_be_recorded=True)
    | Q(way=CanaryWay.ORIGINATE)
    | ~Q(recording_guid="")
    | (Q(may_be_recorded=None) & ~Q(source__canary_recorder_api=""))
)


class _Time(msgspec.Struct, frozen=True):
    """When a call could begin at an extension."""

    extension: str
    since: datetime
    until: datetime

    def has(self, recording: Recording, tolerance: timedelta) -> bool:
        """Say whether a recording of the extension began then."""
        is_then = self.since - tolerance <= recording.started_at <= self.until + tolerance
        return is_then and recording.extension == self.extension


class _Made(msgspec.Struct, frozen=True):
    """A canary call that was made. ``services``: where it could be recorded; empty: an earlier release made it."""

    extension: str
    made_at: datetime
    ended_at: datetime | None
    source_id: int
    service_id: int | None
    recording_guid: str
    services: list[int]


def recordings_of_real_canaries(
    service: RecordingService, recordings: Sequence[Recording], tolerance: timedelta
) -> set[str]:
    """Return the GUIDs of the recordings that a real canary call made, of which no recording is known."""
    if not recordings:
        return set()
    begins = [one.started_at for one in recordings]
    first, last = min(begins) - _BEFORE, max(begins) + tolerance
    times = _of_calls(service, first, last) + _of_legs(service, first, last)
    made = [one for one in recordings if any(time.has(one, tolerance) for time in times)]
    others = _of_others({one.extension for one in made}, first, last)
    return {one.guid for one in made if not any(time.has(one, tolerance) for time in others)}


def _of_calls(service: RecordingService, first: datetime, last: datetime) -> list[_Time]:
    """Return when canary calls could be recorded at a service; not those whose recording there is known."""
    calls = service.canary_calls.model.objects.filter(_MAY_BE_RECORDED, made_at__range=(first, last)).order_by()
    todays = set(CtiSource.objects.filter(allocations__service=service).order_by().values_list("pk", flat=True))
    made = [_Made(*row) for row in calls.values_list(*_Made.__struct_fields__)]
    return [
        _Time(one.extension, one.made_at, max(one.made_at + _CALL, one.ended_at or one.made_at))
        for one in made
        if _is_unknown_at(service, one, todays)
    ]


def _is_unknown_at(service: RecordingService, call: _Made, todays: set[int]) -> bool:
    """Say whether a call may have a recording at a service that the gateway does not know. ``todays``: its sources."""
    if call.service_id == service.pk:
        return not call.recording_guid
    return service.pk in call.services if call.services else call.source_id in todays


def _of_legs(service: RecordingService, first: datetime, last: datetime) -> list[_Time]:
    """Return when canary legs without a recording here were connected: they are kept longer than canary calls."""
    legs = Leg.objects.filter(
        Q(recording_guid=None) | ~Q(service=service),
        is_canary=True,
        connected_at__range=(first, last),
        source__allocations__service=service,
    )
    # Of events alone no recording is the canary's.
    real = legs.exclude(call_id__startswith=PREFIX, recording_guid=None).order_by()
    return [_Time(extension, at, at) for extension, at in real.values_list("device_id", "connected_at")]


def _of_others(extensions: set[str], first: datetime, last: datetime) -> list[_Time]:
    """Return when other legs were connected at the extensions."""
    if not extensions:
        return []
    legs = Leg.objects.filter(is_canary=False, device_id__in=extensions, connected_at__range=(first, last))
    return [_Time(extension, at, at) for extension, at in legs.order_by().values_list("device_id", "connected_at")]
