"""Give a leg the recording that QMS holds for it alone, because a person decided it after the search had missed.

A flag can never be taken back, so all of this must hold, by the gateway's clock and whatever the sources' clocks say:

1. The leg is settled without a recording, and the recording began when the leg was connected.
2. No other leg at the extension, of any source and with any outcome, was connected about then.
3. No leg has the recording, and no flag was ever sent to it.
"""

from datetime import datetime, timedelta

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Max

from calls.core.state import LegPhase, LegState
from calls.models import ASSIGNED, Leg, RecordingSearch, SearchState
from calls.storage.codec import read_leg
from cti.api import answers_stream, wake
from flags.models import FlagWrite
from qms.port import Recording

#: Maximum difference between a leg's Connected and its recording's begin, by the gateway's clock.
TOLERANCE = timedelta(seconds=5)
#: How far a source's clock may be from the gateway's: rows are found by it, and judged by the gateway's.
MAXIMUM_CLOCK_ERROR = timedelta(hours=25)


class NotAssignable(Exception):
    """The recording cannot be given to the leg; the text says why. Another try gives the same."""


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Which recording of which Recording Service a leg gets, and who decided it."""

    leg_id: int
    service_id: int
    recording: Recording
    by: str


def assign_recording(wanted: Assignment, now: datetime) -> None:
    """Leave the decision for the consumer, which writes the leg's flags. Raises ``NotAssignable``.

    The consumer decides by the leg as it is then, so a decision that came too late changes nothing.
    """
    try:
        source_id = _leave(wanted, now)
    except IntegrityError as error:
        raise NotAssignable("Somebody else has just assigned a recording to this leg.") from error
    wake(answers_stream(source_id))


@transaction.atomic
def _leave(wanted: Assignment, now: datetime) -> int:
    leg = Leg.objects.filter(pk=wanted.leg_id).first()
    if reason := _why_not(leg, wanted):
        raise NotAssignable(reason)
    assert leg is not None
    last = RecordingSearch.objects.filter(leg_id=leg.pk).aggregate(last=Max("ordinal"))["last"] or 0
    RecordingSearch.objects.create(
        leg_id=leg.pk,
        ordinal=last + 1,
        source_id=leg.source_id,
        service_id=wanted.service_id,
        extension=leg.device_id,
        not_started_before=leg.connected_at,
        connected_at=leg.connected_at,
        deadline=now,
        next_at=now,
        state=SearchState.FOUND,
        answered_at=now,
        recording_guid=wanted.recording.guid,
        recording_started_at=wanted.recording.started_at,
        why=ASSIGNED,
        error=wanted.by[:150],
    )
    return leg.source_id


def _why_not(leg: Leg | None, wanted: Assignment) -> str:
    """Return why a leg cannot get the recording, or nothing."""
    guid = wanted.recording.guid
    if leg is None:
        return "The leg is no longer kept."
    if leg.phase != LegPhase.SETTLED.value or leg.recording_guid:
        return "The leg is not settled, or has a recording."
    if Leg.objects.filter(recording_guid=guid).exists() or FlagWrite.objects.filter(recording_guid=guid).exists():
        return "The recording belongs to another leg, or flags were sent to it."
    if RecordingSearch.objects.filter(recording_guid=guid, why=ASSIGNED, folded=False).exists():
        return "The recording was just assigned."
    return _why_doubtful(leg, wanted.recording.started_at)


def _why_doubtful(leg: Leg, began: datetime) -> str:
    """Return why the times leave a doubt whose the recording is, or nothing."""
    own = read_leg(leg.facts, leg.trace)
    if abs(own.connected_gateway_at - began) > TOLERANCE:
        return "The recording did not begin when the leg was connected, by the gateway's clock."
    about = (leg.connected_at - MAXIMUM_CLOCK_ERROR, leg.connected_at + MAXIMUM_CLOCK_ERROR)
    others = Leg.objects.filter(device_id=leg.device_id, connected_at__range=about).exclude(pk=leg.pk)
    rows = others.values_list("facts", "trace").iterator()
    if any(_was_connected(read_leg(*row), began) for row in rows):
        return "Another leg was connected at the extension about when the recording began."
    return ""


def _was_connected(leg: LegState, moment: datetime) -> bool:
    ended = leg.disconnected_gateway_at
    return leg.connected_gateway_at - TOLERANCE <= moment and (ended is None or moment <= ended + TOLERANCE)
